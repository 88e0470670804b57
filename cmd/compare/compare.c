/* compare.c - the order of things: read the options, prepare, check that all engines agree, measure, show.
 *
 * One round runs a work once on each engine. The first round of each work is not timed: it warms the caches and shows whether
 * the engines agree. Within a round each engine has its turn, and each round begins with the next engine, so whatever drifts
 * or disturbs the machine meets them all alike. */
#include "compare/compare.h"

#include "compare/report.h"
#include "options.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>

enum { COST_RUNS = 50, RUNS_DEFAULT = 10, WORKERS_MAX = 4096 };

struct times {
    double seconds[ENGINES_N][MEASURE_RUNS_MAX];
};

int report_first_engine(const struct report *report)
{
    for (int i = 0; i < ENGINES_N; i++)
        if (!report->engines[i].is_missing)
            return i;
    return -1;
}

/* ---- one work ------------------------------------------------------------------------------------------------------------ */

/* The warm-up: leaves each engine's figures in the report. */
static int check_work(struct report *report, int w)
{
    double seconds;
    const struct figures *first = NULL;
    for (int e = 0; e < ENGINES_N; e++) {
        if (report->engines[e].is_missing)
            continue;
        say_progress("%s: warming up, %s", works[w]->name, report->engines[e].name);
        int status = engines_run(&report->engines[e], works[w], report->plan, &report->figures[w][e], &seconds);
        if (status != SAY_OK)
            return status;
        if (!first)
            first = &report->figures[w][e];
        report->agree = report->agree && figures_agree(first, &report->figures[w][e]);
    }
    return SAY_OK;
}

static int run_round(struct report *report, int w, uint32_t round, uint32_t runs, struct times *times)
{
    struct figures figures;
    for (uint32_t turn = 0; turn < ENGINES_N; turn++) {
        uint32_t e = (round + turn) % ENGINES_N;
        if (report->engines[e].is_missing)
            continue;
        say_progress("%s: round %u of %u, %s", works[w]->name, round + 1, runs, report->engines[e].name);
        int status = engines_run(&report->engines[e], works[w], report->plan, &figures, &times->seconds[e][round]);
        if (status != SAY_OK)
            return status;
        if (!figures_agree(&figures, &report->figures[w][e])) {
            report->figures[w][e] = figures;
            report->agree = false;
        }
    }
    return SAY_OK;
}

static void sum_up(struct report *report, int w, uint32_t runs, struct times *times)
{
    for (int e = 0; e < ENGINES_N; e++)
        if (!report->engines[e].is_missing)
            report->rows[w][e].time = measure_of(times->seconds[e], runs);
    double serial = report->rows[w][ENGINES_SERIAL].time.median;
    for (int e = 0; e < ENGINES_N; e++)
        if (!report->engines[e].is_missing)
            report->rows[w][e].speedup = serial / report->rows[w][e].time.median;
}

