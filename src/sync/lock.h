/* lock.h - mutual exclusion and waiting for a condition between threads of one process.
 *
 * Zeroed memory is a free lock and a condition without waiters; neither holds another resource. Built on the futex alone, so that
 * whatever stands behind sync/futex.h sees every blocking step. Not recursive, not for memory shared by processes. */
#pragma once
#include "sync/atomic.h"
#include <prong.h>
#include <stdbool.h>

struct pn_lock { pn_u32 word; };
void pn_lock(struct pn_lock *l);
void pn_unlock(struct pn_lock *l);
bool pn_try_lock(struct pn_lock *l);           /* false: somebody has it */
/* For a lock of the library as a whole: free in every child that the program forks, where no thread is left to let it go. Called from
 * a constructor, for at most a few locks. */
void pn_lock_free_at_fork(struct pn_lock *l);

/* All calls on a condition are made under the same lock. */
struct pn_cond { pn_u32 turn; uint32_t sleepers; };
/* Lets the lock go, sleeps until told, takes the lock. May return for nothing: test the condition again. 0 or -ETIMEDOUT. */
int  pn_cond_wait(struct pn_cond *c, struct pn_lock *l, prong_time deadline);
void pn_cond_signal(struct pn_cond *c);       /* at least one of those who wait now */
void pn_cond_broadcast(struct pn_cond *c);
