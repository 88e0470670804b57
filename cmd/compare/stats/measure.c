/* measure.c - the median, and its interval from order statistics: nothing is assumed about how the times are spread.
 *
 * Each run lies below the true median with probability 1/2. So how many of n do is binomial, and the true median lies between
 * the k-th smallest and the k-th largest time with probability 1 - 2 P(fewer than k of n). We take the largest k that leaves
 * this at 95 % or more: of 10 runs the 2nd and the 9th (97.9 %), of 20 the 6th and the 15th (95.9 %). Below six runs there is
 * none: then the smallest and the largest time, and their confidence. */
#include "compare/stats/measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double measure_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double half_power(uint32_t n)
{
    double power = 1;
    while (n-- > 0)
        power /= 2;
    return power;
}

/* Counted from 1. */
static uint32_t interval_rank(uint32_t n, double *ret_confidence)
{
    double exactly = half_power(n);     /* P(exactly k - 1 of n lie below) */
    double fewer = exactly;             /* P(fewer than k of n) */
    uint32_t k = 1;
    *ret_confidence = 1 - 2 * fewer;
    while (k < n / 2) {
        exactly *= (double)(n - k + 1) / k;
        fewer += exactly;
        if (1 - 2 * fewer < 0.95)
            break;
        *ret_confidence = 1 - 2 * fewer;
        k++;
    }
    return k;
}

struct measure measure_of(const double values[], uint32_t n)
{
    struct measure m = { .runs = n };
    double sorted[MEASURE_RUNS_MAX];
    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, by_size);
    uint32_t k = interval_rank(n, &m.confidence);
    m.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    m.low = sorted[k - 1];
    m.high = sorted[n - k];
    return m;
}

struct ratio measure_ratio(const double base[], uint32_t n_base, const double values[], uint32_t n)
{
    struct measure b = measure_of(base, n_base), v = measure_of(values, n);
    return (struct ratio){ b.median / v.median, b.low / v.high, b.high / v.low };
}
