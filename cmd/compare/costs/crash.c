/* crash.c - a program hands a hundred runs to a pool, one of which aborts, waits for all, then tells how many came back.
 *
 * One that died before it could tell has brought nothing home: it lost them all. */
#include "compare/costs/crash.h"

#include "compare/contenders/python.h"
#include "compare/costs/trial.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { RUNS = 100, CRASHES = 50, ROUNDS = 3, WORKERS = 2 };     /* few rounds: it is no time, and should not vary */

/* ---- the program that is tried ------------------------------------------------------------------------------------------- */

static int maybe_crash(void *record)
{
    const uint32_t *number = record;
    if (*number == CRASHES) {
        (void)prctl(PR_SET_DUMPABLE, 0);        /* no core, also where a program gathers them whatever the limit */
        abort();
    }
    return 0;
}

static uint32_t count_those_back(prong_pool *pool)
{
    prong_future *runs[RUNS] = { NULL };
    uint32_t n = 0;
    for (uint32_t i = 0; i < RUNS; i++)
        if (prong_submit(pool, maybe_crash, &i, sizeof i, NULL, &runs[i]) < 0)
            runs[i] = NULL;
    for (uint32_t i = 0; i < RUNS; i++) {
        n += runs[i] && prong_wait(runs[i], PRONG_NEVER, NULL) == 0;
        prong_future_free(runs[i]);
    }
    return n;
}

int crash_trial(const char *engine)
{
    prong_pool *pool;
    uint32_t workers = strcmp(engine, "serial") == 0 ? 1 : WORKERS;
    if (prong_pool_open(&(prong_pool_opts){ .engine = engine, .workers = workers }, &pool) < 0) {
        trial_say_why(prong_last_error());
        return SAY_MISSING;
    }
    uint32_t n = count_those_back(pool);
    (void)prong_pool_close(pool, PRONG_NEVER);
    printf("%u\n", n);
    return SAY_OK;
}

/* ---- the cost ------------------------------------------------------------------------------------------------------------ */

static int take(const struct way *way, double *ret_lost, char ret_why[WHY_SIZE])
{
    char line[TRIAL_LINE];
    unsigned n = 0;
    int r = trial_run("crash", way->engine, line, ret_why);
    if (r < 0)
        return r;
    if (line[0] != '\0' && (sscanf(line, "%u", &n) != 1 || n > RUNS)) {
        snprintf(ret_why, WHY_SIZE, "the trial said '%.80s'", line);
        return -1;
    }
    *ret_lost = RUNS - (double)n;
    return 0;
}

static int take_in_python(const struct way *way, double *ret_lost, char ret_why[WHY_SIZE])
{
    return python_crash(way->python, way->engine, ret_lost, ret_why, WHY_SIZE) == SAY_OK ? 0 : -1;
}

static void add(struct series *series, const struct contender *c, way_fn *way)
{
    if (!contender_is_in(c))
        return;
    series_add(series, c->engine, way);
    series->way[series->n - 1].python = c->python;
}

int crash_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs)
{
    struct series of_c = { .cost = "crash", .unit = "runs", .doing = "crashing one run of a hundred", .rounds = ROUNDS };
    struct series of_python = of_c;
    of_python.language = "python";
    of_python.doing = "crashing one run of a hundred in Python";
    add(&of_c, &contenders[C_SERIAL], take);
    add(&of_c, &contenders[C_THREADS], take);
    add(&of_c, &contenders[C_PROCESSES], take);
    add(&of_python, &contenders[PYTHON_THREADS], take_in_python);
    add(&of_python, &contenders[PYTHON_PROCESSES], take_in_python);
    int status = of_c.n ? series_measure(&of_c, costs) : SAY_OK;
    return status == SAY_OK && of_python.n ? series_measure(&of_python, costs) : status;
}
