/* fuzz_query.c - any text as a part of a query: a flaw that lies in the text, or a plan; which is carried out on a few rows with all that is
 * odd in cells, and keeps what vec.h promises.
 *
 * The first byte says which part it is (filter, keys, aggregate), whether the job is lenient, and which quote there is. */
#include "records/eval/eval.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 70, FIELDS = 3, FIELD_MAX = 48 };

static const char *const names[FIELDS] = { "a", "b", "long name" };
static const char *const cells[] = {
    "1", "", "-2.50", "abc", "9223372036854775807", "-9223372036854775808", "\"\"", "\"1.5\"", "0", "1e300", "99999999999999999999999999999999999999",
    "\"say \"\"hi\"\"\"", "2024-05-01T10:20:30", "0.00000000000000000000000000000000000001", "\"", "'x'", "1e-320", " 7 ", "\xc3\xb6\xff", "-1",
};

struct table {
    char bytes[READER_PAD + ROWS * FIELDS * FIELD_MAX + READER_PAD];
    uint32_t row[ROWS + 1], begin[FIELDS][ROWS], end[FIELDS][ROWS];
};

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* Each cell meets each other one in some row. */
static void fill(struct table *t, size_t n_rows)
{
    char *text = t->bytes + READER_PAD;
    uint32_t at = 0;
    size_t n = sizeof cells / sizeof *cells;
    for (size_t i = 0; i < n_rows; i++) {
        const size_t which[FIELDS] = { i % n, (i + i / n * 7) % n, i * 3 % n };
        t->row[i] = at;
        for (size_t k = 0; k < FIELDS; k++) {
            size_t size = strlen(cells[which[k]]);
            t->begin[k][i] = at;
            memcpy(text + at, cells[which[k]], size);
            at += (uint32_t)size;
            t->end[k][i] = at;
            text[at++] = k + 1 < FIELDS ? ',' : '\n';
        }
    }
    t->row[n_rows] = at;
}

static void check_vec(const struct vec *v, uint32_t n)
{
    must(v->kind <= VEC_TEXT && v->scale <= SCALE_MAX);
    for (uint32_t i = 0; i < (v->is_constant ? 1 : n); i++) {
        bool has = vec_has(v, i);
        if (v->kind == VEC_REAL)
            must(isfinite(v->r[i]) && !(v->r[i] == 0 && signbit(v->r[i])) && (has || v->r[i] == 0));
        else if (v->kind == VEC_INT)
            must((v->i[i] < 0 ? -(uint64_t)v->i[i] : (uint64_t)v->i[i]) <= v->most && (has || v->i[i] == 0));
        else if (v->kind == VEC_WIDE)
            must(has || v->w[i] == 0);
        else if (v->kind == VEC_BOOL)
            must(v->b[i] <= has);
        else {
            must(has || v->t[i].size == 0);
            for (uint64_t k = 0; k < v->t[i].size; k++)
                must(v->t[i].at[k] != '\x01');          /* it can be read; and no such byte is in cells or in queries without one */
        }
    }
    if (v->has_missing && !v->is_constant && n % 64)
        must(v->present[n / 64] >> n % 64 == 0);
}

static void carry_out(const struct plan *plan, const struct table *table, uint32_t n)
{
    struct batch batch = { .n = n, .text = table->bytes + READER_PAD, .at = place_of(0, 10), .row = table->row };
    struct eval *filter = NULL, *main = NULL;
    struct flaw flaw;
    for (uint32_t k = 0; k < plan->shape.n_used; k++) {
        batch.begin[k] = table->begin[plan->shape.used[k]];
        batch.end[k] = table->end[plan->shape.used[k]];
    }
    must(!plan->filter || eval_new(plan, plan->filter, &filter) == 0);
    must(eval_new(plan, plan->main, &main) == 0);
    int r = filter ? eval_filter(filter, &batch, &flaw) : 0;
    must(batch.n <= n);
    if (r == 0)
        r = eval_run(main, &batch, &flaw);
    must(r == 0 || (flaw.kind == r && !plan->shape.is_lenient && flaw.at >= place_of(0, 10)));
    for (uint32_t i = 0; r == 0 && i < plan->n_outs; i++)
        check_vec(eval_out(main, i), batch.n);
    eval_free(filter);
    eval_free(main);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char memory[1 << 20];
    static const struct columns columns = { FIELDS, names };
    if (size < 2 || memchr(data + 1, '\x01', size - 1))
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    must(text != NULL);
    const char *aggregates[] = { text };
    struct query query = { data[0] % 3 == 0 ? text : NULL, data[0] % 3 == 1 ? text : NULL, aggregates, data[0] % 3 == 2 };
    struct arena arena = arena_in(memory, sizeof memory);
    struct plan *plan;
    struct query_flaw flaw;
    int r = query_plan(&query, &columns, ',', "\"'"[data[0] / 6 % 2], data[0] / 12 % 2 ? ',' : '.', data[0] / 3 % 2, &arena, &plan, &flaw);
    must(r == 0 || r == -EINVAL || r == -ENOMEM);
    if (r == -EINVAL)
        must(flaw.size >= 1 && flaw.what[0] && flaw.at + flaw.size <= strlen(text) + 1);
    if (r == 0) {
        struct table *table = calloc(1, sizeof *table);
        must(table != NULL);
        uint32_t n = data[0] & 0x80 ? 1 : ROWS;
        fill(table, n);
        carry_out(plan, table, n);
        free(table);
    }
    free(text);
    return 0;
}
