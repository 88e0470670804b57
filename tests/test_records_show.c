/* records/show: sorting against a plain stable sort; each format against what it has to be, byte by byte. */
#include "harness.h"
#include "records/decimal.h"
#include "records/number.h"
#include "records/show/show.h"
#include "records/show/table.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- results ------------------------------------------------------------------------------------------------------------- */

#define MISSING (struct value){ .kind = VALUE_MISSING }
#define NUMBER(m, s) (struct value){ .kind = VALUE_NUMBER, .number = (m), .scale = (s) }
#define REAL(r) (struct value){ .kind = VALUE_REAL, .real = (r) }
#define BOOL(b) (struct value){ .kind = VALUE_BOOL, .truth = (b) }
#define TEXT(t) (struct value){ .kind = VALUE_TEXT, .text = { (t), strlen(t) } }

static struct results of(const char **names, uint32_t n_columns, struct value *cell, uint64_t n_rows)
{
    return (struct results){ .n_columns = n_columns, .name = names, .n_rows = n_rows, .cell = cell };
}

static char shown[1 << 16];

static const char *show(const struct results *results, enum format format)
{
    memset(shown, 0, sizeof shown);
    FILE *to = fmemopen(shown, sizeof shown - 1, "w");
    ck_assert_ptr_nonnull(to);
    results_show(results, format, to);
    fclose(to);
    return shown;
}

static const char *names[] = { "country", "n", "revenue" };
static struct value cells[] = {
    TEXT("DE"), NUMBER(5, 0), NUMBER(123456, 2),
    MISSING, NUMBER(12345, 0), REAL(0.1),
    TEXT("say \"hi\",\nthen go"), MISSING, NUMBER(-5, 1),
    TEXT(""), NUMBER(0, 0), BOOL(true) };

/* ---- formats ------------------------------------------------------------------------------------------------------------- */

START_TEST(csv_quotes_what_needs_it_and_tells_empty_from_missing)
{
    struct results r = of(names, 3, cells, 4);
    ck_assert_str_eq(show(&r, FORMAT_CSV),
        "country,n,revenue\nDE,5,1234.56\n,12345,0.1\n\"say \"\"hi\"\",\nthen go\",,-0.5\n\"\",0,true\n");
    static const char *odd[] = { "sum(a,b)", "\"q\"", "with\rreturn" };
    struct results none = of(odd, 3, cells, 0);
    ck_assert_str_eq(show(&none, FORMAT_CSV), "\"sum(a,b)\",\"\"\"q\"\"\",\"with\rreturn\"\n");
    struct value one[] = { MISSING, NUMBER(7, 0) };
    struct results column = of(names, 1, one, 2);
    ck_assert_str_eq(show(&column, FORMAT_CSV), "country\n\"\"\n7\n");        /* no blank line: most pass over it */
}
END_TEST

START_TEST(json_is_an_array_of_objects)
{
    struct results r = of(names, 3, cells, 3);
    ck_assert_str_eq(show(&r, FORMAT_JSON),
        "[\n  {\"country\": \"DE\", \"n\": 5, \"revenue\": 1234.56},\n  {\"country\": null, \"n\": 12345, \"revenue\": 0.1},\n"
        "  {\"country\": \"say \\\"hi\\\",\\u000athen go\", \"n\": null, \"revenue\": -0.5}\n]\n");
    r.n_rows = 0;
    ck_assert_str_eq(show(&r, FORMAT_JSON), "[]\n");
}
END_TEST

START_TEST(ndjson_is_an_object_on_each_line)
{
    struct results r = of(names, 3, cells + 3, 2);
    ck_assert_str_eq(show(&r, FORMAT_NDJSON),
        "{\"country\": null, \"n\": 12345, \"revenue\": 0.1}\n"
        "{\"country\": \"say \\\"hi\\\",\\u000athen go\", \"n\": null, \"revenue\": -0.5}\n");
    r.n_rows = 0;
    ck_assert_str_eq(show(&r, FORMAT_NDJSON), "");
}
END_TEST

START_TEST(json_has_numbers_in_full_and_marks_what_is_no_utf8)
{
    static const char *one[] = { "x\xff" };
    struct value cell[] = {
        NUMBER((wide)decimal_power(38) - 1, 0), REAL(1e300), REAL(-2.5e-7), { .kind = VALUE_TEXT, .text = { "a\0\xc3\xa4\xc3" "b\\<", 8 } },
        { .kind = VALUE_TEXT, .text = { "\xc3\xa4", 1 } } };
    struct results r = of(one, 1, cell, 5);
    ck_assert_str_eq(show(&r, FORMAT_NDJSON),
        "{\"x\\ufffd\": 99999999999999999999999999999999999999}\n{\"x\\ufffd\": 1e300}\n{\"x\\ufffd\": -2.5e-7}\n"
        "{\"x\\ufffd\": \"a\\u0000\xc3\xa4\\ufffdb\\\\\\u003c\"}\n{\"x\\ufffd\": \"\\ufffd\"}\n");
}
END_TEST

