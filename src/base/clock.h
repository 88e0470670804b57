/* clock.h - the one door to the clock, so that a simulated one can stand behind it.
 *
 * Moments are nanoseconds of the monotonic clock, as prong_time; a deadline of PRONG_NEVER (0) never comes. */
#pragma once
#include <prong.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#ifdef PRONG_SIM
prong_time pn_clock(clockid_t id);     /* of the simulated build */
#else
static inline prong_time pn_clock(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);       /* cannot fail for the clocks we name */
    return (prong_time)t.tv_sec * 1000000000 + t.tv_nsec;
}
#endif
static inline prong_time pn_now(void) { return pn_clock(CLOCK_MONOTONIC); }
static inline bool pn_passed(prong_time deadline) { return deadline != PRONG_NEVER && pn_now() >= deadline; }

/* `ms` after `start`; saturates far in the future. */
prong_time pn_after_ms(prong_time start, uint64_t ms);
/* The earlier of two deadlines. */
static inline prong_time pn_earlier(prong_time a, prong_time b)
{
    if (a == PRONG_NEVER || b == PRONG_NEVER)
        return a == PRONG_NEVER ? b : a;
    return a < b ? a : b;
}
/* Milliseconds until `deadline` for poll(): rounded up, -1 for never. */
int pn_poll_ms(prong_time deadline);
