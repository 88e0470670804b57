/* behave.h - how the stand-in misbehaves: "NAME[:PERCENT][,...]", drawn anew for each request that would run. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum behaviour {
    BEHAVE_WELL,
    BEHAVE_DECLINE,         /* the card is declined */
    BEHAVE_SLOW,            /* charged, answered after SLOW_MS */
    BEHAVE_DROP,            /* closed without an answer, not charged */
    BEHAVE_CHARGE_DROP,     /* charged, closed without an answer */
    BEHAVE_HANG,            /* never answered, not charged */
    BEHAVE_CHARGE_HANG,     /* charged, never answered */
    BEHAVE_500,             /* not charged */
    BEHAVE_CHARGE_500,      /* charged, and says 500: the next try with this key learns of it */
    BEHAVE_429,             /* too many: Retry-After: 1; not charged */
    BEHAVE_GARBAGE,         /* 200 and no JSON, not charged */
    BEHAVE_CHARGE_GARBAGE,  /* the same, charged */
    BEHAVE_HALF,            /* charged, half the answer, closed */
    BEHAVE_IN_PROGRESS,     /* 409, as if another request with this key were under way; not charged */
    BEHAVIOURS
};
enum { SLOW_MS = 3000 };

struct behave {
    uint8_t percent[BEHAVIOURS];        /* together at most 100; of BEHAVE_WELL it is what is left */
};
/* "" is BEHAVE_WELL; a name alone is 100 %. -EINVAL: no such name, no percentage, over 100 in all. */
int behave_read(const char *text, struct behave *ret_behave);
int behave_named(const char *name, size_t size);        /* -1: there is none */
const char *behave_name(enum behaviour behaviour);

/* *seed goes on; from the same seed come the same draws. */
enum behaviour behave_draw(const struct behave *behave, uint64_t *seed);
