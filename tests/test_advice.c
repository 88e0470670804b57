/* compare/advice: what is said of synthetic measurements. */
#include "harness.h"
#include "compare/advice.h"
#include "compare/contenders/contenders.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 10 };

/* ---- a report as it might have been measured ---- */

static const struct work sqrt_like = { .name = "sqrt", .is_in_python = true }, counter_like = { .name = "counter", .is_in_python = true };
static struct setup setup = { .workers = 2 };
static struct report report;

static void begin(void)
{
    memset(&report, 0, sizeof report);
    ck_assert_int_eq(contenders_choose(NULL, report.contenders), 0);
    report.setup = &setup;
    report.agree = true;
    report.python_gil = -1;
    report.machine = (struct machine){ .cpus_usable = 2, .pressure_before = 1, .pressure_during = 2, .cores_before = 1.97,
                                       .cores_during = 1.9 };
    for (int w = 0; w < WORKS_N; w++)
        report.jobs[w].is_left_out = true;
}

static struct job *job(int w, const struct work *work)
{
    report.jobs[w].work = work;
    report.jobs[w].is_left_out = false;
    report.jobs[w].agree = true;
    return &report.jobs[w];
}

/* Around `median`, up to `spread` of it off; the same for all, so that the ratio of two medians is known. */
static void took(struct job *job, int contender, double median, double spread, uint32_t runs)
{
    static const double off[RUNS] = { 0.3, -0.8, 0, 1, -0.2, 0.6, -1, -0.4, 0.2, 0 };
    struct job_row *row = &job->rows[contender];
    row->contender = &report.contenders[contender];
    for (uint32_t i = 0; i < runs; i++)
        row->seconds[i] = median * (1 + spread * off[(i + (uint32_t)contender) % RUNS]);
    row->time = measure_of(row->seconds, runs);
    row->has_figures = true;
}

static void took_ms(struct job *job, int contender, double median_ms)
{
    took(job, contender, median_ms * 1e-3, 0.01, RUNS);
}

static void cost(const char *name, const char *which, const char *engine, double value)
{
    struct measure m = { .median = value, .low = value * 0.98, .high = value * 1.02, .confidence = 0.95, .runs = 50 };
    report.costs.cost[report.costs.n++] = (struct cost){ .cost = name, .which = which, .language = "c", .engine = engine, .value = m };
}

/* As compare.c does it. */
static void give(void)
{
    bool is_known, is_busy = !machine_is_quiet(&report.machine, &is_known, NULL, 0) && is_known;
    for (int w = 0; w < WORKS_N; w++)
        for (int i = 0; i < CONTENDERS_N; i++) {
            struct job_row *row = &report.jobs[w].rows[i], *serial = &report.jobs[w].rows[contender_yardstick(i)];
            if (!row->time.runs || !serial->time.runs)
                continue;
            row->speedup = measure_ratio(serial->seconds, serial->time.runs, row->seconds, row->time.runs);
            if (row != serial)
                row->verdict = verdict_of(&serial->time, &row->time, &row->speedup, is_busy);
        }
    advice_give(&report);
    for (size_t i = 0; i < report.n_advice; i++)
        fprintf(stderr, "# %s %s: %s: %s\n", report.advice[i].work, report.advice[i].language,
                report.advice[i].engine ? report.advice[i].engine : "-", report.advice[i].why);
    for (size_t i = 0; i < report.n_notes; i++)
        fprintf(stderr, "# %s\n", report.notes[i]);
}

static const struct advice *advice_on(const char *work, const char *language)
{
    for (size_t i = 0; i < report.n_advice; i++)
        if (strcmp(report.advice[i].work, work) == 0 && strcmp(report.advice[i].language, language) == 0)
            return &report.advice[i];
    ck_abort_msg("no advice on %s in %s", work, language);
}

static void is_advised(const char *work, const char *language, const char *engine)
{
    const struct advice *a = advice_on(work, language);
    ck_assert_msg(a->engine && strcmp(a->engine, engine) == 0, "%s, for %s", a->engine ? a->engine : "none", a->why);
}

