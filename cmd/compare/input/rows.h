/* rows.h - the rows of a file that start in a range of its bytes.
 *
 * Each thread keeps the file that it read last open, with a buffer, so a thread that reads many ranges of one file opens it
 * once. Both go when the thread ends. Reads, never maps: a file that shrinks meanwhile is a flaw and no SIGBUS. */
#pragma once
#include "compare/input/flaw.h"

#include <limits.h>
#include <stdint.h>

/* Which file, and how it was when it was described. Plain: may lie in memory that processes share. */
struct rows_file {
    uint64_t id;            /* of the job that reads it: for another one the file is opened anew */
    uint64_t size, device, inode;
    int64_t changed_ns;     /* time of the last change */
    char path[PATH_MAX];    /* absolute */
};

/* Describes the file at `path`, for a job of its own. 0 or a flaw. */
int rows_file_look(const char *path, struct rows_file *ret_file, struct flaw *ret_flaw);
uint64_t rows_new_id(void);     /* of the next job; main thread */

struct rows;
struct row {
    const char *text, *end; /* without its line end ("\n" or "\r\n"); good until the next call */
    uint64_t at;            /* in the file */
    uint64_t next_at;       /* where the row behind it starts */
};

/* The rows that start in [lo, hi), where the first row of the file starts at byte `first`. Belongs to the thread, one range
 * at a time: nothing to close. 0 or a flaw. */
int rows_begin(const struct rows_file *file, uint64_t first, uint64_t lo, uint64_t hi, struct rows **ret_rows,
               struct flaw *ret_flaw);

/* 0: *ret_row is the next one; ROWS_END; or a flaw. A row with a quote in it is a flaw, and so is one over ROWS_LONGEST. */
enum { ROWS_END = -1, ROWS_LONGEST = 64 << 20 };
int rows_next(struct rows *rows, struct row *ret_row, struct flaw *ret_flaw);
