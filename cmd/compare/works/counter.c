/* counter.c - a mutex and a number in memory that the pool gave. */
#include "compare/works/counter.h"

#include "compare/stats/measure.h"
#include "interrupt.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RAISES = 50000, LOOK_UP = 1000 };    /* so many between two looks for Ctrl-C: about a tenth of a millisecond */

/* ---- the counter --------------------------------------------------------------------------------------------------------- */

static int set_robust(pthread_mutexattr_t *attr)
{
    int r = pthread_mutexattr_setpshared(attr, PTHREAD_PROCESS_SHARED);
    return r ? r : pthread_mutexattr_setrobust(attr, PTHREAD_MUTEX_ROBUST);
}

int counter_init(struct counter *counter, bool between_processes)
{
    pthread_mutexattr_t attr;
    int r = pthread_mutexattr_init(&attr);
    if (r)
        return -r;
    if (between_processes)
        r = set_robust(&attr);
    if (!r)
        r = pthread_mutex_init(&counter->mutex, &attr);
    (void)pthread_mutexattr_destroy(&attr);
    counter->value = 0;
    return -r;
}

void counter_fini(struct counter *counter)
{
    (void)pthread_mutex_destroy(&counter->mutex);
}

int counter_raise(struct counter *counter)
{
    int r = pthread_mutex_lock(&counter->mutex);
    if (r == EOWNERDEAD)        /* who died had raised the number or not, nothing between: one store. So it is consistent as it is; */
        r = pthread_mutex_consistent(&counter->mutex);  /* what the dead one still owed is missing, and its run's bad end tells that */
    if (r)
        return -r;
    counter->value++;
    return -pthread_mutex_unlock(&counter->mutex);
}

/* ---- the work ------------------------------------------------------------------------------------------------------------ */

struct share {
    struct span span;
    struct counter *counter;
};

static int raise_often(void *record)
{
    struct share *share = record;
    double begin = measure_now();
    for (uint32_t i = 0; i < RAISES; i++) {
        if (i % LOOK_UP == 0 && interrupt_came())
            return prong_fail(ECANCELED, "interrupted");
        int r = counter_raise(share->counter);
        if (r < 0)
            return prong_fail(-r, "cannot take the counter's mutex: %s", strerror(-r));
    }
    share->span = work_span(begin);
    return 0;
}

static int raise_on(prong_pool *pool, struct counter *counter, uint32_t workers, struct outcome *outcome)
{
    prong_error end;
    struct share *shares = calloc(workers, sizeof *shares);
    if (!shares)
        return say_error(SAY_MISSING, "no memory for %u workers", workers);
    for (uint32_t i = 0; i < workers; i++)
        shares[i].counter = counter;
    int r = prong_map(pool, raise_often, shares, workers, sizeof *shares, NULL, &end);
    for (uint32_t i = 0; r == 0 && i < workers; i++)
        work_add_span(outcome, shares[i].span);
    free(shares);
    if (r != 0)
        return work_say_end(r, &end);
    figures_add_count(&outcome->figures, "count", counter->value);
    return SAY_OK;
}

static int run(prong_pool *pool, const struct setup *setup, struct outcome *outcome)
{
    struct counter *counter = prong_alloc(pool, sizeof *counter, PRONG_WRITE);
    if (!counter)
        return work_say_end(-1, NULL);
    int r = counter_init(counter, !prong_promises(pool, PRONG_SHARES_ALL));
    if (r < 0) {
        prong_free(pool, counter);
        return say_error(SAY_MISSING, "this system has no mutex between processes: %s", strerror(-r));
    }
    int status = raise_on(pool, counter, setup->workers, outcome);
    counter_fini(counter);
    prong_free(pool, counter);
    return status;
}

static void describe(const struct setup *setup, char *buf, size_t size)
{
    snprintf(buf, size, "one counter under one mutex, raised 50,000 times by each of %u %s", setup->workers,
             setup->workers == 1 ? "worker" : "workers");
}

const struct work counter_work = { .name = "counter", .is_in_python = true, .run = run, .describe = describe };
