/* md.c - the report as Markdown: what one pastes into an issue or a document. */
#include "compare/report.h"

#include "compare/show/words.h"
#include "text.h"

#include <string.h>

/* Names of columns and files come from outside: nothing in them is to mean anything. */
static void put_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text > 0 && *text < ' ')
            continue;
        if (strchr("\\`*_{}[]<>()#|~", *text))
            fputc('\\', to);
        fputc(*text, to);
    }
}

static void put_job(const struct report *report, const struct job *job, FILE *to)
{
    fprintf(to, "\n### %s\n\n", job->work->name);
    put_text(to, job->what);
    fputs("\n\n| language | engine | workers | runs | median | interval | vs serial | |\n|---|---|--:|--:|--:|---|--:|---|\n", to);
    for (int i = 0; i < CONTENDERS_N; i++) {
        const struct job_row *row = &job->rows[i];
        char median[TEXT_SIZE], interval[TEXT_SIZE], words[WORDS_SIZE], ratio[32] = "";
        if (!row->time.runs)
            continue;
        if (row->speedup.value > 0)
            snprintf(ratio, sizeof ratio, "%.2f", row->speedup.value);
        fprintf(to, "| %s | %s | %u | %u | %s | %s | %s | %s |\n", words_language(row->contender->language), row->contender->engine,
                row->workers, row->time.runs, text_time(row->time.median, median),
                text_interval(row->time.low, row->time.high, text_time, interval), ratio,
                words_verdict(report, job, row, words, sizeof words));
    }
}

static void put_costs(const struct costs *costs, FILE *to)
{
    if (!costs->n)
        return;
    fputs("\n### costs\n\n| | language | engine | median | interval | runs |\n|---|---|---|--:|---|--:|\n", to);
    for (size_t i = 0; i < costs->n; i++) {
        const struct cost *cost = &costs->cost[i];
        char value[WORDS_SIZE], interval[WORDS_SIZE];
        fprintf(to, "| %s | %s | %s | %s | %s | %u |\n", words_cost(cost), words_language(cost->language), cost->engine,
                words_cost_value(cost, value, sizeof value), words_cost_interval(cost, interval, sizeof interval), cost->value.runs);
    }
}

static void put_advice(const struct report *report, FILE *to)
{
    if (report->n_advice)
        fputs("\n### which to use\n\n| work | language | engine | why |\n|---|---|---|---|\n", to);
    for (size_t i = 0; i < report->n_advice; i++) {
        const struct advice *advice = &report->advice[i];
        fprintf(to, "| %s | %s | %s | ", advice->work, words_language(advice->language), advice->engine ? advice->engine : "cannot say");
        put_text(to, advice->why);
        fputs(" |\n", to);
    }
    fputs(report->n_notes ? "\n" : "", to);
    for (size_t i = 0; i < report->n_notes; i++) {
        fputs("- ", to);
        put_text(to, report->notes[i]);
        fputc('\n', to);
    }
}

void md_show(const struct report *report, FILE *to)
{
    const struct machine *machine = &report->machine;
    char why[256];
    bool is_known, is_quiet = machine_is_quiet(machine, &is_known, why, sizeof why);
    fprintf(to, "## prong %s compare\n\n%u of %u CPUs, ", prong_version(), machine->cpus_usable, machine->cpus_online);
    put_text(to, machine->model[0] ? machine->model : "unknown model");
    fprintf(to, ", %s%s%s\n", machine->kernel, report->python[0] ? ", " : "", report->python);
    if (is_known && !is_quiet)
        fprintf(to, "\n**Machine busy: %s.** The times are noisy.\n", why);
    if (!report->agree) {
        fputs("\n**The results differ: no time is shown.**\n", to);
        return;
    }
    for (int w = 0; w < WORKS_N; w++)
        if (!report->jobs[w].is_left_out)
            put_job(report, &report->jobs[w], to);
    put_costs(&report->costs, to);
    put_advice(report, to);
}
