/* records/aggregate: sums that are exact until their last rounding. */
#include "records_blocks.h"

#include <float.h>

#if defined(__x86_64__)
typedef __float128 quad;
#else
typedef long double quad;
#endif

/* ---- a reference that shares nothing with the code: one bit after the other ---- */

enum { LOWEST = -1074, DIGITS = 2200 };     /* digits of 32 bits would be faster; this is to be seen through */
struct bits { int digit[DIGITS]; };         /* signed counts of 2^(LOWEST + k) */

static void bits_add(struct bits *b, double v)
{
    int e;
    double size = frexp(fabs(v), &e);
    for (int k = e - 1; size > 0; k--) {
        size *= 2;
        if (size >= 1) {
            b->digit[k - LOWEST] += v < 0 ? -1 : 1;
            size -= 1;
        }
    }
}

/* Carries, then the sign from the highest digit, then ties to even. */
static double bits_round(struct bits b)
{
    int carry = 0, top = DIGITS - 1;
    for (int k = 0; k < DIGITS; k++) {
        int sum = b.digit[k] + carry;
        b.digit[k] = sum & 1;
        carry = (sum - b.digit[k]) / 2;
    }
    bool is_negative = carry < 0;
    for (int k = 0, one = 1; is_negative && k < DIGITS; k++) {
        int bit = 1 - b.digit[k] + one;
        b.digit[k] = bit & 1;
        one = bit >> 1;
    }
    while (top > 0 && !b.digit[top])
        top--;
    int low = top - 52 < 0 ? 0 : top - 52;
    double v = 0;
    for (int k = top; k >= low; k--)
        v = 2 * v + b.digit[k];
    bool half = low > 0 && b.digit[low - 1], more = false;
    for (int k = 0; k < low - 1; k++)
        more |= b.digit[k];
    if (half && (more || b.digit[low]))
        v += 1;
    v = ldexp(v, low + LOWEST);
    return (is_negative ? -1 : 1) * (v > DBL_MAX ? DBL_MAX : v);
}

/* ---- sums of doubles ---- */

static struct block *reals(const double *v, uint32_t n, place at)
{
    struct block *b = block_new(n, at);
    memcpy(block_vec(b, 0, VEC_REAL, 0)->r, v, n * sizeof *v);
    return b;
}

static struct value sum_of(struct block *const blocks[], size_t n, size_t n_tallies, bool by_bytes, uint64_t *state)
{
    struct question q = { 0 };
    struct results results;
    ask(&q, AGG_SUM, 1, 0, 0);
    struct tally *t = tally_of_parts(&q, blocks, n, n_tallies, by_bytes, NULL, state);
    ck_assert_int_eq(tally_finish(t, &results), 0);
    struct value v = results.cell[0];
    results_free(&results);
    tally_free(t);
    return v;
}

static double sum_of_reals(const double *v, uint32_t n)
{
    uint64_t state = n;
    struct block *b = reals(v, n, 0);
    struct value sum = sum_of(&b, 1, 1, false, &state);
    block_free(b);
    ck_assert(sum.kind == VALUE_REAL || is_number(&sum, 0, 0));
    return sum.kind == VALUE_REAL ? sum.real : 0;
}

/* Exponents around `middle`, within `spread`. */
static double any_real(uint64_t *state, int middle, uint32_t spread)
{
    double v = ldexp((double)(chance(state) >> 11) + 1, middle - (int)(spread / 2) + (int)below(state, spread + 1) - 53);
    v = fmin(v, DBL_MAX);
    return chance(state) & 1 ? v : -v;
}

static const struct { int middle; uint32_t spread; } ranges[] = {
    { 0, 0 }, { 0, 10 }, { 0, 60 }, { 10, 200 }, { 0, 2000 }, { -1040, 100 }, { 1000, 46 }, { -1073, 4 }, { 500, 900 },
};
enum { RANGES_N = sizeof ranges / sizeof *ranges };

