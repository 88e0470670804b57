/* processes - workers forked from the zygote, one link each, and one manager thread in the owner.
 *
 * Runs are handed to idle workers by whoever finds the two together: the thread that submits, or the manager. The manager alone
 * listens: it sleeps in one poll over the zygote's reports, the workers' channels and an event descriptor, takes replies, kills what
 * is over its time, and replaces workers that have died. One run at a time is with a worker, so a death loses that run at most, and
 * not even that if it had not been begun. */
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "core/engine.h"
#include "core/run.h"
#include "engine/engines.h"
#include "engine/processes/channel.h"
#include "engine/processes/link.h"
#include "engine/processes/module.h"
#include "engine/processes/zygote.h"
#include "memory/heap.h"
#include "memory/segment.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct processes {
    int zygote;                      /* this pool's channel; -1: the zygote has died */
    int wake;                        /* event descriptor: something has changed for the manager */
    bool asleep;                     /* it is in poll, or on the way there: a change must be told */
    pthread_t manager;
    uint64_t next_id;
    struct pn_link **link;           /* by index; none is ever moved or freed before the pool */
    uint32_t size;
    struct pollfd *poll;             /* the manager's: zygote, wake, and one per link */
    uint32_t poll_size;
    union pn_message message;        /* the manager's */
};

/* ---- telling the manager ---- */

/* Locked. */
static void wake_manager(struct processes *p)
{
    uint64_t one = 1;
    if (p->asleep)
        (void)!write(p->wake, &one, sizeof one);
    p->asleep = false;
}

/* ---- handing out runs ---- */

static bool is_surplus(const struct pn_link *l) { return l->index >= l->pool->workers; }

static struct pn_link *idle_link(const struct processes *p)
{
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->state == PN_LINK_IDLE && !is_surplus(p->link[i]))
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
    pn_link_kill(l, PN_KILLED_FOR_LYING);
}

static void end_unsendable(prong_future *run, int r)
{
    prong_error end = { .tag = run->tag };
    pn_end_set(&end, PRONG_LIMIT, -r, "the record of %zu bytes cannot be sent to a worker: %s", run->size, strerror(-r));
    pn_run_end(run, &end);
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

/* Locked, and may let the lock go. Runs with records that fit into the message; the first other one is left for the manager, as copying it takes long. */
static void hand_out_small(prong_pool *pool)
{
    struct processes *p = pool->state;
    struct pn_link *l;
    while ((l = idle_link(p)) != NULL) {
        prong_future *run = first_run(pool);
        if (!run || run->size > PN_INLINE_MAX || !pn_run_claim_this(run))
            return;
        if (pn_link_call(l, run, -1, NULL) < 0) {
            worker_unwell(l);
            give_back(pool, run);
        }
    }
}

/* By the manager, locked; lets the lock go while it copies. The claimed run is nobody else's meanwhile, but may be asked for: then the
 * worker is told when it gets it. */
static void hand_out_large(prong_pool *pool, struct pn_link *l, prong_future *run)
{
    int fd = -1;
    void *segment = NULL;
    pn_unlock(&pool->lock);
    int r = pn_link_segment(run, &fd, &segment);
    if (r < 0)
        end_unsendable(run, r);
    pn_lock(&pool->lock);
    if (r < 0)
        return;
    bool unwanted = run->kill_wanted;
    r = l->state == PN_LINK_IDLE && !unwanted ? pn_link_call(l, run, fd, segment) : -EPIPE;
    (void)close(fd);
    if (r == 0)
        return;
    pn_segment_unmap(segment, run->size);
    if (unwanted) {
        prong_error end = { .tag = run->tag };
        pn_end_set(&end, PRONG_CANCELLED, ECANCELED, "cancelled before it began");
        pn_unlock(&pool->lock);
        pn_run_end(run, &end);
        pn_lock(&pool->lock);
        return;
    }
    if (l->state == PN_LINK_IDLE)
        worker_unwell(l);
    give_back(pool, run);
}

/* By the manager. Locked. */
static void hand_out(prong_pool *pool)
{
    struct processes *p = pool->state;
    for (;;) {
        hand_out_small(pool);
        struct pn_link *l = idle_link(p);
        prong_future *run = l ? first_run(pool) : NULL;
        if (!run || !pn_run_claim_this(run))
            return;
        hand_out_large(pool, l, run);
    }
}

/* ---- workers come and go ---- */

static struct pn_link *link_with(const struct processes *p, uint64_t id)
{
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->state != PN_LINK_ABSENT && p->link[i]->id == id)
            return p->link[i];
    return NULL;
}

