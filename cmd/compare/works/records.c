/* records.c - prong_reduce over the bytes of the file; a row belongs to the piece in which it starts.
 *
 * The size of the pieces is fixed, so that every engine, with any number of workers, adds and folds the same rows in the same
 * order: the same bits. The description of the file lies in memory that the pool gave, since that is where every worker sees
 * it at the same address; the record, which is copied for each piece, points to it. */
#include "compare/works/records.h"

#include "compare/input/dataset.h"
#include "compare/works/moments.h"
#include "interrupt.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PIECE_BYTES = 256 << 10 };   /* a fraction of a millisecond: enough pieces to balance, few enough to cost nothing */

struct partial {
    const struct csv *csv;
    struct moments moments;
};

static int take_rows(uint64_t lo, uint64_t hi, void *record)
{
    struct partial *partial = record;
    const struct csv *csv = partial->csv;
    struct rows *rows;
    struct row row;
    struct flaw flaw;
    double cells[2];
    if (interrupt_came())
        return prong_fail(ECANCELED, "interrupted");
    int r = rows_begin(&csv->file, csv->first, lo, hi, &rows, &flaw);
    while (r == 0 && (r = rows_next(rows, &row, &flaw)) == 0 && (r = csv_cells(csv, &row, cells, &flaw)) == 0)
        moments_add(&partial->moments, cells[0], cells[1]);
    return r == ROWS_END ? 0 : flaw_fail_run(&flaw);
}

static void fold(void *into, const void *piece)
{
    struct partial *left = into;
    const struct partial *right = piece;
    moments_fold(&left->moments, &right->moments);
}

static void give(const struct moments *m, struct figures *ret_figures)
{
    figures_add_count(ret_figures, "rows", m->n);
    figures_add_real(ret_figures, "mean_a", m->mean[0]);
    figures_add_real(ret_figures, "deviation_a", moments_deviation(m, 0));
    figures_add_real(ret_figures, "mean_b", m->mean[1]);
    figures_add_real(ret_figures, "deviation_b", moments_deviation(m, 1));
    figures_add_real(ret_figures, "correlation", moments_correlation(m));
    figures_add_real(ret_figures, "sum_of_products", m->raw_products);
}

static int say_end(const struct csv *csv, int r, const prong_error *end)
{
    struct flaw flaw;
    if (r > 0 && flaw_of_run(end, &flaw))
        return csv_say_flaw(csv, &flaw);
    return work_say_end(r, end);
}

static int run(prong_pool *pool, const struct plan *plan, struct outcome *outcome)
{
    prong_error end;
    struct csv *csv = prong_alloc(pool, sizeof *csv, PRONG_READ);
    if (!csv)
        return work_say_end(-1, &end);
    *csv = plan->csv;
    csv->file.id = rows_new_id();       /* so that each run opens the file for itself: from open file to result */
    struct partial identity = { .csv = csv }, result;
    int r = prong_reduce(pool, 0, csv->file.size, PIECE_BYTES, take_rows, fold, &identity, sizeof identity, &result, &end);
    prong_free(pool, csv);
    if (r != 0)
        return say_end(&plan->csv, r, &end);
    give(&result.moments, &outcome->figures);
    return SAY_OK;
}

static int prepare(struct plan *plan)
{
    char path[PATH_MAX];
    if (plan->input) {
        snprintf(plan->source, sizeof plan->source, "%s", plan->input);
        return csv_look(plan->input, plan->columns, &plan->csv);
    }
    int status = dataset_get(path, plan->source, sizeof plan->source);
    return status == SAY_OK ? csv_look(path, plan->columns, &plan->csv) : status;
}

static void describe(const struct plan *plan, char *buf, size_t size)
{
    snprintf(buf, size, "%.1f MB divided over %u %s; a is %s, b is %s", (double)plan->csv.file.size / 1e6, plan->workers,
             plan->workers == 1 ? "worker" : "workers", plan->csv.name[0], plan->csv.name[1]);
}

const struct work records_work = { .name = "records", .prepare = prepare, .run = run, .describe = describe };
