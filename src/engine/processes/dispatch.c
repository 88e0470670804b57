/* dispatch.c - runs that wait and workers that have room for them are brought together.
 *
 * Every worker gets one run before any gets a second. What is sent beyond that lies ahead in a worker's ring, so that it goes on without waiting
 * for us: more of it the shorter its runs are. It is there on loan: when another worker has nothing to do, when a run of higher priority comes,
 * or when it is cancelled, what has not been begun is taken back. */
#include "base/clock.h"
#include "base/error.h"
#include "engine/processes/channel.h"
#include "engine/processes/nested.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"
#include "sync/bell.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

bool pn_link_is_surplus(const struct pn_link *l) { return l->index >= l->pool->workers && l->index < PN_AWAY; }

static uint32_t ahead_allowed(const struct pn_link *l)
{
    uint32_t limit = l->pool->runs_per_worker;
    if (l->pool->flags & PRONG_BILL || pn_link_is_surplus(l))      /* a bill tells how long a run has waited for its worker */
        return 0;
    uint32_t left = limit ? limit - l->runs - l->count : PN_RING_SLOTS;
    return l->ahead_most < left ? l->ahead_most : left;
}

/* Puts a link into the list where it belongs. */
static void place(struct pn_link *l)
{
    struct pn_processes *p = l->pool->state;
    pn_list_remove(&l->listed);
    if (l->state != PN_LINK_HERE || l->index >= PN_AWAY || l->nonsense)
        return;
    if (l->count == 0)
        pn_list_push_front(&p->idle, &l->listed);
    else if (l->count <= ahead_allowed(l))
        pn_list_push_back(&p->room, &l->listed);
}

void pn_link_becomes_free(struct pn_link *l)
{
    struct pn_processes *p = l->pool->state;
    uint32_t limit = l->pool->runs_per_worker;
    if (l->state == PN_LINK_HERE && l->count == 0 && (pn_link_is_surplus(l) || l->nonsense || (limit && l->runs >= limit)))
        pn_link_retire(l);
    else
        place(l);
    if (l->count == 0 && !pn_list_empty(&p->resuming))
        pn_nested_resume(l->pool);
}

void pn_link_lost_one(struct pn_link *l)
{
    struct pn_processes *p = l->pool->state;
    if (l->count == 0)
        p->at_work--;
    else
        l->pool->ahead--;
    pn_cond_signal(&l->pool->room);
}

struct pn_link *pn_link_of(const struct pn_processes *p, const prong_future *run, struct pn_flight **ret_flight)
{
    for (uint32_t i = 0; i < p->size; i++) {
        for (uint32_t k = 0; k < p->link[i]->count; k++) {
            *ret_flight = pn_link_flight(p->link[i], k);
            if ((*ret_flight)->run == run)
                return p->link[i];
        }
    }
    return NULL;                               /* the manager is about to send it */
}

/* ---- taking back ---- */

static void end_unsendable(prong_future *run, int r)
{
    prong_error end = { .tag = run->tag };
    pn_end_set(&end, PRONG_LIMIT, -r, "the record of %zu bytes cannot be sent to a worker: %s", run->size, strerror(-r));
    pn_run_end(run, &end);
}

/* Without memory for the queue it stays with nobody, and ends. Lets the lock go for that. */
static void give_back(prong_pool *pool, prong_future *run)
{
    if (pn_run_unclaim(run))
        return;
    pn_unlock(&pool->lock);
    end_unsendable(run, -ENOMEM);
    pn_lock(&pool->lock);
}

/* Takes back what lies behind the oldest, from the newest on, but not beyond `last`. */
static void take_back_behind(struct pn_link *l, const prong_future *last)
{
    prong_future *run;
    while (l->count > 1 && (run = pn_link_recall(l)) != NULL) {
        pn_link_lost_one(l);
        give_back(l->pool, run);
        if (run == last)
            return;
    }
}

void pn_take_back(struct pn_link *l, prong_future *last)
{
    take_back_behind(l, last);
    if (last && l->count == 1 && l->flight[l->first].run == last && pn_link_recall(l)) {
        pn_link_lost_one(l);
        give_back(l->pool, last);
    }
    pn_link_becomes_free(l);
}

void pn_kill_only(struct pn_link *l, const prong_future *run, enum pn_kill_why why)
{
    const prong_future *behind = NULL;
    for (uint32_t i = l->count; i-- > 1 && pn_link_flight(l, i)->run != run;)
        behind = pn_link_flight(l, i)->run;
    if (behind)
        take_back_behind(l, behind);
    if (l->count && pn_link_flight(l, l->count - 1)->run == run)
        pn_link_kill(l, why);
    else
        pn_link_becomes_free(l);
}

void pn_take_all_back(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    for (uint32_t i = 0; i < p->size && pool->ahead; i++)
        if (p->link[i]->count)
            pn_take_back(p->link[i], NULL);
}

