/* nested.h - the owner's side of tasks that use their own pool: what they submit become runs like others, and a task that waits for one lends
 * its place among the workers meanwhile. */
#pragma once
#include "core/pool.h"
#include <stddef.h>

struct pn_link;
union pn_message;

/* Keeps what a worker asks for until it can be answered without the lock; wakes the manager. false: no memory, or it cannot be such a message.
 * Descriptors are taken over. Locked. */
bool pn_nested_hear(struct pn_link *l, const union pn_message *m, size_t got, int *fds);
/* Answers all that was asked. By the manager. Not locked. */
void pn_nested_answer(prong_pool *pool);
/* A place may have become free: who waits for one gets it. Locked. */
void pn_nested_resume(prong_pool *pool);
/* The worker is gone: nobody will ask for the ends of what it has submitted. Locked. */
void pn_nested_orphan(struct pn_link *l);
/* Drops what was never answered: with the pool. */
void pn_nested_fini(prong_pool *pool);
