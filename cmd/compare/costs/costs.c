/* costs.c - so far one: starting and joining a worker. */
#include "compare/costs/costs.h"

#include "say.h"

#include <string.h>

enum { RUNS = 50 };

static int do_nothing(void *record)
{
    (void)record;
    return 0;
}

static int start_join(const struct contender *c, double *ret_seconds)
{
    prong_error end;
    prong_solo *solo;
    double start = measure_now();
    if (prong_solo_start(&(prong_pool_opts){ .engine = c->kind }, do_nothing, NULL, 0, &solo) < 0)
        return say_error(SAY_MISSING, "%s, in starting one worker of %s", prong_last_error(), c->engine);
    int r = prong_solo_join(solo, PRONG_NEVER, NULL, &end);
    *ret_seconds = measure_now() - start;
    prong_solo_free(solo);
    return r == 0 ? SAY_OK : work_say_end(r, &end);
}

int costs_measure(const struct contender contenders[CONTENDERS_N], const struct plan *plan, struct costs *ret_costs)
{
    static const int of[] = { C_THREADS, C_PROCESSES };
    double seconds[2][1 + RUNS];        /* the first warms up */
    (void)plan;
    say_progress("start and join one worker, %d times", RUNS);
    for (int i = 0; i < 1 + RUNS; i++)
        for (int c = 0; c < 2; c++) {
            int status = contender_is_in(&contenders[of[c]]) ? start_join(&contenders[of[c]], &seconds[c][i]) : SAY_OK;
            if (status != SAY_OK)
                return status;
        }
    for (int c = 0; c < 2; c++)
        if (contender_is_in(&contenders[of[c]]))
            ret_costs->cost[ret_costs->n++] = (struct cost){ "start_join", NULL, "c", contenders[of[c]].engine, "s", measure_of(seconds[c] + 1, RUNS), "" };
    return SAY_OK;
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
