/* merge.c - first the groups are numbered: those of all[0] keep their numbers, new ones follow. Then each column is merged by these
 * numbers.
 *
 * With many groups both are done by several workers. For numbering, the marks of the groups are divided into parts: a part's groups lie
 * together in the slots of every table, all[0]'s table is only read, and new ones go to a small table of the part, whose groups get
 * their final numbers when all parts are known. Columns do not know of each other, so each of them (of a set, each of its tables) is one
 * task. */
#include "records/aggregate/inside.h"

#include <errno.h>
#include <stdlib.h>

enum { MARK_PARTS = 32, MARK_SHIFT = 27, MANY_GROUPS = 1 << 15, MANY_WORKERS = 4, BLOCK = 256 };

/* A number that is not final: of a new group, in its part. */
#define NEW_GROUP (UINT32_C(1) << 31)

struct merge {
    struct tally *const *all;
    size_t n;
    uint32_t **map;             /* [n]: of each tally's groups; [0] is NULL */
    struct lane fresh[MARK_PARTS][3];
    uint32_t first[MARK_PARTS];             /* number of a part's first new group */
    int *result;                /* of each task */
    struct task { uint32_t column, part; } *task;
    uint32_t n_tasks;
};

static struct table fresh_table(struct merge *m, uint32_t part)
{
    struct lane *lane = m->fresh[part];
    return (struct table){ &lane[0], &lane[1], &lane[2], true };
}

/* ---- tasks, here or elsewhere ---- */

static int run_tasks(prong_pool *pool, uint32_t n, prong_range_fn *fn, struct merge *m)
{
    memset(m->result, 0, n * sizeof *m->result);
    int r = pool ? prong_for(pool, 0, n, fn, &m, sizeof m, NULL) : fn(0, n, &m);
    for (uint32_t k = 0; k < n && r == 0; k++)
        r = m->result[k];
    return r > 0 ? -ECANCELED : r;
}

/* ---- numbering, here ---- */

static void take_first(struct table *into, uint32_t id, place first)
{
    struct entry_of_key *e = table_at(into, id);
    e->first = first < e->first ? first : e->first;
}

static int number_groups(struct tally *into, const struct tally *from, uint32_t *ret_map)
{
    struct table groups = tally_groups(into), others = tally_groups(from);
    struct key key[BLOCK];
    uint64_t first[BLOCK];
    int r = table_reserve(&groups, from->n_groups);
    for (uint32_t at = 0, n; at < from->n_groups && r == 0; at += n) {
        n = from->n_groups - at < BLOCK ? from->n_groups - at : BLOCK;
        for (uint32_t i = 0; i < n; i++) {
            key[i] = table_at(&others, at + i)->key;
            first[i] = table_at(&others, at + i)->first;
        }
        r = table_find(&groups, key, others.longs, first, false, n, ret_map + at);
        for (uint32_t i = 0; i < n && r == 0; i++)
            take_first(&groups, ret_map[at + i], first[i]);
    }
    into->n_groups = table_length(&groups);
    return r;
}

static int number_all_here(struct merge *m)
{
    int r = 0;
    for (size_t i = 1; i < m->n && r == 0; i++)
        if (m->all[0]->plan->n_keys)
            r = number_groups(m->all[0], m->all[i], m->map[i]);
    return r;
}

/* ---- numbering, by parts ---- */

/* Up to BLOCK groups of this part, from slot *at on, which begins at the part's first slot. Returns how many; 0: no more. */
static uint32_t next_of_part(const struct table *t, uint32_t part, uint64_t *at, uint32_t *ret_ids)
{
    uint64_t n_slots = t->slots->size / sizeof(uint64_t), end = n_slots / MARK_PARTS * (part + 1);
    uint32_t n = 0;
    for (; n < BLOCK && *at < end + n_slots; ++*at) {
        uint64_t slot = ((const uint64_t *)(const void *)t->slots->at)[*at & (n_slots - 1)];
        if (!slot && *at >= end)
            break;
        if (slot && slot >> (32 + MARK_SHIFT) == part)
            ret_ids[n++] = (uint32_t)slot - 1;
    }
    return n;
}

static int number_block(struct merge *m, uint32_t part, size_t i, const uint32_t *ids, uint32_t n)
{
    struct table groups = tally_groups(m->all[0]), others = tally_groups(m->all[i]), fresh = fresh_table(m, part);
    struct key key[BLOCK];
    uint64_t first[BLOCK];
    uint32_t found[BLOCK], one;
    for (uint32_t k = 0; k < n; k++)
        __builtin_prefetch(table_at(&others, ids[k]));
    for (uint32_t k = 0; k < n; k++) {
        key[k] = table_at(&others, ids[k])->key;
        first[k] = table_at(&others, ids[k])->first;
    }
    table_seek(&groups, key, others.longs, n, found);
    for (uint32_t k = 0; k < n; k++) {
        if (found[k] != TABLE_NONE) {
            take_first(&groups, found[k], first[k]);
            m->map[i][ids[k]] = found[k];
            continue;
        }
        int r = table_find(&fresh, &key[k], others.longs, &first[k], false, 1, &one);
        if (r < 0)
            return r;
        take_first(&fresh, one, first[k]);
        m->map[i][ids[k]] = one | NEW_GROUP;
    }
    return 0;
}

