/* measure.c - the median, and its interval from order statistics: nothing is assumed about how the times are spread.
 *
 * Each run lies below the true median with probability 1/2. So how many of n do is binomial, and the true median lies between
 * the k-th smallest and the k-th largest time with probability 1 - 2 P(fewer than k of n). We take the largest k that leaves
 * this at 95 % or more: of 10 runs the 2nd and the 9th (97.9 %), of 20 the 6th and the 15th (95.9 %). Below six runs there is
 * none: then the smallest and the largest time, and their confidence. */
#include "compare/measure.h"

#include <stdlib.h>
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

struct measure measure_of(double seconds[], uint32_t runs)
{
    struct measure m = { .runs = runs };
    qsort(seconds, runs, sizeof *seconds, by_size);
    uint32_t k = interval_rank(runs, &m.confidence);
    m.median = (seconds[(runs - 1) / 2] + seconds[runs / 2]) / 2;
    m.low = seconds[k - 1];
    m.high = seconds[runs - k];
    return m;
}
