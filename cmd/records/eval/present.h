/* present.h - which rows of a vector are present. Those of `out` that are missing are to hold zero values: present_blank sees to that. */
#pragma once
#include "records/eval/work.h"

/* Where all of the operands are present. */
void present_all(uint32_t n, const struct vec *const a[], uint32_t n_args, struct vec *out);
/* The row becomes missing, with a zero value. */
void present_drop(uint32_t n, struct vec *out, uint32_t row);
void present_blank(uint32_t n, struct vec *out);
/* All bits of n rows are set, none behind. */
void present_fill(uint32_t n, uint64_t *bits);
/* Bits of 0 or 1 in bytes; none behind row n. */
void present_pack(uint32_t n, const uint8_t *bytes, uint64_t *ret_bits);
/* Bits of word `word`, also of what has none missing; constants are present. */
static inline uint64_t present_word(uint32_t n, const struct vec *v, uint32_t word)
{
    uint64_t all = word == n / 64 ? (UINT64_C(1) << n % 64) - 1 : ~UINT64_C(0);
    return v->has_missing && !v->is_constant ? v->present[word] : all;
}
