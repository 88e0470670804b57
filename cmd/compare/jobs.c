/* jobs.c - a round runs a work once by each contender.
 *
 * Each round begins with the next contender, so whatever drifts or disturbs the machine meets them all alike. Before each work the
 * machine is glanced at: how many cores are there just now. */
#include "compare/jobs.h"

#include "interrupt.h"
#include "say.h"

enum { RUNS_DEFAULT = 10, RUNS_OF_LONG_ROUNDS = 6 };
static const double long_round_s = 2;

const struct job_row *report_first_row(const struct job *job)
{
    for (int i = 0; i < CONTENDERS_N; i++)
        if (job->rows[i].has_figures)
            return &job->rows[i];
    return NULL;
}

static int run_once(struct report *report, struct job *job, int i, const char *stage)
{
    struct job_row *row = &job->rows[i];
    struct outcome outcome;
    say_progress("%s: %s, %s%s", job->work->name, stage, row->contender->engine, row->contender->python ? " of Python" : "");
    int status = contender_run(row->contender, job->work, report->setup, &outcome);
    if (interrupt_came())
        return SAY_INTERRUPTED;
    if (status != SAY_OK)
        return status;
    if (row->has_figures && !figures_agree(&row->last.figures, &outcome.figures))
        job->agree = report->agree = false;
    row->last = outcome;
    row->has_figures = true;
    return SAY_OK;
}

/* Those that take part, in turn, beginning with the next one in each round; what each took is noted at `round`. */
static int run_round(struct report *report, struct job *job, uint32_t round, const char *stage)
{
    int in[CONTENDERS_N];
    uint32_t n = 0;
    for (int i = 0; i < CONTENDERS_N; i++)
        if (contender_can(&report->contenders[i], job->work))
            in[n++] = i;
    for (uint32_t turn = 0; turn < n; turn++) {
        int i = in[(round + turn) % n], status = run_once(report, job, i, stage);
        if (status != SAY_OK)
            return status;
        job->rows[i].seconds[round] = job->rows[i].last.seconds;
    }
    return SAY_OK;
}

/* With the ready ones ready. */
static int with_pools(struct report *report, struct job *job, uint32_t runs, int (*run)(struct report *, struct job *, uint32_t))
{
    int status = SAY_OK, begun = 0;
    for (; begun < CONTENDERS_N && status == SAY_OK; begun++)
        if (contender_can(&report->contenders[begun], job->work))
            status = contender_begin(&report->contenders[begun], job->work, report->setup);
    if (status == SAY_OK)
        status = run(report, job, runs);
    while (begun-- > 0)
        contender_end(&report->contenders[begun]);
    return status;
}

/* ---- the first run ------------------------------------------------------------------------------------------------------- */

static int check_job(struct report *report, struct job *job, uint32_t runs)
{
    (void)runs;
    int status = run_round(report, job, 0, "warming up");
    const struct job_row *first = report_first_row(job);
    for (int i = 0; status == SAY_OK && i < CONTENDERS_N; i++)
        if (job->rows[i].has_figures && !figures_agree(&first->last.figures, &job->rows[i].last.figures))
            job->agree = report->agree = false;
    return status;
}

int jobs_check(struct report *report)
{
    int status = SAY_OK;
    for (int w = 0; w < WORKS_N && status == SAY_OK; w++) {
        struct job *job = &report->jobs[w];
        job->agree = true;
        for (int i = 0; i < CONTENDERS_N; i++)
            job->rows[i] = (struct job_row){ .contender = &report->contenders[i] };
        if (!job->is_left_out)
            status = with_pools(report, job, 0, check_job);
    }
    return status;
}

/* ---- those that count ---------------------------------------------------------------------------------------------------- */

static double seconds_of_round(const struct job *job)
{
    double sum = 0;
    for (int i = 0; i < CONTENDERS_N; i++)
        sum += job->rows[i].last.seconds;
    return sum;
}

static int measure_job(struct report *report, struct job *job, uint32_t runs)
{
    int status = SAY_OK;
    if (!runs)
        runs = seconds_of_round(job) > long_round_s ? RUNS_OF_LONG_ROUNDS : RUNS_DEFAULT;
    for (uint32_t round = 0; round < runs && status == SAY_OK && report->agree; round++) {
        char stage[64];
        snprintf(stage, sizeof stage, "round %u of %u", round + 1, runs);
        status = run_round(report, job, round, stage);
    }
    if (status != SAY_OK || !report->agree)
        return status;
    for (int i = 0; i < CONTENDERS_N; i++) {
        struct job_row *row = &job->rows[i];
        const struct job_row *serial = &job->rows[contender_yardstick(i)];
        if (!row->has_figures)
            continue;
        row->workers = contender_yardstick(i) == i ? 1 : work_workers(job->work, report->setup);
        row->time = measure_of(row->seconds, runs);
        if (serial->has_figures)
            row->speedup = measure_ratio(serial->seconds, runs, row->seconds, runs);
    }
    return SAY_OK;
}

int jobs_measure(struct report *report, uint32_t runs)
{
    int status = SAY_OK;
    for (int w = 0; w < WORKS_N && status == SAY_OK && report->agree; w++) {
        if (report->jobs[w].is_left_out)
            continue;
        machine_glance(&report->machine);
        status = with_pools(report, &report->jobs[w], runs, measure_job);
    }
    return status;
}
