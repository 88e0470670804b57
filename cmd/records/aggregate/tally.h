/* tally.h - groups, and the state of each aggregate in each of them.
 *
 * Every state is exact until its last rounding: sums are whole numbers or exact sums of doubles, moments are exact sums of exact products,
 * order statistics keep their values. So adding and merging give the same bits in any order: no engine, no number of workers and no way
 * of dividing the input can change a result.
 *
 * Of no values a sum is missing, as a mean is; a variance of one value, and a correlation with a constant, are missing, too. A sum of exact
 * numbers is exact (VALUE_NUMBER) up to 38 digits; a result beyond the largest double is the largest. Quantiles are of the nearest
 * doubles, and where one of a pair of columns is real in a batch, both are. */
#pragma once
#include "records/query/query.h"

#include <prong.h>

struct tally;
int tally_new(const struct plan *plan, struct tally **ret_tally);      /* 0 or -ENOMEM */
void tally_free(struct tally *tally);

/* outs: the plan's keys, then its arguments; at[i]: where row i begins. 0 or -ENOMEM. */
int tally_add(struct tally *tally, const struct vec *const outs[], const struct batch *rows);

/* As bytes that another process can take up: no pointers. */
size_t tally_size(const struct tally *tally);
void tally_write(const struct tally *tally, void *bytes);
int tally_read(const struct plan *plan, const void *bytes, size_t size, struct tally **ret_tally);     /* 0, -ENOMEM, -EINVAL: not such bytes */

/* All of n become all[0], the others empty (still to be freed). By partitions of the groups' hash, on a pool that shares all memory; NULL: here.
 * 0 or negative. */
int tally_merge(struct tally *const all[], size_t n, prong_pool *pool);

/* One row for each group, in the order in which they first appear in the input; without keys one row always. Texts lie in the
 * tally. cell[row * n_columns + column]. */
struct results {
    uint32_t n_columns, n_keys;         /* keys come first */
    const char **name;
    uint64_t n_rows;
    struct value *cell;
};
int tally_finish(struct tally *tally, struct results *ret_results);    /* 0 or -ENOMEM */
void results_free(struct results *results);
