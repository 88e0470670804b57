/* json.c - the schema prong.compare/1. What is not known, not defined or not measured is null.
 *
 * A small writer: it knows whether a comma is due, and how deep it is. */
#include "compare/report.h"

#include "compare/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct writer {
    bool comma;
    int depth;
};

/* ---- writing ------------------------------------------------------------------------------------------------------------- */

/* Bytes of the character of UTF-8 that stands here; 0: none does. */
static int character_size(const unsigned char *p)
{
    static const struct { unsigned char mask, lead; uint32_t least; } form[] = {
        { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    for (int n = 1; n <= 4; n++) {
        if ((*p & form[n - 1].mask) != form[n - 1].lead)
            continue;
        uint32_t c = *p & (unsigned char)~form[n - 1].mask;
        for (int i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (p[i] & 0x3f);
        }
        return c < form[n - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
    }
    return 0;
}

static void write_string(const char *text)
{
    putchar('"');
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        int n = character_size(p);
        if (n == 0)
            fputs("\\ufffd", stdout);
        else if (*p == '"' || *p == '\\')
            printf("\\%c", *p);
        else if (*p < ' ')
            printf("\\u%04x", *p);
        else
            printf("%.*s", n, (const char *)p);
        p += n ? n : 1;
    }
    putchar('"');
}

static void next(struct writer *w, const char *key)
{
    printf(w->comma ? ",\n" : w->depth ? "\n" : "");
    printf("%*s", 2 * w->depth, "");
    if (key) {
        write_string(key);
        fputs(": ", stdout);
    }
    w->comma = true;
}

static void begin(struct writer *w, const char *key, char bracket)
{
    next(w, key);
    putchar(bracket);
    w->depth++;
    w->comma = false;
}

static void end(struct writer *w, char bracket)
{
    w->depth--;
    if (w->comma)
        printf("\n%*s", 2 * w->depth, "");
    putchar(bracket);
    w->comma = true;
}

static void put_string(struct writer *w, const char *key, const char *text)
{
    next(w, key);
    write_string(text);
}

static void put_null(struct writer *w, const char *key)
{
    next(w, key);
    fputs("null", stdout);
}

static void put_string_or_null(struct writer *w, const char *key, const char *text)
{
    if (text[0])
        put_string(w, key, text);
    else
        put_null(w, key);
}

static void put_bool(struct writer *w, const char *key, bool value)
{
    next(w, key);
    fputs(value ? "true" : "false", stdout);
}

static void put_count(struct writer *w, const char *key, uint64_t count)
{
    next(w, key);
    printf("%" PRIu64, count);
}

static void put_real(struct writer *w, const char *key, double real)
{
    char buf[TEXT_SIZE];
    next(w, key);
    fputs(isfinite(real) ? text_real(real, buf) : "null", stdout);
}

/* Only where something is known to be more than nothing. */
static void put_count_or_null(struct writer *w, const char *key, uint64_t count)
{
    if (count)
        put_count(w, key, count);
    else
        put_null(w, key);
}

static void put_real_or_null(struct writer *w, const char *key, double real, bool is_known)
{
    put_real(w, key, is_known ? real : NAN);
}

/* ---- the report ---------------------------------------------------------------------------------------------------------- */

static void put_machine(struct writer *w, const struct report *report)
{
    const struct machine *machine = &report->machine;
    begin(w, "machine", '{');
    put_count(w, "cpus_usable", machine->cpus_usable);
    put_count(w, "cpus_online", machine->cpus_online);
    put_string_or_null(w, "model", machine->model);
    put_count_or_null(w, "memory_bytes", machine->memory_bytes);
    put_string(w, "kernel", machine->kernel);
    put_string(w, "architecture", machine->architecture);
    put_real_or_null(w, "pressure_before", machine->pressure_before, machine->pressure_before >= 0);
    put_real_or_null(w, "pressure_during", machine->pressure_during, machine->pressure_during >= 0);
    begin(w, "engines", '[');
    for (int e = 0; e < ENGINES_N; e++)
        if (!report->engines[e].is_missing && !report->engines[e].is_ready)
            put_string(w, NULL, report->engines[e].kind);
    end(w, ']');
    end(w, '}');
}

static void put_quiet(struct writer *w, const struct machine *machine)
{
    bool is_known, is_quiet = machine_is_quiet(machine, &is_known);
    if (is_known)
        put_bool(w, "quiet", is_quiet);
    else
        put_null(w, "quiet");
}

static void put_missing(struct writer *w, const struct report *report)
{
    begin(w, "missing", '[');
    for (int e = 0; e < ENGINES_N; e++) {
        if (!report->engines[e].is_missing)
            continue;
        begin(w, NULL, '{');
        put_string(w, "engine", report->engines[e].name);
        put_string(w, "why", report->engines[e].why);
        end(w, '}');
    }
    end(w, ']');
}

static void put_input(struct writer *w, const struct plan *plan)
{
    begin(w, "input", '{');
    put_string(w, "source", plan->source);
    put_string(w, "path", plan->csv.file.path);
    put_count(w, "bytes", plan->csv.file.size);
    begin(w, "columns", '[');
    put_string(w, NULL, plan->csv.name[0]);
    put_string(w, NULL, plan->csv.name[1]);
    end(w, ']');
    end(w, '}');
}

static void put_row(struct writer *w, const struct work *work, const struct engine *engine, const struct report_row *row)
{
    begin(w, NULL, '{');
    put_string(w, "work", work->name);
    put_string(w, "engine", engine->name);
    put_count(w, "workers", engine->workers);
    put_real(w, "median_s", row->time.median);
    put_real(w, "low_s", row->time.low);
    put_real(w, "high_s", row->time.high);
    put_real(w, "confidence", row->time.confidence);
    put_count(w, "runs", row->time.runs);
    put_real_or_null(w, "speedup", row->speedup, row->speedup > 0);
    end(w, '}');
}

static void put_rows(struct writer *w, const struct report *report)
{
    begin(w, "rows", '[');
    for (int i = 0; i < WORKS_N; i++)
        for (int e = 0; e < ENGINES_N; e++)
            if (report->agree && report->rows[i][e].time.runs)
                put_row(w, works[i], &report->engines[e], &report->rows[i][e]);
    end(w, ']');
}

static void put_costs(struct writer *w, const struct report *report)
{
    begin(w, "costs", '[');
    for (int c = 0; c < REPORT_COSTS_N; c++) {
        const struct report_cost *cost = &report->costs[c];
        if (!report->agree || !cost->time.runs)
            continue;
        begin(w, NULL, '{');
        put_string(w, "cost", cost->cost);
        put_string(w, "engine", cost->engine->name);
        put_null(w, "case");
        put_real(w, "value", cost->time.median);
        put_string(w, "unit", "s");
        put_real(w, "low", cost->time.low);
        put_real(w, "high", cost->time.high);
        put_count(w, "runs", cost->time.runs);
        end(w, '}');
    }
    end(w, ']');
}

static void put_figures(struct writer *w, const char *key, const struct figures *figures)
{
    begin(w, key, '{');
    for (size_t i = 0; i < figures->n; i++) {
        const struct figure *figure = &figures->figure[i];
        if (figure->kind == FIGURE_COUNT)
            put_count(w, figure->name, figure->bits);
        else
            put_real(w, figure->name, figures_real(figure));
    }
    end(w, '}');
}

/* What all agree on, by work; or, where they do not, what each engine found. */
static void put_results(struct writer *w, const struct report *report)
{
    begin(w, "results", '{');
    for (int i = 0; i < WORKS_N; i++) {
        if (report->agree) {
            put_figures(w, works[i]->name, &report->figures[i][report_first_engine(report)]);
            continue;
        }
        begin(w, works[i]->name, '{');
        for (int e = 0; e < ENGINES_N; e++)
            if (!report->engines[e].is_missing)
                put_figures(w, report->engines[e].name, &report->figures[i][e]);
        end(w, '}');
    }
    end(w, '}');
}

void json_show(const struct report *report)
{
    struct writer w = { 0 };
    begin(&w, NULL, '{');
    put_string(&w, "schema", "prong.compare/1");
    put_string(&w, "version", prong_version());
    put_machine(&w, report);
    put_quiet(&w, &report->machine);
    put_bool(&w, "agree", report->agree);
    put_missing(&w, report);
    put_input(&w, report->plan);
    put_rows(&w, report);
    put_costs(&w, report);
    put_results(&w, report);
    end(&w, '}');
    putchar('\n');
}
