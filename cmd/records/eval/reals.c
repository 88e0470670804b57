/* reals.c - what has no exact result: quotients, roots, logarithms, angles. Each result is rounded from exact operands, or as good as the
 * C library's function is. */
#include "records/eval/kernels.h"
#include "records/eval/loops.h"
#include "records/eval/numbers.h"
#include "records/eval/present.h"
#include "records/number.h"

#include <math.h>

LOOPS(div_reals, double, double, x / y)
LOOP(sqrt_reals, double, double, __builtin_sqrt(x))

static int done(struct work *w, struct vec *out)
{
    out->kind = VEC_REAL;
    out->scale = 0;
    numbers_settle(w, out);
    return 0;
}

/* ---- / ------------------------------------------------------------------------------------------------------------------- */

enum { EXACT_BITS = 53 };

/* Mantissas times powers that bring both to one scale: below 2^53 these are exact doubles, and their quotient is rounded once. */
KERNEL static void ints_times(const int64_t *restrict from, double power, double *restrict to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = (double)from[i] * power;
}

static bool stays_exact(const struct vec *v, uint32_t power)
{
    uint64_t most;
    return v->kind == VEC_INT && power <= 15 && numbers_bound(v->most, (uint64_t)numbers_power(power), &most) && most >> EXACT_BITS == 0;
}

static wide mantissa(const struct vec *v, size_t i)
{
    return v->kind == VEC_INT ? v->i[i] : v->w[i];
}

static bool is_exact_real(wide value)
{
    return value > -((wide)1 << EXACT_BITS) && value < (wide)1 << EXACT_BITS;
}

/* Row by row: what a row gives does not depend on its neighbours. */
static double quotient(wide a, uint8_t a_scale, wide b, uint8_t b_scale)
{
    wide x, y;
    uint32_t a_power = b_scale > a_scale ? b_scale - a_scale : 0, b_power = a_scale > b_scale ? a_scale - b_scale : 0;
    if (numbers_scaled(a, a_power, &x) && numbers_scaled(b, b_power, &y) && is_exact_real(x) && is_exact_real(y))
        return (double)x / (double)y;
    return number_real(a, a_scale) / number_real(b, b_scale);
}

int kernel_div(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    struct vec store[2];
    const struct vec *p[2];
    uint8_t scale = a[0]->scale > a[1]->scale ? a[0]->scale : a[1]->scale;
    present_all(w->n, a, 2, out);
    if (a[0]->kind == VEC_REAL || a[1]->kind == VEC_REAL) {
        for (int k = 0; k < 2; k++)
            p[k] = numbers_as_real(w, a[k], k, &store[k]);
        div_reals(p[0]->r, p[0]->is_constant, p[1]->r, p[1]->is_constant, out->r, w->n);
    } else if (stays_exact(a[0], scale - a[0]->scale) && stays_exact(a[1], scale - a[1]->scale)) {
        for (int k = 0; k < 2; k++)
            ints_times(a[k]->i, (double)numbers_power(scale - a[k]->scale), w->room[k].values, a[k]->is_constant ? 1 : w->n);
        div_reals(w->room[0].values, a[0]->is_constant, w->room[1].values, a[1]->is_constant, out->r, w->n);
    } else
        for (uint32_t i = 0; i < w->n; i++)
            out->r[i] = quotient(mantissa(a[0], i * stride(a[0])), a[0]->scale, mantissa(a[1], i * stride(a[1])), a[1]->scale);
    return done(w, out);
}

/* ---- functions ----------------------------------------------------------------------------------------------------------- */

static int with_two(struct work *w, const struct vec *const a[], double function(double x, double y), struct vec *out)
{
    struct vec store[2];
    const struct vec *p[2];
    present_all(w->n, a, 2, out);
    for (int k = 0; k < 2; k++)
        p[k] = numbers_as_real(w, a[k], k, &store[k]);
    size_t x = stride(p[0]), y = stride(p[1]);
    for (uint32_t i = 0; i < w->n; i++)
        out->r[i] = function(p[0]->r[i * x], p[1]->r[i * y]);
    return done(w, out);
}

int kernel_pow(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return with_two(w, a, pow, out);
}

int kernel_atan2(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return with_two(w, a, atan2, out);
}

int kernel_sqrt(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    struct vec store;
    present_all(w->n, a, 1, out);
    sqrt_reals(numbers_as_real(w, a[0], 0, &store)->r, out->r, w->n);
    return done(w, out);
}

#define FUNCTION(kernel, function) \
    int kernel(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out) \
    { \
        (void)step; \
        struct vec store; \
        present_all(w->n, a, 1, out); \
        const struct vec *p = numbers_as_real(w, a[0], 0, &store); \
        for (uint32_t i = 0; i < w->n; i++) \
            out->r[i] = function(p->r[i]); \
        return done(w, out); \
    }
FUNCTION(kernel_cbrt, cbrt)
FUNCTION(kernel_exp, exp)
FUNCTION(kernel_ln, log)
FUNCTION(kernel_log10, log10)
FUNCTION(kernel_log2, log2)
FUNCTION(kernel_sin, sin)
FUNCTION(kernel_cos, cos)
FUNCTION(kernel_tan, tan)
