#include "tally.h"
#include "harness.h"
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_S = SANITIZED ? 150 : 50 };     /* just below the time limit of a case */

uint32_t tally_read(struct tally *t) { return atomic_load_explicit(&t->value, memory_order_acquire); }

uint32_t tally_add(struct tally *t, uint32_t n)
{
    uint32_t before = atomic_fetch_add_explicit(&t->value, n, memory_order_acq_rel);
    (void)syscall(SYS_futex, &t->value, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    return before;
}

/* The kernel compares the word again before it lets anybody sleep, so no growth is missed. */
static void sleep_on(struct tally *t, uint32_t seen, long ns)
{
    struct timespec limit = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    (void)syscall(SYS_futex, &t->value, FUTEX_WAIT, seen, &limit, NULL, 0);
}

bool tally_glance(struct tally *t, uint32_t at_least)
{
    uint32_t seen = tally_read(t);
    if (seen < at_least)
        sleep_on(t, seen, 1000000);
    return tally_read(t) >= at_least;
}

void tally_await(struct tally *t, uint32_t at_least)
{
    time_t begin = time(NULL);
    uint32_t seen;
    while ((seen = tally_read(t)) < at_least) {
        if (time(NULL) - begin > LONGEST_S) {
            (void)fprintf(stderr, "waited in vain for a tally to reach %u: it is %u\n", (unsigned)at_least, (unsigned)seen);
            abort();
        }
        sleep_on(t, seen, 1000000000);
    }
}
