/* table.c - the report for people: bars, intervals and ratios, work by work; costs; results; and at the end, where it stays in sight,
 * which engine to use for what. */
#include "compare/report.h"

#include "compare/show/paint.h"
#include "compare/show/words.h"
#include "text.h"

#include <string.h>

enum { BAR_CELLS = 22, LANGUAGE_CELLS = 8, NAME_CELLS = 17, TIME_CELLS = 8, INTERVAL_CELLS = 19, LABEL_CELLS = 48, COST_CELLS = 11,
       WIDTH = 100, ADVICE_INDENT = 2 + 9 + LANGUAGE_CELLS + NAME_CELLS };

/* ---- the head ------------------------------------------------------------------------------------------------------------ */

static void show_busy(const struct report *report, const struct paint *p)
{
    char why[256];
    bool is_known, is_quiet = machine_is_quiet(&report->machine, &is_known, why, sizeof why);
    if (!is_known || is_quiet)
        return;
    paint_ink(p, INK_BAD);
    fprintf(p->to, "MACHINE BUSY: %s\n", why);
    paint_ink(p, INK_PLAIN);
    fputs("The times are noisy, so no verdict is given. Run again with --wait-quiet, or when the machine is quiet.\n", p->to);
}

static void show_head(const struct report *report, const struct paint *p)
{
    const struct machine *machine = &report->machine;
    fprintf(p->to, "prong %s   %u of %u CPUs", prong_version(), machine->cpus_usable, machine->cpus_online);
    if (machine->cores_before > 0)
        fprintf(p->to, " (a spinner found %.1f)", machine->cores_during > 0 ? machine->cores_during : machine->cores_before);
    fputs("   engines:", p->to);
    for (int i = 0; i < PYTHON_SERIAL; i++)
        if (contender_is_in(&report->contenders[i]) && !report->contenders[i].is_ready)
            fprintf(p->to, " %s", report->contenders[i].engine);
    if (report->python[0])
        fprintf(p->to, "   %s%s", report->python, report->python_gil == 0 ? " without GIL" : "");
    fputc('\n', p->to);
    if (!report->jobs[WORK_RECORDS].is_left_out)
        fprintf(p->to, "data: %s\n", report->setup->source);
    if (contender_is_in(&report->contenders[C_READY]))
        fprintf(p->to, "processes-ready: a pool that stands before the job comes; all others start their workers for the job\n");
    show_busy(report, p);
}

/* ---- works --------------------------------------------------------------------------------------------------------------- */

/* Of the same language: a bar of the other would leave nothing to see. */
static double slowest(const struct job *job, int like)
{
    double longest = 0;
    for (int i = 0; i < CONTENDERS_N; i++)
        if (contender_yardstick(i) == contender_yardstick(like) && job->rows[i].time.median > longest)
            longest = job->rows[i].time.median;
    return longest;
}

static void show_speedup(const struct report *report, const struct job *job, const struct job_row *row, const struct paint *p)
{
    static const enum ink ink_of[] = { [VERDICT_NONE] = INK_PLAIN, [VERDICT_GAINS] = INK_GOOD, [VERDICT_LOSES] = INK_BAD,
                                       [VERDICT_SAME] = INK_PLAIN, [VERDICT_TOO_NOISY] = INK_DOUBT, [VERDICT_TOO_FEW] = INK_DOUBT };
    char words[WORDS_SIZE], ratio[32];
    if (row->speedup.value <= 0)
        fputs("no serial to compare with", p->to);
    else if (row->verdict == VERDICT_NONE)
        fputs("1.00x", p->to);
    else {
        snprintf(ratio, sizeof ratio, "%.2fx", row->speedup.value);
        fprintf(p->to, "%-6s ", ratio);
        paint_ink(p, ink_of[row->verdict]);
        fputs(words_verdict(report, job, row, words, sizeof words), p->to);
        paint_ink(p, INK_PLAIN);
    }
}

