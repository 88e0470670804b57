#include "core/group.h"
#include "base/error.h"
#include "base/process.h"
#include "core/engine.h"
#include "core/run.h"
#include "core/wait.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct prong_group {
    prong_pool *pool;
    struct pn_list open, ended;    /* runs; open ones in the order of submission, ended ones in the order of their ends */
    struct pn_cond more;           /* a run ended */
    size_t ended_count;
    uint64_t submitted;
    bool stop_at_bad, stopped;     /* the first bad end asks all others to give way; it has */
    int fd;                        /* -1: nobody asked for it. Readable while `ended` is not empty */
};

/* ---- what the pool tells ---- */

prong_pool *pn_group_pool(const prong_group *g) { return g->pool; }

void pn_group_add(prong_group *g, prong_future *run)
{
    run->group = g;
    run->group_index = g->submitted++;
    pn_list_push_back(&g->open, &run->of_group);
    if (g->stopped)
        pn_store_relaxed(&run->asked, 1);
}

static void fd_set_readable(prong_group *g)
{
    uint64_t one = 1;
    if (g->fd >= 0)
        (void)!write(g->fd, &one, sizeof one);
}

static void fd_set_quiet(prong_group *g)
{
    uint64_t count;
    if (g->fd >= 0)
        (void)!read(g->fd, &count, sizeof count);
}

void pn_group_stop_at_bad(prong_group *g) { g->stop_at_bad = true; }

/* Those that wait are ended by whoever would have begun them. */
void pn_group_stop(prong_group *g)
{
    g->stopped = true;
    PN_LIST_EACH(it, &g->open) {
        prong_future *run = PN_OF(it, prong_future, of_group);
        if (run->queued.level)
            pn_store_relaxed(&run->asked, 1);
        else
            (void)pn_run_cancel_running(run, PRONG_ASK);
    }
}

void pn_group_ended(prong_group *g, prong_future *run)
{
    if (pn_list_empty(&g->ended))
        fd_set_readable(g);
    pn_list_remove(&run->of_group);
    pn_list_push_back(&g->ended, &run->of_group);
    g->ended_count++;
    if (g->stop_at_bad && !g->stopped && run->end.kind != PRONG_DONE)
        pn_group_stop(g);
    pn_cond_broadcast(&g->more);
}

/* ---- what users call ---- */

static int check(const prong_group *g)
{
    return pn_pool_is_ours(g->pool) ? 0 : pn_not_ours("group");
}

int prong_group_open(prong_pool *pool, prong_group **ret_group)
{
    int r = pn_pool_resolve(&pool);
    if (r < 0)
        return r;
    prong_group *g = calloc(1, sizeof *g);
    if (!g)
        return pn_error(-ENOMEM, "no memory for a group");
    pn_pool_get(pool);
    g->pool = pool;
    g->fd = -1;
    pn_list_init(&g->open);
    pn_list_init(&g->ended);
    *ret_group = g;
    return 0;
}

static prong_future *take_ended(prong_group *g)
{
    if (pn_list_empty(&g->ended))
        return NULL;
    prong_future *run = PN_OF(g->ended.next, prong_future, of_group);
    pn_list_remove(&run->of_group);
    run->group = NULL;
    g->ended_count--;
    if (pn_list_empty(&g->ended))
        fd_set_quiet(g);
    return run;
}

prong_future *pn_group_try(prong_group *g)
{
    pn_lock(&g->pool->lock);
    prong_future *run = take_ended(g);
    pn_unlock(&g->pool->lock);
    return run;
}

/* Inside a task of the pool all workers might wait like this one, so it runs what it waits for. */
static bool help(prong_group *g, prong_time deadline)
{
    PN_LIST_EACH(it, &g->open)
        if (pn_help_locked(PN_OF(it, prong_future, of_group), deadline))
            return true;
    return false;
}

static bool runs_here(const prong_group *g, bool all)
{
    PN_LIST_EACH(it, &g->open)
        if (pn_runs_here(PN_OF(it, prong_future, of_group)) != all)
            return !all;
    return all && pn_context();
}

static int circle(void)
{
    return pn_error(-EDEADLK, "no run of the group can end while this %s waits", pn_in_callback() ? "on_end" : "task");
}

static bool has_news(const void *what)
{
    const prong_group *g = what;
    return !pn_list_empty(&g->ended) || pn_list_empty(&g->open);
}

/* Sleeps until there may be something new. -ETIMEDOUT: the deadline has passed. */
static int sleep_for_news(prong_group *g, prong_time deadline)
{
    prong_pool *pool = g->pool;
    if (!pool->engine->attend || !pool->engine->attend(pool, has_news, g, deadline))
        return pn_cond_wait(&g->more, &pool->lock, deadline);
    return has_news(g) ? 0 : -ETIMEDOUT;
}

/* Until an ended run can be taken, or none is open. Locked. */
static int wait_for_end(prong_group *g, prong_time deadline)
{
    while (pn_list_empty(&g->ended) && !pn_list_empty(&g->open)) {
        if (deadline == PRONG_NOW) {
            if (g->pool->engine->attend)
                (void)g->pool->engine->attend(g->pool, has_news, g, deadline);
            return has_news(g) ? 0 : pn_error(-ETIMEDOUT, "no run of the group has ended");
        }
        if (pn_in_callback() || runs_here(g, true))
            return circle();
        if (pn_inside(g->pool) && help(g, deadline))
            continue;
        if (sleep_for_news(g, deadline) == -ETIMEDOUT && !has_news(g))
            return pn_error(-ETIMEDOUT, "no run of the group ended before the deadline");
    }
    return 0;
}

