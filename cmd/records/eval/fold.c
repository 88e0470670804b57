/* fold.c - a batch of one row. */
#include "records/eval/fold.h"

#include "records/eval/constant.h"
#include "records/eval/kernels.h"

#include <errno.h>
#include <stdlib.h>

/* Kernels go by 64 rows. */
enum { ROWS = 64 };
struct slot {
    _Alignas(64) char values[ROWS * sizeof(wide)];
    uint64_t present[1];
};
struct fold {
    struct slot arg[STEP_ARGS], out, room[ROOMS];
    struct work work;
};

static struct value value_of(const struct vec *v)
{
    if (!vec_has(v, 0))
        return (struct value){ .kind = VALUE_MISSING };
    switch (v->kind) {
    case VEC_INT:
        return (struct value){ .kind = VALUE_NUMBER, .scale = v->scale, .number = v->i[0] };
    case VEC_WIDE:
        return (struct value){ .kind = VALUE_NUMBER, .scale = v->scale, .number = v->w[0] };
    case VEC_REAL:
        return (struct value){ .kind = VALUE_REAL, .real = v->r[0] };
    case VEC_BOOL:
        return (struct value){ .kind = VALUE_BOOL, .truth = v->b[0] };
    default:
        return (struct value){ .kind = VALUE_TEXT, .text = v->t[0] };
    }
}

int fold_step(const struct step *step, const struct value *const args[], const struct text_list *lists, struct fold **ret_fold,
              struct value *ret_value, struct flaw *ret_flaw)
{
    struct fold *fold = aligned_alloc(64, (sizeof *fold + 63) / 64 * 64);
    if (!fold)
        return -ENOMEM;
    *fold = (struct fold){ .work = { .n = 1, .point = '.', .lists = lists } };
    odds_init(&fold->work.odds);
    for (int k = 0; k < ROOMS; k++)
        fold->work.room[k] = (struct room){ fold->room[k].values, fold->room[k].present };
    struct vec arg[STEP_ARGS], out = { .i = (int64_t *)(void *)fold->out.values, .present = fold->out.present };
    const struct vec *a[STEP_ARGS];
    for (uint8_t i = 0; i < step->n_args; i++) {
        arg[i] = constant_vec(args[i], fold->arg[i].values);
        arg[i].is_constant = false;         /* a vector of one row: kernels want no constants alone */
        a[i] = &arg[i];
    }
    int r = kernel_of((enum step_op)step->op)(&fold->work, step, a, &out);
    if (r < 0) {
        fold_free(fold);
        return r;
    }
    *ret_value = value_of(&out);
    *ret_flaw = fold->work.flaw;
    *ret_fold = fold;
    return 0;
}

void fold_free(struct fold *fold)
{
    if (fold)
        work_free_texts(&fold->work);
    free(fold);
}
