/* place.c - the first or the last in the input, whatever the order in which rows come: each is kept with its place. */
#include "records/aggregate/kept.h"

#include <errno.h>

enum { PLACED, BYTES };

/* 0 is for none: no place is PLACE_NONE. */
static uint64_t rank_of(const struct column *c, place at) { return c->head.is_least ? at + 1 : ~at; }
static uint64_t row_rank(const struct column *c, const struct shares *s, uint32_t row) { return rank_of(c, s->at + s->row[row]); }

/* Elements begin with their rank, whatever their kind. */
static uint64_t *placed_at(struct column *c, uint64_t group, size_t element)
{
    return (uint64_t *)(void *)(c->lane[PLACED].at + group * element);
}

/* Keeps row `i`, whose rank is written already. */
typedef int keep_fn(struct column *c, uint32_t group, const struct input *x, uint32_t i);

static int keep_number(struct column *c, uint32_t group, const struct input *x, uint32_t i)
{
    struct value v = number_at(x, i);
    ((struct placed_number *)(void *)placed_at(c, group, sizeof(struct placed_number)))->kept = kept_of(&v);
    return 0;
}

static int keep_text(struct column *c, uint32_t group, const struct input *x, uint32_t i)
{
    struct placed_text *placed = (struct placed_text *)(void *)placed_at(c, group, sizeof *placed);
    return kept_text_put(&placed->kept, &c->lane[BYTES], x->t[i]);
}

static int add_to_one(struct column *c, const struct input *x, const struct shares *s, size_t element, keep_fn *keep)
{
    uint32_t best = UINT32_MAX;
    uint64_t *rank = placed_at(c, s->one, element), best_rank = *rank;
    for (uint32_t i = 0; i < s->n; i++)
        if (input_has(x, i) && row_rank(c, s, i) > best_rank) {
            best = i;
            best_rank = row_rank(c, s, i);
        }
    if (best == UINT32_MAX)
        return 0;
    *rank = best_rank;
    return keep(c, s->one, x, best);
}

/* First all ranks, then the values of those that have won: a group's value is copied once for a batch. */
static int add_to_many(struct column *c, const struct input *x, const struct shares *s, size_t element, keep_fn *keep)
{
    bool any = false;
    for (uint32_t i = 0; i < s->n; i++) {
        uint64_t *rank = placed_at(c, s->group[i], element), is = input_has(x, i) ? row_rank(c, s, i) : 0;
        any |= is > *rank;
        *rank = is > *rank ? is : *rank;
    }
    int r = 0;
    for (uint32_t i = 0; i < s->n && any && r == 0; i++)
        if (input_has(x, i) && row_rank(c, s, i) == *placed_at(c, s->group[i], element))
            r = keep(c, s->group[i], x, i);
    return r;
}

static int place_add(struct column *c, const struct input *x, const struct shares *s, size_t element, keep_fn *keep)
{
    if (x->n_present == 0)
        return 0;
    if (!column_reach(c, PLACED, s->n_groups, element))
        return -ENOMEM;
    c->head.had_truths |= x->is_truth;
    c->head.had_numbers |= !x->is_truth;
    return s->group ? add_to_many(c, x, s, element, keep) : add_to_one(c, x, s, element, keep);
}

static int place_number_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    return x->kind == VEC_TEXT ? 0 : place_add(c, x, s, sizeof(struct placed_number), keep_number);
}

static int place_text_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    return x->kind == VEC_TEXT ? place_add(c, x, s, sizeof(struct placed_text), keep_text) : 0;
}

static int place_number_merge(struct column *into, const struct column *from, const struct merging *m)
{
    const struct placed_number *placed = (const struct placed_number *)(const void *)from->lane[PLACED].at;
    uint64_t n = column_length(from, PLACED, sizeof *placed);
    into->head.had_truths |= from->head.had_truths;
    into->head.had_numbers |= from->head.had_numbers;
    if (n && !column_reach(into, PLACED, m->n_into, sizeof *placed))
        return -ENOMEM;
    for (uint64_t g = 0; g < n; g++) {
        struct placed_number *to = (struct placed_number *)(void *)placed_at(into, m->map[g], sizeof *to);
        if (placed[g].rank > to->rank)
            *to = placed[g];
    }
    return 0;
}

static int place_text_merge(struct column *into, const struct column *from, const struct merging *m)
{
    const struct placed_text *placed = (const struct placed_text *)(const void *)from->lane[PLACED].at;
    uint64_t n = column_length(from, PLACED, sizeof *placed);
    if (n && !column_reach(into, PLACED, m->n_into, sizeof *placed))
        return -ENOMEM;
    for (uint64_t g = 0; g < n; g++) {
        struct placed_text *to = (struct placed_text *)(void *)placed_at(into, m->map[g], sizeof *to);
        if (placed[g].rank <= to->rank)
            continue;
        to->rank = placed[g].rank;
        int r = kept_text_put(&to->kept, &into->lane[BYTES], kept_text_get(&placed[g].kept, &from->lane[BYTES]));
        if (r < 0)
            return r;
    }
    return 0;
}

static int place_number_check(struct column *c, uint32_t n_groups)
{
    uint64_t n = column_length(c, PLACED, sizeof(struct placed_number));
    bool holds = n <= n_groups && c->lane[PLACED].size % sizeof(struct placed_number) == 0;
    for (uint64_t g = 0; holds && g < n; g++)
        holds = kept_holds(&((const struct placed_number *)(const void *)c->lane[PLACED].at)[g].kept);
    return holds ? 0 : -EINVAL;
}

static int place_text_check(struct column *c, uint32_t n_groups)
{
    uint64_t n = column_length(c, PLACED, sizeof(struct placed_text));
    bool holds = n <= n_groups && c->lane[PLACED].size % sizeof(struct placed_text) == 0;
    for (uint64_t g = 0; holds && g < n; g++) {
        const struct placed_text *placed = (const struct placed_text *)(const void *)c->lane[PLACED].at + g;
        holds = kept_text_holds(&placed->kept, &c->lane[BYTES]) && (placed->rank == 0) == (placed->kept.size == 0);
    }
    return holds ? 0 : -EINVAL;
}

const struct column_ops place_number_ops = { "place number", 1, 1, place_number_add, place_number_merge, place_number_check };
const struct column_ops place_text_ops = { "place text", 2, 1, place_text_add, place_text_merge, place_text_check };
