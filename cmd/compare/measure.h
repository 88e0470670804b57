/* measure.h - times, and what can be said of several. */
#pragma once
#include <stdint.h>

/* Seconds, from a clock that only goes forward. */
double measure_now(void);

enum { MEASURE_RUNS_MAX = 1000 };
struct measure {
    double median, low, high;   /* seconds; the true median lies in [low, high] with this confidence */
    double confidence;          /* at least 0.95 from six runs on */
    uint32_t runs;
};

/* Of 1 to MEASURE_RUNS_MAX times, which it sorts. */
struct measure measure_of(double seconds[], uint32_t runs);
