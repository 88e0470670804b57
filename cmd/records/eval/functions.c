/* functions.c - the table of functions, in the order in which the manual shows them. */
#include "records/eval/functions.h"

#include <string.h>

static const struct function functions[] = {
    { "abs", "abs(x)", "how far from 0", "n", OP_ABS, STEP_NUMBER },
    { "sqrt", "sqrt(x)", "square root; missing below 0", "n", OP_SQRT, STEP_NUMBER },
    { "cbrt", "cbrt(x)", "cube root", "n", OP_CBRT, STEP_NUMBER },
    { "exp", "exp(x)", "e to the power of x", "n", OP_EXP, STEP_NUMBER },
    { "ln", "ln(x)", "natural logarithm; missing at 0 and below", "n", OP_LN, STEP_NUMBER },
    { "log10", "log10(x)", "logarithm to base 10", "n", OP_LOG10, STEP_NUMBER },
    { "log2", "log2(x)", "logarithm to base 2", "n", OP_LOG2, STEP_NUMBER },
    { "pow", "pow(x, y)", "x ^ y; exact where y is a whole number written there and the digits do", "nn", OP_POW, STEP_NUMBER },
    { "floor", "floor(x)", "the whole number at or below x; exact", "n", OP_FLOOR, STEP_NUMBER },
    { "ceil", "ceil(x)", "the whole number at or above x; exact", "n", OP_CEIL, STEP_NUMBER },
    { "round", "round(x[, digits])", "to so many digits behind the point (0), halves away from 0; exact", "n[d", OP_ROUND, STEP_NUMBER },
    { "sin", "sin(x)", "sine of an angle in radians", "n", OP_SIN, STEP_NUMBER },
    { "cos", "cos(x)", "cosine", "n", OP_COS, STEP_NUMBER },
    { "tan", "tan(x)", "tangent", "n", OP_TAN, STEP_NUMBER },
    { "atan2", "atan2(y, x)", "angle of the point (x, y), in radians", "nn", OP_ATAN2, STEP_NUMBER },
    { "least", "least(a, b, ...)", "the least of them; missing if one is", "xx*", OP_LEAST, FUNCTION_SAME },
    { "greatest", "greatest(a, b, ...)", "the greatest of them; missing if one is", "xx*", OP_GREATEST, FUNCTION_SAME },
    { "if", "if(condition, a, b)", "a where the condition is true, b where it is false or missing", "bxx", OP_IF, FUNCTION_SAME },
    { "coalesce", "coalesce(a, b, ...)", "the first of them that is present", "xx*", OPS_N, FUNCTION_SAME },
    { "length", "length(text)", "how many characters (of UTF-8)", "t", OP_LENGTH, STEP_NUMBER },
    { "lower", "lower(text)", "A to Z in lower case; other letters stay", "t", OP_LOWER, STEP_TEXT },
    { "upper", "upper(text)", "a to z in upper case; other letters stay", "t", OP_UPPER, STEP_TEXT },
    { "substr", "substr(text, from[, n])", "n characters (all) from number `from` on; the first is 1", "tn[n", OP_SUBSTR, STEP_TEXT },
    { "starts_with", "starts_with(text, begin)", "whether text begins so", "tt", OP_STARTS_WITH, STEP_BOOL },
    { "contains", "contains(text, part)", "whether part is in text", "tt", OP_CONTAINS, STEP_BOOL },
    { "year", "year(timestamp)", "of 2024-05-01, 2024-05-01T10:20, 2024-05-01 10:20:30.5Z ...", "t", OP_YEAR, STEP_NUMBER },
    { "month", "month(timestamp)", "1 to 12", "t", OP_MONTH, STEP_NUMBER },
    { "day", "day(timestamp)", "1 to 31", "t", OP_DAY, STEP_NUMBER },
    { "hour", "hour(timestamp)", "0 to 23, as it is written; 0 of a date alone", "t", OP_HOUR, STEP_NUMBER },
};

const struct function *function_at(size_t i)
{
    return i < sizeof functions / sizeof *functions ? &functions[i] : NULL;
}

const struct function *function_of(const char *name)
{
    const struct function *f;
    for (size_t i = 0; (f = function_at(i)); i++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

void function_counts(const struct function *f, uint32_t *ret_least, uint32_t *ret_most)
{
    *ret_least = *ret_most = 0;
    bool is_optional = false;
    for (const char *at = f->takes; *at; at++) {
        if (*at == '[')
            is_optional = true;
        else if (*at == '*')
            *ret_most = UINT32_MAX;
        else {
            *ret_least += !is_optional;
            ++*ret_most;
        }
    }
}

char function_takes(const struct function *f, uint32_t i)
{
    char letter = '\0';
    for (const char *at = f->takes; *at; at++) {
        if (*at == '[' || *at == '*')
            continue;
        letter = *at;
        if (i-- == 0)
            break;
    }
    return letter;
}
