/* manager.c - the one thread of a pool of processes that listens, and that sees to it that there are workers. */
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "engine/processes/channel.h"
#include "engine/processes/nested.h"
#include "engine/processes/processes.h"
#include "engine/processes/zygote.h"
#include "sync/bell.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void pn_manager_wake(struct pn_processes *p)
{
    uint64_t one = 1;
    p->changed = true;
    if (p->asleep)
        (void)!write(p->wake, &one, sizeof one);
    p->asleep = false;
}

/* ---- workers come and go ---- */

static struct pn_link *link_with(const struct pn_processes *p, uint64_t id)
{
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->state != PN_LINK_ABSENT && p->link[i]->id == id)
            return p->link[i];
    return NULL;
}

/* Somebody is there, or will be, to run what waits. */
static bool has_workers(const prong_pool *pool)
{
    const struct pn_processes *p = pool->state;
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->index < pool->workers && p->link[i]->state != PN_LINK_ABSENT && p->link[i]->state != PN_LINK_ENDING)
            return true;
    return false;
}

enum { START_TRIES = 8, FIRST_PAUSE_MS = 10 };         /* doubled each time: two seconds and a half in all */

/* An init that keeps failing breaks the pool at once. What the system refuses it may grant soon, so that is tried again after a pause, and
 * breaks the pool only if nobody else is there. Locked; lets the lock go. */
static void failed_to_start(prong_pool *pool, struct pn_link *l, bool by_init)
{
    char why[sizeof l->why];
    l->failed_starts++;
    l->failed_inits += by_init;
    unsigned doubled = l->failed_starts < START_TRIES ? l->failed_starts - 1 : START_TRIES - 1;
    l->retry_at = by_init ? PRONG_NEVER : pn_after_ms(pn_now(), (uint64_t)FIRST_PAUSE_MS << doubled);
    bool hopeless = l->failed_inits >= PN_INIT_TRIES || (l->failed_starts >= START_TRIES && !has_workers(pool));
    if (!hopeless)
        return;
    memcpy(why, l->why, sizeof why);
    unsigned tries = l->failed_starts;
    pn_unlock(&pool->lock);
    pn_pool_break(pool, "a worker could not be started %u times in a row: %s", tries, why);
    pn_lock(&pool->lock);
}

static uint32_t unanswered_starts(const struct pn_processes *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->size; i++)
        n += p->link[i]->state == PN_LINK_STARTING && !p->link[i]->started;
    return n;
}

/* A spare comes when all others have come: it is for later, and they are for now. */
static bool is_wanted(const prong_pool *pool, const struct pn_link *l)
{
    const struct pn_processes *p = pool->state;
    if (l->index != PN_SPARE)
        return l->index < pool->workers;
    for (uint32_t i = 0; i < p->size; i++) {
        const struct pn_link *other = p->link[i];
        bool is_here = other->state == PN_LINK_HERE || other->state == PN_LINK_FILLING;
        if ((other->index < pool->workers && !is_here) || (other->index == PN_SPARE && other->state != PN_LINK_ABSENT))
            return false;
    }
    return pool->has_spare && !pool->closing;
}

void pn_fill_up(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    (void)pn_links_make_room(pool, pool->workers);      /* with less memory, fewer workers */
    uint32_t unanswered = unanswered_starts(p);
    for (uint32_t i = 0; i < p->size && unanswered < PN_STARTS_AT_ONCE; i++) {
        struct pn_link *l = p->link[i];
        bool is_time = l->retry_at == PRONG_NEVER || pn_passed(l->retry_at);
        if (l->state != PN_LINK_ABSENT || !is_wanted(pool, l) || !is_time || p->zygote < 0 || pool->broken)
            continue;
        if (pn_link_start(l, p->next_id++, p->zygote) < 0)
            failed_to_start(pool, l, false);
        else
            unanswered++;
    }
}

