/* compare.c - the order of things: read the options, prepare, check that all agree, measure, judge, advise, show. */
#include "compare/compare.h"

#include "compare/advice.h"
#include "compare/contenders/contenders.h"
#include "compare/contenders/python.h"
#include "compare/costs/costs.h"
#include "compare/jobs.h"
#include "compare/report.h"
#include "compare/show/html.h"
#include "compare/steps.h"
#include "interrupt.h"
#include "list.h"
#include "options.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 4096 };

/* What the command line says. */
struct request {
    struct setup setup;
    const char *engines, *only, *python, *html;
    bool no_python, no_costs, json, csv, md;
    uint32_t wait_quiet_s, runs;
};

/* ---- before any time is taken -------------------------------------------------------------------------------------------- */

static int check_input(const struct request *request, const struct report *report)
{
    const char *option = request->setup.input ? "--input" : "--columns";
    if (!report->jobs[WORK_RECORDS].is_left_out || !(request->setup.input || request->setup.columns))
        return SAY_OK;
    (void)say_error(SAY_USAGE, "%s is for the work records, which --only %s leaves out", option, request->only);
    say_hint("--only %s,records, or no %s", request->only, option);
    return SAY_USAGE;
}

static int check_page(const struct request *request)
{
    if (!request->html)
        return SAY_OK;
    if (strcmp(request->html, "-") == 0 && (request->json || request->csv || request->md)) {
        const char *other = request->json ? "json" : request->csv ? "csv" : "md";
        (void)say_error(SAY_USAGE, "--html - wants standard output, and so does --%s", other);
        say_hint("give the page a file: --html compare.html");
        return SAY_USAGE;
    }
    return html_check(request->html);
}

static int choose(const struct request *request, struct report *report)
{
    const char *names[WORKS_N];
    bool chosen[WORKS_N];
    for (int w = 0; w < WORKS_N; w++)
        names[w] = works[w]->name;
    int status = list_choose("--only", request->only, names, WORKS_N, chosen);
    for (int w = 0; w < WORKS_N && status == SAY_OK; w++) {
        report->jobs[w].work = works[w];
        report->jobs[w].is_left_out = !chosen[w];
    }
    return status == SAY_OK ? contenders_choose(request->engines, report->contenders) : status;
}

/* Where nobody asked for Python it may as well be missing. */
static int find_python(const struct request *request, struct report *report, struct python *python)
{
    char why[256] = "--no-python";
    bool asked = request->python != NULL;
    int status = SAY_MISSING;
    if (asked && request->no_python) {
        (void)say_error(SAY_USAGE, "--python and --no-python: which of the two?");
        say_hint("--python=PATH measures that interpreter, --no-python none");
        return SAY_USAGE;
    }
    if (!request->no_python)
        status = python_open(request->python, python, why, sizeof why);
    if (status == SAY_INTERRUPTED)
        return status;
    if (status != SAY_OK && asked) {
        (void)say_error(status, "--python: %s", why);
        say_hint("--python=PATH names another interpreter, --no-python leaves Python out");
        return status;
    }
    if (status != SAY_OK && !request->no_python)
        say_note("goes on without Python: %s", why);
    contenders_set_python(report->contenders, status == SAY_OK ? python : NULL, why);
    report->python_gil = -1;
    if (status == SAY_OK) {
        snprintf(report->python, sizeof report->python, "Python %s", python->version);
        report->python_gil = python->gil;
    }
    return SAY_OK;
}

static int prepare(const struct report *report, struct setup *setup)
{
    int status = SAY_OK;
    for (int w = 0; w < WORKS_N && status == SAY_OK; w++)
        if (!report->jobs[w].is_left_out && works[w]->prepare)
            status = works[w]->prepare(setup);
    return status;
}

static void finish(const struct report *report, struct setup *setup)
{
    for (int w = 0; w < WORKS_N; w++)
        if (!report->jobs[w].is_left_out && works[w]->finish)
            works[w]->finish(setup);
}

static void describe(struct report *report)
{
    for (int w = 0; w < WORKS_N; w++)
        if (!report->jobs[w].is_left_out)
            works[w]->describe(report->setup, report->jobs[w].what, sizeof report->jobs[w].what);
}

static bool anybody_is_in(const struct report *report)
{
    for (int i = 0; i < CONTENDERS_N; i++)
        if (contender_is_in(&report->contenders[i]))
            return true;
    return false;
}

