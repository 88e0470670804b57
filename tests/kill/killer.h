/* killer.h - a thread that kills processes of this program's family, at random instants. */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { KILL_WORKERS = 1, KILL_ZYGOTE = 2, KILL_STANDBY = 4 };

struct killer {
    const char *token;
    uint64_t seed;
    unsigned who;
    bool takes_over;                    /* a stand-by takes over from a zygote, and another stands by: waited for before the next kill */
    bool stops;                         /* one of four is stopped before it is killed */
    uint32_t wanted;                    /* kills */
    _Atomic uint32_t kills, workers, zygotes, standbys;
    _Atomic bool stop;
    sem_t *over;                        /* told when it has done its work */
    pthread_t thread;
};

void killer_start(struct killer *k);
void killer_stop(struct killer *k);     /* waits for its last kill */
