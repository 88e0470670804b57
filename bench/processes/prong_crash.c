/* prong_crash.c - from a worker's death until its future has failed, and until the next run, queued behind it, begins.
 *
 *     prong_crash N PAUSE_US
 *
 * The pool has one worker; the owner waits for the future of the run that dies. Prints as crash.c does. */
#include "prong_use.h"
#include "crash.h"
#include <signal.h>
#include <unistd.h>

static int note_and_die(void *record)
{
    struct notes *notes = *(struct notes **)record;
    notes->died = now_ns();
    kill(getpid(), SIGKILL);
    return 0;
}

static int note(void *record)
{
    struct notes *notes = *(struct notes **)record;
    notes->begun = now_ns();
    return 0;
}

static int64_t crash_once(prong_pool *pool, struct notes *notes)
{
    prong_future *dies, *next;
    prong_error error;
    must(prong_submit(pool, note_and_die, &notes, sizeof notes, NULL, &dies), "prong_submit");
    must(prong_submit(pool, note, &notes, sizeof notes, NULL, &next), "prong_submit");
    int r = prong_wait(dies, PRONG_NEVER, &error);
    int64_t seen = now_ns();
    if (r != PRONG_CRASHED || error.code != SIGKILL)
        wrong("the run did not crash");
    must(prong_wait(next, PRONG_NEVER, NULL), "prong_wait");
    prong_future_free(dies);
    prong_future_free(next);
    return seen;
}

int main(int argc, char **argv)
{
    size_t n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    if (n == 0) {
        fputs("usage: prong_crash N PAUSE_US\n", stderr);
        return 2;
    }
    struct place place = place_of("free");
    must(prong_init(), "prong_init");
    prong_pool *pool = open_pool(place);
    struct notes *notes = prong_alloc(pool, sizeof *notes, PRONG_WRITE);
    if (!notes)
        die("prong_alloc");
    struct crashes crashes = crashes_new(n);
    for (size_t i = 0; i < n; i++) {
        crash_pause(atoll(argv[2]));
        int64_t seen = crash_once(pool, notes);
        crashes_add(&crashes, notes, seen);
    }
    crashes_print_and_free(&crashes);
    must(prong_pool_close(pool, PRONG_NEVER), "prong_pool_close");
    return 0;
}
