/* futex.h - the one place that sleeps on a word of memory and wakes who sleeps there. For threads of one process.
 * A simulated build has functions of its own behind it. */
#pragma once
#include "sync/atomic.h"
#include <prong.h>

/* Sleeps while *word is `expected`. 0: woken, or not asleep at all (look again, always); -ETIMEDOUT: the deadline has passed. */
int pn_futex_wait(pn_u32 *word, uint32_t expected, prong_time deadline);
/* Uses the address alone: the memory may have been freed, and a stray wake is harmless, as waiters look again. */
void pn_futex_wake(pn_u32 *word, int count);
