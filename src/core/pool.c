#include "core/pool.h"
#include "base/error.h"
#include "base/process.h"
#include "core/context.h"
#include "core/engine.h"
#include "core/run.h"
#include "core/spares.h"
#include "memory/heap.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pn_opts_copy(void *ours, size_t our_size, const void *theirs, size_t their_size)
{
    memset(ours, 0, our_size);
    if (!theirs)
        return 0;
    memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
    for (size_t i = our_size; i < their_size; i++)
        if (((const char *)theirs)[i])
            return pn_error(-ENOTSUP, "an option is set that this version of prong does not know");
    return 0;
}

/* ---- whose it is ---- */

int pn_not_ours(const char *what)
{
    return pn_error(-EOWNERDEAD, "the %s belongs to the process that opened it, and this is a fork of that", what);
}

bool pn_pool_is_ours(const prong_pool *pool) { return pool->epoch == pn_epoch(); }

int pn_pool_resolve(prong_pool **pool)
{
    if (!*pool) {
        const struct pn_context *c = pn_context();
        if (!c)
            return pn_error(-EINVAL, "no pool given, and this is not inside a task");
        *pool = c->pool;
        if (!c->pool)
            return c->home ? c->home(pool) : pn_error(-ENOTSUP, "the init of a pool of processes cannot use the pool");
    }
    return pn_pool_is_ours(*pool) ? 0 : pn_not_ours("pool");
}

bool pn_promises(const prong_pool *pool, enum prong_promise what)
{
    return (unsigned)what < 32 && (pool->engine->promises & (1u << what));
}

static const prong_pool *or_own(const prong_pool *pool)
{
    const struct pn_context *c = pn_context();
    prong_pool *home = NULL;
    if (pool || !c)
        return pool;
    return c->pool || !c->home || c->home(&home) < 0 ? c->pool : home;
}

bool prong_promises(const prong_pool *pool, enum prong_promise what)
{
    pool = or_own(pool);
    return pool && pn_promises(pool, what);
}

static uint32_t helpers(const prong_pool *pool) { return pool->engine->outside_helpers; }

uint32_t pn_worker_slot(const prong_pool *pool, uint32_t index)
{
    return index < pool->workers_at_open ? index : index + helpers(pool);
}

static uint32_t locked_read(const prong_pool *pool, const uint32_t *field)
{
    struct pn_lock *lock = (struct pn_lock *)(uintptr_t)&pool->lock;   /* reading a number leaves the pool as it was */
    if (!pn_pool_is_ours(pool))
        return 0;
    pn_lock(lock);
    uint32_t value = *field;
    pn_unlock(lock);
    return value;
}

uint32_t prong_pool_workers(const prong_pool *pool)
{
    pool = or_own(pool);
    return pool ? locked_read(pool, &pool->workers) : 0;
}

uint32_t prong_pool_slots(const prong_pool *pool)
{
    pool = or_own(pool);
    uint32_t workers = pool ? locked_read(pool, &pool->workers_most) : 0;
    return workers ? workers + helpers(pool) : 0;
}

/* ---- lives ---- */

void pn_pool_get_many(prong_pool *pool, size_t n)
{
    (void)pn_add_relaxed(&pool->refs, (uint32_t)n);            /* from another reference: nothing to order */
}

void pn_pool_put_many(prong_pool *pool, size_t n)
{
    /* Releases what this thread did with the pool to whoever frees it, and acquires what the others did. */
    if (pn_sub_acq_rel(&pool->refs, (uint32_t)n) != n)
        return;
    pn_queue_fini(&pool->queue);
    pn_spares_fini(pool);
    free(pool);
}

void pn_pool_get(prong_pool *pool) { pn_pool_get_many(pool, 1); }
void pn_pool_put(prong_pool *pool) { pn_pool_put_many(pool, 1); }