void pn_give_place(prong_pool *pool, uint32_t index)
{
    struct pn_processes *p = pool->state;
    struct pn_link *best = NULL;
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->index == PN_SPARE && p->link[i]->state != PN_LINK_ENDING && (!best || p->link[i]->state > best->state))
            best = p->link[i];
    if (!best)
        best = pn_link_new(pool, PN_SPARE);
    if (!best)
        return;                                /* no memory: it comes back with who lent it, or with the next resize */
    best->index = index;
    if (best->state != PN_LINK_ABSENT)
        pn_link_place(best, index);
    if (best->state == PN_LINK_HERE) {
        pn_link_becomes_free(best);
        pn_hand_out_small(pool);
    }
}

void pn_drop_spares(prong_pool *pool)
{
    const struct pn_processes *p = pool->state;
    uint32_t here = 0;
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->index == PN_SPARE && p->link[i]->state == PN_LINK_HERE && here++ > 0)
            pn_link_retire(p->link[i]);
}

/* The place of a link whose worker has ended goes to one that stands ready; else it waits for the next worker of its own. */
static void let_spare_in(prong_pool *pool, struct pn_link *gone)
{
    const struct pn_processes *p = pool->state;
    uint32_t index = gone->index;
    bool spare_is_here = false;
    for (uint32_t i = 0; i < p->size; i++)
        spare_is_here |= p->link[i]->index == PN_SPARE && p->link[i]->state == PN_LINK_HERE;
    if (index == PN_AWAY)
        gone->index = PN_SPARE;
    if (index >= pool->workers || !spare_is_here)
        return;
    gone->index = PN_SPARE;
    pn_give_place(pool, index);
}

/* Locked. Both have to have come: the zygote's word, with the worker's number, and the worker's own. One that has hung up by then is dead. */
static void may_be_idle(struct pn_link *l)
{
    if (l->started && l->ready && l->channel >= 0 && l->state == PN_LINK_STARTING) {
        l->failed_starts = l->failed_inits = 0;
        l->retry_at = PRONG_NEVER;
        l->has_worked = true;
        l->state = PN_LINK_HERE;
        pn_link_becomes_free(l);
    }
}

enum { SENT_BACK_MOST = 3 };          /* as it is the worker's word alone that it had not begun */

/* Whether a run that was not begun may simply wait for another worker. One that lay ahead of others had no part in the death. Locked. */
static bool goes_back(prong_future *run, bool was_first)
{
    bool unwanted = pn_load_relaxed(&run->asked) || run->kill_wanted || run->pool->cancelling || run->pool->broken;
    run->sent_back += was_first;
    return !unwanted && run->sent_back <= SENT_BACK_MOST && pn_run_unclaim(run);
}

/* Of one that was not begun, and may not wait for another. */
static void end_unbegun(const struct pn_link *l, const struct pn_flight *f, const struct pn_zygote_msg *ended, prong_error *ret_end)
{
    const prong_future *run = f->run;
    pn_link_death(l, f, ended, ret_end);
    if (run->pool->broken)
        pn_end_set(ret_end, PRONG_LOST, EPIPE, "the pool is broken: %s", run->pool->why);
    else if (pn_load_relaxed(&run->asked) && l->killed == PN_NOT_KILLED)
        pn_cancelled_before(run, ret_end);
}

struct ends { prong_future *run[PN_RING_SLOTS]; uint32_t n; };

/* Takes the runs from a worker that has ended: the oldest may have been begun, the others lay ahead, and all that were not begun wait again, in
 * their order. Gives those that have ended, with the end in them. What the worker says of calls that it cannot have come to makes none of its
 * word good. Locked. */
static void take_runs(struct pn_link *l, const struct pn_zygote_msg *ended, struct ends *ret)
{
    struct pn_flight f[PN_RING_SLOTS];
    uint32_t n = l->count;
    for (uint32_t i = 0; i < n; i++)
        f[i] = *pn_link_flight(l, i);
    bool nonsense = pn_link_is_nonsense(l);
    ret->n = 0;
    for (uint32_t i = n; i-- > 0;) {           /* the oldest comes to stand in front */
        prong_future *run = f[i].run;
        bool is_over = nonsense || pn_link_had_begun(l, f[i].call);
        if (!is_over && goes_back(run, i == 0))
            continue;
        if (is_over)
            pn_link_death(l, &f[i], ended, &run->end);
        else
            end_unbegun(l, &f[i], ended, &run->end);
        if (nonsense && l->killed == PN_NOT_KILLED)
            pn_end_set(&run->end, PRONG_LOST, EPROTO, "what the worker %d left cannot be trusted", l->pid);
        ret->run[ret->n++] = run;
    }
    while (pn_link_drop_first(l))
        pn_link_lost_one(l);
}

