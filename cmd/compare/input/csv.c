/* csv.c - header, columns, cells, and how a flaw in the file is told. */
#include "compare/input/csv.h"

#include "compare/input/number.h"
#include "nearest.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct field {
    const char *text, *end;
};

/* ---- fields -------------------------------------------------------------------------------------------------------------- */

static struct field field_at(const char *text, const char *row_end, char delimiter)
{
    const char *end = memchr(text, delimiter, (size_t)(row_end - text));
    return (struct field){ text, end ? end : row_end };
}

static struct field first_field(const struct row *row, char delimiter)
{
    return field_at(row->text, row->end, delimiter);
}

/* False: that was the last one. */
static bool next_field(const struct row *row, char delimiter, struct field *field)
{
    if (field->end == row->end)
        return false;
    *field = field_at(field->end + 1, row->end, delimiter);
    return true;
}

static uint64_t count_fields(const struct row *row, char delimiter)
{
    uint64_t n = 1;
    for (const char *p = row->text; p < row->end; p++)
        n += *p == delimiter;
    return n;
}

static struct field trimmed(struct field field)
{
    while (field.text < field.end && (*field.text == ' ' || *field.text == '\t'))
        field.text++;
    while (field.end > field.text && (field.end[-1] == ' ' || field.end[-1] == '\t'))
        field.end--;
    return field;
}

static int wrong_count(const struct csv *csv, const struct row *row, uint64_t n, struct flaw *ret_flaw)
{
    return flaw_set(ret_flaw, FLAW_FIELDS, row->at, "expected %" PRIu64 " fields, found %" PRIu64, csv->n_fields, n);
}

static int bad_cell(const struct csv *csv, const struct row *row, int i, struct field cell, struct flaw *ret_flaw)
{
    char found[FLAW_EXCERPT];
    cell = trimmed(cell);
    uint64_t at = row->at + (uint64_t)(cell.text - row->text);
    if (cell.text == cell.end)
        return flaw_set(ret_flaw, FLAW_CELL, at, "expected a number in column '%s', found an empty cell", csv->name[i]);
    return flaw_set(ret_flaw, FLAW_CELL, at, "expected a number in column '%s', found '%s'", csv->name[i],
                    flaw_excerpt(cell.text, cell.end, found));
}

int csv_cells(const struct csv *csv, const struct row *row, double ret_cells[2], struct flaw *ret_flaw)
{
    struct field cell[2], field = first_field(row, csv->delimiter);
    uint64_t n = 0;
    do {
        if (n == csv->column[0])
            cell[0] = field;
        if (n == csv->column[1])
            cell[1] = field;
        n++;
    } while (next_field(row, csv->delimiter, &field));
    if (n != csv->n_fields)
        return wrong_count(csv, row, n, ret_flaw);
    for (int i = 0; i < 2; i++)
        if (!cell_number(cell[i].text, cell[i].end, &ret_cells[i]))
            return bad_cell(csv, row, i, cell[i], ret_flaw);
    return 0;
}

/* ---- which columns ------------------------------------------------------------------------------------------------------- */

static char find_delimiter(const struct row *header)
{
    static const char known[] = { ',', '\t', ';' };
    char best = known[0];
    for (size_t i = 1; i < sizeof known; i++)
        if (count_fields(header, known[i]) > count_fields(header, best))
            best = known[i];
    return best;
}

static void skip_byte_order_mark(struct row *header)
{
    if (header->end - header->text >= 3 && memcmp(header->text, "\xef\xbb\xbf", 3) == 0)
        header->text += 3;
}

static void take_column(struct csv *csv, int i, uint64_t column, struct field name)
{
    char excerpt[FLAW_EXCERPT];
    csv->column[i] = column;
    snprintf(csv->name[i], sizeof csv->name[i], "%s", flaw_excerpt(name.text, name.end, excerpt));
}

/* The names of the columns, for messages: as many as fit on a line or two. */
static void say_columns(const struct csv *csv, const struct row *header)
{
    char line[200] = "";
    size_t used = 0;
    struct field name = first_field(header, csv->delimiter);
    do {
        char excerpt[FLAW_EXCERPT];
        struct field shown = trimmed(name);
        flaw_excerpt(shown.text, shown.end, excerpt);
        if (used + strlen(", ") + strlen(excerpt) + sizeof ", ..." > sizeof line) {
            strcpy(line + used, ", ...");
            break;
        }
        used += (size_t)sprintf(line + used, "%s%s", used ? ", " : "", excerpt);
    } while (next_field(header, csv->delimiter, &name));
    say_hint("the file has these columns: %s", line);
}

