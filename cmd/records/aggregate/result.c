/* result.c - from exact states to results: whole arithmetic in big.h, one rounding at the end.
 *
 * With n values, S their sum and Sxx that of their squares: C = n * Sxx - S * S is never negative, and 0 exactly if all values are equal;
 * the variance is C / (n * (n - 1)). A result beyond the largest double is the largest double, which is nearer to it than any other. */
#include "records/aggregate/exact.h"
#include "records/aggregate/inside.h"

#include <math.h>

static const struct value missing = { .kind = VALUE_MISSING };

static struct value real_value(double real) { return (struct value){ .kind = VALUE_REAL, .real = real }; }

static const struct column *column_of(const struct tally *t, uint32_t aggregate, enum role role)
{
    int32_t k = t->recipe[aggregate].column[role];
    return k < 0 ? NULL : &t->column[k];
}

/* ---- sums ---- */

static void set_ten(struct big *b, uint32_t power)
{
    big_set(b, 1);
    big_times_ten(b, power);
}

static bool short_decimal(wide number, uint32_t scale, struct value *ret_value)
{
    uint8_t least = (uint8_t)scale;
    if (scale > SCALE_MAX || whole_size(number) >= whole_ten(WHOLE_DIGITS))
        return false;
    whole_trim(&number, &least);
    *ret_value = (struct value){ .kind = VALUE_NUMBER, .scale = least, .number = number };
    return true;
}

/* A decimal, unless doubles had a share in it or it has more than 38 digits. */
static struct value sum_of(const struct column *c, uint32_t group)
{
    wide number;
    uint32_t scale;
    struct value v;
    if (exact_is_short(c, group, &number, &scale) && short_decimal(number, scale, &v))
        return v;
    struct big wholes, reals, decimal, ten;
    scale = exact_scale(c);
    exact_parts(c, group, scale, &wholes, &reals);
    big_copy(&decimal, &wholes);
    if (!reals.n && big_decimal(&decimal, scale, &v))
        return v;
    big_add(&wholes, &reals);
    set_ten(&ten, scale);
    return real_value(big_ratio(&wholes, &ten));
}

static bool are_short(wide num, uwide den)
{
    const uwide exact = (uwide)1 << 53;
    return whole_size(num) <= exact && den <= exact;
}

/* A quotient of whole numbers that doubles hold is rounded once by the processor, too. */
static bool short_ratio(wide num, uwide den, double *ret_ratio)
{
    if (!are_short(num, den))
        return false;
    *ret_ratio = (double)(int64_t)num / (double)(int64_t)den;
    return true;
}

/* The root s of the rounded quotient, and a step t to the root of the exact one, known to some 50 bits. Where s + t lies so near to the
 * middle of two doubles that these might not do, false; so the result is always the one that big_root gives. */
static bool short_root(wide num, uwide den, double *ret_root)
{
    if (!are_short(num, den) || num < 0)
        return false;
    double n = (double)(int64_t)num, d = (double)(int64_t)den, ratio = n / d;
    double s = sqrt(ratio), rest = fma(-ratio, d, n) / d;
    double t = num ? (fma(-s, s, ratio) + rest) / (2 * s) : 0;
    *ret_root = s + t;
    return s + t * (1 - 0x1p-40) == s + t * (1 + 0x1p-40);
}

static struct value mean_of(const struct column *c, uint32_t group, uint64_t n)
{
    wide number;
    uint32_t scale;
    double ratio;
    if (exact_is_short(c, group, &number, &scale) && scale < 16 && n < UINT32_MAX && short_ratio(number, n * whole_ten(scale), &ratio))
        return real_value(ratio);
    struct big total, den;
    scale = exact_scale(c);
    exact_total(c, group, scale, &total);
    set_ten(&den, scale);
    big_times(&den, n);
    return real_value(big_ratio(&total, &den));
}

/* ---- moments ---- */

