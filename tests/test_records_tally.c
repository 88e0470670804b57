/* records/aggregate: groups, and each aggregate in them; merging, and what crosses between processes. */
#include "records_blocks.h"

#include <prong.h>

static struct tally *finished(struct tally *t, struct results *ret_results)
{
    ck_assert_int_eq(tally_finish(t, ret_results), 0);
    return t;
}

static void done(struct tally *t, struct results *results)
{
    results_free(results);
    tally_free(t);
}

/* ---- vectors from lists; NULL and LOST are missing ---- */

#define LOST INT64_MIN

static void ints(struct block *b, uint32_t column, uint32_t scale, const int64_t *values)
{
    struct vec *v = block_vec(b, column, VEC_INT, scale);
    for (uint32_t i = 0; i < b->batch.n; i++)
        if (values[i] == LOST)
            vec_lose(v, i);
        else
            vec_set_int(v, i, values[i]);
}

static void doubles(struct block *b, uint32_t column, const double *values)
{
    struct vec *v = block_vec(b, column, VEC_REAL, 0);
    for (uint32_t i = 0; i < b->batch.n; i++)
        if (isnan(values[i]))
            vec_lose(v, i);
        else
            v->r[i] = values[i];
}

static void texts(struct block *b, uint32_t column, const char *const *values)
{
    struct vec *v = block_vec(b, column, VEC_TEXT, 0);
    for (uint32_t i = 0; i < b->batch.n; i++)
        if (!values[i])
            vec_lose(v, i);
        else
            vec_set_text(v, i, values[i], strlen(values[i]));
}

static void truths(struct block *b, uint32_t column, const char *values)    /* "tf?" */
{
    struct vec *v = block_vec(b, column, VEC_BOOL, 0);
    for (uint32_t i = 0; i < b->batch.n; i++)
        if (values[i] == '?')
            vec_lose(v, i);
        else
            v->b[i] = values[i] == 't';
}

#define INTS(b, column, scale, ...) ints(b, column, scale, (int64_t[]){ __VA_ARGS__ })
#define DOUBLES(b, column, ...) doubles(b, column, (double[]){ __VA_ARGS__ })
#define TEXTS(b, column, ...) texts(b, column, (const char *[]){ __VA_ARGS__ })

/* ---- single aggregates ---- */

/* Each aggregate of one argument of column 0, and of the pair (0, 1). */
static void ask_all(struct question *q, uint32_t x, uint32_t y)
{
    for (int kind = AGG_ROWS; kind <= AGG_LAST; kind++) {
        bool is_pair = kind >= AGG_CORR && kind <= AGG_R2;
        uint32_t a = ask(q, (enum aggregate_kind)kind, is_pair ? 2 : kind == AGG_ROWS ? 0 : 1, x, y);
        q->aggregate[a].quantile = 0.5;
    }
}

START_TEST(without_rows_counts_are_zero_and_all_else_is_missing)
{
    struct question q = { 0 };
    struct results r;
    ask_all(&q, 0, 1);
    struct tally *t = finished(tally_of(&q, NULL, 0), &r);
    ck_assert_uint_eq(r.n_rows, 1);
    for (uint32_t k = 0; k < r.n_columns; k++)
        if (q.aggregate[k].kind <= AGG_COUNT || q.aggregate[k].kind == AGG_DISTINCT)
            ck_assert(is_number(&r.cell[k], 0, 0));
        else
            ck_assert_int_eq(r.cell[k].kind, VALUE_MISSING);
    done(t, &r);
    ask_key(&q, 0);
    t = finished(tally_of(&q, NULL, 0), &r);
    ck_assert_uint_eq(r.n_rows, 0);
    done(t, &r);
}
END_TEST

static void check_of_missing_alone(const struct question *q, struct block *b)
{
    struct results r;
    struct tally *t = finished(tally_of(q, &b, 1), &r);
    ck_assert(is_number(&r.cell[0], 3, 0) && is_number(&r.cell[1], 0, 0));
    for (uint32_t k = 2; k < r.n_columns; k++)
        ck_assert(q->aggregate[k].kind == AGG_DISTINCT ? is_number(&r.cell[k], 0, 0) : r.cell[k].kind == VALUE_MISSING);
    done(t, &r);
}

START_TEST(missing_values_never_count)
{
    struct question q = { 0 };
    ask_all(&q, 0, 1);
    struct block *b = block_new(3, 0);
    INTS(b, 0, 0, LOST, LOST, LOST);
    INTS(b, 1, 0, 1, 2, 3);
    check_of_missing_alone(&q, b);
    b->vec[0].is_constant = true;
    check_of_missing_alone(&q, b);
    block_free(b);
    b = block_new(3, 0);
    DOUBLES(b, 0, NAN, NAN, NAN);
    DOUBLES(b, 1, 1, 2, 3);
    check_of_missing_alone(&q, b);
    block_free(b);
}
END_TEST