START_TEST(a_sum_of_doubles_is_the_exact_sum_rounded_once)
{
    uint64_t state = 1;
    for (int k = 0; k < ROUNDS(40) * RANGES_N; k++) {
        struct bits expected = { { 0 } };
        double v[200];
        uint32_t n = 1 + below(&state, 200);
        for (uint32_t i = 0; i < n; i++) {
            v[i] = any_real(&state, ranges[k % RANGES_N].middle, ranges[k % RANGES_N].spread);
            if (i && below(&state, 3) == 0)
                v[i] = -v[below(&state, i)];
            bits_add(&expected, v[i]);
        }
        double is = sum_of_reals(v, n), should = bits_round(expected);
        ck_assert_msg(is == should, "range %d: %a for %a", k % RANGES_N, is, should);
    }
}
END_TEST

START_TEST(a_full_batch_of_like_doubles_is_summed_exactly_too)
{
    uint64_t state = 2;
    for (int k = 0; k < ROUNDS(40); k++) {
        struct bits expected = { { 0 } };
        double v[BATCH_ROWS];
        for (uint32_t i = 0; i < BATCH_ROWS; i++) {
            v[i] = fabs(any_real(&state, k, k % 5 * 20u));
            v[i] = k % 2 && i % 2 ? -v[i] : v[i];
            bits_add(&expected, v[i]);
        }
        ck_assert(sum_of_reals(v, BATCH_ROWS) == bits_round(expected));
    }
}
END_TEST

START_TEST(what_cancels_leaves_what_is_left)
{
    ck_assert(sum_of_reals((double[]){ 1e16, 1, -1e16 }, 3) == 1);
    ck_assert(sum_of_reals((double[]){ 1e300, 1e-300, -1e300 }, 3) == 1e-300);
    ck_assert(sum_of_reals((double[]){ 1, 0x1p-53, 0x1p-106 }, 3) == 1 + 0x1p-52);     /* above the half */
    ck_assert(sum_of_reals((double[]){ 1, 0x1p-53, 0x1p-300 }, 3) == 1 + 0x1p-52);
    ck_assert(sum_of_reals((double[]){ 1, 0x1p-53 }, 2) == 1);                         /* at the half: to even */
    ck_assert(sum_of_reals((double[]){ 0x1p-1074, 0x1p-1074 }, 2) == 0x1p-1073);
    ck_assert(sum_of_reals((double[]){ -0.0, 0.0 }, 2) == 0);
    ck_assert(sum_of_reals((double[]){ DBL_MAX, DBL_MAX, -DBL_MAX }, 3) == DBL_MAX);
}
END_TEST

START_TEST(a_sum_beyond_the_largest_double_is_the_largest)
{
    ck_assert(sum_of_reals((double[]){ DBL_MAX, DBL_MAX }, 2) == DBL_MAX);
    ck_assert(sum_of_reals((double[]){ -DBL_MAX, -DBL_MAX }, 2) == -DBL_MAX);
}
END_TEST

/* ---- any mixture ---- */

static wide ten_to(uint32_t power)
{
    wide v = 1;
    while (power--)
        v *= 10;
    return v;
}

/* A block of one kind of values and, if `turn` is -1, their negatives. */
static struct block *any_block(uint64_t seed, int turn, place at)
{
    uint64_t state = seed;
    uint32_t n = 1 + below(&state, 40), kind = below(&state, 3), scale = below(&state, SCALE_MAX + 1), range = below(&state, RANGES_N);
    struct block *b = block_new(n, at);
    struct vec *v = block_vec(b, 0, kind == 0 ? VEC_INT : kind == 1 ? VEC_WIDE : VEC_REAL, kind < 2 ? scale : 0);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t size = chance(&state) >> (1 + below(&state, 63));
        if (kind == 0)
            vec_set_int(v, i, turn * (int64_t)size);
        else if (kind == 1)
            v->w[i] = turn * ((((wide)chance(&state) << 62) + (wide)size) % ten_to(38));
        else
            v->r[i] = turn * any_real(&state, ranges[range].middle, ranges[range].spread);
    }
    return b;
}

