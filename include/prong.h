/* prong.h - write a task once; run it on threads, on processes, on MPI ranks, or right here.
 *
 * A task is a function over a record: a plain struct (trivially copyable, at most PRONG_RECORD_MAX bytes, aligned to 64) that it
 * reads and fills in. The worker gets its own copy, and what it leaves there comes back. So the same task runs anywhere, and the
 * engine decides what pointers in the record may reach:
 *   "threads"    all memory of the program
 *   "processes"  what prong_alloc gave, and the program's memory as it was at prong_init()
 *   "mpi"        nothing: records travel by value between machines (-ENOTSUP in this version)
 *   "serial"     all memory: runs in the caller, inside submit, one run at a time; the yardstick, and for debugging
 *
 * For every function here that returns int: 0 is well; a negative errno means the call could not be carried out, no ret_* argument
 * was written, and prong_last_error() says why in words. Functions that wait for runs return 0 if every run ended PRONG_DONE, else
 * the (positive) prong_kind of the bad end with the lowest index (what was cancelled because of another's bad end does not count).
 * Where they return 0 or more, *ret_end tells it in full. A ret_end may be NULL. Any thread may call anything unless it says
 * otherwise. NULL or zeroed options are the defaults. Deadlines are moments, not durations, so one serves many calls.
 *
 * Handles belong to the process that opened them: not for records, and dead (-EOWNERDEAD, NULL, or no effect) in a forked child.
 * Inside a task, NULL for a pool means the pool it runs in. A task of "processes" that waits holds its process meanwhile, and another takes its
 * place: what it submits comes before what waits, and depth costs processes, not deadlocks. There, only the thread that runs the task uses
 * the pool and its futures. Opening pools of its own is open to any task.
 *
 * The functions ending in _v are the ABI; the inline forms pass the size of the options the caller was compiled with. */
#ifndef PRONG_H
#define PRONG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define PRONG_API __attribute__((visibility("default")))

#define PRONG_VERSION_MAJOR 0
#define PRONG_VERSION_MINOR 1
#define PRONG_VERSION_PATCH 0
PRONG_API const char *prong_version(void);           /* of the library that is loaded, "0.1.0" */

typedef struct prong_pool   prong_pool;   /* the workers of one engine */
typedef struct prong_future prong_future; /* how one run ends, and what it leaves */
typedef struct prong_group  prong_group;  /* runs that end together, taken in the order of their ends */
typedef struct prong_solo   prong_solo;   /* one thread or process of its own, for one task */

typedef int prong_fn(void *record);       /* a task: 0, or a code of its own that fails the run */

typedef int64_t prong_time;               /* a moment: monotonic clock, nanoseconds */
#define PRONG_NEVER INT64_C(0)            /* no deadline */
#define PRONG_NOW   INT64_C(1)            /* long past: look, do not wait */
PRONG_API prong_time prong_in_ms(int64_t ms);        /* saturates; zero and negative are PRONG_NOW */
PRONG_API const char *prong_last_error(void);        /* this thread's last failed call, for people; never NULL; good until the next */

/* ---- how a run ended ---------------------------------------------------------------------------------------------------- */

enum prong_kind {     /* and what `code` then holds; goes over the wire: never renumber, treat unknown ones as PRONG_LOST */
    PRONG_DONE = 0,   /* the task returned 0 */
    PRONG_FAILED,     /* the task returned this value */
    PRONG_CRASHED,    /* its worker was killed by this signal */
    PRONG_EXITED,     /* its worker left with this exit status */
    PRONG_TIMEOUT,    /* stopped, or gave way, after its time; ETIMEDOUT */
    PRONG_LIMIT,      /* ran into a limit: ENOMEM, ETIME (CPU), EMFILE, EFBIG */
    PRONG_CANCELLED,  /* never started, gave way, or was killed by a cancel; ECANCELED */
    PRONG_LOST        /* its machine, connection or zygote went away, its pool broke, or its worker's replies cannot be trusted; an errno */
};
typedef struct prong_error {
    int32_t  kind, code;
    uint64_t tag;           /* the run's; its index in a map or invoke; the first element of the piece in prong_for and prong_reduce */
    uint64_t address;       /* of the fault, where there was one */
    int32_t  pid;           /* of the worker, where it was a process */
    char     text[228];     /* "task parse_order crashed: SIGSEGV at 0x10 (worker 4711)"; empty if it is DONE */
} prong_error;

