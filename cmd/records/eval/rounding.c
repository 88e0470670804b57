/* rounding.c - floor, ceil and round: exact on decimals, halves away from zero. */
#include "records/eval/kernels.h"
#include "records/eval/loops.h"
#include "records/eval/numbers.h"
#include "records/eval/present.h"

#include <math.h>
#include <string.h>

enum direction { DOWN, UP, NEAREST };

/* ---- exact --------------------------------------------------------------------------------------------------------------- */

/* value / 10^power, rounded; the power is at least 10. */
static wide divided(wide value, wide power, enum direction direction)
{
    wide whole = value / power, rest = value % power;
    if (direction == DOWN)
        return whole - (rest < 0);
    if (direction == UP)
        return whole + (rest > 0);
    return whole + (rest >= power / 2) - (-rest >= power / 2);
}

/* As doubles, where these are exact: below 2^51 no quotient is rounded to a whole number that it is not. `half` is added to magnitudes
 * before they are cut off. */
KERNEL static void floor_ints(const int64_t *restrict a, double power, int64_t *restrict r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        r[i] = (int64_t)__builtin_floor((double)a[i] / power);
}

KERNEL static void ceil_ints(const int64_t *restrict a, double power, int64_t *restrict r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        r[i] = (int64_t)__builtin_ceil((double)a[i] / power);
}

KERNEL static void round_ints(const int64_t *restrict a, double power, int64_t *restrict r, uint32_t n)
{
    double half = power / 2;
    for (uint32_t i = 0; i < n; i++) {
        double x = (double)a[i];
        r[i] = (int64_t)((x < 0 ? x - half : x + half) / power);
    }
}

static void round_small(const struct vec *a, double power, enum direction direction, int64_t *r, uint32_t n)
{
    if (direction == DOWN)
        floor_ints(a->i, power, r, n);
    else if (direction == UP)
        ceil_ints(a->i, power, r, n);
    else
        round_ints(a->i, power, r, n);
}

/* Decimals at `scale` to `digits` behind the point, which are fewer. False: more than 38 digits (of 10^37 rounded to hundreds ...). */
static bool round_wide(const struct vec *a, int32_t digits, enum direction direction, wide *r, uint32_t n)
{
    uint32_t cut = (uint32_t)(a->scale - digits), back = digits < 0 ? (uint32_t)-digits : 0;
    bool fits = true;
    for (uint32_t i = 0; i < n; i++) {
        wide value = a->kind == VEC_INT ? a->i[i] : a->w[i];
        wide rounded = cut > SCALE_MAX ? 0 : divided(value, numbers_power(cut), direction);
        fits &= numbers_scaled(rounded, back, &r[i]);
    }
    return fits;
}

static void copy(const struct vec *a, struct vec *out, uint32_t n)
{
    size_t size = a->kind == VEC_WIDE ? sizeof *a->w : sizeof *a->i;
    out->kind = a->kind;
    out->scale = a->scale;
    out->most = a->most;
    memcpy(out->i, a->i, n * size);
}

/* ---- reals --------------------------------------------------------------------------------------------------------------- */

/* A double with digits behind the point is itself rounded: what is rounded here is that double times the power. */
static double round_real(double x, int32_t digits)
{
    double power = (double)numbers_power((uint32_t)(digits < 0 ? -digits : digits));
    double scaled = digits < 0 ? x / power : x * power;
    if (!isfinite(scaled) || fabs(scaled) >= 0x1p52)
        return x;
    return digits < 0 ? round(scaled) * power : round(scaled) / power;
}

static int reals(struct work *w, const struct vec *a, int32_t digits, enum direction direction, struct vec *out)
{
    struct vec store;
    const struct vec *p = numbers_as_real(w, a, 0, &store);
    for (uint32_t i = 0; i < w->n; i++)
        out->r[i] = direction == DOWN ? floor(p->r[i]) : direction == UP ? ceil(p->r[i]) : round_real(p->r[i], digits);
    out->kind = VEC_REAL;
    out->scale = 0;
    numbers_settle(w, out);
    return 0;
}

/* ---- both ---------------------------------------------------------------------------------------------------------------- */

static int rounded(struct work *w, const struct vec *a, int32_t digits, enum direction direction, struct vec *out)
{
    present_all(w->n, &a, 1, out);
    if (a->kind == VEC_REAL)
        return reals(w, a, digits, direction, out);
    if (digits >= a->scale) {
        copy(a, out, w->n);
        return 0;
    }
    uint32_t cut = (uint32_t)(a->scale - digits);
    out->scale = (uint8_t)(digits > 0 ? digits : 0);
    if (a->kind == VEC_INT && a->most >> 51 == 0 && cut <= 15 && digits >= 0) {
        round_small(a, (double)numbers_power(cut), direction, out->i, w->n);
        out->kind = VEC_INT;
        out->most = a->most / (uint64_t)numbers_power(cut) + 1;
        return 0;
    }
    if (!round_wide(a, digits, direction, out->w, w->n))
        return reals(w, a, digits, direction, out);
    out->kind = VEC_WIDE;
    numbers_narrow(w->n, out);
    return 0;
}

int kernel_floor(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return rounded(w, a[0], 0, DOWN, out);
}

int kernel_ceil(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return rounded(w, a[0], 0, UP, out);
}

int kernel_round(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    return rounded(w, a[0], step->param, NEAREST, out);
}