START_TEST(a_constant_counts_once_for_each_row)
{
    struct question q = { 0 };
    struct results r;
    ask_all(&q, 0, 1);
    struct block *b = block_new(5, 0);
    INTS(b, 0, 1, 15, 0, 0, 0, 0);
    b->vec[0].is_constant = true;
    DOUBLES(b, 1, 1, NAN, 3, 4, 5);
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_number(&r.cell[AGG_COUNT], 5, 0) && is_number(&r.cell[AGG_SUM], 75, 1) && is_real(&r.cell[AGG_MEAN], 1.5));
    ck_assert(is_number(&r.cell[AGG_MIN], 15, 1) && is_number(&r.cell[AGG_MAX], 15, 1) && is_real(&r.cell[AGG_VARIANCE], 0));
    ck_assert(is_real(&r.cell[AGG_QUANTILE], 1.5) && is_number(&r.cell[AGG_DISTINCT], 1, 0) && is_real(&r.cell[AGG_COVAR], 0));
    ck_assert(is_number(&r.cell[AGG_FIRST], 15, 1) && is_number(&r.cell[AGG_LAST], 15, 1));
    done(t, &r);
    block_free(b);
}
END_TEST

START_TEST(pairs_are_rows_in_which_both_are_present)
{
    struct question q = { 0 };
    struct results r;
    ask(&q, AGG_SLOPE, 2, 0, 1);        /* y = 2 x + 1 in the rows that count */
    ask(&q, AGG_INTERCEPT, 2, 0, 1);
    ask(&q, AGG_CORR, 2, 0, 1);
    ask(&q, AGG_COVAR, 2, 0, 1);
    ask(&q, AGG_SUM, 1, 0, 0);          /* of all its own */
    struct block *b = block_new(6, 0);
    INTS(b, 0, 0, 3, 5, 7, 1000, LOST, 9);
    INTS(b, 1, 0, 1, 2, 3, LOST, 77, 4);
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_real(&r.cell[0], 2) && is_real(&r.cell[1], 1) && is_real(&r.cell[2], 1) && is_real(&r.cell[3], 10.0 / 3));
    ck_assert(is_number(&r.cell[4], 1024, 0));
    done(t, &r);
    block_free(b);
}
END_TEST

START_TEST(truths_are_numbers_in_sums_and_truths_in_extremes)
{
    struct question q = { 0 };
    struct results r;
    ask_all(&q, 0, 0);
    struct block *b = block_new(4, 0);
    truths(b, 0, "tf?t");
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_number(&r.cell[AGG_SUM], 2, 0) && is_real(&r.cell[AGG_MEAN], 2.0 / 3) && is_number(&r.cell[AGG_DISTINCT], 2, 0));
    ck_assert(r.cell[AGG_MIN].kind == VALUE_BOOL && !r.cell[AGG_MIN].truth && r.cell[AGG_MAX].kind == VALUE_BOOL && r.cell[AGG_MAX].truth);
    ck_assert(r.cell[AGG_FIRST].kind == VALUE_BOOL && r.cell[AGG_FIRST].truth && is_real(&r.cell[AGG_QUANTILE], 1));
    done(t, &r);
    block_free(b);
}
END_TEST

/* ---- extremes ---- */

START_TEST(numbers_of_different_kinds_are_compared_exactly)
{
    struct question q = { 0 };
    struct results r;
    ask(&q, AGG_MIN, 1, 0, 0);
    ask(&q, AGG_MAX, 1, 0, 0);
    struct block *b[3] = { block_new(2, 0), block_new(2, 2), block_new(1, 4) };
    INTS(b[0], 0, 0, (INT64_C(1) << 53) + 1, -(INT64_C(1) << 53));
    DOUBLES(b[1], 0, 0x1p53, -0x1p53 - 2);
    struct vec *v = block_vec(b[2], 0, VEC_WIDE, 20);
    v->w[0] = ((wide)1 << 53) * 100000000000 * 1000000000;      /* 2^53 */
    struct tally *t = finished(tally_of(&q, b, 3), &r);
    ck_assert(is_real(&r.cell[0], -0x1p53 - 2) && is_number(&r.cell[1], ((wide)1 << 53) + 1, 0));
    done(t, &r);
    for (int k = 0; k < 3; k++)
        block_free(b[k]);
}
END_TEST

START_TEST(a_decimal_tenth_is_less_than_the_double_next_to_it)
{
    struct question q = { 0 };
    struct results r;
    ask(&q, AGG_MIN, 1, 0, 0);
    ask(&q, AGG_MAX, 1, 0, 0);
    struct block *b[2] = { block_new(1, 0), block_new(1, 1) };
    INTS(b[0], 0, 3, 100);
    DOUBLES(b[1], 0, 0.1);              /* 0.1000000000000000055... */
    struct tally *t = finished(tally_of(&q, b, 2), &r);
    ck_assert(is_number(&r.cell[0], 1, 1) && is_real(&r.cell[1], 0.1));
    done(t, &r);
    block_free(b[0]);
    block_free(b[1]);
}
END_TEST

