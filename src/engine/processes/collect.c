/* collect.c - who takes the replies.
 *
 * One thread at a time has the seat: it waits for a run, looks for replies while it does, and is woken by the workers itself (DOZES_B, their reply
 * bells). It spins first, but only where that can help: the worker runs on another CPU, and there are CPUs to spare. Without it, and while runs
 * are out, the manager is woken (DOZES_A, by a message), and takes what it finds. */
#include "base/clock.h"
#include "engine/processes/processes.h"
#include "sync/bell.h"
#include "sync/pause.h"
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Without a seat every reply has somebody to wake. The manager's own: it dozes in a new turn before it looks, so that what comes behind its
 * look wakes it once more. */
void pn_manager_listens(struct pn_processes *p) { pn_bell_doze(&p->board->sleep, &p->doze, PN_DOZES_A); }

/* A worker that was busy all the time and has nothing left could have had more ahead; one with much of it left needs less. */
static void adapt(struct pn_link *l, uint32_t taken)
{
    if (l->count == 0)
        l->ahead_most = l->ahead_most * 2 < PN_RING_SLOTS - 1 ? l->ahead_most * 2 : PN_RING_SLOTS - 1;
    else if (l->count > taken * 2 && l->ahead_most > 1)
        l->ahead_most--;
}

static void collect_from(prong_pool *pool, struct pn_link *l, struct pn_list *later)
{
    struct pn_processes *p = pool->state;
    uint32_t taken = 0;
    for (; pn_link_has_reply(l); taken++) {
        prong_future *run = pn_link_take_reply(l, &p->message);
        if (!run) {
            pn_link_kill(l, PN_KILLED_FOR_LYING);
            return;
        }
        pn_link_lost_one(l);
        pn_run_end_locked(run, later);
    }
    if (taken) {
        adapt(l, taken);
        pn_link_becomes_free(l);
    }
    if (pn_link_is_nonsense(l))
        pn_link_kill(l, PN_KILLED_FOR_LYING);
}

void pn_collect(prong_pool *pool, struct pn_list *later)
{
    struct pn_processes *p = pool->state;
    for (uint32_t i = 0; i < p->size && p->at_work; i++)
        if (p->link[i]->killed != PN_KILLED_FOR_LYING)
            collect_from(pool, p->link[i], later);
    pn_hand_out_small(pool);
    if (pool->queue.count && !pn_list_empty(&p->idle))
        pn_manager_wake(p);                    /* a large one */
}

void pn_kick_seat(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    uint64_t one = 1;
    if (p->seat_sleeps)
        (void)!write(p->kick, &one, sizeof one);
}

/* ---- waiting ---- */

enum { PEEKS_MOST = 8, PEEKS_AT_ONCE = 64, SPIN_NS = 50000 };

struct peek { const pn_u64 *turn; uint64_t call; };

/* What to look at while spinning: the oldest call of each worker that runs elsewhere. 0: spinning would only be in the way. */
static int choose_peeks(const struct pn_processes *p, struct peek *ret_peeks)
{
    int n = 0;
    uint32_t here = (uint32_t)sched_getcpu();
    if (p->at_work == 0 || p->at_work >= p->cpus)
        return 0;
    pn_store_relaxed(&p->board->cpu, here);
    for (uint32_t i = 0; i < p->size && n < PEEKS_MOST; i++) {
        const struct pn_link *l = p->link[i];
        if (!l->count || pn_load_relaxed(&l->replies->cpu) == here)
            continue;
        ret_peeks[n++] = (struct peek){ .turn = &l->replies->reply[pn_ring_slot(l->flight[l->first].call)].head.turn, .call = l->flight[l->first].call };
    }
    return n;
}

/* Not locked: the words stay readable, whoever is behind them. */
static bool peek(const struct peek *peeks, int n)
{
    for (int k = 0; k < PEEKS_AT_ONCE; k++) {
        for (int i = 0; i < n; i++)
            if (pn_reply_is_there(peeks[i].turn, peeks[i].call))
                return true;
        pn_pause();
    }
    return false;
}

