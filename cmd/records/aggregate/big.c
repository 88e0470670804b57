/* big.c - schoolbook arithmetic; division after D. E. Knuth, "The Art of Computer Programming" volume 2 (1997), 4.3.1, algorithm D. */
#include "records/aggregate/big.h"

#include <assert.h>
#include <float.h>
#include <math.h>

static void trim(struct big *b)
{
    while (b->n && !b->word[b->n - 1])
        b->n--;
    if (!b->n) {
        b->is_negative = false;
        b->exponent = 0;
    }
}

void big_set(struct big *b, uwide value)
{
    b->is_negative = false;
    b->n = 2;
    b->exponent = 0;
    b->word[0] = (uint64_t)value;
    b->word[1] = (uint64_t)(value >> 64);
    trim(b);
}

void big_set_wide(struct big *b, wide value)
{
    big_set(b, whole_size(value));
    b->is_negative = value < 0;
}

void big_set_fixed(struct big *b, const struct fixed *value, int exponent)
{
    uint64_t sign = -(value->word[FIXED_WORDS - 1] >> 63), carry = sign & 1;
    uint32_t from = 0;
    while (from < FIXED_WORDS - 1 && !value->word[from])     /* words that are 0 at the low end cost time in what follows */
        from++;
    b->n = FIXED_WORDS - from;
    for (uint32_t k = from; k < FIXED_WORDS; k++) {
        uwide sum = (uwide)(value->word[k] ^ sign) + carry;
        b->word[k - from] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    b->is_negative = sign != 0;
    b->exponent = exponent + 64 * (int)from;
    trim(b);
}

void big_copy(struct big *b, const struct big *from)
{
    memcpy(b, from, offsetof(struct big, word) + from->n * sizeof *b->word);
}

/* ---- shifting and comparing ---- */

static void shift_up(struct big *b, uint32_t by)
{
    if (!b->n || !by)
        return;
    uint32_t words = by / 64, bits = by % 64, n = b->n + words + (bits != 0);
    assert(n <= BIG_WORDS);
    for (uint32_t k = n; k-- > words;) {
        uint32_t from = k - words;
        uint64_t high = from < b->n ? b->word[from] : 0, low = from > 0 ? b->word[from - 1] : 0;
        b->word[k] = bits ? high << bits | low >> (64 - bits) : high;
    }
    memset(b->word, 0, words * sizeof *b->word);
    b->n = n;
    trim(b);
}

/* To an exponent that is not above the one it has. */
static void lower(struct big *b, int exponent)
{
    if (b->n)
        shift_up(b, (uint32_t)(b->exponent - exponent));
    b->exponent = exponent;
}

static int compare_size(const struct big *a, const struct big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (uint32_t k = a->n; k-- > 0;)
        if (a->word[k] != b->word[k])
            return a->word[k] < b->word[k] ? -1 : 1;
    return 0;
}

static int bits_of(const struct big *b) { return b->n ? (int)(64 * b->n) - __builtin_clzll(b->word[b->n - 1]) : 0; }

/* ---- sums ---- */

static void add_size(struct big *into, const struct big *b)
{
    uint64_t carry = 0;
    for (uint32_t k = 0; k < b->n || carry; k++) {
        assert(k < BIG_WORDS);
        if (k == into->n)
            into->word[into->n++] = 0;
        uwide sum = (uwide)into->word[k] + (k < b->n ? b->word[k] : 0) + carry;
        into->word[k] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
}

/* into = |high - low|, where high is not smaller; either may be `into`. */
static void subtract_size(struct big *into, const struct big *high, const struct big *low)
{
    uint64_t borrow = 0;
    uint32_t n = high->n;
    for (uint32_t k = 0; k < n; k++) {
        uwide difference = (uwide)high->word[k] - (k < low->n ? low->word[k] : 0) - borrow;
        into->word[k] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    into->n = n;
}

static void add_signed(struct big *into, const struct big *b, bool is_negative)
{
    struct big aligned;
    if (!b->n)
        return;
    if (!into->n)
        into->exponent = b->exponent;
    if (b->exponent > into->exponent) {
        big_copy(&aligned, b);
        lower(&aligned, into->exponent);
        b = &aligned;
    } else {
        lower(into, b->exponent);
    }
    if (into->n == 0 || into->is_negative == is_negative) {
        into->is_negative = is_negative;
        add_size(into, b);
    } else if (compare_size(into, b) >= 0) {
        subtract_size(into, into, b);
    } else {
        subtract_size(into, b, into);
        into->is_negative = is_negative;
    }
    trim(into);
}

void big_add(struct big *into, const struct big *b) { add_signed(into, b, b->is_negative); }
void big_subtract(struct big *into, const struct big *b) { add_signed(into, b, !b->is_negative); }

/* ---- products ---- */

void big_times(struct big *into, uint64_t factor)
{
    uint64_t carry = 0;
    for (uint32_t k = 0; k < into->n; k++) {
        uwide product = (uwide)into->word[k] * factor + carry;
        into->word[k] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    if (carry) {
        assert(into->n < BIG_WORDS);
        into->word[into->n++] = carry;
    }
    trim(into);
}

void big_times_ten(struct big *into, uint32_t power)
{
    for (; power; power -= power < 19 ? power : 19)
        big_times(into, (uint64_t)whole_ten(power < 19 ? power : 19));
}

void big_multiply(const struct big *a, const struct big *b, struct big *ret_product)
{
    struct big *p = ret_product;
    assert(a->n + b->n <= BIG_WORDS);
    p->n = a->n && b->n ? a->n + b->n : 0;
    p->exponent = a->exponent + b->exponent;
    p->is_negative = a->is_negative != b->is_negative;
    memset(p->word, 0, p->n * sizeof *p->word);
    for (uint32_t j = 0; p->n && j < b->n; j++) {
        uint64_t carry = 0;
        for (uint32_t k = 0; k < a->n; k++) {
            uwide sum = (uwide)a->word[k] * b->word[j] + p->word[j + k] + carry;
            p->word[j + k] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        p->word[j + a->n] = carry;
    }
    trim(p);
}

/* ---- quotients ---- */

/* A quotient cut to its highest bits: value = bits * 2^exponent, and a little more if is_more. */
struct cut {
    uwide bits;
    int exponent;
    bool is_more;
};

/* One word of the quotient: rest (n + 1 words) -= q * den (n words, the highest bit set); algorithm D, steps D3 to D6. */
static uint64_t divide_step(uint64_t *rest, const uint64_t *den, uint32_t n)
{
    uwide top = (uwide)rest[n] << 64 | rest[n - 1];
    uwide q = rest[n] >= den[n - 1] ? UINT64_MAX : top / den[n - 1];
    uwide left = top - q * den[n - 1];
    while (n > 1 && left <= UINT64_MAX && q * den[n - 2] > (left << 64 | rest[n - 2])) {
        q--;
        left += den[n - 1];
    }
    uint64_t carry = 0, borrow = 0;
    for (uint32_t k = 0; k <= n; k++) {
        uwide product = (k < n ? q * den[k] : 0) + carry;
        uwide difference = (uwide)rest[k] - (uint64_t)product - borrow;
        carry = (uint64_t)(product >> 64);
        rest[k] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    if (!borrow)
        return (uint64_t)q;
    carry = 0;
    for (uint32_t k = 0; k <= n; k++) {
        uwide sum = (uwide)rest[k] + (k < n ? den[k] : 0) + carry;
        rest[k] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    return (uint64_t)q - 1;
}

/* With 126 to 128 bits. num is not 0. */
static struct cut divide(const struct big *num, const struct big *den)
{
    struct big rest, by;
    big_copy(&rest, num);
    big_copy(&by, den);
    shift_up(&by, (uint32_t)__builtin_clzll(by.word[by.n - 1]));
    int up = 127 + bits_of(&by) - bits_of(&rest);
    if (up < 0) {               /* whole words, so that the highest bit of `by` stays where it is */
        shift_up(&by, (uint32_t)((-up + 63) / 64 * 64));
        up = 127 + bits_of(&by) - bits_of(&rest);
    }
    shift_up(&rest, (uint32_t)up);
    /* rest has 127 bits more than by: n + 2 words, and the quotient lies in (2^126, 2^128). */
    for (uint32_t k = rest.n; k < by.n + 2; k++)
        rest.word[k] = 0;
    uint64_t high = divide_step(rest.word + 1, by.word, by.n), low = divide_step(rest.word, by.word, by.n);
    struct cut cut = { (uwide)high << 64 | low, 0, false };
    for (uint32_t k = 0; k < by.n; k++)
        cut.is_more |= rest.word[k] != 0;
    /* num / den = (rest / 2^up) / (by / 2^moved), in units of their exponents */
    int moved = bits_of(&by) - bits_of(den);
    cut.exponent = num->exponent - den->exponent - up + moved;
    return cut;
}

static double nearest(struct cut cut)
{
    int bits = whole_bits(cut.bits), highest = cut.exponent + bits - 1;
    int kept = highest >= -1022 ? 53 : 53 + 1022 + highest;
    if (kept < 0)
        return 0;
    if (highest > 1023)
        return DBL_MAX;
    int drop = bits - kept;
    uwide rest = drop >= 128 ? cut.bits : cut.bits & (((uwide)1 << drop) - 1), half = (uwide)1 << (drop - 1);
    uint64_t mantissa = drop >= 128 ? 0 : (uint64_t)(cut.bits >> drop);
    if (rest > half || (rest == half && (cut.is_more || mantissa & 1)))
        mantissa++;
    double value = ldexp((double)mantissa, cut.exponent + drop);
    return value > DBL_MAX ? DBL_MAX : value;
}

double big_ratio(const struct big *num, const struct big *den)
{
    if (!num->n)
        return 0;
    double size = nearest(divide(num, den));
    return num->is_negative != den->is_negative ? -size : size;
}

/* Digit by digit: the largest r with r * r <= v. */
static uint64_t whole_root(uwide v, bool *ret_is_more)
{
    uwide root = 0, rest = v;
    for (uwide bit = (uwide)1 << 126; bit; bit >>= 2) {
        bool is_set = rest >= root + bit;
        if (is_set)
            rest -= root + bit;
        root = (root >> 1) + (is_set ? bit : 0);
    }
    *ret_is_more = rest != 0;
    return (uint64_t)root;
}

double big_root(const struct big *num, const struct big *den)
{
    if (!num->n)
        return 0;
    struct cut cut = divide(num, den);
    if (cut.exponent & 1) {
        cut.is_more |= cut.bits & 1;
        cut.bits >>= 1;
        cut.exponent++;
    }
    bool is_more;
    uint64_t root = whole_root(cut.bits, &is_more);
    return nearest((struct cut){ root, cut.exponent / 2, is_more || cut.is_more });
}

/* ---- decimals ---- */

static uint64_t divide_small(struct big *b, uint64_t by)
{
    uint64_t rest = 0;
    for (uint32_t k = b->n; k-- > 0;) {
        uwide part = (uwide)rest << 64 | b->word[k];
        b->word[k] = (uint64_t)(part / by);
        rest = (uint64_t)(part % by);
    }
    trim(b);
    return rest;
}

/* Takes zeros off its end until it has 128 bits, then tries. */
bool big_decimal(struct big *b, uint32_t power, struct value *ret_value)
{
    if (b->n && b->exponent)
        return false;
    bool is_negative = b->is_negative;
    for (; b->n > 2 && power; power--)
        if (divide_small(b, 10) != 0)
            return false;
    uwide size = (b->n > 0 ? b->word[0] : 0) | (uwide)(b->n > 1 ? b->word[1] : 0) << 64;
    if (b->n > 2)
        return false;
    for (; power && size && size % 10 == 0; power--)
        size /= 10;
    if (size >= whole_ten(WHOLE_DIGITS) || power > SCALE_MAX)
        return false;
    wide number = is_negative ? -(wide)size : (wide)size;
    *ret_value = (struct value){ .kind = VALUE_NUMBER, .scale = (uint8_t)(size ? power : 0), .number = number };
    return true;
}
