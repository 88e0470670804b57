/* fold.h - one step whose operands are all constant, by the same kernels as a batch. */
#pragma once
#include "records/eval/program.h"
#include "records/flaw.h"

struct fold;        /* what a text of the value lies in */

/* 0 and the value, VALUE_MISSING where it is undefined, or a flaw that says what is wrong with it; or -ENOMEM. */
int fold_step(const struct step *step, const struct value *const args[], const struct text_list *lists, struct fold **ret_fold,
              struct value *ret_value, struct flaw *ret_flaw);
void fold_free(struct fold *fold);