/* For a worker with nothing to do: what waits behind others. Half of a ring would do, but the oldest have to go first. */
static void take_from_the_fullest(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct pn_link *most = NULL;
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->count > 1 && (!most || p->link[i]->count > most->count))
            most = p->link[i];
    if (!most)
        return;
    most->ahead_most = most->ahead_most / 2 ? most->ahead_most / 2 : 1;
    pn_take_back(most, NULL);
}

/* ---- handing out ---- */

static prong_future *first_run(prong_pool *pool)
{
    struct pn_queued *first = pn_queue_first(&pool->queue);
    return first ? PN_OF(first, prong_future, queued) : NULL;
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

static void end_refused(prong_pool *pool, prong_future *run, int r)
{
    pn_unlock(&pool->lock);
    end_unsendable(run, r);
    pn_lock(&pool->lock);
}

/* A claimed run to a worker; or back to the queue if it is the worker that is not well. Locked, may let the lock go. */
static void send(prong_pool *pool, struct pn_link *l, prong_future *run, int fd, void *segment)
{
    struct pn_processes *p = pool->state;
    bool first = l->count == 0;
    if (!p->seat && !(pn_load_relaxed(&p->board->sleep) & PN_DOZE_BITS))
        pn_manager_listens(p);                 /* our own word: nobody else writes it */
    p->lowest = p->at_work + pool->ahead == 0 || run->priority < p->lowest ? run->priority : p->lowest;
    int r = pn_link_call(l, run, fd, segment);
    if (r == 0) {
        p->at_work += first;
        pool->ahead += !first;
        place(l);
        if (first && l->kill_at != PRONG_NEVER && pn_earlier(l->kill_at, p->until) == l->kill_at)
            pn_manager_wake(p);                /* it would sleep longer */
        return;
    }
    pn_segment_unmap(segment, run->size);
    if (r == -EPIPE) {
        pn_link_kill(l, PN_KILLED_AS_UNWELL);  /* a matter of the worker, whose end is told soon */
        give_back(pool, run);
    } else {
        end_refused(pool, run, r);
    }
}

static struct pn_link *idle_link(const struct pn_processes *p)
{
    return pn_list_empty(&p->idle) ? NULL : PN_OF(p->idle.next, struct pn_link, listed);
}

/* A run that may be killed after its time has to begin when it is sent; and none goes ahead of what came before it. */
static struct pn_link *link_for(prong_pool *pool, const prong_future *run)
{
    struct pn_processes *p = pool->state;
    struct pn_link *l = idle_link(p);
    if (l || run->kill_ms || run->segment >= 0 || pn_list_empty(&p->room))
        return l;
    l = PN_OF(p->room.next, struct pn_link, listed);
    if (pn_link_has_room(l, run))
        return l;
    pn_list_remove(&l->listed);                /* until a reply makes room */
    return NULL;
}

/* And has to be copied into a segment first. */
static bool is_large(const prong_future *run) { return run->size > PN_SPACE_RECORD_MAX && run->segment < 0; }

/* Higher ones first: those that lie ahead do not count as begun. */
static void make_way(prong_pool *pool, const prong_future *first)
{
    struct pn_processes *p = pool->state;
    if (pool->ahead && first->priority > p->lowest) {
        pn_take_all_back(pool);
        p->lowest = INT32_MAX;
    }
}

void pn_hand_out_small(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    for (;;) {
        prong_future *run = first_run(pool);
        if (run)
            make_way(pool, run);
        if (pool->ahead && idle_link(p))
            take_from_the_fullest(pool);       /* also before those that came later */
        run = first_run(pool);
        struct pn_link *l = run && !is_large(run) ? link_for(pool, run) : NULL;
        if (!l || !pn_run_claim_this(run))
            return;
        if (pn_load_relaxed(&run->asked))
            end_unwanted(pool, run);
        else
            send(pool, l, run, run->segment, NULL);
    }
}

/* By the manager, locked; lets the lock go while it copies. The worker is kept for this run meanwhile, and the claimed run is nobody
 * else's, but may be cancelled. */
static void hand_out_large(prong_pool *pool, struct pn_link *l, prong_future *run)
{
    int fd = -1;
    void *segment = NULL;
    l->state = PN_LINK_FILLING;
    place(l);
    pn_unlock(&pool->lock);
    int r = pn_link_segment(run, &fd, &segment);
    pn_lock(&pool->lock);
    bool well = l->state == PN_LINK_FILLING;
    if (well)
        l->state = PN_LINK_HERE;
    pn_link_becomes_free(l);
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
        struct pn_link *l = idle_link(p);
        prong_future *run = l ? first_run(pool) : NULL;
        if (!run || !is_large(run) || !pn_run_claim_this(run))
            return;
        if (pn_load_relaxed(&run->asked))
            end_unwanted(pool, run);
        else
            hand_out_large(pool, l, run);
    }
}