/* ---- inside a task: its own run ------------------------------------------------------------------------------------------ */

/* A task ends by returning: it throws no exception, jumps nowhere outside, and does not end its thread. (On processes exit and _exit are
 * ends like others: PRONG_EXITED.) */

/* Room for a result of any length, beside the record, aligned to 64; not zeroed. A second call replaces it. It reaches the future if
 * the run ends DONE or FAILED. NULL and errno: ENOMEM; EINVAL outside a task. */
PRONG_API void    *prong_output_alloc(size_t size);
/* Gives the error its text; returns code (0 becomes -EINVAL). `return prong_fail(7, "no such colour: %s", name);` */
PRONG_API int      prong_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Asked to give way: nobody wants the result, or its time is over. Once it has said true the run ends CANCELLED or TIMEOUT, whatever
 * it returns; a run that never asks ends as if it had not been told. About the price of reading a clock. False outside a task. */
PRONG_API bool     prong_cancelled(void);
/* 0 .. prong_pool_slots()-1, one run at a time: for scratch space, not across waits and submits. 0 outside a task. */
PRONG_API uint32_t prong_slot(void);

/* ---- pools --------------------------------------------------------------------------------------------------------------- */

typedef struct prong_pool_opts {
    const char *engine;          /* "threads", "processes", "mpi", "serial", or with a count, "processes:8".
                                    NULL: what the environment variable PRONG_ENGINE says, else "threads" */
    const char *name;            /* shown in ps, top, logs and traces; NULL: "prong" */
    uint32_t workers;            /* 0: one per CPU this process may use (affinity, cgroup quota); a number asked for is honoured */
    uint32_t queue_limit;        /* runs waiting before submit waits; 0: as many as memory holds. Does not hold inside a task of this
                                    pool or an on_end, where waiting for room might never end */
    uint64_t heap_bytes;         /* how much prong_alloc may give of each kind; 0: as much as the machine has memory. "processes" takes
                                    it from the range reserved at prong_init (1 TiB, or less where address space is limited), and
                                    with 0 is content with half of what is free there */
    prong_fn *init;              /* runs once in each worker before its first task, a spare included; failing three times in a row breaks the pool */
    const void *init_record;     /* copied at open */
    size_t   init_size;
    uint32_t runs_per_worker;    /* "processes": replace a worker after so many; 0: never. Elsewhere -ENOTSUP */
    uint32_t flags;              /* PRONG_BILL */
    uint64_t memory_bytes;       /* each worker's own memory (its data: heap, private mappings); 0: no limit. A run that crashes when there is none
                                    left ends PRONG_LIMIT, ENOMEM. -ENOTSUP, as cpu_ms and files, where PRONG_LIMITS_MEMORY is not promised */
    const char *sandbox;         /* NULL or "none"; "pure" (compute only), "read" (may open files to read): -ENOTSUP without PRONG_SANDBOXES */
    uint64_t cpu_ms;             /* CPU time that a run may use, all its threads together; then it ends PRONG_LIMIT, ETIME; 0: no limit */
    uint32_t files;              /* descriptors that a worker may have open, a dozen of them for its own needs; 0: as many as the program */
} prong_pool_opts;
#define PRONG_BILL 1u            /* account for every run (costs about a microsecond each) */

/* Call it first in main(), before any thread, where processes will be used: it forks the small zygote that all workers come from,
 * so starting one stays cheap and safe whatever the program has grown to. Flushes stdio. -EBUSY: there are threads already. A second
 * call does nothing. The zygote is no child that the program's own wait() or SIGCHLD sees; it, and all workers, end with the program,
 * however that ends. Workers have the program's standard output and error, /dev/null as input, and no other descriptor of it.
 *
 * A program that cannot be first (a plug-in, an interpreter, one with threads) names a helper to exec instead: argv[0], found as execvp
 * does, with NULL behind the last argument. It gets a descriptor as one more argument, the last, and its main() hands that to
 * prong_zygote_main, before any thread. Its workers know the heap and loadable modules, not the host's main program: tasks are functions
 * of shared libraries, which workers load themselves, from the same files (-EINVAL at submit: of the program itself). Helper and
 * libraries are linked with the shared libprong. The helper has the host's standard output and error, /dev/null as input, no other
 * descriptor, and is no child of the host, unless that is init or a subreaper. The first of the two calls that succeeds counts: later
 * ones do nothing. If zygote and stand-by both die, the helper is started once more.
 * Errors: as of execvp (-ENOENT, -EACCES); -EPIPE: it ended, or closed the descriptor, before it called prong_zygote_main (the words say
 * how it ended); -ETIMEDOUT: it did neither in ten seconds, and was killed; -EPROTO: its prong is another version; -ENOTSUP: it has
 * threads, or, twice in a row, something else where the heap lies in the host.
 *
 * prong_zygote_main returns only if it cannot, with an errno that the host is told, too: it is the helper's to print the words and leave.
 * -EINVAL: the descriptor is not from prong_init_exec. */
