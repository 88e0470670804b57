/* job.c - streams first, in their order; then all pieces of all files at once; then one tally and its results. */
#include "records/run/job.h"

#include "interrupt.h"
#include "records/run/gather.h"
#include "records/run/order.h"
#include "records/run/streams.h"
#include "say.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { LOOK_UP_MS = 100, SHOW_FROM_MS = 300 };  /* how long Ctrl-C may go unnoticed; progress is for what takes longer than this */

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- open ---------------------------------------------------------------------------------------------------------------- */

int job_open(struct records_job *job, const struct job_opts *opts, const char *const files[], size_t n_files)
{
    void *mem;
    size_t size;
    struct plan *plan;
    *job = (struct records_job){ .opts = *opts };
    int status = sources_open(files, n_files, &opts->source, &job->sources);
    if (status != SAY_OK)
        return status;
    status = order_plan(job, &mem, &size, &plan);      /* a query that cannot be understood is told before any work */
    if (status != SAY_OK)
        sources_close(&job->sources);
    else
        free(mem);
    return status;
}

void job_close(struct records_job *job)
{
    sources_close(&job->sources);
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static int submit_workers(struct gather *g)
{
    uint64_t n = prong_pool_workers(g->pool), pieces = g->order->work->pieces.n;
    int status = SAY_OK;
    n = n < pieces ? n : pieces;
    n = n < PIECES_WORKERS ? n : PIECES_WORKERS;
    for (uint32_t w = 0; w < n && status == SAY_OK; w++)
        status = gather_submit(g, &(struct work_run){ .order = g->order->work, .shared = g->order->shared, .worker = w });
    return status;
}

static void show_progress(const struct order *order)
{
    char done[TEXT_SIZE], all[TEXT_SIZE];
    double bytes = (double)__atomic_load_n(&order->shared->done_bytes, __ATOMIC_RELAXED), of = (double)order->file_bytes;
    say_progress("%s of %s, %.0f %%", text_bytes(bytes, done), text_bytes(of, all), of > 0 ? 100 * bytes / of : 100);
}

static int run_files(struct gather *g, bool shows_progress)
{
    struct work_run run;
    double start = now();
    int status = submit_workers(g);
    while (g->in_flight) {
        (void)gather_take(g, prong_in_ms(LOOK_UP_MS), &run);
        if (interrupt_came())
            pieces_stop(g->order->shared);
        if (shows_progress && g->in_flight && now() - start > SHOW_FROM_MS / 1e3)
            show_progress(g->order);
    }
    say_progress_end();
    return status;
}

/* A file that is not what it was when it was looked at has given something that never stood in it as a whole. */
static void look_at_files_again(const struct records_job *job, struct gather *g)
{
    struct flaw flaw = { 0 };
    for (uint32_t f = 0; f < job->sources.n; f++) {
        const struct source_file *file = &job->sources.file[f];
        struct stat s;
        if (file->is_stream)
            continue;
        if (stat(file->path, &s) < 0 || (uint64_t)s.st_size != file->size || s.st_ino != file->inode || s.st_dev != file->device ||
            (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec != file->changed_ns) {
            (void)flaw_set(&flaw, FLAW_CHANGED, place_of(f, 0), "it changed while it was read");
            gather_flaw(g, &flaw);
        }
    }
}

/* ---- run ----------------------------------------------------------------------------------------------------------------- */

static int run_all(const struct records_job *job, struct gather *g, bool shows_progress, struct job_result *result)
{
    int status = SAY_OK;
    for (uint32_t f = 0; f < job->sources.n && status == SAY_OK && !gather_is_over(g); f++)
        if (job->sources.file[f].is_stream)
            status = streams_run(job, g, f, shows_progress, &result->texts);
    say_progress_end();
    if (status == SAY_OK && g->order->shared && !g->has_failed && !interrupt_came())
        status = run_files(g, shows_progress);
    if (status == SAY_OK && !g->flaw.kind)
        look_at_files_again(job, g);
    return status;
}

static int finish(const struct records_job *job, struct gather *g, struct job_result *result)
{
    int status = gather_say(g, &job->sources);
    if (status == SAY_OK)
        status = gather_melt(g, &result->tally);
    if (status == SAY_OK && tally_finish(result->tally, &result->results) < 0) {
        tally_free(result->tally);
        status = say_error(SAY_MISSING, "no memory for the results");
    }
    result->odds = g->odds;
    result->count = g->count;
    result->pieces = g->order->work->pieces.n;
    return status;
}

int job_run(const struct records_job *job, prong_pool *pool, bool shows_progress, struct job_result *ret_result)
{
    struct order order;
    struct gather gather;
    double start = now();
    *ret_result = (struct job_result){ 0 };
    int status = order_make(job, pool, &order);
    if (status != SAY_OK)
        return status;
    status = gather_open(&gather, &order, pool);
    if (status == SAY_OK) {
        status = run_all(job, &gather, shows_progress, ret_result);
        if (status == SAY_OK)
            status = finish(job, &gather, ret_result);
        gather_close(&gather);
    }
    order_free(&order, pool);
    ret_result->seconds = now() - start;
    return status;
}

void job_result_free(struct job_result *result)
{
    results_free(&result->results);
    tally_free(result->tally);
    result->tally = NULL;
}
