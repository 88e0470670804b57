/* jobs.h - one work after the other, each by all contenders in turn. */
#pragma once
#include "compare/report.h"

/* The first run of each, which is not timed: warms up, and shows whether all agree; leaves their figures in the report. SAY_OK, or the
 * exit status, said. */
int jobs_check(struct report *report);

/* Then the runs that count: as many as asked for; 0: 10, or 6 where a round of all contenders takes longer than a second. Ends at
 * the first result that differs: report->agree. */
int jobs_measure(struct report *report, uint32_t runs);