static bool any_present(const struct processes *p)
{
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->state != PN_LINK_ABSENT)
            return true;
    return false;
}

/* Whoever keeps failing to start stays away; if that leaves nobody, or the program's init is the reason, the pool is broken. Locked,
 * lets the lock go. */
static void failed_to_start(prong_pool *pool, struct pn_link *l)
{
    struct processes *p = pool->state;
    if (l->failed_starts < PN_INIT_TRIES || (!pool->init.kind && any_present(p)))
        return;
    char why[sizeof l->why];
    memcpy(why, l->why, sizeof why);
    pn_unlock(&pool->lock);
    pn_pool_break(pool, "a worker could not be started %d times in a row: %s", PN_INIT_TRIES, why);
    pn_lock(&pool->lock);
}

/* Starts workers where some are wanted: deaths and resizes leave nothing else to do. Locked. */
static void fill_up(prong_pool *pool)
{
    struct processes *p = pool->state;
    for (uint32_t i = 0; i < pool->workers && i < p->size; i++) {
        struct pn_link *l = p->link[i];
        while (l->state == PN_LINK_ABSENT && l->failed_starts < PN_INIT_TRIES && p->zygote >= 0 && !pool->broken) {
            if (pn_link_start(l, p->next_id++, p->zygote) < 0) {
                l->failed_starts++;
                failed_to_start(pool, l);
            }
        }
    }
}

/* Locked. */
static void becomes_idle(struct pn_link *l)
{
    uint32_t limit = l->pool->runs_per_worker;
    if (l->state == PN_LINK_ENDING)
        return;
    l->state = PN_LINK_IDLE;
    if (is_surplus(l) || (limit && l->runs >= limit))
        pn_link_retire(l);
}

/* Locked. Both have to have come: the zygote's word, with its pidfd, and the worker's. */
static void may_be_idle(struct pn_link *l)
{
    if (l->started && l->ready && l->state == PN_LINK_STARTING) {
        l->failed_starts = 0;
        becomes_idle(l);
    }
}

/* Takes the run from a worker that has ended. NULL: it had none, or had not begun it, and it waits again. Locked. */
static prong_future *take_run(struct pn_link *l, const struct pn_zygote_msg *ended, prong_error *ret_end)
{
    prong_future *run = l->run;
    if (!run)
        return NULL;
    bool begun = pn_link_had_begun(l);
    *ret_end = pn_link_death(l, ended);
    if (l->segment)
        pn_segment_unmap(l->segment, run->size);
    l->segment = NULL;
    l->run = NULL;
    if (!begun && !run->kill_wanted && !run->pool->cancelling && pn_run_unclaim(run))
        return NULL;
    return run;
}

/* A worker that was never ready has failed to start, whatever it died of. Locked; lets the lock go. */
static void worker_gone(prong_pool *pool, struct pn_link *l, const struct pn_zygote_msg *ended)
{
    prong_error end;
    bool failed = l->state == PN_LINK_STARTING;
    prong_future *run = take_run(l, ended, &end);
    if (failed && !l->why[0])
        (void)snprintf(l->why, sizeof l->why, "it ended (%s %d) before it was ready", ended->how == CLD_EXITED ? "status" : "signal",
                       ended->status);
    l->failed_starts += failed;
    pn_link_clear(l);
    if (!failed)
        l->why[0] = '\0';
    if (run) {
        pn_unlock(&pool->lock);
        pn_run_end(run, &end);
        pn_lock(&pool->lock);
    }
    if (failed)
        failed_to_start(pool, l);
}

/* ---- the manager: what it hears ---- */

static void take_reply(prong_pool *pool, struct pn_link *l, const prong_error *end)
{
    pn_lock(&pool->lock);
    prong_future *run = l->run;
    if (l->segment)                            /* of a run that gave way: its record stays as submitted */
        pn_segment_unmap(l->segment, run->size);
    l->segment = NULL;
    l->run = NULL;
    l->kill_at = PRONG_NEVER;
    l->runs++;
    becomes_idle(l);
    hand_out_small(pool);
    pn_unlock(&pool->lock);
    pn_run_end(run, end);
}

