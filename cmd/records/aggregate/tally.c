/* tally.c - a batch: its arguments made ready, the groups of its rows found, then each column takes its share. */
#include "records/aggregate/inside.h"

#include <errno.h>
#include <stdlib.h>

int tally_new(const struct plan *plan, struct tally **ret_tally)
{
    struct tally *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->plan = plan;
    t->n_groups = plan->n_keys ? 0 : 1;
    int r = recipes_make(t);
    if (r < 0) {
        tally_free(t);
        return r;
    }
    *ret_tally = t;
    return 0;
}

void tally_empty(struct tally *t)
{
    for (uint32_t k = 0; k < t->n_columns; k++) {
        struct column *c = &t->column[k];
        column_fini(c);
        column_init(c, c->ops, c->input[0], c->input[1], c->head.is_least);
    }
    for (int k = 0; k < 3; k++)
        lane_free(&t->group_lane[k]);
    t->n_groups = t->plan->n_keys ? 0 : 1;
    t->latest = 0;
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    for (uint32_t k = 0; k < t->n_inputs; k++)
        input_fini(&t->input[k]);
    tally_empty(t);
    if (t->keys)
        keys_fini(t->keys);
    free(t->keys);
    free(t->counts);
    free(t->key_input);
    free(t->input);
    free(t->column);
    free(t->recipe);
    free(t);
}

/* ---- the groups of a batch ---- */

/* Rows come in the order of the input, but for pieces that a worker takes late: only then may a group's first place have to be mended. */
static void mend_places(struct tally *t, const uint64_t *at, const uint32_t *group, uint32_t n)
{
    struct table groups = tally_groups(t);
    for (uint32_t i = 0; at[0] < t->latest && i < n; i++) {
        place *first = &table_at(&groups, group[i])->first;
        *first = at[i] < *first ? at[i] : *first;
    }
    t->latest = at[n - 1] > t->latest ? at[n - 1] : t->latest;
}

static int find_groups(struct tally *t, const struct batch *rows, uint32_t *ret_groups)
{
    const struct input *in[USED_MAX];
    uint64_t at[BATCH_ROWS];
    struct table groups = tally_groups(t);
    for (uint32_t k = 0; k < t->plan->n_keys; k++)
        in[k] = &t->input[t->key_input[k]];
    for (uint32_t i = 0; i < rows->n; i++)
        at[i] = rows->at + rows->row[i];
    int r = keys_make(t->keys, in, t->plan->n_keys, rows->n);
    if (r == 0)
        r = table_find(&groups, t->keys->key, &t->keys->longs, at, false, rows->n, ret_groups);
    if (r < 0)
        return r;
    t->n_groups = table_length(&groups);
    mend_places(t, at, ret_groups, rows->n);
    return 0;
}

static bool are_all_equal(const uint32_t *group, uint32_t n)
{
    uint32_t differ = 0;
    for (uint32_t i = 1; i < n; i++)
        differ |= group[i] ^ group[0];
    return !differ;
}

/* ---- adding ---- */

static int add_columns(struct tally *t, const struct shares *s)
{
    int r = 0;
    for (uint32_t k = 0; k < t->n_columns && r == 0; k++) {
        struct column *c = &t->column[k];
        const struct input *x = c->input[0] >= 0 ? &t->input[c->input[0]] : NULL, *y = c->input[1] >= 0 ? &t->input[c->input[1]] : NULL;
        r = c->ops->add(c, x, y, s);
    }
    return r;
}

int tally_add(struct tally *t, const struct vec *const outs[], const struct batch *rows)
{
    uint32_t group[BATCH_ROWS];
    int r = 0;
    if (!rows->n)
        return 0;
    if (!t->keys && !(t->keys = calloc(1, sizeof *t->keys)))
        return -ENOMEM;
    for (uint32_t k = 0; k < t->n_inputs && r == 0; k++)
        r = input_take(&t->input[k], outs, rows->n);
    if (r == 0 && t->plan->n_keys)
        r = find_groups(t, rows, group);
    if (r < 0)
        return r;
    struct shares s = { .n = rows->n, .n_groups = t->n_groups, .keys = t->keys, .row = rows->row, .at = rows->at };
    if (t->plan->n_keys) {
        struct table groups = tally_groups(t);
        s.groups = table_at(&groups, 0);
        s.one = group[0];
        s.group = are_all_equal(group, rows->n) ? NULL : group;
    }
    return add_columns(t, &s);
}
