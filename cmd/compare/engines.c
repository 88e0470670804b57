/* engines.c - pools and solos of the library, with a clock around them. */
#include "compare/engines.h"

#include "compare/measure.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

static const struct engine all[ENGINES_N] = {
    [ENGINES_SERIAL] = { .name = "serial", .kind = "serial" },
    [ENGINES_THREADS] = { .name = "threads", .kind = "threads" },
    [ENGINES_PROCESSES] = { .name = "processes", .kind = "processes" },
    [ENGINES_READY] = { .name = "processes-ready", .kind = "processes", .is_ready = true },
};

static int open_pool(const struct engine *engine, prong_pool **ret_pool)
{
    return prong_pool_open(&(prong_pool_opts){ .engine = engine->kind, .workers = engine->workers }, ret_pool);
}

static int do_nothing(void *record)
{
    (void)record;
    return 0;
}

static void mark_missing(struct engine *engine, const char *why)
{
    engine->is_missing = true;
    snprintf(engine->why, sizeof engine->why, "%s", why);
    (void)say_error(SAY_MISSING, "goes on without %s: %s", engine->name, why);
}

/* An engine is there if it opens and runs a task. */
static void try(struct engine *engine)
{
    prong_pool *pool;
    prong_error end;
    char record = 0;
    if (open_pool(engine, &pool) < 0) {
        mark_missing(engine, prong_last_error());
        return;
    }
    int r = prong_map(pool, do_nothing, &record, 1, sizeof record, NULL, &end);
    if (r != 0)
        mark_missing(engine, r < 0 ? prong_last_error() : end.text);
    if (r == 0 && engine->is_ready)
        engine->pool = pool;
    else
        (void)prong_pool_close(pool, PRONG_NEVER);
}

void engines_open(struct engine ret_engines[ENGINES_N], uint32_t workers)
{
    memcpy(ret_engines, all, sizeof all);
    for (int i = 0; i < ENGINES_N; i++) {
        ret_engines[i].workers = i == ENGINES_SERIAL ? 1 : workers;
        try(&ret_engines[i]);
    }
}

void engines_close(struct engine engines[ENGINES_N])
{
    for (int i = 0; i < ENGINES_N; i++)
        (void)prong_pool_close(engines[i].pool, PRONG_NEVER);
}

int engines_run(const struct engine *engine, const struct work *work, const struct plan *plan, struct figures *ret_figures,
                double *ret_seconds)
{
    prong_pool *pool = engine->pool;
    *ret_figures = (struct figures){ 0 };
    double start = measure_now();
    if (!pool && open_pool(engine, &pool) < 0)
        return say_error(SAY_MISSING, "%s, in opening %s", prong_last_error(), engine->name);
    int status = work->run(pool, plan, ret_figures);
    if (!engine->pool && prong_pool_close(pool, PRONG_NEVER) < 0 && status == SAY_OK)
        status = say_error(SAY_MISSING, "%s, in closing %s", prong_last_error(), engine->name);
    *ret_seconds = measure_now() - start;
    return status;
}

int engines_start_join(const struct engine *engine, double *ret_seconds)
{
    prong_error end;
    prong_solo *solo;
    double start = measure_now();
    if (prong_solo_start(&(prong_pool_opts){ .engine = engine->kind }, do_nothing, NULL, 0, &solo) < 0)
        return say_error(SAY_MISSING, "%s, in starting one worker of %s", prong_last_error(), engine->name);
    int r = prong_solo_join(solo, PRONG_NEVER, NULL, &end);
    *ret_seconds = measure_now() - start;
    prong_solo_free(solo);
    return r == 0 ? SAY_OK : work_say_end(r, &end);
}
