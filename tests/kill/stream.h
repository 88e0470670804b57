/* stream.h - threads that submit runs of all kinds to a pool, in all ways, and take their ends. */
#pragma once
#include <prong.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { STREAMS = 3 };

struct streams {
    prong_pool *pool;
    void *block;                     /* of the pool, for tasks to look at; or NULL */
    sem_t *over;                     /* told when the work of the round is done, as far as it is ours */
    uint64_t seed;
    _Atomic bool stop;
    bool may_break;                  /* the pool: its zygote is killed, and nobody takes over */
    _Atomic int32_t scribbles;       /* as many runs scribble, unless the round ends before */
    _Atomic bool full, broken;       /* no more runs fit into the round; the pool has broken */
    struct stream { struct streams *all; uint32_t number; pthread_t thread; } each[STREAMS];
};

void streams_start(struct streams *s);
/* Lets what is under way end; no run is open afterwards. */
void streams_stop(struct streams *s);
/* All of the pool's workers at once: they are there, and idle afterwards. */
bool workers_meet(prong_pool *pool);
