/* advice.h - from measurements to words: which engine for which work on this machine, and why.
 *
 * Follows from the report's jobs, costs and machine alone: nothing that is merely known is said. */
#pragma once
#include "compare/report.h"

/* Fills in report->advice and report->notes: for each work that was measured, one line for each language; then what holds for any. */
void advice_give(struct report *report);
