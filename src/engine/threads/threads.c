/* threads - workers that share one queue, the pool's own, under its lock.
 *
 * A worker takes the first run, calls it without the lock, and looks again; it sleeps while the queue is empty. It leaves when it is
 * one too many (after a resize), or when the pool is closing and no run is open any more: a run that is open may be begun again. */
#include "engine/engines.h"
#include "base/error.h"
#include "base/process.h"
#include "core/engine.h"
#include "core/run.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct threads {
    struct pn_cond work;             /* a run waits, or something else has changed for workers */
    struct worker **worker;          /* by index */
    uint32_t size;
};

struct worker {
    prong_pool *pool;
    uint32_t index;
    enum { ABSENT, PRESENT, LEFT } state;      /* LEFT: its thread has yet to be joined */
    pthread_t thread;
};

static bool may_leave(const prong_pool *pool, uint32_t index)
{
    return index >= pool->workers || (pool->closing && pool->open_count == 0);
}

/* A close counts who is in here as at work: it is the program's code. */
static void run_init(prong_pool *pool, uint32_t index, uint32_t slot)
{
    pn_lock(&pool->lock);
    bool needed = !may_leave(pool, index);
    pool->in_init += needed;
    pn_unlock(&pool->lock);
    if (needed)
        pn_run_init_here(pool, slot);
    pn_lock(&pool->lock);
    pool->in_init -= needed;
    pn_cond_broadcast(&pool->gone);
    pn_unlock(&pool->lock);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    prong_pool *pool = w->pool;
    struct threads *t = pool->state;
    uint32_t index = w->index, slot = pn_worker_slot(pool, index);
    if (pool->init.kind)
        run_init(pool, index, slot);
    pn_lock(&pool->lock);
    while (!may_leave(pool, index)) {
        prong_future *run = pn_run_claim(pool);
        if (!run) {
            (void)pn_cond_wait(&t->work, &pool->lock, PRONG_NEVER);
            continue;
        }
        pn_unlock(&pool->lock);
        pn_run_here(run, slot);
        pn_lock(&pool->lock);
    }
    w->state = LEFT;
    pn_cond_signal(&t->work);                  /* the wake-up that brought us here may have been meant for a run */
    pn_unlock(&pool->lock);
    pn_pool_worker_gone(pool);
    return NULL;
}

/* Locked, or not shared yet. */
static int start_worker(prong_pool *pool, uint32_t index)
{
    struct threads *t = pool->state;
    struct worker *w = t->worker[index];
    char name[64];
    (void)snprintf(name, sizeof name, "%.10s:%u", pool->name, index);
    if (w->state == LEFT)
        pn_thread_leave(w->thread);            /* it has said that it goes */
    *w = (struct worker){ .pool = pool, .index = index, .state = PRESENT };
    pool->users++;
    pn_pool_get(pool);
    int r = pn_thread_start(&w->thread, worker_main, w, name);
    if (r < 0) {
        w->state = ABSENT;
        pool->users--;
        pn_pool_put(pool);
        return pn_error(r, "cannot start thread %u of %u: %s", index + 1, pool->workers, strerror(-r));
    }
    return 0;
}

static int make_room(struct threads *t, uint32_t size)
{
    if (size <= t->size)
        return 0;
    struct worker **more = realloc(t->worker, size * sizeof *more);
    if (more)
        t->worker = more;
    for (; more && t->size < size; t->size++) {
        t->worker[t->size] = calloc(1, sizeof **more);
        if (!t->worker[t->size])
            break;
    }
    return t->size < size ? pn_error(-ENOMEM, "no memory for %u workers", size) : 0;
}

static void join(prong_pool *pool)
{
    struct threads *t = pool->state;
    for (uint32_t i = 0; i < t->size; i++)
        if (t->worker[i]->state != ABSENT)
            pn_thread_join(t->worker[i]->thread);
}

static void leave(prong_pool *pool)
{
    struct threads *t = pool->state;
    pn_lock(&pool->lock);
    for (uint32_t i = 0; i < t->size; i++)
        if (t->worker[i]->state != ABSENT)
            pn_thread_leave(t->worker[i]->thread);
    pn_unlock(&pool->lock);
}

static void fini(prong_pool *pool)
{
    struct threads *t = pool->state;
    for (uint32_t i = 0; i < t->size; i++)
        free(t->worker[i]);
    free(t->worker);
    free(t);
}

/* Starts workers where there are none; those that are too many leave by themselves. */
static int resize(prong_pool *pool)
{
    struct threads *t = pool->state;
    int r = make_room(t, pool->workers);
    for (uint32_t i = 0; r == 0 && i < pool->workers; i++)
        if (t->worker[i]->state != PRESENT)
            r = start_worker(pool, i);
    pn_cond_broadcast(&t->work);
    return r;
}

static int open_threads(prong_pool *pool)
{
    struct threads *t = calloc(1, sizeof *t);
    if (!t)
        return pn_error(-ENOMEM, "no memory for a pool");
    pool->state = t;
    int r = make_room(t, pool->workers);
    pn_lock(&pool->lock);
    for (uint32_t i = 0; r == 0 && i < pool->workers; i++)
        r = start_worker(pool, i);
    if (r < 0) {
        pool->closing = true;
        pn_cond_broadcast(&t->work);
        while (pool->users > 1)
            (void)pn_cond_wait(&pool->gone, &pool->lock, PRONG_NEVER);
    }
    pn_unlock(&pool->lock);
    if (r < 0) {
        join(pool);
        fini(pool);
    }
    return r;
}

static void ready(prong_pool *pool, prong_future *run)
{
    (void)run;                                 /* any worker takes the first one */
    pn_cond_signal(&((struct threads *)pool->state)->work);
}

static void stop(prong_pool *pool) { pn_cond_broadcast(&((struct threads *)pool->state)->work); }

const struct pn_engine pn_threads = {
    .name = "threads",
    .promises = 1u << PRONG_SHARES_ALL | 1u << PRONG_SHARES_HEAP,
    .most_workers = 1u << 14,
    .helps = true,
    .outside_helpers = PN_HELPERS,
    .open = open_threads,
    .ready = ready,
    .resize = resize,
    .stop = stop,
    .join = join,
    .leave = leave,
    .fini = fini,
};
