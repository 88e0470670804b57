/* emit.h - checked trees to steps. */
#pragma once
#include "records/query/steps.h"
#include "records/query/tree.h"

/* What a column is to be. */
enum want { WANT_NUMBER, WANT_TEXT, WANT_TRIED /* its numbers, missing where it has none */ };

/* 0; -EINVAL with a flaw; -ENOMEM. A condition becomes a number only with WANT_NUMBER. */
int emit(struct steps *steps, const struct tree *tree, uint32_t node, enum want want, uint32_t *ret_step);
