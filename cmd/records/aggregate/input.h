/* input.h - an argument of aggregates, made ready once per batch for all columns that use it: no constants, no truths, and, where that was
 * asked for, all as doubles, or only the rows in which another argument is present, too. */
#pragma once
#include "records/aggregate/whole.h"

enum { INPUT_NONE = -1 };

struct input {
    /* What was asked for. */
    uint32_t out, other;        /* outputs of the program; other: UINT32_MAX, none */
    bool as_real;

    /* The batch at hand. Rows that do not count are 0, as in vec.h. */
    uint8_t kind, scale;        /* VEC_INT, VEC_WIDE, VEC_REAL, VEC_TEXT */
    bool is_truth;              /* was VEC_BOOL */
    uint32_t n, n_present;
    uint64_t most;              /* of VEC_INT */
    const uint64_t *present;    /* NULL: all are */
    union { const int64_t *i; const wide *w; const double *r; const struct text *t; };

    void *room;                 /* BATCH_ROWS of any kind, once that is needed */
    uint64_t mask[VEC_WORDS];
};

static inline bool input_has(const struct input *in, uint32_t row)
{
    return !in->present || (in->present[row / 64] >> row % 64 & 1);
}

/* A pair of which one is real is real: the other is rounded to doubles, in this batch, for all sums of the pair. 0 or -ENOMEM. */
int input_take(struct input *in, const struct vec *const outs[], uint32_t n);
void input_fini(struct input *in);
