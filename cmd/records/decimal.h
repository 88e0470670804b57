/* decimal.h - decimal text taken apart, and decimals to doubles and back: what number.c is made of.
 *
 * For any thread; nothing here fails but by its input. */
#pragma once
#include "records/vec.h"

typedef unsigned __int128 wide_u;
enum { WIDE_DIGITS = 38 };      /* a wide has any number of so many */

struct decimal {
    bool is_negative;
    bool has_more;              /* behind the digits of `mantissa` come others that are not all 0 */
    wide_u mantissa;            /* of the first WIDE_DIGITS digits that are not leading zeros */
    int64_t exponent;           /* the value is mantissa * 10^exponent */
    const char *digits, *end;   /* where these digits begin and all end; a point may be among them */
};

/* The whole of text..end is a number, as number.h says, without blanks and quotes. */
bool decimal_read(const char *text, const char *end, char point, struct decimal *ret_decimal);

/* Of at most WIDE_DIGITS digits and a scale up to SCALE_MAX. False: there is no such. */
bool decimal_exact(const struct decimal *decimal, wide *ret_mantissa, uint8_t *ret_scale);

/* The nearest double, ties to even; beyond the largest infinity. Never -0. */
double decimal_real(const struct decimal *decimal);

/* Which is larger, exactly: > 0: the decimal (has_more is false), 0: neither. `real` is finite. */
int decimal_compare(const struct decimal *decimal, double real);

/* The shortest digits that read back as `real` (finite and above 0); of several the nearest: digits * 10^exponent. */
uint64_t decimal_shortest(double real, int *ret_exponent);

extern const double decimal_tens[23];           /* 10^i, as far as doubles have them exactly */
wide_u decimal_power(unsigned exponent);        /* 10^exponent, up to WIDE_DIGITS */
