/* zygote.h - the small process that all workers are forked from, made while the program had one thread and little memory.
 *
 * It is the parent of all workers: it starts them, sees them end, kills what they have left running, and tells the owner how they
 * ended. It ends with its owner, however that ends, and its workers end with it. */
#pragma once

/* Forks the zygote, unless this process has one. -EBUSY: the program has threads. Thread-safe. */
int pn_zygote_start(void);

/* The owner's end of a new pool's channel (wire.h), and a descriptor to see the zygote's death by. With no zygote yet, or a dead one,
 * starts it; -ENOTSUP where that cannot be. */
int pn_zygote_open_pool(int *ret_channel, int *ret_pidfd);

/* Reaps the zygote if it has died. Thread-safe. */
void pn_zygote_bury(void);
