/* records/gen: the same rows in any order and on every machine, and such as gen.h says. */
#include "harness.h"
#include "records/gen/gen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As ck_assert, which tells the harness each time that it passes: too slow for each of a million cells. */
#define MUST(truth) do { if (!(truth)) ck_abort_msg("not so: %s", #truth); } while (0)

enum { COLUMNS = 11, ROWS = 100000 };

static uint64_t hash_of(const char *text, size_t size)      /* FNV-1a */
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return h;
}

static char *rows(uint64_t seed, uint64_t lo, uint64_t hi, size_t *ret_size)
{
    char *text;
    ck_assert_int_eq(gen_rows(seed, lo, hi, &text, ret_size), 0);
    return text;
}

START_TEST(the_rows_of_a_seed_are_the_same_on_every_machine)
{
    size_t size;
    char *text = rows(1, 0, ROWS, &size);
    fprintf(stderr, "# %zu bytes, %#llx\n", size, (unsigned long long)hash_of(text, size));
    ck_assert_uint_eq(size, 9068505);
    ck_assert(hash_of(text, size) == UINT64_C(0xf4209933ba618cd6));
    free(text);
}
END_TEST

START_TEST(rows_by_themselves_are_those_of_a_range)
{
    size_t size, at = 0, one;
    for (int k = 0; k < 3; k++) {
        uint64_t lo = k == 0 ? 0 : k == 1 ? 1234567 : GEN_ROWS_MOST - 2000;
        char *text = rows(7, lo, lo + 2000, &size);
        at = 0;
        for (uint64_t row = lo; row < lo + 2000;) {
            uint64_t n = 1 + row % 5 < lo + 2000 - row ? 1 + row % 5 : lo + 2000 - row;
            char *some = rows(7, row, row + n, &one);
            ck_assert(at + one <= size);
            ck_assert_mem_eq(text + at, some, one);
            free(some);
            at += one;
            row += n;
        }
        ck_assert_uint_eq(at, size);
        free(text);
    }
}
END_TEST

START_TEST(seeds_give_other_rows)
{
    size_t a_size, b_size;
    char *a = rows(1, 0, 1000, &a_size), *b = rows(2, 0, 1000, &b_size);
    ck_assert(a_size != b_size || memcmp(a, b, a_size) != 0);
    free(a);
    free(b);
    char *none = rows(1, 5, 5, &a_size);
    ck_assert_uint_eq(a_size, 0);
    free(none);
}
END_TEST

/* ---- what is in the cells: a reader of a few lines, as it is to be independent of the one that it is for ---- */

struct seen {
    uint64_t rows, empty[COLUMNS], quoted, with_comma, with_newline, with_quote, with_row, not_ascii;
    size_t longest;
    bool customer[400000];
    uint64_t customers;
};

static void see_note(struct seen *s, const char *cell, size_t size)
{
    s->quoted += size > 0 && cell[0] == '"';
    s->with_comma += memchr(cell, ',', size) != NULL;
    s->with_newline += memchr(cell, '\n', size) != NULL;
    s->with_quote += memmem(cell, size, "\"\"", 2) != NULL;
    const char *line = memchr(cell, '\n', size);
    int commas = 0;
    for (const char *p = line ? line : cell + size; p < cell + size; p++)
        commas += *p == ',';
    s->with_row += commas == COLUMNS - 1;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)cell[i] >= 0x80) {
            s->not_ascii++;
            break;
        }
}

static void see_cell(struct seen *s, int column, const char *cell, size_t size)
{
    char text[32] = "";
    s->empty[column] += size == 0;
    snprintf(text, sizeof text, "%.*s", (int)size, cell);
    if (column == 0)
        MUST(strtoull(text, NULL, 10) == 1000000 + s->rows);
    if (column == 1)
        MUST(size == 19 && text[4] == '-' && text[10] == 'T' && text[13] == ':');
    if (column == 5 && size)
        MUST(size == 1 && cell[0] >= '1' && cell[0] <= '9');
    if (column == 6 && size)
        MUST(strtod(text, NULL) >= 5 && strtod(text, NULL) < 50 && cell[size - 3] == '.');
    if (column == 7 && size)
        MUST(strtod(text, NULL) <= 0.5 && size == 4 && (cell[3] == '0' || cell[3] == '5'));
    if (column == 8 && size) {
        unsigned long customer = strtoul(text, NULL, 10) - 100000;
        MUST(customer < 400000);
        s->customers += !s->customer[customer];
        s->customer[customer] = true;
    }
    if (column == 10)
        see_note(s, cell, size);
}

static void see_all(struct seen *s, const char *text, size_t size)
{
    const char *cell = text, *row = text;
    int column = 0;
    bool in_quotes = false;
    for (const char *p = text; p < text + size; p++) {
        in_quotes ^= *p == '"';
        if (in_quotes || (*p != ',' && *p != '\n'))
            continue;
        see_cell(s, column++, cell, (size_t)(p - cell));
        cell = p + 1;
        if (*p != '\n')
            continue;
        MUST(column == COLUMNS);
        column = 0;
        s->rows++;
        s->longest = (size_t)(cell - row) > s->longest ? (size_t)(cell - row) : s->longest;
        row = cell;
    }
    ck_assert(!in_quotes && cell == text + size);
}

