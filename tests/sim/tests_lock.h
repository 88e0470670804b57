/* Tests of sync/lock.c: one at a time, and nobody sleeps for ever. */
#pragma once
#include "base/clock.h"
#include "sim/sim.h"
#include "sync/lock.h"
#include <errno.h>

/* ---- lock ---- */

enum { LOCKERS = 3 };
static struct { struct pn_lock lock; uint64_t number; unsigned rounds; } counted;

static void count_under_lock(void *arg)
{
    (void)arg;
    for (unsigned k = 0; k < counted.rounds; k++) {
        pn_lock(&counted.lock);
        sim_write(&counted.number, sim_read(&counted.number) + 1);
        pn_unlock(&counted.lock);
    }
}

static void lock_begin(void)
{
    counted = (typeof(counted)){ .rounds = 1 + sim_random(3) };
    sim_name(&counted.lock, sizeof counted.lock, sizeof counted.lock, "the lock", "");
    sim_name(&counted.number, sizeof counted.number, sizeof counted.number, "number", "");
    static const char *const names[LOCKERS] = { "a", "b", "c" };
    for (unsigned k = 0; k < LOCKERS; k++)
        (void)sim_start(names[k], count_under_lock, NULL, 0);
}

static void lock_end(void)
{
    sim_check(counted.number == LOCKERS * counted.rounds, "it was counted to %llu", (unsigned long long)counted.number);
    sim_check(counted.lock.word == 0, "the lock was not let go");
}

static const struct sim_test lock_test = { "lock", lock_begin, lock_end };

/* ---- condition: a store with little room ---- */

enum { PRODUCERS = 2, CONSUMERS = 2, STORE_ROOM = 1 };
static struct {
    struct pn_lock lock;
    struct pn_cond filled, emptied;
    uint64_t things, made, used;          /* made, used: by all */
    unsigned each;
    bool loudly;                          /* by broadcast */
} store;

static void wake_for(struct pn_cond *c)
{
    (store.loudly ? pn_cond_broadcast : pn_cond_signal)(c);
}

static void wait_for_some(struct pn_cond *c)
{
    prong_time deadline = sim_random(4) == 0 ? pn_now() + 1000 : PRONG_NEVER;
    int r = pn_cond_wait(c, &store.lock, deadline);
    sim_check(r == 0 || (r == -ETIMEDOUT && deadline != PRONG_NEVER && pn_passed(deadline)), "a wait gave %d", r);
}

static void produce(void *arg)
{
    (void)arg;
    for (unsigned k = 0; k < store.each; k++) {
        pn_lock(&store.lock);
        while (sim_read(&store.things) == STORE_ROOM)
            wait_for_some(&store.emptied);
        sim_write(&store.things, sim_read(&store.things) + 1);
        sim_write(&store.made, sim_read(&store.made) + 1);
        wake_for(&store.filled);
        pn_unlock(&store.lock);
    }
}

static void consume(void *arg)
{
    (void)arg;
    for (unsigned k = 0; k < store.each; k++) {
        pn_lock(&store.lock);
        while (sim_read(&store.things) == 0)
            wait_for_some(&store.filled);
        sim_write(&store.things, sim_read(&store.things) - 1);
        sim_write(&store.used, sim_read(&store.used) + 1);
        wake_for(&store.emptied);
        pn_unlock(&store.lock);
    }
}

static void cond_begin(void)
{
    store = (typeof(store)){ .each = 1 + sim_random(2), .loudly = sim_random(2) };
    sim_name(&store.lock, sizeof store.lock, sizeof store.lock, "the lock", "");
    sim_name(&store.filled, sizeof store.filled, 4, "filled", "");
    sim_name(&store.emptied, sizeof store.emptied, 4, "emptied", "");
    sim_name(&store.things, sizeof store.things, sizeof store.things, "things", "");
    static const char *const producers[PRODUCERS] = { "producer a", "producer b" };
    static const char *const consumers[CONSUMERS] = { "consumer a", "consumer b" };
    for (unsigned k = 0; k < PRODUCERS; k++)
        (void)sim_start(producers[k], produce, NULL, 0);
    for (unsigned k = 0; k < CONSUMERS; k++)
        (void)sim_start(consumers[k], consume, NULL, 0);
}

static void cond_end(void)
{
    sim_check(store.things == 0 && store.used == PRODUCERS * store.each && store.made == store.used, "%llu were made, %llu used",
              (unsigned long long)store.made, (unsigned long long)store.used);
}

static const struct sim_test cond_test = { "condition", cond_begin, cond_end };
