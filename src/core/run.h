/* run.h - one run: what is called, on what record, and how it ended. A prong_future is the public name of it.
 *
 *   WAITING --claim--> RUNNING --end--> ENDED       claim: a worker or a waiting thread takes it from the queue
 *      |  ^               |
 *      |  `----retry------'                         retry: its worker died, attempts are left
 *      `------cancel------------------> ENDED
 *
 * All changes of state are made under the pool's lock; so is everything here that says nothing else. The run is its caller's until it
 * is submitted and, while RUNNING, its record and output belong to who runs it. */
#pragma once
#include "core/context.h"
#include "core/pool.h"
#include "core/spares.h"

enum { PN_RECORD_INSIDE = 128 };     /* copies of records up to this lie in the run itself */

enum pn_record_how {
    PN_RECORD_COPY,          /* the run owns a copy */
    PN_RECORD_IN_PLACE,      /* the caller's own memory, which outlives the run: results go there */
};

struct pn_watch { struct pn_list link; pn_u32 *fired; };          /* somebody who sleeps on a word until the run ends */

struct prong_future {
    prong_pool *pool;
    pn_u32 refs;             /* of the memory: the pool's until the end, the handle's, and waiters' */
    pn_u32 state;            /* enum prong_state. Stored with release once ended, so that who loads ENDED with acquire may read
                                the fields below without the lock: they never change again */
    pn_u64 asked;            /* 1: asked to give way. Relaxed: a wish, nothing is published with it */
    struct pn_call call;
    void *place;             /* where workers find its functions, if the addresses do not tell; the engine's, malloc'ed */
    enum pn_record_how how;
    void *record;            /* as submitted; after DONE and FAILED as the task left it */
    size_t size;
    size_t mapped;           /* the record is a mapping of this size; 0: it is malloc'ed, or `inside` */
    int segment;             /* that the record lies in, and may be changed in until the end; -1: none. The descriptor is the run's */
    struct pn_output output;
    uint64_t tag, ask_ms, kill_ms;
    uint32_t retries;        /* left */
    uint32_t sent_back;      /* by workers that died before they had begun it */
    int32_t priority;
    bool kill_wanted;        /* by a cancel */
    bool allocated;          /* has called prong_alloc. Written by the thread that runs it */
    bool has_bill;
    prong_bill bill;
    prong_time queued_at;

    struct pn_queued queued;
    struct pn_list of_pool;
    struct pn_list of_group;
    struct pn_list watches;
    prong_group *group;
    uint64_t group_index;    /* in the order of submission to its group */
    void (*on_end)(prong_future *f, void *arg);
    void *on_end_arg;
    prong_future *blocked_on; /* what its task waits for now; under the lock of wait.c */

    prong_error end;         /* from here on not zeroed at first */
    _Alignas(64) char inside[PN_RECORD_INSIDE];
};
enum { PN_RUN_BYTES = (sizeof(struct prong_future) + PN_RUN_ALIGN - 1) / PN_RUN_ALIGN * PN_RUN_ALIGN };

/* Where a run shall go, beside its options. */
struct pn_submit {
    struct pn_call call;
    const void *record;
    void *in_place;          /* or NULL: a copy of `record` */
    size_t size;
    const prong_run_opts *opts;
    bool begin_here;         /* it is claimed already, and the submitter calls pn_run_here next */
    bool inside;             /* by a task of the pool that cannot wait for room, and comes before what waits: who waits for it holds a process */
    bool checked;            /* workers can call the functions, and `place`, malloc'ed, tells them where; it is the run's from then on */
    void *place;
};

/* Checks, makes the run and puts it into the queue. *ret_run, where wanted, holds a reference. The errors of prong_submit. Not locked. */
int  pn_submit(prong_pool *pool, const struct pn_submit *s, prong_future **ret_run);

/* The same in two steps, for many runs (batch.c). Makes them: each has one reference, and one of the pool's. 0, or -ENOMEM without words.
 * Not locked. */
int  pn_runs_new(prong_pool *pool, size_t n, prong_future *ret_runs[]);
/* Memory of its own for the record: not zeroed, or a copy. false: there is none. */
bool pn_run_make_record(prong_future *run, const void *record, size_t size);
/* What pn_submit checks, before anything is made; *ret_place is to be freed, or given to a run. */
int  pn_submit_check(prong_pool *pool, const struct pn_submit *s, void **ret_place);
/* All enter, or none does: runs of this pool with records. The call and options are those of s, the tags count up from there. Only the first
 * can be begun here. ret_runs as ret_run above. */
int  pn_submit_made(prong_pool *pool, const struct pn_submit *s, prong_future *const runs[], size_t n, prong_future *ret_runs[]);

/* The next run to begin, RUNNING from now on; NULL: none waits. Locked. */
prong_future *pn_run_claim(prong_pool *pool);
/* This one, if nobody has begun it. Locked. */
bool pn_run_claim_this(prong_future *run);
/* Back into the queue, in front, as if it had not been begun. false: no memory; it must be ended. Locked. */
bool pn_run_unclaim(prong_future *run);

/* How a run ends that was claimed, but is asked to give way before it begins. */
void pn_cancelled_before(const prong_future *run, prong_error *ret_end);
/* Calls a claimed run in this thread, unless it was cancelled meanwhile, and ends it. Not locked. */
void pn_run_here(prong_future *run, uint32_t slot);
/* The pool's init, in this thread, on a copy of its record; failing as often as it may breaks the pool. Not locked. */
void pn_run_init_here(prong_pool *pool, uint32_t slot);
/* Tells the end of a run that was claimed: runs it again where that is allowed, else everybody who waits learns of it. Not locked. */
void pn_run_end(prong_future *run, const prong_error *end);
/* The same for who has the lock, and has put the end into run->end. A run with a callback is added to `later` instead of being let go. */
void pn_run_end_locked(prong_future *run, struct pn_list *later);
void pn_run_tell_later(struct pn_list *later);                 /* calls those callbacks. Not locked */

/* Ends a run that nobody has begun as cancelled, in one go. Also one that was claimed, but can be recalled. Locked, and comes back without
 * the lock; false, and still locked: it runs. */
bool pn_run_cancel_waiting(prong_future *run);
/* What a cancel does to one that runs, or has ended: the code that prong_future_cancel returns, without words. Locked. */
int  pn_run_cancel_running(prong_future *run, enum prong_how how);
int  pn_cancel_words(const prong_pool *pool, int r);           /* adds the words for such a code, and returns it */
/* Ends the first run that waits, in one go. false: none waits. Not locked. */
bool pn_run_end_waiting(prong_pool *pool, const prong_error *end);

/* ---- without the lock ---- */

/* A copy to work on, aligned to 64; never NULL for a size of 0, but for want of memory. To be freed with free(). */
void *pn_record_copy(const void *record, size_t size);
/* Takes over a record that came back from elsewhere as a mapping. While RUNNING. */
void pn_run_replace_record(prong_future *run, void *mapping, size_t mapped);

void pn_run_get(prong_future *run);
void pn_run_put(prong_future *run);
void pn_runs_put(prong_future *const runs[], size_t n);         /* NULLs are fine */
static inline bool pn_run_ended(const prong_future *run) { return pn_load_acquire(&run->state) == PRONG_ENDED; }