START_TEST(the_form_of_an_extreme_does_not_tell_which_of_equals_came_first)
{
    struct question q = { 0 };
    ask(&q, AGG_MIN, 1, 0, 0);
    ask(&q, AGG_MAX, 1, 0, 0);
    struct block *b[4] = { block_new(1, 0), block_new(1, 1), block_new(1, 2), block_new(1, 3) };
    INTS(b[0], 0, 0, 7);
    INTS(b[1], 0, 5, 700000);
    DOUBLES(b[2], 0, 7);
    block_vec(b[3], 0, VEC_WIDE, 30)->w[0] = (wide)7 * 1000000000000000 * 1000000000000000;
    for (int from = 0; from < 4; from++) {
        struct results r;
        struct block *turned[4] = { b[from], b[(from + 1) % 4], b[(from + 2) % 4], b[(from + 3) % 4] };
        struct tally *t = finished(tally_of(&q, turned, 4), &r);
        ck_assert(is_number(&r.cell[0], 7, 0) && is_number(&r.cell[1], 7, 0));
        done(t, &r);
    }
    for (int k = 0; k < 4; k++)
        block_free(b[k]);
}
END_TEST

START_TEST(the_least_and_greatest_whole_numbers_are_values_like_others)
{
    struct question q = { 0 };
    struct results r;
    ask(&q, AGG_MIN, 1, 0, 0);
    ask(&q, AGG_MAX, 1, 0, 0);
    struct block *b = block_new(2, 0);
    struct vec *v = block_vec(b, 0, VEC_INT, 0);
    vec_set_int(v, 0, INT64_MIN);
    vec_set_int(v, 1, INT64_MIN);
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_number(&r.cell[0], INT64_MIN, 0) && is_number(&r.cell[1], INT64_MIN, 0));
    done(t, &r);
    vec_set_int(v, 0, INT64_MAX);
    vec_set_int(v, 1, INT64_MAX);
    t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_number(&r.cell[0], INT64_MAX, 0) && is_number(&r.cell[1], INT64_MAX, 0));
    done(t, &r);
    block_free(b);
}
END_TEST

static void ask_eithers(struct question *q)
{
    ask_either(q, AGG_MIN, 0, 1);
    ask_either(q, AGG_MAX, 0, 1);
    ask_either(q, AGG_FIRST, 0, 1);
    ask_either(q, AGG_LAST, 0, 1);
}

START_TEST(a_bare_column_of_numbers_has_numbers_as_extremes)
{
    struct question q = { 0 };
    struct results r;
    ask_eithers(&q);
    struct block *b = block_new(4, 0);
    INTS(b, 0, 0, 9, 10, LOST, 100);
    TEXTS(b, 1, "9", "10", NULL, "100");
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_number(&r.cell[0], 9, 0) && is_number(&r.cell[1], 100, 0) && is_number(&r.cell[2], 9, 0) && is_number(&r.cell[3], 100, 0));
    done(t, &r);
    block_free(b);
}
END_TEST

START_TEST(with_one_cell_that_is_no_number_a_bare_column_is_text)
{
    struct question q = { 0 };
    struct results r;
    ask_eithers(&q);
    struct block *b[2] = { block_new(4, 0), block_new(1, 4) };
    INTS(b[0], 0, 0, 9, 10, LOST, 100);
    TEXTS(b[0], 1, "9", "10", NULL, "100");
    INTS(b[1], 0, 0, LOST);
    TEXTS(b[1], 1, "a much longer text than that");
    struct tally *t = finished(tally_of(&q, b, 2), &r);
    ck_assert(is_text(&r.cell[0], "10") && is_text(&r.cell[1], "a much longer text than that"));
    ck_assert(is_text(&r.cell[2], "9") && is_text(&r.cell[3], "a much longer text than that"));
    done(t, &r);
    block_free(b[0]);
    block_free(b[1]);
}
END_TEST

START_TEST(texts_are_compared_by_their_bytes)
{
    struct question q = { 0 };
    struct results r;
    ask(&q, AGG_MIN, 1, 0, 0);
    ask(&q, AGG_MAX, 1, 0, 0);
    struct block *b = block_new(7, 0);
    TEXTS(b, 0, "abcdefgh", "abcdefghi", "abcdefghh", "abc", "\xc3\xa4", "abcdefg", "z");
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_text(&r.cell[0], "abc") && is_text(&r.cell[1], "\xc3\xa4"));
    done(t, &r);
    block_free(b);
    b = block_new(3, 0);
    TEXTS(b, 0, "same beginning, b", "same beginning, ab", "same beginning, a");
    t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_text(&r.cell[0], "same beginning, a") && is_text(&r.cell[1], "same beginning, b"));
    done(t, &r);
    block_free(b);
    b = block_new(3, 0);
    struct vec *v = block_vec(b, 0, VEC_TEXT, 0);
    vec_set_text(v, 0, "a\0", 2);
    vec_set_text(v, 1, "a\0\0", 3);
    vec_set_text(v, 2, "a", 1);
    t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(r.cell[0].text.size == 1 && r.cell[1].text.size == 3);
    done(t, &r);
    block_free(b);
}
END_TEST

