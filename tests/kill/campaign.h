/* campaign.h - what a campaign is asked for, and what has come of it so far. */
#pragma once
#include "owners.h"
#include "room.h"
#include <stdbool.h>
#include <stdint.h>

struct campaign {
    const char *token;                   /* all processes of it carry it */
    uint64_t seed;
    uint32_t kills, scribbles, workers, grace_ms;
    unsigned who;                        /* KILL_... */
    bool owners, takes_over, no_stops, json, quiet;
    int64_t begun_at, deadline;          /* ns, monotonic */

    uint32_t killed, killed_workers, killed_zygotes, killed_standbys, scribbled, rounds;
    struct room before, halfway, after;  /* the first round, half of them, all of them */
    struct owners of_owners;
};

/* rounds.c: one pool after the other, until all is done or something was wrong. */
void run_rounds(struct campaign *c);
