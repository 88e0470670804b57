/* logic.c - conditions: true, false or missing. False decides "and", true decides "or", whatever the other is. */
#include "records/eval/kernels.h"
#include "records/eval/loops.h"
#include "records/eval/present.h"

/* A missing row holds 0, so its byte is right for all three. */
LOOPS(and_bytes, uint8_t, uint8_t, x & y)
LOOPS(or_bytes, uint8_t, uint8_t, x | y)
LOOP(not_bytes, uint8_t, uint8_t, x ^ 1)

/* 64 rows of one of the operands as bits. */
struct bits { uint64_t is_true, is_false; };

static struct bits bits_of(const struct vec *v, const uint64_t truth[], uint32_t n, uint32_t word)
{
    uint64_t present = present_word(n, v, word);
    return (struct bits){ truth[word], present & ~truth[word] };
}

static int decided(struct work *w, const struct vec *const a[2], bool is_and, struct vec *out)
{
    (is_and ? and_bytes : or_bytes)(a[0]->b, a[0]->is_constant, a[1]->b, a[1]->is_constant, out->b, w->n);
    out->kind = VEC_BOOL;
    out->scale = 0;
    out->has_missing = a[0]->has_missing || a[1]->has_missing;
    if (!out->has_missing)
        return 0;
    uint64_t truth[2][VEC_WORDS];
    for (int k = 0; k < 2; k++)
        present_pack(w->n, a[k]->b, truth[k]);
    for (uint32_t word = 0; word < words_of(w->n); word++) {
        struct bits x = bits_of(a[0], truth[0], w->n, word), y = bits_of(a[1], truth[1], w->n, word);
        uint64_t is_true = is_and ? x.is_true & y.is_true : x.is_true | y.is_true;
        uint64_t is_false = is_and ? x.is_false | y.is_false : x.is_false & y.is_false;
        out->present[word] = is_true | is_false;
    }
    return 0;
}

int kernel_and(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return decided(w, a, true, out);
}

int kernel_or(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return decided(w, a, false, out);
}

int kernel_not(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    present_all(w->n, a, 1, out);
    out->kind = VEC_BOOL;
    out->scale = 0;
    not_bytes(a[0]->b, out->b, w->n);
    present_blank(w->n, out);
    return 0;
}

int kernel_has(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    out->kind = VEC_BOOL;
    out->scale = 0;
    out->has_missing = false;
    for (uint32_t word = 0; word < words_of(w->n); word++) {
        uint64_t bits = present_word(w->n, a[0], word);
        for (uint32_t i = 0; i < 64; i++)
            out->b[word * 64 + i] = bits >> i & 1;
    }
    return 0;
}
