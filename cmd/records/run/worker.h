/* worker.h - what one run of a job does: it takes pieces until there are none, or one text that was cut for it.
 *
 * A task of the library: knows nothing but its record and the memory that the pool gave, so it is the same on any engine. What it leaves is
 * a tally: by pointer where memory is shared, else as bytes in the run's output. */
#pragma once
#include "records/aggregate/tally.h"
#include "records/run/pieces.h"

/* For all runs of a job; in memory from prong_alloc(PRONG_READ), as is all that it points to. */
struct work_order {
    const struct plan *plan;
    struct pieces pieces;
    bool shares_memory;             /* tallies go home by pointer */
};

/* Numbers that are added up at the end. */
struct work_count {
    uint64_t bytes, rows, rows_kept, batches;
};

struct work_run {                   /* the record */
    const struct work_order *order;
    struct pieces_shared *shared;   /* PRONG_WRITE; NULL: the text below */
    uint32_t worker;                /* which of shared->working */
    uint32_t file;                  /* of the text: rows from byte `at` of this file, whole ones, that begin outside quotes */
    const char *text;
    uint64_t at, size;
    uint64_t lines;                 /* of the file before the text */

    struct flaw flaw;               /* what it leaves: kind 0 if all was well ... */
    uint64_t flaw_piece;
    bool was_interrupted;
    struct tally *tally;            /* ... and this, or an output */
    struct odds odds;
    struct work_count count;
};
int work_task(void *record);        /* 0, or FLAW_MEMORY: prong_fail() */
