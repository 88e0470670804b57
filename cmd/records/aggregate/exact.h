/* exact.h - sums without rounding, one for each group: of decimals, of doubles, of products of either, in any order and any mixture.
 *
 * A group's sum is that of three parts, each exact, so how they are divided among the parts cannot show:
 *   lane WHOLE    decimals: one 128-bit mantissa, at the one scale of the lane
 *   lane REAL     doubles: 320 bits, counted from the one lowest bit of the lane (its window)
 *   lane ELSE     what fits neither: too many places, too large, too small; 320 bits for each class of such values
 * The third is the small superaccumulator of R. M. Neal, "Fast Exact Summation Using Small and Large Superaccumulators" (2015), made
 * sparse: almost no group ever needs it, and those that do need a word or two of its 68. */
#pragma once
#include "records/aggregate/big.h"
#include "records/aggregate/column.h"

enum { EXACT_WHOLE, EXACT_REAL, EXACT_ELSE, EXACT_LANES, EXACT_FIRST = EXACT_LANES };  /* FIRST is not written: each group's first entry */

/* Bits are counted from 2^-2176, so that those of products of the least doubles have numbers above 0; a class of doubles is 64 of them.
 * Classes of decimals are their scales. */
enum {
    BIT_0 = -2176, BITS_PER_CLASS = 64,
    CLASS_REAL_LEAST = (2 * REAL_LOWEST - BIT_0) / BITS_PER_CLASS,          /* of products */
    CLASS_REAL_MOST = (2 * 971 - BIT_0) / BITS_PER_CLASS,
    CLASS_SUM_LEAST = (REAL_LOWEST - BIT_0) / BITS_PER_CLASS,               /* of doubles themselves */
    CLASS_SUM_MOST = (971 - BIT_0) / BITS_PER_CLASS,
    CLASS_WHOLE = 128, CLASS_WHOLE_MOST = CLASS_WHOLE + 2 * SCALE_MAX
};

int exact_add_ints(struct column *c, const int64_t *value, uint64_t most, uint32_t scale, const struct shares *s);
int exact_add_wides(struct column *c, const wide *value, uint32_t scale, const struct shares *s);
int exact_add_reals(struct column *c, const double *value, const struct shares *s);
/* Adds one value to one group's ELSE. */
int exact_add_class(struct column *c, uint32_t group, uint32_t class, const struct fixed *value);
/* mantissa * 2^exponent, of at most 106 bits, to REAL or ELSE. */
int exact_add_real(struct column *c, uint32_t group, uwide mantissa, int exponent, bool is_negative);
/* So that most of these lie in the window, unless it is chosen already. False: all are 0, and it is not. */
bool exact_choose_window(struct column *c, const double *x, const double *y, uint32_t n);

int exact_merge(struct column *into, const struct column *from, const struct merging *m);
int exact_check(struct column *c, uint32_t n_groups, bool is_product);

/* The places that the decimals among the values had at most. */
static inline uint32_t exact_scale(const struct column *c) { return c->head.scale_most > 0 ? (uint32_t)c->head.scale_most : 0; }

/* A group's sum, if it is a decimal that fits and nothing else: most are. */
bool exact_is_short(const struct column *c, uint32_t group, wide *ret_value, uint32_t *ret_scale);
/* Its decimals and its doubles, each * 10^scale; scale is at least exact_scale. */
void exact_parts(const struct column *c, uint32_t group, uint32_t scale, struct big *ret_wholes, struct big *ret_reals);
void exact_total(const struct column *c, uint32_t group, uint32_t scale, struct big *ret_total);
