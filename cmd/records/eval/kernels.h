/* kernels.h - all kernels, by what they do. */
#pragma once
#include "records/eval/work.h"

/* NULL for OP_CONSTANT. */
kernel_fn *kernel_of(enum step_op op);

/* cells.c */
kernel_fn kernel_numbers, kernel_tried, kernel_texts;
/* arithmetic.c */
kernel_fn kernel_number, kernel_add, kernel_sub, kernel_mul, kernel_mod, kernel_neg, kernel_abs, kernel_power;
/* reals.c */
kernel_fn kernel_div, kernel_pow, kernel_atan2, kernel_sqrt, kernel_cbrt, kernel_exp, kernel_ln, kernel_log10, kernel_log2, kernel_sin,
    kernel_cos, kernel_tan;
/* rounding.c */
kernel_fn kernel_floor, kernel_ceil, kernel_round;
/* compare.c */
kernel_fn kernel_compare, kernel_compare_text, kernel_compare_either, kernel_in;
/* logic.c */
kernel_fn kernel_and, kernel_or, kernel_not, kernel_has;
/* choose.c */
kernel_fn kernel_if, kernel_least, kernel_greatest;
/* texts.c */
kernel_fn kernel_length, kernel_lower, kernel_upper, kernel_substr, kernel_starts_with, kernel_contains;
/* timestamps.c */
kernel_fn kernel_year, kernel_month, kernel_day, kernel_hour;

/* In order of bytes, then of size: less than, equal to or greater than 0. */
int text_compare(const struct text *a, const struct text *b);
