/* job.h - a query over files, carried out on a pool, from open files to results. The order of things; for the main thread. */
#pragma once
#include "records/aggregate/tally.h"
#include "records/run/worker.h"
#include "records/source/source.h"

struct job_opts {
    struct query query;
    struct source_opts source;
    char point;                     /* '.' or ',' */
    bool is_lenient;
};

/* Files looked at, query understood. */
struct records_job {
    struct job_opts opts;
    struct sources sources;
};
/* SAY_OK; or the exit status, said; then nothing is to be closed. */
int job_open(struct records_job *job, const struct job_opts *opts, const char *const files[], size_t n_files);
void job_close(struct records_job *job);

struct job_result {
    struct results results;
    struct odds odds;
    struct work_count count;
    uint64_t pieces, texts;         /* that were done */
    double seconds;                 /* from opened pool to results */
    struct tally *tally;            /* where their texts lie */
};
/* All of it, on this pool, by as many runs as it has workers. May be called again, with the same or another pool. SAY_OK; or the exit
 * status, said, and nothing that could be taken for a result. */
int job_run(const struct records_job *job, prong_pool *pool, bool shows_progress, struct job_result *ret_result);
void job_result_free(struct job_result *result);
