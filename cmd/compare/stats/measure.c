/* measure.c - median, percentile bootstrap, and outliers by their distance in median deviations.
 *
 * The interval: draw as many of the values as there are, with replacement, take the median, many times; the middle 95 % of these
 * medians are the interval (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13). Nothing is assumed about how
 * times are spread, and it serves a ratio of medians as well, which order statistics alone do not. The generator begins anew for each
 * call, so the same values give the same interval.
 *
 * The outliers: B. Iglewicz, D. Hoaglin, "How to Detect and Handle Outliers", 1993: a modified z-score above 3.5. */
#include "compare/stats/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RESAMPLES = 4000, DRAWS_MAX = 1000000 };     /* fewer resamples of many values: a few ms at most, whatever n is */

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

static void sort(double values[], uint32_t n)
{
    qsort(values, n, sizeof *values, by_size);
}

static void sort_into(double sorted[], const double values[], uint32_t n)
{
    memcpy(sorted, values, n * sizeof *values);
    sort(sorted, n);
}

static double median_of(const double sorted[], uint32_t n)
{
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* ---- the bootstrap ------------------------------------------------------------------------------------------------------- */

/* splitmix64, public domain, by S. Vigna. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Counts how often each value is drawn, and walks to the middle: no resample needs sorting. */
static double resampled_median(const double sorted[], uint32_t n, uint64_t *state)
{
    uint16_t drawn[MEASURE_RUNS_MAX];
    memset(drawn, 0, n * sizeof *drawn);
    for (uint32_t i = 0; i < n; i++)
        drawn[(draw(state) >> 32) * n >> 32]++;
    uint32_t lower = 0, passed = drawn[0];      /* the values up to and with `lower` were drawn `passed` times */
    while (passed <= (n - 1) / 2)
        passed += drawn[++lower];
    uint32_t upper = lower;
    while (passed <= n / 2)
        passed += drawn[++upper];
    return (sorted[lower] + sorted[upper]) / 2;
}

static uint32_t resamples_of(uint32_t n)
{
    return n > DRAWS_MAX / RESAMPLES ? DRAWS_MAX / n : RESAMPLES;
}

/* The middle 95 % of what was found on the resamples. */
static void take_interval(double found[], uint32_t n, double *ret_low, double *ret_high)
{
    uint32_t tail = n / 40;
    sort(found, n);
    *ret_low = found[tail];
    *ret_high = found[n - 1 - tail];
}

static void bootstrap_median(const double sorted[], uint32_t n, double *ret_low, double *ret_high)
{
    double found[RESAMPLES];
    uint64_t state = 1;
    uint32_t resamples = resamples_of(n);
    for (uint32_t i = 0; i < resamples; i++)
        found[i] = resampled_median(sorted, n, &state);
    take_interval(found, resamples, ret_low, ret_high);
}

/* ---- outliers ------------------------------------------------------------------------------------------------------------ */

/* What a score of 1 is in the unit of the values. Where more than half of them are equal the median deviation is 0, and the authors
 * take the mean deviation instead; it is 0 as well only if all are equal. Both factors make it a standard deviation if the values are
 * normal. */
static double deviation_of(const double sorted[], uint32_t n, double median)
{
    double off[MEASURE_RUNS_MAX], sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += off[i] = fabs(sorted[i] - median);
    sort(off, n);
    double middle = median_of(off, n);
    return middle > 0 ? 1.4826 * middle : 1.2533 * sum / n;
}

static void find_outliers(struct measure *m, const double sorted[], uint32_t n)
{
    static const double score_max = 3.5;
    double deviation = deviation_of(sorted, n, m->median);
    for (uint32_t i = 0; i < n; i++)
        if (fabs(sorted[i] - m->median) > score_max * deviation) {
            m->outliers++;
            if (m->outliers == 1 || fabs(sorted[i] - m->median) > fabs(m->worst - m->median))
                m->worst = sorted[i];
        }
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

struct measure measure_of(const double values[], uint32_t n)
{
    struct measure m = { .runs = n };
    double sorted[MEASURE_RUNS_MAX];
    sort_into(sorted, values, n);
    m.median = median_of(sorted, n);
    m.low = sorted[0];
    m.high = sorted[n - 1];
    find_outliers(&m, sorted, n);
    if (n < MEASURE_RUNS_ENOUGH)
        return m;
    bootstrap_median(sorted, n, &m.low, &m.high);
    m.confidence = 0.95;
    return m;
}

/* The two are drawn apart from each other: that they ran in turn, and so share some of the noise, only makes the interval wider than
 * it need be. */
static void bootstrap_ratio(const double base[], uint32_t n_base, const double values[], uint32_t n, struct ratio *ratio)
{
    double found[RESAMPLES];
    uint64_t state = 1;
    uint32_t resamples = resamples_of(n_base > n ? n_base : n);
    for (uint32_t i = 0; i < resamples; i++) {
        double of_base = resampled_median(base, n_base, &state);
        found[i] = of_base / resampled_median(values, n, &state);
    }
    take_interval(found, resamples, &ratio->low, &ratio->high);
}

struct ratio measure_ratio(const double base[], uint32_t n_base, const double values[], uint32_t n)
{
    double b[MEASURE_RUNS_MAX], v[MEASURE_RUNS_MAX];
    if (!n_base || !n)
        return (struct ratio){ 0 };
    sort_into(b, base, n_base);
    sort_into(v, values, n);
    if (!(v[0] > 0))
        return (struct ratio){ 0 };
    struct ratio ratio = { median_of(b, n_base) / median_of(v, n), b[0] / v[n - 1], b[n_base - 1] / v[0] };
    if (n_base >= MEASURE_RUNS_ENOUGH && n >= MEASURE_RUNS_ENOUGH)
        bootstrap_ratio(b, n_base, v, n, &ratio);
    return ratio;
}