START_TEST(first_and_last_go_by_place_not_by_when_rows_come)
{
    struct question q = { 0 };
    struct results r;
    ask_key(&q, 1);
    ask(&q, AGG_FIRST, 1, 0, 0);
    ask(&q, AGG_LAST, 1, 0, 0);
    struct block *b[3];
    for (int k = 0; k < 3; k++) {
        b[k] = block_new(4, (place)(10 * (2 - k)));      /* the last block comes first */
        INTS(b[k], 0, 0, 10 * (2 - k), 10 * (2 - k) + 1, 10 * (2 - k) + 2, LOST);
        TEXTS(b[k], 1, "a", "a", "b", "b");
    }
    struct tally *t = finished(tally_of(&q, b, 3), &r);
    ck_assert_uint_eq(r.n_rows, 2);
    ck_assert(is_text(&r.cell[0], "a") && is_number(&r.cell[1], 0, 0) && is_number(&r.cell[2], 21, 0));
    ck_assert(is_text(&r.cell[3], "b") && is_number(&r.cell[4], 2, 0) && is_number(&r.cell[5], 22, 0));
    done(t, &r);
    for (int k = 0; k < 3; k++)
        block_free(b[k]);
}
END_TEST

/* ---- distinct and quantiles ---- */

START_TEST(distinct_texts_are_told_by_their_bytes_and_numbers_by_their_values)
{
    struct question q = { 0 };
    struct results r;
    ask(&q, AGG_DISTINCT, 1, 0, 0);
    ask(&q, AGG_DISTINCT, 1, 1, 0);
    struct block *b[2] = { block_new(6, 0), block_new(6, 6) };
    TEXTS(b[0], 0, "1", "1.0", "", "a text of more than sixteen bytes", "1", NULL);
    INTS(b[0], 1, 1, 10, 15, 20, LOST, 10, -5);                 /* 1 1.5 2 -0.5 */
    TEXTS(b[1], 0, "1", "a text of more than sixteen bytez", "a text of more than sixteen bytes", "", "b", "b");
    DOUBLES(b[1], 1, 1, 1.5, 0.1, -0.0, 0.0, 1e300);            /* and 0.1 0 1e300 */
    struct tally *t = finished(tally_of(&q, b, 2), &r);
    ck_assert(is_number(&r.cell[0], 6, 0) && is_number(&r.cell[1], 7, 0));
    done(t, &r);
    block_free(b[0]);
    block_free(b[1]);
}
END_TEST

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

START_TEST(quantiles_lie_between_neighbours_as_type_7_says)
{
    static const double at[] = { 0, 0.01, 0.25, 0.29, 0.5, 0.75, 0.99, 1 };
    enum { QUANTILES = sizeof at / sizeof *at };
    uint64_t state = 3;
    for (int round = 0; round < ROUNDS(60); round++) {
        struct question q = { 0 };
        struct results r;
        uint32_t n = round < 20 ? 1 + below(&state, 40) : 1 + below(&state, BATCH_ROWS), kind = below(&state, 3);
        double v[BATCH_ROWS];
        for (uint32_t i = 0; i < n; i++)
            v[i] = kind == 0 ? below(&state, 10) : kind == 1 ? (double)below(&state, 100000) / 4 - 9000
                             : ldexp((double)(int64_t)chance(&state), -(int)below(&state, 900));
        struct block *b = block_new(n, 0);
        doubles(b, 0, v);
        for (int k = 0; k < QUANTILES; k++)
            ask_quantile(&q, at[k], 0);
        struct tally *t = finished(tally_of(&q, &b, 1), &r);
        qsort(v, n, sizeof *v, by_value);
        for (int k = 0; k < QUANTILES; k++) {
            double rank = (n - 1) * at[k];
            if (fabs(rank - rint(rank)) < 1e-9)
                rank = rint(rank);
            uint32_t low = (uint32_t)rank;
            double part = rank - low, expected = part > 0 ? fma(part, v[low + 1] - v[low], v[low]) : v[low];
            ck_assert_msg(is_real(&r.cell[k], expected), "%g of %u: %a for %a", at[k], n, r.cell[k].real, expected);
        }
        done(t, &r);
        block_free(b);
    }
}
END_TEST

START_TEST(a_rank_that_is_whole_but_for_rounding_is_whole)
{
    struct question q = { 0 };
    struct results r;
    double v[101];
    ask_quantile(&q, 0.29, 0);          /* 0.29 * 100 is less than 29 in doubles */
    ask_quantile(&q, 0.57, 0);
    for (int i = 0; i < 101; i++)
        v[i] = 100 - i;
    struct block *b = block_new(101, 0);
    doubles(b, 0, v);
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_real(&r.cell[0], 29) && is_real(&r.cell[1], 57));
    done(t, &r);
    block_free(b);
}
END_TEST

START_TEST(each_group_has_its_own_quantiles)
{
    struct question q = { 0 };
    struct results r;
    ask_key(&q, 1);
    ask_quantile(&q, 0.5, 0);
    ask_quantile(&q, 1, 0);
    struct block *b = block_new(8, 0);
    INTS(b, 0, 1, 10, 20, 30, LOST, 50, 60, 70, LOST);
    TEXTS(b, 1, "a", "b", "a", "a", "a", "b", "a", "c");
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert(is_real(&r.cell[1], 4) && is_real(&r.cell[2], 7) && is_real(&r.cell[4], 4) && is_real(&r.cell[5], 6));
    ck_assert(r.cell[7].kind == VALUE_MISSING && r.cell[8].kind == VALUE_MISSING);
    done(t, &r);
    block_free(b);
}
END_TEST

/* ---- groups ---- */

