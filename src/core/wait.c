/* A waiter helps if it can, else it hangs a watch on every run it waits for and sleeps on one word. A task that sleeps says for which
 * run (blocked_on), so that a circle of such tasks is found by whoever would close it; waits for any of several are not followed. */
#include "core/wait.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/engine.h"
#include "sync/futex.h"
#include <errno.h>
#include <stdlib.h>

/* ---- circles ---- */

static struct pn_lock circle_lock;             /* guards blocked_on of all runs */

__attribute__((constructor)) static void watch_forks(void) { pn_lock_free_at_fork(&circle_lock); }

static prong_future *current_run(void)
{
    const struct pn_context *c = pn_context();
    return c ? c->run : NULL;
}

bool pn_runs_here(const prong_future *run)
{
    for (const struct pn_context *c = pn_context(); c; c = c->outer)
        if (c->run == run)
            return true;
    return false;
}

/* From now on the current run waits for `target`; false: target waits for it already, through however many. Every run on the way is
 * alive: who is blocked on a run holds a reference to it. */
static bool block_on(prong_future *target)
{
    prong_future *me = current_run();
    if (!me)
        return true;
    pn_lock(&circle_lock);
    const prong_future *at = target;
    while (at && at != me)
        at = at->blocked_on;
    if (!at)
        me->blocked_on = target;
    pn_unlock(&circle_lock);
    return !at;
}

static void unblock(void)
{
    prong_future *me = current_run();
    if (!me)
        return;
    pn_lock(&circle_lock);
    me->blocked_on = NULL;
    pn_unlock(&circle_lock);
}

/* ---- running inside a wait ---- */

void pn_run_nested(prong_future *run, uint32_t slot)
{
    pn_run_get(run);                           /* blocked_on points to it */
    (void)block_on(run);                       /* it has just begun: it waits for nobody */
    pn_run_here(run, slot);
    unblock();
    pn_run_put(run);
}

/* A thread that is inside the pool, however deep, keeps its slot; others borrow one, unless the runs are for the pool's workers alone. */
bool pn_slot_take(prong_pool *pool, struct pn_slot *ret_slot)
{
    *ret_slot = (struct pn_slot){ 0 };
    for (const struct pn_context *c = pn_context(); c; c = c->outer) {
        if (c->pool == pool) {
            ret_slot->number = c->slot;
            return pool->engine->helps;
        }
    }
    for (uint32_t i = 0; i < pool->engine->outside_helpers && !pool->workers_only; i++) {
        if (pool->helper_slots & (1u << i))
            continue;
        *ret_slot = (struct pn_slot){ .number = pool->workers_at_open + i, .borrowed = 1u << i };
        pool->helper_slots |= ret_slot->borrowed;
        return true;
    }
    return false;
}

void pn_slot_return(prong_pool *pool, const struct pn_slot *slot) { pool->helper_slots &= ~slot->borrowed; }

bool pn_help_locked(prong_future *run, prong_time deadline)
{
    prong_pool *pool = run->pool;
    struct pn_slot slot;
    if (deadline != PRONG_NEVER || !run->queued.level || !pn_slot_take(pool, &slot))
        return false;
    (void)pn_run_claim_this(run);
    pn_unlock(&pool->lock);
    pn_run_nested(run, slot.number);
    pn_lock(&pool->lock);
    pn_slot_return(pool, &slot);
    return true;
}

static bool help(prong_future *f, prong_time deadline)
{
    pn_lock(&f->pool->lock);
    bool helped = pn_help_locked(f, deadline);
    pn_unlock(&f->pool->lock);
    return helped;
}

/* ---- sleeping ---- */

static bool watch(prong_future *f, struct pn_watch *w, pn_u32 *fired)
{
    w->fired = fired;
    pn_lock(&f->pool->lock);
    bool open = !pn_run_ended(f);
    if (open)
        pn_list_push_back(&f->watches, &w->link);
    else
        pn_list_init(&w->link);
    pn_unlock(&f->pool->lock);
    return open;
}

static void unwatch(prong_future *f, struct pn_watch *w)
{
    pn_lock(&f->pool->lock);
    pn_list_remove(&w->link);
    pn_unlock(&f->pool->lock);
}

/* Until any of them has ended. No lost wake-up: an end before its watch is seen by watch(), one after it sets the word. The acquire
 * pairs with the release in publish_end. */
static int sleep_until_any(prong_future *const f[], size_t n, prong_time deadline)
{
    struct pn_watch few[4], *w = n <= 4 ? few : malloc(n * sizeof *w);
    pn_u32 fired = 0;
    size_t watched = 0;
    bool open = true;
    int r = 0;
    if (!w)
        return pn_error(-ENOMEM, "no memory to wait for %zu runs", n);
    while (watched < n && open) {
        pn_run_get(f[watched]);
        open = watch(f[watched], &w[watched], &fired);
        watched++;
    }
    while (open && !pn_load_acquire(&fired) && r == 0)
        r = pn_futex_wait(&fired, 0, deadline);
    for (size_t i = 0; i < watched; i++) {
        unwatch(f[i], &w[i]);
        pn_run_put(f[i]);
    }
    if (w != few)
        free(w);
    return open && !pn_load_acquire(&fired) ? r : 0;
}

