/* pools.c - from the opening of a pool, or from one that stands, to the joined result. */
#include "compare/contenders/pools.h"

#include "compare/stats/measure.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

static int open_pool(const struct contender *c, uint32_t workers, prong_pool **ret_pool)
{
    return prong_pool_open(&(prong_pool_opts){ .engine = c->kind, .workers = strcmp(c->kind, "serial") == 0 ? 1 : workers }, ret_pool);
}

static int do_nothing(void *record)
{
    (void)record;
    return 0;
}

int pools_try(struct contender *c, uint32_t workers)
{
    prong_pool *pool;
    prong_error end;
    char record = 0;
    int r = open_pool(c, workers, &pool);
    if (r < 0) {
        snprintf(c->why, sizeof c->why, "%s", prong_last_error());
        return r;
    }
    r = prong_map(pool, do_nothing, &record, 1, sizeof record, NULL, &end);
    if (r != 0)
        snprintf(c->why, sizeof c->why, "%s", r < 0 ? prong_last_error() : end.text);
    (void)prong_pool_close(pool, PRONG_NEVER);
    return r == 0 ? 0 : -1;
}

int pools_open(const struct contender *c, uint32_t workers, prong_pool **ret_pool)
{
    if (open_pool(c, workers, ret_pool) < 0)
        return say_error(SAY_MISSING, "%s, in opening %s", prong_last_error(), c->engine);
    return SAY_OK;
}

int pools_run(const struct contender *c, const struct work *work, const struct setup *setup, struct outcome *outcome)
{
    prong_pool *pool = c->pool;
    double start = measure_now();
    int status = pool ? SAY_OK : pools_open(c, work_workers(work, setup), &pool);
    if (status != SAY_OK)
        return status;
    status = work->run(pool, setup, outcome);
    if (pool != c->pool && prong_pool_close(pool, PRONG_NEVER) < 0 && status == SAY_OK)
        status = say_error(SAY_MISSING, "%s, in closing %s", prong_last_error(), c->engine);
    outcome->seconds = measure_now() - start;
    for (size_t i = 0; i < outcome->n_spans; i++) {
        outcome->spans[i].begin -= start;
        outcome->spans[i].end -= start;
    }
    return status;
}
