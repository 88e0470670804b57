/* python.h - the contenders that are Python with its standard library: examples/python/NAME.py, run by an interpreter of this machine.
 *
 * The scripts are part of this program; they are written to a folder of their own, where they can be imported by the processes that
 * they start, and removed at the end. An interpreter is started for each job; its start is not timed, the script tells how long the
 * job took. It is told to leave its environment variables alone, and to write no bytecode. */
#pragma once
#include "compare/works/work.h"

#include <limits.h>

struct python {
    char interpreter[PATH_MAX]; /* a path */
    char version[64];           /* "3.11.2" */
    int gil;                    /* 1: one lock for all its threads; 0: none (free-threaded); negative: it does not tell */
    char folder[PATH_MAX];      /* of the scripts */
    uint32_t limit_s;           /* a job that takes longer is stopped; as long again for every 16 workers */
};

/* interpreter: a name or a path; NULL: python3. It is tried: asked what it is, and given a small job on processes. SAY_OK; else the exit
 * status, with the reason in ret_why, and nothing to close. */
int python_open(const char *interpreter, struct python *ret_python, char *ret_why, size_t why_size);
void python_close(struct python *python);   /* also a zeroed one */

/* kind: "serial", "threads" or "processes". SAY_OK, or the exit status, said. */
int python_run(const struct python *python, const char *kind, const struct work *work, const struct setup *setup, struct outcome *outcome);

/* Of 100 runs, how many are lost when the 50th kills its process. kind: "threads" or "processes". SAY_OK; else the exit status, with the
 * reason in ret_why. */
int python_crash(const struct python *python, const char *kind, double *ret_lost, char *ret_why, size_t why_size);