START_TEST(groups_are_by_value_and_come_in_the_order_of_their_first_rows)
{
    struct question q = { 0 };
    struct results r;
    ask_key(&q, 0);
    ask(&q, AGG_ROWS, 0, 0, 0);
    struct block *b[3] = { block_new(4, 20), block_new(4, 10), block_new(3, 0) };
    INTS(b[0], 0, 2, 300, LOST, 350, -100);
    DOUBLES(b[1], 0, 3, 3.5, 0.1, NAN);
    INTS(b[2], 0, 0, -1, 3, 400);
    struct tally *t = finished(tally_of(&q, b, 3), &r);
    ck_assert_uint_eq(r.n_rows, 6);
    static const int rows[] = { 2, 3, 1, 2, 1, 2 };
    ck_assert(is_number(&r.cell[0], -1, 0) && is_number(&r.cell[2], 3, 0) && is_number(&r.cell[4], 400, 0));
    ck_assert(is_number(&r.cell[6], 35, 1) && is_real(&r.cell[8], 0.1) && r.cell[10].kind == VALUE_MISSING);
    for (int k = 0; k < 6; k++)
        ck_assert(is_number(&r.cell[2 * k + 1], rows[k], 0));
    done(t, &r);
    for (int k = 0; k < 3; k++)
        block_free(b[k]);
}
END_TEST

START_TEST(several_keys_do_not_run_into_each_other)
{
    struct question q = { 0 };
    struct results r;
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    ask_key(&q, 0);
    ask_key(&q, 1);
    ask_key(&q, 2);
    ask(&q, AGG_ROWS, 0, 0, 0);
    struct block *b = block_new(8, 0);
    TEXTS(b, 0, "ab", "a", "", NULL, "0123456789abcdef", "ab", longest, longest);
    TEXTS(b, 1, "c", "bc", "abc", "abc", "c", "c", "", "");
    truths(b, 2, "ttttttft");
    struct tally *t = finished(tally_of(&q, &b, 1), &r);
    ck_assert_uint_eq(r.n_rows, 7);
    ck_assert(is_number(&r.cell[3], 2, 0) && is_text(&r.cell[0], "ab") && is_text(&r.cell[1], "c") && r.cell[2].kind == VALUE_BOOL);
    ck_assert(is_text(&r.cell[8], "") && is_text(&r.cell[9], "abc") && r.cell[12].kind == VALUE_MISSING);
    ck_assert(is_text(&r.cell[16], "0123456789abcdef") && is_text(&r.cell[20], longest) && !r.cell[22].truth && r.cell[26].truth);
    done(t, &r);
    block_free(b);
}
END_TEST

START_TEST(numbers_of_any_size_come_back_from_keys)
{
    uint64_t state = 9;
    for (int round = 0; round < ROUNDS(300); round++) {
        struct question q = { 0 };
        struct results r;
        ask_key(&q, 0);
        ask_key(&q, 1);
        struct block *b = block_new(1, 0);
        uint32_t scale = below(&state, SCALE_MAX + 1);
        wide n = (wide)(((unsigned __int128)chance(&state) << 64 | chance(&state)) >> (2 + below(&state, 126)));
        n = chance(&state) & 1 ? n : -n;
        block_vec(b, 0, VEC_WIDE, scale)->w[0] = n;
        double real = ldexp((double)(int64_t)chance(&state), (int)below(&state, 200) - 160);
        DOUBLES(b, 1, real);
        struct tally *t = finished(tally_of(&q, &b, 1), &r);
        for (uint32_t k = r.cell[0].scale; k < scale && n; k++)
            r.cell[0].number *= 10;
        ck_assert(r.cell[0].kind == VALUE_NUMBER && r.cell[0].number == n);
        ck_assert(r.cell[1].kind == VALUE_REAL ? r.cell[1].real == real : number_real(r.cell[1].number, r.cell[1].scale) == real);
        done(t, &r);
        block_free(b);
    }
}
END_TEST

/* A key of group i: text of 1 to 30 bytes. */
static size_t key_text(uint32_t i, char *buf) { return (size_t)sprintf(buf, i % 7 ? "customer %u" : "%u: a customer with a long name", i); }

START_TEST(a_million_groups_are_kept_apart)
{
    enum { GROUPS = SANITIZED ? 100000 : 1000000, STEP = 7919 };
    struct question q = { 0 };
    struct results r;
    ask_key(&q, 0);
    ask(&q, AGG_SUM, 1, 1, 0);
    ask(&q, AGG_ROWS, 0, 0, 0);
    struct tally *t = tally_of(&q, NULL, 0);
    for (uint64_t row = 0; row < 2 * GROUPS; row += BATCH_ROWS) {
        uint32_t n = 2 * GROUPS - row < BATCH_ROWS ? (uint32_t)(2 * GROUPS - row) : BATCH_ROWS;
        struct block *b = block_new(n, row);
        struct vec *key = block_vec(b, 0, VEC_TEXT, 0), *x = block_vec(b, 1, VEC_INT, 0);
        for (uint32_t i = 0; i < n; i++) {
            char text[64];
            uint32_t group = (uint32_t)((row + i) * STEP % GROUPS);
            vec_set_text(key, i, text, key_text(group, text));
            vec_set_int(x, i, group);
        }
        ck_assert_int_eq(tally_add(t, b->out, &b->batch), 0);
        block_free(b);
    }
    finished(t, &r);
    ck_assert_uint_eq(r.n_rows, GROUPS);
    for (uint64_t row = 0; row < GROUPS; row++) {
        uint32_t group = (uint32_t)(row * STEP % GROUPS);
        char text[64];
        text[key_text(group, text)] = 0;
        const struct value *cell = r.cell + 3 * row;
        ck_assert(is_text(&cell[0], text) && is_number(&cell[1], 2 * (wide)group, 0) && is_number(&cell[2], 2, 0));
    }
    done(t, &r);
}
END_TEST