static void is_undecided(const char *work, const char *language)
{
    const struct advice *a = advice_on(work, language);
    ck_assert_msg(!a->engine, "%s, for %s", a->engine, a->why);
}

static void is_said(const char *work, const char *language, const char *words)
{
    const struct advice *a = advice_on(work, language);
    ck_assert_msg(strstr(a->why, words), "'%s' is not in: %s", words, a->why);
}

static void is_not_said(const char *work, const char *language, const char *words)
{
    const struct advice *a = advice_on(work, language);
    ck_assert_msg(!strstr(a->why, words), "'%s' is in: %s", words, a->why);
}

/* In one note. */
static const char *is_noted(const char *words)
{
    for (size_t i = 0; i < report.n_notes; i++)
        if (strstr(report.notes[i], words))
            return report.notes[i];
    ck_abort_msg("not noted: %s", words);
}

static void is_not_noted(const char *words)
{
    for (size_t i = 0; i < report.n_notes; i++)
        ck_assert_msg(!strstr(report.notes[i], words), "'%s' is in: %s", words, report.notes[i]);
}

/* ---- which engine ---- */

START_TEST(for_the_same_speed_threads_are_advised)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 70);
    took_ms(j, C_THREADS, 36);
    took_ms(j, C_PROCESSES, 36.5);
    took_ms(j, C_READY, 35.5);
    give();
    is_advised("sqrt", "c", "threads");
    is_said("sqrt", "c", "threads are 1.94 times as fast as serial [1.9");
    is_said("sqrt", "c", "36.0 ms instead of 70.0 ms");
    is_said("sqrt", "c", "processes and ready processes gain as much (1.92x and 1.97x)");
    is_not_said("sqrt", "c", "GIL");
    is_not_said("sqrt", "c", "starting");
    ck_assert_uint_eq(report.n_advice, 1);
    ck_assert_uint_eq(report.n_notes, 0);
}
END_TEST

START_TEST(what_starting_costs_is_told_where_it_was_measured)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 70);
    took_ms(j, C_THREADS, 36);
    took_ms(j, C_PROCESSES, 36.5);
    cost("start_join", "10MB", "threads", 15e-6);
    cost("start_join", "10MB", "processes", 330e-6);
    give();
    is_advised("sqrt", "c", "threads");
    is_said("sqrt", "c", "; starting a process takes 330 us, a thread 15.0 us");
    report.costs.cost[0].value.high = 400e-6;       /* which may well be more than a process */
    give();
    is_not_said("sqrt", "c", "starting");
    report.costs.cost[0].value.high = 16e-6;
    took_ms(j, C_PROCESSES, 55);        /* then it is no reason */
    give();
    is_advised("sqrt", "c", "threads");
    is_said("sqrt", "c", "processes gain less (1.27x [");
    is_not_said("sqrt", "c", "starting");
}
END_TEST

START_TEST(where_ready_processes_are_ahead_they_are_advised)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 2);
    took_ms(j, C_THREADS, 1.5);
    took_ms(j, C_PROCESSES, 2.6);
    took_ms(j, C_READY, 1.1);
    give();
    is_advised("sqrt", "c", "processes-ready");
    is_said("sqrt", "c", "ready processes are 1.82 times as fast as serial [");
    is_said("sqrt", "c", "threads gain less (1.33x [");
    is_said("sqrt", "c", "processes lose (0.77x [");
}
END_TEST

START_TEST(what_is_said_of_one_row_is_not_said_of_another)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 10);
    took_ms(j, C_THREADS, 20);
    took_ms(j, C_PROCESSES, 5);
    took_ms(j, C_READY, 30);
    give();
    is_advised("sqrt", "c", "processes");
    is_said("sqrt", "c", "; threads and ready processes lose (0.50x and 0.33x)");
    ck_assert_str_eq(strrchr(advice_on("sqrt", "c")->why, ';'), "; threads and ready processes lose (0.50x and 0.33x)");
    took_ms(j, C_PROCESSES, 10);
    give();
    is_advised("sqrt", "c", "serial");
    is_said("sqrt", "c", "; threads and ready processes lose (0.50x and 0.33x); processes gain nothing (1.00x [");
}
END_TEST