/* The scale that the sums of a pair share; their products have twice as many places. */
static uint32_t common_scale(const struct column *const c[], uint32_t n)
{
    uint32_t most = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t scale = c[k] ? exact_scale(c[k]) : 0;
        scale = c[k] && c[k]->ops == &product_ops ? (scale + 1) / 2 : scale;
        most = scale > most ? scale : most;
    }
    return most;
}

/* n * Sxy - Sx * Sy, times 10^(2 * scale). */
static void central(const struct column *xy, const struct big *sum_x, const struct big *sum_y, uint32_t group, uint64_t n, uint32_t scale,
                    struct big *ret_central)
{
    struct big product;
    exact_total(xy, group, 2 * scale, ret_central);
    big_times(ret_central, n);
    big_multiply(sum_x, sum_y, &product);
    big_subtract(ret_central, &product);
}

/* n * n or n * (n - 1), times 10^(2 * scale). */
static void set_weight(struct big *b, uint64_t n, bool is_sample, uint32_t scale)
{
    big_set(b, n);
    big_times(b, is_sample ? n - 1 : n);
    big_times_ten(b, 2 * scale);
}

/* The variance or its root in short numbers, where all are decimals and it fits. */
static bool short_variance(const struct column *x, const struct column *xx, uint32_t group, uint64_t n, bool is_sample, bool is_root,
                           double *ret_variance)
{
    wide sum, squares;
    uint32_t scale, squares_scale;
    if (!exact_is_short(x, group, &sum, &scale) || !exact_is_short(xx, group, &squares, &squares_scale))
        return false;
    if (squares_scale != 2 * scale || scale > 7 || n >= (UINT64_C(1) << 26) || whole_size(sum) >= (uwide)1 << 62 || squares < 0 ||
        squares >= (wide)1 << 100)
        return false;
    wide spread = (wide)n * squares - sum * sum;
    uwide den = (uwide)n * (is_sample ? n - 1 : n);
    if (den > (uwide)1 << 53)
        return false;
    den *= whole_ten(2 * scale);
    return is_root ? short_root(spread, den, ret_variance) : short_ratio(spread, den, ret_variance);
}

static struct value variance_of(const struct tally *t, uint32_t a, uint32_t group, uint64_t n, bool is_sample, bool is_root)
{
    const struct column *c[] = { column_of(t, a, ROLE_X), column_of(t, a, ROLE_XX) };
    double variance;
    if (n < (is_sample ? 2 : 1))
        return missing;
    if (short_variance(c[0], c[1], group, n, is_sample, is_root, &variance))
        return real_value(variance);
    struct big sum, spread, den;
    uint32_t scale = common_scale(c, 2);
    exact_total(c[0], group, scale, &sum);
    central(c[1], &sum, &sum, group, n, scale, &spread);
    set_weight(&den, n, is_sample, scale);
    if (spread.is_negative)     /* only in a tally that was made up */
        return missing;
    return real_value(is_root ? big_root(&spread, &den) : big_ratio(&spread, &den));
}

/* All that pairs need; those without a column are 0. */
struct pair {
    uint32_t scale;
    struct big x, y, xx, yy, xy;        /* xx, yy, xy: central */
};

static void take_pair(const struct tally *t, uint32_t a, uint32_t group, uint64_t n, struct pair *ret_pair)
{
    struct pair *p = ret_pair;
    const struct column *c[ROLES - 1];
    for (int role = ROLE_X; role < ROLES; role++)
        c[role - 1] = column_of(t, a, (enum role)role);
    p->scale = common_scale(c, ROLES - 1);
    exact_total(c[ROLE_X - 1], group, p->scale, &p->x);
    exact_total(c[ROLE_Y - 1], group, p->scale, &p->y);
    central(c[ROLE_XY - 1], &p->x, &p->y, group, n, p->scale, &p->xy);
    big_set(&p->xx, 0);
    big_set(&p->yy, 0);
    if (c[ROLE_XX - 1])
        central(c[ROLE_XX - 1], &p->x, &p->x, group, n, p->scale, &p->xx);
    if (c[ROLE_YY - 1])
        central(c[ROLE_YY - 1], &p->y, &p->y, group, n, p->scale, &p->yy);
}

