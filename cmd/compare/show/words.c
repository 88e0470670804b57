/* words.c - verdicts and costs, as they are told. */
#include "compare/show/words.h"

#include "text.h"

#include <string.h>

/* Who computes runs on CPUs: more workers than these promise nothing. Who waits does not need one. */
static uint32_t ideal_speedup(const struct report *report, const struct job *job, const struct job_row *row)
{
    uint32_t cpus = report->machine.cpus_usable;
    return row->workers < cpus || job->work->is_waiting ? row->workers : cpus;
}

const char *words_verdict(const struct report *report, const struct job *job, const struct job_row *row, char *buf, size_t size)
{
    const char *word = verdict_word(row->verdict);
    buf[0] = '\0';
    if (row->verdict == VERDICT_GAINS)
        snprintf(buf, size, "%.0f %% of ideal", 100 * row->speedup.value / ideal_speedup(report, job, row));
    else if (row->verdict == VERDICT_LOSES)
        snprintf(buf, size, "slower than serial");
    else if (row->verdict == VERDICT_SAME)
        snprintf(buf, size, "gains nothing");
    else if (word)
        snprintf(buf, size, "%s", word);
    return buf;
}

const char *words_language(const char *language)
{
    return strcmp(language, "python") == 0 ? "Python" : "C";
}

/* ---- costs --------------------------------------------------------------------------------------------------------------- */

const char *words_cost(const struct cost *cost)
{
    static const struct { const char *cost, *which, *words; } known[] = {
        { "start_join", "10MB", "start and join a worker, program of 10 MB" },
        { "start_join", "1GB", "start and join a worker, program of 1 GB" },
        { "round_trip", "parked", "hand over a run to a sleeping worker, and back" },
        { "round_trip", "stream", "hand over a run, and back, in a stream of them" },
        { "memory", NULL, "memory that each worker adds" },
        { "crash", NULL, "runs that one crash takes down" },
    };
    if (strcmp(cost->cost, "crash") == 0 && strcmp(cost->language, "python") == 0)     /* the one that is taken in Python, too */
        return "runs that one crash takes down in Python";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        bool same_case = known[i].which && cost->which ? strcmp(known[i].which, cost->which) == 0 : known[i].which == cost->which;
        if (same_case && strcmp(known[i].cost, cost->cost) == 0)
            return known[i].words;
    }
    return NULL;
}

const char *words_cost_value(const struct cost *cost, char *buf, size_t size)
{
    char value[TEXT_SIZE];
    if (!cost->value.runs)
        snprintf(buf, size, "-");
    else if (strcmp(cost->unit, "s") == 0)
        snprintf(buf, size, "%s", text_time(cost->value.median, value));
    else if (strcmp(cost->unit, "bytes") == 0)
        snprintf(buf, size, "%s", text_bytes(cost->value.median, value));
    else
        snprintf(buf, size, "%.0f of 100", cost->value.median);
    return buf;
}

const char *words_cost_interval(const struct cost *cost, char *buf, size_t size)
{
    char interval[TEXT_SIZE] = "";
    if (cost->value.runs && cost->value.confidence > 0 && strcmp(cost->unit, "runs") != 0)
        (void)text_interval(cost->value.low, cost->value.high, strcmp(cost->unit, "s") == 0 ? text_time : text_bytes, interval);
    snprintf(buf, size, "%s", interval);
    return buf;
}

size_t words_cost_columns(const struct costs *costs, struct words_column ret_columns[WORDS_COLUMNS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < costs->n; i++) {
        const char *engine = costs->cost[i].engine;
        size_t k = 0;
        while (k < n && strcmp(ret_columns[k].engine, engine) != 0)
            k++;
        if (k == n && n < WORDS_COLUMNS_MAX)
            ret_columns[n++] = (struct words_column){ engine, strcmp(engine, "fork") == 0 ? "plain fork" : engine };
    }
    return n;
}
