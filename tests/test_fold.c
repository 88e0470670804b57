/* core/fold.h: leaves and the fixed tree over them. */
#include "harness.h"
#include "core/fold.h"
#include <errno.h>
#include <stdbool.h>

/* ---- leaves ---- */

static uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The rule of prong.h, for n where squares do not wrap. */
static uint64_t rule(uint64_t n)
{
    uint64_t p = 1;
    while (p * p < n)
        p *= 2;
    return min_u64(p, n / 64 > 1 ? n / 64 : 1);
}

START_TEST(a_leaf_without_grain_has_the_size_of_the_rule)
{
    for (uint64_t n = 1; n < 300000; n++)
        if (pn_leaf_size(n, 0) != rule(n))
            ck_abort_msg("n %u", (unsigned)n);
    for (unsigned bit = 10; bit < 62; bit++)
        for (uint64_t n = (1ull << bit) - 2; n <= (1ull << bit) + 2; n++)
            if (pn_leaf_size(n, 0) != rule(n))
                ck_abort_msg("n %llu", (unsigned long long)n);
    ck_assert_uint_eq(pn_leaf_size(1ull << 62, 0), 1ull << 31);
    ck_assert_uint_eq(pn_leaf_size((1ull << 62) + 1, 0), 1ull << 32);
    ck_assert_uint_eq(pn_leaf_size(UINT64_MAX, 0), 1ull << 32);
}
END_TEST

START_TEST(a_leaf_has_the_grain_it_is_given)
{
    ck_assert_uint_eq(pn_leaf_size(1000, 1), 1);
    ck_assert_uint_eq(pn_leaf_size(1000, 7), 7);
    ck_assert_uint_eq(pn_leaf_size(1000, 5000), 5000);
    ck_assert_uint_eq(pn_leaf_size(1, UINT64_MAX), UINT64_MAX);
}
END_TEST

START_TEST(leaves_are_counted_without_wrapping)
{
    ck_assert_uint_eq(pn_leaf_count(1, 1), 1);
    ck_assert_uint_eq(pn_leaf_count(10, 3), 4);
    ck_assert_uint_eq(pn_leaf_count(9, 3), 3);
    ck_assert_uint_eq(pn_leaf_count(3, UINT64_MAX), 1);
    ck_assert_uint_eq(pn_leaf_count(UINT64_MAX, 1), UINT64_MAX);
    ck_assert_uint_eq(pn_leaf_count(UINT64_MAX, UINT64_MAX), 1);
    ck_assert_uint_eq(pn_leaf_count(UINT64_MAX, UINT64_MAX - 1), 2);
}
END_TEST

/* ---- the tree ---- */

static uint64_t leaf_value(uint64_t k) { return (k + 1) * 0x9e3779b97f4a7c15ull; }

static uint64_t join(uint64_t left, uint64_t right)
{
    uint64_t x = left * 3 + right * 0xbf58476d1ce4e5b9ull + 7;
    return x ^ (x >> 29);
}

static void fold(void *into, const void *piece)
{
    *(uint64_t *)into = join(*(uint64_t *)into, *(const uint64_t *)piece);
}

static uint64_t node_value(uint64_t first, uint64_t count)
{
    uint64_t left = 1;
    if (count == 1)
        return leaf_value(first);
    while (left * 2 < count)
        left *= 2;
    return join(node_value(first, left), node_value(first + left, count - left));
}

/* Whether the tree of `leaves` has a node of just these leaves. */
static bool is_node(uint64_t leaves, uint64_t first, uint64_t count)
{
    uint64_t at = 0;
    while (leaves > count || at != first) {
        uint64_t left = 1;
        while (left * 2 < leaves)
            left *= 2;
        if (leaves < 2)
            return false;
        leaves = first < at + left ? left : leaves - left;
        at = first < at + left ? at : at + left;
    }
    return leaves == count;
}