static void show_row(const struct report *report, const struct job *job, int i, const struct paint *p)
{
    const struct job_row *row = &job->rows[i];
    char median[TEXT_SIZE], interval[TEXT_SIZE];
    paint_bar(p, row->time.median / slowest(job, i), BAR_CELLS);
    fprintf(p->to, " %*s  %-*s ", TIME_CELLS, text_time(row->time.median, median), INTERVAL_CELLS,
            text_interval(row->time.low, row->time.high, text_time, interval));
    show_speedup(report, job, row, p);
    fputc('\n', p->to);
}

static uint32_t runs_of(const struct job *job)
{
    const struct job_row *first = report_first_row(job);
    return first ? first->time.runs : 0;
}

static void show_job(const struct report *report, const struct job *job, const struct paint *p)
{
    uint32_t runs = runs_of(job);
    int last = -1;
    paint_ink(p, INK_STRONG);
    fprintf(p->to, "\n%s: ", job->work->name);
    paint_ink(p, INK_PLAIN);
    bool is_crowded = !job->work->is_waiting && work_workers(job->work, report->setup) > report->machine.cpus_usable;
    fprintf(p->to, "%s; %u run%s each%s\n", job->what, runs, runs == 1 ? "" : "s", is_crowded ? "; MORE WORKERS THAN CPUS" : "");
    fprintf(p->to, "%*s %*s  %-*s vs serial\n", 2 + LANGUAGE_CELLS + NAME_CELLS + BAR_CELLS, "", TIME_CELLS, "median", INTERVAL_CELLS,
            runs < MEASURE_RUNS_ENOUGH ? "least - most" : "95 % interval");
    for (int i = 0; i < CONTENDERS_N; i++) {
        const struct contender *c = &report->contenders[i];
        bool is_of_interest = job->rows[i].time.runs || (c->is_missing && !c->is_left_out);
        if (!is_of_interest)
            continue;
        bool is_first = last < 0 || contender_yardstick(last) != contender_yardstick(i);
        last = i;
        fprintf(p->to, "  %-*s%-*s", LANGUAGE_CELLS, is_first ? words_language(c->language) : "", NAME_CELLS, c->engine);
        if (c->is_missing)
            fprintf(p->to, "missing: %s\n", c->why);
        else
            show_row(report, job, i, p);
    }
}

/* ---- costs --------------------------------------------------------------------------------------------------------------- */

static void show_cost_line(const struct costs *costs, size_t first, const struct words_column columns[], size_t n, const struct paint *p)
{
    const struct cost *of = &costs->cost[first];
    char value[WORDS_SIZE];
    fprintf(p->to, "  %-*s", LABEL_CELLS, words_cost(of));
    for (size_t k = 0; k < n; k++) {
        const struct cost *cost = costs_find(costs, of->cost, of->which, of->language, columns[k].engine);
        fprintf(p->to, " %*s", COST_CELLS, cost ? words_cost_value(cost, value, sizeof value) : "");
    }
    fputc('\n', p->to);
}

static void show_costs(const struct costs *costs, const struct paint *p)
{
    struct words_column columns[WORDS_COLUMNS_MAX];
    size_t n = words_cost_columns(costs, columns);
    if (!n)
        return;
    paint_ink(p, INK_STRONG);
    fprintf(p->to, "\n%-*s", 2 + LABEL_CELLS, "costs");
    paint_ink(p, INK_PLAIN);
    for (size_t k = 0; k < n; k++)
        fprintf(p->to, " %*s", COST_CELLS, columns[k].heading);
    fputc('\n', p->to);
    for (size_t i = 0; i < costs->n; i++) {
        bool is_first = true;
        for (size_t k = 0; k < i; k++)
            is_first = is_first && words_cost(&costs->cost[k]) != words_cost(&costs->cost[i]);
        if (is_first && words_cost(&costs->cost[i]))
            show_cost_line(costs, i, columns, n, p);
    }
    for (size_t i = 0; i < costs->n; i++)
        if (!costs->cost[i].value.runs)
            fprintf(p->to, "  not measured: %s: %s: %s\n", words_cost(&costs->cost[i]), costs->cost[i].engine, costs->cost[i].why);
}

