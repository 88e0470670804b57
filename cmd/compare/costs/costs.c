/* costs.c - the table of all costs. */
#include "compare/costs/costs.h"

#include "compare/costs/crash.h"
#include "compare/costs/memory.h"
#include "compare/costs/round_trip.h"
#include "compare/costs/start_join.h"
#include "say.h"

#include <string.h>

static int (*const kinds[])(const struct contender contenders[CONTENDERS_N], struct costs *costs) = {
    start_join_measure, round_trip_measure, memory_measure, crash_measure,
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

int costs_measure(const struct contender contenders[CONTENDERS_N], const struct setup *setup, struct costs *ret_costs)
{
    int status = SAY_OK;
    (void)setup;
    for (int i = 0; i < N_KINDS && status == SAY_OK; i++)
        status = kinds[i](contenders, ret_costs);
    return status;
}

const struct cost *costs_find(const struct costs *costs, const char *cost, const char *which, const char *language, const char *engine)
{
    for (size_t i = 0; i < costs->n; i++) {
        const struct cost *c = &costs->cost[i];
        bool same_case = which && c->which ? strcmp(which, c->which) == 0 : which == c->which;
        if (same_case && strcmp(c->cost, cost) == 0 && strcmp(c->language, language) == 0 && strcmp(c->engine, engine) == 0)
            return c;
    }
    return NULL;
}
