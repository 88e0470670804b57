/* numbers.h - numbers of one kind as another, so that a kernel has two operands of the same kind and scale. */
#pragma once
#include "records/eval/work.h"

typedef unsigned __int128 wide_unsigned;

/* 10^n, n up to SCALE_MAX; and the greatest magnitude that a wide mantissa has: 38 nines. */
wide numbers_power(uint32_t n);
wide numbers_most(void);

/* Each gives an operand in another kind, in room `k`, described by *store; or the operand itself where it is so already. */
const struct vec *numbers_as_real(struct work *w, const struct vec *v, int k, struct vec *store);
/* At a scale that is not less than its own. NULL: more than 38 digits. Not of reals. */
const struct vec *numbers_as_wide(struct work *w, const struct vec *v, uint8_t scale, int k, struct vec *store);

/* Two operands in the kind that is returned; INT and WIDE at the same scale. Exact as long as 38 digits do. */
enum vec_kind numbers_pair(struct work *w, const struct vec *const a[2], struct vec store[2], const struct vec *ret_pair[2]);

/* Whether value * 10^power has at most 38 digits, and what it is. */
bool numbers_scaled(wide value, uint32_t power, wide *ret_value);
/* The product, if it has at most 38 digits. */
bool numbers_product(wide a, wide b, wide *ret_product);
/* Whether a bound times 10^power, or times another, is one, too: within 64 bits and a sign. */
bool numbers_bound(uint64_t most, uint64_t by, uint64_t *ret_most);

/* WIDE that would do as INT becomes it. */
void numbers_narrow(uint32_t n, struct vec *out);
/* What is not finite becomes missing and is told as undefined; zero has no sign. Behind present_all and the loop. */
void numbers_settle(struct work *w, struct vec *out);