PRONG_API int prong_init(void);
PRONG_API int prong_init_exec(char *const argv[]);
PRONG_API int prong_zygote_main(int fd);

/* "processes" without prong_init: the zygote is forked here if the program has one thread, else -ENOTSUP. -EINVAL: no such engine.
 * -ENOTSUP: the engine cannot hold an option (serial: more than one worker). */
PRONG_API int prong_pool_open_v(const prong_pool_opts *opts, size_t opts_size, prong_pool **ret_pool);
static inline int prong_pool_open(const prong_pool_opts *opts, prong_pool **ret_pool)
{ return prong_pool_open_v(opts, sizeof *opts, ret_pool); }
/* Refuses new runs, lets the others end until the deadline, then cancels or kills them: -ETIMEDOUT, and the handle is gone all the
 * same (memory a thread still uses is freed when its task returns). Ended futures stay valid until freed. -EDEADLK inside one of its
 * tasks or an on_end. -ESHUTDOWN: another thread is closing it. NULL is fine. */
PRONG_API int prong_pool_close(prong_pool *pool, prong_time deadline);
PRONG_API int prong_pool_resize(prong_pool *pool, uint32_t workers);    /* 0: as at open. Nobody is interrupted: shrinking takes effect as runs end */
PRONG_API uint32_t prong_pool_workers(const prong_pool *pool);
PRONG_API uint32_t prong_pool_slots(const prong_pool *pool);            /* may grow at a resize, never shrinks */
PRONG_API uint32_t prong_cpus(void);        /* that this process may use: affinity mask and cgroup quota; at least 1 */

/* What this pool's engine promises. What it cannot hold is refused with -ENOTSUP, never ignored. */
enum prong_promise { PRONG_SHARES_ALL, PRONG_SHARES_HEAP, PRONG_CONTAINS_CRASHES, PRONG_KILLS, PRONG_LIMITS_MEMORY, PRONG_SANDBOXES };
PRONG_API bool prong_promises(const prong_pool *pool, enum prong_promise what);

/* Zeroed memory, aligned to 64, that every worker on this machine sees at the same address. NULL and errno: ENOMEM, none left.
 * What a task allocates goes when its run ends badly; all goes with the pool. Inside a task of "processes": PRONG_WRITE only, else EACCES.
 * prong_free of NULL is fine; of what prong_alloc of this pool did not give, it stops the program. */
enum prong_access { PRONG_READ = 0,   /* the submitter writes, workers read: a wild worker cannot spoil it */
                    PRONG_WRITE };    /* workers write, too: what one spoils is spoilt for all, and nothing tells */
PRONG_API void *prong_alloc(prong_pool *pool, size_t size, enum prong_access access);
PRONG_API void  prong_free(prong_pool *pool, void *mem);

/* ---- one run ------------------------------------------------------------------------------------------------------------- */

#define PRONG_RECORD_MAX (sizeof(char) << 30)
typedef struct prong_run_opts {
    uint64_t     ask_ms;     /* after this prong_cancelled() is true; a run that then gives way ended PRONG_TIMEOUT */
    uint64_t     kill_ms;    /* after this the run is killed; -ENOTSUP without PRONG_KILLS. Both count from each attempt's start */
    uint32_t     retries;    /* run again after a crash, exit, timeout or loss, on the record as submitted: for tasks without side effects */
    int32_t      priority;   /* higher first; 0 is the middle; in order of submission among equals. serial has no order to choose */
    prong_time   deadline;   /* how long submit may wait for room in the queue */
    prong_group *group;      /* take its end with prong_group_next; of the same pool, else -EINVAL */
    uint64_t     tag;        /* the caller's own; comes back with the end */
} prong_run_opts;

