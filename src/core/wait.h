/* wait.h - waiting for runs, and helping with them meanwhile. */
#pragma once
#include "core/run.h"

/* Runs it in this thread if nobody has begun it and that is allowed: its engine helps, there is no deadline to miss, a slot is free.
 * Called with the pool's lock held, which is let go while it runs. Whether it did. */
bool pn_help_locked(prong_future *run, prong_time deadline);

/* Whether the run is one that this thread is in the middle of. */
bool pn_runs_here(const prong_future *run);
