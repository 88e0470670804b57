/* order.c - blocks of prong_alloc: PRONG_READ for what stands, PRONG_WRITE for what the workers share. */
#include "records/run/order.h"

#include "say.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t plan_least = 64 << 10, plan_most = 256 << 20;

static int plan_in(const struct records_job *job, void *mem, size_t size, struct plan **ret_plan, struct query_flaw *ret_flaw)
{
    struct arena arena = arena_in(mem, size);
    const struct job_opts *o = &job->opts;
    return query_plan(&o->query, &job->sources.columns, job->sources.delimiter, o->source.quote, o->point, o->is_lenient, &arena, ret_plan,
                      ret_flaw);
}

int order_plan(const struct records_job *job, void **ret_memory, size_t *ret_size, struct plan **ret_plan)
{
    struct query_flaw flaw;
    for (size_t size = plan_least; size <= plan_most; size *= 2) {
        void *mem = malloc(size);
        int r = mem ? plan_in(job, mem, size, ret_plan, &flaw) : -EAGAIN;
        if (r == 0) {
            *ret_memory = mem;
            *ret_size = size;
            return SAY_OK;
        }
        free(mem);
        if (r == -EINVAL) {
            query_show_flaw(&flaw);
            return SAY_USAGE;
        }
        if (r == -EAGAIN)
            break;
    }
    return say_error(SAY_MISSING, "no memory to understand the query");
}

static void *give(prong_pool *pool, size_t size, enum prong_access access, int *status)
{
    void *mem = *status == SAY_OK ? prong_alloc(pool, size ? size : 1, access) : NULL;
    if (!mem && *status == SAY_OK)
        *status = say_error(SAY_MISSING, "%s", prong_last_error());
    return mem;
}

static int fill(const struct records_job *job, prong_pool *pool, size_t plan_size, struct order *o)
{
    struct query_flaw flaw;
    struct plan *plan;
    uint32_t n = job->sources.n;
    memcpy(o->file, job->sources.file, n * sizeof *o->file);
    if (plan_in(job, o->plan_memory, plan_size, &plan, &flaw) < 0)
        return say_error(SAY_MISSING, "no memory to understand the query");     /* it was understood, the first time */
    *o->work = (struct work_order){
        .plan = plan,
        .pieces = { .n_files = n, .first_of = o->first_of, .file = o->file },
        .shares_memory = prong_promises(pool, PRONG_SHARES_ALL),
    };
    o->work->pieces.n = pieces_count(o->file, n, o->first_of);
    for (uint32_t f = 0; f < n; f++)
        if (!o->file[f].is_stream)
            o->file_bytes += o->file[f].size - o->file[f].first;
    return SAY_OK;
}

int order_make(const struct records_job *job, prong_pool *pool, struct order *ret_order)
{
    struct order o = { 0 };
    struct plan *plan;
    void *mem;
    size_t plan_size;
    int status = order_plan(job, &mem, &plan_size, &plan);
    if (status != SAY_OK)
        return status;
    free(mem);
    o.work = give(pool, sizeof *o.work, PRONG_READ, &status);
    o.plan_memory = give(pool, plan_size, PRONG_READ, &status);
    o.file = give(pool, job->sources.n * sizeof *o.file, PRONG_READ, &status);
    o.first_of = give(pool, (job->sources.n + (size_t)1) * sizeof(uint64_t[2]), PRONG_READ, &status);
    if (status == SAY_OK)
        status = fill(job, pool, plan_size, &o);
    if (status == SAY_OK && o.work->pieces.n) {
        o.shared = give(pool, pieces_shared_size(o.work->pieces.n), PRONG_WRITE, &status);
        if (o.shared)
            pieces_shared_init(o.shared, o.work->pieces.n);
    }
    if (status != SAY_OK)
        order_free(&o, pool);
    else
        *ret_order = o;
    return status;
}

void order_free(struct order *o, prong_pool *pool)
{
    prong_free(pool, o->shared);
    prong_free(pool, o->first_of);
    prong_free(pool, o->file);
    prong_free(pool, o->plan_memory);
    prong_free(pool, o->work);
}
