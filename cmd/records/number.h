/* number.h - decimal text to numbers and back: exact, fast, the same in every locale.
 *
 * A number is  [+-] digits [. digits] [e [+-] digits]  with a digit on at least one side of the point; spaces and tabs around it do not
 * count. No hexadecimal, no infinity, no NaN, no signs of thousands. `point` is '.' or ','. */
#pragma once
#include "records/value.h"

/* Fields begin[k] .. end[k] of `text` (readable 32 bytes before the first and behind the last of them) become numbers; they may stand in
 * quotes: "1.5" is the number 1.5 (quote 0: it is none). An empty field, also a quoted or a blank one, is missing. ret_vec has room for
 * BATCH_ROWS of any kind.
 *
 * n; or the first row that is neither a number nor missing. With is_lenient such rows are missing, *ret_bad counts them, *ret_first_bad is
 * the first of them; else these are left alone. */
uint32_t number_column(const char *text, const uint32_t *begin, const uint32_t *end, uint32_t n, char quote, char point, bool is_lenient,
                       struct vec *ret_vec, uint32_t *ret_bad, uint32_t *ret_first_bad);

/* One number, for constants and tests. False: it is none. VALUE_NUMBER if its mantissa has at most 38 digits and its scale is at
 * most 38, else VALUE_REAL (nearest, ties to even); false if that is not finite. */
bool number_read(const char *text, size_t size, char point, struct value *ret_value);

/* mantissa / 10^scale, rounded once to the nearest double. */
double number_real(wide mantissa, uint8_t scale);

/* A number or real as text: exact decimals in full, without zeros at the end; doubles as short as they read back, never in an
 * exponent's form between 1e-5 and 1e17. Returns the size, without a NUL. */
enum { NUMBER_TEXT = 64 };
size_t number_write(const struct value *value, char buf[NUMBER_TEXT]);
