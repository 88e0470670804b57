/* whole.h - decimals as 128-bit mantissas, and sums of them in 320 bits. */
#pragma once
#include "records/value.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are written as they lie in memory");

typedef unsigned __int128 uwide;
#define WIDE_MAX ((wide)(~(uwide)0 >> 1))
#define WIDE_MIN (-WIDE_MAX - 1)

enum { WHOLE_DIGITS = 38 };     /* of a VALUE_NUMBER, at most */

uwide whole_ten(uint32_t power);                        /* 10^power, power <= 38 */
/* value * 10^power; false: it does not fit. */
bool whole_lift(wide value, uint32_t power, wide *ret_lifted);
static inline bool whole_add(wide a, wide b, wide *ret_sum) { return !__builtin_add_overflow(a, b, ret_sum); }
static inline uwide whole_size(wide value) { return value < 0 ? -(uwide)value : (uwide)value; }

static inline int whole_bits(uwide v)
{
    return v >> 64 ? 128 - __builtin_clzll((uint64_t)(v >> 64)) : v ? 64 - __builtin_clzll((uint64_t)v) : 0;
}

/* The same number with the least scale: 1.50 is 1.5, 0.00 is 0. */
void whole_trim(wide *value, uint8_t *scale);

/* Whether this double is a decimal of at most 38 digits and places, exactly; and which, trimmed. */
bool whole_of_real(double real, wide *ret_value, uint8_t *ret_scale);

/* A double as mantissa * 2^exponent, mantissa < 2^53; 0 has mantissa 0. Its sign is left to the caller. */
enum { REAL_LOWEST = -1074 };
static inline uint64_t real_mantissa(double real, int *ret_exponent)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    int raised = (int)(bits >> 52 & 2047);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    *ret_exponent = raised ? raised - 1075 : REAL_LOWEST;
    return raised ? mantissa | UINT64_C(1) << 52 : mantissa;
}

/* ---- 320 bits, two's complement: sums of up to 2^49 values of 270 bits. What overflows wraps. ---- */

enum { FIXED_WORDS = 5, FIXED_VALUE_BITS = 270 };
struct fixed { uint64_t word[FIXED_WORDS]; };

static inline bool fixed_is_zero(const struct fixed *f)
{
    return !(f->word[0] | f->word[1] | f->word[2] | f->word[3] | f->word[4]);
}

static inline void fixed_add(struct fixed *into, const struct fixed *from)
{
    uwide sum = 0;
    for (int k = 0; k < FIXED_WORDS; k++) {
        sum += (uwide)into->word[k] + from->word[k];
        into->word[k] = (uint64_t)sum;
        sum >>= 64;
    }
}

static inline struct fixed fixed_of(wide value)
{
    uint64_t sign = value < 0 ? UINT64_MAX : 0;
    return (struct fixed){ { (uint64_t)value, (uint64_t)((uwide)value >> 64), sign, sign, sign } };
}

/* Adds +-mantissa * 2^shift; shift and the mantissa's bits come to at most FIXED_VALUE_BITS. Two's complement of the whole is two's
 * complement of the words from the lowest touched on: those below it are 0 in the addend. */
static inline void fixed_add_shifted(struct fixed *into, uwide mantissa, uint32_t shift, bool is_negative)
{
    uint32_t k = shift >> 6, by = shift & 63;
    uint64_t sign = -(uint64_t)is_negative;
    uint64_t low = (uint64_t)mantissa, high = (uint64_t)(mantissa >> 64);
    uint64_t part[3] = { low << by, (uint64_t)((mantissa << by) >> 64), by ? high >> (64 - by) : 0 };
    uint64_t carry = sign & 1;
    for (uint32_t j = 0; k < FIXED_WORDS; j++, k++) {
        uwide sum = (uwide)into->word[k] + ((j < 3 ? part[j] : 0) ^ sign) + carry;
        into->word[k] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
}
