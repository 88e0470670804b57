/* advice.c - each row makes a claim, the fastest that gains is named, and the others are told beside it.
 *
 * A tenth is what we take for a difference that matters: a gain that certainly is smaller is no reason to leave serial, and of two
 * engines no further apart the simpler one is named: threads before processes, as they start faster and share memory; processes before
 * ready ones, as nobody has to keep them. */
#include "compare/advice.h"

#include "compare/works/work.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double tenth = 0.1;
enum { MORE_RUNS = 3 /* times as many as were too few */, RUNS_USUAL = 10 };

/* ---- what a row claims --------------------------------------------------------------------------------------------------- */

enum claim { GAINS, GAINS_NOTHING, LOSES, UNSURE, CLAIMS_N };

/* The rows of one work in one language. */
struct side {
    const struct report *report;
    const struct job *job;
    const char *language;
    const struct job_row *serial;       /* NULL: not measured */
    const struct job_row *other[3];     /* in order of preference */
    int n;
};

/* On a machine that was not busy, with runs enough. */
static enum claim claim_of(const struct job_row *row)
{
    const struct ratio *speedup = &row->speedup;
    if (speedup->high < 1 - tenth || (row->verdict == VERDICT_LOSES && speedup->low < 1 - tenth))
        return LOSES;
    if (speedup->high < 1 + tenth)      /* it does not gain, whatever else is open */
        return GAINS_NOTHING;
    return row->verdict == VERDICT_GAINS ? GAINS : UNSURE;
}

static struct ratio ratio_of(const struct job_row *slower, const struct job_row *faster)
{
    return measure_ratio(slower->seconds, slower->time.runs, faster->seconds, faster->time.runs);
}

/* They cannot be told apart, or are certainly less than a tenth apart. */
static bool is_level(const struct job_row *row, const struct job_row *fastest)
{
    struct ratio ratio = ratio_of(row, fastest);
    return ratio.low <= 1 || ratio.high < 1 + tenth;
}

static bool is_on_threads(const struct job_row *row)
{
    return strcmp(row->contender->engine, "threads") == 0;
}

/* ---- words --------------------------------------------------------------------------------------------------------------- */

static const char *name_of(const struct job_row *row)
{
    return row->contender->is_ready ? "ready processes" : row->contender->engine;
}

/* "processes and ready processes gain as much (1.91x and 1.93x)": those of `rows` that are wanted, in one clause. */
static void add_clause(struct advice *a, const struct job_row *const rows[], const bool wanted[], int n, const char *what)
{
    char names[64] = "", ratios[96] = "";
    const struct ratio *only = NULL;
    int count = 0, told = 0;
    for (int i = 0; i < n; i++)
        count += wanted[i];
    for (int i = 0; i < n; i++) {
        if (!wanted[i])
            continue;
        const char *between = told == 0 ? "" : told == count - 1 ? " and " : ", ";
        only = &rows[i]->speedup;
        text_add(names, sizeof names, "%s%s", between, name_of(rows[i]));
        text_add(ratios, sizeof ratios, "%s%.2fx", between, only->value);
        told++;
    }
    if (count == 1)         /* there is room for its interval */
        text_add(ratios, sizeof ratios, " [%.2f - %.2f]", only->low, only->high);
    text_add(a->why, sizeof a->why, "%s%s %s (%s)", a->why[0] ? "; " : "", names, what, ratios);
}

/* What is said of a row that is not the chosen one; chosen may be NULL. */
static const char *beside(const struct job_row *row, const struct job_row *chosen)
{
    static const char *const words[CLAIMS_N] = { "gain less", "gain nothing", "lose", "may gain or lose" };
    enum claim claim = claim_of(row);
    if (claim != GAINS || !chosen || !is_level(row, chosen))
        return words[claim];
    return ratio_of(row, chosen).high < 1 + tenth ? "gain as much" : "may gain as much";
}

