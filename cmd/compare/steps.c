/* steps.c - each number of workers is a small comparison of its own, with serial in every round.
 *
 * sqrt gives each worker the same share, so there is more to do with more workers, for serial as well: the ratio is what counts.
 * More workers than CPUs are measured, too: that they gain no more is part of the picture. */
#include "compare/steps.h"

#include "interrupt.h"
#include "say.h"

enum { COUNTS_MAX = 10, ROUNDS = 6 };
static const double work_s_max = 20, count_s_max = 5;   /* a count or a round that has begun is ended */

static const int takers[] = { C_SERIAL, C_THREADS, C_READY };
enum { TAKERS_N = sizeof takers / sizeof takers[0] };

/* One taker, at one number of workers. */
struct tries {
    struct contender contender;     /* of its own: begins and ends another pool */
    struct outcome last;
    double seconds[ROUNDS];
};

/* 1, 2, 4, ... up to twice the CPUs, and their own number among them. */
static size_t choose_counts(uint32_t cpus, uint32_t counts[COUNTS_MAX])
{
    size_t n = 0;
    for (uint32_t workers = 1; workers <= 2 * cpus && n < COUNTS_MAX; workers *= 2) {
        if (workers / 2 < cpus && cpus < workers)
            counts[n++] = cpus;
        if (n < COUNTS_MAX)
            counts[n++] = workers;
    }
    return n;
}

static int run_round(struct tries tries[TAKERS_N], const struct work *work, const struct setup *setup, uint32_t round)
{
    for (uint32_t turn = 0; turn < TAKERS_N; turn++) {
        struct tries *t = &tries[(round + turn) % TAKERS_N];
        if (!contender_can(&t->contender, work))
            continue;
        say_progress("%s: speed-up with %u workers, round %u of %u, %s", work->name, setup->workers, round + 1, ROUNDS,
                     t->contender.engine);
        int status = contender_run(&t->contender, work, setup, &t->last);
        if (interrupt_came())
            return SAY_INTERRUPTED;
        if (status != SAY_OK)
            return status;
        t->seconds[round] = t->last.seconds;
    }
    return SAY_OK;
}

/* Gives the rounds that there was time for, at least one. */
static int run_rounds(struct tries tries[TAKERS_N], const struct work *work, const struct setup *setup, uint32_t *ret_rounds)
{
    double start = measure_now();
    uint32_t round = 0;
    int status = run_round(tries, work, setup, 0);       /* warms up: the next one takes its place */
    while (status == SAY_OK && round < ROUNDS && (round == 0 || measure_now() - start < count_s_max))
        status = run_round(tries, work, setup, round++);
    *ret_rounds = round;
    return status;
}

/* Else the report tells who found what, as it does for every result that differs. */
static bool all_agree(struct report *report, struct job *job, const struct tries tries[TAKERS_N])
{
    for (int i = 1; i < TAKERS_N; i++)
        if (contender_can(&tries[i].contender, job->work) && !figures_agree(&tries[0].last.figures, &tries[i].last.figures))
            job->agree = report->agree = false;
    for (int i = 0; i < TAKERS_N && !report->agree; i++)
        job->rows[takers[i]].last = tries[i].last;
    return report->agree;
}

static void add_steps(struct report *report, const struct work *work, const struct tries tries[TAKERS_N], uint32_t workers,
                      uint32_t rounds)
{
    for (int i = 1; i < TAKERS_N && report->n_steps < STEPS_MAX; i++)
        if (contender_can(&tries[i].contender, work))
            report->steps[report->n_steps++] = (struct step){
                .work = work->name,
                .engine = tries[i].contender.engine,
                .workers = workers,
                .time = measure_of(tries[i].seconds, rounds),
                .speedup = measure_ratio(tries[0].seconds, rounds, tries[i].seconds, rounds),
            };
}

static int measure_count(struct report *report, struct job *job, uint32_t workers)
{
    struct tries tries[TAKERS_N];
    struct setup setup = *report->setup;
    uint32_t rounds = 0;
    int status = SAY_OK, begun = 0;
    setup.workers = workers;
    for (int i = 0; i < TAKERS_N; i++)
        tries[i] = (struct tries){ .contender = report->contenders[takers[i]] };
    for (; begun < TAKERS_N && status == SAY_OK; begun++)
        if (contender_can(&tries[begun].contender, job->work))
            status = contender_begin(&tries[begun].contender, job->work, &setup);
    if (status == SAY_OK)
        status = run_rounds(tries, job->work, &setup, &rounds);
    while (begun-- > 0)
        contender_end(&tries[begun].contender);
    if (status == SAY_OK && all_agree(report, job, tries))
        add_steps(report, job->work, tries, workers, rounds);
    return status;
}

static int measure_work(struct report *report, struct job *job)
{
    uint32_t counts[COUNTS_MAX];
    size_t n = choose_counts(report->machine.cpus_usable, counts);
    double start = measure_now();
    int status = SAY_OK;
    for (size_t i = 0; i < n && status == SAY_OK && report->agree && measure_now() - start < work_s_max; i++)
        status = measure_count(report, job, counts[i]);
    return status;
}

int steps_measure(struct report *report)
{
    static const int measured[] = { WORK_SQRT, WORK_RECORDS };
    int status = SAY_OK;
    report->n_steps = 0;
    if (!contender_is_in(&report->contenders[C_SERIAL]))
        return SAY_OK;
    for (size_t i = 0; i < sizeof measured / sizeof measured[0] && status == SAY_OK && report->agree; i++)
        if (!report->jobs[measured[i]].is_left_out)
            status = measure_work(report, &report->jobs[measured[i]]);
    return status;
}
