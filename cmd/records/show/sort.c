/* sort.c - a number of 64 bits for each row, by its first column, decides nearly all comparisons; the others look at the values. With a
 * limit only so many rows are kept at any time, in a heap, whose top is the first to go. */
#include "records/decimal.h"
#include "records/show/cell.h"
#include "records/show/show.h"

#include "nearest.h"
#include "say.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct by { uint32_t column; bool is_falling; };

struct order {
    const struct results *results;
    struct by *by;
    uint32_t n;
};

struct place_of_row { uint64_t key, row; };

/* ---- comparing ----------------------------------------------------------------------------------------------------------- */

/* Exactly: whole parts first, then what is behind the point, with as many digits. */
static int compare_exact(const struct value *a, const struct value *b)
{
    wide a_unit = (wide)decimal_power(a->scale), b_unit = (wide)decimal_power(b->scale);
    wide a_whole = a->number / a_unit, b_whole = b->number / b_unit;
    if (a_whole != b_whole)
        return a_whole < b_whole ? -1 : 1;
    wide a_rest = a->number % a_unit, b_rest = b->number % b_unit;
    if (a->scale < b->scale)
        a_rest *= (wide)decimal_power(b->scale - a->scale);
    else
        b_rest *= (wide)decimal_power(a->scale - b->scale);
    return (a_rest > b_rest) - (a_rest < b_rest);
}

static int compare_with_real(const struct value *number, double real)
{
    struct decimal d = { .is_negative = number->number < 0, .exponent = -(int64_t)number->scale };
    d.mantissa = number->number < 0 ? -(wide_u)number->number : (wide_u)number->number;
    return decimal_compare(&d, real);
}

static int compare_numbers(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_REAL && b->kind == VALUE_REAL)
        return (a->real > b->real) - (a->real < b->real);
    if (a->kind == VALUE_REAL)
        return -compare_with_real(b, a->real);
    return b->kind == VALUE_REAL ? compare_with_real(a, b->real) : compare_exact(a, b);
}

static int compare_texts(struct text a, struct text b)
{
    int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

enum rank { RANK_NUMBER, RANK_BOOL, RANK_TEXT, RANK_MISSING };

static enum rank rank_of(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NUMBER:
    case VALUE_REAL:
        return RANK_NUMBER;
    case VALUE_BOOL:
        return RANK_BOOL;
    case VALUE_TEXT:
        return RANK_TEXT;
    default:
        return RANK_MISSING;
    }
}

static int compare_values(const struct value *a, const struct value *b, bool is_falling)
{
    enum rank a_rank = rank_of(a), b_rank = rank_of(b);
    if (a_rank == RANK_MISSING || b_rank == RANK_MISSING)
        return (int)(a_rank == RANK_MISSING) - (int)(b_rank == RANK_MISSING);
    int order = a_rank != b_rank ? (int)a_rank - (int)b_rank
        : a_rank == RANK_NUMBER ? compare_numbers(a, b)
        : a_rank == RANK_BOOL ? a->truth - b->truth
        : compare_texts(a->text, b->text);
    return is_falling ? -order : order;
}

static const struct value *cell_of(const struct results *r, uint64_t row, uint32_t column)
{
    return &r->cell[row * r->n_columns + column];
}

