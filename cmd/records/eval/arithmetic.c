/* arithmetic.c - what is exact on decimals: + - * % and powers with whole exponents.
 *
 * Each tries INT by its bounds, then WIDE by looking at each result, then REAL. */
#include "records/eval/kernels.h"
#include "records/eval/loops.h"
#include "records/eval/numbers.h"
#include "records/eval/present.h"

#include <math.h>

LOOPS(add_ints, int64_t, int64_t, x + y)
LOOPS(sub_ints, int64_t, int64_t, x - y)
LOOPS(mul_ints, int64_t, int64_t, x * y)
LOOPS(add_reals, double, double, x + y)
LOOPS(sub_reals, double, double, x - y)
LOOPS(mul_reals, double, double, x * y)
LOOP(neg_ints, int64_t, int64_t, -x)
LOOP(abs_ints, int64_t, int64_t, x < 0 ? -x : x)
LOOP(neg_reals, double, double, 0 - x)
LOOP(abs_reals, double, double, x < 0 ? 0 - x : x)
LOOP(number_bools, uint8_t, int64_t, x)

/* ---- results ------------------------------------------------------------------------------------------------------------- */

static int done_int(struct work *w, struct vec *out, uint8_t scale, uint64_t most)
{
    out->kind = VEC_INT;
    out->scale = scale;
    out->most = most;
    present_blank(w->n, out);
    return 0;
}

static int done_wide(struct work *w, struct vec *out, uint8_t scale)
{
    out->kind = VEC_WIDE;
    out->scale = scale;
    present_blank(w->n, out);
    numbers_narrow(w->n, out);
    return 0;
}

static int done_real(struct work *w, struct vec *out)
{
    out->kind = VEC_REAL;
    out->scale = 0;
    numbers_settle(w, out);
    return 0;
}

static bool is_within(wide value)
{
    return value <= numbers_most() && value >= -numbers_most();
}

/* ---- + and - ------------------------------------------------------------------------------------------------------------- */

static bool add_wides(const struct vec *a, const struct vec *b, bool is_sub, wide *r, uint32_t n)
{
    size_t x = stride(a), y = stride(b);
    bool fits = true;
    for (uint32_t i = 0; i < n; i++)
        fits &= !__builtin_add_overflow(a->w[i * x], is_sub ? -b->w[i * y] : b->w[i * y], &r[i]) && is_within(r[i]);
    return fits;
}

static int sum(struct work *w, const struct vec *const a[2], bool is_sub, struct vec *out)
{
    struct vec store[2];
    const struct vec *p[2];
    uint64_t most;
    present_all(w->n, a, 2, out);
    enum vec_kind kind = numbers_pair(w, a, store, p);
    uint8_t scale = p[0]->scale;
    if (kind == VEC_INT && !__builtin_add_overflow(p[0]->most, p[1]->most, &most) && most <= INT64_MAX) {
        (is_sub ? sub_ints : add_ints)(p[0]->i, p[0]->is_constant, p[1]->i, p[1]->is_constant, out->i, w->n);
        return done_int(w, out, scale, most);
    }
    if (kind != VEC_REAL) {
        for (int k = 0; k < 2; k++)
            p[k] = numbers_as_wide(w, a[k], scale, k, &store[k]);
        if (p[0] && p[1] && add_wides(p[0], p[1], is_sub, out->w, w->n))
            return done_wide(w, out, scale);
    }
    for (int k = 0; k < 2; k++)
        p[k] = numbers_as_real(w, a[k], k, &store[k]);
    (is_sub ? sub_reals : add_reals)(p[0]->r, p[0]->is_constant, p[1]->r, p[1]->is_constant, out->r, w->n);
    return done_real(w, out);
}

int kernel_add(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return sum(w, a, false, out);
}

int kernel_sub(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return sum(w, a, true, out);
}

/* ---- * ------------------------------------------------------------------------------------------------------------------- */

/* Two of 64 bits have a product below 2^126, which is below 38 digits. */
static bool mul_wides(const struct vec *a, const struct vec *b, wide *r, uint32_t n)
{
    size_t x = stride(a), y = stride(b);
    bool fits = true;
    if (a->kind == VEC_INT && b->kind == VEC_INT)
        for (uint32_t i = 0; i < n; i++)
            r[i] = (wide)a->i[i * x] * b->i[i * y];
    else
        for (uint32_t i = 0; i < n; i++)
            fits &= numbers_product(a->kind == VEC_INT ? a->i[i * x] : a->w[i * x], b->kind == VEC_INT ? b->i[i * y] : b->w[i * y], &r[i]);
    return fits;
}

int kernel_mul(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    struct vec store[2];
    const struct vec *p[2];
    uint64_t most;
    uint32_t scale = (uint32_t)a[0]->scale + a[1]->scale;
    bool is_exact = a[0]->kind != VEC_REAL && a[1]->kind != VEC_REAL && scale <= SCALE_MAX;
    present_all(w->n, a, 2, out);
    if (is_exact && a[0]->kind == VEC_INT && a[1]->kind == VEC_INT && numbers_bound(a[0]->most, a[1]->most, &most)) {
        mul_ints(a[0]->i, a[0]->is_constant, a[1]->i, a[1]->is_constant, out->i, w->n);
        return done_int(w, out, (uint8_t)scale, most);
    }
    if (is_exact && mul_wides(a[0], a[1], out->w, w->n))
        return done_wide(w, out, (uint8_t)scale);
    for (int k = 0; k < 2; k++)
        p[k] = numbers_as_real(w, a[k], k, &store[k]);
    mul_reals(p[0]->r, p[0]->is_constant, p[1]->r, p[1]->is_constant, out->r, w->n);
    return done_real(w, out);
}

