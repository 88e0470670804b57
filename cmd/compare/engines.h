/* engines.h - the four ways to run a work that are compared.
 *
 * Three start their workers for the job and join them at its end, within the time that is taken; the fourth finds a pool of
 * processes that stands ready. */
#pragma once
#include "compare/work.h"

enum { ENGINES_SERIAL, ENGINES_THREADS, ENGINES_PROCESSES, ENGINES_READY, ENGINES_N };
struct engine {
    const char *name;           /* "processes-ready", for JSON and tables */
    const char *kind;           /* what the library calls it */
    bool is_ready;              /* its pool is opened before the time is taken, and stays */
    uint32_t workers;
    prong_pool *pool;           /* the one that is ready; else NULL */
    bool is_missing;
    char why[256];              /* it is missing */
};

/* Tries each engine once; one that this machine cannot run is told and marked as missing. */
void engines_open(struct engine ret_engines[ENGINES_N], uint32_t workers);
void engines_close(struct engine engines[ENGINES_N]);

/* The whole job: from no worker, or from a pool that is ready, to the joined result. SAY_OK, or the exit status, said. */
int engines_run(const struct engine *engine, const struct work *work, const struct plan *plan, struct figures *ret_figures,
                double *ret_seconds);

/* One worker that has nothing to do, started and joined. As above. */
int engines_start_join(const struct engine *engine, double *ret_seconds);
