/* finish.c - one row for each group, in the order in which they first appear. */
#include "records/aggregate/inside.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the order of groups ---- */

struct placed { place first; uint32_t group; };

/* By bytes, from the lowest on; those in which all are alike are passed over. */
static struct placed *sort_places(struct placed *from, struct placed *to, uint32_t n)
{
    for (uint32_t shift = 0; shift < 64; shift += 8) {
        uint32_t begin[257] = { 0 };
        for (uint32_t i = 0; i < n; i++)
            begin[(from[i].first >> shift & 255) + 1]++;
        if (begin[(from[0].first >> shift & 255) + 1] == n)
            continue;
        for (int k = 0; k < 256; k++)
            begin[k + 1] += begin[k];
        for (uint32_t i = 0; i < n; i++)
            to[begin[from[i].first >> shift & 255]++] = from[i];
        struct placed *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* ret_order[i]: the group in row i. */
static int order_groups(const struct tally *t, uint32_t *ret_order)
{
    uint32_t n = t->n_groups;
    struct table groups = tally_groups(t);
    bool is_sorted = true;
    for (uint32_t i = 0; i < n; i++) {
        ret_order[i] = i;
        is_sorted = is_sorted && (!t->plan->n_keys || i == 0 || table_at(&groups, i - 1)->first <= table_at(&groups, i)->first);
    }
    if (is_sorted)
        return 0;
    struct placed *placed = calloc(2 * (size_t)n, sizeof *placed);
    if (!placed)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        placed[i] = (struct placed){ table_at(&groups, i)->first, i };
    const struct placed *sorted = sort_places(placed, placed + n, n);
    for (uint32_t i = 0; i < n; i++)
        ret_order[i] = sorted[i].group;
    free(placed);
    return 0;
}

/* ---- cells ---- */

static void read_keys(const struct tally *t, uint32_t group, struct value *ret_cells)
{
    struct table groups = tally_groups(t);
    const struct key *key = &table_at(&groups, group)->key;
    const char *bytes = key_bytes(key, groups.longs);
    size_t at = 0;
    for (uint32_t k = 0; k < t->plan->n_keys; k++)
        at += key_read(bytes + at, key->size - at, &ret_cells[k]);
}

static int prepare(struct tally *t)
{
    const struct plan *plan = t->plan;
    int r = 0;
    free(t->counts);
    t->counts = calloc((size_t)plan->n_aggregates * t->n_groups + 1, sizeof *t->counts);
    if (!t->counts)
        return -ENOMEM;
    for (uint32_t a = 0; a < plan->n_aggregates && r == 0; a++) {
        struct column *c = &t->column[t->recipe[a].column[ROLE_X] < 0 ? 0 : t->recipe[a].column[ROLE_X]];
        if (plan->aggregate[a].kind == AGG_DISTINCT)
            distinct_counts(c, t->counts + (size_t)a * t->n_groups, t->n_groups);
        else if (plan->aggregate[a].kind == AGG_QUANTILE)
            r = values_sort_out(c, t->n_groups);
    }
    return r;
}

static int name_columns(const struct plan *plan, struct results *results)
{
    results->name = calloc((size_t)results->n_columns + 1, sizeof *results->name);
    if (!results->name)
        return -ENOMEM;
    for (uint32_t k = 0; k < plan->n_keys; k++)
        results->name[k] = plan->key[k].name;
    for (uint32_t a = 0; a < plan->n_aggregates; a++)
        results->name[plan->n_keys + a] = plan->aggregate[a].name;
    return 0;
}

static int fill_cells(struct tally *t, struct results *results)
{
    const struct plan *plan = t->plan;
    uint32_t *order = calloc((size_t)t->n_groups + 1, sizeof *order);
    results->cell = calloc(results->n_rows * results->n_columns + 1, sizeof *results->cell);
    int r = order && results->cell ? order_groups(t, order) : -ENOMEM;
    for (uint64_t row = 0; r == 0 && row < results->n_rows; row++) {
        struct value *cell = results->cell + row * results->n_columns;
        if (plan->n_keys)
            read_keys(t, order[row], cell);
        for (uint32_t a = 0; a < plan->n_aggregates; a++)
            cell[plan->n_keys + a] = result_of(t, a, order[row]);
    }
    free(order);
    return r;
}

int tally_finish(struct tally *t, struct results *ret_results)
{
    const struct plan *plan = t->plan;
    struct results results = { .n_columns = plan->n_keys + plan->n_aggregates, .n_keys = plan->n_keys, .n_rows = t->n_groups };
    int r = prepare(t);
    if (r == 0)
        r = name_columns(plan, &results);
    if (r == 0)
        r = fill_cells(t, &results);
    if (r < 0) {
        results_free(&results);
        return r;
    }
    *ret_results = results;
    return 0;
}

void results_free(struct results *results)
{
    free(results->name);
    free(results->cell);
    *results = (struct results){ 0 };
}