/* ---- measuring and judging ----------------------------------------------------------------------------------------------- */

static int measure(const struct request *request, struct report *report)
{
    int status = jobs_check(report);
    if (status == SAY_OK && report->agree)
        status = jobs_measure(report, request->runs);
    if (status == SAY_OK && report->agree && !request->no_costs)
        status = costs_measure(report->contenders, report->setup, &report->costs);
    say_progress_end();
    machine_look_again(&report->machine, report->setup->workers > report->machine.cpus_usable);
    if (status == SAY_OK && report->agree && request->html)
        status = steps_measure(report);     /* behind the last look: its runs outnumber the CPUs on purpose */
    say_progress_end();
    return interrupt_came() ? SAY_INTERRUPTED : status;
}

static void judge(struct report *report)
{
    bool is_known, is_busy = !machine_is_quiet(&report->machine, &is_known, NULL, 0) && is_known;
    for (int w = 0; w < WORKS_N; w++)
        for (int i = 0; i < CONTENDERS_N; i++) {
            struct job_row *row = &report->jobs[w].rows[i];
            if (contender_yardstick(i) != i && row->time.runs)
                row->verdict = verdict_of(&report->jobs[w].rows[contender_yardstick(i)].time, &row->time, &row->speedup, is_busy);
        }
}

static int show(const struct request *request, const struct report *report)
{
    if (request->json)
        json_show(report, stdout);
    else if (request->csv)
        csv_show(report, stdout);
    else if (request->md)
        md_show(report, stdout);
    else if (!request->html || strcmp(request->html, "-") != 0)
        table_show(report, stdout);
    int status = request->html ? html_save(report, request->html) : SAY_OK;
    if (!report->agree)
        return say_error(SAY_WRONG, "the results differ: no time is shown");
    if (status != SAY_OK)
        return status;
    for (int i = 0; i < CONTENDERS_N; i++)
        if (report->contenders[i].is_missing && !report->contenders[i].is_left_out)
            return SAY_MISSING;
    return SAY_OK;
}

static int run(const struct request *request, struct report *report)
{
    contenders_try(report->contenders, report->setup->workers);
    if (!anybody_is_in(report))
        return say_error(SAY_MISSING, "no engine that was asked for runs on this machine");
    if (request->wait_quiet_s && !machine_await_quiet(request->wait_quiet_s))
        say_note("the machine is still busy after %u s: goes on", request->wait_quiet_s);
    report->machine = machine_look();
    int status = measure(request, report);
    if (status != SAY_OK)
        return status;
    judge(report);
    advice_give(report);
    return show(request, report);
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

static int compare(struct request *request, struct report *report)
{
    static struct python python;
    report->setup = &request->setup;
    report->agree = true;
    if (!request->setup.workers)
        request->setup.workers = prong_cpus();
    int status = choose(request, report);
    if (status == SAY_OK)
        status = check_input(request, report);
    if (status == SAY_OK)
        status = check_page(request);
    if (status == SAY_OK)
        status = find_python(request, report, &python);
    if (status != SAY_OK)
        return status;
    status = prepare(report, &request->setup);
    if (status == SAY_OK) {
        describe(report);
        status = run(request, report);
    }
    finish(report, &request->setup);
    python_close(&python);
    return status;
}

/* ---- the command line ---------------------------------------------------------------------------------------------------- */

static const char *work_name(size_t i)
{
    return i < WORKS_N ? works[i]->name : NULL;
}

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    { .group = "What to compare", .name = "--only", .value = "WORK,...", .kind = OPTION_LIST, .at = AT(only), .names = work_name,
      .help = "these works alone (default: all)" },
    { .name = "--engines", .value = "NAME,...", .kind = OPTION_LIST, .at = AT(engines), .names = contenders_engine,
      .help = "these engines alone (default: all); processes-ready is a pool that stands before the job comes, all others start their "
              "workers for the job and join them at its end" },
    { .name = "--workers", .value = "N", .kind = OPTION_COUNT, .most = WORKERS_MAX, .at = AT(setup.workers),
      .help = "threads, and processes (default: one per CPU that may be used)",
      .more = "`prong doctor` tells how many CPUs may be used, and why that many." },
    { .name = "--input", .value = "FILE.csv", .kind = OPTION_FILE, .at = AT(setup.input),
      .help = "records of your own: CSV with a header, as prong records reads it" },
    { .name = "--columns", .value = "A,B", .kind = OPTION_TEXT, .at = AT(setup.columns),
      .help = "two columns by name (default: the first two that hold nothing but numbers)" },
    { .name = "--python", .value = "INTERPRETER", .kind = OPTION_MAYBE, .bare_text = "python3", .at = AT(python),
      .help = "Python, too, and it must be there (default: python3, if it is found)" },
    { .name = "--no-python", .kind = OPTION_FLAG, .at = AT(no_python), .help = "leave Python out" },
    { .name = "--no-costs", .kind = OPTION_FLAG, .at = AT(no_costs), .help = "measure the works alone" },
    { .group = "How to measure", .name = "--runs", .value = "N", .kind = OPTION_COUNT, .most = MEASURE_RUNS_MAX, .at = AT(runs),
      .help = "rounds to measure (default: 10, or 6 where a round takes longer than two seconds)" },
    { .name = "--wait-quiet", .value = "SECONDS", .kind = OPTION_MAYBE_COUNT, .most = 86400, .bare_count = 60, .at = AT(wait_quiet_s),
      .help = "first wait until nothing else uses the machine, so long at most (without a value: 60)" },
    { .group = "How to show it", .name = "--json", .kind = OPTION_FLAG, .at = AT(json),
      .help = "prong.compare/1 on standard output, and nothing else there" },
    { .name = "--csv", .kind = OPTION_FLAG, .at = AT(csv), .help = "all rows and costs as CSV" },
    { .name = "--md", .kind = OPTION_FLAG, .at = AT(md), .help = "the tables as Markdown" },
    { .name = "--html", .value = "FILE", .kind = OPTION_FILE, .at = AT(html),
      .help = "a page of charts, too; for it the speed-up by workers is measured",
      .more = "The page is one file, complete in itself, for any browser, without a network; `-` is standard output. Up to 40 seconds more "
              "are spent on the works `sqrt` and `records` with 1, 2, 4, ... workers, up to twice the CPUs." },
    { 0 }
};
#undef AT

