/* numbers.c - INT to WIDE to REAL: each step is taken for a whole batch, by its bound where there is one, so that loops need not look. */
#include "records/eval/numbers.h"

#include "records/eval/present.h"
#include "records/number.h"

#include <string.h>

/* Powers of ten up to 10^22 are exact doubles, and so are integers below 2^53: their quotient is rounded once. */
static const double exact_power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
                                      1e18, 1e19, 1e20, 1e21, 1e22 };
enum { EXACT_POWER_MAX = 22, EXACT_BITS = 53, POWERS_64 = 19 };

wide numbers_power(uint32_t n)
{
    wide power = 1;
    static const int64_t power_64[POWERS_64] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
        100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
        1000000000000000000 };
    for (; n >= POWERS_64; n -= POWERS_64 - 1)
        power *= power_64[POWERS_64 - 1];
    return power * power_64[n];
}

wide numbers_most(void)
{
    return numbers_power(SCALE_MAX) - 1;
}

static wide_unsigned magnitude(wide value)
{
    return value < 0 ? -(wide_unsigned)value : (wide_unsigned)value;
}

bool numbers_scaled(wide value, uint32_t power, wide *ret_value)
{
    if (power > SCALE_MAX) {
        *ret_value = 0;
        return value == 0;
    }
    return numbers_product(value, numbers_power(power), ret_value);
}

/* By halves of 64 bits. At least one of the upper halves is 0, or the product has more than 128 bits. */
bool numbers_product(wide a, wide b, wide *ret_product)
{
    wide_unsigned x = magnitude(a), y = magnitude(b), most = (wide_unsigned)numbers_most();
    uint64_t x_high = (uint64_t)(x >> 64), y_high = (uint64_t)(y >> 64);
    if (x_high && y_high)
        return false;
    wide_unsigned cross = (wide_unsigned)x_high * (uint64_t)y + (wide_unsigned)y_high * (uint64_t)x;
    if (cross >> 63)
        return false;
    wide_unsigned product = (wide_unsigned)(uint64_t)x * (uint64_t)y;       /* below 2^128, and cross << 64 below 2^127 */
    if (product > most || (cross << 64) > most - product)
        return false;
    product += cross << 64;
    *ret_product = (a < 0) != (b < 0) ? -(wide)product : (wide)product;
    return true;
}

bool numbers_bound(uint64_t most, uint64_t by, uint64_t *ret_most)
{
    return !__builtin_mul_overflow(most, by, ret_most) && *ret_most <= INT64_MAX;
}

/* ---- reals --------------------------------------------------------------------------------------------------------------- */

KERNEL static void ints_to_reals(const int64_t *restrict from, double power, double *restrict to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = (double)from[i] / power;
}

KERNEL static void whole_to_reals(const int64_t *restrict from, double *restrict to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = (double)from[i];
}

static struct vec in_room(const struct work *w, const struct vec *v, enum vec_kind kind, uint8_t scale, int k)
{
    struct vec store = *v;
    store.kind = (uint8_t)kind;
    store.scale = scale;
    store.i = w->room[k].values;
    return store;
}

const struct vec *numbers_as_real(struct work *w, const struct vec *v, int k, struct vec *store)
{
    if (v->kind == VEC_REAL)
        return v;
    uint32_t n = v->is_constant ? 1 : w->n;
    *store = in_room(w, v, VEC_REAL, 0, k);
    if (v->kind == VEC_INT && v->scale == 0)
        whole_to_reals(v->i, store->r, n);
    else if (v->kind == VEC_INT && v->most >> EXACT_BITS == 0 && v->scale <= EXACT_POWER_MAX)
        ints_to_reals(v->i, exact_power[v->scale], store->r, n);
    else
        for (uint32_t i = 0; i < n; i++)
            store->r[i] = number_real(v->kind == VEC_INT ? v->i[i] : v->w[i], v->scale);
    return store;
}

/* ---- exact --------------------------------------------------------------------------------------------------------------- */

KERNEL static void scale_ints(const int64_t *restrict from, int64_t power, int64_t *restrict to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = from[i] * power;
}

