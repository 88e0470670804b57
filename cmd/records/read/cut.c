/* cut.c - most files are even: every row has as many fields as the header. Then each n_fields-th end is that of a row, and columns are
 * filled one by one, each with every n_fields-th end from one on. That a stretch is even is seen from its newlines: if there are `rows`
 * of them in all, and the ends at which rows should end are `rows` newlines, then no other end is one.
 *
 *      ends     ,  ,  \n  ,  ,  \n  ,  ,  \n  ,
 *      row 0   '--------'                        3 fields, 3 newlines at the ends 2, 5, 8: even
 *      row 1            '--------'               the rest waits for the next step
 *
 * Other stretches go row by row. */
#include "records/read/cut.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int cut_init(struct cut *cut, const struct shape *shape)
{
    *cut = (struct cut){ .shape = shape };
    odds_init(&cut->odds);
    cut->ends = malloc(((size_t)shape->n_fields + CUT_STEP + 64) * sizeof *cut->ends);
    cut->row = malloc((BATCH_ROWS + 1) * sizeof *cut->row);
    cut->columns = aligned_alloc(64, ((size_t)shape->n_used + 1) * 2 * BATCH_ROWS * sizeof *cut->columns);  /* (+ 1: never of 0 bytes) */
    if (cut->ends && cut->row && cut->columns)
        return 0;
    cut_fini(cut);
    return -ENOMEM;
}

void cut_fini(struct cut *cut)
{
    free(cut->ends);
    free(cut->row);
    free(cut->columns);
}

void cut_begin(struct cut *cut, uint32_t row_at)
{
    cut->next = cut->n = cut->newlines = cut->even = cut->beyond = 0;
    cut->row_at = cut->field_at = row_at;
    cut_next_batch(cut);
}

void cut_next_batch(struct cut *cut)
{
    cut->n_rows = 0;
    cut->row[0] = cut->row_at;
}

/* ---- ends ---------------------------------------------------------------------------------------------------------------- */

/* How many rows, of those that are whole, have n_fields fields: all or none, as far as is known. */
static uint32_t count_even(const struct cut *cut)
{
    const uint32_t *end = cut->ends + cut->next + cut->shape->n_fields - 1;
    uint32_t others = 0;
    if ((uint64_t)cut->newlines * cut->shape->n_fields > cut->n - cut->next)
        return 0;
    for (uint32_t i = 0; i < cut->newlines; i++)
        others |= (uint32_t)(cut->text[end[(size_t)i * cut->shape->n_fields]] ^ '\n');
    return others ? 0 : cut->newlines;
}

/* The ends of a row that has begun come first, of which those beyond n_fields need only be counted: so there is always room for a step. */
uint32_t *cut_room(struct cut *cut)
{
    uint32_t n = cut->n - cut->next, kept = n < cut->shape->n_fields ? n : cut->shape->n_fields;
    if (cut->next > 0)
        memmove(cut->ends, cut->ends + cut->next, kept * sizeof *cut->ends);
    cut->beyond += n - kept;
    cut->next = 0;
    cut->n = kept;
    return cut->ends + kept;
}

void cut_add(struct cut *cut, size_t n, size_t newlines)
{
    cut->n += (uint32_t)n;
    if (n > 0)
        cut->field_at = cut->ends[cut->n - 1] + 1;
    cut->newlines = (uint32_t)newlines;
    cut->even = count_even(cut);
}

void cut_add_below(struct cut *cut, size_t n, uint32_t to)
{
    const uint32_t *ends = cut->ends + cut->n;
    size_t kept = 0, newlines = 0;
    for (; kept < n && ends[kept] < to; kept++)
        newlines += cut->text[ends[kept]] == '\n';
    cut_add(cut, kept, newlines);
}

void cut_shift(struct cut *cut, uint32_t by)
{
    for (uint32_t i = cut->next; i < cut->n; i++)
        cut->ends[i] -= by;
    cut->row_at -= by;
    cut->field_at -= by;
    cut->row[0] = cut->row_at;
}

/* ---- even rows ----------------------------------------------------------------------------------------------------------- */

static uint32_t *column_begins(const struct cut *cut, uint32_t k)
{
    return cut->columns + (size_t)k * 2 * BATCH_ROWS;
}

static uint32_t *column_ends(const struct cut *cut, uint32_t k)
{
    return column_begins(cut, k) + BATCH_ROWS;
}

/* The \r of a \r\n at `newline` is not of the field that begins at `begin`. */
static inline bool has_cr(const char *text, uint32_t begin, uint32_t newline)
{
    return newline > begin && text[newline - 1] == '\r';
}

static void add_odd(struct cut *cut, enum odd_kind kind, uint32_t row_at)
{
    odds_add(&cut->odds, kind, 1, cut->at + row_at);
}

/* Where the rows begin. How many of them end with \r\n is only counted; where, is looked up if there are any. */
static void fill_rows(struct cut *cut, uint32_t rows)
{
    const uint32_t n_fields = cut->shape->n_fields, *end = cut->ends + cut->next + n_fields - 1;
    uint32_t *row = cut->row + cut->n_rows;
    uint64_t crs = 0;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t newline = end[(size_t)i * n_fields];
        row[i + 1] = newline + 1;
        crs += has_cr(cut->text, row[i], newline);
    }
    if (crs == 0)
        return;
    uint32_t first = 0;
    while (!has_cr(cut->text, row[first], row[first + 1] - 1))
        first++;
    odds_add(&cut->odds, ODD_CRLF, crs, cut->at + row[first]);
}