START_TEST(processes_are_advised_before_ready_ones_that_are_as_fast)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 70);
    took_ms(j, C_THREADS, 69);
    took_ms(j, C_PROCESSES, 36);
    took_ms(j, C_READY, 35);
    give();
    is_advised("sqrt", "c", "processes");
    is_said("sqrt", "c", "ready processes gain as much (2.00x [");
    is_said("sqrt", "c", "threads gain nothing (1.01x [");
}
END_TEST

START_TEST(where_nothing_gains_serial_is_advised)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 10);
    took_ms(j, C_THREADS, 9.7);         /* certainly faster, and certainly not by a tenth */
    took_ms(j, C_PROCESSES, 13);
    give();
    ck_assert_int_eq(j->rows[C_THREADS].verdict, VERDICT_SAME);
    is_advised("sqrt", "c", "serial");
    is_said("sqrt", "c", "nothing is faster than serial (10.0 ms) by more than a tenth");
    is_said("sqrt", "c", "threads gain nothing (1.03x [");
    is_said("sqrt", "c", "processes lose (0.77x [");
}
END_TEST

START_TEST(a_shared_counter_costs_more_than_it_gives)
{
    begin();
    struct job *j = job(0, &counter_like);
    took_ms(j, C_SERIAL, 2);
    took_ms(j, C_THREADS, 6);
    took_ms(j, C_PROCESSES, 12);
    give();
    is_advised("counter", "c", "serial");
    is_said("counter", "c", "sharing one counter costs more than it gives: nothing is faster than serial (2.00 ms); threads and "
                            "processes lose (0.33x and 0.17x)");
    took_ms(j, C_THREADS, 1);           /* and where it gives more, that is said */
    give();
    is_advised("counter", "c", "threads");
    is_not_said("counter", "c", "costs more");
}
END_TEST

/* ---- Python ---- */

static void measure_python(int gil, double threads_ms)
{
    begin();
    report.python_gil = gil;
    struct job *j = job(0, &sqrt_like);
    took_ms(j, PYTHON_SERIAL, 600);
    took_ms(j, PYTHON_THREADS, threads_ms);
    took_ms(j, PYTHON_PROCESSES, 320);
    give();
}

START_TEST(with_one_gil_threads_of_python_gain_nothing_where_processes_do)
{
    measure_python(1, 594);
    is_advised("sqrt", "python", "processes");
    is_said("sqrt", "python", "processes are 1.88 times as fast as serial [");
    is_said("sqrt", "python", "threads gain nothing (1.01x [");
    is_said("sqrt", "python", "]): one GIL for all threads");
    ck_assert_uint_eq(report.n_advice, 1);
}
END_TEST

START_TEST(with_one_gil_threads_of_python_that_wait_gain)
{
    measure_python(1, 310);
    is_advised("sqrt", "python", "threads");
    is_said("sqrt", "python", "threads are 1.94 times as fast as serial [");
    is_said("sqrt", "python", " instead of 600 ms, although they share one GIL");
}
END_TEST

START_TEST(without_a_gil_or_where_none_is_known_what_was_measured_is_said)
{
    for (int gil = -1; gil <= 0; gil++) {
        measure_python(gil, 310);
        is_advised("sqrt", "python", "threads");
        is_not_said("sqrt", "python", "GIL");
        measure_python(gil, 598);
        is_advised("sqrt", "python", "processes");
        is_said("sqrt", "python", "threads gain nothing (1.00x [");
        is_not_said("sqrt", "python", "GIL");
    }
}
END_TEST