static bool is_between(uint64_t n, double least, double most)
{
    return (double)n >= least * ROWS && (double)n <= most * ROWS;
}

START_TEST(cells_have_the_form_and_the_shares_that_they_should)
{
    static struct seen s;
    size_t size;
    char *text = rows(3, 0, ROWS, &size);
    see_all(&s, text, size);
    free(text);
    fprintf(stderr, "# longest row: %zu, customers: %llu\n", s.longest, (unsigned long long)s.customers);
    ck_assert_uint_eq(s.rows, ROWS);
    ck_assert(is_between(size, 88, 95) && s.longest <= 256);        /* room is made for twice that */
    ck_assert(s.empty[0] == 0 && s.empty[1] == 0);
    for (int column = 2; column < COLUMNS - 1; column++)
        ck_assert_msg(is_between(s.empty[column], 0.008, 0.022), "column %d: %llu", column, (unsigned long long)s.empty[column]);
    ck_assert(is_between(s.quoted, 0.018, 0.022));
    ck_assert(is_between(s.with_comma, 0.005, 0.02) && is_between(s.with_newline, 0.004, 0.015) && is_between(s.with_quote, 0.002, 0.01));
    ck_assert(is_between(s.not_ascii, 0.002, 0.01) && is_between(s.with_row, 0.001, 0.005));
    ck_assert(s.customers > 80000 && s.customers < 95000);
}
END_TEST

START_TEST(a_customer_always_has_the_same_address)
{
    enum { MOST = 80 };
    static char address[400000][MOST];
    size_t size;
    char *text = rows(3, 0, ROWS, &size), *end = text + size;
    uint64_t again = 0;
    for (char *line = text; line < end; line = (char *)memchr(line, '\n', (size_t)(end - line)) + 1) {
        char *cell = line;
        int column = 0;
        for (; column < 8 && cell < end && *cell != '\n'; cell++)
            column += *cell == ',';
        char *comma = memchr(cell, ',', (size_t)(end - cell)), *next = comma ? memchr(comma + 1, ',', (size_t)(end - comma - 1)) : NULL;
        if (column < 8 || !next || comma == cell || next == comma + 1)
            continue;
        unsigned long customer = strtoul(cell, NULL, 10) - 100000;
        MUST(customer < 400000);
        char email[MOST];
        snprintf(email, sizeof email, "%.*s", (int)(next - comma - 1), comma + 1);
        if (address[customer][0]) {
            MUST(strcmp(address[customer], email) == 0);
            again++;
        }
        strcpy(address[customer], email);
    }
    ck_assert_uint_gt(again, 1000);
    free(text);
}
END_TEST

/* ---- the file ---- */

static void write_file(const char *name, uint64_t n_rows)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gen_write(5, n_rows, fileno(file)), 0);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(the_file_is_the_header_and_all_rows)
{
    char name[] = "/tmp/prong-gen-XXXXXX";
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    size_t size, head = strlen(GEN_HEADER);
    char *text = rows(5, 0, 20000, &size), *read = malloc(head + size + 1);
    write_file(name, 20000);
    ck_assert_int_eq(pread(fd, read, head + size + 1, 0), (ssize_t)(head + size));
    ck_assert_mem_eq(read, GEN_HEADER, head);
    ck_assert_mem_eq(read + head, text, size);
    free(read);
    free(text);
    close(fd);
    unlink(name);
}
END_TEST

START_TEST(what_cannot_be_written_is_told)
{
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip("no /dev/full here");
    ck_assert_int_eq(gen_write(1, 10, fileno(full)), -ENOSPC);
    fclose(full);
}
END_TEST

START_TEST(python_finds_as_many_rows)
{
    char name[] = "/tmp/prong-gen-XXXXXX", command[300];
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    close(fd);
    if (system("python3 -c 'import csv' >/dev/null 2>&1") != 0)
        skip("no python3 here");
    write_file(name, 30000);
    snprintf(command, sizeof command,
             "python3 -c \"import csv,sys; r=list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True)); "
             "sys.exit(not (len(r) == 30001 and all(len(row) == 11 for row in r)))\" %s", name);
    int status = system(command);
    unlink(name);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(the_rows_of_a_seed_are_the_same_on_every_machine);
    add_case(rows_by_themselves_are_those_of_a_range);
    add_case(seeds_give_other_rows);
    add_case(cells_have_the_form_and_the_shares_that_they_should);
    add_case(a_customer_always_has_the_same_address);
    add_case(the_file_is_the_header_and_all_rows);
    add_case(what_cannot_be_written_is_told);
    add_case(python_finds_as_many_rows);
    return run_cases(argc, argv);
}