/* ---- any order, any division ---- */

enum { TEXT_KEY, OTHER_KEY, X, Y, NUMBERS, CELLS };

static void any_numbers(struct block *b, uint32_t column, uint64_t *state)
{
    uint32_t kind = below(state, 6);
    enum vec_kind vec = kind < 3 ? VEC_INT : kind == 3 ? VEC_WIDE : kind == 4 ? VEC_REAL : VEC_BOOL;
    struct vec *v = block_vec(b, column, vec, vec <= VEC_WIDE ? below(state, kind == 2 ? SCALE_MAX + 1 : 4) : 0);
    for (uint32_t i = 0; i < b->batch.n; i++) {
        int64_t value = (int64_t)below(state, 2000) - 500;
        switch (vec) {
        case VEC_INT: vec_set_int(v, i, kind == 1 ? (int64_t)chance(state) : value); break;
        case VEC_WIDE: v->w[i] = (wide)chance(state) * value; break;
        case VEC_REAL: v->r[i] = ldexp((double)value, below(state, 50) ? (int)below(state, 8) - 4 : (int)below(state, 1900) - 900); break;
        default: v->b[i] = value & 1;
        }
        if (below(state, 10) == 0)
            vec_lose(v, i);
    }
    if (below(state, 12) == 0) {
        v->is_constant = true;
        v->has_missing = !(v->present[0] & 1);
    }
}

static void any_texts(struct block *b, uint32_t column, uint32_t n_different, uint64_t *state)
{
    struct vec *v = block_vec(b, column, VEC_TEXT, 0);
    for (uint32_t i = 0; i < b->batch.n; i++) {
        char text[64];
        vec_set_text(v, i, text, key_text(below(state, n_different), text));
        if (below(state, 20) == 0)
            vec_lose(v, i);
    }
}

/* A column as cells: its texts, and their numbers where they are some. */
static void any_cells(struct block *b, uint64_t *state)
{
    struct vec *number = block_vec(b, NUMBERS, VEC_INT, 1), *text = block_vec(b, CELLS, VEC_TEXT, 0);
    bool has_text = below(state, 4) == 0;
    for (uint32_t i = 0; i < b->batch.n; i++) {
        char buf[64];
        uint32_t value = below(state, 500), is_odd = has_text && below(state, 30) == 0;
        vec_set_text(text, i, buf, (size_t)sprintf(buf, is_odd ? "none: %u of them" : "%u.5", value));
        vec_set_int(number, i, 10 * value + 5);
        bool is_lost = below(state, 9) == 0;
        if (is_lost)
            vec_lose(text, i);
        if (is_lost || is_odd)
            vec_lose(number, i);
    }
}

static struct block *any_block(place at, uint32_t n_groups, uint32_t n_most, uint64_t *state)
{
    struct block *b = block_new(1 + below(state, n_most), at);
    any_texts(b, TEXT_KEY, n_groups, state);
    any_numbers(b, OTHER_KEY, state);
    any_numbers(b, X, state);
    any_numbers(b, Y, state);
    any_cells(b, state);
    return b;
}

static void ask_everything(struct question *q, uint32_t n_keys)
{
    for (uint32_t k = 0; k < n_keys; k++)
        ask_key(q, k);
    ask_all(q, X, Y);
    ask_eithers(q);
    for (uint32_t k = 0; k < 4; k++) {
        q->aggregate[q->plan.n_aggregates - 1 - k].arg[0] = NUMBERS;
        q->aggregate[q->plan.n_aggregates - 1 - k].arg[1] = CELLS;
    }
    ask(q, AGG_DISTINCT, 1, CELLS, 0);
    ask(q, AGG_DISTINCT, 1, TEXT_KEY, 0);
    ask(q, AGG_MIN, 1, CELLS, 0);
    ask(q, AGG_LAST, 1, TEXT_KEY, 0);
    ask_quantile(q, 0.9, X);
}

/* One in the order of the input, against any number in any order. */
static void check_divisions(uint32_t n_keys, uint32_t n_groups, uint32_t n_most, prong_pool *pool, uint64_t *state)
{
    enum { BLOCKS = 40 };
    static const uint32_t divisions[] = { 1, 2, 7, 64 };
    struct block *blocks[BLOCKS];
    struct question q = { 0 };
    struct results expected, r;
    ask_everything(&q, n_keys);
    for (int k = 0; k < BLOCKS; k++)
        blocks[k] = any_block((place)k * BATCH_ROWS, n_groups, n_most, state);
    struct tally *one = finished(tally_of(&q, blocks, BLOCKS), &expected);
    for (int k = 0; k < 8; k++) {
        struct tally *t = finished(tally_of_parts(&q, blocks, BLOCKS, divisions[k / 2], k & 1, pool, state), &r);
        same_results(&r, &expected);
        done(t, &r);
    }
    done(one, &expected);
    for (int k = 0; k < BLOCKS; k++)
        block_free(blocks[k]);
}

