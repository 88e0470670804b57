/* records.c - a job of `prong records` over two columns: count, means, deviations, correlation, sum of products.
 *
 * All of it is exact until its last rounding, so every engine, with any number of workers, finds the same bits. */
#include "compare/works/records.h"

#include "compare/input/orders.h"
#include "records/number.h"
#include "say.h"
#include "text.h"

#include <math.h>
#include <stdio.h>

static void give(const char *name, const struct value *value, struct figures *figures)
{
    if (value->kind == VALUE_NUMBER && value->scale == 0 && value->number >= 0 && value->number <= INT64_MAX)
        figures_add_count(figures, name, (uint64_t)value->number);
    else if (value->kind == VALUE_NUMBER)
        figures_add_real(figures, name, number_real(value->number, value->scale));
    else
        figures_add_real(figures, name, value->kind == VALUE_REAL ? value->real : NAN);
}

static int run(prong_pool *pool, const struct setup *setup, struct outcome *outcome)
{
    struct job_result result;
    int status = job_run(&setup->records.job, pool, false, &result);
    if (status != SAY_OK)
        return status;
    for (int i = 0; i < INPUT_QUERIES; i++)
        give(input_figure[i], &result.results.cell[i], &outcome->figures);
    job_result_free(&result);
    return SAY_OK;
}

static int prepare(struct setup *setup)
{
    char path[PATH_MAX];
    if (setup->input) {
        snprintf(setup->source, sizeof setup->source, "%s", setup->input);
        return input_open(setup->input, setup->columns, &setup->records);
    }
    int status = orders_get(path, setup->source, sizeof setup->source);
    return status == SAY_OK ? input_open(path, setup->columns ? setup->columns : "quantity,unit_price", &setup->records) : status;
}

static void finish(struct setup *setup)
{
    input_close(&setup->records);
}

static void describe(const struct setup *setup, char *buf, size_t size)
{
    const struct input *input = &setup->records;
    char bytes[TEXT_SIZE];
    snprintf(buf, size, "%s divided over %u %s; a is %.60s, b is %.60s", input->bytes ? text_bytes((double)input->bytes, bytes) : "a packed file",
             setup->workers, setup->workers == 1 ? "worker" : "workers", input->name[0], input->name[1]);
}

const struct work records_work = { .name = "records", .prepare = prepare, .finish = finish, .run = run, .describe = describe };