static void fill_column(struct cut *cut, uint32_t k, uint32_t rows)
{
    const uint32_t n_fields = cut->shape->n_fields, column = cut->shape->used[k], *ends = cut->ends + cut->next + column;
    uint32_t *restrict begin = column_begins(cut, k) + cut->n_rows, *restrict end = column_ends(cut, k) + cut->n_rows;
    if (column == 0)
        memcpy(begin, cut->row + cut->n_rows, rows * sizeof *begin);
    else {
        const uint32_t *before = ends - 1;
        for (uint32_t i = 0; i < rows; i++)
            begin[i] = before[(size_t)i * n_fields] + 1;
    }
    for (uint32_t i = 0; i < rows; i++)
        end[i] = ends[(size_t)i * n_fields];
    if (column == n_fields - 1)
        for (uint32_t i = 0; i < rows; i++)
            end[i] -= has_cr(cut->text, begin[i], end[i]);
}

/* An empty row has one field, and is no row where that is not the only column: such stretches are not even, but for one column. */
static void cut_even(struct cut *cut, uint32_t rows)
{
    fill_rows(cut, rows);
    for (uint32_t k = 0; k < cut->shape->n_used; k++)
        fill_column(cut, k, rows);
    cut->next += rows * cut->shape->n_fields;
    cut->newlines -= rows;
    cut->even -= rows;
    cut->n_rows += rows;
    cut->row_at = cut->row[cut->n_rows];
}

/* ---- any row ------------------------------------------------------------------------------------------------------------- */

static int check_fields(struct cut *cut, uint64_t fields, struct flaw *ret_flaw)
{
    uint32_t expected = cut->shape->n_fields;
    if (fields == expected)
        return 0;
    if (!cut->shape->is_lenient)
        return flaw_set(ret_flaw, FLAW_FIELDS, cut->at + cut->row_at, "expected %" PRIu32 " field%s, found %" PRIu64, expected,
                        expected == 1 ? "" : "s", fields);
    add_odd(cut, fields < expected ? ODD_SHORT_ROW : ODD_LONG_ROW, cut->row_at);
    return 0;
}

/* Field `column` of the row at row_at, which has `fields`, ends at `ends`, and its last one at `stop`: empty if there is none. */
static void fill_field(struct cut *cut, uint32_t k, const uint32_t *ends, uint64_t fields, uint32_t stop)
{
    uint32_t column = cut->shape->used[k], begin = stop, end = stop;
    if (column < fields)
        begin = column > 0 ? ends[column - 1] + 1 : cut->row_at;
    if (column + UINT64_C(1) < fields)
        end = ends[column];
    column_begins(cut, k)[cut->n_rows] = begin;
    column_ends(cut, k)[cut->n_rows] = end;
}

/* The row at row_at: up to the first newline among the ends, or to the last end that there is. */
static int cut_row(struct cut *cut, bool has_newline, struct flaw *ret_flaw)
{
    const uint32_t *ends = cut->ends + cut->next;
    uint32_t i = 0;
    while (cut->next + i + 1 < cut->n && cut->text[ends[i]] != '\n')
        i++;
    uint32_t newline = ends[i], stop = newline, last_field = i > 0 ? ends[i - 1] + 1 : cut->row_at;
    uint64_t fields = (uint64_t)i + 1 + cut->beyond;
    if (has_newline && has_cr(cut->text, last_field, newline)) {
        add_odd(cut, ODD_CRLF, cut->row_at);
        stop--;
    }
    bool is_blank = stop == cut->row_at && cut->shape->n_fields > 1;
    if (is_blank)
        add_odd(cut, ODD_BLANK_LINE, cut->row_at);
    else if (check_fields(cut, fields, ret_flaw))
        return ret_flaw->kind;
    else {
        for (uint32_t k = 0; k < cut->shape->n_used; k++)
            fill_field(cut, k, ends, fields, stop);
        cut->n_rows++;
    }
    cut->next += i + 1;
    cut->beyond = 0;
    cut->row_at = newline + has_newline;
    cut->row[cut->n_rows] = cut->row_at;
    return 0;
}

int cut_rows(struct cut *cut, uint32_t most, struct flaw *ret_flaw)
{
    while (cut->newlines > 0 && most > 0 && cut->n_rows < BATCH_ROWS) {
        uint32_t room = BATCH_ROWS - cut->n_rows, rows = cut->even < most ? cut->even : most;
        if (rows > 0) {
            rows = rows < room ? rows : room;
            cut_even(cut, rows);
            most -= rows;
            continue;
        }
        if (cut_row(cut, true, ret_flaw))
            return ret_flaw->kind;
        cut->newlines--;
        most--;
    }
    return 0;
}

int cut_last(struct cut *cut, uint32_t end, struct flaw *ret_flaw)
{
    *cut_room(cut) = end;
    cut->n++;
    add_odd(cut, ODD_LAST_LINE, cut->row_at);
    return cut_row(cut, false, ret_flaw);
}

void cut_batch(const struct cut *cut, struct batch *ret_batch)
{
    ret_batch->n = cut->n_rows;
    ret_batch->text = cut->text;
    ret_batch->at = cut->at;
    ret_batch->row = cut->row;
    for (uint32_t k = 0; k < cut->shape->n_used; k++) {
        ret_batch->begin[k] = column_begins(cut, k);
        ret_batch->end[k] = column_ends(cut, k);
    }
}
