/* compare.c - numbers are compared exactly, texts by their bytes. */
#include "records/eval/kernels.h"
#include "records/eval/loops.h"
#include "records/eval/numbers.h"
#include "records/eval/present.h"

#include <string.h>

LOOPS(lt_ints, int64_t, uint8_t, x < y)
LOOPS(le_ints, int64_t, uint8_t, x <= y)
LOOPS(eq_ints, int64_t, uint8_t, x == y)
LOOPS(ne_ints, int64_t, uint8_t, x != y)
LOOPS(lt_reals, double, uint8_t, x < y)
LOOPS(le_reals, double, uint8_t, x <= y)
LOOPS(eq_reals, double, uint8_t, x == y)
LOOPS(ne_reals, double, uint8_t, x != y)

static int done(struct work *w, struct vec *out)
{
    out->kind = VEC_BOOL;
    out->scale = 0;
    present_blank(w->n, out);
    return 0;
}

/* From how two are ordered: below, equal to or above 0. */
static bool holds(enum compare how, int order)
{
    switch (how) {
    case COMPARE_LT:
        return order < 0;
    case COMPARE_LE:
        return order <= 0;
    case COMPARE_GT:
        return order > 0;
    case COMPARE_GE:
        return order >= 0;
    case COMPARE_EQ:
        return order == 0;
    default:
        return order != 0;
    }
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

/* a > b is b < a. */
static enum compare turned(enum compare how, const struct vec *p[2])
{
    if (how != COMPARE_GT && how != COMPARE_GE)
        return how;
    const struct vec *first = p[0];
    p[0] = p[1];
    p[1] = first;
    return how == COMPARE_GT ? COMPARE_LT : COMPARE_LE;
}

static void compare_ints(enum compare how, const struct vec *p[2], uint8_t *r, uint32_t n)
{
    how = turned(how, p);
    (how == COMPARE_LT ? lt_ints : how == COMPARE_LE ? le_ints : how == COMPARE_EQ ? eq_ints : ne_ints)
        (p[0]->i, p[0]->is_constant, p[1]->i, p[1]->is_constant, r, n);
}

static void compare_reals(enum compare how, const struct vec *p[2], uint8_t *r, uint32_t n)
{
    how = turned(how, p);
    (how == COMPARE_LT ? lt_reals : how == COMPARE_LE ? le_reals : how == COMPARE_EQ ? eq_reals : ne_reals)
        (p[0]->r, p[0]->is_constant, p[1]->r, p[1]->is_constant, r, n);
}

/* At most one of them is scaled; what then has more than 38 digits is further from 0 than the other can be. */
static int order_of(wide a, uint8_t a_scale, wide b, uint8_t b_scale)
{
    wide x = a, y = b;
    if (a_scale < b_scale && !numbers_scaled(a, b_scale - a_scale, &x))
        return a < 0 ? -1 : 1;
    if (b_scale < a_scale && !numbers_scaled(b, a_scale - b_scale, &y))
        return b < 0 ? 1 : -1;
    return (x > y) - (x < y);
}

static void compare_exact(enum compare how, const struct vec *a, const struct vec *b, uint8_t *r, uint32_t n)
{
    size_t x = stride(a), y = stride(b);
    for (uint32_t i = 0; i < n; i++)
        r[i] = holds(how, order_of(a->kind == VEC_INT ? a->i[i * x] : a->w[i * x], a->scale, b->kind == VEC_INT ? b->i[i * y] : b->w[i * y],
                                   b->scale));
}

static void compare_numbers(struct work *w, enum compare how, const struct vec *const a[2], uint8_t *r)
{
    struct vec store[2];
    const struct vec *p[2];
    enum vec_kind kind = numbers_pair(w, a, store, p);
    if (kind == VEC_INT)
        compare_ints(how, p, r, w->n);
    else if (a[0]->kind != VEC_REAL && a[1]->kind != VEC_REAL)
        compare_exact(how, a[0], a[1], r, w->n);
    else
        compare_reals(how, p, r, w->n);
}

int kernel_compare(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    present_all(w->n, a, 2, out);
    compare_numbers(w, (enum compare)step->param, a, out->b);
    return done(w, out);
}

/* ---- texts --------------------------------------------------------------------------------------------------------------- */

int text_compare(const struct text *a, const struct text *b)
{
    uint64_t size = a->size < b->size ? a->size : b->size;
    int order = size > 0 ? memcmp(a->at, b->at, size) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Most texts are short: the first and the last bytes of them, which may overlap, are all of it. No call, and no byte read beside it. */
static inline bool same_bytes(const char *a, const char *b, uint64_t size)
{
    uint64_t x = 0, y = 0, u = 0, v = 0;
    if (size > 16)
        return memcmp(a, b, size) == 0;
    if (size >= 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        memcpy(&u, a + size - 8, 8);
        memcpy(&v, b + size - 8, 8);
    } else if (size >= 4) {
        memcpy(&x, a, 4);
        memcpy(&y, b, 4);
        memcpy(&u, a + size - 4, 4);
        memcpy(&v, b + size - 4, 4);
    } else if (size >= 2) {
        memcpy(&x, a, 2);
        memcpy(&y, b, 2);
        u = (unsigned char)a[size - 1];
        v = (unsigned char)b[size - 1];
    } else if (size == 1) {
        x = (unsigned char)*a;
        y = (unsigned char)*b;
    }
    return x == y && u == v;
}

static inline bool same_text(const struct text *a, const struct text *b)
{
    return a->size == b->size && same_bytes(a->at, b->at, a->size);
}

static void compare_texts(enum compare how, const struct vec *a, const struct vec *b, uint8_t *r, uint32_t n)
{
    size_t x = stride(a), y = stride(b);
    if (how == COMPARE_EQ || how == COMPARE_NE)
        for (uint32_t i = 0; i < n; i++)
            r[i] = same_text(&a->t[i * x], &b->t[i * y]) == (how == COMPARE_EQ);
    else
        for (uint32_t i = 0; i < n; i++)
            r[i] = holds(how, text_compare(&a->t[i * x], &b->t[i * y]));
}

int kernel_compare_text(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    present_all(w->n, a, 2, out);
    compare_texts((enum compare)step->param, a[0], a[1], out->b, w->n);
    return done(w, out);
}

/* Columns are numbers for rows in which both are. Numbers are only tried: a text that is none is missing among them. */
int kernel_compare_either(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    enum compare how = (enum compare)step->param;
    present_all(w->n, &a[2], 2, out);
    compare_numbers(w, how, a, out->b);
    for (uint32_t word = 0; word < words_of(w->n); word++) {
        uint64_t both = present_word(w->n, a[0], word) & present_word(w->n, a[1], word);
        uint64_t texts = present_word(w->n, out, word) & ~both;
        for (; texts; texts &= texts - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(texts);
            out->b[row] = holds(how, text_compare(&a[2]->t[row], &a[3]->t[row]));
        }
    }
    return done(w, out);
}

/* So many are looked at one by one. */
enum { FEW = 8 };

static bool is_in_few(const struct text_list *list, const struct text *text)
{
    bool is_one = false;
    for (uint32_t i = 0; i < list->n; i++)
        is_one |= same_text(&list->item[i], text);
    return is_one;
}

static bool is_in_many(const struct text_list *list, const struct text *text)
{
    uint32_t low = 0, high = list->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct text *item = &list->item[middle];
        int order = item->size != text->size ? (item->size < text->size ? -1 : 1) : memcmp(item->at, text->at, text->size);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

int kernel_in(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    const struct text_list *list = &w->lists[step->param];
    present_all(w->n, a, 1, out);
    for (uint32_t i = 0; i < w->n; i++)
        out->b[i] = list->n <= FEW ? is_in_few(list, &a[0]->t[i]) : is_in_many(list, &a[0]->t[i]);
    return done(w, out);
}