START_TEST(any_division_among_tallies_gives_the_same_bits)
{
    uint64_t state = 17;
    for (int round = 0; round < ROUNDS(20); round++)
        for (uint32_t n_keys = 0; n_keys < 3; n_keys++)
            check_divisions(n_keys, round & 1 ? 3 : 200, SANITIZED ? 60 : 200, NULL, &state);
}
END_TEST

static prong_pool *threads(uint32_t n)
{
    prong_pool *pool;
    prong_pool_opts opts = { .engine = "threads", .workers = n };
    ck_assert_int_eq(prong_pool_open(&opts, &pool), 0);
    return pool;
}

START_TEST(merging_on_a_pool_gives_the_same_bits)
{
    uint64_t state = 19;
    prong_pool *pool = threads(4);
    for (uint32_t n_keys = 0; n_keys < 3; n_keys++)
        check_divisions(n_keys, SANITIZED ? 5000 : 100000, SANITIZED ? 300 : BATCH_ROWS - 1, pool, &state);
    ck_assert_int_eq(prong_pool_close(pool, PRONG_NEVER), 0);
}
END_TEST

/* Group i, of 2 * n, in tally i / n + 1; the first has none. A table that puts like hashes together would take minutes. */
START_TEST(many_groups_that_only_one_of_them_has_are_merged_on_a_pool)
{
    enum { GROUPS = SANITIZED ? 40000 : 300000 };
    struct question q = { 0 };
    struct results r;
    struct tally *all[3];
    prong_pool *pool = threads(4);
    ask_key(&q, 0);
    ask(&q, AGG_SUM, 1, 0, 0);
    for (int k = 0; k < 3; k++)
        all[k] = tally_of(&q, NULL, 0);
    for (int64_t row = 0; row < 2 * GROUPS; row += 1000) {
        struct block *b = block_new(1000, (place)row);
        struct vec *v = block_vec(b, 0, VEC_INT, 0);
        for (uint32_t i = 0; i < 1000; i++)
            vec_set_int(v, i, row + i);
        ck_assert_int_eq(tally_add(all[row / GROUPS + 1], b->out, &b->batch), 0);
        block_free(b);
    }
    ck_assert_int_eq(tally_merge(all, 3, pool), 0);
    finished(all[0], &r);
    ck_assert_uint_eq(r.n_rows, 2 * GROUPS);
    for (uint64_t row = 0; row < 2 * GROUPS; row++)
        ck_assert(is_number(&r.cell[2 * row], (wide)row, 0) && is_number(&r.cell[2 * row + 1], (wide)row, 0));
    done(all[0], &r);
    tally_free(all[1]);
    tally_free(all[2]);
    ck_assert_int_eq(prong_pool_close(pool, PRONG_NEVER), 0);
}
END_TEST

START_TEST(a_merged_tally_can_take_more_and_the_others_begin_anew)
{
    struct question q = { 0 };
    struct results r;
    ask_key(&q, 0);
    ask(&q, AGG_SUM, 1, 1, 0);
    struct block *b[2] = { block_new(3, 0), block_new(3, 3) };
    TEXTS(b[0], 0, "a", "b", "a");
    INTS(b[0], 1, 0, 1, 2, 3);
    TEXTS(b[1], 0, "c", "b", "a");
    INTS(b[1], 1, 0, 10, 20, 30);
    struct tally *all[2] = { tally_of(&q, &b[0], 1), tally_of(&q, &b[1], 1) };
    ck_assert_int_eq(tally_merge(all, 2, NULL), 0);
    ck_assert_int_eq(tally_add(all[0], b[1]->out, &b[1]->batch), 0);
    ck_assert_int_eq(tally_add(all[1], b[1]->out, &b[1]->batch), 0);
    ck_assert_int_eq(tally_merge(all, 2, NULL), 0);
    finished(all[0], &r);
    ck_assert(r.n_rows == 3 && is_number(&r.cell[1], 94, 0) && is_number(&r.cell[3], 62, 0) && is_number(&r.cell[5], 30, 0));
    done(all[0], &r);
    finished(all[1], &r);
    ck_assert_uint_eq(r.n_rows, 0);
    done(all[1], &r);
    block_free(b[0]);
    block_free(b[1]);
}
END_TEST

/* ---- bytes from elsewhere ---- */

/* So that a text that lies nowhere is seen. */
static void read_texts(const struct results *r)
{
    volatile char all = 0;
    for (uint64_t i = 0; i < r->n_rows * r->n_columns; i++)
        for (uint64_t k = 0; r->cell[i].kind == VALUE_TEXT && k < r->cell[i].text.size; k++)
            all = (char)(all ^ r->cell[i].text.at[k]);
}

