/* gather.c - a group of runs. A worker process may say anything: what comes from it is checked (tally_read), or harmless (numbers, and text
 * that is cut). */
#include "records/run/gather.h"

#include "interrupt.h"
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const size_t melt_apart = 4 << 20;     /* bytes of tallies from which on workers of their own melt them */

int gather_open(struct gather *g, const struct order *order, prong_pool *pool)
{
    *g = (struct gather){ .order = order, .pool = pool };
    odds_init(&g->odds);
    return prong_group_open(pool, &g->group) < 0 ? say_error(SAY_MISSING, "%s", prong_last_error()) : SAY_OK;
}

void gather_close(struct gather *g)
{
    if (!g->group)
        return;
    if (g->order->shared)
        pieces_stop(g->order->shared);
    struct work_run run;
    while (gather_take(g, PRONG_NEVER, &run) == 0)
        ;
    (void)prong_group_close(g->group, PRONG_NEVER, NULL);
    for (size_t i = 0; i < g->n; i++)
        tally_free(g->tally[i]);
    g->n = 0;
    g->group = NULL;
}

int gather_submit(struct gather *g, const struct work_run *run)
{
    if (prong_submit(g->pool, work_task, run, sizeof *run, &(prong_run_opts){ .group = g->group }, NULL) < 0)
        return say_error(SAY_WRONG, "%s", prong_last_error());
    g->in_flight++;
    return SAY_OK;
}

/* ---- what a run leaves --------------------------------------------------------------------------------------------------- */

static int melt(struct gather *g)
{
    prong_pool *pool = prong_promises(g->pool, PRONG_SHARES_ALL) ? g->pool : NULL, *own = NULL;
    size_t size = 0;
    for (size_t i = 0; i < g->n; i++)
        size += tally_size(g->tally[i]);
    prong_pool_opts opts = { .engine = "threads", .workers = prong_pool_workers(g->pool) };
    if (!pool && size >= melt_apart && prong_pool_open(&opts, &own) == 0)
        pool = own;
    int r = g->n > 1 ? tally_merge(g->tally, g->n, pool) : 0;
    (void)prong_pool_close(own, PRONG_NEVER);
    for (size_t i = 1; i < g->n; i++)
        tally_free(g->tally[i]);
    g->n = g->n ? 1 : 0;
    return r;
}

static int take_tally(struct gather *g, prong_future *future, const struct work_run *run)
{
    struct tally *tally = run->tally;
    if (!g->order->work->shares_memory) {
        size_t size;
        const void *bytes = prong_future_output(future, &size);
        int r = bytes ? tally_read(g->order->work->plan, bytes, size, &tally) : -EINVAL;
        if (r < 0)
            return r;
    }
    if (g->n == GATHER_TALLIES) {
        int r = melt(g);
        if (r < 0) {
            tally_free(tally);
            return r;
        }
    }
    g->tally[g->n++] = tally;
    return 0;
}

void gather_flaw(struct gather *g, const struct flaw *flaw)
{
    if (!flaw->kind || (g->flaw.kind && g->flaw.at <= flaw->at))
        return;
    g->flaw = *flaw;
    g->flaw.text[sizeof g->flaw.text - 1] = '\0';
}

static void fail(struct gather *g, const prong_error *end, const struct work_run *run)
{
    if (g->has_failed)
        return;
    g->has_failed = true;
    g->end = *end;
    g->failed = *run;
    if (g->order->shared)
        pieces_stop(g->order->shared);
}

static void take(struct gather *g, prong_future *future, struct work_run *run)
{
    prong_error end;
    *run = *(const struct work_run *)prong_future_record(future);
    if (prong_wait(future, PRONG_NEVER, &end) != PRONG_DONE) {
        if (end.kind == PRONG_CANCELLED)
            g->was_interrupted = true;
        else
            fail(g, &end, run);
        return;
    }
    int r = take_tally(g, future, run);
    if (r == -EINVAL)
        fail(g, &(prong_error){ .text = "a worker left a tally that cannot be trusted" }, run);
    else if (r < 0)
        (void)flaw_set(&run->flaw, FLAW_MEMORY, place_of(0, 0), "no memory for all that is asked for");
    gather_flaw(g, &run->flaw);
    odds_merge(&g->odds, &run->odds);
    g->was_interrupted = g->was_interrupted || run->was_interrupted;
    g->count.bytes += run->count.bytes;
    g->count.rows += run->count.rows;
    g->count.rows_kept += run->count.rows_kept;
    g->count.batches += run->count.batches;
}

int gather_take(struct gather *g, prong_time deadline, struct work_run *ret_run)
{
    prong_future *future;
    int r = g->in_flight ? prong_group_next(g->group, deadline, &future) : -ENOENT;
    if (r < 0)
        return r;
    g->in_flight--;
    take(g, future, ret_run);
    prong_future_free(future);
    return 0;
}

bool gather_is_over(const struct gather *g)
{
    return g->flaw.kind || g->was_interrupted || g->has_failed || interrupt_came();
}

int gather_melt(struct gather *g, struct tally **ret_tally)
{
    int r = melt(g);
    if (r == 0 && g->n == 0)
        r = tally_new(g->order->work->plan, &g->tally[g->n++]);
    if (r < 0)
        return say_error(SAY_MISSING, "no memory for the results");
    *ret_tally = g->tally[0];
    g->n = 0;
    return SAY_OK;
}

/* ---- what is wrong ------------------------------------------------------------------------------------------------------- */

static void say_where(const struct gather *g, const struct sources *sources)
{
    const struct work_run *run = &g->failed;
    const struct pieces_shared *shared = g->order->shared;
    if (!run->shared) {
        say_note("it worked on bytes %" PRIu64 " to %" PRIu64 " of %s", run->at, run->at + run->size, sources->file[run->file].path);
        return;
    }
    uint64_t working = __atomic_load_n(&shared->working[run->worker], __ATOMIC_RELAXED);
    if (!working || working > g->order->work->pieces.n)
        return;
    struct piece piece = pieces_at(&g->order->work->pieces, working - 1);
    say_note("it worked on bytes %" PRIu64 " to %" PRIu64 " of %s", piece.lo, piece.hi, sources->file[piece.file].path);
}

int gather_say(const struct gather *g, const struct sources *sources)
{
    if (interrupt_came() || (g->was_interrupted && !g->has_failed))
        return SAY_INTERRUPTED;
    if (g->has_failed) {
        (void)say_error(SAY_WRONG, "no result: %s", g->end.text);
        say_where(g, sources);
        return SAY_WRONG;
    }
    return g->flaw.kind ? sources_say_flaw(sources, &g->flaw) : SAY_OK;
}
