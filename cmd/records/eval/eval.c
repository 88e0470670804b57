/* eval.c - a program's steps one after the other, each for all rows of the batch: what a step makes is still in the cache when the next
 * one takes it up. */
#include "records/eval/eval.h"

#include "records/eval/constant.h"
#include "records/eval/kernels.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Slots lie an odd number of cache lines apart, so that equal rows of different vectors do not fall upon the same cache set. */
enum { VALUES_SIZE = BATCH_ROWS * sizeof(wide), PRESENT_SIZE = VEC_WORDS * sizeof(uint64_t), SLOT_SIZE = VALUES_SIZE + PRESENT_SIZE + 192 };

/* The rows that a filter keeps. */
struct kept {
    uint32_t index[BATCH_ROWS], row[BATCH_ROWS + 1];
    uint32_t (*begin)[BATCH_ROWS], (*end)[BATCH_ROWS];      /* of n_used columns */
};

struct eval {
    const struct program *program;
    uint32_t n_used;
    struct vec *vec;                    /* one for each step */
    const struct vec *(*arg)[STEP_ARGS];
    char *memory;                       /* slots, rooms, constants */
    struct kept *kept;                  /* NULL until eval_filter is called */
    struct work work;
};

/* ---- making -------------------------------------------------------------------------------------------------------------- */

static uint64_t *present_of(char *slot)
{
    return (uint64_t *)(void *)(slot + VALUES_SIZE);
}

static void lay_out(struct eval *eval)
{
    const struct program *program = eval->program;
    char *rooms = eval->memory + (size_t)program->n_slots * SLOT_SIZE, *constants = rooms + (size_t)ROOMS * SLOT_SIZE;
    for (int k = 0; k < ROOMS; k++)
        eval->work.room[k] = (struct room){ rooms + (size_t)k * SLOT_SIZE, present_of(rooms + (size_t)k * SLOT_SIZE) };
    for (uint32_t i = 0; i < program->n_steps; i++) {
        const struct step *step = &program->step[i];
        char *slot = eval->memory + (size_t)step->slot * SLOT_SIZE;
        if (step->op == OP_CONSTANT)
            eval->vec[i] = constant_vec(&program->constant[step->param], constants + (size_t)step->param * 64);
        else
            eval->vec[i] = (struct vec){ .i = (int64_t *)(void *)slot, .present = present_of(slot) };
        for (uint8_t k = 0; k < step->n_args; k++)
            eval->arg[i][k] = &eval->vec[step->arg[k]];
    }
}

int eval_new(const struct plan *plan, const struct program *program, struct eval **ret_eval)
{
    struct eval *eval = calloc(1, sizeof *eval);
    if (!eval)
        return -ENOMEM;
    eval->program = program;
    eval->n_used = plan->shape.n_used;
    eval->work = (struct work){ .quote = plan->shape.quote, .point = plan->point, .is_lenient = plan->shape.is_lenient,
                                 .lists = program->list };
    odds_init(&eval->work.odds);
    eval->vec = calloc((size_t)program->n_steps + 1, sizeof *eval->vec);
    eval->arg = calloc((size_t)program->n_steps + 1, sizeof *eval->arg);
    eval->memory = aligned_alloc(64, ((size_t)program->n_slots + ROOMS) * SLOT_SIZE + (size_t)program->n_constants * 64);
    if (!eval->vec || !eval->arg || !eval->memory) {
        eval_free(eval);
        return -ENOMEM;
    }
    lay_out(eval);
    *ret_eval = eval;
    return 0;
}

void eval_free(struct eval *eval)
{
    if (!eval)
        return;
    if (eval->kept) {
        free(eval->kept->begin);
        free(eval->kept->end);
    }
    free(eval->kept);
    work_free_texts(&eval->work);
    free(eval->memory);
    free(eval->arg);
    free(eval->vec);
    free(eval);
}

/* ---- running ------------------------------------------------------------------------------------------------------------- */

static int out_of_memory(const struct batch *batch, struct flaw *ret_flaw)
{
    return flaw_set(ret_flaw, FLAW_MEMORY, batch->at + (batch->n ? batch->row[0] : 0), "there is no memory for the texts of these rows");
}

int eval_run(struct eval *eval, const struct batch *batch, struct flaw *ret_flaw)
{
    struct work *work = &eval->work;
    assert(batch->n <= BATCH_ROWS);
    work->n = batch->n;
    work->batch = batch;
    work->flaw.kind = 0;
    work_forget_texts(work);
    for (uint32_t i = 0; i < eval->program->n_steps; i++) {
        const struct step *step = &eval->program->step[i];
        kernel_fn *kernel = kernel_of((enum step_op)step->op);
        if (kernel && kernel(work, step, eval->arg[i], &eval->vec[i]) < 0)
            return out_of_memory(batch, ret_flaw);
    }
    if (work->flaw.kind)
        *ret_flaw = work->flaw;
    return work->flaw.kind;
}

const struct vec *eval_out(const struct eval *eval, uint32_t out)
{
    return &eval->vec[eval->program->out[out]];
}

const struct odds *eval_odds(const struct eval *eval)
{
    return &eval->work.odds;
}

/* ---- filtering ----------------------------------------------------------------------------------------------------------- */

static struct kept *kept_of(struct eval *eval)
{
    struct kept *kept = eval->kept;
    if (!kept) {
        kept = eval->kept = calloc(1, sizeof *kept);
        if (!kept)
            return NULL;
    }
    if (!kept->begin)
        kept->begin = malloc(((size_t)eval->n_used + 1) * sizeof *kept->begin);
    if (!kept->end)
        kept->end = malloc(((size_t)eval->n_used + 1) * sizeof *kept->end);
    return kept->begin && kept->end ? kept : NULL;
}

/* A missing row holds false. */
static uint32_t choose(const uint8_t *truth, uint32_t n, uint32_t *ret_index)
{
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        ret_index[m] = i;
        m += truth[i];
    }
    return m;
}

static void gather(const uint32_t *restrict from, const uint32_t *restrict index, uint32_t n, uint32_t *restrict to)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = from[index[i]];
}

static void keep(struct kept *kept, uint32_t n, uint32_t n_used, struct batch *batch)
{
    gather(batch->row, kept->index, n, kept->row);
    kept->row[n] = batch->row[batch->n];
    for (uint32_t k = 0; k < n_used; k++) {
        gather(batch->begin[k], kept->index, n, kept->begin[k]);
        gather(batch->end[k], kept->index, n, kept->end[k]);
        batch->begin[k] = kept->begin[k];
        batch->end[k] = kept->end[k];
    }
    batch->row = kept->row;
    batch->n = n;
}

int eval_filter(struct eval *filter, struct batch *batch, struct flaw *ret_flaw)
{
    int r = eval_run(filter, batch, ret_flaw);
    if (r)
        return r;
    const struct vec *truth = eval_out(filter, 0);
    struct kept *kept = kept_of(filter);
    if (!kept)
        return out_of_memory(batch, ret_flaw);
    if (truth->is_constant) {
        batch->n = truth->b[0] ? batch->n : 0;
        return 0;
    }
    uint32_t n = choose(truth->b, batch->n, kept->index);
    if (n < batch->n)
        keep(kept, n, filter->n_used, batch);
    return 0;
}
