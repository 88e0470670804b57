#include "sync/lock.h"
#include "sync/futex.h"
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

/*
 *   FREE --lock--> HELD --unlock--> FREE
 *             \      |
 *              `-> WANTED --unlock + wake--> FREE      WANTED: held, and somebody may sleep on it
 *
 * The second mutex of Drepper, "Futexes Are Tricky" (2011), section 5. */
enum { FREE, HELD, WANTED };

/* Ordering: the acquire here pairs with the release in pn_unlock, so that what was written under the lock is seen under it.
 * No lost wake-up: who sleeps has set WANTED first and sleeps only while it stands; who unlocks from WANTED wakes. A sleeper takes the
 * lock as WANTED, as others may still sleep: at worst one wake for nobody. */
void pn_lock(struct pn_lock *l)
{
    uint32_t seen = FREE;
    if (pn_cas_acquire(&l->word, &seen, HELD))
        return;
    while (pn_swap_acquire(&l->word, WANTED) != FREE)
        (void)pn_futex_wait(&l->word, WANTED, PRONG_NEVER);
}

bool pn_try_lock(struct pn_lock *l)
{
    uint32_t seen = FREE;
    return pn_cas_acquire(&l->word, &seen, HELD);
}

void pn_unlock(struct pn_lock *l)
{
    if (pn_swap_release(&l->word, FREE) == WANTED)
        pn_futex_wake(&l->word, 1);
}

static struct pn_lock *global_locks[8];
static size_t global_count;

/* In the child, which has one thread. */
static void free_all(void)
{
    for (size_t i = 0; i < global_count; i++)
        pn_store_relaxed(&global_locks[i]->word, FREE);
}

void pn_lock_free_at_fork(struct pn_lock *l)
{
    if (global_count == sizeof global_locks / sizeof *global_locks)
        abort();                               /* our own mistake: the table is too small */
    if (global_count == 0)
        (void)pthread_atfork(NULL, NULL, free_all);
    global_locks[global_count++] = l;
}

/* No lost wake-up: `turn` changes under the lock only, and the waiter reads it there. A signal that comes after the lock was let go has
 * changed it, so the futex does not put the waiter to sleep. Relaxed is enough: the lock orders all of it.
 * (The 32-bit turn would have to go round once between the unlock and the sleep to be missed.) */
int pn_cond_wait(struct pn_cond *c, struct pn_lock *l, prong_time deadline)
{
    uint32_t turn = pn_load_relaxed(&c->turn);
    c->sleepers++;
    pn_unlock(l);
    int r = pn_futex_wait(&c->turn, turn, deadline);
    pn_lock(l);
    c->sleepers--;
    return r;
}

static void wake(struct pn_cond *c, int count)
{
    if (!c->sleepers)
        return;
    (void)pn_add_relaxed(&c->turn, 1);
    pn_futex_wake(&c->turn, count);
}

void pn_cond_signal(struct pn_cond *c) { wake(c, 1); }
void pn_cond_broadcast(struct pn_cond *c) { wake(c, INT_MAX); }