static void tell(prong_pool *pool, struct pn_list *later)
{
    if (pn_list_empty(later))
        return;
    pn_unlock(&pool->lock);
    pn_run_tell_later(later);
    pn_lock(&pool->lock);
}

/* false: it does not come that way. */
static bool spin(prong_pool *pool, bool (*done)(const void *what), const void *what, struct pn_list *later)
{
    struct pn_processes *p = pool->state;
    struct peek peeks[PEEKS_MOST];
    prong_time until = PRONG_NEVER;
    int n;
    while (!done(what) && (n = choose_peeks(p, peeks)) > 0) {
        pn_unlock(&pool->lock);
        bool there = peek(peeks, n);
        prong_time now = there ? 0 : pn_now();
        pn_lock(&pool->lock);
        if (until == PRONG_NEVER && !there)
            until = now + SPIN_NS;
        if (!there && now > until)
            break;
        pn_collect(pool, later);
        tell(pool, later);
    }
    return done(what);
}

/* Looks once more behind its doze: what comes later rings. */
static void doze(prong_pool *pool, bool (*done)(const void *what), const void *what, prong_time deadline, struct pn_list *later)
{
    struct pn_processes *p = pool->state;
    struct epoll_event events[16];
    pn_bell_doze(&p->board->sleep, &p->doze, PN_DOZES_B);
    pn_collect(pool, later);
    if (!done(what) && pn_list_empty(later)) {
        p->seat_sleeps = true;
        pn_unlock(&pool->lock);
        (void)epoll_wait(p->bells, events, 16, pn_poll_ms(deadline));
        pn_lock(&pool->lock);
        p->seat_sleeps = false;
    }
    pn_bell_rise(&p->board->sleep);
    pn_collect(pool, later);
    tell(pool, later);
}

/* What is out is the manager's to take from now on. */
static void leave_seat(prong_pool *pool, struct pn_list *later)
{
    struct pn_processes *p = pool->state;
    p->seat = false;
    if (!p->at_work)
        return;
    pn_manager_listens(p);
    pn_collect(pool, later);
}

bool pn_attend(prong_pool *pool, bool (*done)(const void *what), const void *what, prong_time deadline)
{
    struct pn_processes *p = pool->state;
    struct pn_list later;
    pn_list_init(&later);
    if (p->seat)
        return false;
    pn_pool_use(pool);
    p->seat = true;
    pn_bell_rise(&p->board->sleep);
    pn_collect(pool, &later);
    tell(pool, &later);
    while (!done(what) && !pn_passed(deadline))
        if (!spin(pool, done, what, &later) && !pn_passed(deadline))
            doze(pool, done, what, deadline, &later);
    leave_seat(pool, &later);
    tell(pool, &later);
    pn_pool_unuse(pool);
    return true;
}

/* Without a seat the first reply would ring for the manager while we are still sending. Who comes to wait now is in time, as a rule. */
void pn_hand_out_batch(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct pn_list later;
    pn_list_init(&later);
    if (p->seat) {
        pn_hand_out_small(pool);
        return;
    }
    p->seat = true;
    pn_bell_rise(&p->board->sleep);
    pn_hand_out_small(pool);
    leave_seat(pool, &later);
    tell(pool, &later);
}

/* A round of looks that finds nothing is the end of it: to come back costs about as much. */
void pn_linger(prong_pool *pool, bool (*enough)(const void *what), const void *what)
{
    struct pn_processes *p = pool->state;
    struct peek peeks[PEEKS_MOST];
    struct pn_list later;
    int n;
    bool there = true;
    pn_list_init(&later);
    if (p->seat)
        return;
    pn_pool_use(pool);
    p->seat = true;
    pn_bell_rise(&p->board->sleep);
    while (there && !enough(what) && (n = choose_peeks(p, peeks)) > 0) {
        pn_unlock(&pool->lock);
        there = peek(peeks, n);
        pn_lock(&pool->lock);
        if (there)
            pn_collect(pool, &later);
        tell(pool, &later);
    }
    leave_seat(pool, &later);
    tell(pool, &later);
    pn_pool_unuse(pool);
}
