/* prong_idle.c - memory of a worker of prong that has run one empty task and waits for more. */
#include "prong_use.h"
#include "idle.h"
#include <time.h>
#include <unistd.h>

enum { REST_MS = 50 };      /* until it sleeps */

static int tell_pid(void *record)
{
    *(pid_t *)record = getpid();
    return 0;
}

int main(void)
{
    prong_future *f;
    pid_t pid = 0;
    struct place place = place_of("free");
    must(prong_init(), "prong_init");
    prong_pool *pool = open_pool(place);
    must(prong_submit(pool, tell_pid, &pid, sizeof pid, NULL, &f), "prong_submit");
    must(prong_wait(f, PRONG_NEVER, NULL), "prong_wait");
    pid = *(pid_t *)prong_future_record(f);
    prong_future_free(f);
    nanosleep(&(struct timespec){ .tv_nsec = REST_MS * 1000000 }, NULL);
    print_memory(pid);
    must(prong_pool_close(pool, PRONG_NEVER), "prong_pool_close");
    return 0;
}
