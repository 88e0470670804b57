/* table.c - the report for people: one line per engine, with a bar, the interval, and the ratio to serial. */
#include "compare/report.h"

#include "compare/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR_CELLS = 24, NAME_CELLS = 17, TIME_CELLS = 8 };

/* ---- the bar ------------------------------------------------------------------------------------------------------------- */

/* By the environment, as the terminal was told: the locale itself may well not be installed. */
static bool is_utf8(void)
{
    static const char *const variable[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < sizeof variable / sizeof variable[0]; i++) {
        const char *value = getenv(variable[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

/* share: from 0 to 1, of BAR_CELLS. In UTF-8 a cell is filled by eighths. */
static void show_bar(double share, bool utf8)
{
    static const char *const eighth[] = { "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589" };
    int eighths = (int)(share * BAR_CELLS * 8 + 0.5);
    int whole = utf8 ? eighths / 8 : (eighths + 4) / 8;
    for (int i = 0; i < whole; i++)
        fputs(utf8 ? "\u2588" : "#", stdout);
    if (utf8)
        fputs(eighth[eighths % 8], stdout);
    int used = whole + (utf8 && eighths % 8 != 0);
    printf("%*s", BAR_CELLS - used, "");
}

/* ---- times --------------------------------------------------------------------------------------------------------------- */

static void show_interval(const struct measure *time)
{
    char median[TEXT_SIZE], low[TEXT_SIZE], high[TEXT_SIZE], interval[2 * TEXT_SIZE + 8];
    snprintf(interval, sizeof interval, "[%s - %s]", text_time(time->low, low), text_time(time->high, high));
    printf("%*s  %-21s", TIME_CELLS, text_time(time->median, median), interval);
}

static bool overlap(const struct measure *a, const struct measure *b)
{
    return a->low <= b->high && b->low <= a->high;
}

/* No worker runs faster than a CPU, so more workers than CPUs promise no more than the CPUs do. */
static uint32_t ideal_speedup(const struct report *report, const struct engine *engine)
{
    uint32_t cpus = report->machine.cpus_usable;
    return engine->workers < cpus ? engine->workers : cpus;
}

static void show_speedup(const struct report *report, int w, int e)
{
    const struct report_row *row = &report->rows[w][e], *serial = &report->rows[w][ENGINES_SERIAL];
    if (row->speedup <= 0)
        printf("  no serial to compare with");
    else if (e == ENGINES_SERIAL)
        printf("  1.00x");
    else if (row->time.confidence < 0.95)
        printf("  %.2fx  too few runs to say", row->speedup);
    else if (overlap(&row->time, &serial->time))
        printf("  %.2fx  too noisy to say", row->speedup);
    else
        printf("  %.2fx  %.0f %% of ideal", row->speedup, 100 * row->speedup / ideal_speedup(report, &report->engines[e]));
}

static double slowest(const struct report *report, int w)
{
    double longest = 0;
    for (int e = 0; e < ENGINES_N; e++)
        if (report->rows[w][e].time.median > longest)
            longest = report->rows[w][e].time.median;
    return longest;
}

static void show_work(const struct report *report, int w, bool utf8)
{
    char what[512];
    works[w]->describe(report->plan, what, sizeof what);
    printf("\n%s: %s\n", works[w]->name, what);
    printf("  %-*s%*s  %*s  %-21s  vs serial\n", NAME_CELLS, "", BAR_CELLS, "", TIME_CELLS, "median", "interval");
    for (int e = 0; e < ENGINES_N; e++) {
        const struct report_row *row = &report->rows[w][e];
        printf("  %-*s", NAME_CELLS, report->engines[e].name);
        if (report->engines[e].is_missing) {
            printf("missing: %s\n", report->engines[e].why);
            continue;
        }
        show_bar(row->time.median / slowest(report, w), utf8);
        printf("  ");
        show_interval(&row->time);
        show_speedup(report, w, e);
        putchar('\n');
    }
}

static void show_costs(const struct report *report)
{
    double least = 0;
    printf("\nstart and join one worker that has nothing to do\n");
    for (int c = 0; c < REPORT_COSTS_N; c++) {
        const struct report_cost *cost = &report->costs[c];
        if (!cost->time.runs)
            continue;
        if (least <= 0)
            least = cost->time.median;
        printf("  %-*s", NAME_CELLS, cost->engine->name);
        show_interval(&cost->time);
        if (cost->time.median > least)
            printf("  %.0f times as long", cost->time.median / least);
        putchar('\n');
    }
}

/* ---- results ------------------------------------------------------------------------------------------------------------- */

static void show_figures(const char *name, const struct figures *figures)
{
    char buf[TEXT_SIZE];
    for (size_t i = 0; i < figures->n; i++) {
        const struct figure *figure = &figures->figure[i];
        printf("  %-*s%-*s%s\n", NAME_CELLS, i ? "" : name, NAME_CELLS, figure->name,
               figure->kind == FIGURE_COUNT ? text_count(figure->bits, buf) : text_real(figures_real(figure), buf));
    }
}

static void show_results(const struct report *report)
{
    printf("\nresults: all engines agree, bit for bit\n");
    for (int w = 0; w < WORKS_N; w++)
        show_figures(works[w]->name, &report->figures[w][report_first_engine(report)]);
}

static void show_disagreement(const struct report *report)
{
    printf("\nTHE ENGINES DISAGREE\n");
    for (int w = 0; w < WORKS_N; w++) {
        printf("\n%s\n", works[w]->name);
        for (int e = 0; e < ENGINES_N; e++)
            if (!report->engines[e].is_missing)
                show_figures(report->engines[e].name, &report->figures[w][e]);
    }
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

static void show_pressure(const struct machine *machine)
{
    bool is_known, is_quiet = machine_is_quiet(machine, &is_known);
    if (!is_known || is_quiet)
        return;
    printf("MACHINE BUSY: something waited for a CPU in %.0f %% of the last 10 s before", machine->pressure_before);
    if (machine->pressure_during >= 0)
        printf(", in %.0f %% of the time meanwhile", machine->pressure_during);
    printf("; the times are noisy\n");
}

static void show_head(const struct report *report)
{
    const struct machine *machine = &report->machine;
    printf("prong %s   %u of %u CPUs   engines:", prong_version(), machine->cpus_usable, machine->cpus_online);
    for (int e = 0; e < ENGINES_N; e++)
        if (!report->engines[e].is_missing && !report->engines[e].is_ready)
            printf(" %s", report->engines[e].kind);
    putchar('\n');
    show_pressure(machine);
    if (report->plan->workers > machine->cpus_usable)
        printf("more workers than CPUs: %u on %u\n", report->plan->workers, machine->cpus_usable);
    printf("data: %s\n", report->plan->source);
}

static void show_runs(const struct report *report)
{
    const struct measure *time = &report->rows[0][report_first_engine(report)].time;
    if (time->confidence < 0.95)
        printf("\n%u %s: too few for an interval; [least - most] is shown.\n", time->runs, time->runs == 1 ? "run" : "runs");
    else
        printf("\nEach time is the median of %u runs; the true median lies in the interval with %.1f %% confidence.\n", time->runs,
               100 * time->confidence);
}

void table_show(const struct report *report)
{
    bool utf8 = is_utf8();
    show_head(report);
    if (!report->agree) {
        show_disagreement(report);
        return;
    }
    for (int w = 0; w < WORKS_N; w++)
        show_work(report, w, utf8);
    show_costs(report);
    show_results(report);
    show_runs(report);
}