START_TEST(the_gil_is_not_blamed_where_processes_gain_nothing_either)
{
    begin();
    report.python_gil = 1;
    struct job *j = job(0, &counter_like);
    took_ms(j, PYTHON_SERIAL, 10);
    took_ms(j, PYTHON_THREADS, 12);
    took_ms(j, PYTHON_PROCESSES, 50);
    give();
    is_advised("counter", "python", "serial");
    is_not_said("counter", "python", "GIL");
}
END_TEST

START_TEST(each_work_has_a_line_for_each_language)
{
    begin();
    report.python_gil = 1;
    for (int w = 0; w < 2; w++) {
        struct job *j = job(w, w ? &counter_like : &sqrt_like);
        took_ms(j, C_SERIAL, 70);
        took_ms(j, C_THREADS, 36);
        took_ms(j, PYTHON_SERIAL, 600);
        took_ms(j, PYTHON_PROCESSES, 310);
    }
    give();
    ck_assert_uint_eq(report.n_advice, 4);
    is_advised("sqrt", "c", "threads");
    is_advised("sqrt", "python", "processes");
    is_advised("counter", "c", "threads");
    is_advised("counter", "python", "processes");
}
END_TEST

/* ---- when nothing can be said ---- */

START_TEST(where_intervals_overlap_nothing_is_named_and_more_runs_are_asked_for)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took(j, C_SERIAL, 70e-3, 0.4, RUNS);
    took(j, C_THREADS, 55e-3, 0.5, RUNS);
    give();
    ck_assert_int_eq(j->rows[C_THREADS].verdict, VERDICT_TOO_NOISY);
    is_undecided("sqrt", "c");
    is_said("sqrt", "c", "too noisy to say; threads may gain or lose (1.27x [");
    is_said("sqrt", "c", "--runs 30");
    is_not_said("sqrt", "c", "nothing else runs");
    report.machine.pressure_before = report.machine.pressure_during = report.machine.steal_before = report.machine.steal_during = -1;
    report.machine.cores_before = report.machine.cores_during = 0;      /* nobody can tell whether it is quiet */
    give();
    is_undecided("sqrt", "c");
    is_said("sqrt", "c", "where nothing else runs: --runs 30");
}
END_TEST

START_TEST(what_certainly_does_not_gain_needs_no_more_runs)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took(j, C_SERIAL, 10e-3, 0.1, RUNS);
    took(j, C_THREADS, 10.8e-3, 0.15, RUNS);    /* level or slower: either way no reason to leave serial */
    give();
    ck_assert_int_eq(j->rows[C_THREADS].verdict, VERDICT_TOO_NOISY);
    is_advised("sqrt", "c", "serial");
    is_said("sqrt", "c", "threads gain nothing (0.93x [");
    j->rows[C_THREADS].speedup = (struct ratio){ 0.4, 0.3, 0.88 };     /* their own intervals still overlap */
    advice_give(&report);
    is_advised("sqrt", "c", "serial");
    is_said("sqrt", "c", "threads lose (0.40x [");
}
END_TEST

START_TEST(an_engine_that_gains_is_named_however_noisy_another_is)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 70);
    took(j, C_THREADS, 60e-3, 0.6, RUNS);
    took_ms(j, C_PROCESSES, 36);
    give();
    is_advised("sqrt", "c", "processes");
    is_said("sqrt", "c", "threads may gain or lose (");
    is_said("sqrt", "c", "; --runs 30 tells more");
}
END_TEST

START_TEST(on_a_busy_machine_nothing_is_named_however_clear_the_times)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 70);
    took_ms(j, C_THREADS, 36);
    took_ms(j, PYTHON_SERIAL, 700);
    took_ms(j, PYTHON_PROCESSES, 360);
    cost("round_trip", "stream", "threads", 1e-6);
    report.machine.pressure_during = 35;
    give();
    is_undecided("sqrt", "c");
    is_undecided("sqrt", "python");
    is_said("sqrt", "c", "too noisy to say: the machine is busy");
    is_said("sqrt", "c", "--wait-quiet");
    ck_assert_ptr_eq(is_noted("The machine was busy while the costs were measured"), report.notes[0]);
    report.machine.pressure_during = 2;
    give();
    is_advised("sqrt", "c", "threads");
    is_not_noted("busy");
}
END_TEST

