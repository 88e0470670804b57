/* values.c - quantiles: all values are kept, as doubles in an order of numbers without a sign, and the one at a rank is found by its
 * leading bits, 2048 ranges at a time.
 *
 * Numbers are kept as the nearest doubles: a decimal of up to 15 digits comes back as it was, but a whole number beyond 2^53 may be off
 * by its last digits. Between two of them a quantile is rounded anyway. */
#include "records/aggregate/kept.h"

#include <errno.h>
#include <float.h>
#include <math.h>

/* GROUPS: with keys alone; STARTS: of each group, once sorted out. */
enum { VALUES, GROUPS, VALUE_LANES, STARTS = VALUE_LANES, SCRATCH };

static uint64_t *ranks_of(const struct column *c, uint32_t lane) { return (uint64_t *)(void *)c->lane[lane].at; }

static int values_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    if (x->kind != VEC_REAL || x->n_present == 0)
        return 0;
    uint64_t *rank = lane_more(&c->lane[VALUES], x->n_present * sizeof *rank);
    uint32_t *group = rank && s->groups ? lane_more(&c->lane[GROUPS], x->n_present * sizeof *group) : NULL;
    if (!rank || (s->groups && !group))
        return -ENOMEM;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (!input_has(x, i))
            continue;
        if (group)
            group[n] = share_of(s, i);
        rank[n++] = real_rank(x->r[i]);
    }
    return 0;
}

static int values_merge(struct column *into, const struct column *from, const struct merging *m)
{
    uint64_t n = column_length(from, VALUES, sizeof(uint64_t));
    if (!n)
        return 0;
    uint64_t *rank = lane_more(&into->lane[VALUES], n * sizeof *rank);
    uint32_t *group = rank && m->has_keys ? lane_more(&into->lane[GROUPS], n * sizeof *group) : NULL;
    if (!rank || (m->has_keys && !group))
        return -ENOMEM;
    memcpy(rank, from->lane[VALUES].at, n * sizeof *rank);
    for (uint64_t i = 0; group && i < n; i++)
        group[i] = m->map[((const uint32_t *)(const void *)from->lane[GROUPS].at)[i]];
    return 0;
}

static int values_check(struct column *c, uint32_t n_groups)
{
    uint64_t n = column_length(c, VALUES, sizeof(uint64_t)), n_owned = column_length(c, GROUPS, sizeof(uint32_t));
    bool holds = c->lane[VALUES].size % sizeof(uint64_t) == 0 && c->lane[GROUPS].size % sizeof(uint32_t) == 0 &&
                 (!n_owned || n_owned == n) && (n_owned || n_groups <= 1 || !n);
    for (uint64_t i = 0; holds && i < n_owned; i++)
        holds = ((const uint32_t *)(const void *)c->lane[GROUPS].at)[i] < n_groups;
    for (uint64_t i = 0; holds && i < n; i++) {
        double v = real_of_rank(ranks_of(c, VALUES)[i]);
        holds = v - v == 0;
    }
    return holds && (n == 0 || n_groups > 0) ? 0 : -EINVAL;
}

/* ---- by groups ---- */

static void count_starts(struct column *c, uint32_t n_groups)
{
    uint64_t *start = ranks_of(c, STARTS), n = column_length(c, GROUPS, sizeof(uint32_t));
    memset(start, 0, ((size_t)n_groups + 2) * sizeof *start);
    if (!n && n_groups)         /* without keys: all are of group 0 */
        start[2] = column_length(c, VALUES, sizeof(uint64_t));
    for (uint64_t i = 0; i < n; i++)
        start[((const uint32_t *)(const void *)c->lane[GROUPS].at)[i] + 2]++;
    for (uint32_t g = 1; g <= n_groups; g++)
        start[g + 1] += start[g];
}

