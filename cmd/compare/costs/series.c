/* series.c - rounds, each of which begins with the next way. */
#include "compare/costs/series.h"

#include "interrupt.h"
#include "say.h"

#include <assert.h>
#include <stdio.h>

void series_add(struct series *series, const char *engine, way_fn *take)
{
    assert(series->n < SERIES_WAYS_MAX && series->rounds <= SERIES_ROUNDS_MAX);
    series->way[series->n++] = (struct way){ .engine = engine, .take = take };
}

static int take_all(struct series *series, uint32_t round)
{
    for (size_t turn = 0; turn < series->n; turn++) {
        struct way *way = &series->way[(round + turn) % series->n];
        if (interrupt_came())
            return SAY_INTERRUPTED;
        if (way->why[0] == '\0' && way->take(way, &way->values[round], way->why) < 0 && way->why[0] == '\0')
            snprintf(way->why, sizeof way->why, "no reason is known");
    }
    return SAY_OK;
}

static void give(const struct series *series, struct costs *costs)
{
    for (size_t i = 0; i < series->n; i++) {
        const struct way *way = &series->way[i];
        assert(costs->n < COSTS_MAX);
        struct cost *cost = &costs->cost[costs->n++];
        *cost = (struct cost){ .cost = series->cost, .which = series->which, .engine = way->engine, .unit = series->unit };
        cost->language = series->language ? series->language : "c";
        if (way->why[0] == '\0')
            cost->value = measure_of(way->values + 1, series->rounds);
        snprintf(cost->why, sizeof cost->why, "%s", way->why);
    }
}

int series_measure(struct series *series, struct costs *costs)
{
    int status = SAY_OK;
    for (uint32_t round = 0; round <= series->rounds && status == SAY_OK; round++) {
        say_progress("%s: %u of %u", series->doing, round, series->rounds);
        status = take_all(series, round);
    }
    if (status == SAY_OK)
        give(series, costs);
    return status;
}

int series_why(int r, const prong_error *end, char ret_why[WHY_SIZE])
{
    snprintf(ret_why, WHY_SIZE, "%.*s", WHY_SIZE - 1, r < 0 ? prong_last_error() : end->text);
    return -1;
}