static uint64_t fold_in_blocks(uint64_t leaves, uint64_t block)
{
    struct pn_fold f;
    uint64_t blocks = pn_leaf_count(leaves, block), value;
    ck_assert_int_eq(pn_fold_init(&f, fold, leaves, blocks, sizeof value), 0);
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t first = i * block, count = min_u64(block, leaves - first);
        *(uint64_t *)pn_fold_next(&f) = node_value(first, count);
        pn_fold_push(&f, first, count);
    }
    ck_assert_ptr_nonnull(pn_fold_root(&f));
    value = *(uint64_t *)pn_fold_root(&f);
    pn_fold_fini(&f);
    return value;
}

START_TEST(leaves_from_left_to_right_make_the_tree)
{
    for (uint64_t leaves = 1; leaves <= 600; leaves++)
        if (fold_in_blocks(leaves, 1) != node_value(0, leaves))
            ck_abort_msg("%u leaves", (unsigned)leaves);
}
END_TEST

START_TEST(blocks_of_leaves_make_the_same_tree)
{
    for (uint64_t leaves = 1; leaves <= 600; leaves++)
        for (uint64_t block = 2; block <= 1024; block *= 2)
            if (fold_in_blocks(leaves, block) != node_value(0, leaves))
                ck_abort_msg("%u leaves in blocks of %u", (unsigned)leaves, (unsigned)block);
}
END_TEST

/* What fold.h promises of a stack: any run of leaves becomes whole nodes of the tree, and there is room for all of them. */
START_TEST(any_run_of_leaves_becomes_nodes_of_the_tree)
{
    enum { LEAVES = 130 };
    for (uint64_t first = 0; first < LEAVES; first++) {
        for (uint64_t count = 1; count <= LEAVES - first; count++) {
            struct pn_fold f;
            ck_assert_int_eq(pn_fold_init(&f, fold, LEAVES, count, sizeof(uint64_t)), 0);
            for (uint64_t k = first; k < first + count; k++) {
                *(uint64_t *)pn_fold_next(&f) = leaf_value(k);
                pn_fold_push(&f, k, 1);
            }
            for (unsigned d = 0; d < f.depth; d++)
                if (!is_node(LEAVES, f.node[d].first, f.node[d].count) ||
                    *(uint64_t *)(void *)(f.slots + d * f.stride) != node_value(f.node[d].first, f.node[d].count))
                    ck_abort_msg("%u leaves from %u on: node %u", (unsigned)count, (unsigned)first, d);
            ck_assert(f.depth <= 16);
            pn_fold_fini(&f);
        }
    }
}
END_TEST

START_TEST(what_is_no_single_node_has_no_root)
{
    struct pn_fold f;
    ck_assert_int_eq(pn_fold_init(&f, fold, 10, 3, sizeof(uint64_t)), 0);
    ck_assert_ptr_null(pn_fold_root(&f));
    for (uint64_t k = 0; k < 3; k++) {
        *(uint64_t *)pn_fold_next(&f) = leaf_value(k);
        ck_assert_uint_eq((uintptr_t)pn_fold_next(&f) % 64, 0);
        pn_fold_push(&f, k, 1);
    }
    ck_assert_ptr_null(pn_fold_root(&f));
    pn_fold_fini(&f);
}
END_TEST

START_TEST(values_that_fit_in_no_memory_are_refused)
{
    struct pn_fold f;
    ck_assert_int_eq(pn_fold_init(&f, fold, UINT64_MAX, UINT64_MAX, SIZE_MAX), -ENOMEM);
    ck_assert_int_eq(pn_fold_init(&f, fold, 100, 100, SIZE_MAX / 4), -ENOMEM);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_leaf_without_grain_has_the_size_of_the_rule);
    add_case(a_leaf_has_the_grain_it_is_given);
    add_case(leaves_are_counted_without_wrapping);
    add_case(leaves_from_left_to_right_make_the_tree);
    add_case(blocks_of_leaves_make_the_same_tree);
    add_case(any_run_of_leaves_becomes_nodes_of_the_tree);
    add_case(what_is_no_single_node_has_no_root);
    add_case(values_that_fit_in_no_memory_are_refused);
    return run_cases(argc, argv);
}