/* Not locked. */
static void tell_ends(const struct ends *ends)
{
    for (uint32_t i = 0; i < ends->n; i++)
        pn_run_end(ends->run[i], &ends->run[i]->end);
}

static void tell_failed_start(struct pn_link *l, const struct pn_zygote_msg *ended)
{
    const char *what = l->pool->init.kind ? "its init" : "it";
    if (ended->how == CLD_EXITED)
        (void)snprintf(l->why, sizeof l->why, "%s left with exit status %d before it was ready", what, ended->status);
    else
        (void)snprintf(l->why, sizeof l->why, "%s was ended by %s before it was ready", what, pn_signal_name(ended->status));
}

/* A worker that was never ready has failed to start, whatever it died of. Locked; lets the lock go. */
static void worker_gone(prong_pool *pool, struct pn_link *l, const struct pn_zygote_msg *ended)
{
    struct ends ends;
    bool failed = !l->has_worked;
    take_runs(l, ended, &ends);
    if (failed && !l->why[0])
        tell_failed_start(l, ended);
    pn_link_clear(l);
    let_spare_in(pool, l);
    pn_unlock(&pool->lock);
    tell_ends(&ends);
    pn_lock(&pool->lock);
    if (failed)
        failed_to_start(pool, l, pool->init.kind != 0);
}

/* ---- what it hears ---- */

enum { NONSENSE_MOST = 256 };

/* What came makes no sense. A run of before may have written it, so that the one that runs now has its time to end, unless there is no end to
 * it; then the worker goes. */
static void distrust(struct pn_link *l)
{
    if (l->nonsense++ == 0 && l->count)
        pn_take_back(l, NULL);
    if (l->nonsense > NONSENSE_MOST || l->state == PN_LINK_STARTING)
        pn_link_kill(l, PN_KILLED_FOR_LYING);
    else
        pn_link_becomes_free(l);
}

/* Takes all that a worker has said so far. false: its channel has ended. Locked. */
static bool listen_to(struct pn_link *l)
{
    struct pn_processes *p = l->pool->state;
    switch (pn_link_listen(l, &p->message)) {
    case PN_SAID_NOTHING:
        return true;
    case PN_SAID_READY:
        l->ready = true;
        may_be_idle(l);
        return true;
    case PN_SAID_NONSENSE:
        distrust(l);
        return true;
    case PN_SAID_END:
        break;
    }
    return false;
}

/* One that has hung up leaves, or is made to: it gets no more runs, and those that lie ahead of it go elsewhere. */
static void worker_said(prong_pool *pool, struct pn_link *l)
{
    pn_lock(&pool->lock);
    if (!listen_to(l)) {
        if (l->state == PN_LINK_HERE) {
            pn_link_retire(l);
            pn_take_back(l, NULL);
        } else if (l->state == PN_LINK_FILLING) {
            pn_link_retire(l);
        }
        pn_link_hang_up(l);                    /* a start that fails is told by the worker's end */
    }
    pn_unlock(&pool->lock);
}

/* Takes the replies that are there, and calls back. Without a seat the next one behind them rings again: each ring is for one turn of the doze,
 * which ends here, so that the next call begins another if no worker has a run now. Locked; lets the lock go. */
static void collect(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct pn_list later;
    pn_list_init(&later);
    if (!p->seat && p->at_work)
        pn_manager_listens(p);
    else if (!p->seat)
        pn_bell_rise(&p->board->sleep);
    pn_collect(pool, &later);
    if (pn_list_empty(&later))
        return;
    pn_unlock(&pool->lock);
    pn_run_tell_later(&later);
    pn_lock(&pool->lock);
}

static void worker_ended(prong_pool *pool, struct pn_link *l, const struct pn_zygote_msg *msg)
{
    pn_lock(&pool->lock);
    if (l->channel >= 0)
        (void)listen_to(l);
    collect(pool);                             /* replies already written are kept */
    worker_gone(pool, l, msg);
    pn_unlock(&pool->lock);
}

