/* link.h - the owner's end of one worker process: its channel, its board, the run it has.
 *
 *   ABSENT --start--> STARTING --STARTED and READY--> IDLE --call--> BUSY --reply--> IDLE
 *                        |                              |              |
 *                        `-----------------> ENDING <---+--------------'      killed, retired, or its channel has ended
 *                                              |
 *                                              `--ENDED, told by the zygote--> ABSENT
 *
 * FILLING lies between IDLE and BUSY while a large record is copied. A worker that is ENDING may still be in the middle of its run.
 *
 * State changes are made under the pool's lock; descriptors are opened and closed by the manager thread alone (before there is one, by
 * who opens the pool). */
#pragma once
#include "core/run.h"
#include "engine/processes/wire.h"
#include <sys/types.h>

enum pn_link_state { PN_LINK_ABSENT, PN_LINK_STARTING, PN_LINK_IDLE, PN_LINK_FILLING, PN_LINK_BUSY, PN_LINK_ENDING };
enum pn_kill_why { PN_NOT_KILLED, PN_KILLED_BY_TIME, PN_KILLED_BY_CANCEL, PN_KILLED_FOR_LYING, PN_KILLED_AS_UNWELL };

struct pn_link {
    prong_pool *pool;
    uint32_t index;
    enum pn_link_state state;
    bool started, ready;              /* which of the two that make it IDLE have come */
    bool has_worked;                  /* it has been IDLE */
    uint64_t id;                      /* of this worker, never used again */
    int channel;                      /* -1: none */
    pid_t pid;
    struct pn_board *board;           /* both pages writable here */
    unsigned failed_starts;           /* in a row, for whatever reason; and of these in a row by the program's init */
    unsigned failed_inits;
    prong_time retry_at;              /* ABSENT until then */
    char why[160];                    /* the last one failed */
    uint32_t runs;

    prong_future *run;                /* while BUSY, or ENDING in the middle of it */
    uint64_t seq;
    prong_time kill_at;
    enum pn_kill_why killed;
    bool kill_sent;                   /* false: the zygote has to be told again */
    void *segment;                    /* the run's record, where it is large; a mapping of run->size */
    struct pn_fault fault;            /* kind 0: none was told */
};

/* Asks the zygote for a worker; what it needs to know waits in its channel. 0 or a negative errno, with words in l->why. */
int  pn_link_start(struct pn_link *l, uint64_t id, int zygote);

/* Sends a claimed run to a worker that has none: BUSY from now on. 0; -EPIPE: the worker is not well, and the run was not begun; another
 * negative errno: the run cannot be sent. Large records come in `segment`, made without the lock. */
int  pn_link_call(struct pn_link *l, prong_future *run, int segment_fd, void *segment);

/* The segment for a record over PN_INLINE_MAX, filled: its descriptor and mapping. 0 or a negative errno. */
int  pn_link_segment(const prong_future *run, int *ret_fd, void **ret_segment);

/* What the worker says next. A reply has been checked and taken over into the run when it is returned, and *ret_end is its end. */
enum pn_said { PN_SAID_NOTHING, PN_SAID_READY, PN_SAID_REPLY, PN_SAID_END, PN_SAID_NONSENSE };
enum pn_said pn_link_listen(struct pn_link *l, union pn_message *buffer, prong_error *ret_end);

/* Has the worker killed by the zygote, its parent, which alone can name it safely and has the right to; its end will be told. Only if
 * the channel to the zygote is full is this to be called again: kill_sent tells. */
void pn_link_kill(struct pn_link *l, enum pn_kill_why why);
/* Lets an idle worker go. */
void pn_link_retire(struct pn_link *l);
/* Whether the worker had begun its run when it died. */
bool pn_link_had_begun(const struct pn_link *l);
/* How the run ended that its dead worker was in the middle of. */
prong_error pn_link_death(const struct pn_link *l, const struct pn_zygote_msg *ended);
/* Closes the channel, and listens to it no more. */
void pn_link_hang_up(struct pn_link *l);
/* Frees what the worker had here: ABSENT. Its run has been taken from it. */
void pn_link_clear(struct pn_link *l);
