/* crash.h - what crash.c and prong_crash.c note of each death, and say of all. */
#pragma once
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct notes { volatile int64_t died, begun; };     /* in memory that all share: just before the death; as the next task begins */
struct crashes { size_t n; int64_t *end, *begin, *seen_to_begin; };

static inline struct crashes crashes_new(size_t most)
{
    struct crashes c = { 0, calloc(most, sizeof(int64_t)), calloc(most, sizeof(int64_t)), calloc(most, sizeof(int64_t)) };
    if (!c.end || !c.begin || !c.seen_to_begin)
        die("calloc");
    return c;
}

static inline void crashes_add(struct crashes *c, struct notes *notes, int64_t seen)
{
    if (notes->died == 0 || notes->begun <= notes->died || seen <= notes->died)
        wrong("a worker did not die, or the next task came too early");
    c->end[c->n] = seen - notes->died;
    c->begin[c->n] = notes->begun - notes->died;
    c->seen_to_begin[c->n++] = notes->begun - seen;
    notes->died = notes->begun = 0;
}

/* So long that a new spare stands ready: deaths are rare. */
static inline void crash_pause(int64_t us)
{
    nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 }, NULL);
}

static inline void crashes_print_and_free(struct crashes *c)
{
    struct times end = times_of(c->end, c->n), begin = times_of(c->begin, c->n), after = times_of(c->seen_to_begin, c->n);
    printf("{\"end_ns\": %.0f, \"end_p99_ns\": %.0f, \"begin_ns\": %.0f, \"begin_p99_ns\": %.0f, \"seen_to_begin_ns\": %.0f, "
           "\"seen_to_begin_p99_ns\": %.0f, \"n\": %zu}\n", end.median_ns, end.p99_ns, begin.median_ns, begin.p99_ns, after.median_ns,
           after.p99_ns, c->n);
    free(c->end);
    free(c->begin);
    free(c->seen_to_begin);
}
