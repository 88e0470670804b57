/* costs.h - measures all costs. */
#pragma once
#include "compare/contenders/contender.h"
#include "compare/costs/cost.h"

/* Of those contenders that take part; plain fork beside them. What this machine cannot measure stays without runs, with the reason.
 * SAY_OK, or the exit status, said. */
int costs_measure(const struct contender contenders[CONTENDERS_N], const struct setup *setup, struct costs *ret_costs);
