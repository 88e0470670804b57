/* number.c - the fast way where it is exact, strtod elsewhere.
 *
 * A whole number up to 2^53 is a double without rounding, and so is 10^k for k up to 22. The product or quotient of two
 * such is rounded once, by the processor, to nearest: it is the right answer (W. D. Clinger, "How to read floating point
 * numbers accurately", 1990). The digits of nearly all real data fit. Needs arithmetic in double precision and no more:
 * true on x86-64 and arm64. */
#include "number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 19, EXPONENT_MAX = 99999 };    /* 19 digits fit into 64 bits; beyond that exponent only strtod knows */

struct parts {
    bool negative;
    uint64_t mantissa;      /* of the first DIGITS_MAX digits that are not leading zeros */
    int n_digits;           /* in all */
    int exponent;           /* of ten, for the mantissa as a whole number */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *read_digits(const char *text, const char *end, struct parts *parts)
{
    for (; text < end && is_digit(*text); text++) {
        if (parts->n_digits == 0 && *text == '0')
            continue;
        if (++parts->n_digits <= DIGITS_MAX)
            parts->mantissa = parts->mantissa * 10 + (uint64_t)(*text - '0');
    }
    return text;
}

/* NULL: there is an `e` and no exponent behind it. */
static const char *read_exponent(const char *text, const char *end, struct parts *parts)
{
    if (text == end || (*text != 'e' && *text != 'E'))
        return text;
    text++;
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+'))
        text++;
    if (text == end || !is_digit(*text))
        return NULL;
    int exponent = 0;
    for (; text < end && is_digit(*text); text++)
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*text - '0');
    parts->exponent += negative ? -exponent : exponent;
    return text;
}

static bool read_parts(const char *text, const char *end, struct parts *ret_parts)
{
    struct parts parts = { 0 };
    if (text < end && (*text == '-' || *text == '+'))
        parts.negative = *text++ == '-';
    const char *whole = text;
    text = read_digits(text, end, &parts);
    long n_seen = text - whole;
    if (text < end && *text == '.') {
        const char *fraction = ++text;
        text = read_digits(text, end, &parts);
        n_seen += text - fraction;
        parts.exponent = -(int)(text - fraction);
    }
    if (n_seen == 0)
        return false;
    text = read_exponent(text, end, &parts);
    *ret_parts = parts;
    return text == end;
}

static bool fast(const struct parts *parts, double *ret_number)
{
    static const double power[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    if (parts->mantissa > (uint64_t)1 << 53 || parts->exponent < -22 || parts->exponent > 22)
        return false;                   /* so is every number with digits left over: its mantissa is 10^18 or more */
    double number = (double)parts->mantissa;
    number = parts->exponent < 0 ? number / power[-parts->exponent] : number * power[parts->exponent];
    *ret_number = parts->negative ? -number : number;
    return true;
}

/* The locale is "C" here, since nothing in this program calls setlocale. */
static bool slow(const char *text, const char *end, double *ret_number)
{
    char copy[NUMBER_MAX + 1];
    size_t size = (size_t)(end - text);
    memcpy(copy, text, size);
    copy[size] = '\0';
    *ret_number = strtod(copy, NULL);
    return isfinite(*ret_number);
}

bool cell_number(const char *text, const char *end, double *ret_number)
{
    struct parts parts;
    while (text < end && is_blank(*text))
        text++;
    while (end > text && is_blank(end[-1]))
        end--;
    if (end - text > NUMBER_MAX || !read_parts(text, end, &parts))
        return false;
    return fast(&parts, ret_number) || slow(text, end, ret_number);
}
