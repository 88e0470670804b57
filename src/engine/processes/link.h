/* link.h - the owner's end of one worker process: its memory, its channel, its bells, and the runs that are with it.
 *
 *   ABSENT --start--> STARTING --STARTED and READY--> HERE --killed, retired, or its channel has ended--> ENDING --ENDED--> ABSENT
 *                        `------------------------------------------------------------------------------------^
 *
 * ENDED is told by the zygote. A worker that is ENDING may still be in the middle of a run. FILLING is HERE, while a large record is copied
 * for it: nothing else is sent meanwhile.
 *
 * All of this is done under the pool's lock; descriptors are opened and closed by the manager thread alone (before there is one, by who opens
 * the pool). The addresses of a link's memory stay the same and readable for as long as the pool lives, whatever worker is behind them, so
 * that who waits may look at a word there without the lock. */
#pragma once
#include "core/run.h"
#include "engine/processes/area.h"
#include "engine/processes/wire.h"
#include <sys/types.h>

enum pn_link_state { PN_LINK_ABSENT, PN_LINK_STARTING, PN_LINK_HERE, PN_LINK_FILLING, PN_LINK_ENDING };
enum pn_kill_why { PN_NOT_KILLED, PN_KILLED_BY_TIME, PN_KILLED_BY_CANCEL, PN_KILLED_FOR_LYING, PN_KILLED_AS_UNWELL };

/* Its task has asked for the end of a run of its own: it waits, and may have lent its place; that has ended, and it waits for a place. */
enum pn_wait { PN_WAITS_NOT, PN_WAITS, PN_WAITS_FOR_A_PLACE };

/* A run that is with the worker, begun or not. */
struct pn_flight {
    prong_future *run;
    uint64_t call;                    /* its number (ring.h) */
    uint64_t space_from, space_to;    /* what it has of the link's space: positions that only rise, modulo PN_SPACE */
    void *segment;                    /* its record, where it is large; a mapping of run->size */
    int output_fd;                    /* came with PN_OUTPUT, ahead of the reply; -1: none, PN_FDS_LOST: it could not be taken */
    uint64_t output_size;
};

struct pn_link {
    prong_pool *pool;
    uint32_t index;                   /* its place among the workers; PN_SPARE: it has none, and waits for one; PN_AWAY: its task has lent it */
    enum pn_link_state state;
    struct pn_list listed;            /* among the idle ones, or those with room, of its pool; or in no list */
    bool started, ready;              /* which of the two that make it HERE have come */
    bool has_worked;                  /* it has been HERE */
    uint64_t id;                      /* of this worker, never used again */
    pid_t pid;
    int pidfd;                        /* -1: not started yet */

    struct pn_calls *calls;           /* the area; NULL before the first start */
    const struct pn_replies *replies;
    size_t space_there;               /* so much of both spaces is populated */
    bool details_there;
    uint64_t outputs_there;           /* bits, by slot */
    int channel, call_bell, reply_bell;       /* -1: none */
    int call_bell_end;                /* that the worker reads */
    uint32_t rung;                    /* the worker's turn of sleep that it was last rung for */

    struct pn_flight flight[PN_RING_SLOTS];   /* the oldest at `first`, then round and round */
    uint32_t first, count;
    uint32_t ahead_most;              /* so many may wait behind the one that runs: more for short runs (dispatch.c) */
    uint64_t next;                    /* number of the next call */
    uint32_t segments, news;          /* sent */
    uint64_t heap_known;              /* the heap's generation that the worker has been told of */
    uint64_t space_head, space_tail;
    uint32_t runs;                    /* that this worker has ended */

    prong_time kill_at;               /* the oldest run's time; PRONG_NEVER */
    enum pn_kill_why killed;
    bool kill_sent;                   /* false: the zygote has to be told again */
    struct pn_fault fault;            /* kind 0: none was told */
    uint32_t nonsense;                /* messages that made no sense: it gets no more runs */

    struct pn_list nested;            /* runs that it has submitted (nested.c) */
    enum pn_wait wait;
    struct pn_list of_resuming;

