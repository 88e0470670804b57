/* input.c - what is right already is used where it lies; the rest is written to the input's own room. */
#include "records/aggregate/input.h"

#include "records/number.h"

#include <errno.h>
#include <stdlib.h>

static const uint8_t element[] = {
    [VEC_INT] = sizeof(int64_t), [VEC_WIDE] = sizeof(wide), [VEC_REAL] = sizeof(double), [VEC_BOOL] = 1, [VEC_TEXT] = sizeof(struct text)
};

static bool need_room(struct input *in)
{
    return in->room || (in->room = aligned_alloc(64, BATCH_ROWS * sizeof(wide)));
}

static uint32_t count_bits(const uint64_t *bits, uint32_t n)
{
    uint32_t sum = 0;
    for (uint32_t k = 0; k < (n + 63) / 64; k++)
        sum += (uint32_t)__builtin_popcountll(bits[k]);
    return sum;
}

/* ---- presence ---- */

static void no_rows(struct input *in)
{
    memset(in->mask, 0, sizeof in->mask);
    in->present = in->mask;
    in->n_present = 0;
}

static void take_presence(struct input *in, const struct vec *v)
{
    if (!v->has_missing || (v->is_constant && vec_has(v, 0))) {
        in->present = NULL;
        in->n_present = in->n;
    } else if (v->is_constant) {
        no_rows(in);
    } else {
        in->present = v->present;
        in->n_present = count_bits(v->present, in->n);
    }
}

/* Leaves the rows in which `v` is present, too. */
static void narrow_presence(struct input *in, const struct vec *v)
{
    if (!v->has_missing || (v->is_constant && vec_has(v, 0)))
        return;
    if (v->is_constant) {
        no_rows(in);
        return;
    }
    for (uint32_t k = 0; k < VEC_WORDS; k++)
        in->mask[k] = k < (in->n + 63) / 64 ? v->present[k] & (in->present ? in->present[k] : UINT64_MAX) : 0;
    in->present = in->mask;
    in->n_present = count_bits(in->mask, in->n);
}

/* ---- values ---- */

static void spread(struct input *in, const struct vec *v)
{
    for (uint32_t i = 0; i < in->n; i++)
        switch (v->kind) {
        case VEC_INT: ((int64_t *)in->room)[i] = v->i[0]; break;
        case VEC_WIDE: ((wide *)in->room)[i] = v->w[0]; break;
        case VEC_REAL: ((double *)in->room)[i] = v->r[0]; break;
        case VEC_TEXT: ((struct text *)in->room)[i] = v->t[0]; break;
        default: ((int64_t *)in->room)[i] = v->b[0];
        }
}

static void truths_to_ints(struct input *in, const struct vec *v)
{
    int64_t *to = in->room;
    for (uint32_t i = 0; i < in->n; i++)
        to[i] = v->b[i];
}

/* From the first row on, as the room may be where the values lie: what is written is never wider than what was read. */
static void to_reals(struct input *in)
{
    static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    double *to = in->room;
    const uint64_t exact = UINT64_C(1) << 53;
    if (in->kind == VEC_INT && in->most <= exact && in->scale < sizeof ten / sizeof *ten)
        for (uint32_t i = 0; i < in->n; i++)        /* both exact, so this is rounded once */
            to[i] = (double)in->i[i] / ten[in->scale];
    else
        for (uint32_t i = 0; i < in->n; i++)
            to[i] = number_real(in->kind == VEC_INT ? in->i[i] : in->w[i], in->scale);
    in->kind = VEC_REAL;
    in->r = in->room;
}

/* Rows that do not count become 0. Only where another argument's presence has narrowed this one's. */
static void blank(struct input *in)
{
    size_t size = element[in->kind];
    if (in->i != in->room)
        memcpy(in->room, in->i, in->n * size);
    for (uint32_t i = 0; i < in->n; i++)
        if (!input_has(in, i))
            memset((char *)in->room + i * size, 0, size);
    in->i = in->room;
}

static int take_values(struct input *in, const struct vec *v, bool to_real, bool to_blank)
{
    in->kind = v->kind == VEC_BOOL ? VEC_INT : v->kind;
    in->is_truth = v->kind == VEC_BOOL;
    in->scale = in->is_truth || v->kind > VEC_WIDE ? 0 : v->scale;
    in->most = in->is_truth ? 1 : v->kind == VEC_INT ? v->most : 0;
    in->i = v->i;
    to_real = to_real && in->kind < VEC_REAL;
    if (!v->is_constant && !in->is_truth && !to_real && !to_blank)
        return 0;
    if (!need_room(in))
        return -ENOMEM;
    if (v->is_constant) {
        spread(in, v);
        in->i = in->room;
    } else if (in->is_truth) {
        truths_to_ints(in, v);
        in->i = in->room;
    }
    if (to_real)
        to_reals(in);
    if (to_blank)
        blank(in);
    return 0;
}

int input_take(struct input *in, const struct vec *const outs[], uint32_t n)
{
    const struct vec *v = outs[in->out], *other = in->other == UINT32_MAX ? NULL : outs[in->other];
    in->n = n;
    take_presence(in, v);
    if (other)
        narrow_presence(in, other);
    bool to_blank = other && other->has_missing && in->n_present < n;
    return take_values(in, v, in->as_real || (other && other->kind == VEC_REAL), to_blank);
}

void input_fini(struct input *in)
{
    free(in->room);
    in->room = NULL;
}