START_TEST(all_that_was_added_and_taken_away_again_leaves_no_trace)
{
    enum { N = 40 };
    struct block *blocks[2 * N + 1];
    uint64_t state = 5;
    for (int round = 0; round < ROUNDS(100); round++) {
        for (int k = 0; k < N; k++) {
            uint64_t seed = chance(&state);
            blocks[2 * k] = any_block(seed, 1, 0);
            blocks[2 * k + 1] = any_block(seed, -1, 0);
        }
        blocks[2 * N] = block_new(1, 0);
        vec_set_int(block_vec(blocks[2 * N], 0, VEC_INT, 3), 0, 41970);
        struct value v = sum_of(blocks, 2 * N + 1, 1 + below(&state, 5), round & 1, &state);
        ck_assert(is_number(&v, 4197, 2));
        for (int k = 0; k < 2 * N + 1; k++)
            block_free(blocks[k]);
    }
}
END_TEST

START_TEST(a_mixed_sum_is_the_same_bits_in_any_order_and_division)
{
    enum { N = 30 };
    struct block *blocks[N];
    uint64_t state = 7;
    for (int round = 0; round < ROUNDS(30); round++) {
        for (int k = 0; k < N; k++)
            blocks[k] = any_block(chance(&state), 1, 0);
        struct value first = sum_of(blocks, N, 1, false, &state);
        for (int k = 0; k < 12; k++) {
            struct value v = sum_of(blocks, N, 1 + below(&state, 20), k & 1, &state);
            ck_assert(value_same(&v, &first));
        }
        for (int k = 0; k < N; k++)
            block_free(blocks[k]);
    }
}
END_TEST

START_TEST(decimals_and_doubles_are_rounded_together)
{
    /* 0.5 + 2^-54 as a decimal, and 0.5 as a double: above the half between 1 and the next. */
    struct block *b[2] = { block_new(1, 0), reals((double[]){ 0x1p-53 }, 1, 0) };
    uint64_t state = 1;
    struct vec *v = block_vec(b[0], 0, VEC_WIDE, 37);
    v->w[0] = ten_to(37) + 1;
    struct value sum = sum_of(b, 2, 1, false, &state);
    ck_assert(is_real(&sum, 1 + 0x1p-52));
    v->w[0] = ten_to(37) - 1;
    sum = sum_of(b, 2, 2, false, &state);
    ck_assert(is_real(&sum, 1));
    block_free(b[0]);
    block_free(b[1]);
}
END_TEST

START_TEST(whole_sums_go_beyond_64_bits)
{
    uint64_t state = 3;
    struct block *b = block_new(BATCH_ROWS, 0);
    struct vec *v = block_vec(b, 0, VEC_INT, 2);
    for (uint32_t i = 0; i < BATCH_ROWS; i++)
        vec_set_int(v, i, INT64_MAX);
    struct block *twice[] = { b, b };
    struct value sum = sum_of(twice, 2, 1, false, &state);
    ck_assert(is_number(&sum, (wide)INT64_MAX * (2 * BATCH_ROWS) / 4, 0) || is_number(&sum, (wide)INT64_MAX * 2 * BATCH_ROWS, 2));
    for (uint32_t i = 0; i < BATCH_ROWS; i++)
        vec_set_int(v, i, INT64_MIN);
    sum = sum_of(twice, 2, 2, true, &state);
    ck_assert(is_number(&sum, (wide)INT64_MIN * 2 * BATCH_ROWS, 2));
    block_free(b);
}
END_TEST

START_TEST(a_sum_of_more_than_38_digits_is_the_nearest_double)
{
    uint64_t state = 3;
    struct block *b = block_new(20, 0);
    struct vec *v = block_vec(b, 0, VEC_WIDE, 0);
    for (uint32_t i = 0; i < 20; i++)
        v->w[i] = ten_to(38) - 1;
    struct value sum = sum_of(&b, 1, 1, false, &state);
    ck_assert(is_real(&sum, strtod("1999999999999999999999999999999999999980", NULL)));
    v->scale = 38;
    sum = sum_of(&b, 1, 1, false, &state);
    ck_assert(sum.kind == VALUE_REAL && sum.real == 20);
    block_free(b);
}
END_TEST

