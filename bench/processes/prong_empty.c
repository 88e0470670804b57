/* prong_empty.c - empty runs, many at a time, to one worker of prong; each takes a number there and brings it back, one higher.
 *
 *     prong_empty HOW PLACE SECONDS
 *
 *     window-N  N futures are under way, the oldest is taken, the next run is submitted
 *     batch-N   N runs are submitted, then their futures are taken in order
 *     group-N   N runs without a future of their own are submitted, then taken from their group
 *     link-N    the same through prong/link.h: reserved, submitted, taken and freed many at a time */
#include "prong_use.h"
#include <prong/link.h>
#include <string.h>

enum { MOST = 4096 };

static prong_pool *pool;
static prong_group *group;
static prong_future *futures[MOST];
static uint64_t submitted, taken, sum;      /* runs so far; of the numbers that a group has brought: what they are too much */
static size_t n;

static int empty(void *record)
{
    ++*(uint64_t *)record;
    return 0;
}

static void submit(const prong_run_opts *opts, prong_future **ret_future)
{
    must(prong_submit(pool, empty, &submitted, sizeof submitted, opts, ret_future), "prong_submit");
    submitted++;
}

static void take_oldest(void)
{
    prong_future *f = futures[taken % n];
    must(prong_wait(f, PRONG_NEVER, NULL), "prong_wait");
    if (*(uint64_t *)prong_future_record(f) != ++taken)
        wrong("the record of a run is not its own");
    prong_future_free(f);
}

static void window_once(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        if (submitted - taken == n)
            take_oldest();
        submit(NULL, &futures[submitted % n]);
    }
}

static void batch_once(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        submit(NULL, &futures[submitted % n]);
    for (size_t i = 0; i < n; i++)
        take_oldest();
}

static void group_once(void *arg)
{
    (void)arg;
    uint64_t wanted = 0;
    for (size_t i = 0; i < n; i++) {
        wanted += submitted + 1;
        submit(&(prong_run_opts){ .group = group }, NULL);
    }
    sum = 0;
    for (size_t i = 0; i < n; i++) {
        prong_future *f;
        must(prong_group_next(group, PRONG_NEVER, &f), "prong_group_next");
        must(prong_wait(f, PRONG_NOW, NULL), "prong_wait");
        sum += *(uint64_t *)prong_future_record(f);
        prong_future_free(f);
        taken++;
    }
    if (sum != wanted)
        wrong("the records of a group do not add up");
}

static void link_once(void *arg)
{
    static prong_reserved *reserved[MOST];
    static uint64_t *records[MOST];
    size_t got;
    (void)arg;
    must(prong_link_reserve(pool, sizeof **records, n, reserved, (void **)records), "prong_link_reserve");
    for (size_t i = 0; i < n; i++)
        *records[i] = submitted + i;
    must(prong_link_submit(pool, empty, reserved, n, &(prong_run_opts){ .group = group, .tag = submitted }, NULL), "prong_link_submit");
    submitted += n;
    for (; taken < submitted; taken += got) {
        must(prong_link_take(group, PRONG_NEVER, n, futures, &got), "prong_link_take");
        for (size_t i = 0; i < got; i++)
            if (*(uint64_t *)prong_future_record(futures[i]) != prong_future_tag(futures[i]) + 1)
                wrong("the record of a run is not its own");
        prong_link_free(futures, got);
    }
}

static const struct way { const char *prefix; void (*once)(void *arg); } ways[] = {
    { "window-", window_once }, { "batch-", batch_once }, { "group-", group_once }, { "link-", link_once },
};

int main(int argc, char **argv)
{
    const struct way *way = NULL;
    for (size_t i = 0; argc == 4 && i < sizeof ways / sizeof *ways; i++)
        if (strncmp(argv[1], ways[i].prefix, strlen(ways[i].prefix)) == 0)
            way = &ways[i];
    n = way ? strtoul(argv[1] + strlen(way->prefix), NULL, 10) : 0;
    if (n < 1 || n > MOST) {
        fputs("usage: prong_empty window-N|batch-N|group-N|link-N PLACE SECONDS\n", stderr);
        return 2;
    }
    struct place place = place_of(argv[2]);
    must(prong_init(), "prong_init");
    pool = open_pool(place);
    must(prong_group_open(pool, &group), "prong_group_open");
    struct times t = measure(way->once, NULL, n, atof(argv[3]));
    while (taken < submitted)
        take_oldest();
    print_times(t);
    must(prong_group_close(group, PRONG_NEVER, NULL), "prong_group_close");
    must(prong_pool_close(pool, PRONG_NEVER), "prong_pool_close");
    return 0;
}
