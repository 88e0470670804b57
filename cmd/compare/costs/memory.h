/* memory.h - the cost `memory`: what each further worker adds, once it has run a task. */
#pragma once
#include "compare/contenders/contender.h"
#include "compare/costs/cost.h"

/* SAY_OK, or SAY_INTERRUPTED. */
int memory_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs);

/* The program that is weighed: trial.h. */
int memory_trial(const char *engine);
