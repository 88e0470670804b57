/* cost.h - what an engine costs before any work is done. */
#pragma once
#include "compare/stats/measure.h"

#include <stddef.h>

struct cost {
    const char *cost;       /* "start_join", "round_trip", "memory", "crash" */
    const char *which;      /* "10MB" or "1GB" of owner memory; "parked", "stream"; NULL */
    const char *language;   /* "c" or "python" */
    const char *engine;     /* "threads", "processes", "fork", ... */
    const char *unit;       /* "s", "bytes", "runs" */
    struct measure value;   /* without runs: not measured ... */
    char why[256];          /* ... because */
};
enum { COSTS_MAX = 32 };
struct costs {
    struct cost cost[COSTS_MAX];
    size_t n;
};
/* The cost of that name, measured or not; NULL: none. which NULL matches NULL alone. */
const struct cost *costs_find(const struct costs *costs, const char *cost, const char *which, const char *language, const char *engine);
