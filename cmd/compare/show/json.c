/* json.c - the schema prong.compare/1. What is not known, not defined or not measured is null. */
#include "json.h"

#include "compare/report.h"

static void put_machine(struct json *w, const struct report *report)
{
    const struct machine *machine = &report->machine;
    json_begin(w, "machine", '{');
    json_put_count(w, "cpus_usable", machine->cpus_usable);
    json_put_count(w, "cpus_online", machine->cpus_online);
    json_put_string_or_null(w, "model", machine->model);
    json_put_count_or_null(w, "memory_bytes", machine->memory_bytes);
    json_put_string(w, "kernel", machine->kernel);
    json_put_string(w, "architecture", machine->architecture);
    json_put_real_or_null(w, "pressure_before", machine->pressure_before, machine->pressure_before >= 0);
    json_put_real_or_null(w, "pressure_during", machine->pressure_during, machine->pressure_during >= 0);
    json_put_real_or_null(w, "steal_before", machine->steal_before, machine->steal_before >= 0);
    json_put_real_or_null(w, "steal_during", machine->steal_during, machine->steal_during >= 0);
    json_put_real_or_null(w, "cores_before", machine->cores_before, machine->cores_before > 0);
    json_put_real_or_null(w, "cores_during", machine->cores_during, machine->cores_during > 0);
    json_begin_flat(w, "engines", '[');
    for (int i = 0; i < PYTHON_SERIAL; i++)
        if (contender_is_in(&report->contenders[i]) && !report->contenders[i].is_ready)
            json_put_string(w, NULL, report->contenders[i].kind);
    json_end(w, ']');
    json_put_string_or_null(w, "python", report->python);
    if (report->python_gil < 0)
        json_put_null(w, "gil");
    else
        json_put_bool(w, "gil", report->python_gil);
    json_end(w, '}');
}

static void put_quiet(struct json *w, const struct machine *machine)
{
    char why[256];
    bool is_known, is_quiet = machine_is_quiet(machine, &is_known, why, sizeof why);
    if (is_known)
        json_put_bool(w, "quiet", is_quiet);
    else
        json_put_null(w, "quiet");
    json_put_string_or_null(w, "busy_because", why);
}