/* start[g + 1] is where group g goes on while it fills; in the end it is where g ends, so start[g] is where it begins. */
int values_sort_out(struct column *c, uint32_t n_groups)
{
    if (!column_reach(c, STARTS, (uint64_t)n_groups + 2, sizeof(uint64_t)))
        return -ENOMEM;
    count_starts(c, n_groups);
    uint64_t *start = ranks_of(c, STARTS), n = column_length(c, GROUPS, sizeof(uint32_t));
    if (!n) {
        if (n_groups)
            start[1] = start[2];
        return 0;
    }
    if (!lane_reach(&c->lane[SCRATCH], n * sizeof(uint64_t)))
        return -ENOMEM;
    uint32_t *group = (uint32_t *)(void *)c->lane[GROUPS].at;
    for (uint64_t i = 0; i < n; i++)
        ranks_of(c, SCRATCH)[start[group[i] + 1]++] = ranks_of(c, VALUES)[i];
    memcpy(c->lane[VALUES].at, c->lane[SCRATCH].at, n * sizeof(uint64_t));
    lane_free(&c->lane[SCRATCH]);
    for (uint32_t g = 0; g < n_groups; g++)
        for (uint64_t i = start[g]; i < start[g + 1]; i++)
            group[i] = g;
    return 0;
}

/* ---- selection ---- */

enum { RANGES = 2048, RANGE_BITS = 11, FEW = 48 };

static void sort_few(uint64_t *v, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++) {
        uint64_t x = v[i], k = i;
        for (; k && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

/* Those within `most` of `least` come first; without a branch, as which they are cannot be foretold. Returns how many they are. */
static uint64_t divide_at(uint64_t *v, uint64_t n, uint64_t least, uint64_t most)
{
    uint64_t to = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = v[i];
        v[i] = v[to];
        v[to] = x;
        to += x - least <= most;
    }
    return to;
}

static void find_bounds(const uint64_t *v, uint64_t n, uint64_t *ret_least, uint64_t *ret_most)
{
    uint64_t least = v[0], most = v[0];
    for (uint64_t i = 1; i < n; i++) {
        least = v[i] < least ? v[i] : least;
        most = v[i] > most ? v[i] : most;
    }
    *ret_least = least;
    *ret_most = most;
}

/* Reorders v so that v[k] is what it would be if all were sorted, nothing before it is greater and nothing behind it is less. */
static void select_rank(uint64_t *v, uint64_t n, uint64_t k)
{
    while (n > FEW) {
        uint64_t least, most;
        uint32_t count[RANGES] = { 0 };
        find_bounds(v, n, &least, &most);
        if (least == most)
            return;
        int bits = 64 - __builtin_clzll(most - least), shift = bits > RANGE_BITS ? bits - RANGE_BITS : 0;
        for (uint64_t i = 0; i < n; i++)
            count[(v[i] - least) >> shift]++;
        uint64_t range = 0, before = 0;
        while (before + count[range] <= k)
            before += count[range++];
        if (range)
            (void)divide_at(v, n, least, (range << shift) - 1);
        v += before;
        k -= before;
        n = divide_at(v, n - before, least, ((range + 1) << shift) - 1);
    }
    sort_few(v, n);
}

struct value values_quantile(struct column *c, uint32_t group, double quantile)
{
    uint64_t begin = ranks_of(c, STARTS)[group], n = ranks_of(c, STARTS)[group + 1] - begin;
    if (!n)
        return (struct value){ .kind = VALUE_MISSING };
    uint64_t *v = ranks_of(c, VALUES) + begin;
    /* As R does: a rank that is whole but for rounding is taken for whole. 0.29 of 101 values is the 30th, not one a hair before it. */
    double rank = (double)(n - 1) * quantile, near = rint(rank);
    if (fabs(rank - near) <= 4 * DBL_EPSILON * rank)
        rank = near;
    uint64_t k = rank <= 0 ? 0 : rank >= (double)(n - 1) ? n - 1 : (uint64_t)rank;
    double part = rank - (double)k;
    select_rank(v, n, k);
    double low = real_of_rank(v[k]);
    if (part <= 0 || k + 1 == n)
        return (struct value){ .kind = VALUE_REAL, .real = low };
    uint64_t least, most;
    find_bounds(v + k + 1, n - k - 1, &least, &most);
    double high = real_of_rank(least), gap = high - low;
    double between = gap <= DBL_MAX ? fma(part, gap, low) : low * (1 - part) + high * part;
    return (struct value){ .kind = VALUE_REAL, .real = between };
}

const struct column_ops values_ops = { "values", VALUE_LANES, 1, values_add, values_merge, values_check };
