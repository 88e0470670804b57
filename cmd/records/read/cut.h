/* cut.h - from where fields end to rows and their columns. For the files of read/ alone.
 *
 * Takes the ends that the scan found, a step at a time, and cuts whole rows off them into the arrays of a batch. */
#pragma once
#include "records/read/reader.h"

enum { CUT_STEP = 16 << 10 };       /* bytes scanned at once: text and ends still lie in the first cache when rows are cut */

struct cut {
    const struct shape *shape;
    struct odds odds;
    const char *text;               /* what all positions count from; the owner keeps it, and `at`, where the window is */
    place at;                       /* of text[0] */

    uint32_t *ends;                 /* room for n_fields + CUT_STEP + 64 */
    uint32_t next, n;               /* ends[next] .. ends[n - 1] belong to the row at row_at and those behind it */
    uint32_t newlines;              /* among these: so many whole rows */
    uint32_t even;                  /* of which so many, from the first on, are known to have n_fields fields */
    uint32_t beyond;                /* fields of the row at row_at that are counted, but whose ends are not kept */
    uint32_t row_at;                /* where the first row that is not yet cut begins, */
    uint32_t field_at;              /* and the field behind the last end */

    uint32_t n_rows;                /* in the batch */
    uint32_t *row, *columns;        /* BATCH_ROWS + 1; begins, then ends, of each used column, BATCH_ROWS each */
};

/* 0 or -ENOMEM. The shape must stay where it is. */
int cut_init(struct cut *cut, const struct shape *shape);
void cut_fini(struct cut *cut);

/* No ends, no rows; the next row begins at row_at. */
void cut_begin(struct cut *cut, uint32_t row_at);

/* An empty batch. */
void cut_next_batch(struct cut *cut);

/* Where the scan may append ends. There must be no whole row left. */
uint32_t *cut_room(struct cut *cut);
void cut_add(struct cut *cut, size_t n, size_t newlines);
/* Only those below `to` are any good. */
void cut_add_below(struct cut *cut, size_t n, uint32_t to);

/* The text now begins `by` bytes later: not behind row_at, and not with rows in the batch. */
void cut_shift(struct cut *cut, uint32_t by);

/* Cuts off rows, at most `most`, until the batch is full. 0 or a flaw (FLAW_FIELDS), with all rows before it in the batch. */
int cut_rows(struct cut *cut, uint32_t most, struct flaw *ret_flaw);

/* The last row of the file, which ends at `end`, without a newline. There must be no whole row left, and room in the batch. */
int cut_last(struct cut *cut, uint32_t end, struct flaw *ret_flaw);

/* The rows that there are in the batch; good until the next one. */
void cut_batch(const struct cut *cut, struct batch *ret_batch);
