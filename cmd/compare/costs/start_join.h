/* start_join.h - the cost `start_join`: one worker started and joined, while the program that does it holds little or much memory. */
#pragma once
#include "compare/contenders/contender.h"
#include "compare/costs/cost.h"

/* SAY_OK, or SAY_INTERRUPTED. */
int start_join_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs);
