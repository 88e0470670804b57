/* steps.h - a program while it is written: equal steps are there once, and what is constant is worked out at once. */
#pragma once
#include "records/eval/program.h"
#include "records/query/query.h"

enum { STEPS_MAX = 4096, STEPS_TABLE = 2 * STEPS_MAX };

struct steps {
    struct arena *arena;
    struct query_flaw *flaw;
    size_t at, size;            /* the part of the text that steps are made of now: for flaws */
    uint32_t n, n_constants, n_lists, n_outs;
    struct step step[STEPS_MAX];            /* OP_NUMBERS, OP_TRIED, OP_TEXTS: param is a column of the header until steps_finish */
    struct value constant[STEPS_MAX];
    struct text_list list[STEPS_MAX];
    uint32_t out[STEPS_MAX];
    uint32_t table[STEPS_TABLE];            /* of steps, by what they do; 1 + index; 0: free */
};

/* NULL: no memory. Texts and the program go to the arena. */
struct steps *steps_new(struct arena *arena, struct query_flaw *flaw);
void steps_free(struct steps *steps);

/* Each gives the step that makes what is asked for. 0; -EINVAL with a flaw; -ENOMEM. */
int steps_constant(struct steps *steps, const struct value *value, uint32_t *ret_step);
int steps_column(struct steps *steps, enum step_op op, uint32_t column, uint32_t *ret_step);
int steps_add(struct steps *steps, enum step_op op, enum step_type type, int32_t param, const uint32_t args[], uint32_t n_args,
              uint32_t *ret_step);
/* Whether the text that step `text` makes is one of n. The items are sorted here. */
int steps_in(struct steps *steps, uint32_t text, struct text *items, uint32_t n, uint32_t *ret_step);
int steps_out(struct steps *steps, uint32_t step, uint32_t *ret_out);

/* NULL: it is none. */
const struct value *steps_value(const struct steps *steps, uint32_t step);

/* The end: no step may be added behind it. Drops the steps that no output needs, and marks the columns that the others use. */
void steps_end(struct steps *steps, bool is_used[]);
/* Behind steps_end. used: as in shape, ascending. */
int steps_finish(struct steps *steps, const uint32_t used[], uint32_t n_used, struct program **ret_program);
