/* csv.h - a file of records with a header line, and the two of its columns that count.
 *
 * Fields are parted by comma, tab or semicolon: whichever the header has most of. Lines end with "\n" or "\r\n"; the last one
 * need not. Quotes are refused, and so is a row that has not as many fields as the header. */
#pragma once
#include "compare/input/rows.h"

enum { CSV_NAME_SIZE = 64 };
struct csv {                /* plain: may lie in memory that processes share */
    struct rows_file file;
    uint64_t first;         /* byte at which the first row behind the header starts */
    uint64_t n_fields;
    uint64_t column[2];     /* counted from 0 */
    char delimiter;
    char name[2][CSV_NAME_SIZE];    /* of the columns, cut if need be */
};

/* Reads the header and the first row. `columns` is "A,B", two names; NULL: the first two columns with a number in that row.
 * SAY_OK, or the exit status, said. */
int csv_look(const char *path, const char *columns, struct csv *ret_csv);

/* The numbers in both columns. 0 or a flaw. Any thread, any process. */
int csv_cells(const struct csv *csv, const struct row *row, double ret_cells[2], struct flaw *ret_flaw);

/* Tells what, where (file, line, byte) and a hint; returns the exit status. */
int csv_say_flaw(const struct csv *csv, const struct flaw *flaw);
