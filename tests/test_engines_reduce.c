/* The contract, prong_reduce: the rule of the header, written here a second time as plain recursion, gives the same bits on every
 * engine and any number of workers. */
#include "engines.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Neither part of the value can be folded in another order, or another shape, without showing it. The range travels along, so that each
 * leaf can check its own place in it. */
struct value {
    uint64_t lo, hi, size;              /* of the whole range, and of a leaf */
    uint64_t hash;
    double sum;
    uint32_t leaves, folds;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15ull + (b ^ (b >> 29)) * 0xbf58476d1ce4e5b9ull + 0x1234567;
    return x ^ (x >> 31);
}

static void compute_leaf(uint64_t lo, uint64_t hi, struct value *v)
{
    uint64_t last = hi - lo > 1000 ? lo + 1000 : hi;
    v->hash = mix(lo, hi);
    v->leaves = 1;
    for (uint64_t k = lo; k < last; k++)
        v->sum += 1.0 / (1.0 + (double)(k % 1000003));
}

static void compute_fold(void *into, const void *piece)
{
    struct value *left = into;
    const struct value *right = piece;
    left->hash = mix(left->hash, right->hash);
    left->sum = left->sum * 0.999 + right->sum;
    left->leaves += right->leaves;
    left->folds += right->folds + 1;
}

static uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Fails where the leaf is not one of the rule, or does not begin with the identity. */
static int checked_leaf(uint64_t lo, uint64_t hi, void *record)
{
    struct value *v = record;
    uint64_t k = (lo - v->lo) / v->size;
    if (lo < v->lo || (lo - v->lo) % v->size != 0 || lo >= v->hi)
        return 1;
    if (hi - lo != min_u64(v->size, v->hi - lo))
        return 2;
    if (v->hash != 99 || v->sum != 0.5 || v->leaves != 0 || v->folds != 0)
        return 3;
    if (k < BOARD_CELLS)
        atomic_fetch_add(&board->cell[k], 1);
    compute_leaf(lo, hi, v);
    return 0;
}

/* ---- the rule, once more ---- */

static uint64_t rule_leaf_size(uint64_t n, uint64_t grain)
{
    uint64_t bits = 0;
    if (grain)
        return grain;
    while (bits < 32 && (1ull << bits) * (1ull << bits) < n)      /* 2^32 squared is more than any n */
        bits++;
    return min_u64(1ull << bits, n / 64 > 1 ? n / 64 : 1);
}

static struct value rule_node(const struct value *identity, uint64_t first, uint64_t count)
{
    if (count == 1) {
        struct value v = *identity;
        uint64_t lo = v.lo + first * v.size;
        compute_leaf(lo, lo + min_u64(v.size, v.hi - lo), &v);
        return v;
    }
    uint64_t left = 1;
    while (left * 2 < count)
        left *= 2;
    struct value a = rule_node(identity, first, left), b = rule_node(identity, first + left, count - left);
    compute_fold(&a, &b);
    return a;
}

static struct value identity_of(uint64_t lo, uint64_t hi, uint64_t grain)
{
    struct value v = { .lo = lo, .hi = hi, .size = hi > lo ? rule_leaf_size(hi - lo, grain) : 1, .hash = 99, .sum = 0.5 };
    return v;
}

static uint64_t leaves_of(const struct value *identity)
{
    uint64_t n = identity->hi - identity->lo;
    return n / identity->size + (n % identity->size != 0);
}

/* ---- the engines ---- */

static void reduce_and_compare(prong_pool *pool, uint64_t lo, uint64_t hi, uint64_t grain)
{
    struct value identity = identity_of(lo, hi, grain), result, expected = identity;
    uint64_t leaves = leaves_of(&identity);
    prong_error end = { .kind = -1 };
    memset(&result, 0xaa, sizeof result);
    for (uint64_t k = 0; k < leaves && k < BOARD_CELLS; k++)
        atomic_store(&board->cell[k], 0);
    int r = prong_reduce(pool, lo, hi, grain, checked_leaf, compute_fold, &identity, sizeof identity, &result, &end);
    ck_assert_msg(r == 0, "n %llu, grain %llu: %s", (unsigned long long)(hi - lo), (unsigned long long)grain, r > 0 ? end.text : prong_last_error());
    ck_assert_int_eq(end.kind, PRONG_DONE);
    if (leaves > 0)
        expected = rule_node(&identity, 0, leaves);
    if (memcmp(&result, &expected, sizeof result) != 0)
        ck_abort_msg("n %llu, grain %llu: hash %llx for %llx, %u leaves for %u", (unsigned long long)(hi - lo), (unsigned long long)grain,
                     (unsigned long long)result.hash, (unsigned long long)expected.hash, result.leaves, expected.leaves);
    for (uint64_t k = 0; k < leaves && k < BOARD_CELLS; k++)
        if (atomic_load(&board->cell[k]) != 1)
            ck_abort_msg("n %llu: leaf %llu was called %u times", (unsigned long long)(hi - lo), (unsigned long long)k,
                         (unsigned)atomic_load(&board->cell[k]));
}