/* The header's names one by one against the best so far, since nearest_of wants strings and a header may be long. */
static const char *nearest_column(const struct csv *csv, const struct row *header, const char *wanted, char *ret_buf, size_t size)
{
    struct field name = first_field(header, csv->delimiter);
    const char *best = NULL;
    do {
        char candidate[CSV_NAME_SIZE];
        struct field shown = trimmed(name);
        snprintf(candidate, sizeof candidate, "%.*s", (int)(shown.end - shown.text), shown.text);
        const char *pair[] = { best, candidate };
        if (nearest_of(wanted, pair, 2) == candidate) {
            snprintf(ret_buf, size, "%s", candidate);
            best = ret_buf;
        }
    } while (next_field(header, csv->delimiter, &name));
    return best;
}

static int take_named(struct csv *csv, const struct row *header, int i, struct field wanted)
{
    struct field name = first_field(header, csv->delimiter);
    uint64_t column = 0;
    wanted = trimmed(wanted);
    do {
        struct field found = trimmed(name);
        if (found.end - found.text == wanted.end - wanted.text &&
            memcmp(found.text, wanted.text, (size_t)(found.end - found.text)) == 0) {
            take_column(csv, i, column, found);
            return SAY_OK;
        }
        column++;
    } while (next_field(header, csv->delimiter, &name));

    char text[CSV_NAME_SIZE], buf[CSV_NAME_SIZE];
    snprintf(text, sizeof text, "%.*s", (int)(wanted.end - wanted.text), wanted.text);
    const char *near = nearest_column(csv, header, text, buf, sizeof buf);
    (void)say_error(SAY_BAD_INPUT, "no column '%s', in the header of %s", text, csv->file.path);
    if (near)
        say_hint("did you mean '%s'?", near);
    else
        say_columns(csv, header);
    return SAY_BAD_INPUT;
}

static int take_both_named(struct csv *csv, const struct row *header, const char *columns)
{
    const char *comma = strchr(columns, ',');
    if (!comma || strchr(comma + 1, ',')) {
        (void)say_error(SAY_USAGE, "--columns takes two names with a comma between, found '%s'", columns);
        say_columns(csv, header);
        return SAY_USAGE;
    }
    int status = take_named(csv, header, 0, (struct field){ columns, comma });
    return status == SAY_OK ? take_named(csv, header, 1, (struct field){ comma + 1, columns + strlen(columns) }) : status;
}

static int take_first_numeric(struct csv *csv, const struct row *header, const struct row *row)
{
    struct field name = first_field(header, csv->delimiter), cell = first_field(row, csv->delimiter);
    uint64_t column = 0;
    int n = 0;
    do {
        double number;
        if (cell_number(cell.text, cell.end, &number))
            take_column(csv, n++, column, trimmed(name));
        column++;
    } while (n < 2 && next_field(header, csv->delimiter, &name) && next_field(row, csv->delimiter, &cell));
    if (n == 2)
        return SAY_OK;
    (void)say_error(SAY_BAD_INPUT, "expected two columns with numbers in the first row, found %s, in %s", n ? "one" : "none",
                    csv->file.path);
    say_columns(csv, header);
    return SAY_BAD_INPUT;
}

/* ---- the file ------------------------------------------------------------------------------------------------------------ */

/* The row that starts at byte `first`, copied: a header and a first row are needed together, and the window of one thread
 * holds one row. *ret_text is for free. */
static int copy_row(const struct csv *csv, uint64_t first, char **ret_text, struct row *ret_row, struct flaw *ret_flaw)
{
    struct rows *rows;
    struct row row;
    if (rows_begin(&csv->file, first, first, csv->file.size, &rows, ret_flaw) != 0 || rows_next(rows, &row, ret_flaw) != 0)
        return ret_flaw->kind;
    size_t size = (size_t)(row.end - row.text);
    char *text = malloc(size + 1);
    if (!text)
        return flaw_set(ret_flaw, FLAW_READ, first, "no memory for a row of %zu bytes", size);
    memcpy(text, row.text, size);
    *ret_text = text;
    *ret_row = row;
    ret_row->text = text;
    ret_row->end = text + size;
    return 0;
}