struct wanted { const prong_group *g; size_t most; };

static bool is_enough(const void *what)
{
    const struct wanted *w = what;
    return w->g->ended_count >= w->most || pn_list_empty(&w->g->open);
}

int pn_group_take_some(prong_group *g, prong_time deadline, size_t most, prong_future *ret_ended[], size_t *ret_n)
{
    size_t n = 0;
    prong_future *run;
    pn_lock(&g->pool->lock);
    int r = wait_for_end(g, deadline);
    if (r == 0 && g->ended_count < most && g->pool->engine->linger && deadline != PRONG_NOW)
        g->pool->engine->linger(g->pool, is_enough, &(struct wanted){ g, most });
    while (r == 0 && n < most && (run = take_ended(g)) != NULL)
        ret_ended[n++] = run;
    pn_unlock(&g->pool->lock);
    if (n)
        *ret_n = n;
    return r == 0 && !n ? -ENOENT : r;
}

int pn_group_take(prong_group *g, prong_time deadline, prong_future **ret_ended)
{
    size_t one;
    return pn_group_take_some(g, deadline, 1, ret_ended, &one);
}

int prong_group_next(prong_group *g, prong_time deadline, prong_future **ret_ended)
{
    int r = check(g);
    if (r == 0)
        r = pn_group_take(g, deadline, ret_ended);
    return r == -ENOENT ? pn_error(r, "the group has no run left") : r;
}

int prong_group_fd(prong_group *g)
{
    int r = check(g);
    if (r < 0)
        return r;
    if (g->pool->engine->tells_no_fd)
        return pn_error(-ENOTSUP, "a task of processes cannot have a descriptor for a group of its own pool: use prong_group_next");
    pn_lock(&g->pool->lock);
    if (g->fd < 0) {
        g->fd = pn_fd_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (g->fd < 0)
            r = pn_error(-errno, "cannot make an event descriptor for the group");
        else if (!pn_list_empty(&g->ended))
            fd_set_readable(g);
    }
    r = g->fd < 0 ? r : g->fd;
    pn_unlock(&g->pool->lock);
    return r;
}

/* The last submitted comes first: else what runs would make way for what is about to be cancelled. Comes back without the lock if there
 * was one. */
static bool cancel_a_waiting_one(prong_group *g)
{
    for (struct pn_list *it = g->open.prev; it != &g->open; it = it->prev)
        if (pn_run_cancel_waiting(PN_OF(it, prong_future, of_group)))
            return true;
    return false;
}

int prong_group_cancel(prong_group *g, enum prong_how how)
{
    int worst = check(g);
    if (worst < 0)
        return worst;
    pn_lock(&g->pool->lock);
    while (cancel_a_waiting_one(g))
        pn_lock(&g->pool->lock);
    PN_LIST_EACH(it, &g->open) {
        int r = pn_run_cancel_running(PN_OF(it, prong_future, of_group), how);
        worst = worst == 0 || worst == -EINPROGRESS ? r : worst;
    }
    pn_unlock(&g->pool->lock);
    return pn_cancel_words(g->pool, worst);
}

static int check_close(prong_group *g)
{
    int r = check(g);
    if (r < 0)
        return r;
    pn_lock(&g->pool->lock);
    bool would_wait = !pn_list_empty(&g->open);
    if (would_wait && (pn_in_callback() || runs_here(g, false)))
        r = circle();
    pn_unlock(&g->pool->lock);
    return r;
}

/* The first bad end, in the order of submission, of all that end until the deadline. 0 or -ETIMEDOUT. */
static int drain(prong_group *g, prong_time deadline, prong_error *ret_end)
{
    int r;
    uint64_t lowest = UINT64_MAX;
    for (prong_future *run; (r = pn_group_take(g, deadline, &run)) == 0; pn_run_put(run)) {
        if (run->end.kind != PRONG_DONE && run->group_index < lowest) {
            lowest = run->group_index;
            *ret_end = run->end;
        }
    }
    return r == -ENOENT ? 0 : r;
}

/* The runs that have not ended go on by themselves: nobody will take them. */
static void let_go(prong_group *g)
{
    pn_lock(&g->pool->lock);
    while (!pn_list_empty(&g->open)) {
        prong_future *run = PN_OF(g->open.next, prong_future, of_group);
        pn_list_remove(&run->of_group);
        run->group = NULL;
        pn_run_put(run);                       /* the pool still holds it */
    }
    for (prong_future *run; (run = take_ended(g)) != NULL;)
        pn_run_put(run);                       /* never the last of the pool: the group holds that */
    pn_unlock(&g->pool->lock);
}

int prong_group_close(prong_group *g, prong_time deadline, prong_error *ret_end)
{
    prong_error end = { 0 };
    int r = g ? check_close(g) : 0;
    if (!g || r < 0)
        return r;
    r = drain(g, deadline, &end);
    if (r < 0) {
        int how = pn_promises(g->pool, PRONG_KILLS) ? PRONG_KILL : PRONG_ASK;
        (void)prong_group_cancel(g, (enum prong_how)how);
        (void)pn_error(r, "runs of the group had not ended at the deadline, and were cancelled");
    }
    let_go(g);
    if (g->fd >= 0)
        (void)close(g->fd);
    pn_pool_put(g->pool);
    free(g);
    if (r == 0 && ret_end)
        *ret_end = end;
    return r < 0 ? r : end.kind;
}