/* -EAGAIN: no room before the deadline. -ESHUTDOWN: the pool is closing. -EPIPE: the pool is broken (its open futures end LOST).
 * -EINVAL on processes and mpi: fn is in no loaded module, or in one whose file is gone. A run whose module its worker cannot load, or
 * loads as another build, ends PRONG_LOST, ENOEXEC. -EMSGSIZE: over PRONG_RECORD_MAX. ret_future NULL: no handle (give a group, or nobody
 * learns the end). With a group and ret_future both give the same handle: to be freed once, after prong_group_next gave it. */
PRONG_API int prong_submit_v(prong_pool *pool, prong_fn *fn, const void *record, size_t size, const prong_run_opts *opts, size_t opts_size,
                             prong_future **ret_future);
static inline int prong_submit(prong_pool *pool, prong_fn *fn, const void *record, size_t size, const prong_run_opts *opts,
                               prong_future **ret_future)
{ return prong_submit_v(pool, fn, record, size, opts, sizeof *opts, ret_future); }

/* -ETIMEDOUT: not yet ended. -EDEADLK: it cannot end while this waits (a cycle of waiting tasks; or this is an on_end). On threads a
 * wait without deadline runs what it waits for, if nobody has begun it: prong_wait and prong_wait_all everywhere (but from outside only
 * where the pool has no init), the others inside a task of the pool. Circles through prong_wait_any, groups, and the calls below that
 * wait for many runs are not seen.
 * Any number of threads may wait for the same future. */
PRONG_API int  prong_wait(prong_future *f, prong_time deadline, prong_error *ret_end);
PRONG_API int  prong_wait_all(prong_future *const f[], size_t n, prong_time deadline, prong_error *ret_end);
PRONG_API int  prong_wait_any(prong_future *const f[], size_t n, prong_time deadline, size_t *ret_i);    /* 0: f[*ret_i] has ended, well or not */
enum prong_state { PRONG_WAITING, PRONG_RUNNING, PRONG_ENDED };
PRONG_API enum prong_state prong_future_state(const prong_future *f);
PRONG_API uint64_t prong_future_tag(const prong_future *f);
PRONG_API void    *prong_future_record(prong_future *f);    /* as the task left it (DONE, FAILED) or as submitted (else); NULL before the end */
PRONG_API void    *prong_future_output(prong_future *f, size_t *ret_size);  /* what prong_output_alloc gave; NULL: none. Until freed, whoever died */
typedef struct prong_bill {
    uint64_t queued_ns, wall_ns, cpu_ns;   /* of the last attempt; cpu_ns of its thread, or of its process */
    uint64_t peak_bytes;                   /* most resident memory its worker ever had ("processes"); 0 where memory is shared */
    uint64_t moved_bytes, faults;          /* copied in and out for it; page faults */
    uint32_t slot, attempts;
} prong_bill;
PRONG_API int      prong_future_bill_v(const prong_future *f, prong_bill *ret_bill, size_t bill_size);   /* -ENODATA: no PRONG_BILL, or it never ran. -EAGAIN: not ended */
static inline int prong_future_bill(const prong_future *f, prong_bill *ret_bill)
{ return prong_future_bill_v(f, ret_bill, sizeof *ret_bill); }
/* One per future (-EEXIST). Called once, in any thread of this process, or here and now if it has ended. May submit, cancel and free;
 * must not take long: other ends may wait behind it. Waiters may be told of the end before it is called: only the close of the pool says
 * that it has returned. */
PRONG_API int      prong_future_on_end(prong_future *f, void (*fn)(prong_future *f, void *arg), void *arg);
enum prong_how { PRONG_IF_WAITING, PRONG_ASK, PRONG_KILL };
/* 0: ended CANCELLED. -EINPROGRESS: asked, or killed: it ends soon. -EBUSY: runs, and was not to be asked. -EALREADY: had ended.
 * -ENOTSUP: PRONG_KILL of what runs, without PRONG_KILLS. */
