/* fuzz_number.c - any bytes as a column: its values must be those of its cells, read one by one; and written, they must read back.
 *
 * The first byte chooses the point and whether it is lenient; the rest are cells, with newlines between. */
#include "records/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAD = 32 };

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* a / 10^a_scale is b / 10^b_scale: without zeros at their ends both are the same. */
static bool is_same(wide a, int a_scale, wide b, int b_scale)
{
    for (; a != 0 && a % 10 == 0; a_scale--)
        a /= 10;
    for (; b != 0 && b % 10 == 0; b_scale--)
        b /= 10;
    return a == b && (a == 0 || a_scale == b_scale);
}

static double real_of(const struct value *value)
{
    return value->kind == VALUE_REAL ? value->real : number_real(value->number, value->scale);
}

static void check_value(const struct vec *v, uint32_t row, const struct value *value)
{
    must(vec_has(v, row));
    if (v->kind == VEC_REAL) {
        must(isfinite(v->r[row]) && v->r[row] == real_of(value));
        return;
    }
    must(value->kind == VALUE_NUMBER);
    wide mantissa = v->kind == VEC_INT ? v->i[row] : v->w[row];
    must(is_same(mantissa, v->scale, value->number, value->scale));
    if (v->kind == VEC_INT)
        must((v->i[row] < 0 ? -(uint64_t)v->i[row] : (uint64_t)v->i[row]) <= v->most && v->most <= UINT64_C(1) << 63);
}

static void check_missing(const struct vec *v, uint32_t row)
{
    must(!vec_has(v, row));
    must(v->kind == VEC_INT ? v->i[row] == 0 : v->kind == VEC_WIDE ? v->w[row] == 0 : v->r[row] == 0);
}

static void check_written(const struct value *value)
{
    char text[NUMBER_TEXT];
    struct value back;
    size_t n = number_write(value, text);
    must(n > 0 && n <= NUMBER_TEXT && number_read(text, n, '.', &back));
    if (value->kind == VALUE_REAL)
        must(real_of(&back) == value->real);
    else
        must(back.kind == VALUE_NUMBER && is_same(back.number, back.scale, value->number, value->scale));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t begin[BATCH_ROWS], end[BATCH_ROWS];
    static _Alignas(64) wide room[BATCH_ROWS];
    static uint64_t present[VEC_WORDS];
    if (size == 0)
        return 0;
    char point = *data & 1 ? ',' : '.';
    bool is_lenient = *data & 2;
    char *text = malloc(size + 2 * PAD);
    must(text != NULL);
    memset(text, *data, size + 2 * PAD);        /* what stands around the cells is no part of them */
    memcpy(text + PAD, data + 1, size - 1);
    text[PAD + size - 1] = '\n';
    uint32_t n = 0, first = PAD;
    for (uint32_t at = PAD; at < PAD + size && n < BATCH_ROWS; at++)
        if (text[at] == '\n') {
            begin[n] = first;
            end[n++] = at;
            first = at + 1;
        }
    struct vec v = { .i = (int64_t *)room, .present = present };
    uint32_t bad = 0, first_bad = 0, n_bad = 0, which = n;
    uint32_t done = number_column(text, begin, end, n, '"', point, is_lenient, &v, &bad, &first_bad);
    for (uint32_t i = 0; i < n && i <= done; i++) {
        struct value value;
        bool is_number = number_read(text + begin[i], end[i] - begin[i], point, &value), is_blank = true;
        for (uint32_t k = begin[i]; k < end[i]; k++)
            is_blank &= strchr(" \t", text[k]) && text[k] != '\0';
        is_blank |= end[i] - begin[i] >= 2 && text[begin[i]] == '"' && text[end[i] - 1] == '"' &&
                    strspn(text + begin[i] + 1, " \t") == end[i] - begin[i] - 2;
        if (!is_number && !is_blank && n_bad++ == 0)
            which = i;
        if (is_number)
            check_written(&value);
        if (done == n && is_number)
            check_value(&v, i, &value);
        else if (done == n)
            check_missing(&v, i);
    }
    must(is_lenient ? done == n && bad == n_bad && (bad == 0 || first_bad == which) : done == which);
    free(text);
    return 0;
}