/* Takes all that a worker has said so far. false: its channel has ended, or what came makes no sense. */
static bool listen_to(prong_pool *pool, struct pn_link *l)
{
    struct processes *p = pool->state;
    for (;;) {
        prong_error end;
        switch (pn_link_listen(l, &p->message, &end)) {
        case PN_SAID_NOTHING:
            return true;
        case PN_SAID_READY:
            pn_lock(&pool->lock);
            l->ready = true;
            may_be_idle(l);
            pn_unlock(&pool->lock);
            break;
        case PN_SAID_REPLY:
            take_reply(pool, l, &end);
            break;
        case PN_SAID_NONSENSE:
            pn_lock(&pool->lock);
            pn_link_kill(l, PN_KILLED_FOR_LYING);
            pn_unlock(&pool->lock);
            return false;
        case PN_SAID_END:
            return false;
        }
    }
}

static void worker_said(prong_pool *pool, struct pn_link *l)
{
    if (listen_to(pool, l))
        return;
    pn_lock(&pool->lock);
    if (l->state != PN_LINK_STARTING)          /* a start that fails is told by the worker's end */
        l->state = PN_LINK_ENDING;
    pn_close_fds(&l->channel, 1);
    pn_unlock(&pool->lock);
}

static void worker_ended(prong_pool *pool, struct pn_link *l, const struct pn_zygote_msg *msg)
{
    if (l->channel >= 0)
        (void)listen_to(pool, l);              /* replies already written are kept */
    pn_lock(&pool->lock);
    worker_gone(pool, l, msg);
    pn_unlock(&pool->lock);
}

/* The zygote is dead, and its workers with it: what runs is lost. */
static void zygote_ended(prong_pool *pool)
{
    struct processes *p = pool->state;
    struct pn_zygote_msg none = { .how = CLD_KILLED, .status = SIGKILL };
    pn_lock(&pool->lock);
    pn_close_fds(&p->zygote, 1);
    pn_unlock(&pool->lock);
    pn_pool_break(pool, "its zygote has ended, and all worker processes with it");
    for (uint32_t i = 0; i < p->size; i++) {
        struct pn_link *l = p->link[i];
        if (l->state == PN_LINK_ABSENT)
            continue;
        if (l->channel >= 0)
            (void)listen_to(pool, l);
        pn_lock(&pool->lock);
        prong_error end;
        prong_future *run = take_run(l, &none, &end);
        pn_link_clear(l);
        pn_unlock(&pool->lock);
        if (!run)
            continue;
        pn_end_set(&end, PRONG_LOST, EPIPE, "the pool is broken: its zygote has ended, and all worker processes with it");
        pn_run_end(run, &end);
    }
    pn_pool_break(pool, "its zygote has ended, and all worker processes with it");      /* for runs that had not been begun */
}

static void started(struct pn_link *l, const struct pn_zygote_msg *msg, int *pidfd)
{
    l->pid = msg->pid;
    l->pidfd = *pidfd;
    *pidfd = -1;
    l->started = true;
    may_be_idle(l);
    if (l->state == PN_LINK_ENDING && l->killed != PN_NOT_KILLED)
        pn_link_kill(l, l->killed);            /* it was to be killed before it could be */
}

static void not_started(prong_pool *pool, struct pn_link *l, int error)
{
    l->failed_starts++;
    (void)snprintf(l->why, sizeof l->why, "cannot fork a worker process: %s", strerror(error));
    pn_link_clear(l);
    failed_to_start(pool, l);
}

static void zygote_said(prong_pool *pool)
{
    struct processes *p = pool->state;
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
        pn_close_fds(fds, PN_CHANNEL_FDS);
    }
    if (got != -EAGAIN && got != -EMFILE)
        zygote_ended(pool);
}

/* ---- the manager: its loop ---- */

/* Kills what is over its time, and tells when to look again. Locked. */
static prong_time kill_overdue(struct processes *p)
{
    prong_time next = PRONG_NEVER;
    for (uint32_t i = 0; i < p->size; i++) {
        struct pn_link *l = p->link[i];
        if (l->state != PN_LINK_BUSY || l->kill_at == PRONG_NEVER)
            continue;
        if (pn_passed(l->kill_at))
            pn_link_kill(l, PN_KILLED_BY_TIME);
        else
            next = pn_earlier(next, l->kill_at);
    }
    return next;
}

