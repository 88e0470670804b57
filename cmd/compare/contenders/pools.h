/* pools.h - the contenders that are engines of the library: pools, with a clock around them. */
#pragma once
#include "compare/contenders/contender.h"

/* Opens it and runs a task. Negative: this machine cannot; `why` is written. */
int pools_try(struct contender *c, uint32_t workers);

/* SAY_OK, or the exit status, said. */
int pools_open(const struct contender *c, uint32_t workers, prong_pool **ret_pool);
int pools_run(const struct contender *c, const struct work *work, const struct setup *setup, struct outcome *outcome);