static struct value covariance(const struct pair *p, uint64_t n, bool is_sample)
{
    struct big den;
    set_weight(&den, n, is_sample, p->scale);
    return real_value(big_ratio(&p->xy, &den));
}

/* r * r = xy * xy / (xx * yy), and is at most 1. */
static struct value correlation(const struct pair *p, bool is_squared)
{
    struct big num, den;
    if (!p->xx.n || !p->yy.n || p->xx.is_negative || p->yy.is_negative)
        return missing;
    big_multiply(&p->xy, &p->xy, &num);
    big_multiply(&p->xx, &p->yy, &den);
    if (is_squared)
        return real_value(big_ratio(&num, &den));
    double size = big_root(&num, &den);
    return real_value(p->xy.is_negative ? -size : size);
}

/* y = intercept + slope * x, the least squares: slope = xy / xx, intercept = (Sy * xx - Sx * xy) / (n * xx). */
static struct value regression(const struct pair *p, uint64_t n, bool is_slope)
{
    struct big num, part;
    if (!p->xx.n)
        return missing;
    if (is_slope)
        return real_value(big_ratio(&p->xy, &p->xx));
    big_multiply(&p->y, &p->xx, &num);
    big_multiply(&p->x, &p->xy, &part);
    big_subtract(&num, &part);
    big_copy(&part, &p->xx);
    big_times(&part, n);
    big_times_ten(&part, p->scale);
    return real_value(big_ratio(&num, &part));
}

static struct value pair_result(const struct tally *t, uint32_t a, uint32_t group, uint64_t n)
{
    struct pair p;
    enum aggregate_kind kind = t->plan->aggregate[a].kind;
    if (n < (kind == AGG_COVAR_POP ? 1 : 2))
        return missing;
    take_pair(t, a, group, n, &p);
    switch (kind) {
    case AGG_COVAR: case AGG_COVAR_POP: return covariance(&p, n, kind == AGG_COVAR);
    case AGG_CORR: case AGG_R2: return correlation(&p, kind == AGG_R2);
    default: return regression(&p, n, kind == AGG_SLOPE);
    }
}

/* ---- the rest ---- */

/* Of a bare column: its numbers, if all its cells are; else its texts. */
static struct value kept_result(const struct tally *t, uint32_t a, uint32_t group)
{
    const struct column *no_number = column_of(t, a, ROLE_NO_NUMBER);
    struct value number = number_kept(column_of(t, a, ROLE_NUMBER), group);
    if (number.kind == VALUE_MISSING || (no_number && count_of(no_number, group)))
        return text_kept(column_of(t, a, ROLE_TEXT), group);
    return number;
}

static struct value count_value(uint64_t n) { return (struct value){ .kind = VALUE_NUMBER, .number = n }; }

struct value result_of(struct tally *t, uint32_t a, uint32_t group)
{
    const struct plan_aggregate *what = &t->plan->aggregate[a];
    const struct column *count = column_of(t, a, ROLE_COUNT), *x = column_of(t, a, ROLE_X);
    uint64_t n = count ? count_of(count, group) : 0;
    switch (what->kind) {
    case AGG_ROWS: case AGG_COUNT: return count_value(n);
    case AGG_SUM: return n ? sum_of(x, group) : missing;
    case AGG_MEAN: return n ? mean_of(x, group, n) : missing;
    case AGG_VARIANCE: case AGG_STDDEV: return variance_of(t, a, group, n, true, what->kind == AGG_STDDEV);
    case AGG_VARIANCE_POP: case AGG_STDDEV_POP: return variance_of(t, a, group, n, false, what->kind == AGG_STDDEV_POP);
    case AGG_MIN: case AGG_MAX: case AGG_FIRST: case AGG_LAST: return kept_result(t, a, group);
    case AGG_QUANTILE: return values_quantile(&t->column[t->recipe[a].column[ROLE_VALUES]], group, what->quantile);
    case AGG_DISTINCT: return count_value(t->counts[(size_t)a * t->n_groups + group]);
    default: return pair_result(t, a, group, n);
    }
}
