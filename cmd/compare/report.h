/* report.h - all that a comparison found out. An output format is one function over it. */
#pragma once
#include "compare/contenders/contender.h"
#include "compare/costs/cost.h"
#include "compare/machine/machine.h"
#include "compare/stats/measure.h"
#include "compare/stats/verdict.h"

#include <stdio.h>

/* One contender at one work. */
struct job_row {
    const struct contender *contender;
    uint32_t workers;
    double seconds[MEASURE_RUNS_MAX];   /* as they were taken */
    struct measure time;        /* without runs: not measured */
    struct ratio speedup;       /* against serial of the same language */
    enum verdict verdict;
    struct outcome last;        /* figures and spans of the last run */
    bool has_figures;
};

struct job {
    const struct work *work;
    bool is_left_out;           /* nobody asked for it */
    char what[512];             /* for people */
    bool agree;                 /* all contenders found the same, bit for bit */
    struct job_row rows[CONTENDERS_N];
};

/* Which engine for which work, and why. */
struct advice {
    const char *work;
    const char *language;
    const char *engine;         /* NULL: none can be named */
    char why[512];
};
enum { ADVICE_MAX = 2 * WORKS_N, NOTES_MAX = 12 };

/* The same work on 1, 2, 4, ... workers. */
struct step {
    const char *work;
    const char *engine;         /* of the language c */
    uint32_t workers;
    struct measure time;
    struct ratio speedup;
};
enum { STEPS_MAX = 128 };

struct report {
    struct machine machine;
    const struct setup *setup;
    struct contender contenders[CONTENDERS_N];
    char python[256];           /* interpreter and version; empty: none takes part */
    int python_gil;             /* 1: one lock for all its threads; 0: none; negative: not known */
    struct job jobs[WORKS_N];
    bool agree;                 /* false: no time is shown, the rows' figures tell who found what */
    struct costs costs;
    struct advice advice[ADVICE_MAX];
    size_t n_advice;
    char notes[NOTES_MAX][512]; /* what holds for any work, in sentences */
    size_t n_notes;
    struct step steps[STEPS_MAX];
    size_t n_steps;
};

/* The first row of the job that has figures: they are everyone's, if all agree. NULL: none. */
const struct job_row *report_first_row(const struct job *job);

/* Each writes all of it to `to`. */
void table_show(const struct report *report, FILE *to);
void json_show(const struct report *report, FILE *to);
void csv_show(const struct report *report, FILE *to);
void md_show(const struct report *report, FILE *to);
