/* contenders.c - the table of all contenders, and the way from one to pools or Python. */
#include "compare/contenders/contenders.h"

#include "compare/contenders/pools.h"
#include "compare/contenders/python.h"
#include "list.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

static const struct contender all[CONTENDERS_N] = {
    [C_SERIAL] = { .language = "c", .engine = "serial", .kind = "serial" },
    [C_THREADS] = { .language = "c", .engine = "threads", .kind = "threads" },
    [C_PROCESSES] = { .language = "c", .engine = "processes", .kind = "processes" },
    [C_READY] = { .language = "c", .engine = "processes-ready", .kind = "processes", .is_ready = true },
    [PYTHON_SERIAL] = { .language = "python", .engine = "serial", .kind = "serial" },
    [PYTHON_THREADS] = { .language = "python", .engine = "threads", .kind = "threads" },
    [PYTHON_PROCESSES] = { .language = "python", .engine = "processes", .kind = "processes" },
};

const char *contenders_engine(size_t i)
{
    return i < PYTHON_SERIAL ? all[i].engine : NULL;    /* the other languages have no more */
}

int contenders_choose(const char *engines, struct contender ret_contenders[CONTENDERS_N])
{
    const char *names[PYTHON_SERIAL];
    bool chosen[PYTHON_SERIAL];
    for (size_t i = 0; i < PYTHON_SERIAL; i++)
        names[i] = contenders_engine(i);
    int status = list_choose("--engines", engines, names, PYTHON_SERIAL, chosen);
    if (status != SAY_OK)
        return status;
    memcpy(ret_contenders, all, sizeof all);
    for (int i = 0; i < CONTENDERS_N; i++)
        for (int k = 0; k < PYTHON_SERIAL; k++)
            if (strcmp(names[k], all[i].engine) == 0)
                ret_contenders[i].is_left_out = !chosen[k];
    return SAY_OK;
}

void contenders_set_python(struct contender contenders[CONTENDERS_N], const struct python *python, const char *why)
{
    for (int i = PYTHON_SERIAL; i < CONTENDERS_N; i++) {
        contenders[i].python = python;
        contenders[i].is_left_out = contenders[i].is_left_out || !python;
        snprintf(contenders[i].why, sizeof contenders[i].why, "%s", python ? "" : why);
    }
}

void contenders_try(struct contender contenders[CONTENDERS_N], uint32_t workers)
{
    for (int i = 0; i < PYTHON_SERIAL; i++) {
        struct contender *c = &contenders[i];
        if (c->is_left_out || pools_try(c, workers) == 0)
            continue;
        c->is_missing = true;
        (void)say_error(SAY_MISSING, "goes on without %s: %s", c->engine, c->why);
    }
}

bool contender_can(const struct contender *c, const struct work *work)
{
    return contender_is_in(c) && (work->is_in_python || strcmp(c->language, "c") == 0);
}

int contender_begin(struct contender *c, const struct work *work, const struct setup *setup)
{
    return c->is_ready ? pools_open(c, work_workers(work, setup), &c->pool) : SAY_OK;
}

void contender_end(struct contender *c)
{
    (void)prong_pool_close(c->pool, PRONG_NEVER);
    c->pool = NULL;
}

int contender_run(const struct contender *c, const struct work *work, const struct setup *setup, struct outcome *ret_outcome)
{
    *ret_outcome = (struct outcome){ 0 };
    return c->python ? python_run(c->python, c->kind, work, setup, ret_outcome) : pools_run(c, work, setup, ret_outcome);
}
