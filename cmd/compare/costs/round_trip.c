/* round_trip.c - pools of one worker, of all engines beside each other, and runs that do nothing.
 *
 * All waits have a deadline: without one the library may run a task in the thread that waits for it, and nothing would be handed over. */
#include "compare/costs/round_trip.h"

#include "compare/costs/series.h"
#include "say.h"

#include <stdio.h>
#include <time.h>

enum { LIMIT_MS = 10000, PARKED_ROUNDS = 100, STREAM_ROUNDS = 12, STREAM_RUNS = 1000 };

static int do_nothing(void *record)
{
    (void)record;
    return 0;
}

/* The pause belongs to the experiment: in it the worker finds no work and goes to sleep, so what is measured has a wake-up in it. */
static int take_parked(const struct way *way, double *ret_seconds, char ret_why[WHY_SIZE])
{
    prong_error end;
    prong_future *run;
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = 1000000 }, NULL);
    double start = measure_now();
    int r = prong_submit(way->pool, do_nothing, NULL, 0, NULL, &run);
    if (r < 0)
        return series_why(r, NULL, ret_why);
    r = prong_wait(run, prong_in_ms(LIMIT_MS), &end);
    *ret_seconds = measure_now() - start;
    prong_future_free(run);
    return r == 0 ? 0 : series_why(r, &end, ret_why);
}

static int take_stream(const struct way *way, double *ret_seconds, char ret_why[WHY_SIZE])
{
    static prong_future *runs[STREAM_RUNS];
    prong_error end;
    int r = 0;
    size_t n = 0;
    double start = measure_now();
    while (n < STREAM_RUNS && (r = prong_submit(way->pool, do_nothing, NULL, 0, NULL, &runs[n])) == 0)
        n++;
    if (r == 0)
        r = prong_wait_all(runs, n, prong_in_ms(LIMIT_MS), &end);
    *ret_seconds = (measure_now() - start) / STREAM_RUNS;
    int result = r == 0 ? 0 : series_why(r, &end, ret_why);
    while (n-- > 0)
        prong_future_free(runs[n]);
    return result;
}

static void add_pool(struct series *series, const struct contender *c, way_fn *take)
{
    if (!contender_is_in(c))
        return;
    series_add(series, c->engine, take);
    struct way *way = &series->way[series->n - 1];
    int r = prong_pool_open(&(prong_pool_opts){ .engine = c->kind, .workers = 1 }, &way->pool);
    if (r < 0)
        (void)series_why(r, NULL, way->why);
}

static int measure(struct series *series, way_fn *take, const struct contender contenders[], struct costs *costs)
{
    add_pool(series, &contenders[C_THREADS], take);
    add_pool(series, &contenders[C_PROCESSES], take);
    int status = series->n ? series_measure(series, costs) : SAY_OK;
    for (size_t i = 0; i < series->n; i++)
        (void)prong_pool_close(series->way[i].pool, prong_in_ms(LIMIT_MS));
    return status;
}

int round_trip_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs)
{
    struct series parked = { .cost = "round_trip", .which = "parked", .unit = "s", .doing = "handing one run over and getting it back",
                             .rounds = PARKED_ROUNDS };
    struct series stream = { .cost = "round_trip", .which = "stream", .unit = "s", .doing = "handing a stream of runs over and getting them back",
                             .rounds = STREAM_ROUNDS };
    int status = measure(&parked, take_parked, contenders, costs);
    return status == SAY_OK ? measure(&stream, take_stream, contenders, costs) : status;
}
