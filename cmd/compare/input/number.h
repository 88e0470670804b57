/* number.h - decimal text to the nearest double, the same in every locale.
 *
 * A number is  [+-] digits [. digits] [e [+-] digits]  with a digit on at least one side of the point; spaces and tabs around
 * it do not count. No hexadecimal, no infinity, no NaN. */
#pragma once
#include <stdbool.h>

/* What stands in [text, end), all of it. False: no number, longer than NUMBER_MAX, or too large for a double. */
enum { NUMBER_MAX = 1000 };
bool cell_number(const char *text, const char *end, double *ret_number);