static int no_rows(const struct csv *csv)
{
    (void)say_error(SAY_BAD_INPUT, "expected a header line and rows, found %s, in %s",
                    csv->file.size ? "the header alone" : "an empty file", csv->file.path);
    say_hint("`prong compare` alone has data of its own");
    return SAY_BAD_INPUT;
}

static int take_columns(struct csv *csv, const char *columns, const struct row *header)
{
    struct flaw flaw;
    struct row row;
    char *text;
    csv->delimiter = find_delimiter(header);
    csv->n_fields = count_fields(header, csv->delimiter);
    csv->first = header->next_at;
    if (csv->first >= csv->file.size)
        return no_rows(csv);
    if (columns)
        return take_both_named(csv, header, columns);
    if (copy_row(csv, csv->first, &text, &row, &flaw) != 0)
        return csv_say_flaw(csv, &flaw);
    int status = SAY_OK;
    uint64_t n = count_fields(&row, csv->delimiter);
    if (n != csv->n_fields) {
        (void)wrong_count(csv, &row, n, &flaw);
        status = csv_say_flaw(csv, &flaw);
    } else {
        status = take_first_numeric(csv, header, &row);
    }
    free(text);
    return status;
}

int csv_look(const char *path, const char *columns, struct csv *ret_csv)
{
    struct flaw flaw;
    struct row header;
    char *text;
    memset(ret_csv, 0, sizeof *ret_csv);
    snprintf(ret_csv->file.path, sizeof ret_csv->file.path, "%s", path);
    if (rows_file_look(path, &ret_csv->file, &flaw) != 0)
        return csv_say_flaw(ret_csv, &flaw);
    if (ret_csv->file.size == 0)
        return no_rows(ret_csv);
    if (copy_row(ret_csv, 0, &text, &header, &flaw) != 0)
        return csv_say_flaw(ret_csv, &flaw);
    skip_byte_order_mark(&header);
    int status = take_columns(ret_csv, columns, &header);
    free(text);
    return status;
}

/* ---- telling a flaw ------------------------------------------------------------------------------------------------------ */

/* 1 for the first line; 0: the file cannot be read any more. */
static uint64_t line_of(const struct csv *csv, uint64_t at)
{
    FILE *file = fopen(csv->file.path, "re");
    uint64_t line = 1;
    if (!file)
        return 0;
    for (uint64_t i = 0; i < at; i++) {
        int c = getc_unlocked(file);
        if (c == EOF)
            break;
        line += c == '\n';
    }
    fclose(file);
    return line;
}

static void say_what_to_do(const struct csv *csv, const struct flaw *flaw, uint64_t line)
{
    const char *path = csv->file.path;
    switch (flaw->kind) {
    case FLAW_OPEN:
        say_hint("see whether it is there and what it is: ls -l '%s'; `prong compare` alone has data of its own", path);
        break;
    case FLAW_QUOTE:
        say_hint("tabs between the fields need no quotes: python3 -c \"import csv,sys; csv.writer(sys.stdout, delimiter='\\t', "
                 "quoting=csv.QUOTE_NONE).writerows(csv.reader(sys.stdin))\" < '%s' > new.tsv", path);
        break;
    case FLAW_FIELDS:
        say_hint("the line has not as many fields as the header: sed -n '1p;%" PRIu64 "p' '%s'", line, path);
        break;
    case FLAW_CELL:
        say_hint("look at the line: sed -n %" PRIu64 "p '%s'; or choose other columns: --columns A,B", line, path);
        break;
    case FLAW_LONG:
        say_hint("see whether the file has lines: head -c 200 '%s'", path);
        break;
    case FLAW_CHANGED:
        say_hint("run it again when nobody writes to the file, or on a copy of it");
        break;
    default:
        say_hint("see whether it can be read at all: cat '%s' | wc -c", path);
    }
}

int csv_say_flaw(const struct csv *csv, const struct flaw *flaw)
{
    uint64_t line = 0;
    if (flaw->kind == FLAW_OPEN) {
        (void)say_error(SAY_BAD_INPUT, "cannot open %s: %s", csv->file.path, flaw->text);
    } else {
        line = line_of(csv, flaw->at);
        (void)say_error(SAY_BAD_INPUT, "%s, in %s, line %" PRIu64 ", byte %" PRIu64, flaw->text, csv->file.path, line, flaw->at);
    }
    say_what_to_do(csv, flaw, line);
    return SAY_BAD_INPUT;
}