static int measure_work(struct report *report, int w, uint32_t runs)
{
    struct times times;
    int status = SAY_OK;
    for (uint32_t round = 0; round < runs && status == SAY_OK && report->agree; round++)
        status = run_round(report, w, round, runs, &times);
    if (status == SAY_OK && report->agree)
        sum_up(report, w, runs, &times);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

static int measure_costs(struct report *report)
{
    static const int engine_of[REPORT_COSTS_N] = { ENGINES_THREADS, ENGINES_PROCESSES };
    double seconds[REPORT_COSTS_N][1 + COST_RUNS];      /* the first warms up */
    say_progress("start and join one worker, %d times", COST_RUNS);
    for (int i = 0; i < 1 + COST_RUNS; i++)
        for (int c = 0; c < REPORT_COSTS_N; c++) {
            const struct engine *engine = &report->engines[engine_of[c]];
            int status = engine->is_missing ? SAY_OK : engines_start_join(engine, &seconds[c][i]);
            if (status != SAY_OK)
                return status;
        }
    for (int c = 0; c < REPORT_COSTS_N; c++) {
        report->costs[c] = (struct report_cost){ .cost = "start_join", .engine = &report->engines[engine_of[c]] };
        if (!report->costs[c].engine->is_missing)
            report->costs[c].time = measure_of(seconds[c] + 1, COST_RUNS);
    }
    return SAY_OK;
}

static int measure_all(struct report *report, uint32_t runs)
{
    int status = SAY_OK;
    for (int w = 0; w < WORKS_N && status == SAY_OK; w++)
        status = check_work(report, w);
    for (int w = 0; w < WORKS_N && status == SAY_OK && report->agree; w++)
        status = measure_work(report, w, runs);
    if (status == SAY_OK && report->agree)
        status = measure_costs(report);
    say_progress_end();
    return status;
}

static int prepare(struct plan *plan)
{
    int status = SAY_OK;
    if (!plan->workers)
        plan->workers = prong_cpus();
    for (int w = 0; w < WORKS_N && status == SAY_OK; w++)
        if (works[w]->prepare)
            status = works[w]->prepare(plan);
    return status;
}

static int exit_status(const struct report *report)
{
    if (!report->agree)
        return say_error(SAY_WRONG, "the engines disagree: no time is shown");
    for (int e = 0; e < ENGINES_N; e++)
        if (report->engines[e].is_missing)
            return SAY_MISSING;
    return SAY_OK;
}

static int compare(struct plan *plan, uint32_t runs, void (*show)(const struct report *report))
{
    struct engine engines[ENGINES_N];
    struct report report = { .machine = machine_look(), .plan = plan, .engines = engines, .agree = true };
    int status = prepare(plan);
    if (status != SAY_OK)
        return status;
    engines_open(engines, plan->workers);
    if (report_first_engine(&report) < 0)
        status = say_error(SAY_MISSING, "no engine runs on this machine");
    else
        status = measure_all(&report, runs);
    if (plan->workers <= report.machine.cpus_usable)    /* else our own workers wait for each other */
        machine_look_again(&report.machine);
    engines_close(engines);
    if (status != SAY_OK)
        return status;
    show(&report);
    return exit_status(&report);
}

int compare_main(int argc, char *const argv[])
{
    static const struct command command = {
        .name = "prong compare",
        .summary = "Runs the same work on serial, threads and processes, checks that all get the same result, bit for bit,\n"
                   "and shows what each took: the median of all rounds with its 95 % interval.",
        .more = "The work: `sqrt`, four million square roots by each worker; `records`, two columns of a file divided over\n"
                "the workers: mean, standard deviation, correlation, sum of products. Without --input the records are grown\n"
                "from real package sizes, once, into the cache folder ($XDG_CACHE_HOME or ~/.cache).\n"
                "\n"
                "Exit status: 0 well, 1 engines disagree or a run failed, 2 wrong usage, 3 this machine lacks something,\n"
                "4 bad input.",
    };
    struct plan *plan = calloc(1, sizeof *plan);
    uint32_t runs = RUNS_DEFAULT;
    bool json = false;
    if (!plan)
        return say_error(SAY_MISSING, "no memory to begin with");
    const struct option options[] = {
        { "--input", "FILE.csv", OPTION_TEXT, 0, &plan->input,
          "records of your own: a header, then rows; comma, tab or semicolon; no quotes" },
        { "--columns", "A,B", OPTION_TEXT, 0, &plan->columns,
          "two columns by name (default: the first two with a number in the first row)" },
        { "--runs", "N", OPTION_COUNT, MEASURE_RUNS_MAX, &runs, "rounds to measure (default: 10)" },
        { "--workers", "N", OPTION_COUNT, WORKERS_MAX, &plan->workers,
          "threads, and processes (default: one per CPU that may be used)" },
        { "--json", NULL, OPTION_FLAG, 0, &json, "prong.compare/1 on standard output, and nothing else there" },
        { 0 }
    };
    int status = options_read(&command, options, argc, argv);
    if (status == SAY_OK)
        status = compare(plan, runs, json ? json_show : table_show);
    free(plan);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}
