/* counter.h - the work `counter`: all workers raise one number, and nothing else, so each is in the way of all others. */
#pragma once
#include "compare/works/work.h"

#include <pthread.h>

extern const struct work counter_work;

/* Lies in memory that all its users share. */
struct counter {
    pthread_mutex_t mutex;
    uint64_t value;
};
/* between_processes: its users may be of several processes, and one that dies holding it leaves it usable. 0, or a negative errno. */
int counter_init(struct counter *counter, bool between_processes);
void counter_fini(struct counter *counter);     /* nobody uses it any more */
int counter_raise(struct counter *counter);     /* by one. 0, or a negative errno */