/* Locked. false: no memory for that many; the rest is listened to later. */
static nfds_t list_descriptors(struct processes *p)
{
    if (p->poll_size < p->size + 2) {
        struct pollfd *more = realloc(p->poll, (p->size + 2) * sizeof *more);
        if (more) {
            p->poll = more;
            p->poll_size = p->size + 2;
        }
    }
    nfds_t n = p->poll_size < p->size + 2 ? p->poll_size : p->size + 2;
    p->poll[0] = (struct pollfd){ .fd = p->zygote, .events = POLLIN };
    p->poll[1] = (struct pollfd){ .fd = p->wake, .events = POLLIN };
    for (nfds_t i = 2; i < n; i++)
        p->poll[i] = (struct pollfd){ .fd = p->link[i - 2]->channel, .events = POLLIN };
    return n;
}

/* Sleeps until something has to be done. false: nothing ever will. */
static bool sleep_manager(prong_pool *pool, nfds_t *ret_n)
{
    struct processes *p = pool->state;
    pn_lock(&pool->lock);
    fill_up(pool);
    hand_out(pool);
    prong_time next = kill_overdue(p);
    bool done = pool->closing && pool->open_count == 0;
    nfds_t n = list_descriptors(p);
    p->asleep = !done;
    pn_unlock(&pool->lock);
    if (!done && poll(p->poll, n, pn_poll_ms(next)) < 0)
        for (nfds_t i = 0; i < n; i++)
            p->poll[i].revents = 0;
    pn_lock(&pool->lock);
    p->asleep = false;
    pn_unlock(&pool->lock);
    *ret_n = n;
    return !done;
}

/* Replies first: what a worker had written before it died counts. */
static void manage(prong_pool *pool)
{
    struct processes *p = pool->state;
    uint64_t count;
    nfds_t n;
    while (sleep_manager(pool, &n)) {
        if (p->poll[1].revents)
            (void)!read(p->wake, &count, sizeof count);
        bool zygote = p->poll[0].revents;
        for (nfds_t i = 2; i < n; i++)
            if (p->poll[i].revents && p->link[i - 2]->channel == p->poll[i].fd)
                worker_said(pool, p->link[i - 2]);
        if (zygote)
            zygote_said(pool);
    }
}

/* Tells the zygote that the pool is over, and waits until it has reaped the last worker. */
static void end_workers(struct processes *p)
{
    int fds[PN_CHANNEL_FDS];
    struct pn_zygote_msg drop;
    ssize_t got;
    if (p->zygote < 0)
        return;
    (void)shutdown(p->zygote, SHUT_WR);
    while ((got = pn_channel_receive(p->zygote, &drop, sizeof drop, fds, true)) > 0 || got == -EMFILE)
        pn_close_fds(fds, PN_CHANNEL_FDS);
    pn_close_fds(&p->zygote, 1);
}

static void *manager_main(void *arg)
{
    prong_pool *pool = arg;
    struct processes *p = pool->state;
    manage(pool);
    end_workers(p);
    pn_lock(&pool->lock);
    for (uint32_t i = 0; i < p->size; i++)
        pn_link_clear(p->link[i]);
    pn_unlock(&pool->lock);
    pn_pool_worker_gone(pool);
    return NULL;
}

/* ---- the operations ---- */

static int make_room(prong_pool *pool, uint32_t size)
{
    struct processes *p = pool->state;
    if (size <= p->size)
        return 0;
    struct pn_link **more = realloc(p->link, size * sizeof *more);
    if (more)
        p->link = more;
    for (; more && p->size < size; p->size++) {
        struct pn_link *l = calloc(1, sizeof *l);
        if (!l)
            break;
        *l = (struct pn_link){ .pool = pool, .index = p->size, .channel = -1, .pidfd = -1 };
        p->link[p->size] = l;
    }
    return p->size < size ? pn_error(-ENOMEM, "no memory for %u workers", size) : 0;
}

static void fini(prong_pool *pool)
{
    struct processes *p = pool->state;
    for (uint32_t i = 0; i < p->size; i++)
        free(p->link[i]);
    pn_close_fds(&p->wake, 1);
    free(p->link);
    free(p->poll);
    free(p);
}

