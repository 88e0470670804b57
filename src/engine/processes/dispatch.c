/* dispatch.c - an idle worker and a run that waits are brought together. */
#include "base/error.h"
#include "engine/processes/channel.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

bool pn_link_is_surplus(const struct pn_link *l) { return l->index >= l->pool->workers; }

struct pn_link *pn_idle_link(const struct pn_processes *p)
{
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->state == PN_LINK_IDLE && !pn_link_is_surplus(p->link[i]))
            return p->link[i];
    return NULL;
}

static prong_future *first_run(prong_pool *pool)
{
    struct pn_queued *first = pn_queue_first(&pool->queue);
    return first ? PN_OF(first, prong_future, queued) : NULL;
}

/* The worker would not take it: that is a matter of the worker, whose end is told soon. Locked. */
static void worker_unwell(struct pn_link *l)
{
    pn_link_kill(l, PN_KILLED_AS_UNWELL);
}

static void end_unsendable(prong_future *run, int r)
{
    prong_error end = { .tag = run->tag };
    pn_end_set(&end, PRONG_LIMIT, -r, "the record of %zu bytes cannot be sent to a worker: %s", run->size, strerror(-r));
    pn_run_end(run, &end);
}

/* It was cancelled after it was claimed, or by its group. Locked; lets the lock go. */
static void end_unwanted(prong_pool *pool, prong_future *run)
{
    prong_error end;
    pn_cancelled_before(run, &end);
    pn_unlock(&pool->lock);
    pn_run_end(run, &end);
    pn_lock(&pool->lock);
}

/* A claimed run goes back to wait for another worker; without memory for that it ends. Locked; may let the lock go. */
static void give_back(prong_pool *pool, prong_future *run)
{
    if (pn_run_unclaim(run))
        return;
    pn_unlock(&pool->lock);
    end_unsendable(run, -ENOMEM);
    pn_lock(&pool->lock);
}

/* Locked, lets the lock go. */
static void end_refused(prong_pool *pool, prong_future *run, int r)
{
    pn_unlock(&pool->lock);
    end_unsendable(run, r);
    pn_lock(&pool->lock);
}

/* A claimed run to a worker that has none; or back to the queue if it is the worker that is not well. Locked, may let the lock go. */
static void send(prong_pool *pool, struct pn_link *l, prong_future *run, int fd, void *segment)
{
    int r = pn_link_call(l, run, fd, segment);
    if (r == 0)
        return;
    pn_segment_unmap(segment, run->size);
    if (r != -EPIPE) {
        l->state = PN_LINK_IDLE;
        end_refused(pool, run, r);
        return;
    }
    worker_unwell(l);
    give_back(pool, run);
}

void pn_hand_out_small(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct pn_link *l;
    while ((l = pn_idle_link(p)) != NULL) {
        prong_future *run = first_run(pool);
        if (!run || run->size > PN_INLINE_MAX || !pn_run_claim_this(run))
            return;
        if (pn_load_relaxed(&run->asked))
            end_unwanted(pool, run);
        else
            send(pool, l, run, -1, NULL);
    }
}

/* By the manager, locked; lets the lock go while it copies. The worker is kept for this run meanwhile, and the claimed run is nobody
 * else's, but may be cancelled. */
static void hand_out_large(prong_pool *pool, struct pn_link *l, prong_future *run)
{
    int fd = -1;
    void *segment = NULL;
    l->state = PN_LINK_FILLING;
    pn_unlock(&pool->lock);
    int r = pn_link_segment(run, &fd, &segment);
    pn_lock(&pool->lock);
    bool well = l->state == PN_LINK_FILLING;
    if (well)
        l->state = PN_LINK_IDLE;
    if (r < 0) {
        end_refused(pool, run, r);
    } else if (pn_load_relaxed(&run->asked)) {
        pn_segment_unmap(segment, run->size);
        end_unwanted(pool, run);
    } else if (well) {
        send(pool, l, run, fd, segment);
    } else {
        pn_segment_unmap(segment, run->size);
        give_back(pool, run);
    }
    pn_close_fds(&fd, 1);
}

void pn_hand_out_all(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    for (;;) {
        pn_hand_out_small(pool);
        struct pn_link *l = pn_idle_link(p);
        prong_future *run = l ? first_run(pool) : NULL;
        if (!run || !pn_run_claim_this(run))
            return;
        if (pn_load_relaxed(&run->asked))
            end_unwanted(pool, run);
        else
            hand_out_large(pool, l, run);
    }
}
