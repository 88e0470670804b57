/* group.h - runs that end together; all under their pool's lock. */
#pragma once
#include "core/pool.h"

prong_pool *pn_group_pool(const prong_group *g);

void pn_group_add(prong_group *g, prong_future *run);         /* at submit */
void pn_group_ended(prong_group *g, prong_future *run);       /* at its end */

/* The first bad end asks all others to give way; or now. Their ends come after it in the order in which they are taken. */
void pn_group_stop_at_bad(prong_group *g);                    /* before the first run; not locked */
void pn_group_stop(prong_group *g);

/* Without the lock. As prong_group_next, but -ENOENT comes without words. */
int pn_group_take(prong_group *g, prong_time deadline, prong_future **ret_ended);
/* All that have ended, at most `most`, at least one. */
int pn_group_take_some(prong_group *g, prong_time deadline, size_t most, prong_future *ret_ended[], size_t *ret_n);
/* Looks only: NULL where none has ended. */
prong_future *pn_group_try(prong_group *g);