static void add_others(struct advice *a, const struct side *s, const struct job_row *chosen)
{
    bool is_told[3] = { false };
    for (int i = 0; i < s->n; i++) {
        bool wanted[3] = { false };
        const char *what = beside(s->other[i], chosen);
        if (s->other[i] == chosen || is_told[i])
            continue;
        for (int k = i; k < s->n; k++) {    /* those of whom the same is said share a clause */
            wanted[k] = s->other[k] != chosen && strcmp(beside(s->other[k], chosen), what) == 0;
            is_told[k] = is_told[k] || wanted[k];
        }
        add_clause(a, s->other, wanted, s->n, what);
    }
}

/* ---- costs --------------------------------------------------------------------------------------------------------------- */

/* NULL: not measured. */
static const struct measure *cost_of(const struct report *report, const char *cost, const char *which, const char *language,
                                     const char *engine)
{
    const struct cost *found = costs_find(&report->costs, cost, which, language, engine);
    return found && found->value.runs ? &found->value : NULL;
}

static const struct measure *start_of(const struct report *report, const char *language, const char *engine)
{
    const struct measure *start = cost_of(report, "start_join", "10MB", language, engine);
    return start ? start : cost_of(report, "start_join", NULL, language, engine);
}

/* Where threads are named and processes, started for the job, gain as much. */
static void add_start_costs(struct advice *a, const struct side *s, const struct job_row *chosen)
{
    const struct measure *thread = start_of(s->report, s->language, "threads"), *process = start_of(s->report, s->language, "processes");
    char of_thread[TEXT_SIZE], of_process[TEXT_SIZE];
    bool is_asked = false;
    for (int i = 0; i < s->n; i++)
        is_asked = is_asked || (s->other[i] != chosen && !s->other[i]->contender->is_ready && claim_of(s->other[i]) == GAINS &&
                                is_level(s->other[i], chosen));
    if (is_asked && is_on_threads(chosen) && thread && process && process->low > thread->high)
        text_add(a->why, sizeof a->why, "; starting a process takes %s, a thread %s", text_time(process->median, of_process),
                 text_time(thread->median, of_thread));
}

/* ---- where engines can be compared with serial --------------------------------------------------------------------------- */

/* Of those that gain; NULL: none does. */
static const struct job_row *best_of(const struct side *s)
{
    const struct job_row *fastest = NULL;
    for (int i = 0; i < s->n; i++)
        if (claim_of(s->other[i]) == GAINS && (!fastest || s->other[i]->time.median < fastest->time.median))
            fastest = s->other[i];
    for (int i = 0; fastest && i < s->n; i++)
        if (claim_of(s->other[i]) == GAINS && is_level(s->other[i], fastest))
            return s->other[i];
    return NULL;
}

/* What the interpreter tells of itself is said where the figures show it: its threads gain, or they stand still while processes gain. */
static bool shares_gil(const struct side *s)
{
    return s->report->python_gil == 1 && strcmp(s->language, "python") == 0;
}

static bool threads_stand_still(const struct side *s)
{
    for (int i = 0; i < s->n; i++) {
        enum claim claim = claim_of(s->other[i]);
        if (is_on_threads(s->other[i]))
            return claim == GAINS_NOTHING || claim == LOSES;
    }
    return false;
}

static bool any_unsure(const struct side *s)
{
    for (int i = 0; i < s->n; i++)
        if (claim_of(s->other[i]) == UNSURE)
            return true;
    return false;
}

static uint32_t runs_of(const struct side *s)
{
    return s->n ? s->other[0]->time.runs : s->serial->time.runs;
}

static uint32_t more_runs(const struct side *s)
{
    uint32_t runs = runs_of(s) * MORE_RUNS;
    return runs < MEASURE_RUNS_MAX ? runs : MEASURE_RUNS_MAX;
}