START_TEST(a_table_aligns_numbers_to_the_right_and_keeps_lines_whole)
{
    struct results r = of(names, 3, cells, 3);
    ck_assert_str_eq(show(&r, FORMAT_TABLE),
        "country                 n  revenue\n"
        "DE                      5  1234.56\n"
        "                    12345      0.1\n"
        "say \"hi\",\\nthen go            -0.5\n");
    static const char *odd[] = { "gr\xc3\xb6\xc3\x9f" "e", "b" };
    struct value cell[] = { TEXT("\xe2\x82\xac\x01"), TEXT("\xff\t\x1b\x7f\xc2\x80"), TEXT("S"), TEXT("") };
    r = of(odd, 2, cell, 2);
    ck_assert_str_eq(show(&r, FORMAT_TABLE), "gr\xc3\xb6\xc3\x9f" "e  b\n\xe2\x82\xac\\x01  \\xff\\t\\x1b\\x7f\\xc2\\x80\nS      \n");
}
END_TEST

static const char *show_cut(const struct results *results, uint32_t width, bool *ret_is_cut)
{
    memset(shown, 0, sizeof shown);
    FILE *to = fmemopen(shown, sizeof shown - 1, "w");
    *ret_is_cut = results_table(results, width, to);
    fclose(to);
    return shown;
}

START_TEST(a_table_is_cut_for_a_terminal_alone_and_never_in_numbers)
{
    static const char *three[] = { "name", "note", "n" };
    struct value cell[] = { TEXT("a name of some length"), TEXT("and a note which is longer"), NUMBER(1234567890, 0) };
    struct results r = of(three, 3, cell, 1);
    bool is_cut;
    ck_assert_str_eq(show_cut(&r, 61, &is_cut),
        "name                   note                                 n\na name of some length  and a note which is longer  1234567890\n");
    ck_assert(!is_cut);
    ck_assert_str_eq(show_cut(&r, 50, &is_cut),
        "name                note                         n\na name of some ...  and a note whic...  1234567890\n");
    ck_assert(is_cut);
    ck_assert_str_eq(show_cut(&r, 20, &is_cut), "name      note               n\na nam...  and a...  1234567890\n");
    ck_assert(is_cut);
    (void)show_cut(&r, 0, &is_cut);
    ck_assert(!is_cut);
}
END_TEST

/* ---- sorting ------------------------------------------------------------------------------------------------------------- */

static uint64_t state = 1;
static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

static const char *five[] = { "a", "b", "i", "sum(x,y)", "-a" };

/* Column i has the row's number, so that one sees where it came from. */
static void expect_order(struct value *cell, uint64_t n, const char *sort, uint64_t limit, const uint64_t *want, uint64_t n_want)
{
    struct results r = of(five, 3, cell, n);
    for (uint64_t i = 0; i < n; i++)
        cell[3 * i + 2] = NUMBER((wide)i, 0);
    ck_assert_int_eq(results_sort(&r, sort, limit), SAY_OK);
    ck_assert_uint_eq(r.n_rows, n_want);
    for (uint64_t i = 0; i < n_want; i++)
        ck_assert_msg((uint64_t)cell[3 * i + 2].number == want[i], "%s: row %" PRIu64 " is %d", sort, i, (int)cell[3 * i + 2].number);
}

START_TEST(numbers_sort_exactly_whatever_their_kind_and_missing_comes_last)
{
    wide most = (wide)decimal_power(38) - 1;
    const struct value values[] = {
        NUMBER(15, 1), REAL(1.5), NUMBER(149999999999999999, 17), MISSING, NUMBER(most, 0), NUMBER(most - 1, 0), REAL(1e38), NUMBER(-1, 38),
        REAL(-1e-38), NUMBER(0, 0), REAL(-1e300), MISSING };
    struct value cell[36] = { { 0 } };
    for (int i = 0; i < 12; i++)
        cell[3 * i] = values[i];
    struct value copy[sizeof cell / sizeof *cell];
    memcpy(copy, cell, sizeof cell);
    /* The double 1e38 is a bit less than 10^38, and has both whole numbers nearest to it; the double 1e-38 is less than 10^-38, too. */
    expect_order(cell, 12, "a", 0, (const uint64_t[]){ 10, 7, 8, 9, 2, 0, 1, 6, 5, 4, 3, 11 }, 12);
    memcpy(cell, copy, sizeof cell);
    expect_order(cell, 12, "-a", 0, (const uint64_t[]){ 4, 5, 6, 0, 1, 2, 9, 8, 7, 10, 3, 11 }, 12);
}
END_TEST

START_TEST(texts_sort_by_bytes_and_a_shorter_one_first)
{
    struct value cell[] = {
        TEXT("b"), MISSING, MISSING, TEXT("abcdefghij"), MISSING, MISSING, TEXT("abcdefghi"), MISSING, MISSING, TEXT(""), MISSING, MISSING,
        TEXT("\xc3\xa4"), MISSING, MISSING, { .kind = VALUE_TEXT, .text = { "a\0", 2 } }, MISSING, MISSING, TEXT("a"), MISSING, MISSING };
    expect_order(cell, 7, "a", 0, (const uint64_t[]){ 3, 6, 5, 2, 1, 0, 4 }, 7);
}
END_TEST

