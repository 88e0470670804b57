/* decimal.c - decimals and doubles, both ways, each rounded once.
 *
 * To a double: the quotient or product of two doubles that are exact is rounded once by the processor (W. D. Clinger, "How to read
 * floating point numbers accurately", 1990). Else the mantissa is multiplied by a power of ten of which we know 128 bits, which gives an
 * interval that the value lies in; if both its ends round to one double, that is it (after D. Lemire, "Number parsing at a gigabyte per
 * second", 2021). Else the value is compared with the middle between the two, in whole numbers of any size.
 *
 * From a double: R. Giulietti, "The Schubfach way to render doubles" (2020), with the same table of powers. */
#include "records/decimal.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const double decimal_tens[23] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

wide_u decimal_power(unsigned exponent)
{
    static const uint64_t power[20] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
        10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
        10000000000000000000u };
    return exponent < 20 ? power[exponent] : (wide_u)power[19] * power[exponent - 19];
}

/* ---- text taken apart ---- */

struct reading {
    struct decimal *d;
    unsigned n;             /* digits in the mantissa */
    bool has_digits;
};

/* Eight digits of text as a number; false: they are not all digits. */
static bool eight_digits(const char *text, uint32_t *ret_number)
{
    uint64_t x;
    memcpy(&x, text, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    x ^= 0x3030303030303030;
    if (((x + 0x7676767676767676) | x) & 0x8080808080808080)
        return false;
    x = x * 10 + (x >> 8);
    x = ((x & 0x000000ff000000ff) * 0x000f424000000064 + (x >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >> 32;
    *ret_number = (uint32_t)x;
    return true;
}

/* Digits that count and find room. */
static const char *take_digits(struct decimal *d, const char *text, const char *end, unsigned *n)
{
    wide_u mantissa = d->mantissa;
    unsigned taken = *n;
    for (uint32_t eight; taken <= WIDE_DIGITS - 8 && end - text >= 8 && eight_digits(text, &eight); text += 8, taken += 8)
        mantissa = mantissa * 100000000 + eight;
    uint32_t few = 0, power = 1;    /* no more than eight are left */
    for (; taken < WIDE_DIGITS && text < end && is_digit(*text); text++, taken++) {
        few = few * 10 + (uint32_t)(*text - '0');
        power *= 10;
    }
    d->mantissa = mantissa * power + few;
    *n = taken;
    return text;
}

/* All that stand here. What each that is taken does to the exponent (0, or -1 behind the point), and what each for which there is no room
 * (1, or 0). */
static const char *read_digits(struct reading *r, const char *text, const char *end, int by_digit, int by_more)
{
    struct decimal *d = r->d;
    const char *first = text;
    if (r->n == 0) {
        while (text < end && *text == '0')
            text++;
        d->digits = text;
    }
    text = take_digits(d, text, end, &r->n);
    d->exponent += by_digit * (text - first);
    const char *rest = text;
    for (; text < end && is_digit(*text); text++)
        d->has_more |= *text != '0';
    d->exponent += by_more * (text - rest);
    r->has_digits |= text > first;
    return text;
}

/* Behind the e. NULL: there is no exponent. */
static const char *read_exponent(struct decimal *d, const char *text, const char *end)
{
    enum { FAR = 1000000000 };      /* no text is long enough to make up for it: READER_LONGEST */
    bool is_negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+'))
        text++;
    if (text == end)
        return NULL;
    int64_t exponent = 0;
    for (; text < end && is_digit(*text); text++)
        if (exponent < INT64_C(4) * FAR)
            exponent = exponent * 10 + (*text - '0');
    d->exponent += is_negative ? -exponent : exponent;
    return text;
}

bool decimal_read(const char *text, const char *end, char point, struct decimal *ret_decimal)
{
    struct decimal *d = ret_decimal;
    *d = (struct decimal){ .is_negative = text < end && *text == '-' };
    struct reading r = { .d = d };
    if (text < end && (*text == '-' || *text == '+'))
        text++;
    d->digits = text;
    text = read_digits(&r, text, end, 0, 1);
    if (text < end && *text == point)
        text = read_digits(&r, text + 1, end, -1, 0);
    d->end = text;
    if (!r.has_digits)
        return false;
    if (text < end && (*text == 'e' || *text == 'E'))
        text = read_exponent(d, text + 1, end);
    return text == end;
}

bool decimal_exact(const struct decimal *decimal, wide *ret_mantissa, uint8_t *ret_scale)
{
    wide_u mantissa = decimal->mantissa;
    int64_t exponent = decimal->exponent;
    if (mantissa == 0 && (exponent > 0 || exponent < -SCALE_MAX))
        exponent = 0;
    if (decimal->has_more || exponent > WIDE_DIGITS)
        return false;
    for (; exponent > 0; exponent--) {
        if (mantissa >= decimal_power(WIDE_DIGITS - 1))
            return false;
        mantissa *= 10;
    }
    for (; exponent < -SCALE_MAX; exponent++) {
        if (mantissa % 10 != 0)
            return false;
        mantissa /= 10;
    }
    *ret_mantissa = decimal->is_negative ? -(wide)mantissa : (wide)mantissa;
    *ret_scale = (uint8_t)-exponent;
    return true;
}

/* ---- whole numbers of any size ---- */

/* 801 digits have 2.7 kbit, and so has 54 bits times 5^1133: the most there is, see compare_with_middle(). */
enum { BIG_LIMBS = 64 };
struct big {
    int n;                  /* limbs in use; none above them */
    uint64_t limb[BIG_LIMBS];
};

static void big_push(struct big *b, uint64_t limb)
{
    if (!limb)
        return;
    assert(b->n < BIG_LIMBS);
    b->limb[b->n++] = limb;
}

static void big_muladd(struct big *b, uint64_t factor, uint64_t summand)
{
    uint64_t carry = summand;
    for (int i = 0; i < b->n; i++) {
        wide_u x = (wide_u)b->limb[i] * factor + carry;
        b->limb[i] = (uint64_t)x;
        carry = (uint64_t)(x >> 64);
    }
    big_push(b, carry);
}

static struct big big_of(wide_u number)
{
    struct big b = { .n = 2, .limb = { (uint64_t)number, (uint64_t)(number >> 64) } };
    while (b.n > 0 && b.limb[b.n - 1] == 0)
        b.n--;
    return b;
}

static void big_power_of_five(struct big *b, int64_t exponent)
{
    const uint64_t five_27 = 7450580596923828125;      /* the largest power of five in 64 bits */
    for (; exponent >= 27; exponent -= 27)
        big_muladd(b, five_27, 0);
    for (; exponent > 0; exponent--)
        big_muladd(b, 5, 0);
}

static void big_shift(struct big *b, int64_t bits)
{
    int limbs = (int)(bits / 64);
    if (b->n == 0)
        return;
    assert(b->n + limbs <= BIG_LIMBS);
    memmove(b->limb + limbs, b->limb, (size_t)b->n * sizeof *b->limb);
    memset(b->limb, 0, (size_t)limbs * sizeof *b->limb);
    b->n += limbs;
    if (bits % 64)
        big_muladd(b, UINT64_C(1) << bits % 64, 0);
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (int i = a->n - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* ---- powers of ten ---- */

/* 10^q = (the 128 bits here, the highest of them 1) * 2^power_shift(q), exact from 0 to 55, else more by less than one of the last bit.
 * From 1e-370: 38 digits times that are below all doubles. */
enum { POWER_LEAST = -370, POWER_MOST = 325, POWER_EXACT = 55 };
static wide_u powers[POWER_MOST - POWER_LEAST + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

static wide_u big_top(const struct big *b)
{
    uint64_t high = b->limb[b->n - 1], mid = b->n > 1 ? b->limb[b->n - 2] : 0, low = b->n > 2 ? b->limb[b->n - 3] : 0;
    int shift = __builtin_clzll(high);
    wide_u top = (wide_u)high << 64 | mid;
    return shift ? top << shift | low >> (64 - shift) : top;
}

/* Downwards from 2^1024, by five: each of these quotients is the right one, rounded down, as a quotient of a quotient is. */
static void make_powers(void)
{
    struct big up = big_of(1), down = big_of(1);
    for (int q = 0; q <= POWER_MOST; q++, big_muladd(&up, 5, 0))
        powers[q - POWER_LEAST] = big_top(&up);
    big_shift(&down, 1024);
    for (int q = -1; q >= POWER_LEAST; q--) {
        uint64_t rest = 0;
        for (int i = down.n - 1; i >= 0; i--) {
            wide_u x = (wide_u)rest << 64 | down.limb[i];
            down.limb[i] = (uint64_t)(x / 5);
            rest = (uint64_t)(x % 5);
        }
        while (down.limb[down.n - 1] == 0)
            down.n--;
        powers[q - POWER_LEAST] = big_top(&down);
    }
}

static wide_u power(int q)
{
    (void)pthread_once(&powers_once, make_powers);
    return powers[q - POWER_LEAST];
}

static bool power_is_exact(int q)
{
    return q >= 0 && q <= POWER_EXACT;
}

static int log2_of_power(int q)
{
    return (q * 1741647) >> 19;     /* floor(q * log2(10)) for |q| up to 1233 */
}

static int power_shift(int q)
{
    return log2_of_power(q) - 127;
}

/* ---- to a double ---- */

/* f * 2^e, and something more below the last bit of f if is_more, rounded; the highest bit of f is 1. */
static double rounded(wide_u f, bool is_more, int e)
{
    int top = e + 127;      /* 2^top <= value < 2^(top+1) */
    if (top > 1023)
        return __builtin_inf();
    if (top < -1075)
        return 0;
    int bits = top >= -1022 ? 53 : top + 1075;      /* fewer where doubles end; 0 below the least of them */
    int drop = 128 - bits;
    wide_u half = (wide_u)1 << (drop - 1), rest = f & (half | (half - 1));
    uint64_t kept = bits ? (uint64_t)(f >> drop) : 0;
    kept += rest > half || (rest == half && (is_more || (kept & 1)));
    /* What overflows into the exponent is right there, up to infinity. */
    uint64_t image = bits == 53 ? ((uint64_t)(top + 1022) << 52) + kept : kept;
    double real;
    memcpy(&real, &image, sizeof real);
    return real;
}

static void parts_of(double real, uint64_t *ret_mantissa, int *ret_exponent)
{
    uint64_t image;
    memcpy(&image, &real, sizeof image);
    uint64_t exponent = image >> 52, mantissa = image & ((UINT64_C(1) << 52) - 1);
    *ret_mantissa = exponent ? mantissa | UINT64_C(1) << 52 : mantissa;
    *ret_exponent = (int)(exponent ? exponent : 1) - 1075;
}

/* All digits; or 800 and a 1 for those that follow: the middle between two doubles has 767 at most. */
static struct big big_of_digits(const struct decimal *d, int64_t *ret_exponent)
{
    struct big b = big_of(d->mantissa);
    *ret_exponent = d->exponent;
    if (!d->has_more)
        return b;
    enum { MOST = 800 };
    int n = 0;
    const char *p = d->digits;
    for (b.n = 0; p < d->end && n < MOST; p++)
        if (is_digit(*p)) {
            big_muladd(&b, 10, (uint64_t)(*p - '0'));
            n++;
        }
    while (p < d->end && (!is_digit(*p) || *p == '0'))
        p++;
    if (p < d->end) {
        big_muladd(&b, 10, 1);
        n++;
    }
    *ret_exponent -= n - WIDE_DIGITS;
    return b;
}

/* The decimal without its sign against other * 2^e: -1, 0 or 1. */
static int compare(const struct decimal *d, struct big other, int e)
{
    int64_t exponent;
    struct big value = big_of_digits(d, &exponent);
    if (exponent >= 0)
        big_power_of_five(&value, exponent);
    else
        big_power_of_five(&other, -exponent);
    if (exponent >= e)
        big_shift(&value, exponent - e);
    else
        big_shift(&other, e - exponent);
    return big_compare(&value, &other);
}

/* Against the middle between `real` and the next double, or where that would be. */
static int compare_with_middle(const struct decimal *d, double real)
{
    uint64_t mantissa;
    int e;
    parts_of(real, &mantissa, &e);
    return compare(d, big_of(2 * mantissa + 1), e - 1);
}

/* [low, high] holds the value: mantissa and power are known to 64 and 128 bits. */
static double real_of_interval(const struct decimal *d, int q)
{
    int lead = (d->mantissa >> 64) ? __builtin_clzll((uint64_t)(d->mantissa >> 64)) : 64 + __builtin_clzll((uint64_t)d->mantissa);
    wide_u f = d->mantissa << lead, ten = power(q);
    uint64_t w = (uint64_t)(f >> 64);
    bool is_cut = (uint64_t)f != 0 || d->has_more, is_rough = !power_is_exact(q);

    wide_u below = (wide_u)w * (uint64_t)ten, above = (wide_u)w * (uint64_t)(ten >> 64) + (uint64_t)(below >> 64);
    uint64_t last = (uint64_t)below;                    /* w * ten is above * 2^64 + last */
    int e = 64 + 64 - lead + power_shift(q);
    int shift = above >> 127 ? 0 : 1;
    double low = rounded(shift ? above << 1 | last >> 63 : above, shift ? last << 1 != 0 : last != 0, e - shift);
    if (!is_cut && !is_rough)
        return low;

    /* (w + is_cut) * (ten + is_rough), rounded up to a multiple of 2^64. */
    wide_u more = (is_cut ? ten >> 64 : 0) + 3, top = above + more;
    if (top < above)        /* 2^128 and a bit */
        top = (wide_u)1 << 127 | top >> 1, e++, shift = 0;
    else
        shift = top >> 127 ? 0 : 1;
    double high = rounded(top << shift, true, e - shift);
    if (low == high)
        return low;
    int side = compare_with_middle(d, low);
    uint64_t mantissa;
    parts_of(low, &mantissa, &e);
    return side > 0 || (side == 0 && (mantissa & 1)) ? high : low;
}

static double magnitude(const struct decimal *d)
{
    int64_t q = d->exponent;
    if (!d->has_more && d->mantissa <= UINT64_C(1) << 53 && q >= -22 && q <= 22) {
        double m = (double)(uint64_t)d->mantissa;
        return q < 0 ? m / decimal_tens[-q] : m * decimal_tens[q];
    }
    if (d->mantissa == 0 || q < POWER_LEAST)
        return 0;
    return q > 310 ? __builtin_inf() : real_of_interval(d, (int)q);
}

double decimal_real(const struct decimal *decimal)
{
    double real = magnitude(decimal);
    return decimal->is_negative && real != 0 ? -real : real;
}

int decimal_compare(const struct decimal *decimal, double real)
{
    double nearest = decimal_real(decimal);
    if (nearest != real || real == 0)
        return (nearest > real) - (nearest < real);
    uint64_t mantissa;
    int e;
    parts_of(real < 0 ? -real : real, &mantissa, &e);
    int order = compare(decimal, big_of(mantissa), e);
    return real < 0 ? -order : order;
}

/* ---- from a double ---- */

/* floor(factor * pow / 2^128), with the last bit set if that is not exact. */
static uint64_t product_to_odd(wide_u ten, uint64_t factor)
{
    wide_u low = (wide_u)(uint64_t)ten * factor, high = (wide_u)(uint64_t)(ten >> 64) * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

uint64_t decimal_shortest(double real, int *ret_exponent)
{
    uint64_t c;
    int q;
    parts_of(real, &c, &q);
    bool is_odd = c & 1, is_near = c == UINT64_C(1) << 52 && q > -1074;     /* the double below is nearer than the one above */
    int k = (q * 1262611 - (is_near ? 524031 : 0)) >> 22;       /* floor(log10(2^q)), or of 3/4 of it */
    int shift = q + log2_of_power(-k) + 1;
    wide_u ten = power(-k) + !power_is_exact(-k);
    uint64_t left = product_to_odd(ten, (4 * c - 2 + is_near) << shift) + is_odd;
    uint64_t at = product_to_odd(ten, (4 * c) << shift), right = product_to_odd(ten, (4 * c + 2) << shift) - is_odd;

    uint64_t s = at / 4, tens = s / 10;
    if (s >= 10) {          /* one digit less, if just one such lies between the neighbours' middles */
        bool is_down_in = left <= 40 * tens, is_up_in = 40 * tens + 40 <= right;
        if (is_down_in != is_up_in) {
            *ret_exponent = k + 1;
            return tens + is_up_in;
        }
    }
    *ret_exponent = k;
    bool is_down_in = left <= 4 * s, is_up_in = 4 * s + 4 <= right;
    if (is_down_in != is_up_in)
        return s + is_up_in;
    return s + (at > 4 * s + 2 || (at == 4 * s + 2 && (s & 1)));
}