static void name_it(struct advice *a, const struct side *s, const struct job_row *chosen)
{
    char time[TEXT_SIZE], serial[TEXT_SIZE];
    const struct ratio *speedup = &chosen->speedup;
    a->engine = chosen->contender->engine;
    text_add(a->why, sizeof a->why, "%s are %.2f times as fast as serial [%.2f - %.2f]: %s instead of %s", name_of(chosen), speedup->value,
             speedup->low, speedup->high, text_time(chosen->time.median, time), text_time(s->serial->time.median, serial));
    if (shares_gil(s) && is_on_threads(chosen))
        text_add(a->why, sizeof a->why, ", although they share one GIL");
    add_others(a, s, chosen);
    if (shares_gil(s) && threads_stand_still(s))
        text_add(a->why, sizeof a->why, ": one GIL for all threads");
    add_start_costs(a, s, chosen);
    if (any_unsure(s))
        text_add(a->why, sizeof a->why, "; --runs %u tells more", more_runs(s));
}

static bool all_lose(const struct side *s)
{
    for (int i = 0; i < s->n; i++)
        if (claim_of(s->other[i]) != LOSES)
            return false;
    return true;
}

static void name_serial(struct advice *a, const struct side *s)
{
    char serial[TEXT_SIZE];
    a->engine = "serial";
    if (all_lose(s) && strcmp(s->job->work->name, "counter") == 0)      /* the one work whose loss has a name */
        text_add(a->why, sizeof a->why, "sharing one counter costs more than it gives: ");
    text_add(a->why, sizeof a->why, "nothing is faster than serial (%s)%s", text_time(s->serial->time.median, serial),
             all_lose(s) ? "" : " by more than a tenth");
    add_others(a, s, NULL);
}

static void say_too_noisy(struct advice *a, const struct side *s)
{
    bool is_known;
    (void)machine_is_quiet(&s->report->machine, &is_known, NULL, 0);
    text_add(a->why, sizeof a->why, "too noisy to say");
    add_others(a, s, NULL);
    text_add(a->why, sizeof a->why, "; measure longer%s: --runs %u", is_known ? "" : " and where nothing else runs", more_runs(s));
}

static void compare_with_serial(struct advice *a, const struct side *s)
{
    const struct job_row *best = best_of(s);
    if (best)
        name_it(a, s, best);
    else if (any_unsure(s))
        say_too_noisy(a, s);
    else
        name_serial(a, s);
}

/* ---- where there is no serial -------------------------------------------------------------------------------------------- */

/* Ahead of all others, or level with them within a tenth and the simplest of those; NULL: too noisy to say. */
static const struct job_row *ahead_of(const struct side *s)
{
    const struct job_row *fastest = s->other[0], *first = NULL;
    for (int i = 1; i < s->n; i++)
        if (s->other[i]->time.median < fastest->time.median)
            fastest = s->other[i];
    for (int i = 0; i < s->n; i++) {
        struct ratio ratio = ratio_of(s->other[i], fastest);
        bool is_near = ratio.high < 1 + tenth;
        if (s->other[i] != fastest && !is_near && ratio.low <= 1)
            return NULL;
        if (!first && (s->other[i] == fastest || is_near))
            first = s->other[i];
    }
    return first;
}

static void compare_with_each_other(struct advice *a, const struct side *s)
{
    char time[TEXT_SIZE];
    const struct job_row *ahead = ahead_of(s);
    a->engine = ahead ? ahead->contender->engine : NULL;
    text_add(a->why, sizeof a->why, "%s", ahead ? "" : "too noisy to say; ");
    for (int i = 0; i < s->n; i++)
        text_add(a->why, sizeof a->why, "%s%s take %s", i ? ", " : "", name_of(s->other[i]), text_time(s->other[i]->time.median, time));
    if (ahead)
        text_add(a->why, sizeof a->why, "; whether that is faster than serial was not measured");
    else
        text_add(a->why, sizeof a->why, "; measure longer: --runs %u", more_runs(s));
}

