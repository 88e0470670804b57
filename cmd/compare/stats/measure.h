/* measure.h - what can be said of several measurements of one thing: median, interval, outliers; and of two things: their ratio.
 *
 * Seconds, bytes or any other unit: the same that goes in comes out. Everything here depends on its arguments alone. */
#pragma once
#include <stdint.h>

enum { MEASURE_RUNS_MAX = 1000, MEASURE_RUNS_ENOUGH = 6 };
struct measure {
    double median, low, high;   /* the true median lies in [low, high] with this confidence */
    double confidence;          /* 0.95; 0 for fewer than MEASURE_RUNS_ENOUGH runs: then low and high are the least and the most */
    uint32_t runs;
    uint32_t outliers;          /* so far from the median that something else was measured, too ... */
    double worst;               /* ... the one farthest off; 0: none */
};
/* Of 1 to MEASURE_RUNS_MAX values, which stay in their order. */
struct measure measure_of(const double values[], uint32_t n);

/* How many times as fast `values` are as `base`: median of base over median of values, with its interval. */
struct ratio {
    double value, low, high;    /* 0: there is nothing to compare with */
};
struct ratio measure_ratio(const double base[], uint32_t n_base, const double values[], uint32_t n);

/* Seconds, from a clock that only goes forward, the same in all processes. */
double measure_now(void);
