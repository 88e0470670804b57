/* records_blocks.h - batches and plans by hand, for tests of what comes behind the reader and the parser. */
#pragma once
#include "harness.h"
#include "records/aggregate/tally.h"
#include "records/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- chance, the same in every run ---- */

static inline uint64_t chance(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
static inline uint32_t below(uint64_t *state, uint32_t n) { return (uint32_t)(chance(state) % n); }

static inline void *need(void *mem)
{
    ck_assert(mem != NULL);
    return mem;
}

/* ---- blocks: a batch with its vectors ---- */

enum { BLOCK_COLUMNS = 8 };
struct block {
    struct batch batch;
    struct vec vec[BLOCK_COLUMNS];
    const struct vec *out[BLOCK_COLUMNS];
    uint32_t row[BATCH_ROWS + 1];
};

/* Rows begin at `at`, `at` + 1, ... */
static inline struct block *block_new(uint32_t n, place at)
{
    struct block *b = need(aligned_alloc(64, (sizeof *b + 63) / 64 * 64));
    memset(b, 0, sizeof *b);
    b->batch.n = n;
    b->batch.at = at;
    b->batch.row = b->row;
    for (uint32_t i = 0; i <= n; i++)
        b->row[i] = i;
    return b;
}

/* As large as its rows need and no larger, so that a read beyond them is seen. */
static inline struct vec *block_vec(struct block *b, uint32_t column, enum vec_kind kind, uint32_t scale)
{
    static const size_t size[] = { [VEC_INT] = 8, [VEC_WIDE] = 16, [VEC_REAL] = 8, [VEC_BOOL] = 1, [VEC_TEXT] = sizeof(struct text) };
    struct vec *v = &b->vec[column];
    *v = (struct vec){ .kind = (uint8_t)kind, .scale = (uint8_t)scale };
    v->i = need(calloc(b->batch.n, size[kind]));
    v->present = need(calloc(VEC_WORDS, 8));
    memset(v->present, 0xff, b->batch.n / 64 * 8);
    if (b->batch.n % 64)
        v->present[b->batch.n / 64] = (UINT64_C(1) << b->batch.n % 64) - 1;
    b->out[column] = v;
    return v;
}

static inline void vec_set_int(struct vec *v, uint32_t row, int64_t value)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    v->i[row] = value;
    v->most = size > v->most ? size : v->most;
}

/* A copy, as large as it is long. */
static inline void vec_set_text(struct vec *v, uint32_t row, const char *text, size_t size)
{
    char *copy = size ? need(malloc(size)) : NULL;
    if (size)
        memcpy(copy, text, size);
    v->t[row] = (struct text){ copy ? copy : "", size };
}

static inline void vec_lose(struct vec *v, uint32_t row)
{
    v->has_missing = true;
    v->present[row / 64] &= ~(UINT64_C(1) << row % 64);
    switch (v->kind) {
    case VEC_INT: v->i[row] = 0; break;
    case VEC_WIDE: v->w[row] = 0; break;
    case VEC_REAL: v->r[row] = 0; break;
    case VEC_BOOL: v->b[row] = 0; break;
    default: free(v->t[row].size ? (void *)(uintptr_t)v->t[row].at : NULL); v->t[row] = (struct text){ "", 0 };
    }
}

static inline void block_free(struct block *b)
{
    for (int k = 0; k < BLOCK_COLUMNS; k++) {
        struct vec *v = &b->vec[k];
        for (uint32_t i = 0; v->i && v->kind == VEC_TEXT && i < (v->is_constant ? 1 : b->batch.n); i++)
            free(v->t[i].size ? (void *)(uintptr_t)v->t[i].at : NULL);
        free(v->i);
        free(v->present);
    }
    free(b);
}

/* ---- plans ---- */

struct question {
    struct plan plan;
    struct plan_key key[4];
    struct plan_aggregate aggregate[40];
};

static inline void ask_key(struct question *q, uint32_t out)
{
    q->plan.key = q->key;
    q->key[q->plan.n_keys++] = (struct plan_key){ "key", out };
}

