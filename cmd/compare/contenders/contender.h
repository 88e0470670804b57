/* contender.h - who is compared: an engine of the library, or Python with its standard library.
 *
 * Those that are not ready start their workers for the job and join them at its end, within the time that is taken; one that is
 * ready finds a pool that stands. */
#pragma once
#include "compare/works/work.h"

#include <prong.h>
#include <stdbool.h>

/* In the order in which they are shown. */
enum { C_SERIAL, C_THREADS, C_PROCESSES, C_READY, PYTHON_SERIAL, PYTHON_THREADS, PYTHON_PROCESSES, CONTENDERS_N };

struct python;
struct contender {
    const char *language;       /* "c" or "python" */
    const char *engine;         /* "processes-ready", for JSON and tables */
    const char *kind;           /* what the library calls it */
    bool is_ready;              /* its pool is opened before the time is taken, and stays */
    const struct python *python;    /* NULL: of the language c */
    bool is_left_out;           /* nobody asked for it */
    bool is_missing;            /* this machine has not got it ... */
    char why[256];              /* ... because */
    prong_pool *pool;           /* of a ready one, between begin and end */
};

/* It takes part. */
static inline bool contender_is_in(const struct contender *c)
{
    return !c->is_left_out && !c->is_missing;
}

/* Serial of the same language. */
static inline int contender_yardstick(int contender)
{
    return contender < PYTHON_SERIAL ? C_SERIAL : PYTHON_SERIAL;
}

/* The work can be done by it. */
bool contender_can(const struct contender *c, const struct work *work);

/* Around the runs of one work: a ready one opens its pool. SAY_OK, or the exit status, said. */
int contender_begin(struct contender *c, const struct work *work, const struct setup *setup);
void contender_end(struct contender *c);

/* The whole job, once: from no worker, or from a pool that is ready, to the joined result. SAY_OK, or the exit status, said. */
int contender_run(const struct contender *c, const struct work *work, const struct setup *setup, struct outcome *ret_outcome);
