/* prong_start.c - a worker of prong that starts, runs an empty task and ends, for an owner that holds much memory.
 *
 *     prong_start HOW MB SECONDS
 *
 *     solo        prong_solo_start and prong_solo_join
 *     pool        a pool of one worker: opened, closed
 *     pool-run    opened, one run, closed */
#include "prong_use.h"
#include <string.h>

static uint64_t number;
static const prong_pool_opts opts = { .engine = "processes", .workers = 1 };

static int empty(void *record)
{
    ++*(uint64_t *)record;
    return 0;
}

static void solo_once(void *arg)
{
    (void)arg;
    uint64_t got = 0;
    prong_solo *solo;
    number++;
    must(prong_solo_start(&opts, empty, &number, sizeof number, &solo), "prong_solo_start");
    must(prong_solo_join(solo, PRONG_NEVER, &got, NULL), "prong_solo_join");
    prong_solo_free(solo);
    if (got != number + 1)
        wrong("the record of a run is not its own");
}

static void run_in(prong_pool *pool)
{
    prong_future *f;
    must(prong_submit(pool, empty, &number, sizeof number, NULL, &f), "prong_submit");
    must(prong_wait(f, PRONG_NEVER, NULL), "prong_wait");
    if (*(uint64_t *)prong_future_record(f) != number + 1)
        wrong("the record of a run is not its own");
    prong_future_free(f);
}

static void pool_once(void *runs)
{
    prong_pool *pool;
    number++;
    must(prong_pool_open(&opts, &pool), "prong_pool_open");
    if (runs)
        run_in(pool);
    must(prong_pool_close(pool, PRONG_NEVER), "prong_pool_close");
}

int main(int argc, char **argv)
{
    bool is_solo = argc == 4 && strcmp(argv[1], "solo") == 0, runs = argc == 4 && strcmp(argv[1], "pool-run") == 0;
    if (!is_solo && !runs && (argc != 4 || strcmp(argv[1], "pool") != 0)) {
        fputs("usage: prong_start solo|pool|pool-run MB SECONDS\n", stderr);
        return 2;
    }
    place_of("free");
    must(prong_init(), "prong_init");
    hold_memory(strtoul(argv[2], NULL, 10));
    print_times(measure(is_solo ? solo_once : pool_once, runs ? &runs : NULL, 1, atof(argv[3])));
    return 0;
}