/* ---- % ------------------------------------------------------------------------------------------------------------------- */

static void drop_divided_by_zero(struct work *w, const struct vec *divisor, struct vec *out)
{
    size_t y = stride(divisor);
    uint32_t undefined = 0, first = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        bool is_zero = divisor->kind == VEC_INT ? divisor->i[i * y] == 0 : divisor->w[i * y] == 0;
        if (!is_zero || !vec_has(out, i))
            continue;
        if (undefined++ == 0)
            first = i;
        present_drop(w->n, out, i);
    }
    work_undefined(w, undefined, first);
}

/* By -1 nothing is left; the processor would trap where the dividend has no opposite. */
static void mod_ints(const struct vec *a, const struct vec *b, int64_t *r, uint32_t n)
{
    size_t x = stride(a), y = stride(b);
    for (uint32_t i = 0; i < n; i++) {
        int64_t by = b->i[i * y];
        r[i] = by == 0 || by == -1 ? 0 : a->i[i * x] % by;
    }
}

static void mod_wides(const struct vec *a, const struct vec *b, wide *r, uint32_t n)
{
    size_t x = stride(a), y = stride(b);
    for (uint32_t i = 0; i < n; i++) {
        wide by = b->w[i * y];
        r[i] = by == 0 ? 0 : a->w[i * x] % by;
    }
}

int kernel_mod(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    struct vec store[2];
    const struct vec *p[2];
    present_all(w->n, a, 2, out);
    enum vec_kind kind = numbers_pair(w, a, store, p);
    if (kind == VEC_REAL) {
        size_t x = stride(p[0]), y = stride(p[1]);
        for (uint32_t i = 0; i < w->n; i++)
            out->r[i] = fmod(p[0]->r[i * x], p[1]->r[i * y]);
        return done_real(w, out);
    }
    uint64_t most = p[0]->most;
    if (kind == VEC_INT)
        mod_ints(p[0], p[1], out->i, w->n);
    else
        mod_wides(p[0], p[1], out->w, w->n);
    (void)(kind == VEC_INT ? done_int(w, out, p[0]->scale, most) : done_wide(w, out, p[0]->scale));
    drop_divided_by_zero(w, p[1], out);
    return 0;
}

/* ---- one operand --------------------------------------------------------------------------------------------------------- */

int kernel_number(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    present_all(w->n, a, 1, out);
    number_bools(a[0]->b, out->i, w->n);
    return done_int(w, out, 0, 1);
}

/* -x, or only where x is below 0. The opposite of the least int is wide. */
static int opposite(struct work *w, const struct vec *a, bool is_abs, struct vec *out)
{
    struct vec store;
    present_all(w->n, &a, 1, out);
    if (a->kind == VEC_REAL) {
        (is_abs ? abs_reals : neg_reals)(a->r, out->r, w->n);
        return done_real(w, out);
    }
    if (a->kind == VEC_INT && a->most <= INT64_MAX) {
        (is_abs ? abs_ints : neg_ints)(a->i, out->i, w->n);
        return done_int(w, out, a->scale, a->most);
    }
    const struct vec *p = numbers_as_wide(w, a, a->scale, 0, &store);
    for (uint32_t i = 0; i < w->n; i++)
        out->w[i] = is_abs && p->w[i] >= 0 ? p->w[i] : -p->w[i];
    return done_wide(w, out, a->scale);
}

int kernel_neg(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return opposite(w, a[0], false, out);
}

int kernel_abs(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return opposite(w, a[0], true, out);
}

/* ---- powers -------------------------------------------------------------------------------------------------------------- */

static bool bound_of_power(uint64_t most, uint32_t exponent, uint64_t *ret_most)
{
    *ret_most = 1;
    for (uint32_t i = 0; i < exponent; i++)
        if (!numbers_bound(*ret_most, most, ret_most))
            return false;
    return true;
}

/* Multiplied in the order of squaring; the bound says that nothing is too large. */
static void power_ints(const int64_t *a, uint32_t exponent, int64_t *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t power = 1, square = a[i];
        for (uint32_t left = exponent; left; left >>= 1) {
            power = left & 1 ? power * square : power;
            square = left > 1 ? square * square : square;
        }
        r[i] = power;
    }
}

static bool power_wides(const struct vec *a, uint32_t exponent, wide *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        wide base = a->kind == VEC_INT ? a->i[i] : a->w[i];
        r[i] = 1;
        for (uint32_t k = 0; k < exponent; k++)
            if (!numbers_product(r[i], base, &r[i]))
                return false;
    }
    return true;
}

int kernel_power(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    struct vec store;
    uint64_t most;
    uint32_t exponent = (uint32_t)step->param, scale = a[0]->scale * exponent;
    bool is_exact = a[0]->kind != VEC_REAL && scale <= SCALE_MAX;
    present_all(w->n, a, 1, out);
    if (is_exact && a[0]->kind == VEC_INT && bound_of_power(a[0]->most, exponent, &most)) {
        if (exponent == 2)
            mul_ints(a[0]->i, false, a[0]->i, false, out->i, w->n);
        else
            power_ints(a[0]->i, exponent, out->i, w->n);
        return done_int(w, out, (uint8_t)scale, most);
    }
    if (is_exact && power_wides(a[0], exponent, out->w, w->n))
        return done_wide(w, out, (uint8_t)scale);
    const struct vec *p = numbers_as_real(w, a[0], 0, &store);
    for (uint32_t i = 0; i < w->n; i++)
        out->r[i] = exponent == 2 ? p->r[i] * p->r[i] : pow(p->r[i], exponent);
    return done_real(w, out);
}