/* ---- results ------------------------------------------------------------------------------------------------------------- */

static void show_figures(const char *name, const struct figures *figures, FILE *to)
{
    char buf[TEXT_SIZE];
    for (size_t i = 0; i < figures->n; i++) {
        const struct figure *figure = &figures->figure[i];
        fprintf(to, "  %-*s%-*s%s\n", NAME_CELLS, i ? "" : name, NAME_CELLS, figure->name,
                figure->kind == FIGURE_COUNT ? text_count(figure->bits, buf) : text_real(figures_real(figure), buf));
    }
}

static void show_results(const struct report *report, const struct paint *p)
{
    paint_ink(p, INK_STRONG);
    fputs("\nresults", p->to);
    paint_ink(p, INK_PLAIN);
    fprintf(p->to, ": all engines agree, bit for bit%s\n", report->python[0] ? ", in C and in Python" : "");
    for (int w = 0; w < WORKS_N; w++)
        if (report_first_row(&report->jobs[w]))
            show_figures(works[w]->name, &report_first_row(&report->jobs[w])->last.figures, p->to);
}

static void show_disagreement(const struct report *report, const struct paint *p)
{
    paint_ink(p, INK_BAD);
    fputs("\nTHE RESULTS DIFFER\n", p->to);
    paint_ink(p, INK_PLAIN);
    for (int w = 0; w < WORKS_N; w++) {
        const struct job *job = &report->jobs[w];
        if (job->agree)
            continue;
        fprintf(p->to, "\n%s\n", works[w]->name);
        for (int i = 0; i < CONTENDERS_N; i++) {
            char who[64];
            snprintf(who, sizeof who, "%s%s", report->contenders[i].python ? "Python " : "", report->contenders[i].engine);
            if (job->rows[i].has_figures)
                show_figures(who, &job->rows[i].last.figures, p->to);
        }
    }
}

/* ---- advice -------------------------------------------------------------------------------------------------------------- */

static void show_advice(const struct report *report, const struct paint *p)
{
    if (!report->n_advice)
        return;
    paint_ink(p, INK_STRONG);
    fputs("\nwhich to use\n", p->to);
    paint_ink(p, INK_PLAIN);
    for (size_t i = 0; i < report->n_advice; i++) {
        const struct advice *advice = &report->advice[i];
        bool is_first = i == 0 || strcmp(report->advice[i - 1].work, advice->work) != 0;
        fprintf(p->to, "  %-9s%-*s", is_first ? advice->work : "", LANGUAGE_CELLS, words_language(advice->language));
        paint_ink(p, advice->engine ? INK_GOOD : INK_DOUBT);
        fprintf(p->to, "%-*s", NAME_CELLS, advice->engine ? advice->engine : "cannot say");
        paint_ink(p, INK_PLAIN);
        text_wrap(p->to, advice->why, ADVICE_INDENT, ADVICE_INDENT, WIDTH);
    }
    for (size_t i = 0; i < report->n_notes; i++) {
        fputs("  - ", p->to);
        text_wrap(p->to, report->notes[i], 4, 4, WIDTH);
    }
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

void table_show(const struct report *report, FILE *to)
{
    struct paint paint = paint_of(to);
    show_head(report, &paint);
    if (!report->agree) {
        show_disagreement(report, &paint);
        return;
    }
    for (int w = 0; w < WORKS_N; w++)
        if (!report->jobs[w].is_left_out)
            show_job(report, &report->jobs[w], &paint);
    show_costs(&report->costs, &paint);
    show_results(report, &paint);
    show_advice(report, &paint);
}
