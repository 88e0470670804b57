/* group.h - runs that end together; all under their pool's lock. */
#pragma once
#include "core/pool.h"

prong_pool *pn_group_pool(const prong_group *g);

void pn_group_add(prong_group *g, prong_future *run);         /* at submit */
void pn_group_ended(prong_group *g, prong_future *run);       /* at its end */

/* As prong_group_next, but looks only, and says nothing where none has ended: NULL. Not locked. */
prong_future *pn_group_try(prong_group *g);