static int number_parts(uint64_t lo, uint64_t hi, void *record)
{
    struct merge *m = *(struct merge **)record;
    uint32_t ids[BLOCK];
    for (uint32_t part = (uint32_t)lo; part < hi; part++)
        for (size_t i = 1; i < m->n; i++) {
            struct table others = tally_groups(m->all[i]);
            uint64_t at = others.slots->size / sizeof(uint64_t) / MARK_PARTS * part;
            for (uint32_t n; m->result[part] == 0 && others.slots->size && (n = next_of_part(&others, part, &at, ids)) > 0;)
                m->result[part] = number_block(m, part, i, ids, n);
        }
    return 0;
}

static int settle_maps(uint64_t lo, uint64_t hi, void *record)
{
    struct merge *m = *(struct merge **)record;
    for (uint64_t i = lo + 1; i < hi + 1; i++) {
        struct table others = tally_groups(m->all[i]);
        for (uint32_t g = 0; g < m->all[i]->n_groups; g++)
            if (m->map[i][g] & NEW_GROUP)
                m->map[i][g] = (m->map[i][g] & ~NEW_GROUP) + m->first[table_at(&others, g)->key.mark >> MARK_SHIFT];
    }
    return 0;
}

static int number_all_by_parts(struct merge *m, prong_pool *pool)
{
    struct tally *into = m->all[0];
    struct table groups = tally_groups(into);
    int r = run_tasks(pool, MARK_PARTS, number_parts, m);
    uint64_t n_fresh = 0;
    for (uint32_t part = 0; part < MARK_PARTS; part++)
        n_fresh += m->fresh[part][0].size / sizeof(struct entry_of_key);
    if (r == 0)
        r = table_reserve(&groups, n_fresh);
    for (uint32_t part = 0; part < MARK_PARTS && r == 0; part++) {
        struct table fresh = fresh_table(m, part);
        m->first[part] = table_length(&groups);
        r = table_append(&groups, &fresh);
    }
    into->n_groups = table_length(&groups);
    return r == 0 ? run_tasks(pool, (uint32_t)m->n - 1, settle_maps, m) : r;
}

/* ---- columns ---- */

static int merge_tasks(uint64_t lo, uint64_t hi, void *record)
{
    struct merge *m = *(struct merge **)record;
    struct tally *into = m->all[0];
    for (uint64_t k = lo; k < hi; k++) {
        struct column *c = &into->column[m->task[k].column];
        for (size_t i = 1; i < m->n && m->result[k] == 0; i++) {
            struct merging how = { m->map[i], m->all[i]->n_groups, into->n_groups, m->task[k].part, into->plan->n_keys > 0 };
            m->result[k] = c->ops->merge(c, &m->all[i]->column[m->task[k].column], &how);
        }
    }
    return 0;
}

static int prepare(struct merge *m)
{
    const struct tally *into = m->all[0];
    for (uint32_t k = 0; k < into->n_columns; k++)
        m->n_tasks += into->column[k].ops->n_parts;
    m->map = calloc(m->n, sizeof *m->map);
    m->task = calloc(m->n_tasks + 1, sizeof *m->task);
    m->result = calloc(m->n_tasks + m->n + MARK_PARTS, sizeof *m->result);
    if (!m->map || !m->task || !m->result)
        return -ENOMEM;
    for (size_t i = 1; i < m->n; i++)
        if (!(m->map[i] = calloc((size_t)m->all[i]->n_groups + 1, sizeof **m->map)))
            return -ENOMEM;
    struct task *task = m->task;
    for (uint32_t k = 0; k < into->n_columns; k++)
        for (uint32_t part = 0; part < into->column[k].ops->n_parts; part++)
            *task++ = (struct task){ k, part };
    return 0;
}

static void give_back(struct merge *m)
{
    for (size_t i = 1; m->map && i < m->n; i++)
        free(m->map[i]);
    for (uint32_t part = 0; part < MARK_PARTS; part++)
        for (int k = 0; k < 3; k++)
            lane_free(&m->fresh[part][k]);
    free(m->map);
    free(m->task);
    free(m->result);
}

/* Whether it pays to wake others. */
static bool is_much(const struct merge *m)
{
    uint64_t size = 0;
    for (size_t i = 0; i < m->n; i++)
        size += tally_size(m->all[i]);
    return size >= UINT64_C(1) << 20;
}

int tally_merge(struct tally *const all[], size_t n, prong_pool *pool)
{
    if (n < 2)
        return 0;
    struct merge m = { .all = all, .n = n };
    uint64_t n_groups = 0;
    for (size_t i = 0; i < n; i++)
        n_groups += all[i]->n_groups;
    if (pool && (!prong_promises(pool, PRONG_SHARES_ALL) || !is_much(&m)))
        pool = NULL;
    int r = prepare(&m);
    /* Numbering by parts looks at each group twice: with two or three workers nothing is won by it. */
    bool by_parts = pool && prong_pool_workers(pool) >= MANY_WORKERS && n_groups >= MANY_GROUPS && n_groups < NEW_GROUP;
    if (r == 0)
        r = by_parts ? number_all_by_parts(&m, pool) : number_all_here(&m);
    if (r == 0)
        r = run_tasks(pool, m.n_tasks, merge_tasks, &m);
    for (size_t i = 1; i < n && r == 0; i++) {
        all[0]->latest = all[i]->latest > all[0]->latest ? all[i]->latest : all[0]->latest;
        tally_empty(all[i]);
    }
    give_back(&m);
    return r;
}