static const struct explained exits[] = {
    { "0", "all ran, and all results agree" },
    { "1", "results differ, or a run failed" },
    { "2", "wrong usage" },
    { "3", "this machine lacks something that was asked for; the rest is measured" },
    { "4", "bad input" },
    { "130", "interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP" },
    { 0 }
};

static const struct explained environment[] = {
    { "XDG_CACHE_HOME", "where the folder `prong` with the records to compare with is made; default: `~/.cache`" },
    { "TMPDIR", "where files that are gone at the end are made; default: `/tmp`" },
    { "NO_COLOR", "if it is set and not empty: no colour" },
    { "TERM", "`dumb`: no colour and no line of progress" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong compare", "all of it, for reading" },
    { "prong compare --only sqrt --runs 30", "one work, measured longer" },
    { "prong compare --input shop.csv --columns price,weight", "records of your own" },
    { "prong compare --html report.html", "charts as well, in a page" },
    { "prong compare --json > report.json", "all figures, for programs" },
    { 0 }
};

static int run_command(int argc, char *const argv[])
{
    struct request *request = calloc(1, sizeof *request);
    struct report *report = calloc(1, sizeof *report);
    int status = SAY_MISSING;
    if (!request || !report)
        (void)say_error(status, "no memory to begin with");
    else
        status = options_read(&compare_command, request, argc, argv);
    if (status == SAY_OK && request->json + request->csv + request->md > 1) {
        status = say_error(SAY_USAGE, "--json, --csv and --md all want standard output: choose one");
        say_hint("--html FILE can be had beside any of them");
    }
    if (status == SAY_OK)
        status = compare(request, report);
    free(report);
    free(request);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

const struct command compare_command = {
    .name = "compare",
    .summary = "measures what threads and processes cost and gain on this machine",
    .about = "Runs the same work on serial, threads and processes, in C and in Python, checks that all get the same result, bit for "
             "bit, shows what each took, and says which to use for what.",
    .more = "The works: `sqrt`, 4,000,000 square roots by each worker; `records`, two columns of a file divided over the workers: mean, "
            "standard deviation, correlation, sum of products; `wait`, 64 questions to a server that answers each after 20 ms, on 8 "
            "workers; `counter`, one counter that all workers raise under one mutex. Without --input the records are those of "
            "`prong records gen`, written once into the cache folder.",
    .options = options,
    .exits = exits,
    .environment = environment,
    .examples = examples,
    .run = run_command,
};
