/* work.h - what is compared: a piece of work that runs on any pool and says what it found.
 *
 * A new work is a file with one such struct, and a line in works.c. */
#pragma once
#include "compare/csv.h"
#include "compare/figures.h"

#include <prong.h>

/* What the user asked for, and what prepare() made of it. */
struct plan {
    uint32_t workers;       /* that share the work; serial does the work of all */
    const char *input;      /* a file, or NULL: the data set of our own */
    const char *columns;    /* "A,B", or NULL */
    struct csv csv;
    char source[256];       /* where the records come from, for people */
};

struct work {
    const char *name;       /* a word, for JSON */

    /* Once, before anything is timed; NULL: nothing to prepare. SAY_OK, or the exit status, said. */
    int (*prepare)(struct plan *plan);

    /* All of it, on this pool. SAY_OK, or the exit status, said. */
    int (*run)(prong_pool *pool, const struct plan *plan, struct figures *ret_figures);

    /* A heading: what is done. */
    void (*describe)(const struct plan *plan, char *buf, size_t size);
};

enum { WORKS_N = 2 };
extern const struct work *const works[WORKS_N];

/* For run(): tells how a call of the library ended badly (r < 0: the call failed; r > 0: a run of it, as `end` says). */
int work_say_end(int r, const prong_error *end);