static void put_missing(struct json *w, const struct report *report)
{
    json_begin(w, "missing", '[');
    for (int i = 0; i < CONTENDERS_N; i++) {
        const struct contender *c = &report->contenders[i];
        if (!c->is_missing || c->is_left_out)
            continue;
        json_begin(w, NULL, '{');
        json_put_string(w, "language", c->language);
        json_put_string(w, "engine", c->engine);
        json_put_string(w, "why", c->why);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static void put_input(struct json *w, const struct report *report)
{
    const struct setup *setup = report->setup;
    if (report->jobs[WORK_RECORDS].is_left_out) {
        json_put_null(w, "input");
        return;
    }
    json_begin(w, "input", '{');
    json_put_string(w, "source", setup->source);
    json_put_string(w, "path", setup->records.path);
    json_put_count_or_null(w, "bytes", setup->records.bytes);
    json_begin_flat(w, "columns", '[');
    json_put_string(w, NULL, setup->records.name[0]);
    json_put_string(w, NULL, setup->records.name[1]);
    json_end(w, ']');
    json_end(w, '}');
}

/* ---- works --------------------------------------------------------------------------------------------------------------- */

static void put_ratio(struct json *w, const struct ratio *ratio)
{
    json_put_real_or_null(w, "speedup", ratio->value, ratio->value > 0);
    json_put_real_or_null(w, "speedup_low", ratio->low, ratio->value > 0);
    json_put_real_or_null(w, "speedup_high", ratio->high, ratio->value > 0);
}

static void put_time(struct json *w, const struct measure *time)
{
    json_put_real(w, "median_s", time->median);
    json_put_real(w, "low_s", time->low);
    json_put_real(w, "high_s", time->high);
    json_put_real_or_null(w, "confidence", time->confidence, time->confidence > 0);
    json_put_count(w, "runs", time->runs);
    json_put_count(w, "outliers", time->outliers);
}

/* [begin, end, slot] of each run of the last job, in seconds since its start. */
static void put_spans(struct json *w, const struct outcome *outcome)
{
    json_begin_flat(w, "spans", '[');
    for (size_t i = 0; i < outcome->n_spans; i++) {
        json_begin(w, NULL, '[');
        json_put_real(w, NULL, outcome->spans[i].begin);
        json_put_real(w, NULL, outcome->spans[i].end);
        json_put_count(w, NULL, outcome->spans[i].slot);
        json_end(w, ']');
    }
    json_end(w, ']');
}

static void put_row(struct json *w, const struct job *job, const struct job_row *row)
{
    const char *verdict = verdict_word(row->verdict);
    json_begin(w, NULL, '{');
    json_put_string(w, "work", job->work->name);
    json_put_string(w, "language", row->contender->language);
    json_put_string(w, "engine", row->contender->engine);
    json_put_count(w, "workers", row->workers);
    json_put_bool(w, "agree", job->agree);
    put_time(w, &row->time);
    put_ratio(w, &row->speedup);
    json_put_string_or_null(w, "verdict", verdict ? verdict : "");
    json_begin_flat(w, "seconds", '[');
    for (uint32_t i = 0; i < row->time.runs; i++)
        json_put_real(w, NULL, row->seconds[i]);
    json_end(w, ']');
    put_spans(w, &row->last);
    json_end(w, '}');
}

static void put_rows(struct json *w, const struct report *report)
{
    json_begin(w, "rows", '[');
    for (int k = 0; k < WORKS_N; k++)
        for (int i = 0; i < CONTENDERS_N; i++)
            if (report->agree && report->jobs[k].rows[i].time.runs)
                put_row(w, &report->jobs[k], &report->jobs[k].rows[i]);
    json_end(w, ']');
}

static void put_steps(struct json *w, const struct report *report)
{
    json_begin(w, "steps", '[');
    for (size_t i = 0; i < report->n_steps; i++) {
        const struct step *step = &report->steps[i];
        json_begin(w, NULL, '{');
        json_put_string(w, "work", step->work);
        json_put_string(w, "language", "c");
        json_put_string(w, "engine", step->engine);
        json_put_count(w, "workers", step->workers);
        put_time(w, &step->time);
        put_ratio(w, &step->speedup);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static void put_figures(struct json *w, const char *key, const struct figures *figures)
{
    json_begin(w, key, '{');
    for (size_t i = 0; i < figures->n; i++) {
        const struct figure *figure = &figures->figure[i];
        if (figure->kind == FIGURE_COUNT)
            json_put_count(w, figure->name, figure->bits);
        else
            json_put_real(w, figure->name, figures_real(figure));
    }
    json_end(w, '}');
}

/* What all agree on, by work; or, where they do not, what each contender found. */
static void put_results(struct json *w, const struct report *report)
{
    json_begin(w, "results", '{');
    for (int k = 0; k < WORKS_N; k++) {
        const struct job *job = &report->jobs[k];
        const struct job_row *first = report_first_row(job);
        if (!first)
            continue;
        if (report->agree) {
            put_figures(w, job->work->name, &first->last.figures);
            continue;
        }
        json_begin(w, job->work->name, '{');
        for (int i = 0; i < CONTENDERS_N; i++) {
            char who[64];
            snprintf(who, sizeof who, "%s%s", job->rows[i].has_figures && job->rows[i].contender->python ? "python " : "",
                     report->contenders[i].engine);
            if (job->rows[i].has_figures)
                put_figures(w, who, &job->rows[i].last.figures);
        }
        json_end(w, '}');
    }
    json_end(w, '}');
}

/* ---- costs and advice ---------------------------------------------------------------------------------------------------- */

static void put_cost(struct json *w, const struct cost *cost)
{
    bool is_known = cost->value.runs > 0;
    json_begin(w, NULL, '{');
    json_put_string(w, "cost", cost->cost);
    json_put_string_or_null(w, "case", cost->which ? cost->which : "");
    json_put_string(w, "language", cost->language);
    json_put_string(w, "engine", cost->engine);
    json_put_real_or_null(w, "value", cost->value.median, is_known);
    json_put_string(w, "unit", cost->unit);
    json_put_real_or_null(w, "low", cost->value.low, is_known);
    json_put_real_or_null(w, "high", cost->value.high, is_known);
    json_put_count(w, "runs", cost->value.runs);
    if (!is_known)
        json_put_string(w, "why", cost->why);
    json_end(w, '}');
}

static void put_costs(struct json *w, const struct report *report)
{
    json_begin(w, "costs", '[');
    for (size_t i = 0; i < report->costs.n; i++)
        put_cost(w, &report->costs.cost[i]);
    json_end(w, ']');
}

static void put_advice(struct json *w, const struct report *report)
{
    json_begin(w, "advice", '[');
    for (size_t i = 0; i < report->n_advice; i++) {
        const struct advice *advice = &report->advice[i];
        json_begin(w, NULL, '{');
        json_put_string(w, "work", advice->work);
        json_put_string(w, "language", advice->language);
        json_put_string_or_null(w, "engine", advice->engine ? advice->engine : "");
        json_put_string(w, "why", advice->why);
        json_end(w, '}');
    }
    json_end(w, ']');
    json_begin(w, "notes", '[');
    for (size_t i = 0; i < report->n_notes; i++)
        json_put_string(w, NULL, report->notes[i]);
    json_end(w, ']');
}

void json_show(const struct report *report, FILE *to)
{
    struct json w = { .to = to };
    json_begin(&w, NULL, '{');
    json_put_string(&w, "schema", "prong.compare/1");
    json_put_string(&w, "version", prong_version());
    put_machine(&w, report);
    put_quiet(&w, &report->machine);
    json_put_bool(&w, "agree", report->agree);
    put_missing(&w, report);
    put_input(&w, report);
    put_rows(&w, report);
    put_steps(&w, report);
    put_costs(&w, report);
    put_advice(&w, report);
    put_results(&w, report);
    json_end(&w, '}');
    fputc('\n', to);
}
