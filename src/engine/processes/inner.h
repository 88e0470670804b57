/* inner.h - in a worker: the pool that its task runs in, as the task sees it. */
#pragma once
#include "core/pool.h"
#include "engine/processes/area.h"

/* Before the first call. The channel is the worker's, and so are the words. */
void pn_inner_begin(int channel, const struct pn_calls *calls, const struct pn_owner_board *board);
/* 0, or a negative errno with its words. Runs that are submitted to it go to the owner, and so do all questions about them. For the thread that
 * runs the task alone. */
int  pn_inner_pool(prong_pool **ret_pool);
