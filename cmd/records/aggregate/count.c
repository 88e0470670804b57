/* count.c - rows, or those in which the arguments are present; 64 bits each. */
#include "records/aggregate/column.h"

#include <errno.h>

static void count_rows(uint64_t *count, const uint64_t *present, const struct shares *s)
{
    if (!present)
        for (uint32_t i = 0; i < s->n; i++)
            count[s->group[i]]++;
    else
        for (uint32_t i = 0; i < s->n; i++)
            count[s->group[i]] += present[i / 64] >> i % 64 & 1;
}

static int count_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    if (!column_reach(c, 0, s->n_groups, sizeof(uint64_t)))
        return -ENOMEM;
    uint64_t *count = (uint64_t *)(void *)c->lane[0].at;
    if (s->group)
        count_rows(count, x ? x->present : NULL, s);
    else
        count[s->one] += x ? x->n_present : s->n;
    return 0;
}

/* Rows in which y, the text of a cell, is present, but x, its number, is not. */
static int count_no_number_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    if (!x->present)
        return 0;
    for (uint32_t k = 0; k < (s->n + 63) / 64; k++) {
        uint64_t last = s->n - 64 * k < 64 ? (UINT64_C(1) << (s->n - 64 * k)) - 1 : UINT64_MAX;
        uint64_t odd = (y->present ? y->present[k] : last) & ~x->present[k];
        if (odd && !column_reach(c, 0, s->n_groups, sizeof(uint64_t)))
            return -ENOMEM;
        for (; odd; odd &= odd - 1)
            ((uint64_t *)(void *)c->lane[0].at)[share_of(s, 64 * k + (uint32_t)__builtin_ctzll(odd))]++;
    }
    return 0;
}

static int count_merge(struct column *into, const struct column *from, const struct merging *m)
{
    uint64_t n = column_length(from, 0, sizeof(uint64_t));
    if (n && !column_reach(into, 0, m->n_into, sizeof(uint64_t)))
        return -ENOMEM;
    const uint64_t *count = (const uint64_t *)(const void *)from->lane[0].at;
    for (uint64_t g = 0; g < n; g++) {
        column_fetch(into, 0, m, g, sizeof *count);
        ((uint64_t *)(void *)into->lane[0].at)[m->map[g]] += count[g];
    }
    return 0;
}

static int count_check(struct column *c, uint32_t n_groups)
{
    return c->lane[0].size % sizeof(uint64_t) || column_length(c, 0, sizeof(uint64_t)) > n_groups ? -EINVAL : 0;
}

uint64_t count_of(const struct column *c, uint32_t group)
{
    const uint64_t *count = column_at(c, 0, group, sizeof *count);
    return count ? *count : 0;
}

const struct column_ops count_ops = { "count", 1, 1, count_add, count_merge, count_check };
const struct column_ops count_no_number_ops = { "count no number", 1, 1, count_no_number_add, count_merge, count_check };
