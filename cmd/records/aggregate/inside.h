/* inside.h - a tally as its own files see it. */
#pragma once
#include "records/aggregate/table.h"
#include "records/aggregate/tally.h"

/* What an aggregate is computed from: a column for each role, -1 where it has none. */
enum role {
    ROLE_COUNT, ROLE_X, ROLE_Y, ROLE_XX, ROLE_YY, ROLE_XY, ROLES,
    ROLE_NUMBER = ROLE_X, ROLE_TEXT = ROLE_Y, ROLE_NO_NUMBER = ROLE_XX, ROLE_VALUES = ROLE_X, ROLE_SET = ROLE_X   /* of other kinds */
};
struct recipe { int32_t column[ROLES]; };

struct tally {
    const struct plan *plan;
    uint32_t n_groups;          /* as many as `groups` has entries; without keys always 1 */
    uint32_t n_inputs, n_columns;
    int32_t *key_input;         /* [plan->n_keys] */
    struct input *input;        /* [n_inputs] */
    struct column *column;      /* [n_columns] */
    struct recipe *recipe;      /* [plan->n_aggregates] */
    struct lane group_lane[3];  /* entries, long keys, slots */
    place latest;               /* no row so far begins behind it */
    struct keys *keys;          /* room for a batch; NULL until then */
    uint64_t *counts;           /* of finish: the distinct values of each group */
};

static inline struct table tally_groups(const struct tally *t)
{
    struct lane *lane = ((struct tally *)(uintptr_t)t)->group_lane;
    return (struct table){ &lane[0], &lane[1], &lane[2], false };
}

/* Fills in inputs, columns and recipes. 0 or -ENOMEM. */
int recipes_make(struct tally *t);

/* No rows any more; what it has taken is given back. */
void tally_empty(struct tally *t);

/* One result: what the aggregate comes to in this group. */
struct value result_of(struct tally *t, uint32_t aggregate, uint32_t group);
