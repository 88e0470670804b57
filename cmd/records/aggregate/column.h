/* column.h - one state for each group, of one kind: a count, an exact sum, an extreme ... Aggregates are made of columns, and those that
 * need the same share it: mean(x), sum(x) and stddev(x) have one count, one sum and one sum of squares.
 *
 * A column keeps all it has in its head and its lanes, by index; zero bytes are the state of a group without rows, and a lane may be
 * shorter than the number of groups. */
#pragma once
#include "records/aggregate/input.h"
#include "records/aggregate/lane.h"
#include "records/place.h"

struct entry_of_key;
struct keys;

/* The rows of a batch, and whose they are. */
struct shares {
    uint32_t n, n_groups;       /* rows; groups of the tally, those of this batch included */
    const uint32_t *group;      /* of each row; NULL: all are of group `one` */
    uint32_t one;
    const struct entry_of_key *groups;      /* table.h; NULL: without keys */
    struct keys *keys;          /* room for codes of this batch: for whoever needs it, but not across calls */
    const uint32_t *row;        /* row i begins at `at` + row[i] */
    place at;
};
static inline uint32_t share_of(const struct shares *s, uint32_t row) { return s->group ? s->group[row] : s->one; }

enum { COLUMN_LANES = 32 };     /* most kinds use up to 4 */

struct column_head {
    int16_t scale, scale_limit; /* of decimals in a lane of mantissas; what has more places lies elsewhere. -1: not chosen yet */
    int16_t scale_most;         /* that ever was seen */
    int16_t window;             /* class (exact.h) of the lane of sums of doubles; -1: not chosen yet */
    uint8_t had_truths, had_numbers;    /* kinds of batches it has met: 0 or not */
    uint8_t is_least;           /* min, not max; last, not first */
};

struct column {
    const struct column_ops *ops;
    int32_t input[2];           /* INPUT_NONE: none */
    struct column_head head;
    struct lane lane[COLUMN_LANES];
};

/* What merge goes by: group g of `from` is group map[g] of `into`. n: groups of `from`; n_into: of `into`. */
struct merging {
    const uint32_t *map;
    uint32_t n, n_into;
    uint32_t part;              /* of ops->n_parts */
    bool has_keys;
};

struct column_ops {
    const char *name;
    uint8_t n_lanes;            /* that are written */
    uint8_t n_parts;            /* that merge on their own, also at the same time */
    int (*add)(struct column *c, const struct input *x, const struct input *y, const struct shares *s);     /* 0 or -ENOMEM */
    int (*merge)(struct column *into, const struct column *from, const struct merging *m);                  /* 0 or -ENOMEM */
    /* Of bytes from elsewhere: whether every index in its lanes holds; makes what is not written. 0, -EINVAL, -ENOMEM. */
    int (*check)(struct column *c, uint32_t n_groups);
};

extern const struct column_ops count_ops, count_no_number_ops, sum_ops, product_ops, most_number_ops, most_text_ops, place_number_ops,
                               place_text_ops, values_ops, distinct_ops;
void column_init(struct column *c, const struct column_ops *ops, int32_t x, int32_t y, bool is_least);
void column_fini(struct column *c);

/* Makes a lane long enough for n elements. */
static inline bool column_reach(struct column *c, uint32_t lane, uint64_t n, size_t element)
{
    return lane_reach(&c->lane[lane], n * element);
}
/* Element i of a lane, or NULL where it ends before. */
static inline const void *column_at(const struct column *c, uint32_t lane, uint64_t i, size_t element)
{
    return (i + 1) * element <= c->lane[lane].size ? c->lane[lane].at + i * element : NULL;
}
/* For loops over map[], whose next elements lie anywhere: fetches one that is soon needed. */
static inline void column_fetch(const struct column *c, uint32_t lane, const struct merging *m, uint64_t g, size_t element)
{
    if (g + 16 < m->n)
        __builtin_prefetch(c->lane[lane].at + m->map[g + 16] * element, 1);
}
static inline uint64_t column_length(const struct column *c, uint32_t lane, size_t element) { return c->lane[lane].size / element; }

/* ---- what finish reads ---- */

uint64_t count_of(const struct column *c, uint32_t group);

/* The greatest, least, first or last; missing if there is none. Texts lie in the column. */
struct value number_kept(const struct column *c, uint32_t group);
struct value text_kept(const struct column *c, uint32_t group);

/* First values_sort_out, then any number of the other. Both change the column's order, but not what it holds. 0 or -ENOMEM. */
int values_sort_out(struct column *c, uint32_t n_groups);
struct value values_quantile(struct column *c, uint32_t group, double quantile);

/* ret_counts[n_groups], zeroed. */
void distinct_counts(const struct column *c, uint64_t ret_counts[], uint32_t n_groups);