static int plain_compare(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_MISSING || b->kind == VALUE_MISSING)
        return (a->kind == VALUE_MISSING) - (b->kind == VALUE_MISSING);
    return (a->number > b->number) - (a->number < b->number);
}

START_TEST(rows_sort_by_several_columns_stably_with_any_limit)
{
    enum { MOST = 700 };
    static struct value cell[3 * MOST], copy[3 * MOST];
    static uint64_t want[MOST];
    for (int round = 0; round < ROUNDS(300); round++) {
        uint64_t n = 1 + below(MOST), limit = below(3) ? 1 + below((uint32_t)n + 5) : 0;
        bool a_falls = below(2), b_falls = below(2);
        for (uint64_t i = 0; i < n; i++) {
            cell[3 * i] = below(10) ? NUMBER((wide)below(5) - 2, 0) : MISSING;
            cell[3 * i + 1] = below(10) ? NUMBER((wide)below(5), 0) : MISSING;
        }
        memcpy(copy, cell, sizeof cell);
        for (uint64_t i = 0; i < n; i++) {      /* by insertion */
            uint64_t at = i;
            for (; at > 0; at--) {
                const struct value *x = &copy[3 * want[at - 1]], *y = &copy[3 * i];
                int by_a = plain_compare(x, y), by_b = plain_compare(x + 1, y + 1);
                if (a_falls && x->kind != VALUE_MISSING && y->kind != VALUE_MISSING)
                    by_a = -by_a;
                if (b_falls && x[1].kind != VALUE_MISSING && y[1].kind != VALUE_MISSING)
                    by_b = -by_b;
                if ((by_a ? by_a : by_b) <= 0)
                    break;
                want[at] = want[at - 1];
            }
            want[at] = i;
        }
        const char *sort = a_falls ? b_falls ? "-a,-b" : "-a , b" : b_falls ? "a,-b" : "`a`,b";
        expect_order(cell, n, sort, limit, want, limit && limit < n ? limit : n);
    }
}
END_TEST

START_TEST(a_limit_without_an_order_keeps_the_first_rows)
{
    struct value cell[9] = { { 0 } };
    expect_order(cell, 3, NULL, 2, (const uint64_t[]){ 0, 1 }, 2);
    expect_order(cell, 3, NULL, 0, (const uint64_t[]){ 0, 1, 2 }, 3);
    expect_order(cell, 3, NULL, 7, (const uint64_t[]){ 0, 1, 2 }, 3);
}
END_TEST

START_TEST(names_may_have_commas_and_a_sign_in_front)
{
    struct value cell[] = { MISSING, MISSING, MISSING, NUMBER(2, 0), NUMBER(1, 0), MISSING, MISSING, MISSING, NUMBER(1, 0), NUMBER(2, 0) };
    struct results r = of(five, 5, cell, 2);
    ck_assert_int_eq(results_sort(&r, "sum(x,y)", 0), SAY_OK);
    ck_assert(cell[3].number == 1);
    ck_assert_int_eq(results_sort(&r, "-sum(x,y),a", 0), SAY_OK);
    ck_assert(cell[3].number == 2);
    ck_assert_int_eq(results_sort(&r, "-a", 0), SAY_OK);        /* a column's name as it is comes first */
    ck_assert(cell[4].number == 1);
}
END_TEST

START_TEST(an_unknown_name_is_told_with_the_nearest)
{
    struct results r = of(names, 3, cells, 4);
    FILE *caught = tmpfile();
    char text[400] = "";
    ck_assert_ptr_nonnull(caught);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
    int status = results_sort(&r, "n,-revenu", 0);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    rewind(caught);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, caught), 0);
    ck_assert_int_eq(status, SAY_USAGE);
    ck_assert_str_eq(text, "prong: --sort: the results have no column 'revenu'\nhint: did you mean 'revenue'?\n");
    ck_assert_uint_eq(r.n_rows, 4);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(csv_quotes_what_needs_it_and_tells_empty_from_missing);
    add_case(json_is_an_array_of_objects);
    add_case(ndjson_is_an_object_on_each_line);
    add_case(json_has_numbers_in_full_and_marks_what_is_no_utf8);
    add_case(a_table_aligns_numbers_to_the_right_and_keeps_lines_whole);
    add_case(a_table_is_cut_for_a_terminal_alone_and_never_in_numbers);
    add_case(numbers_sort_exactly_whatever_their_kind_and_missing_comes_last);
    add_case(texts_sort_by_bytes_and_a_shorter_one_first);
    add_case(rows_sort_by_several_columns_stably_with_any_limit);
    add_case(a_limit_without_an_order_keeps_the_first_rows);
    add_case(names_may_have_commas_and_a_sign_in_front);
    add_case(an_unknown_name_is_told_with_the_nearest);
    return run_cases(argc, argv);
}
