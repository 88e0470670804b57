/* big.h - whole numbers of any size that sums, products and quotients of aggregates can come to, times a power of two.
 *
 * The final formulas are carried out in these without rounding; a quotient, or its square root, is rounded once. So cancellation costs no
 * digit, and no wider floating point type is needed. */
#pragma once
#include "records/aggregate/whole.h"

/* A sum of doubles and decimals has at most 41 words, a sum of products 75, n * Sxy - Sx * Sy 83, and its square 166. */
enum { BIG_WORDS = 176 };
struct big {
    bool is_negative;
    uint32_t n;                 /* words; the highest is not 0. None: the number is 0 */
    int32_t exponent;           /* value = words * 2^exponent */
    uint64_t word[BIG_WORDS];
};

void big_set(struct big *b, uwide value);
void big_set_wide(struct big *b, wide value);
void big_set_fixed(struct big *b, const struct fixed *value, int exponent);
void big_copy(struct big *b, const struct big *from);       /* what is used of it */

/* `b` may not be what is written, unless it says `into`. */
void big_add(struct big *into, const struct big *b);
void big_subtract(struct big *into, const struct big *b);
void big_times(struct big *into, uint64_t factor);
void big_times_ten(struct big *into, uint32_t power);
void big_multiply(const struct big *a, const struct big *b, struct big *ret_product);

/* The nearest double to num / den, ties to even; beyond the largest double it is the largest. den is not 0. */
double big_ratio(const struct big *num, const struct big *den);
/* The same of its square root; num / den is not negative. */
double big_root(const struct big *num, const struct big *den);

/* Divides by ten^power if that leaves nothing over and the quotient is a VALUE_NUMBER; `b` is changed either way. */
bool big_decimal(struct big *b, uint32_t power, struct value *ret_value);
