/* pool.h - what all pools share, whatever engine is behind them.
 *
 * One lock per pool guards its queue, its groups and the states of its runs. The memory of a pool lives as long as its handle, its
 * workers, or any future or group of it; what it owns besides (heap, engine) goes when handle and workers are gone. */
#pragma once
#include "base/list.h"
#include "core/call.h"
#include "core/queue.h"
#include "sync/lock.h"
#include <prong.h>
#include <stdarg.h>

struct pn_engine;
struct pn_heap;

enum { PN_HELPERS = 8 };             /* slots for threads outside the pool that run what they wait for */
enum { PN_INIT_TRIES = 3 };          /* failures in a row of one worker's init that break the pool */

struct prong_pool {
    const struct pn_engine *engine;
    void *state;                     /* the engine's */
    uint32_t epoch;                  /* of the process that opened it */
    char name[32];
    uint32_t workers;                /* wanted now */
    uint32_t workers_at_open;
    uint32_t workers_most;           /* wanted at any time */
    uint32_t queue_limit, runs_per_worker, flags;
    uint64_t heap_bytes, memory_bytes, cpu_ms;
    uint32_t files;
    bool has_spare;                  /* a worker more than runs are for, where that spares time after a death */
    struct pn_call init;             /* kind 0: none */
    void *init_record;
    size_t init_size;

    pn_u32 refs;                     /* of the memory */
    pn_u64 spares;                   /* spares.h */
    struct pn_lock lock;
    struct pn_cond room;             /* the queue has room, or never will */
    struct pn_cond gone;             /* closing, and a run ended or a worker left */
    struct pn_queue queue;
    struct pn_list open;             /* runs that have not ended, in the order of submission */
    size_t open_count;
    size_t ahead;                    /* claimed runs that lie ahead of a worker which has another to do first: they wait, too */
    uint32_t users;                  /* the handle, each worker, and on serial each turn: who may use what the pool owns */
    uint32_t helper_slots;           /* bits: taken */
    uint32_t in_init;                /* threads that run the program's init now */
    struct pn_heap *heap;            /* made at first use, or by the engine */
    bool workers_only;               /* its runs are for its own workers: no thread outside helps */
    bool closing;
    bool cancelling;                 /* closing, and the deadline has passed */
    bool broken;
    char why[200];                   /* it is broken */
};

/* Refuses a handle that was inherited by a fork: "the pool ...". -EOWNERDEAD. */
int  pn_not_ours(const char *what);
/* 0 and a usable *pool, NULL replaced by the pool this task runs in; or -EINVAL, -ENOTSUP, -EOWNERDEAD with its words. */
int  pn_pool_resolve(prong_pool **pool);
bool pn_pool_is_ours(const prong_pool *pool);      /* not another process's, from before a fork */

void pn_pool_get(prong_pool *pool);
void pn_pool_put(prong_pool *pool);
void pn_pool_get_many(prong_pool *pool, size_t n);
void pn_pool_put_many(prong_pool *pool, size_t n);
/* A worker of the engine has left for good, and will not touch the pool again. Not locked. */
void pn_pool_worker_gone(prong_pool *pool);
/* Around what uses the engine's state in a thread that is neither: only while a run is open. Locked; the second may let the lock go. */
void pn_pool_use(prong_pool *pool);
void pn_pool_unuse(prong_pool *pool);
/* No run can be run any more: the waiting ones end LOST, later submits are refused with these words. Not locked. */
void pn_pool_break(prong_pool *pool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Opens a pool on this engine; options are checked and complete, `count` is the number of workers wanted. */
/* `spare`: for more than one run. */
int  pn_pool_open(const struct pn_engine *engine, const prong_pool_opts *opts, uint32_t count, bool spare, prong_pool **ret_pool);
/* Closes it when its last run has ended, with nobody waiting for that. The handle is gone. */
void pn_pool_abandon(prong_pool *pool);

/* The number a task on worker `index` gets from prong_slot. */
uint32_t pn_worker_slot(const prong_pool *pool, uint32_t index);
bool pn_promises(const prong_pool *pool, enum prong_promise what);

/* Copies options of a caller that may be older or newer than we are: what we do not know must be zero, else -ENOTSUP. */
int  pn_opts_copy(void *ours, size_t our_size, const void *theirs, size_t their_size);
