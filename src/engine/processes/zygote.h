/* zygote.h - the small process that all workers are forked from: a fork of the program from when it had one thread and little memory, or,
 * of one that cannot fork, another program.
 *
 * It is the parent of all workers: it starts them, sees them end, kills what they have left running, and tells the owner how they ended.
 * It ends with its owner, however that ends, and its workers end with it. It keeps a stand-by, which takes its place if it dies. */
#pragma once
#include "engine/processes/surroundings.h"

/* Forks the zygote, unless this process has one. -EBUSY: the program has threads. Thread-safe. */
int pn_zygote_start(void);
/* The same with a helper program (helper.h), which does not mind threads. Which of the two was first in this process counts: the later ones
 * make sure that there is a zygote, of that kind. Errors as prong_init_exec. */
int pn_zygote_start_helper(char *const argv[]);

/* The owner's end of a new pool's channel (wire.h), and a descriptor to see the zygote's death by. With no zygote yet, or a dead one, its
 * stand-by, or a new one; -ENOTSUP where that cannot be, or an error of the helper. -EPERM: the program has dropped privileges that its
 * workers would have. */
int pn_zygote_open_pool(const struct pn_surroundings *surroundings, const int around[PN_SURROUNDINGS_FDS], int *ret_channel, int *ret_pidfd);

/* Takes notice of a new stand-by, and buries the one before. Thread-safe. */
void pn_zygote_tend(void);