    unsigned failed_starts;           /* in a row, for whatever reason; and of these in a row by the program's init */
    unsigned failed_inits;
    prong_time retry_at;              /* ABSENT until then */
    char why[160];                    /* the last one failed */
};

/* The link has another place among the workers. Only while its worker has no run. */
void pn_link_place(struct pn_link *l, uint32_t index);
/* Asks the zygote for a worker; what it needs to know waits in its channel. 0 or a negative errno, with words in l->why. */
int  pn_link_start(struct pn_link *l, uint64_t id, int zygote);

/* Whether this run's record could be sent now: a slot is free, and space if it needs some. */
bool pn_link_has_room(const struct pn_link *l, const prong_future *run);
/* Sends a claimed run. 0; -EPIPE: the worker is not well, and the run was not begun; another negative errno: the run cannot be sent.
 * Records over PN_SPACE_RECORD_MAX come in `segment`, made without the lock; or in one of the run's own, which has no mapping but the run's. */
int  pn_link_call(struct pn_link *l, prong_future *run, int segment_fd, void *segment);
/* The segment for such a record, filled: its descriptor and mapping. 0 or a negative errno. */
int  pn_link_segment(const prong_future *run, int *ret_fd, void **ret_segment);

static inline struct pn_flight *pn_link_flight(struct pn_link *l, uint32_t i) { return &l->flight[(l->first + i) % PN_RING_SLOTS]; }
/* Whether the worker has begun call `call`, as far as it says. */
static inline bool pn_link_had_begun(const struct pn_link *l, uint64_t call) { return pn_load_seq_cst(&l->replies->begun) > call; }
/* Takes the newest call back, if the worker has not begun it: its run is the caller's again, RUNNING, or NULL. */
prong_future *pn_link_recall(struct pn_link *l);
/* Drops the oldest call without a reply: after a death. Its run is the caller's, or NULL: there is none. */
prong_future *pn_link_drop_first(struct pn_link *l);
/* Tells the worker of extents of the heap that have come or gone: not of more than the channel holds, as it asks for what it meets. 0 or -EPIPE. */
int  pn_link_tell_news(struct pn_link *l);
/* Has the one that runs asked to give way. */
void pn_link_ask(struct pn_link *l, uint64_t call);

/* Whether a reply waits to be taken. */
static inline bool pn_link_has_reply(const struct pn_link *l)
{
    uint64_t call = l->flight[l->first].call;
    return l->count && pn_reply_is_there(&l->replies->reply[pn_ring_slot(call)].head.turn, call);
}
/* Takes it over into its run, after every check; its end is in run->end. NULL: what is there cannot be a reply. */
prong_future *pn_link_take_reply(struct pn_link *l, union pn_message *buffer);

/* What the worker has written of its calls cannot be: it has begun what was never sent, or what lies behind a call that has no reply. */
bool pn_link_is_nonsense(const struct pn_link *l);

/* Reads what the worker has said in messages so far. */
enum pn_said { PN_SAID_NOTHING, PN_SAID_READY, PN_SAID_END, PN_SAID_NONSENSE };
enum pn_said pn_link_listen(struct pn_link *l, union pn_message *buffer);

/* Has the worker killed by the zygote, its parent, which alone can name it safely and has the right to; its end will be told. Only if
 * the channel to the zygote is full is this to be called again: kill_sent tells. */
void pn_link_kill(struct pn_link *l, enum pn_kill_why why);
/* Lets a worker without runs go. */
void pn_link_retire(struct pn_link *l);
/* How the run ended that its dead worker was in the middle of. */
void pn_link_death(const struct pn_link *l, const struct pn_flight *in, const struct pn_zygote_msg *ended, prong_error *ret_end);
/* Closes the channel, and listens to it no more. */
void pn_link_hang_up(struct pn_link *l);
/* Frees what the worker had here: ABSENT. Its runs have been taken from it. */
void pn_link_clear(struct pn_link *l);
/* The zygote has died, and with it the worker soon, if it is not dead yet: kills it and what it has forked, and waits for its end. */
void pn_link_end_orphan(struct pn_link *l);
void pn_link_init_lists(struct pn_link *l);
/* Gives its addresses back: with the pool. */
void pn_link_fini(struct pn_link *l);
