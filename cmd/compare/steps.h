/* steps.h - the same work on 1, 2, 4, ... workers: the curve whose bend shows what does not divide. */
#pragma once
#include "compare/report.h"

/* sqrt and records, those not left out, each by serial, threads and processes-ready, up to twice the usable CPUs, with a bounded
 * time for each. Without serial there is no speed-up and nothing is done. A result that differs ends it: report->agree. SAY_OK, or
 * the exit status, said. */
int steps_measure(struct report *report);