static void say_nothing_to_compare(struct advice *a, const struct side *s)
{
    char time[TEXT_SIZE];
    const struct job_row *only = s->serial ? s->serial : s->other[0];
    text_add(a->why, sizeof a->why, "%s took %s, and there is nothing to compare it with: add %s to --engines", name_of(only),
             text_time(only->time.median, time), s->serial ? "threads or processes" : "serial");
}

/* ---- one work in one language -------------------------------------------------------------------------------------------- */

static struct side side_of(const struct report *report, const struct job *job, const char *language)
{
    struct side s = { .report = report, .job = job, .language = language };
    for (int i = 0; i < CONTENDERS_N; i++) {
        const struct job_row *row = &job->rows[i];
        if (!row->time.runs || strcmp(report->contenders[i].language, language) != 0)
            continue;
        if (contender_yardstick(i) == i)
            s.serial = row;
        else
            s.other[s.n++] = row;
    }
    return s;
}

static void advise(struct report *report, const struct job *job, const char *language)
{
    bool is_known;
    struct side s = side_of(report, job, language);
    if ((!s.serial && !s.n) || report->n_advice == ADVICE_MAX)
        return;
    struct advice *a = &report->advice[report->n_advice++];
    *a = (struct advice){ .work = job->work->name, .language = language };
    if (!s.n || (!s.serial && s.n == 1))
        say_nothing_to_compare(a, &s);
    else if (!machine_is_quiet(&report->machine, &is_known, NULL, 0))
        text_add(a->why, sizeof a->why, "too noisy to say: the machine is busy; --wait-quiet waits until it is quiet");
    else if (runs_of(&s) < MEASURE_RUNS_ENOUGH)
        text_add(a->why, sizeof a->why, "too few runs to say: %u, of at least %d; --runs %d", runs_of(&s), MEASURE_RUNS_ENOUGH, RUNS_USUAL);
    else if (s.serial)
        compare_with_serial(a, &s);
    else
        compare_with_each_other(a, &s);
}

/* ---- what holds for any work --------------------------------------------------------------------------------------------- */

/* The next note, empty; NULL: there is no room for more. */
static char *new_note(struct report *report)
{
    if (report->n_notes == NOTES_MAX)
        return NULL;
    report->notes[report->n_notes][0] = '\0';
    return report->notes[report->n_notes++];
}
enum { NOTE_SIZE = sizeof ((struct report *)0)->notes[0] };

/* What follows from costs is as good as they are. */
static void note_busy(struct report *report)
{
    bool is_known, is_busy = !machine_is_quiet(&report->machine, &is_known, NULL, 0);
    char *note = is_busy && report->costs.n ? new_note(report) : NULL;
    if (note)
        text_add(note, NOTE_SIZE, "The machine was busy while the costs were measured: what follows from them may be far off.");
}

/* So many workers compute at once. */
static double at_once(const struct report *report)
{
    uint32_t cpus = report->machine.cpus_usable, workers = report->setup->workers;
    return workers < cpus ? workers : cpus;
}

/* A run of length t on P ready workers takes about t/P, and the hand-over c: less than t from t = c P/(P-1) on, and at most a tenth
 * more than t/P from t = 10 c P on. A single run gains nothing; what it loses is c. */
static void note_hand_over(struct report *report, const char *engine, const char *one)
{
    const struct measure *stream = cost_of(report, "round_trip", "stream", "c", engine);
    const struct measure *parked = cost_of(report, "round_trip", "parked", "c", engine);
    double p = at_once(report);
    char cost[TEXT_SIZE], pays[TEXT_SIZE], level[TEXT_SIZE];
    char *note = stream || parked ? new_note(report) : NULL;
    if (!note)
        return;
    text_add(note, NOTE_SIZE, "Handing a run to a ready %s and getting it back takes", one);
    if (stream)
        text_add(note, NOTE_SIZE, " %s in a stream of runs", text_time(stream->median, cost));
    if (stream && p > 1)
        text_add(note, NOTE_SIZE, " (on %.0f %s they beat serial from about %s each on, and lose less than a tenth from %s on)", p, engine,
                 text_time(stream->median * p / (p - 1), pays), text_time(stream->median / tenth * p, level));
    if (parked)
        text_add(note, NOTE_SIZE, "%s %s if the worker sleeps (a single run loses less than a tenth from %s on)", stream ? "," : "",
                 text_time(parked->median, cost), text_time(parked->median / tenth, level));
    text_add(note, NOTE_SIZE, ".");
}

