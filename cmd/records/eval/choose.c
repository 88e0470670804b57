/* choose.c - if, least and greatest. */
#include "records/eval/kernels.h"
#include "records/eval/loops.h"
#include "records/eval/numbers.h"
#include "records/eval/present.h"

#include <string.h>

LOOPS(least_ints, int64_t, int64_t, x < y ? x : y)
LOOPS(greatest_ints, int64_t, int64_t, x > y ? x : y)
LOOPS(least_reals, double, double, x < y ? x : y)
LOOPS(greatest_reals, double, double, x > y ? x : y)

static uint64_t greater_bound(const struct vec *a, const struct vec *b)
{
    return a->most > b->most ? a->most : b->most;
}

static int done(struct work *w, struct vec *out)
{
    present_blank(w->n, out);
    return 0;
}

/* ---- least and greatest -------------------------------------------------------------------------------------------------- */

static int least_texts(struct work *w, const struct vec *const a[2], bool is_least, struct vec *out)
{
    size_t x = stride(a[0]), y = stride(a[1]);
    for (uint32_t i = 0; i < w->n; i++) {
        const struct text *left = &a[0]->t[i * x], *right = &a[1]->t[i * y];
        out->t[i] = (text_compare(left, right) < 0) == is_least ? *left : *right;
    }
    return done(w, out);
}

static void least_wides(const struct vec *const p[2], bool is_least, wide *r, uint32_t n)
{
    size_t x = stride(p[0]), y = stride(p[1]);
    for (uint32_t i = 0; i < n; i++) {
        wide left = p[0]->w[i * x], right = p[1]->w[i * y];
        r[i] = (left < right) == is_least ? left : right;
    }
}

static int extreme(struct work *w, const struct step *step, const struct vec *const a[2], bool is_least, struct vec *out)
{
    struct vec store[2];
    const struct vec *p[2];
    present_all(w->n, a, 2, out);
    out->kind = VEC_TEXT;
    out->scale = 0;
    if (step->type == STEP_TEXT)
        return least_texts(w, a, is_least, out);
    out->kind = (uint8_t)numbers_pair(w, a, store, p);
    out->scale = p[0]->scale;
    if (out->kind == VEC_INT) {
        out->most = greater_bound(p[0], p[1]);
        (is_least ? least_ints : greatest_ints)(p[0]->i, p[0]->is_constant, p[1]->i, p[1]->is_constant, out->i, w->n);
        return done(w, out);
    }
    if (out->kind == VEC_REAL) {
        (is_least ? least_reals : greatest_reals)(p[0]->r, p[0]->is_constant, p[1]->r, p[1]->is_constant, out->r, w->n);
        numbers_settle(w, out);
        return 0;
    }
    least_wides(p, is_least, out->w, w->n);
    present_blank(w->n, out);
    numbers_narrow(w->n, out);
    return 0;
}

int kernel_least(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    return extreme(w, step, a, true, out);
}

int kernel_greatest(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    return extreme(w, step, a, false, out);
}

/* ---- if ------------------------------------------------------------------------------------------------------------------ */

/* Either may be constant, or both. */
#define CHOOSE(name, type) \
    KERNEL static void name(const uint8_t *restrict c, const type *restrict a, bool a_is_constant, const type *restrict b, \
                            bool b_is_constant, type *restrict r, uint32_t n) \
    { \
        type x = *a, y = *b; \
        if (a_is_constant && b_is_constant) \
            for (uint32_t i = 0; i < n; i++) \
                r[i] = c[i] ? x : y; \
        else if (a_is_constant) \
            for (uint32_t i = 0; i < n; i++) \
                r[i] = c[i] ? x : b[i]; \
        else if (b_is_constant) \
            for (uint32_t i = 0; i < n; i++) \
                r[i] = c[i] ? a[i] : y; \
        else \
            for (uint32_t i = 0; i < n; i++) \
                r[i] = c[i] ? a[i] : b[i]; \
    }
CHOOSE(choose_ints, int64_t)
CHOOSE(choose_reals, double)
CHOOSE(choose_bytes, uint8_t)

static void choose_wides(const uint8_t *c, const struct vec *a, const struct vec *b, wide *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        r[i] = c[i] ? a->w[i * stride(a)] : b->w[i * stride(b)];
}

static void choose_texts(const uint8_t *c, const struct vec *a, const struct vec *b, struct text *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        r[i] = c[i] ? a->t[i * stride(a)] : b->t[i * stride(b)];
}

/* Present where what is chosen is; a missing condition chooses b. */
static void present_chosen(uint32_t n, const struct vec *c, const struct vec *a, const struct vec *b, struct vec *out)
{
    uint64_t truth[VEC_WORDS];
    out->has_missing = a->has_missing || b->has_missing;
    if (!out->has_missing)
        return;
    present_pack(n, c->b, truth);
    for (uint32_t word = 0; word < words_of(n); word++)
        out->present[word] = (truth[word] & present_word(n, a, word)) | (~truth[word] & present_word(n, b, word));
}

int kernel_if(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    struct vec store[2];
    const struct vec *p[2] = { a[1], a[2] };
    const uint8_t *c = a[0]->b;
    present_chosen(w->n, a[0], a[1], a[2], out);
    out->kind = step->type == STEP_TEXT ? VEC_TEXT : step->type == STEP_BOOL ? VEC_BOOL : (uint8_t)numbers_pair(w, &a[1], store, p);
    out->scale = p[0]->scale;
    switch (out->kind) {
    case VEC_INT:
        out->most = greater_bound(p[0], p[1]);
        choose_ints(c, p[0]->i, p[0]->is_constant, p[1]->i, p[1]->is_constant, out->i, w->n);
        break;
    case VEC_REAL:
        choose_reals(c, p[0]->r, p[0]->is_constant, p[1]->r, p[1]->is_constant, out->r, w->n);
        break;
    case VEC_BOOL:
        choose_bytes(c, p[0]->b, p[0]->is_constant, p[1]->b, p[1]->is_constant, out->b, w->n);
        break;
    case VEC_WIDE:
        choose_wides(c, p[0], p[1], out->w, w->n);
        numbers_narrow(w->n, out);
        break;
    default:
        choose_texts(c, p[0], p[1], out->t, w->n);
    }
    return 0;
}
