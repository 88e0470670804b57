/* processes.h - what the parts of the process engine share: one pool's links, its channel to the zygote, its manager, and who looks for replies.
 *
 * Runs are sent to workers by whoever finds the two together (dispatch.c): the thread that submits, who takes a reply, or the manager. Replies are
 * taken by who waits for one, if only one thread does (collect.c: it has the seat); else by the manager (manager.c), which sleeps in an epoll over
 * the zygote's reports and death and the workers' channels, kills what is over its time, and replaces workers that have died. */
#pragma once
#include "engine/processes/link.h"
#include "engine/processes/module.h"
#include "engine/processes/surroundings.h"
#include <pthread.h>

enum { PN_STARTS_AT_ONCE = 64 };     /* asked for and not yet answered: far fewer than fit into a channel, so neither side ever blocks */

struct pn_processes {
    int zygote;                      /* this pool's channel; -1: the zygote has died */
    int zygote_pidfd;
    int wake;                        /* event descriptor: something has changed for the manager */
    bool asleep;                     /* it sleeps, or is on the way there: a change must be told */
    bool changed;                    /* something has, since it last looked */
    prong_time until;                /* it sleeps until then, if nothing comes */
    pthread_t manager;
    uint64_t next_id;
    struct pn_places *init_places;   /* where the pool's init is; NULL: the address tells */
    struct pn_surroundings surroundings;      /* of the program when it opened the pool: what workers begin with */
    int around[PN_SURROUNDINGS_FDS];
    struct pn_link **link;           /* grown by the manager alone, under the lock, so it reads them without; none is ever moved or freed
                                        before the pool. Which place a link has is in its index: spares have none */
    uint32_t size, room_for, places; /* links, room for them, and how many places there are: indexes below it */
    struct pn_list idle;             /* links whose worker has nothing to do: the last to become so first, as its caches are warm */
    struct pn_list room;             /* links with runs that may get more ahead; taken in turns */
    struct pn_list requests;         /* of tasks that use their pool, in the order they came (nested.c) */
    struct pn_list resuming;         /* links whose task could go on, if it had a place */
    uint32_t at_work;                /* links with runs */
    int32_t lowest;                  /* no run that waits in a link has a lower priority */
    int epoll;                       /* what the manager sleeps in: the three above, and every link's channel, with the link as its data */

    struct pn_owner_board *board;    /* written here, read by every worker */
    int board_fd;
    uint32_t doze;                   /* the turn of `board->sleep` */
    int bells;                       /* epoll of the links' reply bells and of `kick`: what who has the seat sleeps in */
    int kick;                        /* event descriptor: a run has ended otherwise while the seat's holder slept */
    bool seat;                       /* a thread looks for replies while it waits */
    bool seat_sleeps;
    uint32_t cpus;
    union pn_message message;        /* under the lock */
};

/* As many workers as may be asked for now, of those that are wanted. Locked, by the manager or before there is one. */
void pn_fill_up(prong_pool *pool);
/* Locked, by the manager or before there is one. 0 or -ENOMEM, with fewer links than asked for. */
int pn_links_make_room(prong_pool *pool, uint32_t size);
/* A new link with this index. NULL: no memory. */
struct pn_link *pn_link_new(prong_pool *pool, uint32_t index);
/* This place belongs to nobody now: a spare gets it, or a link whose worker has yet to be started. */
void pn_give_place(prong_pool *pool, uint32_t index);
/* Lets spares go that are more than one. */
void pn_drop_spares(prong_pool *pool);

/* ---- dispatch.c; locked ---- */

#define PN_AWAY (UINT32_MAX - 1)                                 /* the index of a link whose task waits, and has lent its place */
#define PN_SPARE UINT32_MAX                                      /* the index of a link that stands ready to take another's place */
bool pn_link_is_surplus(const struct pn_link *l);                 /* one too many since a resize */
void pn_link_becomes_free(struct pn_link *l);                     /* it has fewer runs than before, or has just come */
/* Both may let the lock go for a while. Runs with records that need no segment; the first other one is left for the manager, as
 * copying it takes long. */
void pn_hand_out_small(prong_pool *pool);
void pn_hand_out_all(prong_pool *pool);                           /* by the manager */
/* Takes back what lies ahead in links, to the front of the queue: of one link from its newest run on as far as `last`, or NULL: all behind the
 * oldest; of all links. The oldest itself only if it is asked for: it is about to begin, and that it has not is the worker's word alone. */
void pn_take_back(struct pn_link *l, prong_future *last);
void pn_take_all_back(prong_pool *pool);
/* Has the worker killed for this run of its, and for no other: first what lies behind it is taken back, and if any of that has been begun, the
 * run is over, and nobody is killed. */
void pn_kill_only(struct pn_link *l, const prong_future *run, enum pn_kill_why why);
struct pn_link *pn_link_of(const struct pn_processes *p, const prong_future *run, struct pn_flight **ret_flight);      /* NULL: with none */
/* The oldest run of a link is no longer with it. */
void pn_link_lost_one(struct pn_link *l);

/* ---- collect.c; locked ---- */

/* Takes the replies that are there. Runs whose end has still to be told to a callback are added to `later`, for pn_run_tell_later. */
void pn_collect(prong_pool *pool, struct pn_list *later);
/* So that somebody is woken by the next reply: before a call is published, and before looking for the last time. */
void pn_manager_listens(struct pn_processes *p);
bool pn_attend(prong_pool *pool, bool (*done)(const void *what), const void *what, prong_time deadline);      /* engine.h */
void pn_linger(prong_pool *pool, bool (*enough)(const void *what), const void *what);      /* engine.h */
void pn_hand_out_batch(prong_pool *pool);                         /* pn_hand_out_small for many at once; may let the lock go */
void pn_kick_seat(prong_pool *pool);                              /* engine.h: ended */

/* ---- manager.c ---- */

void *pn_manager_main(void *pool);                                /* a thread: until the pool is closing and no run is open */
void pn_manager_wake(struct pn_processes *p);                     /* something has changed for it. Locked */
/* Tells the zygote that the pool is over, and waits until it has reaped the last worker. */
void pn_end_workers(struct pn_processes *p);
