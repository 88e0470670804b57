/* input.c - columns by name, and a query over them. */
#include "compare/input/input.h"

#include "nearest.h"
#include "say.h"
#include "text.h"

#include <prong.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKED_AT = 200 /* columns, where none are named */, NAMES_SHOWN = 12 };

/* ---- the query ----------------------------------------------------------------------------------------------------------- */

const char *const input_figure[INPUT_QUERIES] = { "rows", "mean_a", "deviation_a", "mean_b", "deviation_b", "correlation", "sum_of_products" };
static const char *const pattern[INPUT_QUERIES] = { "count()", "mean($a)", "stddev($a)", "mean($b)", "stddev($b)", "corr($a, $b)", "sum($a * $b)" };

/* In back quotes, whatever it holds. */
static void add_name(char *buf, size_t size, const char *name)
{
    text_add(buf, size, "`");
    for (; *name; name++)
        text_add(buf, size, *name == '`' ? "``" : "%c", *name);
    text_add(buf, size, "`");
}

static void write_query(const char *text, const struct input *input, char *buf, size_t size)
{
    buf[0] = '\0';
    for (; *text; text++) {
        if (*text != '$')
            text_add(buf, size, "%c", *text);
        else
            add_name(buf, size, input->name[*++text == 'b']);
    }
}

static const struct job_opts as_usual = { .source = { .quote = '"', .has_header = true }, .point = '.' };

/* ---- which columns ------------------------------------------------------------------------------------------------------- */

static int say_columns(const struct columns *columns)
{
    char names[512] = "";
    uint32_t n = columns->n < NAMES_SHOWN ? columns->n : NAMES_SHOWN;
    for (uint32_t i = 0; i < n; i++)
        text_add(names, sizeof names, "%s%.30s", i ? ", " : "", columns->name[i]);
    say_hint("its columns: %s%s", names, columns->n > n ? ", ..." : "");
    return SAY_BAD_INPUT;
}

static int take_name(const struct columns *columns, const char *path, const char *name, size_t size, char ret_name[INPUT_NAME_SIZE])
{
    if (size >= INPUT_NAME_SIZE)
        return say_error(SAY_BAD_INPUT, "--columns: a name of %zu bytes is too long", size);
    memcpy(ret_name, name, size);
    ret_name[size] = '\0';
    for (uint32_t i = 0; i < columns->n; i++)
        if (strcmp(columns->name[i], ret_name) == 0)
            return SAY_OK;
    const char *near = nearest_of(ret_name, columns->name, columns->n);
    (void)say_error(SAY_BAD_INPUT, "%s: there is no column '%s'", path, ret_name);
    if (!near)
        return say_columns(columns);
    say_hint("did you mean '%s'?", near);
    return SAY_BAD_INPUT;
}

static int take_names(const struct columns *columns, const char *named, struct input *input)
{
    const char *comma = strchr(named, ',');
    if (!comma || strchr(comma + 1, ',')) {
        (void)say_error(SAY_USAGE, "--columns takes two names with a comma between, found '%s'", named);
        say_hint("--columns price,weight");
        return SAY_USAGE;
    }
    int status = take_name(columns, input->path, named, (size_t)(comma - named), input->name[0]);
    return status == SAY_OK ? take_name(columns, input->path, comma + 1, strlen(comma + 1), input->name[1]) : status;
}

/* The first value of a column is a number if all of them are: so `first` tells which to take. */
static int pick_names(const struct records_job *job, const struct results *firsts, struct input *input)
{
    int n = 0;
    for (uint32_t i = 0; i < firsts->n_columns && n < 2; i++)
        if (firsts->cell[i].kind == VALUE_NUMBER || firsts->cell[i].kind == VALUE_REAL) {
            if (strlen(job->sources.columns.name[i]) < INPUT_NAME_SIZE)
                strcpy(input->name[n++], job->sources.columns.name[i]);
        }
    if (n == 2)
        return SAY_OK;
    (void)say_error(SAY_BAD_INPUT, "%s: expected two columns with numbers and nothing else, found %s", input->path, n ? "one" : "none");
    say_hint("--columns A,B names two");
    return SAY_BAD_INPUT;
}

static int find_names(struct records_job *job, struct input *input)
{
    static char query[LOOKED_AT][INPUT_QUERY_SIZE];
    const char *queries[LOOKED_AT];
    struct job_result result;
    prong_pool *pool;
    uint32_t n = job->sources.columns.n < LOOKED_AT ? job->sources.columns.n : LOOKED_AT;
    for (uint32_t i = 0; i < n; i++) {
        query[i][0] = '\0';
        text_add(query[i], sizeof query[i], "first(");
        add_name(query[i], sizeof query[i], job->sources.columns.name[i]);
        text_add(query[i], sizeof query[i], ")");
        queries[i] = query[i];
    }
    job->opts.query = (struct query){ .aggregates = queries, .n_aggregates = n };
    if (prong_pool_open(&(prong_pool_opts){ .engine = "threads" }, &pool) < 0)
        return say_error(SAY_MISSING, "%s", prong_last_error());
    int status = job_run(job, pool, true, &result);
    if (status == SAY_OK) {
        status = pick_names(job, &result.results, input);
        job_result_free(&result);
    }
    (void)prong_pool_close(pool, PRONG_NEVER);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

static int choose(const char *columns, struct input *input)
{
    struct job_opts opts = as_usual;
    struct records_job job;
    static const char *const count[] = { "count()" };
    const char *files[] = { input->path };
    opts.query = (struct query){ .aggregates = count, .n_aggregates = 1 };
    int status = job_open(&job, &opts, files, 1);
    if (status != SAY_OK)
        return status;
    status = columns ? take_names(&job.sources.columns, columns, input) : find_names(&job, input);
    input->bytes = job.sources.file[0].size;
    job_close(&job);
    return status;
}

int input_open(const char *path, const char *columns, struct input *ret_input)
{
    struct job_opts opts = as_usual;
    struct input *input = ret_input;
    const char *files[] = { input->path };
    memset(input, 0, sizeof *input);
    if (strcmp(path, "-") == 0) {
        (void)say_error(SAY_BAD_INPUT, "--input: standard input can be read but once");
        say_hint("put it into a file: it is read once for each engine and round");
        return SAY_BAD_INPUT;
    }
    snprintf(input->path, sizeof input->path, "%s", path);
    int status = choose(columns, input);
    if (status != SAY_OK)
        return status;
    for (int i = 0; i < INPUT_QUERIES; i++) {
        write_query(pattern[i], input, input->query[i], sizeof input->query[i]);
        input->queries[i] = input->query[i];
    }
    opts.query = (struct query){ .aggregates = input->queries, .n_aggregates = INPUT_QUERIES };
    status = job_open(&input->job, &opts, files, 1);
    if (status == SAY_OK)
        snprintf(input->path, sizeof input->path, "%s", input->job.sources.file[0].path);
    return status;
}

void input_close(struct input *input)
{
    job_close(&input->job);
    *input = (struct input){ 0 };
}
