/* sum.c - exact sums of one argument, and of the products of two (or of one with itself). */
#include "records/aggregate/exact.h"

#include <errno.h>

static int sum_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    switch (x->kind) {
    case VEC_INT: return exact_add_ints(c, x->i, x->most, x->scale, s);
    case VEC_WIDE: return exact_add_wides(c, x->w, x->scale, s);
    case VEC_REAL: return exact_add_reals(c, x->r, s);
    default: return 0;
    }
}

/* ---- products ---- */

static int add_small_products(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    int64_t product[BATCH_ROWS];
    for (uint32_t i = 0; i < s->n; i++)
        product[i] = x->i[i] * y->i[i];
    return exact_add_ints(c, product, x->most * y->most, (uint32_t)x->scale + y->scale, s);
}

static int add_int_products(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    wide product[BATCH_ROWS];
    for (uint32_t i = 0; i < s->n; i++)
        product[i] = (wide)x->i[i] * y->i[i];
    return exact_add_wides(c, product, (uint32_t)x->scale + y->scale, s);
}

static struct fixed wide_product(wide x, wide y)
{
    uwide a = whole_size(x), b = whole_size(y);
    bool is_negative = (x < 0) != (y < 0);
    struct fixed f = { { 0 } };
    fixed_add_shifted(&f, (uwide)(uint64_t)a * (uint64_t)b, 0, is_negative);
    fixed_add_shifted(&f, (a >> 64) * (uint64_t)b, 64, is_negative);
    fixed_add_shifted(&f, (uwide)(uint64_t)a * (uint64_t)(b >> 64), 64, is_negative);
    fixed_add_shifted(&f, (a >> 64) * (b >> 64), 128, is_negative);
    return f;
}

static wide wide_at(const struct input *in, uint32_t row) { return in->kind == VEC_INT ? in->i[row] : in->w[row]; }

static int add_wide_products(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    uint32_t scale = (uint32_t)x->scale + y->scale;
    if (c->head.scale_most < (int)scale)
        c->head.scale_most = (int16_t)scale;
    int r = 0;
    for (uint32_t i = 0; i < s->n && r == 0; i++) {
        struct fixed f = wide_product(wide_at(x, i), wide_at(y, i));
        if (!fixed_is_zero(&f))
            r = exact_add_class(c, share_of(s, i), CLASS_WHOLE + scale, &f);
    }
    return r;
}

/* Mantissas are multiplied as whole numbers: unlike a product split in two doubles this can neither overflow nor underflow. */
static int add_real_products(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    if (!exact_choose_window(c, x->r, y->r, s->n))
        return 0;
    if (!column_reach(c, EXACT_REAL, s->n_groups, sizeof(struct fixed)))
        return -ENOMEM;
    int r = 0;
    for (uint32_t i = 0; i < s->n && r == 0; i++) {
        int ex, ey;
        uint64_t mx = real_mantissa(x->r[i], &ex), my = real_mantissa(y->r[i], &ey);
        r = exact_add_real(c, share_of(s, i), (uwide)mx * my, ex + ey, (x->r[i] < 0) != (y->r[i] < 0));
    }
    return r;
}

/* The inputs of a pair are both real or both not (input.h). */
static int product_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    if (x->kind == VEC_REAL && y->kind == VEC_REAL)
        return add_real_products(c, x, y, s);
    if (x->kind > VEC_WIDE || y->kind > VEC_WIDE)
        return 0;
    if (x->kind == VEC_WIDE || y->kind == VEC_WIDE)
        return add_wide_products(c, x, y, s);
    if (x->most == 0 || y->most <= (uint64_t)INT64_MAX / x->most)
        return add_small_products(c, x, y, s);
    return add_int_products(c, x, y, s);
}

static int sum_check(struct column *c, uint32_t n_groups) { return exact_check(c, n_groups, false); }
static int product_check(struct column *c, uint32_t n_groups) { return exact_check(c, n_groups, true); }

const struct column_ops sum_ops = { "sum", EXACT_LANES, 1, sum_add, exact_merge, sum_check };
const struct column_ops product_ops = { "product", EXACT_LANES, 1, product_add, exact_merge, product_check };