/* A job of t, divided over N workers that are started one after the other, s each, and of which P compute at once: t/P + s N, less than
 * t from s N P/(P-1) on. */
static void note_starting(struct report *report)
{
    const struct measure *thread = start_of(report, "c", "threads"), *process = start_of(report, "c", "processes");
    double n = report->setup->workers, p = at_once(report);
    char a[TEXT_SIZE], b[TEXT_SIZE];
    char *note = thread || process ? new_note(report) : NULL;
    if (!note)
        return;
    text_add(note, NOTE_SIZE, "Starting and joining a worker takes ");
    if (thread)
        text_add(note, NOTE_SIZE, "%s for a thread", text_time(thread->median, a));
    if (process)
        text_add(note, NOTE_SIZE, "%s%s for a process", thread ? ", " : "", text_time(process->median, b));
    if (p > 1) {
        double factor = n * p / (p - 1);
        text_add(note, NOTE_SIZE, ": where %.0f are started for one job, it beats serial from about ", n);
        if (thread)
            text_add(note, NOTE_SIZE, "%s on with threads", text_time(thread->median * factor, a));
        if (process)
            text_add(note, NOTE_SIZE, "%s%s on with processes", thread ? ", " : "", text_time(process->median * factor, b));
    }
    text_add(note, NOTE_SIZE, ".");
}

static const char *how_it_grows(const struct measure *small, const struct measure *large)
{
    double growth = large->median / small->median;
    if (growth <= 1.25)
        return " does not grow with the program:";
    return large->low > small->high ? " grows with the program:" : " takes";
}

static void note_fork(struct report *report)
{
    static const char *const engine[] = { "fork", "processes" }, *const start[] = { "a process by plain fork", "a process of prong" };
    char from[TEXT_SIZE], to[TEXT_SIZE], *note = NULL;
    for (int i = 0; i < 2; i++) {
        const struct measure *small = cost_of(report, "start_join", "10MB", "c", engine[i]);
        const struct measure *large = cost_of(report, "start_join", "1GB", "c", engine[i]);
        if (small && large && (note || (note = new_note(report))))
            text_add(note, NOTE_SIZE, "%s of %s%s %s at 10 MB, %s at 1 GB", note[0] ? "; that" : "The start", start[i],
                     how_it_grows(small, large), text_time(small->median, from), text_time(large->median, to));
    }
    if (note)
        text_add(note, NOTE_SIZE, ".");
}

static void note_memory(struct report *report)
{
    static const char *const engine[] = { "threads", "processes", "fork" };
    static const char *const way[] = { "as a thread", "as a process", "by plain fork" };
    char bytes[TEXT_SIZE], *note = NULL;
    for (int i = 0; i < 3; i++) {
        const struct measure *memory = cost_of(report, "memory", NULL, "c", engine[i]);
        if (!memory || !(note || (note = new_note(report))))
            continue;
        text_add(note, NOTE_SIZE, "%s %s %s", note[0] ? "," : "Memory that each worker adds:", text_bytes(memory->median, bytes), way[i]);
    }
    if (note)
        text_add(note, NOTE_SIZE, ".");
}

static void add_lost(char *note, const struct measure *processes, const struct measure *threads)
{
    text_add(note, NOTE_SIZE, " crash lost %.0f of 100 runs on processes", processes->median);
    if (threads)
        text_add(note, NOTE_SIZE, ", %s%.0f on threads", threads->median >= 100 ? "all " : "", threads->median);
}

