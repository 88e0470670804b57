/* owners.h - programs that use prong are killed at random instants, and nothing of them may be left. */
#pragma once
#include <stdint.h>

struct owners {
    const char *program;             /* this one: is started with --kills and the rest */
    uint32_t kills, workers;
    uint64_t seed;
    uint32_t grace_ms;               /* so long after the kill everything may take to go */
    uint32_t done, with_segments;    /* told: how many had shared memory when they were killed */
    int64_t longest_ns;              /* until the last process was gone */
};

/* Complains of what is left. Stops at `deadline` (ns, monotonic). */
void owners_kill(struct owners *o, int64_t deadline);
