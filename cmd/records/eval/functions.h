/* functions.h - the functions of the language: how each is written, what it takes and what it does. */
#pragma once
#include "records/eval/program.h"

/* What a function takes, a letter for each argument: n number, t text, b condition, d constant whole number of digits; x: a number or
 * a text, all x of a call the same. A letter in lower case behind [ may be left out; * repeats the letter before it. */
struct function {
    const char *name, *form, *help;
    const char *takes;
    uint8_t op;                 /* OPS_N: it is written with other steps (coalesce) */
    uint8_t gives;              /* enum step_type; FUNCTION_SAME: what its x have */
};
enum { FUNCTION_SAME = 0xff };

/* NULL behind the last. */
const struct function *function_at(size_t i);
/* NULL: there is none of that name. */
const struct function *function_of(const char *name);
/* How many arguments at least and at most (UINT32_MAX: no end). */
void function_counts(const struct function *f, uint32_t *ret_least, uint32_t *ret_most);
/* The letter of argument i, which may be beyond the letters where the last is repeated. */
char function_takes(const struct function *f, uint32_t i);
