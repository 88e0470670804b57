/* engines.c - an engine works if a pool opens and a task on it comes back changed: nothing else is proof. */
#include "doctor/health.h"

#include <prong.h>
#include <stdio.h>

static int add_one(void *record)
{
    ++*(uint64_t *)record;
    return 0;
}

/* Why not; empty: it works. */
static void try(const char *engine, uint32_t workers, char *ret_why, size_t size)
{
    prong_pool *pool;
    prong_error end = { 0 };
    uint64_t records[2] = { 41, 41 };
    ret_why[0] = '\0';
    if (prong_pool_open(&(prong_pool_opts){ .engine = engine, .workers = workers }, &pool) < 0) {
        snprintf(ret_why, size, "%s", prong_last_error());
        return;
    }
    int r = prong_map(pool, add_one, records, 2, sizeof records[0], NULL, &end);
    if (r != 0)
        snprintf(ret_why, size, "%s", r < 0 ? prong_last_error() : end.text);
    else if (records[0] != 42 || records[1] != 42)
        snprintf(ret_why, size, "a task left a wrong result");
    (void)prong_pool_close(pool, PRONG_NEVER);
}

void look_at_engines(struct health *h)
{
    static const struct { const char *name, *works, *hint; uint32_t workers; } engines[ENGINES_N] = {
        { "serial", "built in; a task ran, in this very thread", NULL, 1 },
        { "threads", "built in; tasks ran on two threads", "look at the limit of processes and threads below: ulimit -u", 2 },
        { "processes", "built in; tasks ran in two processes", "look at the limits below: ulimit -n, ulimit -u, ulimit -v", 2 },
        { "mpi", "built in; tasks ran on two ranks", "no package adds it: this version has no such engine", 2 },
    };
    for (int i = 0; i < ENGINES_N; i++) {
        char why[256];
        try(engines[i].name, engines[i].workers, why, sizeof why);
        h->engines[i].name = engines[i].name;
        h->engines[i].works = !why[0];
        if (why[0])
            health_add(h, "engines", engines[i].name, HEALTH_MISSING, engines[i].hint, "%s", why);
        else
            health_add(h, "engines", engines[i].name, HEALTH_OK, NULL, "%s", engines[i].works);
    }
}
