/* kernels.c - which kernel carries out which step. */
#include "records/eval/kernels.h"

kernel_fn *kernel_of(enum step_op op)
{
    static kernel_fn *const kernel[OPS_N] = {
        [OP_NUMBERS] = kernel_numbers, [OP_TRIED] = kernel_tried, [OP_TEXTS] = kernel_texts, [OP_NUMBER] = kernel_number,
        [OP_ADD] = kernel_add, [OP_SUB] = kernel_sub, [OP_MUL] = kernel_mul, [OP_DIV] = kernel_div, [OP_MOD] = kernel_mod,
        [OP_NEG] = kernel_neg, [OP_ABS] = kernel_abs, [OP_POWER] = kernel_power, [OP_POW] = kernel_pow,
        [OP_FLOOR] = kernel_floor, [OP_CEIL] = kernel_ceil, [OP_ROUND] = kernel_round,
        [OP_SQRT] = kernel_sqrt, [OP_CBRT] = kernel_cbrt, [OP_EXP] = kernel_exp, [OP_LN] = kernel_ln, [OP_LOG10] = kernel_log10,
        [OP_LOG2] = kernel_log2, [OP_SIN] = kernel_sin, [OP_COS] = kernel_cos, [OP_TAN] = kernel_tan, [OP_ATAN2] = kernel_atan2,
        [OP_LEAST] = kernel_least, [OP_GREATEST] = kernel_greatest, [OP_IF] = kernel_if,
        [OP_COMPARE] = kernel_compare, [OP_COMPARE_TEXT] = kernel_compare_text, [OP_COMPARE_EITHER] = kernel_compare_either,
        [OP_IN] = kernel_in,
        [OP_AND] = kernel_and, [OP_OR] = kernel_or, [OP_NOT] = kernel_not, [OP_HAS] = kernel_has,
        [OP_LENGTH] = kernel_length, [OP_LOWER] = kernel_lower, [OP_UPPER] = kernel_upper, [OP_SUBSTR] = kernel_substr,
        [OP_STARTS_WITH] = kernel_starts_with, [OP_CONTAINS] = kernel_contains,
        [OP_YEAR] = kernel_year, [OP_MONTH] = kernel_month, [OP_DAY] = kernel_day, [OP_HOUR] = kernel_hour,
    };
    return kernel[op];
}