START_TEST(one_cell_with_many_places_neither_loses_nor_slows_the_others)
{
    uint64_t state = 3;
    struct block *b[3] = { block_new(1, 0), block_new(1, 1), block_new(1, 2) };
    vec_set_int(block_vec(b[0], 0, VEC_INT, 0), 0, INT64_C(9000000000000000000));
    vec_set_int(block_vec(b[1], 0, VEC_INT, 18), 0, 1);
    vec_set_int(block_vec(b[2], 0, VEC_INT, 38), 0, 1);
    struct value sum = sum_of(b, 2, 1, false, &state);
    ck_assert(is_number(&sum, (wide)9000000000000000000 * ten_to(18) + 1, 18));
    sum = sum_of(b, 3, 3, true, &state);
    ck_assert(is_real(&sum, 9e18));
    for (int k = 0; k < 3; k++)
        block_free(b[k]);
}
END_TEST

/* ---- means and moments ---- */

/* What all these come to for whole numbers at a scale; with rows as x or as the pair (y, x). */
enum { MEAN, VARIANCE, VARIANCE_POP, STDDEV, STDDEV_POP, COVAR, COVAR_POP, CORR, SLOPE, INTERCEPT, R2, MOMENTS };

static void ask_moments(struct question *q)
{
    static const enum aggregate_kind kind[] = { AGG_MEAN, AGG_VARIANCE, AGG_VARIANCE_POP, AGG_STDDEV, AGG_STDDEV_POP, AGG_COVAR,
                                                AGG_COVAR_POP, AGG_CORR, AGG_SLOPE, AGG_INTERCEPT, AGG_R2 };
    for (int k = 0; k < MOMENTS; k++)
        ask(q, kind[k], k < COVAR ? 1 : 2, 0, 1);
}

static void moments_of(struct block *const blocks[], size_t n, size_t n_tallies, uint64_t *state, struct value ret[MOMENTS])
{
    struct question q = { 0 };
    struct results results;
    ask_moments(&q);
    struct tally *t = tally_of_parts(&q, blocks, n, n_tallies, true, NULL, state);
    ck_assert_int_eq(tally_finish(t, &results), 0);
    memcpy(ret, results.cell, MOMENTS * sizeof *ret);
    results_free(&results);
    tally_free(t);
}

/* The double nearest to a quotient of whole numbers: none of its neighbours is nearer. */
static bool is_nearest(double v, quad num, quad den)
{
    quad error = num / den - v, up = num / den - nextafter(v, INFINITY), down = num / den - nextafter(v, -INFINITY);
    error = error < 0 ? -error : error;
    return error <= (up < 0 ? -up : up) && error <= (down < 0 ? -down : down);
}

/* The same of the root: v - ulp/2 <= root <= v + ulp/2, squared. */
static bool is_nearest_root(double v, quad num, quad den)
{
    quad low = ((quad)v + nextafter(v, -INFINITY)) / 2, high = ((quad)v + nextafter(v, INFINITY)) / 2;
    return v >= 0 && low * low <= num / den * (1 + (quad)1e-30) && num / den <= high * high * (1 + (quad)1e-30);
}

static struct block *pairs(const int64_t *y, const int64_t *x, uint32_t n, uint32_t scale)
{
    struct block *b = block_new(n, 0);
    struct vec *vy = block_vec(b, 0, VEC_INT, scale), *vx = block_vec(b, 1, VEC_INT, scale);
    for (uint32_t i = 0; i < n; i++) {
        vec_set_int(vy, i, y[i]);
        vec_set_int(vx, i, x[i]);
    }
    return b;
}