/* One of those who use what the pool owns has gone; the last one clears up. */
static void user_gone(prong_pool *pool)
{
    pn_lock(&pool->lock);
    bool last = --pool->users == 0;
    pn_cond_broadcast(&pool->gone);
    pn_unlock(&pool->lock);
    if (last) {
        if (pool->engine->fini)
            pool->engine->fini(pool);
        pn_heap_close(pool->heap);
        free(pool->init_record);
    }
    pn_pool_put(pool);
}

void pn_pool_worker_gone(prong_pool *pool) { user_gone(pool); }

void pn_pool_use(prong_pool *pool) { pool->users++; }

/* The caller has a run or a group of the pool, so the memory stays. */
void pn_pool_unuse(prong_pool *pool)
{
    if (pool->users > 1) {
        pool->users--;
        if (pool->closing)
            pn_cond_broadcast(&pool->gone);
        return;
    }
    pn_pool_get(pool);
    pn_unlock(&pool->lock);
    user_gone(pool);
    pn_lock(&pool->lock);
}

static int take_init(prong_pool *pool, const prong_pool_opts *o)
{
    if (!o->init)
        return 0;
    pool->init = pn_call_task(o->init);
    pool->init_size = o->init_size;
    pool->init_record = pn_record_copy(o->init_record, o->init_size);
    return pool->init_record ? 0 : pn_error(-ENOMEM, "no memory for the init record of %zu bytes", o->init_size);
}

int pn_pool_open(const struct pn_engine *engine, const prong_pool_opts *o, uint32_t count, bool spare, prong_pool **ret_pool)
{
    prong_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return pn_error(-ENOMEM, "no memory for a pool");
    pool->engine = engine;
    pool->epoch = pn_epoch();
    pool->workers = pool->workers_at_open = pool->workers_most = count;
    pool->queue_limit = o->queue_limit;
    pool->runs_per_worker = o->runs_per_worker;
    pool->flags = o->flags;
    pool->heap_bytes = o->heap_bytes;
    pool->memory_bytes = o->memory_bytes;
    pool->cpu_ms = o->cpu_ms;
    pool->files = o->files;
    pool->has_spare = spare;
    pool->workers_only = o->init != NULL;      /* where init has run */
    pool->users = 1;
    pn_store_relaxed(&pool->refs, 1);          /* not shared yet */
    (void)snprintf(pool->name, sizeof pool->name, "%s", o->name ? o->name : "prong");
    pn_queue_init(&pool->queue);
    pn_list_init(&pool->open);
    int r = take_init(pool, o);
    if (r == 0)
        r = engine->open(pool);
    if (r < 0) {
        free(pool->init_record);
        pn_heap_close(pool->heap);
        pn_pool_put(pool);
        return r;
    }
    *ret_pool = pool;
    return 0;
}

/* ---- breaking ---- */

static void end_waiting(prong_pool *pool, const prong_error *end)
{
    while (pn_run_end_waiting(pool, end))
        ;
}

void pn_pool_break(prong_pool *pool, const char *fmt, ...)
{
    prong_error end = { 0 };
    va_list args;
    pn_lock(&pool->lock);
    if (!pool->broken) {
        va_start(args, fmt);
        (void)vsnprintf(pool->why, sizeof pool->why, fmt, args);
        va_end(args);
    }
    pool->broken = true;
    pn_end_set(&end, PRONG_LOST, EPIPE, "the pool is broken: %s", pool->why);
    pn_cond_broadcast(&pool->room);
    pn_unlock(&pool->lock);
    end_waiting(pool, &end);
}

/* ---- closing ---- */

/* The program's own code runs: how long that takes is not ours to say. */
static bool is_at_work(const prong_pool *pool) { return pool->open_count > 0 || pool->in_init > 0; }
static bool is_drained(const prong_pool *pool) { return pool->users == 1 && pool->open_count == 0; }