START_TEST(too_few_runs_are_told)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took(j, C_SERIAL, 70e-3, 0.01, 3);
    took(j, C_THREADS, 36e-3, 0.01, 3);
    give();
    is_undecided("sqrt", "c");
    is_said("sqrt", "c", "too few runs to say: 3, of at least 6; --runs 10");
}
END_TEST

START_TEST(one_engine_alone_has_nothing_to_be_compared_with)
{
    for (int only = C_SERIAL; only <= C_THREADS; only++) {
        begin();
        took_ms(job(0, &sqrt_like), only, 70);
        give();
        is_undecided("sqrt", "c");
        is_said("sqrt", "c", " took 70.0 ms, and there is nothing to compare it with: add ");
        is_said("sqrt", "c", only == C_SERIAL ? "threads or processes to --engines" : "serial to --engines");
    }
}
END_TEST

START_TEST(without_serial_engines_are_compared_with_each_other)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_THREADS, 36);
    took_ms(j, C_PROCESSES, 50);
    took_ms(j, C_READY, 35);
    give();
    is_advised("sqrt", "c", "threads");
    is_said("sqrt", "c", "threads take 36.0 ms, processes take 50.0 ms, ready processes take 35.0 ms; "
                         "whether that is faster than serial was not measured");
    took_ms(j, C_PROCESSES, 20);
    give();
    is_advised("sqrt", "c", "processes");
    took(j, C_PROCESSES, 36e-3, 0.5, RUNS);
    give();
    is_undecided("sqrt", "c");
    is_said("sqrt", "c", "too noisy to say; threads take");
    is_said("sqrt", "c", "--runs 30");
}
END_TEST

START_TEST(where_results_differ_nothing_is_advised)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 70);
    took_ms(j, C_THREADS, 36);
    cost("round_trip", "stream", "threads", 1e-6);
    report.agree = false;
    give();
    ck_assert_uint_eq(report.n_advice + report.n_notes, 0);
}
END_TEST

/* ---- notes ---- */

START_TEST(from_what_length_runs_pay_follows_from_what_handing_over_costs)
{
    begin();
    cost("round_trip", "stream", "threads", 1e-6);
    cost("round_trip", "stream", "processes", 10e-6);
    cost("round_trip", "parked", "processes", 50e-6);
    setup.workers = report.machine.cpus_usable = 4;
    report.machine.cores_before = report.machine.cores_during = 4;
    give();
    is_noted("ready thread and getting it back takes 1.00 us in a stream of runs (on 4 threads they beat serial from about 1.33 us each "
             "on, and lose less than a tenth from 40.0 us on).");
    is_noted("ready process and getting it back takes 10.0 us in a stream of runs (on 4 processes they beat serial from about 13.3 us "
             "each on, and lose less than a tenth from 400 us on), 50.0 us if the worker sleeps (a single run loses less than a tenth "
             "from 500 us on).");
    setup.workers = 1;
    give();
    is_not_noted("beat serial");        /* one worker never does */
    is_noted("takes 10.0 us in a stream of runs, 50.0 us if the worker sleeps");
    ck_assert_uint_eq(report.n_notes, 2);
    setup.workers = 8;
    report.machine.cpus_usable = 1;
    give();
    is_not_noted("beat serial");        /* nor do eight on one CPU */
    report.machine.cpus_usable = 2;
    give();
    is_noted("(on 2 threads they beat serial from about 2.00 us each on, and lose less than a tenth from 20.0 us on)");
}
END_TEST

