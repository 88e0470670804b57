/* series.h - one cost, taken several times from each engine, in turns: so that whatever drifts or disturbs meets them all alike. */
#pragma once
#include "compare/contenders/contender.h"
#include "compare/costs/cost.h"

enum { SERIES_WAYS_MAX = 4, SERIES_ROUNDS_MAX = 100, WHY_SIZE = sizeof((struct cost *)NULL)->why };

struct way;
struct python;
/* Takes it once. 0; or negative, with the reason: then this way is not taken again, and stays unmeasured. */
typedef int way_fn(const struct way *way, double *ret_value, char ret_why[WHY_SIZE]);

struct way {
    const char *engine;         /* of the library; or "fork", for reference */
    way_fn *take;
    prong_pool *pool;           /* for take; or NULL */
    const struct python *python;    /* so, too */
    double values[1 + SERIES_ROUNDS_MAX];
    char why[WHY_SIZE];         /* not empty: it cannot be taken, because */
};
struct series {
    const char *cost, *which, *unit;    /* as in struct cost */
    const char *language;       /* NULL: "c" */
    const char *doing;          /* for people who wait: "starting and joining one worker" */
    uint32_t rounds;            /* beside the first, which warms up */
    struct way way[SERIES_WAYS_MAX];
    size_t n;
};

/* The series has a way more. */
void series_add(struct series *series, const char *engine, way_fn *take);

/* Adds a cost for each way, measured or not. SAY_OK, or SAY_INTERRUPTED. */
int series_measure(struct series *series, struct costs *costs);

/* How a call of the library ended badly, as work_say_end() tells it. Negative. */
int series_why(int r, const prong_error *end, char ret_why[WHY_SIZE]);
