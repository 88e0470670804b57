/* cells.c - a column's cells as numbers or as texts. An empty cell is missing, quoted or not. */
#include "records/eval/kernels.h"
#include "records/eval/present.h"
#include "records/number.h"

#include <errno.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

static void read_numbers(struct work *w, uint32_t column, struct vec *out, uint32_t *ret_bad, uint32_t *ret_first)
{
    const struct batch *batch = w->batch;
    *ret_bad = *ret_first = 0;
    /* Lenient in any case, so that the whole vector is there; what is not allowed is told by the caller. */
    (void)number_column(batch->text, batch->begin[column], batch->end[column], w->n, w->quote, w->point, true, out, ret_bad, ret_first);
}

int kernel_numbers(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)a;
    uint32_t column = (uint32_t)step->param, bad, first;
    read_numbers(w, column, out, &bad, &first);
    if (bad) {
        uint32_t begin = w->batch->begin[column][first], end = w->batch->end[column][first];
        work_not_a(w, "number", bad, w->batch->at + begin, w->batch->text + begin, end - begin);
    }
    return 0;
}

int kernel_tried(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)a;
    uint32_t bad, first;
    read_numbers(w, (uint32_t)step->param, out, &bad, &first);
    return 0;
}

/* ---- texts --------------------------------------------------------------------------------------------------------------- */

/* What stands between the quotes, doubled ones once. */
static bool unquoted(struct work *w, const char *at, uint64_t size, struct text *ret_text)
{
    bool is_closed = size >= 2 && at[size - 1] == w->quote;
    at++;
    size -= is_closed ? 2 : 1;
    *ret_text = (struct text){ at, size };
    if (!memchr(at, w->quote, size))
        return true;
    char *copy = work_text(w, size);
    if (!copy)
        return false;
    uint64_t n = 0;
    for (uint64_t i = 0; i < size; i++) {
        copy[n++] = at[i];
        i += at[i] == w->quote && i + 1 < size && at[i + 1] == w->quote;
    }
    *ret_text = (struct text){ copy, n };
    return true;
}

int kernel_texts(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)a;
    const struct batch *batch = w->batch;
    const uint32_t *begin = batch->begin[step->param], *end = batch->end[step->param];
    uint32_t missing = 0;
    out->kind = VEC_TEXT;
    out->scale = 0;
    memset(out->present, 0, words_of(w->n) * sizeof *out->present);
    for (uint32_t i = 0; i < w->n; i++) {
        struct text *text = &out->t[i];
        const char *at = batch->text + begin[i];
        *text = (struct text){ at, end[i] - begin[i] };
        if (text->size > 0 && w->quote && *at == w->quote && !unquoted(w, at, text->size, text))
            return -ENOMEM;
        out->present[i / 64] |= (uint64_t)(text->size > 0) << i % 64;
        missing += text->size == 0;
    }
    out->has_missing = missing > 0;
    return 0;
}
