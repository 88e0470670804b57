/* whole.c - powers of ten by table; everything that might not fit is looked at before it is done. */
#include "records/aggregate/whole.h"

#define E18 ((uwide)1000000000000000000)
#define TEN_TO_18(high) \
    (high) * 1, (high) * 10, (high) * 100, (high) * 1000, (high) * 10000, (high) * 100000, (high) * 1000000, (high) * 10000000, \
    (high) * 100000000, (high) * 1000000000, (high) * 10000000000, (high) * 100000000000, (high) * 1000000000000, \
    (high) * 10000000000000, (high) * 100000000000000, (high) * 1000000000000000, (high) * 10000000000000000, (high) * 100000000000000000

static const uwide ten[WHOLE_DIGITS + 1] = { TEN_TO_18((uwide)1), TEN_TO_18(E18), E18 * E18, E18 * E18 * 10, E18 * E18 * 100 };

uwide whole_ten(uint32_t power) { return ten[power]; }

bool whole_lift(wide value, uint32_t power, wide *ret_lifted)
{
    if (value == 0 || power == 0) {
        *ret_lifted = value;
        return true;
    }
    if (power > WHOLE_DIGITS)
        return false;
    uwide size = whole_size(value);
    bool is_short = size <= UINT64_MAX && ten[power] <= UINT64_MAX;
    if (!is_short && size > (uwide)WIDE_MAX / ten[power])
        return false;
    uwide lifted = size * ten[power];
    if (lifted > (uwide)WIDE_MAX)
        return false;
    *ret_lifted = value < 0 ? -(wide)lifted : (wide)lifted;
    return true;
}

void whole_trim(wide *value, uint8_t *scale)
{
    if (*value == 0)
        *scale = 0;
    if (*value >= INT64_MIN && *value <= INT64_MAX) {
        int64_t narrow = (int64_t)*value;
        while (*scale && narrow % 10 == 0) {
            narrow /= 10;
            --*scale;
        }
        *value = narrow;
        return;
    }
    while (*scale && *value % 10 == 0) {
        *value /= 10;
        --*scale;
    }
}

bool whole_of_real(double real, wide *ret_value, uint8_t *ret_scale)
{
    int exponent;
    uwide mantissa = real_mantissa(real, &exponent);
    uint32_t places = 0;
    if (mantissa) {
        int zeros = __builtin_ctzll((uint64_t)mantissa);
        mantissa >>= zeros;
        exponent += zeros;
        if (exponent > 126 || exponent < -WHOLE_DIGITS)
            return false;
        if (exponent > 0) {
            if (mantissa >> (127 - exponent))
                return false;
            mantissa <<= exponent;
        }
        for (; exponent < 0; exponent++, places++) {    /* m / 2^k = m * 5^k / 10^k */
            if (mantissa > ten[WHOLE_DIGITS] / 5)
                return false;
            mantissa *= 5;
        }
        if (mantissa >= ten[WHOLE_DIGITS])
            return false;
    }
    *ret_value = real < 0 ? -(wide)mantissa : (wide)mantissa;
    *ret_scale = (uint8_t)places;
    return true;
}
