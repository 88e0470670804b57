/* A solo is a pool of one worker and the one run it was opened for. */
#include "base/error.h"
#include "core/engine.h"
#include "core/run.h"
#include "open.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct prong_solo { prong_pool *pool; prong_future *run; size_t size; };

int prong_solo_start_v(const prong_pool_opts *opts, size_t opts_size, prong_fn *fn, const void *record, size_t size, prong_solo **ret_solo)
{
    prong_pool_opts o;
    int r = pn_opts_copy(&o, sizeof o, opts, opts_size);
    if (r < 0)
        return r;
    prong_solo *s = malloc(sizeof *s);
    if (!s)
        return pn_error(-ENOMEM, "no memory for a solo");
    s->size = size;
    r = pn_open(&o, 1, &s->pool);
    if (r < 0)
        goto free_solo;
    s->pool->workers_only = true;              /* a thread of its own: who joins does not run it */
    r = prong_submit(s->pool, fn, record, size, NULL, &s->run);
    if (r < 0)
        goto abandon_pool;
    *ret_solo = s;
    return 0;
abandon_pool:
    pn_pool_abandon(s->pool);
free_solo:
    free(s);
    return r;
}

int prong_solo_join(prong_solo *s, prong_time deadline, void *ret_record, prong_error *ret_end)
{
    int r = prong_wait(s->run, deadline, ret_end);
    if (r >= 0 && ret_record && s->size)
        memcpy(ret_record, prong_future_record(s->run), s->size);
    return r;
}

int prong_solo_kill(prong_solo *s)
{
    if (!pn_promises(s->pool, PRONG_KILLS))
        return pn_error(-ENOTSUP, "engine %s cannot kill", s->pool->engine->name);
    int r = prong_future_cancel(s->run, PRONG_KILL);
    return r == -EINPROGRESS ? 0 : r;
}

/* A worker whose run has ended goes at once, and is waited for; another goes on alone. */
void prong_solo_free(prong_solo *s)
{
    if (!s)
        return;
    if (pn_pool_is_ours(s->pool)) {
        if (!pn_run_ended(s->run) || pn_inside(s->pool) || prong_pool_close(s->pool, PRONG_NEVER) < 0)
            pn_pool_abandon(s->pool);
        pn_run_put(s->run);
    }
    free(s);
}