/* Not locked. */
static void tell_lost(struct ends *ends)
{
    for (uint32_t i = 0; i < ends->n; i++) {
        prong_error *end = &ends->run[i]->end;
        end->address = 0;
        pn_end_set(end, PRONG_LOST, EPIPE, "the zygote has ended, and with it the worker process %d", end->pid);
    }
    tell_ends(ends);
}

/* All workers have died with it: what they had replied is kept, what they had begun is lost, the rest waits again. Locked, lets the lock go. */
static void end_all_workers(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct pn_zygote_msg none = { .how = CLD_KILLED, .status = SIGKILL };
    for (uint32_t i = 0; i < p->size; i++)
        pn_link_end_orphan(p->link[i]);
    collect(pool);
    for (uint32_t i = 0; i < p->size; i++) {
        struct pn_link *l = p->link[i];
        struct ends ends;
        take_runs(l, &none, &ends);
        pn_link_clear(l);
        if (l->index == PN_AWAY)
            l->index = PN_SPARE;               /* who has its place now has it for good */
        pn_unlock(&pool->lock);
        tell_lost(&ends);
        pn_lock(&pool->lock);
    }
}

/* From the stand-by, or from wherever there is another. */
static bool follow_zygote(struct pn_processes *p)
{
    struct epoll_event channel = { .events = EPOLLIN, .data.ptr = &p->zygote }, death = { .events = EPOLLIN, .data.ptr = &p->zygote_pidfd };
    if (pn_zygote_open_pool(&p->surroundings, p->around, &p->zygote, &p->zygote_pidfd) < 0)
        return false;
    return epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->zygote, &channel) == 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->zygote_pidfd, &death) == 0;
}

static void zygote_ended(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    pn_lock(&pool->lock);
    (void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, p->zygote, NULL);
    (void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, p->zygote_pidfd, NULL);
    pn_close_fds(&p->zygote, 1);
    pn_close_fds(&p->zygote_pidfd, 1);
    end_all_workers(pool);
    bool goes_on = follow_zygote(p);
    char why[160];
    (void)snprintf(why, sizeof why, "%s", prong_last_error());
    pn_unlock(&pool->lock);
    if (!goes_on)
        pn_pool_break(pool, "its zygote has ended, with all worker processes, and there is no other: %s", why);
}

static void started(struct pn_link *l, const struct pn_zygote_msg *msg, int *fd)
{
    l->pid = msg->pid;
    l->pidfd = *fd >= 0 ? *fd : -1;
    *fd = -1;
    l->started = true;
    may_be_idle(l);
}

static void not_started(prong_pool *pool, struct pn_link *l, int error)
{
    (void)snprintf(l->why, sizeof l->why, "cannot fork a worker process: %s", strerror(error));
    pn_link_clear(l);
    failed_to_start(pool, l, false);
}

static void zygote_said(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct pn_zygote_msg msg;
    int fds[PN_CHANNEL_FDS];
    ssize_t got;
    while ((got = pn_channel_receive(p->zygote, &msg, sizeof msg, fds, false)) == sizeof msg) {
        pn_lock(&pool->lock);
        struct pn_link *l = link_with(p, msg.worker);
        if (l && msg.kind == PN_STARTED)
            started(l, &msg, &fds[0]);
        else if (l && msg.kind == PN_NOT_STARTED)
            not_started(pool, l, msg.status);
        pn_unlock(&pool->lock);
        if (l && msg.kind == PN_ENDED)
            worker_ended(pool, l, &msg);
        else if (msg.kind == PN_TEND)
            pn_zygote_tend();
        pn_close_fds(fds, PN_CHANNEL_FDS);
    }
    if (got != -EAGAIN)
        zygote_ended(pool);
}

/* ---- its loop ---- */

enum { FULL_PAUSE_MS = 10 };                   /* until the zygote may have read some of what it has been told */