START_TEST(a_reduce_without_grain_cuts_its_leaves_by_the_rule)
{
    static const uint64_t counts[] = { 0, 1, 2, 3, 5, 63, 64, 65, 100, 127, 128, 129, 191, 192, 193, 1000, 4095, 4096, 4097, 8191, 8192,
                                       65535, 65536, 65537, 262143, 262144, 262145, 1000000, 1 << 20, (1 << 20) + 1 };
    prong_pool *pool = begin(_i);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        reduce_and_compare(pool, 0, counts[c], 0);
        reduce_and_compare(pool, 12345, 12345 + counts[c], 0);
        reduce_and_compare(pool, UINT64_MAX - counts[c], UINT64_MAX, 0);
    }
    finish(pool);
}
END_TEST

START_TEST(a_reduce_takes_the_grain_it_is_given)
{
    static const uint64_t grains[] = { 1, 2, 7, 64, 999, 1000, 1001, 1 << 20, UINT64_MAX };
    prong_pool *pool = begin(_i);
    for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
        reduce_and_compare(pool, 0, 1000, grains[g]);
        reduce_and_compare(pool, 77, 77 + 6 * 7, grains[g]);
        reduce_and_compare(pool, UINT64_MAX - 1000, UINT64_MAX, grains[g]);
        reduce_and_compare(pool, 5, 5, grains[g]);
    }
    for (uint64_t leaves = 1; leaves <= 70; leaves++)
        reduce_and_compare(pool, 0, leaves * 3, 3);
    finish(pool);
}
END_TEST

START_TEST(a_reduce_reaches_over_the_widest_ranges)
{
    prong_pool *pool = begin(_i);
    reduce_and_compare(pool, 0, UINT64_MAX, 1ull << 60);
    reduce_and_compare(pool, 0, UINT64_MAX, 1ull << 63);
    reduce_and_compare(pool, 0, UINT64_MAX, UINT64_MAX - 1);
    reduce_and_compare(pool, 1, UINT64_MAX, (1ull << 58) + 12345);
    reduce_and_compare(pool, 0, (1ull << 32) + 5, 1 << 25);
    reduce_and_compare(pool, 3, 3 + (SANITIZED ? 1ull << 24 : 1ull << 28), 0);
    finish(pool);
}
END_TEST

/* ---- an answer that can be read ---- */

struct text { char chars[1024]; };

static int write_leaf(uint64_t lo, uint64_t hi, void *record)
{
    struct text *t = record;
    (void)snprintf(t->chars, sizeof t->chars, "%u-%u", (unsigned)lo, (unsigned)hi);
    return 0;
}

static void write_fold(void *into, const void *piece)
{
    struct text *left = into, folded;
    const struct text *right = piece;
    (void)snprintf(folded.chars, sizeof folded.chars, "(%.500s %.500s)", left->chars, right->chars);
    *left = folded;
}

START_TEST(the_tree_is_the_one_the_header_draws)
{
    prong_pool *pool = begin(_i);
    struct text identity = { "" }, result = { "" };
    ck_ok(prong_reduce(pool, 10, 31, 3, write_leaf, write_fold, &identity, sizeof identity, &result, NULL));
    ck_assert_str_eq(result.chars, "(((10-13 13-16) (16-19 19-22)) ((22-25 25-28) 28-31))");
    ck_ok(prong_reduce(pool, 0, 11, 2, write_leaf, write_fold, &identity, sizeof identity, &result, NULL));
    ck_assert_str_eq(result.chars, "(((0-2 2-4) (4-6 6-8)) (8-10 10-11))");
    ck_ok(prong_reduce(pool, 0, 5, 0, write_leaf, write_fold, &identity, sizeof identity, &result, NULL));
    ck_assert_str_eq(result.chars, "(((0-1 1-2) (2-3 3-4)) 4-5)");
    ck_ok(prong_reduce(pool, 7, 8, 100, write_leaf, write_fold, &identity, sizeof identity, &result, NULL));
    ck_assert_str_eq(result.chars, "7-8");
    ck_ok(prong_reduce(pool, 7, 7, 0, write_leaf, write_fold, &(struct text){ "nothing" }, sizeof identity, &result, NULL));
    ck_assert_str_eq(result.chars, "nothing");
    finish(pool);
}
END_TEST

/* ---- large values ---- */

enum { LARGE = 1 << 15 };
struct large { uint64_t number[LARGE]; };

static int set_large(uint64_t lo, uint64_t hi, void *record)
{
    struct large *l = record;
    for (uint64_t k = 0; k < LARGE; k++)
        l->number[k] += mix(lo + k, hi);
    return 0;
}

static void fold_large(void *into, const void *piece)
{
    struct large *left = into;
    const struct large *right = piece;
    for (size_t k = 0; k < LARGE; k++)
        left->number[k] = mix(left->number[k], right->number[k]);
}

