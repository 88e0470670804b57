/* clock.c - CLOCK_BOOTTIME, moved to where the wall clock was at the first call. */
#include "base/clock.h"

#include <pthread.h>
#include <time.h>

static int64_t shift_ms;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_shift(void)
{
    shift_ms = read_ms(CLOCK_REALTIME) - read_ms(CLOCK_BOOTTIME);
}

int64_t clock_ms(void)
{
    (void)pthread_once(&once, set_shift);
    return read_ms(CLOCK_BOOTTIME) + shift_ms;
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}