/* NULL: 64 bits may not do. */
static const struct vec *as_int(struct work *w, const struct vec *v, uint8_t scale, int k, struct vec *store)
{
    uint64_t most;
    if (v->kind != VEC_INT || scale - v->scale >= POWERS_64)
        return NULL;
    if (v->scale == scale)
        return v;
    int64_t power = (int64_t)numbers_power((uint32_t)(scale - v->scale));
    if (!numbers_bound(v->most, (uint64_t)power, &most))
        return NULL;
    *store = in_room(w, v, VEC_INT, scale, k);
    store->most = most;
    scale_ints(v->i, power, store->i, v->is_constant ? 1 : w->n);
    return store;
}

const struct vec *numbers_as_wide(struct work *w, const struct vec *v, uint8_t scale, int k, struct vec *store)
{
    uint32_t n = v->is_constant ? 1 : w->n, power = (uint32_t)(scale - v->scale);
    if (v->kind == VEC_WIDE && power == 0)
        return v;
    *store = in_room(w, v, VEC_WIDE, scale, k);
    bool fits = true;
    for (uint32_t i = 0; i < n && power == 0; i++)
        store->w[i] = v->i[i];
    for (uint32_t i = 0; i < n && power > 0; i++)
        fits &= numbers_scaled(v->kind == VEC_INT ? v->i[i] : v->w[i], power, &store->w[i]);
    return fits ? store : NULL;
}

enum vec_kind numbers_pair(struct work *w, const struct vec *const a[2], struct vec store[2], const struct vec *ret_pair[2])
{
    if (a[0]->kind != VEC_REAL && a[1]->kind != VEC_REAL) {
        uint8_t scale = a[0]->scale > a[1]->scale ? a[0]->scale : a[1]->scale;
        for (int k = 0; k < 2; k++)
            ret_pair[k] = as_int(w, a[k], scale, k, &store[k]);
        if (ret_pair[0] && ret_pair[1])
            return VEC_INT;
        for (int k = 0; k < 2; k++)
            ret_pair[k] = numbers_as_wide(w, a[k], scale, k, &store[k]);
        if (ret_pair[0] && ret_pair[1])
            return VEC_WIDE;
    }
    for (int k = 0; k < 2; k++)
        ret_pair[k] = numbers_as_real(w, a[k], k, &store[k]);
    return VEC_REAL;
}

/* ---- results ------------------------------------------------------------------------------------------------------------- */

void numbers_narrow(uint32_t n, struct vec *out)
{
    wide_unsigned any = 0;
    for (uint32_t i = 0; i < n; i++)
        any |= magnitude(out->w[i]);
    if (any > INT64_MAX)
        return;
    out->most = (uint64_t)any;          /* not less than any of them */
    out->kind = VEC_INT;
    for (uint32_t i = 0; i < n; i++) {
        int64_t value;                  /* over the wide values: by bytes, as they are of another type */
        wide wider;
        memcpy(&wider, (char *)out->w + i * sizeof wider, sizeof wider);
        value = (int64_t)wider;
        memcpy((char *)out->w + i * sizeof value, &value, sizeof value);
    }
}

static const uint64_t exponent_bits = UINT64_C(0x7ff0000000000000);

/* Adding 0 takes the sign from zero. */
KERNEL static uint64_t unsign(double *restrict r, uint32_t n)
{
    uint64_t not_finite = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bits;
        r[i] += 0.0;
        memcpy(&bits, &r[i], sizeof bits);
        not_finite |= (bits & exponent_bits) == exponent_bits;
    }
    return not_finite;
}

void numbers_settle(struct work *w, struct vec *out)
{
    uint32_t undefined = 0, first = 0;
    present_blank(w->n, out);
    if (!unsign(out->r, w->n))
        return;
    for (uint32_t i = 0; i < w->n; i++) {
        if (__builtin_isfinite(out->r[i]))
            continue;
        if (undefined++ == 0)
            first = i;
        present_drop(w->n, out, i);
    }
    work_undefined(w, undefined, first);
}
