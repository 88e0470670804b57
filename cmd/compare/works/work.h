/* work.h - what is compared: a piece of work that runs on any pool and says what it found.
 *
 * A new work is a file with one such struct, and a line in works.c. */
#pragma once
#include "compare/input/input.h"
#include "compare/works/figures.h"

#include <prong.h>

/* What the user asked for, and what prepare() made of it. */
struct setup {
    uint32_t workers;       /* that share the work, where the work does not say how many; serial does the work of all */
    const char *input;      /* a file, or NULL: the data set of our own */
    const char *columns;    /* "A,B", or NULL */
    struct input records;
    char source[256];       /* where the records come from, for people */
    uint16_t server_port;   /* on 127.0.0.1, of the process that answers `wait`; 0: none */
    int server_pid;
};

/* When and where one run of a job was: each run writes this into its record. */
struct span {
    double begin, end;      /* seconds: of the monotonic clock in a record, since the start of the job in an outcome */
    uint32_t slot;          /* prong_slot() */
};
enum { SPANS_MAX = 256 };

/* What a job leaves. */
struct outcome {
    double seconds;         /* from no worker (or a pool that is ready) to the joined result; the contender's to fill in */
    struct figures figures;
    size_t n_spans;
    struct span spans[SPANS_MAX];
};

enum { WORK_SQRT, WORK_RECORDS, WORK_WAIT, WORK_COUNTER, WORKS_N };
struct work {
    const char *name;       /* a word, for JSON */
    bool is_in_python;      /* examples/python has it, too, with the same figures */
    bool is_waiting;        /* for something other than a CPU: more workers than CPUs may well gain */
    uint32_t workers;       /* 0: as the setup says */

    /* Once, before any pool is opened and any time is taken; NULL: nothing to prepare. SAY_OK, or the exit status, said. */
    int (*prepare)(struct setup *setup);
    void (*finish)(struct setup *setup);      /* undoes prepare(), also half of it; NULL: nothing to undo */

    /* All of it, on this pool. SAY_OK, or the exit status, said. */
    int (*run)(prong_pool *pool, const struct setup *setup, struct outcome *outcome);

    /* A heading: what is done. */
    void (*describe)(const struct setup *setup, char *buf, size_t size);
};
extern const struct work *const works[WORKS_N];

static inline uint32_t work_workers(const struct work *work, const struct setup *setup)
{
    return work->workers ? work->workers : setup->workers;
}

/* Inside a task: the span that began at `begin`, by measure_now(), and ends now. */
struct span work_span(double begin);
/* For run(): those beyond SPANS_MAX are left out. */
void work_add_span(struct outcome *outcome, struct span span);

/* For run(): tells how a call of the library ended badly (r < 0: the call failed; r > 0: a run of it, as `end` says). After an interrupt
 * it says nothing and gives SAY_INTERRUPTED. */
int work_say_end(int r, const prong_error *end);