/* Returns its number. */
static inline uint32_t ask(struct question *q, enum aggregate_kind kind, uint32_t n_args, uint32_t x, uint32_t y)
{
    q->plan.aggregate = q->aggregate;
    q->aggregate[q->plan.n_aggregates] = (struct plan_aggregate){ .name = "x", .kind = kind, .n_args = n_args, .arg = { x, y } };
    return q->plan.n_aggregates++;
}
static inline uint32_t ask_quantile(struct question *q, double quantile, uint32_t x)
{
    uint32_t a = ask(q, AGG_QUANTILE, 1, x, 0);
    q->aggregate[a].quantile = quantile;
    return a;
}
static inline uint32_t ask_either(struct question *q, enum aggregate_kind kind, uint32_t number, uint32_t text)
{
    uint32_t a = ask(q, kind, 1, number, text);
    q->aggregate[a].is_either = true;
    return a;
}

static inline struct tally *tally_of(const struct question *q, struct block *const blocks[], size_t n)
{
    struct tally *t;
    ck_assert_int_eq(tally_new(&q->plan, &t), 0);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(tally_add(t, blocks[i]->out, &blocks[i]->batch), 0);
    return t;
}

/* ---- results ---- */

static inline bool value_same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NUMBER: return a->scale == b->scale && a->number == b->number;
    case VALUE_REAL: return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    case VALUE_BOOL: return a->truth == b->truth;
    case VALUE_TEXT: return a->text.size == b->text.size && memcmp(a->text.at, b->text.at, a->text.size) == 0;
    default: return true;
    }
}

static inline void same_results(const struct results *a, const struct results *b)
{
    ck_assert_uint_eq(a->n_rows, b->n_rows);
    ck_assert_uint_eq(a->n_columns, b->n_columns);
    for (uint64_t i = 0; i < a->n_rows * a->n_columns; i++)
        if (!value_same(&a->cell[i], &b->cell[i]))
            ck_abort_msg("row %d, column %d differs", (int)(i / a->n_columns), (int)(i % a->n_columns));
}

static inline bool is_number(const struct value *v, wide number, uint32_t scale)
{
    return v->kind == VALUE_NUMBER && v->number == number && v->scale == scale;
}
static inline bool is_real(const struct value *v, double real) { return v->kind == VALUE_REAL && v->real == real; }
static inline bool is_text(const struct value *v, const char *text)
{
    return v->kind == VALUE_TEXT && v->text.size == strlen(text) && memcmp(v->text.at, text, v->text.size) == 0;
}

/* A tally written, read and freed. */
static inline struct tally *through_bytes(const struct question *q, struct tally *t)
{
    size_t size = tally_size(t);
    char *bytes = need(malloc(size));
    tally_write(t, bytes);
    tally_free(t);
    ck_assert_int_eq(tally_read(&q->plan, bytes, size, &t), 0);
    free(bytes);
    return t;
}

/* The blocks divided by chance among n tallies, added in a chance order, merged. */
static inline struct tally *tally_of_parts(const struct question *q, struct block *const blocks[], size_t n_blocks, size_t n,
                                           bool by_bytes, prong_pool *pool, uint64_t *state)
{
    struct tally *all[64];
    uint32_t *order = need(calloc(n_blocks, sizeof *order));
    ck_assert(n <= 64);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(tally_new(&q->plan, &all[i]), 0);
    for (uint32_t i = 0; i < n_blocks; i++) {
        uint32_t k = below(state, i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    for (uint32_t i = 0; i < n_blocks; i++) {
        struct block *b = blocks[order[i]];
        ck_assert_int_eq(tally_add(all[below(state, (uint32_t)n)], b->out, &b->batch), 0);
    }
    for (size_t i = 0; by_bytes && i < n; i++)
        all[i] = through_bytes(q, all[i]);
    ck_assert_int_eq(tally_merge(all, n, pool), 0);
    for (size_t i = 1; i < n; i++)
        tally_free(all[i]);
    free(order);
    return all[0];
}
