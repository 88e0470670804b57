/* eval.h - carries out programs over batches. One per worker; nothing is shared.
 *
 * Arithmetic on VEC_INT is exact; where a bound says that 64 bits may not do, it is done in VEC_WIDE, and where 38 digits may not do, or the
 * operation has no exact result (/, ^, sqrt ...), in VEC_REAL, each result rounded once. What is undefined (x/0, ln(-1), overflow)
 * is missing, and counted as odd. Missing passes through arithmetic, comparison and functions; && and || are three-valued, as in SQL; if()
 * takes its third argument where the condition is false or missing. */
#pragma once
#include "records/query/query.h"

struct eval;
int eval_new(const struct plan *plan, const struct program *program, struct eval **ret_eval);      /* 0 or -ENOMEM */
void eval_free(struct eval *eval);

/* The outputs for all rows of the batch, good until the next call. 0 or a flaw (strict: a cell that is no number, where one is needed). */
int eval_run(struct eval *eval, const struct batch *batch, struct flaw *ret_flaw);
const struct vec *eval_out(const struct eval *eval, uint32_t out);
const struct odds *eval_odds(const struct eval *eval);      /* all there was since eval_new */

/* Keeps the rows of the batch for which output 0 of `filter` is true and present. The batch then points into `eval`. */
int eval_filter(struct eval *filter, struct batch *batch, struct flaw *ret_flaw);