/* ---- looking for ends oneself ---- */

struct some { prong_future *const *f; size_t n; };

static bool one_has_ended(const void *what)
{
    const struct some *s = what;
    for (size_t i = 0; i < s->n; i++)
        if (pn_run_ended(s->f[i]))
            return true;
    return false;
}

/* Where the engine lets its waiters do that. false: there is no need to, or another thread does. */
static bool attend(prong_future *const f[], size_t n, prong_time deadline)
{
    prong_pool *pool = f[0]->pool;
    struct some s = { .f = f, .n = n };
    for (size_t i = 0; i < n; i++)
        if (f[i]->pool != pool || !pool->engine->attend)
            return false;
    pn_lock(&pool->lock);
    bool attended = one_has_ended(&s) || pool->engine->attend(pool, one_has_ended, &s, deadline);
    pn_unlock(&pool->lock);
    return attended;
}

static int check(prong_future *const f[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!f[i])
            return pn_error(-EINVAL, "no future at index %zu", i);
        if (!pn_pool_is_ours(f[i]->pool))
            return pn_not_ours("future");
    }
    return 0;
}

static int not_yet(prong_time deadline)
{
    return pn_error(-ETIMEDOUT, deadline == PRONG_NOW ? "the run has not ended" : "the run did not end before the deadline");
}

static int circle(void)
{
    return pn_error(-EDEADLK, "the run cannot end while this %s waits for it", pn_in_callback() ? "on_end" : "task");
}

static int wait_one(prong_future *f, prong_time deadline)
{
    while (!pn_run_ended(f)) {
        if (deadline == PRONG_NOW) {
            (void)attend(&f, 1, deadline);
            return pn_run_ended(f) ? 0 : not_yet(deadline);
        }
        if (pn_in_callback() || pn_runs_here(f))
            return circle();
        if (help(f, deadline))
            continue;
        if (!block_on(f))
            return circle();
        int r = 0;
        if (!attend(&f, 1, deadline))
            r = sleep_until_any(&f, 1, deadline);
        else if (!pn_run_ended(f))
            r = -ETIMEDOUT;
        unblock();
        if (r < 0)
            return r == -ETIMEDOUT ? not_yet(deadline) : r;
    }
    return 0;
}

/* ---- what users call ---- */

int prong_wait_all(prong_future *const f[], size_t n, prong_time deadline, prong_error *ret_end)
{
    const prong_error *bad = NULL;
    int r = check(f, n);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = wait_one(f[i], deadline);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && !bad; i++)
        if (f[i]->end.kind != PRONG_DONE)
            bad = &f[i]->end;
    if (ret_end)
        *ret_end = bad ? *bad : n ? f[0]->end : (prong_error){ 0 };
    return bad ? bad->kind : 0;
}

int prong_wait(prong_future *f, prong_time deadline, prong_error *ret_end)
{
    return prong_wait_all(&f, 1, deadline, ret_end);
}

static bool find_ended(prong_future *const f[], size_t n, size_t *ret_i)
{
    for (size_t i = 0; i < n; i++) {
        if (pn_run_ended(f[i])) {
            *ret_i = i;
            return true;
        }
    }
    return false;
}

static bool help_any(prong_future *const f[], size_t n, prong_time deadline)
{
    for (size_t i = 0; i < n; i++)
        if (pn_inside(f[i]->pool) && help(f[i], deadline))
            return true;
    return false;
}

static bool all_run_here(prong_future *const f[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!pn_runs_here(f[i]))
            return false;
    return true;
}

int prong_wait_any(prong_future *const f[], size_t n, prong_time deadline, size_t *ret_i)
{
    int r = n ? check(f, n) : pn_error(-EINVAL, "no future to wait for");
    while (r == 0 && !find_ended(f, n, ret_i)) {
        if (deadline == PRONG_NOW)
            r = attend(f, n, deadline) && one_has_ended(&(struct some){ f, n }) ? 0 : not_yet(deadline);
        else if (pn_in_callback() || all_run_here(f, n))
            r = circle();
        else if (help_any(f, n, deadline))
            continue;
        else if (!attend(f, n, deadline))
            r = sleep_until_any(f, n, deadline);
        else if (!one_has_ended(&(struct some){ f, n }))
            r = -ETIMEDOUT;
        if (r == -ETIMEDOUT)
            r = not_yet(deadline);
    }
    return r;
}