/* Kills what is over its time, also where the channel has ended and the task goes on. Tells when to look again. Locked. */
static prong_time kill_overdue(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    prong_time next = PRONG_NEVER;
    for (uint32_t i = 0; i < p->size; i++) {
        struct pn_link *l = p->link[i];
        if (l->killed != PN_NOT_KILLED && !l->kill_sent) {
            pn_link_kill(l, l->killed);
            next = pn_earlier(next, l->kill_sent ? PRONG_NEVER : pn_after_ms(pn_now(), FULL_PAUSE_MS));
        } else if (l->count && l->kill_at != PRONG_NEVER && pn_passed(l->kill_at))
            pn_kill_only(l, l->flight[l->first].run, PN_KILLED_BY_TIME);
        else if (l->count)
            next = pn_earlier(next, l->kill_at);
        else if (l->state == PN_LINK_ABSENT && is_wanted(pool, l) && !pool->broken)
            next = pn_earlier(next, l->retry_at);
    }
    return next;
}

/* Does what can be done now. Locked; lets the lock go, so what changes meanwhile is looked at again. */
static void do_all(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    do {
        p->changed = false;
        pn_fill_up(pool);
        pn_hand_out_all(pool);
    } while (p->changed);
}

enum { EVENTS_AT_ONCE = 32 };

/* Sleeps until something has to be done. The number of events, or -1: nothing ever will. */
static int sleep_manager(prong_pool *pool, struct epoll_event *ret_events)
{
    struct pn_processes *p = pool->state;
    pn_lock(&pool->lock);
    do_all(pool);
    prong_time next = kill_overdue(pool);
    bool done = pool->closing && pool->open_count == 0;
    p->asleep = !done;
    p->until = next;
    pn_unlock(&pool->lock);
    int n = done ? -1 : epoll_wait(p->epoll, ret_events, EVENTS_AT_ONCE, pn_poll_ms(next));
    pn_lock(&pool->lock);
    p->asleep = false;
    pn_unlock(&pool->lock);
    return n < 0 && !done ? 0 : n;             /* EINTR */
}

/* Replies first: what a worker had written before it died counts. A link whose channel is closed has been dealt with meanwhile; it is not
 * opened again before the next sleep. */
static void manage(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct epoll_event events[EVENTS_AT_ONCE];
    uint64_t count;
    int n;
    while ((n = sleep_manager(pool, events)) >= 0) {
        bool said = false, died = false;
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            said |= what == &p->zygote;
            died |= what == &p->zygote_pidfd;
            if (what == &p->wake)
                (void)!read(p->wake, &count, sizeof count);
            else if (what != &p->zygote && what != &p->zygote_pidfd && ((struct pn_link *)what)->channel >= 0)
                worker_said(pool, what);
        }
        if (said && p->zygote >= 0)
            zygote_said(pool);
        if (died && p->zygote >= 0)
            zygote_ended(pool);
        pn_nested_answer(pool);
        pn_lock(&pool->lock);
        collect(pool);                         /* behind the messages: each WAKE that was read has its replies looked for */
        pn_unlock(&pool->lock);
    }
}

void pn_end_workers(struct pn_processes *p)
{
    int fds[PN_CHANNEL_FDS];
    struct pn_zygote_msg drop;
    struct pollfd either[2] = { { .fd = p->zygote, .events = POLLIN }, { .fd = p->zygote_pidfd, .events = POLLIN } };
    ssize_t got = -EAGAIN;
    if (p->zygote < 0)
        return;
    (void)shutdown(p->zygote, SHUT_WR);
    while (got > 0 || (got == -EAGAIN && !either[1].revents)) {       /* its death may not end the channel, if a fork holds that, too */
        (void)poll(either, 2, -1);
        got = pn_channel_receive(p->zygote, &drop, sizeof drop, fds, false);
        if (got > 0)
            pn_close_fds(fds, PN_CHANNEL_FDS);
    }
    pn_close_fds(&p->zygote, 1);
}

void *pn_manager_main(void *arg)
{
    prong_pool *pool = arg;
    struct pn_processes *p = pool->state;
    manage(pool);
    pn_end_workers(p);
    pn_lock(&pool->lock);
    for (uint32_t i = 0; i < p->size; i++)
        pn_link_clear(p->link[i]);
    pn_unlock(&pool->lock);
    pn_pool_worker_gone(pool);
    return NULL;
}
