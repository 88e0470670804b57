/* serial - the readable reference of what an engine is: a run is called right where it is submitted, before submit returns.
 *
 * There is no worker. Whoever submits takes the run back out of the queue and calls it; another thread that submits meanwhile waits
 * for its turn, as one slot serves one run at a time. Only a task that submits again goes straight on, inside its own turn; and a task
 * that waits for a run whose submitter waits for the turn runs it itself. */
#include "engine/engines.h"
#include "base/error.h"
#include "core/engine.h"
#include "core/wait.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct serial {
    bool busy;
    pthread_t who;                /* while busy */
    unsigned depth;               /* runs inside each other */
    struct pn_cond idle;
};

/* Locked. */
static void take_turn(prong_pool *pool, struct serial *s)
{
    while (s->busy && !pthread_equal(s->who, pthread_self()))
        (void)pn_cond_wait(&s->idle, &pool->lock, PRONG_NEVER);
    s->busy = true;
    s->who = pthread_self();
    s->depth++;
}

static void end_turn(struct serial *s)
{
    s->busy = --s->depth > 0;
    if (!s->busy)
        pn_cond_signal(&s->idle);
}

/* Counts among the users of the pool meanwhile, so that a close waits until the turn is over, and not for the run alone. A run that is
 * to begin again does so here, and not inside its own end. */
static void ready(prong_pool *pool, prong_future *run)
{
    struct serial *s = pool->state;
    if (run->bill.attempts > 0)
        return;
    pool->users++;
    pn_pool_get(pool);
    pn_run_get(run);
    take_turn(pool, s);
    while (pn_run_claim_this(run)) {           /* unless it was cancelled, or another turn waited for it */
        pn_unlock(&pool->lock);
        pn_run_nested(run, 0);
        pn_lock(&pool->lock);
    }
    end_turn(s);
    pn_unlock(&pool->lock);
    pn_run_put(run);
    pn_pool_worker_gone(pool);
    pn_lock(&pool->lock);                      /* whose memory the submitter holds */
}

static int open_serial(prong_pool *pool)
{
    pool->state = calloc(1, sizeof(struct serial));
    if (!pool->state)
        return pn_error(-ENOMEM, "no memory for a pool");
    if (pool->init.kind)
        pn_run_init_here(pool, 0);             /* the program's own thread is the worker */
    return 0;
}

static void stop(prong_pool *pool) { (void)pool; }             /* nobody to tell: submitters see `closing` themselves */
static void fini(prong_pool *pool) { free(pool->state); }

const struct pn_engine pn_serial = {
    .name = "serial",
    .promises = 1u << PRONG_SHARES_ALL | 1u << PRONG_SHARES_HEAP,
    .most_workers = 1,
    .helps = true,
    .open = open_serial,
    .ready = ready,
    .stop = stop,
    .fini = fini,
};
