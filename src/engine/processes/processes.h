/* processes.h - what the parts of the process engine share: one pool's links, its channel to the zygote, and its manager.
 *
 * Runs are handed to idle workers by whoever finds the two together: the thread that submits, or the manager (dispatch.c). The manager
 * alone listens (manager.c): it sleeps in one epoll over the zygote's reports and death, the workers' channels and an event descriptor,
 * takes replies, kills what is over its time, and replaces workers that have died. One run at a time is with a worker, so a death loses that
 * run at most, and not even that if it had not been begun. */
#pragma once
#include "engine/processes/link.h"
#include <pthread.h>

enum { PN_STARTS_AT_ONCE = 64 };     /* asked for and not yet answered: far fewer than fit into a channel, so neither side ever blocks */

struct pn_processes {
    int zygote;                      /* this pool's channel; -1: the zygote has died */
    int zygote_pidfd;
    int wake;                        /* event descriptor: something has changed for the manager */
    bool asleep;                     /* it sleeps, or is on the way there: a change must be told */
    bool changed;                    /* something has, since it last looked */
    pthread_t manager;
    uint64_t next_id;
    struct pn_link **link;           /* by index. Grown by the manager alone, under the lock, so it reads them without; none is ever
                                        moved or freed before the pool */
    uint32_t size;
    int epoll;                       /* what the manager sleeps in: the three above, and every link's channel, with the link as its data */
    union pn_message message;        /* the manager's */
};

/* As many workers as may be asked for now, of those that are wanted. Locked, by the manager or before there is one. */
void pn_fill_up(prong_pool *pool);
/* Locked, by the manager or before there is one. 0 or -ENOMEM, with fewer links than asked for. */
int pn_links_make_room(prong_pool *pool, uint32_t size);

/* ---- dispatch.c; locked ---- */

bool pn_link_is_surplus(const struct pn_link *l);                 /* one too many since a resize */
struct pn_link *pn_idle_link(const struct pn_processes *p);       /* NULL: all are busy */
/* Both may let the lock go for a while. Runs with records that fit into a message; the first other one is left for the manager, as
 * copying it takes long. */
void pn_hand_out_small(prong_pool *pool);
void pn_hand_out_all(prong_pool *pool);                           /* by the manager */

/* ---- manager.c ---- */

void *pn_manager_main(void *pool);                                /* a thread: until the pool is closing and no run is open */
void pn_manager_wake(struct pn_processes *p);                     /* something has changed for it. Locked */
/* Tells the zygote that the pool is over, and waits until it has reaped the last worker. */
void pn_end_workers(struct pn_processes *p);
