/* wait.h - waiting for runs, and helping with them meanwhile. */
#pragma once
#include "core/run.h"

/* Calls a claimed run inside the current one, if there is one, which waits for it as long. Not locked. */
void pn_run_nested(prong_future *run, uint32_t slot);

/* The right to run one of the pool's runs in this thread. Locked. */
struct pn_slot { uint32_t number, borrowed; };
bool pn_slot_take(prong_pool *pool, struct pn_slot *ret_slot);
void pn_slot_return(prong_pool *pool, const struct pn_slot *slot);

/* Runs it in this thread if nobody has begun it and that is allowed: there is no deadline to miss, and a slot to be had. Called with the
 * pool's lock held, which is let go while it runs; the caller holds the pool or the run. Whether it did. */
bool pn_help_locked(prong_future *run, prong_time deadline);

/* Whether the run is one that this thread is in the middle of. */
bool pn_runs_here(const prong_future *run);