START_TEST(moments_of_whole_numbers_are_those_of_rational_arithmetic_rounded_once)
{
    uint64_t state = 11;
    for (int round = 0; round < ROUNDS(400); round++) {
        int64_t y[50], x[50], offset = (int64_t)(chance(&state) >> (24 + below(&state, 40)));
        uint32_t n = 2 + below(&state, 48), scale = below(&state, 6);
        wide sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0, ten = ten_to(scale);
        for (uint32_t i = 0; i < n; i++) {
            x[i] = (int64_t)below(&state, 1000) + offset;
            y[i] = 3 * x[i] - (int64_t)below(&state, 5000);
            sx += x[i], sy += y[i], sxx += (wide)x[i] * x[i], syy += (wide)y[i] * y[i], sxy += (wide)x[i] * y[i];
        }
        wide cxx = n * sxx - sx * sx, cyy = n * syy - sy * sy, cxy = n * sxy - sx * sy, square = ten * ten * n;
        if (cxx == 0 || cyy == 0)
            continue;
        struct block *b = pairs(y, x, n, scale);
        struct value v[MOMENTS];
        moments_of(&b, 1, 1, &state, v);
        block_free(b);
        ck_assert(is_nearest(v[MEAN].real, sy, (quad)n * ten));
        ck_assert(is_nearest(v[VARIANCE].real, cyy, (quad)(n - 1) * square));
        ck_assert(is_nearest(v[VARIANCE_POP].real, cyy, (quad)n * square));
        ck_assert(is_nearest_root(v[STDDEV].real, cyy, (quad)(n - 1) * square));
        ck_assert(is_nearest_root(v[STDDEV_POP].real, cyy, (quad)n * square));
        ck_assert(is_nearest(v[COVAR].real, cxy, (quad)(n - 1) * square));
        ck_assert(is_nearest(v[COVAR_POP].real, cxy, (quad)n * square));
        ck_assert(is_nearest_root(fabs(v[CORR].real), (quad)cxy * cxy, (quad)cxx * cyy) && (v[CORR].real < 0) == (cxy < 0));
        ck_assert(is_nearest(v[SLOPE].real, cxy, cxx));
        ck_assert(is_nearest(v[R2].real, (quad)cxy * cxy, (quad)cxx * cyy));
        quad intercept = ((quad)sy * cxx - (quad)sx * cxy) / ((quad)n * cxx * ten);
        ck_assert(fabs((double)(v[INTERCEPT].real - intercept)) <= 1e-15 * fabs((double)intercept) + 1e-15);
    }
}
END_TEST

START_TEST(the_mean_may_be_far_from_the_spread)
{
    double y[1000];
    for (int i = 0; i < 1000; i++)
        y[i] = 1e15 + (i & 1 ? 0.5 : 0.25);     /* variance: 0.125^2 * 1000 / 999 */
    struct block *b = reals(y, 1000, 0);
    memcpy(block_vec(b, 1, VEC_REAL, 0)->r, y, sizeof y);
    struct value v[MOMENTS];
    uint64_t state = 1;
    moments_of(&b, 1, 1, &state, v);
    ck_assert(v[MEAN].real == 1e15 + 0.375 && v[VARIANCE_POP].real == 0.015625 && v[STDDEV_POP].real == 0.125);
    ck_assert(v[VARIANCE].real == 15.625 / 999 && v[CORR].real == 1 && v[SLOPE].real == 1 && v[INTERCEPT].real == 0 && v[R2].real == 1);
    block_free(b);
}
END_TEST

START_TEST(squares_that_no_double_can_hold_are_held)
{
    for (int e = -1000; e <= 900; e += 100) {
        double y[4] = { ldexp(1, e), ldexp(3, e), ldexp(5, e), ldexp(7, e) };      /* stddev_pop: sqrt(5) */
        struct block *b = reals(y, 4, 0);
        memcpy(block_vec(b, 1, VEC_REAL, 0)->r, y, sizeof y);
        struct value v[MOMENTS];
        uint64_t state = 1;
        moments_of(&b, 1, 1, &state, v);
        ck_assert(v[STDDEV_POP].real == ldexp(sqrt(5), e));
        ck_assert(v[CORR].real == 1 && v[SLOPE].real == 1 && v[INTERCEPT].real == 0);
        block_free(b);
    }
}
END_TEST

