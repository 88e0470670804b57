/* bytes.c - a tally as a plain copy of its lanes, each behind its size. Who reads it trusts nothing: sizes, indexes and codes are looked at
 * before any of them is used; what they hold may then be wrong, but not harmful. */
#include "records/aggregate/inside.h"

#include <errno.h>

enum { MAGIC = 0x7970c1a5, GROUP_LANES = 2, ALIGNED = 16 };

struct head {
    uint32_t magic, n_columns, n_groups, n_keys;
    uint64_t size;              /* of everything */
    place latest;
};

static size_t padded(size_t size) { return (size + ALIGNED - 1) / ALIGNED * ALIGNED; }
static size_t lane_size(const struct lane *lane) { return ALIGNED + padded(lane->size); }

size_t tally_size(const struct tally *t)
{
    size_t size = padded(sizeof(struct head));
    for (int k = 0; k < GROUP_LANES; k++)
        size += lane_size(&t->group_lane[k]);
    for (uint32_t k = 0; k < t->n_columns; k++) {
        size += padded(sizeof t->column[k].head);
        for (uint32_t j = 0; j < t->column[k].ops->n_lanes; j++)
            size += lane_size(&t->column[k].lane[j]);
    }
    return size;
}

static char *write_piece(char *to, const void *from, size_t size)
{
    if (size)
        memcpy(to, from, size);
    memset(to + size, 0, padded(size) - size);
    return to + padded(size);
}

static char *write_lane(char *to, const struct lane *lane)
{
    uint64_t size = lane->size;
    return write_piece(write_piece(to, &size, sizeof size), lane->at, lane->size);
}

void tally_write(const struct tally *t, void *bytes)
{
    struct head head = { MAGIC, t->n_columns, t->n_groups, t->plan->n_keys, tally_size(t), t->latest };
    char *to = write_piece(bytes, &head, sizeof head);
    for (int k = 0; k < GROUP_LANES; k++)
        to = write_lane(to, &t->group_lane[k]);
    for (uint32_t k = 0; k < t->n_columns; k++) {
        to = write_piece(to, &t->column[k].head, sizeof t->column[k].head);
        for (uint32_t j = 0; j < t->column[k].ops->n_lanes; j++)
            to = write_lane(to, &t->column[k].lane[j]);
    }
}

/* ---- reading ---- */

struct reading { const char *at; size_t left; };

static int read_piece(struct reading *from, void *to, size_t size)
{
    if (size > from->left || padded(size) > from->left)
        return -EINVAL;
    if (size)
        memcpy(to, from->at, size);
    from->at += padded(size);
    from->left -= padded(size);
    return 0;
}

static int read_lane(struct reading *from, struct lane *lane)
{
    uint64_t size;
    int r = read_piece(from, &size, sizeof size);
    if (r < 0 || size > from->left)
        return -EINVAL;
    return lane_reach(lane, size) ? read_piece(from, lane->at, size) : -ENOMEM;
}

static int read_column(struct reading *from, struct column *c)
{
    uint8_t is_least = c->head.is_least;
    int r = read_piece(from, &c->head, sizeof c->head);
    c->head.is_least = is_least;
    for (uint32_t j = 0; j < c->ops->n_lanes && r == 0; j++)
        r = read_lane(from, &c->lane[j]);
    return r;
}

static int read_groups(struct reading *from, struct tally *t, uint32_t n_groups)
{
    struct table groups = tally_groups(t);
    int r = 0;
    for (int k = 0; k < GROUP_LANES && r == 0; k++)
        r = read_lane(from, &t->group_lane[k]);
    if (r < 0)
        return r;
    t->n_groups = n_groups;
    if (!t->plan->n_keys)
        return n_groups == 1 && !groups.entries->size ? 0 : -EINVAL;
    if (!table_holds(&groups, t->plan->n_keys) || table_length(&groups) != n_groups)
        return -EINVAL;
    return n_groups ? table_index(&groups) : 0;
}

static int read_all(struct reading *from, struct tally *t, size_t size)
{
    struct head head;
    int r = read_piece(from, &head, sizeof head);
    if (r < 0 || head.magic != MAGIC || head.n_columns != t->n_columns || head.n_keys != t->plan->n_keys || head.size != size)
        return -EINVAL;
    t->latest = head.latest;
    r = read_groups(from, t, head.n_groups);
    for (uint32_t k = 0; k < t->n_columns && r == 0; k++) {
        r = read_column(from, &t->column[k]);
        if (r == 0)
            r = t->column[k].ops->check(&t->column[k], t->n_groups);
    }
    return r == 0 && from->left ? -EINVAL : r;
}

int tally_read(const struct plan *plan, const void *bytes, size_t size, struct tally **ret_tally)
{
    struct tally *t;
    struct reading from = { bytes, size };
    int r = tally_new(plan, &t);
    if (r < 0)
        return r;
    r = read_all(&from, t, size);
    if (r < 0) {
        tally_free(t);
        return r;
    }
    *ret_tally = t;
    return 0;
}
