/* prong_use.h - prong as the programs of this folder use it: one pool of one worker, placed. */
#pragma once
#include "bench.h"
#include <prong.h>
#include <stdio.h>
#include <stdlib.h>

/* 0 is well: what else any of prong's functions gave ends the program. */
static inline void must(int result, const char *what)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s: %d: %s\n", what, result, prong_last_error());
    exit(1);
}

static inline int pin_worker(void *record)
{
    pin(*(int *)record);
    return 0;
}

/* The owner's threads are placed once the pool is open, the worker places itself; the zygote may use both CPUs. */
static inline prong_pool *open_pool(struct place place)
{
    prong_pool *pool;
    prong_pool_opts opts = { .engine = "processes", .workers = 1 };
    if (place.worker >= 0) {
        opts.init = pin_worker;
        opts.init_record = &place.worker;
        opts.init_size = sizeof place.worker;
    }
    must(prong_pool_open(&opts, &pool), "prong_pool_open");
    pin_all_threads(place.owner);
    return pool;
}