/* Whatever can be read can also be used. */
static void use_bytes(const struct question *q, const char *bytes, size_t size)
{
    struct tally *all[2];
    struct results r;
    char *copy = need(malloc(size + 1));        /* of its own size, so that a read beyond it is seen */
    char *exact = need(realloc(copy, size ? size : 1));
    memcpy(exact, bytes, size);
    int is = tally_read(&q->plan, exact, size, &all[0]);
    if (is == 0) {
        ck_assert_int_eq(tally_read(&q->plan, exact, size, &all[1]), 0);
        if (tally_finish(all[0], &r) == 0) {
            read_texts(&r);
            results_free(&r);
        }
        if (tally_merge(all, 2, NULL) == 0 && tally_finish(all[0], &r) == 0) {
            read_texts(&r);
            results_free(&r);
        }
        tally_free(all[0]);
        tally_free(all[1]);
    } else {
        ck_assert(is == -EINVAL || is == -ENOMEM);
    }
    free(exact);
}

START_TEST(damaged_bytes_are_refused_or_harmless)
{
    enum { BLOCKS = 3 };        /* few rows, so that much of it is sizes and indexes */
    uint64_t state = 23;
    for (uint32_t n_keys = 0; n_keys < 3; n_keys++) {
        struct question q = { 0 };
        struct block *blocks[BLOCKS];
        ask_everything(&q, n_keys);
        for (int k = 0; k < BLOCKS; k++)
            blocks[k] = any_block((place)k * BATCH_ROWS, 5, 10, &state);
        struct tally *t = tally_of(&q, blocks, BLOCKS);
        size_t size = tally_size(t);
        char *bytes = need(malloc(size)), *damaged = need(malloc(size));
        tally_write(t, bytes);
        for (int k = 0; k < 3000; k++) {
            memcpy(damaged, bytes, size);
            for (uint32_t n = 1 + below(&state, 4); n; n--) {
                size_t at = chance(&state) % size;
                damaged[at] = below(&state, 3) ? (char)chance(&state) : (char)(damaged[at] ^ 1 << below(&state, 8));
            }
            use_bytes(&q, damaged, size);
        }
        for (int k = 0; k < 200; k++)
            use_bytes(&q, bytes, chance(&state) % size);
        use_bytes(&q, bytes, size);
        tally_free(t);
        free(bytes);
        free(damaged);
        for (int k = 0; k < BLOCKS; k++)
            block_free(blocks[k]);
    }
}
END_TEST

START_TEST(bytes_of_another_plan_are_refused)
{
    struct question q = { 0 }, other = { 0 };
    struct tally *t = NULL, *none;
    ask(&q, AGG_SUM, 1, 0, 0);
    ask(&other, AGG_SUM, 1, 0, 0);
    ask_key(&other, 1);
    ck_assert_int_eq(tally_new(&q.plan, &t), 0);
    size_t size = tally_size(t);
    char *bytes = need(malloc(size));
    tally_write(t, bytes);
    ck_assert_int_eq(tally_read(&other.plan, bytes, size, &none), -EINVAL);
    ck_assert_int_eq(tally_read(&q.plan, bytes, size - 1, &none), -EINVAL);
    ck_assert_int_eq(tally_read(&q.plan, bytes, 0, &none), -EINVAL);
    free(bytes);
    tally_free(t);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(without_rows_counts_are_zero_and_all_else_is_missing);
    add_case(missing_values_never_count);
    add_case(a_constant_counts_once_for_each_row);
    add_case(pairs_are_rows_in_which_both_are_present);
    add_case(truths_are_numbers_in_sums_and_truths_in_extremes);
    add_case(numbers_of_different_kinds_are_compared_exactly);
    add_case(a_decimal_tenth_is_less_than_the_double_next_to_it);
    add_case(the_form_of_an_extreme_does_not_tell_which_of_equals_came_first);
    add_case(the_least_and_greatest_whole_numbers_are_values_like_others);
    add_case(a_bare_column_of_numbers_has_numbers_as_extremes);
    add_case(with_one_cell_that_is_no_number_a_bare_column_is_text);
    add_case(texts_are_compared_by_their_bytes);
    add_case(first_and_last_go_by_place_not_by_when_rows_come);
    add_case(distinct_texts_are_told_by_their_bytes_and_numbers_by_their_values);
    add_case(quantiles_lie_between_neighbours_as_type_7_says);
    add_case(a_rank_that_is_whole_but_for_rounding_is_whole);
    add_case(each_group_has_its_own_quantiles);
    add_case(groups_are_by_value_and_come_in_the_order_of_their_first_rows);
    add_case(several_keys_do_not_run_into_each_other);
    add_case(numbers_of_any_size_come_back_from_keys);
    add_case(a_million_groups_are_kept_apart);
    add_case(any_division_among_tallies_gives_the_same_bits);
    add_case(merging_on_a_pool_gives_the_same_bits);
    add_case(many_groups_that_only_one_of_them_has_are_merged_on_a_pool);
    add_case(a_merged_tally_can_take_more_and_the_others_begin_anew);
    add_case(damaged_bytes_are_refused_or_harmless);
    add_case(bytes_of_another_plan_are_refused);
    return run_cases(argc, argv);
}