/* The zygote first, while the program may still have one thread; the manager last. */
static int open_parts(prong_pool *pool, struct processes *p)
{
    int r = pn_zygote_open_pool(&p->zygote);
    if (r == 0 && pool->init.kind)
        r = pn_function_check(pool->init.fn[0]);
    if (r == 0)
        r = pn_heap_open(pool->heap_bytes, true, &pool->heap);
    if (r == 0)
        r = make_room(pool, pool->workers);
    p->poll = r == 0 ? malloc((p->size + 2) * sizeof *p->poll) : NULL;
    p->poll_size = p->poll ? p->size + 2 : 0;
    if (r == 0 && !p->poll)
        r = pn_error(-ENOMEM, "no memory for %u workers", pool->workers);
    p->wake = r == 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (r == 0 && p->wake < 0)
        r = pn_error(-errno, "cannot make an event descriptor: %s", strerror(errno));
    return r;
}

static int start_workers(prong_pool *pool, struct processes *p)
{
    for (uint32_t i = 0; i < pool->workers; i++) {
        int r = pn_link_start(p->link[i], p->next_id++, p->zygote);
        if (r < 0)
            return pn_error(r, "worker %u of %u: %s", i + 1, pool->workers, p->link[i]->why);
    }
    pool->users++;
    pn_pool_get(pool);
    char name[64];
    (void)snprintf(name, sizeof name, "%.8s-mgr", pool->name);
    int r = pn_thread_start(&p->manager, manager_main, pool, name);
    if (r < 0) {
        pool->users--;
        pn_pool_put(pool);
        return pn_error(r, "cannot start the manager thread: %s", strerror(-r));
    }
    return 0;
}

static int open_processes(prong_pool *pool)
{
    struct processes *p = calloc(1, sizeof *p);
    if (!p)
        return pn_error(-ENOMEM, "no memory for a pool");
    pool->state = p;
    p->zygote = p->wake = -1;
    p->next_id = 1;
    int r = open_parts(pool, p);
    if (r == 0)
        r = start_workers(pool, p);
    if (r < 0) {
        end_workers(p);
        for (uint32_t i = 0; i < p->size; i++)
            pn_link_clear(p->link[i]);
        fini(pool);
    }
    return r;
}

static int check(prong_pool *pool, const struct pn_call *call)
{
    int r = 0;
    (void)pool;
    for (size_t i = 0; r == 0 && i < PN_CALL_FUNCTIONS; i++)
        if (call->fn[i])
            r = pn_function_check(call->fn[i]);
    return r;
}

/* The manager must know of a time to keep, and of what is left to it. */
static void ready(prong_pool *pool, prong_future *run)
{
    struct processes *p = pool->state;
    hand_out_small(pool);
    if (run->kill_ms || (pool->queue.count && idle_link(p)))
        wake_manager(p);
}

static struct pn_link *link_of(const struct processes *p, const prong_future *run)
{
    for (uint32_t i = 0; i < p->size; i++)
        if (p->link[i]->run == run)
            return p->link[i];
    return NULL;                               /* the manager is about to send it */
}

static void ask(prong_pool *pool, prong_future *run)
{
    struct pn_link *l = link_of(pool->state, run);
    if (l)
        pn_store_relaxed(&l->board->asked, l->seq);
}

static void kill_run(prong_pool *pool, prong_future *run)
{
    struct pn_link *l = link_of(pool->state, run);
    if (l)
        pn_link_kill(l, PN_KILLED_BY_CANCEL);
}

static void resize(prong_pool *pool)
{
    struct processes *p = pool->state;
    (void)make_room(pool, pool->workers);      /* with less memory, fewer workers */
    for (uint32_t i = 0; i < p->size; i++) {
        p->link[i]->failed_starts = 0;
        if (p->link[i]->state == PN_LINK_IDLE && is_surplus(p->link[i]))
            pn_link_retire(p->link[i]);
    }
    wake_manager(p);
}

static void stop(prong_pool *pool) { wake_manager(pool->state); }
static void join(prong_pool *pool) { pn_thread_join(((struct processes *)pool->state)->manager); }
static void leave(prong_pool *pool) { pn_thread_leave(((struct processes *)pool->state)->manager); }

const struct pn_engine pn_processes = {
    .name = "processes",
    .promises = 1u << PRONG_SHARES_HEAP | 1u << PRONG_CONTAINS_CRASHES | 1u << PRONG_KILLS,
    .most_workers = 1u << 14,
    .open = open_processes,
    .check = check,
    .ready = ready,
    .ask = ask,
    .kill = kill_run,
    .resize = resize,
    .stop = stop,
    .join = join,
    .leave = leave,
    .fini = fini,
};
