/* engine.h - what an engine is: one table of operations behind a pool.
 *
 * The core keeps runs, futures, groups and the queue; an engine makes workers, takes runs from the queue (pn_run_claim), has them
 * called, and tells their ends (pn_run_end). "locked": called with pool->lock held. */
#pragma once
#include "core/pool.h"

struct pn_engine {
    const char *name;
    unsigned promises;               /* 1u << enum prong_promise */
    uint32_t most_workers;
    bool tells_no_fd;                /* nobody could make a group's descriptor readable while the program does something else */
    bool helps;                      /* who waits for a run inside a task of the pool may run it itself */
    uint32_t outside_helpers;        /* so many threads at a time may also do so from outside: slots for them; at most PN_HELPERS */

    /* Checks pool->init and starts pool->workers workers, if the engine has any; each counts in pool->users and holds a reference until
     * pn_pool_worker_gone. 0 or a negative errno with its words; nothing is left then. */
    int  (*open)(prong_pool *pool);
    /* Whether workers can call these functions, and in *ret_place what tells them where, malloc'ed, or NULL. NULL: always. */
    int  (*check)(prong_pool *pool, const struct pn_call *call, void **ret_place);
    /* Locked. Whether this run, which is about to enter, may: 0, or a negative errno with its words. NULL: always. */
    int  (*admit)(prong_pool *pool, prong_future *run);
    /* Memory for a record that workers can take as it is: a segment and its mapping, or *ret_mem NULL: any memory will do. 0 or a negative errno
     * with its words. NULL: any memory always does. */
    int  (*reserve)(size_t size, int *ret_fd, void **ret_mem);
    /* Locked, and may let the lock go for a while: this run waits in the queue now. */
    void (*ready)(prong_pool *pool, prong_future *run);
    /* The same once for many that were submitted together, with the same options: `first` and those behind it. NULL: each by itself. */
    void (*ready_many)(prong_pool *pool, prong_future *first);
    /* Locked. The run is asked to give way (its `asked` is set already), or is to be killed: the engine tells its worker.
     * NULL: nothing to tell; no way to kill. */
    void (*ask)(prong_pool *pool, prong_future *run);
    void (*kill)(prong_pool *pool, prong_future *run);
    /* Locked. This claimed run was not begun after all, as far as one can tell, and waits in the queue again: true. NULL: what is claimed runs. */
    bool (*recall)(prong_pool *pool, prong_future *run);
    void (*recall_all)(prong_pool *pool);
    bool (*begun)(prong_pool *pool, const prong_future *run);      /* of a claimed run */
    /* Locked, and may let the lock go for a while: looks for ends itself, and returns when `done` says so (asked under the lock; not so at the
     * call), or the deadline has passed. false: another thread does that already, and will tell. NULL: workers tell by themselves. */
    bool (*attend)(prong_pool *pool, bool (*done)(const void *what), const void *what, prong_time deadline);
    /* Locked, and may let the lock go: takes what ends within a few microseconds, one after the other, until there is `enough`. Only with attend. */
    void (*linger)(prong_pool *pool, bool (*enough)(const void *what), const void *what);
    /* Locked. A run has ended that was not ended by who attends. NULL: nobody has to know. */
    void (*ended)(prong_pool *pool);
    /* Not locked. Memory of the pool, where the core does not have it itself: NULL and errno, with words; false: it was none of it. NULL: the core does. */
    void *(*alloc)(prong_pool *pool, size_t size, enum prong_access access);
    bool (*free)(prong_pool *pool, void *mem);
    /* Locked; pool->workers has changed. 0 or a negative errno with its words. NULL: there is only one number it can be. */
    int  (*resize)(prong_pool *pool);
    /* Locked; pool->closing is set: workers leave once no run is open. Told again when the last one ends. */
    void (*stop)(prong_pool *pool);
    /* Not locked. Workers have left: join their threads; or have not: let their threads go on alone. */
    void (*join)(prong_pool *pool);
    void (*leave)(prong_pool *pool);
    /* Nobody uses the engine's state any more. */
    void (*fini)(prong_pool *pool);
};
