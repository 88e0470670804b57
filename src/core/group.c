#include "core/group.h"
#include "base/error.h"
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
    uint64_t submitted;
    int fd;                        /* -1: nobody asked for it. Readable while `ended` is not empty */
};

/* ---- what the pool tells ---- */

prong_pool *pn_group_pool(const prong_group *g) { return g->pool; }

void pn_group_add(prong_group *g, prong_future *run)
{
    run->group = g;
    run->group_index = g->submitted++;
    pn_list_push_back(&g->open, &run->of_group);
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

void pn_group_ended(prong_group *g, prong_future *run)
{
    if (pn_list_empty(&g->ended))
        fd_set_readable(g);
    pn_list_remove(&run->of_group);
    pn_list_push_back(&g->ended, &run->of_group);
    pn_cond_broadcast(&g->more);
}

/* ---- what users call ---- */

static int check(const prong_group *g)
{
    return pn_pool_is_ours(g->pool) ? 0 : pn_error(-EOWNERDEAD, "the group belongs to the process that opened it, and this is a fork of that");
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

static bool waits_for_itself(const prong_group *g)
{
    if (!pn_context())
        return false;
    PN_LIST_EACH(it, &g->open)
        if (!pn_runs_here(PN_OF(it, prong_future, of_group)))
            return false;
    return true;
}

/* Until an ended run can be taken, or none is open. Locked. */
static int wait_for_end(prong_group *g, prong_time deadline)
{
    while (pn_list_empty(&g->ended) && !pn_list_empty(&g->open)) {
        if (deadline == PRONG_NOW)
            return pn_error(-ETIMEDOUT, "no run of the group has ended");
        if (pn_in_callback() || waits_for_itself(g))
            return pn_error(-EDEADLK, "no run of the group can end while this %s waits", pn_in_callback() ? "on_end" : "task");
        if (pn_inside(g->pool) && help(g, deadline))
            continue;
        if (pn_cond_wait(&g->more, &g->pool->lock, deadline) == -ETIMEDOUT && pn_list_empty(&g->ended))
            return pn_error(-ETIMEDOUT, "no run of the group ended before the deadline");
    }
    return 0;
}

int prong_group_next(prong_group *g, prong_time deadline, prong_future **ret_ended)
{
    int r = check(g);
    if (r < 0)
        return r;
    pn_lock(&g->pool->lock);
    r = wait_for_end(g, deadline);
    prong_future *run = r == 0 ? take_ended(g) : NULL;
    if (r == 0 && !run)
        r = pn_error(-ENOENT, "the group has no run left");
    pn_unlock(&g->pool->lock);
    if (run)
        *ret_ended = run;
    return r;
}

int prong_group_fd(prong_group *g)
{
    int r = check(g);
    if (r < 0)
        return r;
    pn_lock(&g->pool->lock);
    if (g->fd < 0) {
        g->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (g->fd < 0)
            r = pn_error(-errno, "cannot make an event descriptor for the group");
        else if (!pn_list_empty(&g->ended))
            fd_set_readable(g);
    }
    r = g->fd < 0 ? r : g->fd;
    pn_unlock(&g->pool->lock);
    return r;
}

/* The lock is let go for each run, as others are told of its end: every run is held until its turn. The last submitted comes first: else
 * what runs would make way for what is about to be cancelled. */
int prong_group_cancel(prong_group *g, enum prong_how how)
{
    int r = check(g), worst = 0;
    if (r < 0)
        return r;
    size_t n = 0, i = 0;
    pn_lock(&g->pool->lock);
    PN_LIST_EACH(it, &g->open)
        n++;
    prong_future **runs = malloc((n ? n : 1) * sizeof *runs);
    if (runs) {
        PN_LIST_EACH(it, &g->open) {
            runs[i] = PN_OF(it, prong_future, of_group);
            pn_run_get(runs[i++]);
        }
    }
    pn_unlock(&g->pool->lock);
    if (!runs)
        return pn_error(-ENOMEM, "no memory to cancel %zu runs", n);
    while (i-- > 0) {
        r = prong_future_cancel(runs[i], how);
        if (r < 0 && r != -EALREADY && (worst == 0 || worst == -EINPROGRESS))
            worst = r;
        pn_run_put(runs[i]);
    }
    free(runs);
    return worst;
}

/* The runs that have not ended go on by themselves: nobody will take them. The pool still holds them. Locked. */
static void let_go(prong_group *g)
{
    while (!pn_list_empty(&g->open)) {
        prong_future *run = PN_OF(g->open.next, prong_future, of_group);
        pn_list_remove(&run->of_group);
        run->group = NULL;
        pn_run_put(run);
    }
}

int prong_group_close(prong_group *g, prong_time deadline, prong_error *ret_end)
{
    prong_future *run;
    prong_error end = { 0 };
    uint64_t lowest = UINT64_MAX;
    int r = g ? check(g) : 0;
    if (!g || r < 0)
        return r;
    while ((r = prong_group_next(g, deadline, &run)) == 0) {
        if (run->end.kind != PRONG_DONE && run->group_index < lowest) {
            lowest = run->group_index;
            end = run->end;
        }
        pn_run_put(run);
    }
    if (r == -EDEADLK)
        return r;
    if (r == -ETIMEDOUT) {
        int how = pn_promises(g->pool, PRONG_KILLS) ? PRONG_KILL : PRONG_ASK;
        (void)prong_group_cancel(g, (enum prong_how)how);
        (void)pn_error(r, "runs of the group had not ended at the deadline, and were cancelled");
    }
    pn_lock(&g->pool->lock);
    let_go(g);
    while ((run = take_ended(g)) != NULL)
        pn_run_put(run);                       /* never the last of the pool: the group holds that */
    pn_unlock(&g->pool->lock);
    if (g->fd >= 0)
        (void)close(g->fd);
    pn_pool_put(g->pool);
    free(g);
    if (r == -ETIMEDOUT)
        return r;
    if (ret_end)
        *ret_end = end;
    return end.kind;
}
