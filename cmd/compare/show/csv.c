/* csv.c - the report as one table (RFC 4180): a line for each contender at each work, then one for each cost.
 *
 * Words of our own alone, none with a comma or a quote: nothing needs quoting. What is not known or does not apply is empty. */
#include "compare/report.h"

#include "text.h"

static void put_real(FILE *to, double real, bool is_known)
{
    char buf[TEXT_SIZE];
    fprintf(to, ",%s", is_known ? text_real(real, buf) : "");
}

static void put_measure(FILE *to, const char *unit, const struct measure *m)
{
    fprintf(to, ",%s", unit);
    put_real(to, m->median, m->runs > 0);
    put_real(to, m->low, m->runs > 0);
    put_real(to, m->high, m->runs > 0);
    fprintf(to, ",%u,%u", m->runs, m->outliers);
}

static void put_row(FILE *to, const struct job *job, const struct job_row *row)
{
    const char *verdict = verdict_word(row->verdict);
    fprintf(to, "%s,,%s,%s,%u", job->work->name, row->contender->language, row->contender->engine, row->workers);
    put_measure(to, "s", &row->time);
    put_real(to, row->speedup.value, row->speedup.value > 0);
    put_real(to, row->speedup.low, row->speedup.value > 0);
    put_real(to, row->speedup.high, row->speedup.value > 0);
    fprintf(to, ",%s\r\n", verdict ? verdict : "");
}

static void put_cost(FILE *to, const struct cost *cost)
{
    fprintf(to, "%s,%s,%s,%s,", cost->cost, cost->which ? cost->which : "", cost->language, cost->engine);
    put_measure(to, cost->unit, &cost->value);
    fputs(",,,,\r\n", to);
}

void csv_show(const struct report *report, FILE *to)
{
    fputs("what,case,language,engine,workers,unit,median,low,high,runs,outliers,speedup,speedup_low,speedup_high,verdict\r\n", to);
    if (!report->agree)
        return;
    for (int w = 0; w < WORKS_N; w++)
        for (int i = 0; i < CONTENDERS_N; i++)
            if (report->jobs[w].rows[i].time.runs)
                put_row(to, &report->jobs[w], &report->jobs[w].rows[i]);
    for (size_t i = 0; i < report->costs.n; i++)
        put_cost(to, &report->costs.cost[i]);
}
