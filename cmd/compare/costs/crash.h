/* crash.h - the cost `crash`: of a hundred runs, how many are lost when one of them crashes. */
#pragma once
#include "compare/contenders/contender.h"
#include "compare/costs/cost.h"

/* SAY_OK, or SAY_INTERRUPTED. */
int crash_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs);

/* The program that crashes, or does not: trial.h. */
int crash_trial(const char *engine);