START_TEST(what_starting_costs_and_how_it_grows_is_noted)
{
    begin();
    setup.workers = 2;
    cost("start_join", "10MB", "threads", 15e-6);
    cost("start_join", "1GB", "threads", 15e-6);
    cost("start_join", "10MB", "processes", 300e-6);
    cost("start_join", "1GB", "processes", 310e-6);
    cost("start_join", "10MB", "fork", 500e-6);
    cost("start_join", "1GB", "fork", 43e-3);
    give();
    is_noted("Starting and joining a worker takes 15.0 us for a thread, 300 us for a process: where 2 are started for one job, it beats "
             "serial from about 60.0 us on with threads, 1.20 ms on with processes.");
    is_noted("The start of a process by plain fork grows with the program: 500 us at 10 MB, 43.0 ms at 1 GB; that of a process of prong "
             "does not grow with the program: 300 us at 10 MB, 310 us at 1 GB.");
    report.costs.cost[3].value = (struct measure){ .median = 900e-6, .low = 800e-6, .high = 950e-6, .runs = 50 };
    give();
    is_noted("that of a process of prong grows with the program: 300 us at 10 MB, 900 us at 1 GB.");
    report.costs.cost[3].value.low = 250e-6;
    give();
    is_noted("that of a process of prong takes 300 us at 10 MB, 900 us at 1 GB.");      /* it may, or may not */
}
END_TEST

START_TEST(what_processes_buy_is_noted_where_a_crash_was_measured)
{
    begin();
    cost("crash", NULL, "threads", 100);
    cost("crash", NULL, "processes", 1);
    cost("memory", NULL, "threads", 13e3);
    cost("memory", NULL, "processes", 103e3);
    give();
    is_noted("What processes buy, also where they gain no time: one crash lost 1 of 100 runs on processes, all 100 on threads; and a run "
             "that hangs can be killed by itself.");
    is_noted("Memory that each worker adds: 13.0 KB as a thread, 103 KB as a process.");
    report.costs.cost[1].value.median = 100;    /* it was not so */
    give();
    is_noted("One crash lost 100 of 100 runs on processes, all 100 on threads.");
    is_not_noted("buy");
    cost("crash", NULL, "processes", 78);
    report.costs.cost[report.costs.n - 1].language = "python";
    give();
    is_noted("In Python's own pools one crash lost 78 of 100 runs on processes.");
    is_not_noted("killed");
}
END_TEST

START_TEST(of_costs_that_were_not_measured_nothing_is_said)
{
    static const char *const costs[] = { "start_join", "round_trip", "memory", "crash" };
    static const char *const engines[] = { "threads", "processes", "fork" };
    begin();
    struct job *j = job(0, &sqrt_like);
    took_ms(j, C_SERIAL, 70);
    took_ms(j, C_THREADS, 36);
    took_ms(j, C_PROCESSES, 36);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++)
            cost(costs[i], i == 0 ? "10MB" : i == 1 ? "stream" : NULL, engines[k], 0);
    for (size_t i = 0; i < report.costs.n; i++)
        report.costs.cost[i].value = (struct measure){ 0 };
    give();
    is_advised("sqrt", "c", "threads");
    is_not_said("sqrt", "c", "starting");
    ck_assert_uint_eq(report.n_notes, 0);
}
END_TEST

