/* prong/link.h - for those who build on prong what many others call, a language's binding above all: runs without copies, and by the dozen.
 *
 * prong.h is enough for programs, and says what a run, its end and its errors are; here are shorter ways to the same runs, on every engine.
 * As stable as prong.h. Handles in an array may come from one call or from many.
 *
 * Not here: how the zygote is started. A host that cannot call prong_init first thing in main names a helper to prong_init_exec (prong.h). */
#ifndef PRONG_LINK_H
#define PRONG_LINK_H
#include <prong.h>
#ifdef __cplusplus
extern "C" {
#endif

/* A run that has a record and is not submitted yet. It belongs to who reserved it: one thread at a time. Nothing waits for it, and it keeps the
 * memory of its pool, but does not keep that from being closed. */
typedef struct prong_reserved prong_reserved;

/* Makes n runs of this pool, each with a record of `size` bytes, aligned to 64, not zeroed, to be written where it lies until the run is submitted or
 * dropped; ret_records[i] is NULL for size 0. -ENOMEM, -EMSGSIZE (over PRONG_RECORD_MAX): none was made.
 *
 * On "processes" a record of more than 64 KiB lies in a segment of its own, which the worker maps as it is: it is copied neither on its way out nor
 * back. Each such run has a descriptor open until it has ended; where none is to be had it goes as if it had been given to prong_submit. */
PRONG_API int  prong_link_reserve(prong_pool *pool, size_t size, size_t n, prong_reserved *ret_runs[], void *ret_records[]);

/* Submits them, in this order, as one step: all, and the handles are the runs' no more; or, with an error of prong_submit, none. ret_futures[n], or
 * NULL, as ret_future there. The options are those of all, but run i has the tag opts->tag + i. Where the queue has a limit, they wait until
 * there is room for one, and then all of them enter.
 *
 * One promise is weaker for a record in a segment: the run works on it in place, so if it ends neither DONE nor FAILED the record is as the run left
 * it, half written perhaps. With opts->retries it is copied once more instead, and is as submitted for each attempt and after the last. */
PRONG_API int  prong_link_submit_v(prong_pool *pool, prong_fn *fn, prong_reserved *const runs[], size_t n, const prong_run_opts *opts, size_t opts_size,
                                   prong_future *ret_futures[]);
static inline int prong_link_submit(prong_pool *pool, prong_fn *fn, prong_reserved *const runs[], size_t n, const prong_run_opts *opts,
                                    prong_future *ret_futures[])
{ return prong_link_submit_v(pool, fn, runs, n, opts, sizeof *opts, ret_futures); }

/* Gives back those that shall not be submitted; NULLs among them are fine. */
PRONG_API void prong_link_drop(prong_reserved *const runs[], size_t n);

/* As prong_group_next, but takes all that have ended, at most `most`, in the order of their ends: waits for the first alone,
 * and takes along what comes within a few microseconds of another. Their number is in *ret_n, at least 1; `most` 0 is -EINVAL. */
PRONG_API int  prong_link_take(prong_group *g, prong_time deadline, size_t most, prong_future *ret_futures[], size_t *ret_n);

/* As prong_future_free for each. */
PRONG_API void prong_link_free(prong_future *const f[], size_t n);

#ifdef __cplusplus
}
#endif
#endif
