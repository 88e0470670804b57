/* distinct.c - the set of all (group, value), in eight tables by the highest bits of the hash, so that merging can go on in all of them at
 * once. A group takes part in the hash with the hash of its key, not with its number, which is another one in each tally. */
#include "records/aggregate/table.h"

#include <errno.h>

enum { PARTS = 8, PART_BITS = 3, ENTRIES = 0, LONGS = PARTS, LANES = 2 * PARTS, SLOTS = LANES };

static struct table table_of(struct column *c, uint32_t part)
{
    return (struct table){ &c->lane[ENTRIES + part], &c->lane[LONGS + part], &c->lane[SLOTS + part], true };
}

static uint32_t mark_of(uint32_t key, uint32_t group)
{
    return (uint32_t)(key_fold((uint64_t)key << 32 | group, UINT64_C(0x9e3779b97f4a7c15)) >> 16);
}

/* Present rows of a batch, those of each part together. */
struct sorted {
    uint32_t begin[PARTS + 1];
    struct key key[BATCH_ROWS];
    uint64_t owner[BATCH_ROWS];
};

static void sort_rows(const struct keys *keys, const struct input *x, const struct shares *s, struct sorted *ret_sorted)
{
    uint32_t mark[BATCH_ROWS], fill[PARTS + 1] = { 0 };
    for (uint32_t i = 0; i < s->n; i++) {
        mark[i] = s->groups ? mark_of(keys->key[i].mark, s->groups[share_of(s, i)].key.mark) : keys->key[i].mark;
        fill[(mark[i] >> (32 - PART_BITS)) + 1] += input_has(x, i);
    }
    for (uint32_t p = 0; p < PARTS; p++)
        fill[p + 1] += fill[p];
    memcpy(ret_sorted->begin, fill, sizeof fill);
    for (uint32_t i = 0; i < s->n; i++) {
        if (!input_has(x, i))
            continue;
        uint32_t to = fill[mark[i] >> (32 - PART_BITS)]++;
        ret_sorted->key[to] = keys->key[i];
        ret_sorted->key[to].mark = mark[i];
        ret_sorted->owner[to] = share_of(s, i);
    }
}

static int distinct_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    struct sorted sorted;
    uint32_t ids[BATCH_ROWS];
    int r = keys_make(s->keys, &x, 1, s->n);
    if (r < 0 || x->n_present == 0)
        return r;
    sort_rows(s->keys, x, s, &sorted);
    for (uint32_t p = 0; p < PARTS && r == 0; p++) {
        struct table t = table_of(c, p);
        uint32_t from = sorted.begin[p], n = sorted.begin[p + 1] - from;
        if (n)
            r = table_find(&t, sorted.key + from, &s->keys->longs, sorted.owner + from, true, n, ids);
    }
    return r;
}

static int distinct_merge(struct column *into, const struct column *from, const struct merging *m)
{
    uint32_t part = m->part;
    const struct entry_of_key *e = (const struct entry_of_key *)(const void *)from->lane[ENTRIES + part].at;
    uint64_t left = column_length(from, ENTRIES + part, sizeof *e);
    struct table t = table_of(into, part);
    struct key key[BATCH_ROWS];
    uint64_t owner[BATCH_ROWS];
    uint32_t ids[BATCH_ROWS];
    int r = 0;
    for (uint32_t n; left && r == 0; left -= n, e += n) {
        n = left < BATCH_ROWS ? (uint32_t)left : BATCH_ROWS;
        for (uint32_t i = 0; i < n; i++) {
            key[i] = e[i].key;
            owner[i] = m->map[e[i].owner];
        }
        r = table_find(&t, key, &from->lane[LONGS + part], owner, true, n, ids);
    }
    return r;
}

static int distinct_check(struct column *c, uint32_t n_groups)
{
    int r = 0;
    for (uint32_t p = 0; p < PARTS && r == 0; p++) {
        struct table t = table_of(c, p);
        if (!table_holds(&t, 1))
            return -EINVAL;
        for (uint32_t i = 0; i < table_length(&t); i++)
            if (table_at(&t, i)->owner >= n_groups)
                return -EINVAL;
        if (table_length(&t))
            r = table_index(&t);
    }
    return r;
}

void distinct_counts(const struct column *c, uint64_t ret_counts[], uint32_t n_groups)
{
    for (uint32_t p = 0; p < PARTS; p++) {
        const struct entry_of_key *e = (const struct entry_of_key *)(const void *)c->lane[ENTRIES + p].at;
        for (uint64_t n = column_length(c, ENTRIES + p, sizeof *e); n; n--, e++)
            if (e->owner < n_groups)
                ret_counts[e->owner]++;
    }
}

const struct column_ops distinct_ops = { "distinct", LANES, PARTS, distinct_add, distinct_merge, distinct_check };