START_TEST(constant_columns_have_no_spread_and_no_correlation)
{
    for (int k = 0; k < 3; k++) {
        struct block *b = block_new(7, 0);
        for (uint32_t column = 0; column < 2; column++) {
            struct vec *v = block_vec(b, column, k == 0 ? VEC_INT : k == 1 ? VEC_WIDE : VEC_REAL, k < 2 ? 5 : 0);
            for (uint32_t i = 0; i < 7; i++)
                if (k == 0)
                    vec_set_int(v, i, 314159);
                else if (k == 1)
                    v->w[i] = ten_to(37) + 7;
                else
                    v->r[i] = 0.1;
        }
        struct value v[MOMENTS];
        uint64_t state = 1;
        moments_of(&b, 1, 1, &state, v);
        ck_assert(is_real(&v[VARIANCE], 0) && is_real(&v[STDDEV], 0) && is_real(&v[COVAR], 0));
        ck_assert(v[CORR].kind == VALUE_MISSING && v[R2].kind == VALUE_MISSING && v[SLOPE].kind == VALUE_MISSING &&
                  v[INTERCEPT].kind == VALUE_MISSING);
        block_free(b);
    }
}
END_TEST

START_TEST(of_one_value_there_is_no_sample_variance)
{
    struct block *b = pairs((int64_t[]){ 3 }, (int64_t[]){ 4 }, 1, 0);
    struct value v[MOMENTS];
    uint64_t state = 1;
    moments_of(&b, 1, 1, &state, v);
    ck_assert(is_real(&v[MEAN], 3) && is_real(&v[VARIANCE_POP], 0) && is_real(&v[STDDEV_POP], 0) && is_real(&v[COVAR_POP], 0));
    ck_assert(v[VARIANCE].kind == VALUE_MISSING && v[STDDEV].kind == VALUE_MISSING && v[COVAR].kind == VALUE_MISSING);
    ck_assert(v[CORR].kind == VALUE_MISSING && v[SLOPE].kind == VALUE_MISSING);
    block_free(b);
}
END_TEST

/* Also the extremes of what the numbers can be at once: nothing may run out of room. */
START_TEST(moments_of_any_mixture_are_the_same_bits_in_any_order)
{
    enum { N = 24 };
    struct block *blocks[N];
    uint64_t state = 13;
    for (int round = 0; round < ROUNDS(30); round++) {
        for (int k = 0; k < N; k++) {
            uint64_t seed = chance(&state);
            blocks[k] = any_block(seed, 1, 0);
            struct block *other = any_block(seed + (k & 1), -1, 0);     /* other lengths and kinds in half of them */
            uint32_t n = other->batch.n < blocks[k]->batch.n ? other->batch.n : blocks[k]->batch.n;
            blocks[k]->vec[1] = other->vec[0];
            blocks[k]->out[1] = &blocks[k]->vec[1];
            blocks[k]->batch.n = n;
            free(other);
        }
        struct value first[MOMENTS], v[MOMENTS];
        moments_of(blocks, N, 1, &state, first);
        for (int k = 0; k < 6; k++) {
            moments_of(blocks, N, 1 + below(&state, 9), &state, v);
            for (int j = 0; j < MOMENTS; j++)
                ck_assert(value_same(&v[j], &first[j]));
        }
        for (int k = 0; k < N; k++)
            block_free(blocks[k]);
    }
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_sum_of_doubles_is_the_exact_sum_rounded_once);
    add_case(a_full_batch_of_like_doubles_is_summed_exactly_too);
    add_case(what_cancels_leaves_what_is_left);
    add_case(a_sum_beyond_the_largest_double_is_the_largest);
    add_case(all_that_was_added_and_taken_away_again_leaves_no_trace);
    add_case(a_mixed_sum_is_the_same_bits_in_any_order_and_division);
    add_case(decimals_and_doubles_are_rounded_together);
    add_case(whole_sums_go_beyond_64_bits);
    add_case(a_sum_of_more_than_38_digits_is_the_nearest_double);
    add_case(one_cell_with_many_places_neither_loses_nor_slows_the_others);
    add_case(moments_of_whole_numbers_are_those_of_rational_arithmetic_rounded_once);
    add_case(the_mean_may_be_far_from_the_spread);
    add_case(squares_that_no_double_can_hold_are_held);
    add_case(constant_columns_have_no_spread_and_no_correlation);
    add_case(of_one_value_there_is_no_sample_variance);
    add_case(moments_of_any_mixture_are_the_same_bits_in_any_order);
    return run_cases(argc, argv);
}