/* What a pool of prong can do beside that, one of Python cannot: it is not told of it. */
static void note_crash(struct report *report, const char *language)
{
    const struct measure *threads = cost_of(report, "crash", NULL, language, "threads");
    const struct measure *processes = cost_of(report, "crash", NULL, language, "processes");
    bool is_python = strcmp(language, "python") == 0, is_contained = threads && processes && processes->median < threads->median;
    char *note = processes ? new_note(report) : NULL;
    if (!note)
        return;
    text_add(note, NOTE_SIZE, "%s", is_python ? "In Python's own pools one"
                                   : is_contained ? "What processes buy, also where they gain no time: one" : "One");
    add_lost(note, processes, threads);
    text_add(note, NOTE_SIZE, "%s", is_contained && !is_python ? "; and a run that hangs can be killed by itself." : ".");
}

/* ---- outliers ------------------------------------------------------------------------------------------------------------ */

enum { OUTLIERS_NAMED = 3 };

/* How far the worst is off, as a share of the median; 0 for less than a fifth, which nobody needs to know of. */
static double off_of(const struct job_row *row)
{
    double off = row->time.outliers ? fabs(row->time.worst - row->time.median) / row->time.median : 0;
    return off >= 0.2 ? off : 0;
}

/* The row next to `before` in the order of how far the worst is off; NULL: no more. */
static const struct job_row *next_worst(const struct report *report, const struct job_row *before, const struct job **ret_job)
{
    const struct job_row *found = NULL;
    for (int w = 0; w < WORKS_N; w++)
        for (int i = 0; i < CONTENDERS_N; i++) {
            const struct job_row *row = &report->jobs[w].rows[i];
            bool is_left = off_of(row) > 0 && (!before || off_of(row) < off_of(before) || (off_of(row) == off_of(before) && row > before));
            if (is_left && (!found || off_of(row) > off_of(found))) {
                found = row;
                *ret_job = &report->jobs[w];
            }
        }
    return found;
}

static void note_outliers(struct report *report)
{
    char worst[TEXT_SIZE], median[TEXT_SIZE];
    const struct job *job = NULL;
    const struct job_row *row = next_worst(report, NULL, &job);
    char *note = row ? new_note(report) : NULL;
    int n = 0;
    if (!note)
        return;
    text_add(note, NOTE_SIZE, "Outliers, which the medians do not heed: ");
    for (; row; row = next_worst(report, row, &job), n++)
        if (n < OUTLIERS_NAMED)
            text_add(note, NOTE_SIZE, "%s%s on %s%s, %u of %u runs, the worst %s (median %s)", n ? "; " : "", job->work->name, name_of(row),
                     row->contender->python ? " of Python" : "", row->time.outliers, row->time.runs, text_time(row->time.worst, worst),
                     text_time(row->time.median, median));
    if (n > OUTLIERS_NAMED)
        text_add(note, NOTE_SIZE, "; and in %d other row%s", n - OUTLIERS_NAMED, n - OUTLIERS_NAMED == 1 ? "" : "s");
    text_add(note, NOTE_SIZE, ". If that is too many: --wait-quiet, or more --runs.");
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

void advice_give(struct report *report)
{
    report->n_advice = report->n_notes = 0;
    if (!report->agree)
        return;
    for (int w = 0; w < WORKS_N; w++)
        if (!report->jobs[w].is_left_out) {
            advise(report, &report->jobs[w], "c");
            advise(report, &report->jobs[w], "python");
        }
    note_busy(report);
    note_hand_over(report, "threads", "thread");
    note_hand_over(report, "processes", "process");
    note_starting(report);
    note_fork(report);
    note_memory(report);
    note_crash(report, "c");
    note_crash(report, "python");
    note_outliers(report);
}