START_TEST(outliers_are_named_the_worst_first)
{
    begin();
    struct job *j = job(0, &sqrt_like);
    for (int i = 0; i <= PYTHON_SERIAL; i++)
        took_ms(j, i, 18);
    give();
    is_not_noted("Outliers");
    j->rows[C_THREADS].seconds[3] = 35e-3;
    j->rows[C_THREADS].seconds[7] = 30e-3;
    j->rows[PYTHON_SERIAL].seconds[2] = 90e-3;
    j->rows[C_SERIAL].seconds[2] = 19e-3;       /* an outlier, but hardly worth a word */
    for (int i = 0; i <= PYTHON_SERIAL; i++)
        j->rows[i].time = measure_of(j->rows[i].seconds, RUNS);
    report.contenders[PYTHON_SERIAL].python = (const struct python *)&report;      /* whatever it is */
    give();
    ck_assert_uint_ge(j->rows[C_SERIAL].time.outliers, 1);
    const char *note = is_noted("Outliers, which the medians do not heed: sqrt on serial of Python, 1 of 10 runs, the worst 90.0 ms "
                                "(median 18.0 ms); sqrt on threads, 2 of 10 runs, the worst 35.0 ms (median 18.");
    ck_assert(strstr(note, "--wait-quiet") && !strstr(note, "sqrt on serial,") && !strstr(note, "other rows"));
    j->rows[C_PROCESSES].seconds[0] = j->rows[C_READY].seconds[0] = 27e-3;     /* equally far off: each counts once */
    j->rows[C_PROCESSES].time = measure_of(j->rows[C_PROCESSES].seconds, RUNS);
    j->rows[C_READY].time = measure_of(j->rows[C_READY].seconds, RUNS);
    give();
    is_noted("and in 1 other row.");
}
END_TEST

START_TEST(whatever_is_said_fits)
{
    begin();
    report.python_gil = 1;
    static const double each[3] = { 1e-3, 70e-3, 3e3 };
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++)
            for (int c = 0; c < 3; c++) {
                report.costs.n = 0;
                struct job *j = job(0, &sqrt_like);
                for (int i = 0; i < CONTENDERS_N; i++)
                    took(j, i, contender_yardstick(i) == i ? 70.1234e-3 : each[i % 3 == 0 ? a : i % 3 == 1 ? b : c], 0.3, RUNS);
                cost("start_join", "10MB", "threads", 15e-6);
                cost("start_join", "10MB", "processes", 330e-6);
                advice_give(&report);
                give();
                for (size_t i = 0; i < report.n_advice; i++)
                    ck_assert_uint_lt(strlen(report.advice[i].why) + 1, sizeof report.advice[i].why);
                for (size_t i = 0; i < report.n_notes; i++)
                    ck_assert_uint_lt(strlen(report.notes[i]) + 1, sizeof report.notes[i]);
            }
}
END_TEST

int main(int argc, char **argv)
{
    add_case(for_the_same_speed_threads_are_advised);
    add_case(what_starting_costs_is_told_where_it_was_measured);
    add_case(where_ready_processes_are_ahead_they_are_advised);
    add_case(what_is_said_of_one_row_is_not_said_of_another);
    add_case(processes_are_advised_before_ready_ones_that_are_as_fast);
    add_case(where_nothing_gains_serial_is_advised);
    add_case(a_shared_counter_costs_more_than_it_gives);
    add_case(with_one_gil_threads_of_python_gain_nothing_where_processes_do);
    add_case(with_one_gil_threads_of_python_that_wait_gain);
    add_case(without_a_gil_or_where_none_is_known_what_was_measured_is_said);
    add_case(the_gil_is_not_blamed_where_processes_gain_nothing_either);
    add_case(each_work_has_a_line_for_each_language);
    add_case(where_intervals_overlap_nothing_is_named_and_more_runs_are_asked_for);
    add_case(what_certainly_does_not_gain_needs_no_more_runs);
    add_case(an_engine_that_gains_is_named_however_noisy_another_is);
    add_case(on_a_busy_machine_nothing_is_named_however_clear_the_times);
    add_case(too_few_runs_are_told);
    add_case(one_engine_alone_has_nothing_to_be_compared_with);
    add_case(without_serial_engines_are_compared_with_each_other);
    add_case(where_results_differ_nothing_is_advised);
    add_case(from_what_length_runs_pay_follows_from_what_handing_over_costs);
    add_case(what_starting_costs_and_how_it_grows_is_noted);
    add_case(what_processes_buy_is_noted_where_a_crash_was_measured);
    add_case(of_costs_that_were_not_measured_nothing_is_said);
    add_case(outliers_are_named_the_worst_first);
    add_case(whatever_is_said_fits);
    return run_cases(argc, argv);
}
