/* texts.c - functions of texts. Characters are those of UTF-8: bytes that go on with one (10xxxxxx) do not count; what is no UTF-8 is cut
 * as if it were. */
#include "records/eval/kernels.h"
#include "records/eval/numbers.h"
#include "records/eval/present.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static int done(struct work *w, enum vec_kind kind, struct vec *out)
{
    out->kind = (uint8_t)kind;
    out->scale = 0;
    present_blank(w->n, out);
    return 0;
}

int kernel_length(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    present_all(w->n, a, 1, out);
    out->most = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        const struct text *text = &a[0]->t[i];
        uint64_t n = 0;
        for (uint64_t k = 0; k < text->size; k++)
            n += begins_character(text->at[k]);
        out->i[i] = (int64_t)n;
        out->most = n > out->most ? n : out->most;
    }
    return done(w, VEC_INT, out);
}

/* ---- letters ------------------------------------------------------------------------------------------------------------- */

/* Letters from `first` on become those of the other case. Texts without any stay where they are. */
static bool turn_letters(struct work *w, const struct text *from, char first, struct text *to)
{
    uint64_t k = 0;
    *to = *from;
    while (k < from->size && (unsigned char)(from->at[k] - first) >= 26)
        k++;
    if (k == from->size)
        return true;
    char *copy = work_text(w, from->size);
    if (!copy)
        return false;
    for (k = 0; k < from->size; k++)
        copy[k] = (char)(from->at[k] ^ ((unsigned char)(from->at[k] - first) < 26 ? 0x20 : 0));
    to->at = copy;
    return true;
}

static int letters(struct work *w, const struct vec *a, char first, struct vec *out)
{
    present_all(w->n, &a, 1, out);
    for (uint32_t i = 0; i < w->n; i++)
        if (!turn_letters(w, &a->t[i], first, &out->t[i]))
            return -ENOMEM;
    return done(w, VEC_TEXT, out);
}

int kernel_lower(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return letters(w, a[0], 'A', out);
}

int kernel_upper(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return letters(w, a[0], 'a', out);
}

/* ---- parts --------------------------------------------------------------------------------------------------------------- */

/* Behind n characters. */
static uint64_t skip(const struct text *text, uint64_t at, double n)
{
    while (at < text->size && n >= 1) {
        at++;
        while (at < text->size && !begins_character(text->at[at]))
            at++;
        n--;
    }
    return at;
}

/* Characters number from .. from + n - 1 that there are; as in SQL, from may be below 1. Numbers are cut to whole ones. */
static struct text part(const struct text *text, double from, double n)
{
    from = trunc(from);
    double end = from + trunc(n);
    if (from < 1)
        from = 1;
    if (!(end > from))
        return (struct text){ "", 0 };
    uint64_t begin = skip(text, 0, from - 1), behind = skip(text, begin, end - from);
    return (struct text){ text->at + begin, behind - begin };
}

int kernel_substr(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    static const double all = 0x1p60;
    struct vec store[2];
    present_all(w->n, a, step->n_args, out);
    const struct vec *from = numbers_as_real(w, a[1], 0, &store[0]), *n = step->n_args > 2 ? numbers_as_real(w, a[2], 1, &store[1]) : NULL;
    for (uint32_t i = 0; i < w->n; i++)
        out->t[i] = part(&a[0]->t[i * stride(a[0])], from->r[i * stride(from)], n ? n->r[i * stride(n)] : all);
    return done(w, VEC_TEXT, out);
}

int kernel_starts_with(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    present_all(w->n, a, 2, out);
    for (uint32_t i = 0; i < w->n; i++) {
        const struct text *text = &a[0]->t[i * stride(a[0])], *begin = &a[1]->t[i * stride(a[1])];
        out->b[i] = text->size >= begin->size && memcmp(text->at, begin->at, begin->size) == 0;
    }
    return done(w, VEC_BOOL, out);
}

int kernel_contains(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    present_all(w->n, a, 2, out);
    for (uint32_t i = 0; i < w->n; i++) {
        const struct text *text = &a[0]->t[i * stride(a[0])], *piece = &a[1]->t[i * stride(a[1])];
        out->b[i] = memmem(text->at, text->size, piece->at, piece->size) != NULL;
    }
    return done(w, VEC_BOOL, out);
}
