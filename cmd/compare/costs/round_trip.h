/* round_trip.h - the cost `round_trip`: a run handed to a worker, and back: to one that sleeps, and in a stream that keeps it awake. */
#pragma once
#include "compare/contenders/contender.h"
#include "compare/costs/cost.h"

/* SAY_OK, or SAY_INTERRUPTED. */
int round_trip_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs);