PRONG_API int      prong_future_cancel(prong_future *f, enum prong_how how);
PRONG_API void     prong_future_free(prong_future *f);      /* neither waits nor cancels; NULL is fine */

/* ---- many runs ----------------------------------------------------------------------------------------------------------- */

/* fn on each of n records, in place on engines that share all memory, copied in and out elsewhere; waits. ret_ends NULL: the first
 * bad end cancels the rest. ret_ends[n]: all run, each end is told (as they come: written also where the call then fails). A record
 * whose run ended neither DONE nor FAILED is as before; in place, one that gave way leaves what it wrote. */
PRONG_API int prong_map(prong_pool *pool, prong_fn *fn, void *records, size_t n, size_t size, prong_error *ret_ends, prong_error *ret_end);

/* [lo, hi) in pieces, as the engine likes, each with its own copy of the record; results go through memory the record points to.
 * The first bad end cancels the rest. -EINVAL: hi < lo. */
typedef int  prong_range_fn(uint64_t lo, uint64_t hi, void *record);
typedef void prong_fold_fn(void *into, const void *piece);
PRONG_API int prong_for(prong_pool *pool, uint64_t lo, uint64_t hi, prong_range_fn *fn, const void *record, size_t size, prong_error *ret_end);

/* Pieces of one size, each on a fresh copy of the identity, folded over a fixed tree in range order: the same calls in the same shape
 * on every engine and any number of workers, hence the same bits wherever fn depends on its arguments alone. With n = hi - lo:
 *   piece   B = grain; or, for grain 0, min(P, max(1, n / 64)), P the smallest power of two with P * P >= n (integer division);
 *   leaves  L = ceil(n / B); leaf k is fn(lo + k*B, min(lo + (k+1)*B, hi), copy of the identity), called once;
 *   tree    a node of m > 1 leaves splits after the largest power of two below m: fold(left, right), the result in left.
 * Empty range: the identity. The first bad end cancels the rest, and ret_result is not written. -EINVAL: hi < lo. */
PRONG_API int prong_reduce(prong_pool *pool, uint64_t lo, uint64_t hi, uint64_t grain, prong_range_fn *fn, prong_fold_fn *fold,
                           const void *identity, size_t size, void *ret_result, prong_error *ret_end);

/* Fork and join: runs all calls, the last one right here on engines that share all memory, and waits. Records as in prong_map; the
 * first bad end cancels the rest. */
typedef struct prong_part { prong_fn *fn; void *record; size_t size; } prong_part;
PRONG_API int prong_invoke(prong_pool *pool, const prong_part *parts, size_t n, prong_error *ret_end);

PRONG_API int prong_group_open(prong_pool *pool, prong_group **ret_group);
PRONG_API int prong_group_next(prong_group *g, prong_time deadline, prong_future **ret_ended);  /* the caller's to free. -ENOENT: none is left */
PRONG_API int prong_group_fd(prong_group *g);    /* readable while an ended run waits to be taken; never read or close it. Or a negative errno */
PRONG_API int prong_group_cancel(prong_group *g, enum prong_how how);   /* 0, also where nothing was left to cancel; else as prong_future_cancel */
/* Waits for all, frees those that were not taken, and tells of these the bad end that was submitted first. -ETIMEDOUT: cancelled the
 * rest (killed, or asked); the handle is gone all the same. */
PRONG_API int prong_group_close(prong_group *g, prong_time deadline, prong_error *ret_end);

/* ---- one worker of its own: Python's Thread and Process ------------------------------------------------------------------- */

PRONG_API int  prong_solo_start_v(const prong_pool_opts *opts, size_t opts_size, prong_fn *fn, const void *record, size_t size, prong_solo **ret_solo);
static inline int prong_solo_start(const prong_pool_opts *opts, prong_fn *fn, const void *record, size_t size, prong_solo **ret_solo)
{ return prong_solo_start_v(opts, sizeof *opts, fn, record, size, ret_solo); }
PRONG_API int  prong_solo_join(prong_solo *s, prong_time deadline, void *ret_record, prong_error *ret_end);  /* ret_record: `size` bytes, or NULL */
PRONG_API int  prong_solo_kill(prong_solo *s);   /* -ENOTSUP on a thread; -EALREADY: had ended */
PRONG_API void prong_solo_free(prong_solo *s);   /* after join; before it, the worker goes on alone and frees itself. NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
