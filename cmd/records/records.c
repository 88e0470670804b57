/* records.c - the command line of `prong records`: options, one job, its results. */
#include "records/records.h"

#include "records/gen/command.h"
#include "records/language.h"
#include "records/number.h"
#include "records/run/job.h"
#include "records/scan/scan.h"
#include "records/show/show.h"
#include "say.h"
#include "text.h"

#include <prong.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 4096, LIMIT_MAX = INT32_MAX };

struct request {
    const char *where, *keys, *sort, *engine, *header, *delimiter, *quote, *decimal, *output;
    struct words aggregates, files;
    uint32_t limit, workers;
    bool lenient, explain, report;
};

/* ---- what the options mean ----------------------------------------------------------------------------------------------- */

static const char *engine_name(size_t i)
{
    static const char *const names[] = { "threads", "processes", "serial" };
    return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static const char *format_name(size_t i)
{
    static const char *const names[] = { [FORMAT_TABLE] = "table", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json",
                                         [FORMAT_NDJSON] = "ndjson" };
    return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static const char *yes_or_no(size_t i)
{
    static const char *const names[] = { "yes", "no" };
    return i < 2 ? names[i] : NULL;
}

static enum format format_of(const char *name)
{
    size_t i = 0;
    while (name && strcmp(format_name(i), name) != 0)
        i++;
    return (enum format)i;
}

/* One byte, or a word for it. */
static int byte_of(const char *option, const char *text, char otherwise, char *ret_byte)
{
    if (!text)
        *ret_byte = otherwise;
    else if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0)
        *ret_byte = '\t';
    else if (strcmp(text, "none") == 0)
        *ret_byte = 0;
    else if (strlen(text) == 1 && (unsigned char)text[0] < 0x80)
        *ret_byte = text[0];
    else {
        (void)say_error(SAY_USAGE, "%s takes one ASCII character, `tab` or `none`, found '%s'", option, text);
        say_hint("as in %s ';' or %s tab", option, option);
        return SAY_USAGE;
    }
    return SAY_OK;
}

static int refuse(const char *what, const char *hint)
{
    (void)say_error(SAY_USAGE, "%s", what);
    say_hint("%s", hint);
    return SAY_USAGE;
}

static int check_bytes(const struct job_opts *o)
{
    const char delimiter = o->source.delimiter, quote = o->source.quote;
    if (delimiter == '\n' || delimiter == '\r' || quote == '\n' || quote == '\r')
        return refuse("the end of a line can be neither delimiter nor quote", "--delimiter ';' or --quote none");
    if (delimiter && delimiter == quote)
        return refuse("--delimiter and --quote cannot be the same character", "--quote none, if quotes mean nothing");
    if (quote && strchr("0123456789+-.,eE \t", quote))
        return refuse("--quote cannot be what a number may hold", "--quote none, if quotes mean nothing");
    if (o->point != '.' && o->point != ',')
        return refuse("--decimal takes one of . and ,", "--decimal ,");
    return SAY_OK;
}

static int understand(const struct request *request, struct job_opts *ret_opts)
{
    static const char *const count[] = { "count()" };
    struct job_opts o = { .is_lenient = request->lenient };
    o.query = (struct query){ .filter = request->where, .keys = request->keys, .aggregates = request->aggregates.word,
                              .n_aggregates = request->aggregates.n };
    if (!o.query.n_aggregates) {            /* of groups alone one wants to know how large they are */
        o.query.aggregates = count;
        o.query.n_aggregates = request->keys ? 1 : 0;
    }
    o.source.has_header = !request->header || strcmp(request->header, "yes") == 0;
    int status = byte_of("--delimiter", request->delimiter, 0, &o.source.delimiter);
    if (status == SAY_OK)
        status = byte_of("--quote", request->quote, '"', &o.source.quote);
    if (status == SAY_OK)
        status = byte_of("--decimal", request->decimal, '.', &o.point);
    if (status == SAY_OK)
        status = check_bytes(&o);
    *ret_opts = o;
    return status;
}

static int check(const struct request *request)
{
    if (!request->aggregates.n && !request->keys) {
        (void)say_error(SAY_USAGE, "nothing to compute");
        say_hint("prong records -a 'sum(price)' FILE.csv, or -g country for how many of each");
        return SAY_USAGE;
    }
    if (!request->files.n) {
        (void)say_error(SAY_USAGE, "no file to read");
        say_hint("name a file, or - for standard input: prong records -a 'count()' orders.csv");
        return SAY_USAGE;
    }
    return SAY_OK;
}

/* ---- what is told beside the results ------------------------------------------------------------------------------------- */

static void explain(const struct request *request, const prong_pool *pool, const struct job_result *r)
{
    char bytes[TEXT_SIZE], rate[TEXT_SIZE], time[TEXT_SIZE], rows[TEXT_SIZE], kept[TEXT_SIZE];
    double seconds = r->seconds > 0 ? r->seconds : 1e-9;
    say_note("%s in %s: %s a second", text_bytes((double)r->count.bytes, bytes), text_time(r->seconds, time),
             text_bytes((double)r->count.bytes / seconds, rate));
    say_note("%s rows, of which %s kept, in %" PRIu64 " batches", text_count(r->count.rows, rows), text_count(r->count.rows_kept, kept),
             r->count.batches);
    say_note("engine %s, %u %s; %" PRIu64 " pieces of files, %" PRIu64 " texts of streams", request->engine ? request->engine : "threads",
             prong_pool_workers(pool), prong_pool_workers(pool) == 1 ? "worker" : "workers", r->pieces, r->texts);
    say_note("fields are found by %s; numbers and expressions in vectors of %d rows", scan_name(), BATCH_ROWS);
}

static const struct { const char *what, *then; } odd_words[ODDS_N] = {
    [ODD_BLANK_LINE] = { "blank lines", "passed over" },
    [ODD_SHORT_ROW] = { "rows with too few fields", "the others are missing" },
    [ODD_LONG_ROW] = { "rows with too many fields", "those behind the last column are passed over" },
    [ODD_NOT_A_NUMBER] = { "cells that are no number where one is needed", "missing" },
    [ODD_UNDEFINED] = { "undefined values, as of x/0 or sqrt(-1)", "missing" },
    [ODD_CRLF] = { "lines that end with CR LF", "read as LF" },
    [ODD_LAST_LINE] = { "files that do not end with a line end", "read as if they did" },
};

/* All of it if it was asked for; else what may change a result without having been asked for. */
static void report(const struct records_job *job, const struct odds *odds, bool all)
{
    char n[TEXT_SIZE], where[SOURCES_PLACE];
    bool any = false;
    for (int k = 0; k < ODDS_N; k++) {
        const struct odd *odd = &odds->odd[k];
        if (!odd->n || (!all && k != ODD_UNDEFINED))
            continue;
        any = true;
        say_note("%s: %s, %s; the first at %s", odd_words[k].what, text_count(odd->n, n), odd_words[k].then,
                 sources_place(&job->sources, odd->first, odd->line, where));
    }
    if (all && !any)
        say_note("nothing was odd");
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

static int open_pool(const struct request *request, prong_pool **ret_pool)
{
    const char *engine = request->engine ? request->engine : "threads";
    uint32_t workers = strcmp(engine, "serial") == 0 ? 1 : request->workers;
    if (prong_pool_open(&(prong_pool_opts){ .engine = engine, .workers = workers }, ret_pool) < 0)
        return say_error(SAY_MISSING, "%s", prong_last_error());
    return SAY_OK;
}

static int show(const struct request *request, const struct records_job *job, const prong_pool *pool, struct job_result *result)
{
    int status = results_sort(&result->results, request->sort, request->limit);
    if (status != SAY_OK)
        return status;
    results_show(&result->results, format_of(request->output), stdout);
    (void)fflush(stdout);
    report(job, &result->odds, request->report);
    if (request->explain)
        explain(request, pool, result);
    return SAY_OK;
}

static int run(const struct request *request, const struct records_job *job)
{
    struct job_result result;
    prong_pool *pool;
    int status = open_pool(request, &pool);
    if (status != SAY_OK)
        return status;
    status = job_run(job, pool, true, &result);
    if (status == SAY_OK) {
        status = show(request, job, pool, &result);
        job_result_free(&result);
    }
    (void)prong_pool_close(pool, PRONG_NEVER);
    return status;
}

static int compute(const struct request *request)
{
    struct job_opts opts;
    struct records_job job;
    int status = check(request);
    if (status == SAY_OK)
        status = understand(request, &opts);
    if (status == SAY_OK)
        status = job_open(&job, &opts, request->files.word, request->files.n);
    if (status != SAY_OK)
        return status;
    status = run(request, &job);
    job_close(&job);
    return status;
}

static int run_command(int argc, char *const argv[])
{
    if (argc > 1 && strcmp(argv[1], "gen") == 0)
        return gen_command.run(argc - 1, argv + 1);
    struct request request = { 0 };
    int status = options_read(&records_command, &request, argc, argv);
    if (status == SAY_OK)
        status = compute(&request);
    words_free(&request.aggregates);
    words_free(&request.files);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    { .group = "What to compute", .name = "--aggregate", .letter = "-a", .value = "[NAME=]AGGREGATE", .kind = OPTION_EACH,
      .at = AT(aggregates), .help = "a result for each group, such as 'rev=sum(price*quantity)'; may be given several times" },
    { .name = "--by", .letter = "-g", .value = "[NAME=]KEY,...", .kind = OPTION_TEXT, .at = AT(keys),
      .help = "groups: columns or expressions (default: all rows are one group)" },
    { .name = "--where", .letter = "-w", .value = "FILTER", .kind = OPTION_TEXT, .at = AT(where),
      .help = "only rows for which this is true" },
    { .name = "--sort", .value = "[-]NAME,...", .kind = OPTION_TEXT, .at = AT(sort),
      .help = "order of the results; - means falling (default: as groups first appear)" },
    { .name = "--limit", .value = "N", .kind = OPTION_COUNT, .most = LIMIT_MAX, .at = AT(limit), .help = "the first N results alone" },
    { .group = "How to run", .name = "--engine", .value = "ENGINE", .kind = OPTION_CHOICE, .at = AT(engine), .names = engine_name,
      .help = "threads (default), processes or serial: the results are the same, bit for bit" },
    { .name = "--workers", .letter = "-j", .value = "N", .kind = OPTION_COUNT, .most = WORKERS_MAX, .at = AT(workers),
      .help = "workers (default: one per CPU that may be used)" },
    { .group = "What the input is like", .name = "--header", .value = "yes|no", .kind = OPTION_CHOICE, .at = AT(header),
      .names = yes_or_no, .help = "no: the first line is a row, and columns are called c1, c2, ..." },
    { .name = "--delimiter", .value = "C", .kind = OPTION_TEXT, .at = AT(delimiter),
      .help = "between fields (default: whichever of , ; tab | the header has most of)" },
    { .name = "--quote", .value = "C", .kind = OPTION_TEXT, .at = AT(quote),
      .help = "around fields (default: \"); `none`: quotes mean nothing" },
    { .name = "--decimal", .value = "C", .kind = OPTION_TEXT, .at = AT(decimal),
      .help = "the decimal point (default: .), as in --decimal ," },
    { .name = "--lenient", .kind = OPTION_FLAG, .at = AT(lenient),
      .help = "go on with rows that are too short or too long and with text where a number is needed",
      .more = "What is missing in a short row is a missing value, what is too much in a long one is passed over, and text where a number "
              "is needed is a missing value. How often that was so is told by --report. Quotes that do not pair up stay an error: where a "
              "row ends is not known then." },
    { .group = "How to show it", .name = "--output", .letter = "-o", .value = "FORMAT", .kind = OPTION_CHOICE, .at = AT(output),
      .names = format_name, .help = "table (default), csv, json or ndjson" },
    { .name = "--report", .kind = OPTION_FLAG, .at = AT(report),
      .help = "tell what was odd in the input, how often, and where first" },
    { .name = "--explain", .kind = OPTION_FLAG, .at = AT(explain), .help = "tell how it was done: pieces, workers, bytes a second" },
    { 0 }
};
#undef AT

static const struct explained exits[] = {
    { "0", "the results are complete" },
    { "1", "a worker failed: no result" },
    { "2", "wrong usage, or a query that is not understood" },
    { "3", "this machine lacks something that was asked for" },
    { "4", "bad input: no result" },
    { "130", "interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP" },
    { 0 }
};

static const struct explained environment[] = {
    { "TERM", "`dumb`: no line of progress" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong records gen --rows 2000000 > orders.csv", "orders of a T-shirt shop, to try it on" },
    { "prong records -a 'sum(quantity*unit_price)' orders.csv", "one number" },
    { "prong records -g country,size -a 'n=count()' --sort -n orders.csv", "groups, the largest first" },
    { "prong records -w 'discount > 0.2' -a 'median(unit_price)' *.csv.gz", "some rows, of packed files" },
    { "prong records -g 'b=floor(unit_price/5)' -o json orders.csv", "a histogram" },
    { 0 }
};

static const struct command *const commands[] = { &gen_command, NULL };

const struct command records_command = {
    .name = "records",
    .summary = "arithmetic and aggregates over millions of records, divided over the cores",
    .about = "Reads CSV files, standard input (-), gzip and zstd; filters, groups and aggregates; prints the results. Numbers are exact as "
             "far as they can be, types are never guessed from a sample, and what is wrong with the input is an error with its place, "
             "never a wrong result.",
    .options = options,
    .sections = records_language,
    .words = "FILE...",
    .words_at = offsetof(struct request, files),
    .exits = exits,
    .environment = environment,
    .examples = examples,
    .commands = commands,
    .run = run_command,
};