/* Never 0 of two rows. */
static int compare_rows(const void *a, const void *b, void *context)
{
    const struct place_of_row *x = a, *y = b;
    const struct order *o = context;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    for (uint32_t i = 0; i < o->n; i++) {
        const struct by *by = &o->by[i];
        int order = compare_values(cell_of(o->results, x->row, by->column), cell_of(o->results, y->row, by->column), by->is_falling);
        if (order)
            return order;
    }
    return x->row < y->row ? -1 : 1;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------- */

/* 62 bits that sort as doubles do; their last two are lost. */
static uint64_t key_of_real(double real)
{
    uint64_t image;
    real = real == 0 ? 0 : real;        /* -0 is 0 */
    memcpy(&image, &real, sizeof image);
    return (image >> 63 ? ~image : image | UINT64_C(1) << 63) >> 2;
}

static uint64_t key_of_text(struct text text)
{
    uint64_t key = 0;
    for (size_t i = 0; i < 8; i++)
        key = key << 8 | (i < text.size ? (unsigned char)text.at[i] : 0);
    return key >> 2;
}

/* Rows with a smaller key come first; those with the same key have to be compared. */
static uint64_t key_of(const struct value *value, bool is_falling)
{
    enum rank rank = rank_of(value);
    uint64_t missing = (uint64_t)RANK_MISSING << 62, key = (uint64_t)rank << 62;
    if (value->kind == VALUE_NUMBER)
        key |= key_of_real(number_real(value->number, value->scale));
    else if (value->kind == VALUE_REAL)
        key |= key_of_real(value->real);
    else if (value->kind == VALUE_BOOL)
        key |= value->truth;
    else if (value->kind == VALUE_TEXT)
        key |= key_of_text(value->text);
    return is_falling && rank != RANK_MISSING ? missing - 1 - key : key;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

/* Moves the first of a heap down to where it belongs: no row comes before those below it. */
static void sink(struct place_of_row *heap, size_t n, size_t at, struct order *o)
{
    struct place_of_row row = heap[at];
    for (;;) {
        size_t below = 2 * at + 1;
        if (below >= n)
            break;
        if (below + 1 < n && compare_rows(&heap[below], &heap[below + 1], o) < 0)
            below++;
        if (compare_rows(&row, &heap[below], o) > 0)
            break;
        heap[at] = heap[below];
        at = below;
    }
    heap[at] = row;
}

/* The first `keep` rows, in order. */
static void choose(struct order *o, struct place_of_row *kept, size_t keep)
{
    const struct results *r = o->results;
    for (uint64_t row = 0; row < r->n_rows; row++) {
        struct place_of_row one = { key_of(cell_of(r, row, o->by[0].column), o->by[0].is_falling), row };
        if (row < keep) {
            kept[row] = one;
            for (size_t at = row == keep - 1 && keep < r->n_rows ? keep / 2 : 0; at-- > 0;)
                sink(kept, keep, at, o);
        } else if (compare_rows(&one, &kept[0], o) < 0) {
            kept[0] = one;
            sink(kept, keep, 0, o);
        }
    }
    qsort_r(kept, keep, sizeof *kept, compare_rows, o);
}

static int reorder(struct results *r, struct order *o, size_t keep)
{
    size_t row_size = r->n_columns * sizeof *r->cell;
    struct place_of_row *kept = malloc((keep ? keep : 1) * sizeof *kept);
    struct value *cell = malloc(keep && row_size ? keep * row_size : 1);
    int status = SAY_OK;
    if (!kept || !cell)
        status = say_error(SAY_WRONG, "no memory to sort %" PRIu64 " rows", r->n_rows);
    else if (keep > 0) {
        choose(o, kept, keep);
        for (size_t i = 0; i < keep; i++)
            memcpy(cell + i * r->n_columns, r->cell + kept[i].row * r->n_columns, row_size);
        memcpy(r->cell, cell, keep * row_size);
    }
    free(cell);
    free(kept);
    return status;
}

/* ---- the option ---------------------------------------------------------------------------------------------------------- */

/* Up to the next comma that stands outside parentheses and quotes: unnamed results have names such as "quantile(x,0.9)". */
static const char *end_of_name(const char *text)
{
    int depth = 0;
    char quote = '\0';
    for (; *text && (*text != ',' || depth > 0 || quote); text++) {
        if (quote)
            quote = *text == quote ? '\0' : quote;
        else if (*text == '\'' || *text == '"' || *text == '`')
            quote = *text;
        else
            depth += (*text == '(') - (*text == ')' && depth > 0);
    }
    return text;
}

static bool find_column(const struct results *r, const char *name, size_t size, uint32_t *ret_column)
{
    for (uint32_t i = 0; i < r->n_columns; i++)
        if (strncmp(r->name[i], name, size) == 0 && r->name[i][size] == '\0') {
            *ret_column = i;
            return true;
        }
    return size >= 2 && name[0] == '`' && name[size - 1] == '`' && find_column(r, name + 1, size - 2, ret_column);
}

static int say_no_column(const struct results *r, const char *name, size_t size)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", size < sizeof word ? (int)size : (int)sizeof word - 1, name);
    (void)say_error(SAY_USAGE, "--sort: the results have no column '%s'", word);
    const char *near = nearest_of(word, r->name, r->n_columns);
    if (near)
        say_hint("did you mean '%s'?", near);
    else if (r->n_columns > 0)
        say_hint("the first of them is '%s'; names are given by NAME=: -a 'n=count()' --sort -n", r->name[0]);
    return SAY_USAGE;
}

static int read_name(const struct results *r, const char *text, const char *end, struct by *ret_by)
{
    while (text < end && *text == ' ')
        text++;
    while (end > text && end[-1] == ' ')
        end--;
    ret_by->is_falling = false;
    if (find_column(r, text, (size_t)(end - text), &ret_by->column))
        return SAY_OK;
    if (text < end && *text == '-') {
        ret_by->is_falling = true;
        text++;
    }
    if (find_column(r, text, (size_t)(end - text), &ret_by->column))
        return SAY_OK;
    return say_no_column(r, text, (size_t)(end - text));
}

int results_sort(struct results *results, const char *sort, uint64_t limit)
{
    uint64_t keep = limit && limit < results->n_rows ? limit : results->n_rows;
    int status = SAY_OK;
    if (sort) {
        struct order order = { .results = results, .by = malloc((strlen(sort) + 1) * sizeof *order.by) };
        const char *end = sort - 1;
        if (!order.by)
            status = say_error(SAY_WRONG, "no memory to sort the rows");
        do {
            const char *name = end + 1;
            end = end_of_name(name);
            if (status == SAY_OK)
                status = read_name(results, name, end, &order.by[order.n++]);
        } while (status == SAY_OK && *end);
        if (status == SAY_OK)
            status = reorder(results, &order, keep);
        free(order.by);
    }
    if (status == SAY_OK)
        results->n_rows = keep;
    return status;
}