/* The deadline has passed: what waits is cancelled, what runs is killed, or asked where that cannot be. */
static void cancel_all(prong_pool *pool)
{
    prong_error end = { 0 };
    pn_end_set(&end, PRONG_CANCELLED, ECANCELED, "its pool was closed before it began");
    pool->cancelling = true;
    if (pool->engine->recall_all)
        pool->engine->recall_all(pool);
    pn_unlock(&pool->lock);
    end_waiting(pool, &end);
    pn_lock(&pool->lock);
    PN_LIST_EACH(it, &pool->open) {
        prong_future *run = PN_OF(it, prong_future, of_pool);
        pn_store_relaxed(&run->asked, 1);
        run->kill_wanted = pool->engine->kill != NULL;
        if (pool->engine->kill)
            pool->engine->kill(pool, run);
        else if (pool->engine->ask)
            pool->engine->ask(pool, run);
    }
}

static int too_late(const prong_pool *pool)
{
    if (pool->open_count == 0)
        return pn_error(-ETIMEDOUT, "an init had not ended at the deadline, and goes on alone");
    return pn_error(-ETIMEDOUT, "%zu runs had not ended at the deadline, and were cancelled", pool->open_count);
}

static void begin_closing(prong_pool *pool)
{
    pool->closing = true;
    pn_cond_broadcast(&pool->room);
    pool->engine->stop(pool);
}

int prong_pool_close(prong_pool *pool, prong_time deadline)
{
    int r = 0;
    if (!pool)
        return 0;
    if (!pn_pool_is_ours(pool))
        return pn_not_ours("pool");
    if (pn_inside(pool) || pn_in_callback())
        return pn_error(-EDEADLK, "a pool cannot be closed from inside one of its tasks or an on_end: it would wait for itself");
    pn_lock(&pool->lock);
    if (pool->closing) {
        pn_unlock(&pool->lock);
        return pn_error(-ESHUTDOWN, "another thread is closing this pool already");
    }
    begin_closing(pool);
    while (is_at_work(pool) && r == 0)
        r = pn_cond_wait(&pool->gone, &pool->lock, deadline);
    r = is_at_work(pool) ? too_late(pool) : 0;
    if (r < 0)
        cancel_all(pool);
    while (!is_drained(pool) && (pool->engine->kill || !is_at_work(pool)))
        (void)pn_cond_wait(&pool->gone, &pool->lock, PRONG_NEVER);
    bool drained = is_drained(pool);
    pn_unlock(&pool->lock);
    if (drained && pool->engine->join)
        pool->engine->join(pool);
    else if (pool->engine->leave)
        pool->engine->leave(pool);
    user_gone(pool);
    return r;
}

void pn_pool_abandon(prong_pool *pool)
{
    pn_lock(&pool->lock);
    begin_closing(pool);
    pn_unlock(&pool->lock);
    if (pool->engine->leave)
        pool->engine->leave(pool);
    user_gone(pool);
}

/* Locked. */
static int change_workers(prong_pool *pool, uint32_t workers)
{
    uint32_t before = pool->workers;
    pool->workers = workers;
    pool->workers_most = workers > pool->workers_most ? workers : pool->workers_most;
    int r = pool->engine->resize ? pool->engine->resize(pool) : 0;
    if (r < 0) {
        pool->workers = before;
        (void)pool->engine->resize(pool);      /* those that were started go again */
    }
    return r;
}

int prong_pool_resize(prong_pool *pool, uint32_t workers)
{
    int r = pn_pool_resolve(&pool);
    if (r < 0)
        return r;
    if (workers == 0)
        workers = pool->workers_at_open;
    if (workers > pool->engine->most_workers)
        return pn_error(-ENOTSUP, "engine %s has at most %u workers", pool->engine->name, pool->engine->most_workers);
    pn_lock(&pool->lock);
    if (pool->closing) {
        r = pn_error(-ESHUTDOWN, "the pool is closing");
    } else {
        r = change_workers(pool, workers);
    }
    pn_unlock(&pool->lock);
    return r;
}
