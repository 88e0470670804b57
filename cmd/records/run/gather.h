/* gather.h - what the runs of a job leave, taken as they end: one tally, the first flaw in the input, what went wrong. */
#pragma once
#include "records/run/order.h"

enum { GATHER_TALLIES = 64 };
struct gather {
    const struct order *order;
    prong_pool *pool;
    prong_group *group;
    uint32_t in_flight;
    struct tally *tally[GATHER_TALLIES];    /* melted into one when there is no room for the next */
    size_t n;
    struct flaw flaw;               /* of all, the first in the input; kind 0: none */
    bool was_interrupted, has_failed;
    prong_error end;                /* has_failed: how that run ended ... */
    struct work_run failed;         /* ... and what it was to do */
    struct odds odds;
    struct work_count count;
};
/* SAY_OK; or the exit status, said. */
int gather_open(struct gather *g, const struct order *order, prong_pool *pool);
void gather_close(struct gather *g);        /* waits for what is in flight, and forgets it */

/* One run more. SAY_OK; or the exit status, said. */
int gather_submit(struct gather *g, const struct work_run *run);

/* Takes one that has ended, after having waited until the deadline; ret_run: as it was left. 0, -ETIMEDOUT, -ENOENT: none is in flight. */
int gather_take(struct gather *g, prong_time deadline, struct work_run *ret_run);

/* A flaw that the owner found itself. */
void gather_flaw(struct gather *g, const struct flaw *flaw);

/* No more is to be submitted: something is wrong, or it was interrupted. */
bool gather_is_over(const struct gather *g);

/* All tallies become one, which is the caller's to free. SAY_OK; or the exit status, said. */
int gather_melt(struct gather *g, struct tally **ret_tally);

/* What is wrong, told; SAY_OK if nothing is. */
int gather_say(const struct gather *g, const struct sources *sources);
