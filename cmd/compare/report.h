/* report.h - all that a comparison found out. An output format is one function over it. */
#pragma once
#include "compare/engines.h"
#include "compare/machine.h"
#include "compare/measure.h"

struct report_row {
    struct measure time;        /* without runs where the engine is missing */
    double speedup;             /* median of serial over this one's median; 0: serial is missing */
};
enum { REPORT_COSTS_N = 2 };
struct report_cost {
    const char *cost;
    const struct engine *engine;
    struct measure time;        /* without runs where the engine is missing */
};
struct report {
    struct machine machine;
    const struct plan *plan;
    const struct engine *engines;                       /* ENGINES_N; the arrays below are in their order */
    bool agree;                                         /* false: nothing was measured to the end, `figures` tells who found what */
    struct figures figures[WORKS_N][ENGINES_N];         /* without any where the engine is missing */
    struct report_row rows[WORKS_N][ENGINES_N];
    struct report_cost costs[REPORT_COSTS_N];
};

/* The first engine that is there: its figures are everyone's, if they agree. Negative: none. */
int report_first_engine(const struct report *report);

void table_show(const struct report *report);
void json_show(const struct report *report);
