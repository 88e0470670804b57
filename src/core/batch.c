/* prong/link.h: a reserved run is a run that has not been submitted. It has one reference, and one of its pool's memory. */
#include "base/error.h"
#include "core/engine.h"
#include "core/group.h"
#include "core/run.h"
#include <errno.h>
#include <prong/link.h>
#include <stdlib.h>

/* The same handles under the names that they have inside. */
static prong_future *const *runs_of(prong_reserved *const runs[]) { return (prong_future *const *)(const void *)runs; }

/* ---- reserving ---- */

static int give_record(prong_future *run, size_t size)
{
    const struct pn_engine *engine = run->pool->engine;
    void *mem = NULL;
    int fd = -1;
    int r = engine->reserve ? engine->reserve(size, &fd, &mem) : 0;
    if (r < 0)
        return r;
    if (!mem)
        return pn_run_make_record(run, NULL, size) ? 0 : -ENOMEM;
    run->record = mem;
    run->size = run->mapped = size;
    run->segment = fd;
    return 0;
}

int prong_link_reserve(prong_pool *pool, size_t size, size_t n, prong_reserved *ret_runs[], void *ret_records[])
{
    prong_future *few[64], **runs = n <= 64 ? few : malloc(n * sizeof *runs);
    int r = pn_pool_resolve(&pool);
    if (r == 0 && size > PRONG_RECORD_MAX)
        r = pn_error(-EMSGSIZE, "a record of %zu bytes is over the limit of %zu (PRONG_RECORD_MAX)", size, PRONG_RECORD_MAX);
    if (r == 0 && (!runs || n > SIZE_MAX / PN_RUN_BYTES || pn_runs_new(pool, n, runs) < 0))
        r = pn_error(-ENOMEM, "no memory for %zu runs", n);
    size_t made = r == 0 ? n : 0;
    for (size_t i = 0; i < made && r == 0; i++)
        r = give_record(runs[i], size);
    if (made && r < 0) {
        r = pn_error(r, "no memory for a record of %zu bytes", size);
        pn_runs_put(runs, made);
    }
    for (size_t i = 0; i < n && r == 0; i++) {
        ret_runs[i] = (prong_reserved *)(void *)runs[i];
        ret_records[i] = size ? runs[i]->record : NULL;
    }
    if (runs != few)
        free(runs);
    return r;
}

void prong_link_drop(prong_reserved *const runs[], size_t n) { prong_link_free(runs_of(runs), n); }

/* ---- submitting ---- */

static int check_runs(const prong_pool *pool, prong_future *const runs[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!runs[i])
            return pn_error(-EINVAL, "no reserved run at index %zu", i);
        if (runs[i]->pool != pool)
            return pn_error(-EINVAL, "the reserved run at index %zu is one of another pool", i);
    }
    return 0;
}

/* Where the functions are, for each run. false: no memory. */
static bool give_places(prong_pool *pool, const struct pn_submit *s, void *place, prong_future *const runs[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(runs[i]->place);                  /* of a submit before this one, which failed */
        runs[i]->place = place;
        place = NULL;
        if (runs[0]->place && i + 1 < n && pn_submit_check(pool, s, &place) < 0)
            return false;
    }
    return true;
}

int prong_link_submit_v(prong_pool *pool, prong_fn *fn, prong_reserved *const reserved[], size_t n, const prong_run_opts *opts, size_t opts_size,
                        prong_future *ret_futures[])
{
    prong_run_opts o;
    prong_future *const *runs = runs_of(reserved);
    struct pn_submit s = { .call = pn_call_task(fn), .opts = &o };
    void *place;
    int r = pn_opts_copy(&o, sizeof o, opts, opts_size);
    if (r == 0)
        r = pn_pool_resolve(&pool);
    if (r == 0)
        r = check_runs(pool, runs, n);
    if (r == 0)
        r = pn_submit_check(pool, &s, &place);
    if (r == 0 && n == 0)
        free(place);
    if (r < 0 || n == 0)
        return r;
    if (!give_places(pool, &s, place, runs, n))
        return pn_error(-ENOMEM, "no memory to tell workers where a function is");
    return pn_submit_made(pool, &s, runs, n, ret_futures);
}

/* ---- taking ---- */

int prong_link_take(prong_group *g, prong_time deadline, size_t most, prong_future *ret_futures[], size_t *ret_n)
{
    if (!pn_pool_is_ours(pn_group_pool(g)))
        return pn_not_ours("group");
    if (most == 0)
        return pn_error(-EINVAL, "there is no room for a run (most is 0)");
    int r = pn_group_take_some(g, deadline, most, ret_futures, ret_n);
    return r == -ENOENT ? pn_error(r, "the group has no run left") : r;
}

void prong_link_free(prong_future *const f[], size_t n)
{
    size_t from = 0, i = 0;
    for (; i < n; i++) {
        if (!f[i] || pn_pool_is_ours(f[i]->pool))
            continue;
        pn_runs_put(f + from, i - from);       /* inherited by a fork: stays as it is */
        from = i + 1;
    }
    pn_runs_put(f + from, i - from);
}
