/* order.h - the description of a job, put where every worker of a pool sees it. */
#pragma once
#include "records/run/job.h"

struct order {
    struct work_order *work;        /* in memory of the pool, as all below */
    void *plan_memory;
    struct source_file *file;
    void *first_of;
    struct pieces_shared *shared;   /* NULL: there are no pieces */
    uint64_t file_bytes;            /* in all pieces */
};

/* The query is understood once more, in memory of the pool: so the plan's pointers hold in every worker. SAY_OK; or the exit status,
 * said. */
int order_make(const struct records_job *job, prong_pool *pool, struct order *ret_order);
void order_free(struct order *order, prong_pool *pool);

/* Understands the query in an arena of ordinary memory, to be freed. SAY_OK; or SAY_USAGE, said. */
int order_plan(const struct records_job *job, void **ret_memory, size_t *ret_size, struct plan **ret_plan);