START_TEST(values_may_be_large)
{
    static struct large identity, result, expected[8];
    prong_pool *pool = begin(_i);
    ck_ok(prong_reduce(pool, 0, 8, 1, set_large, fold_large, &identity, sizeof identity, &result, NULL));
    for (uint64_t k = 0; k < 8; k++)
        (void)set_large(k, k + 1, &expected[k]);
    for (size_t step = 1; step < 8; step *= 2)
        for (size_t k = 0; k < 8; k += 2 * step)
            fold_large(&expected[k], &expected[k + step]);
    ck_assert_mem_eq(&result, &expected[0], sizeof result);
    finish(pool);
}
END_TEST

/* ---- bad ends ---- */

static int fail_at_leaf(uint64_t lo, uint64_t hi, void *record)
{
    (void)record;
    (void)hi;
    return lo == 5000 ? prong_fail(17, "a rotten leaf") : 0;
}

static int crash_at_leaf(uint64_t lo, uint64_t hi, void *record)
{
    (void)record;
    (void)hi;
    if (lo == 5000)
        (void)raise(SIGKILL);
    return 0;
}

static int fail_in_all_leaves(uint64_t lo, uint64_t hi, void *record)
{
    (void)record;
    (void)hi;
    return lo == 0 ? 1 : 2;
}

static void fold_nothing(void *into, const void *piece)
{
    (void)into;
    (void)piece;
}

static void expect_bad(prong_pool *pool, prong_range_fn *fn, enum prong_kind kind, int code)
{
    prong_error end;
    uint64_t zero = 0, result = 4711;
    for (uint64_t grain = 1; grain <= 1000; grain *= 10) {
        ck_assert_int_eq(prong_reduce(pool, 0, 10000, grain, fn, fold_nothing, &zero, sizeof zero, &result, &end), kind);
        ck_assert_int_eq(end.kind, kind);
        ck_assert_int_eq(end.code, code);
        ck_assert_uint_eq(end.tag, 5000);
        ck_assert_str_ne(end.text, "");
        ck_assert_uint_eq(result, 4711);
    }
}

START_TEST(a_leaf_that_fails_is_told_by_its_first_element)
{
    prong_pool *pool = begin(_i);
    prong_error end;
    uint64_t zero = 0, result = 4711;
    expect_bad(pool, fail_at_leaf, PRONG_FAILED, 17);
    ck_assert_int_eq(prong_reduce(pool, 0, 3, 3, fail_in_all_leaves, fold_nothing, &zero, sizeof zero, &result, &end), PRONG_FAILED);
    ck_assert_uint_eq(end.tag, 0);
    ck_assert_int_eq(end.code, 1);
    ck_assert_int_eq(prong_reduce(pool, 0, 1000, 1, fail_in_all_leaves, fold_nothing, &zero, sizeof zero, &result, NULL), PRONG_FAILED);
    ck_assert_uint_eq(result, 4711);
    finish(pool);
}
END_TEST

START_TEST(a_leaf_that_crashes_is_told_by_its_first_element)
{
    leave_no_core();
    prong_pool *pool = begin(_i);
    expect_bad(pool, crash_at_leaf, PRONG_CRASHED, SIGKILL);
    finish(pool);
}
END_TEST

START_TEST(bad_arguments_of_a_reduce_are_refused)
{
    prong_pool *pool = begin(_i);
    uint64_t zero = 0, result = 4711;
    prong_error end, untouched;
    memset(&untouched, 0xaa, sizeof untouched);
    end = untouched;
    ck_refused(prong_reduce(pool, 1, 0, 0, fail_at_leaf, fold_nothing, &zero, sizeof zero, &result, &end), EINVAL);
    ck_refused(prong_reduce(pool, UINT64_MAX, 0, 5, fail_at_leaf, fold_nothing, &zero, sizeof zero, &result, NULL), EINVAL);
    ck_refused(prong_reduce(pool, 0, 10, 5, fail_at_leaf, fold_nothing, &zero, PRONG_RECORD_MAX + 1, &result, NULL), EMSGSIZE);
    ck_refused(prong_reduce(pool, 0, 10, 5, NULL, fold_nothing, &zero, sizeof zero, &result, NULL), EINVAL);
    ck_refused(prong_reduce(pool, 0, 10, 5, fail_at_leaf, NULL, &zero, sizeof zero, &result, NULL), EINVAL);
    ck_assert_mem_eq(&end, &untouched, sizeof end);
    ck_assert_uint_eq(result, 4711);
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_CROWDS, a_reduce_without_grain_cuts_its_leaves_by_the_rule);
    add_case_on(ON_EVERY, a_reduce_takes_the_grain_it_is_given);
    add_case_on(ON_EVERY, a_reduce_reaches_over_the_widest_ranges);
    add_case_on(ON_EVERY, the_tree_is_the_one_the_header_draws);
    add_case_on(ON_EVERY, values_may_be_large);
    add_case_on(ON_EVERY, a_leaf_that_fails_is_told_by_its_first_element);
    add_case_on(ON_PROCESSES, a_leaf_that_crashes_is_told_by_its_first_element);
    add_case_on(ON_ONE_EACH, bad_arguments_of_a_reduce_are_refused);
    return run_cases(argc, argv);
}
