/* records/number.h: against a reference that goes digit by digit, and against the C library's strtod in the C locale. */
#include "harness.h"
#include "records/decimal.h"
#include "records/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As ck_assert_msg, which tells the harness each time that it passes: too slow for each of a million cells. */
#define MUST(truth, ...) do { if (!(truth)) ck_abort_msg(__VA_ARGS__); } while (0)

/* ---- a column ---- */

enum { TEXT_MOST = 1 << 20, PAD = 32, CANON = 1200 };

static struct {
    char text[TEXT_MOST];
    uint32_t begin[BATCH_ROWS], end[BATCH_ROWS], n, at;
} in;
static _Alignas(64) wide room[BATCH_ROWS];
static uint64_t present[VEC_WORDS];
static uint32_t bad, first_bad;

static void none(void)
{
    memset(in.text, '9', in.at ? in.at + PAD : sizeof in.text);     /* what stands around a cell is no part of it */
    in.n = 0;
    in.at = PAD;
}

static void add_sized(const char *cell, size_t size)
{
    MUST(in.n < BATCH_ROWS && in.at + size + PAD + 1 < TEXT_MOST, "no room for %zu bytes", size);
    in.begin[in.n] = in.at;
    memcpy(in.text + in.at, cell, size);
    in.end[in.n++] = in.at + (uint32_t)size;
    in.at += (uint32_t)size;
    in.text[in.at++] = ',';
}

static void add(const char *cell)
{
    add_sized(cell, strlen(cell));
}

static uint32_t column(struct vec *v, char point, bool is_lenient)
{
    memset(room, 0x5a, sizeof room);
    memset(present, 0xff, sizeof present);
    *v = (struct vec){ .i = (int64_t *)room, .present = present };
    bad = first_bad = UINT32_MAX;
    return number_column(in.text, in.begin, in.end, in.n, '"', point, is_lenient, v, &bad, &first_bad);
}

/* The one cell, strict; false: it is no number. Several of it at once, which may be read in another way, must be the same. */
static bool one(const char *cell, struct vec *v)
{
    enum { SEVERAL = 9 };
    none();
    for (int i = 0; i < SEVERAL; i++)
        add(cell);
    uint32_t n = column(v, '.', false);
    MUST(n == 0 || n == SEVERAL, "%s: %u", cell, n);
    struct vec several = *v;
    wide copy[SEVERAL];
    memcpy(copy, room, sizeof copy);
    in.n = 1;
    MUST((column(v, '.', false) == 1) == (n == SEVERAL), "%s", cell);
    if (n == 0)
        return false;
    ck_assert(v->kind == several.kind && v->scale == several.scale && v->has_missing == several.has_missing && v->most == several.most);
    size_t size = v->kind == VEC_WIDE ? sizeof(wide) : sizeof(int64_t);
    for (size_t i = 0; i < SEVERAL; i++)
        MUST(memcmp((char *)copy + i * size, room, size) == 0, "%s", cell);
    return true;
}

/* ---- the reference ---- */

static char *write_digits(wide_u x, char *out)
{
    char digits[48];
    int n = 0;
    do
        digits[n++] = (char)('0' + (int)(x % 10));
    while (x /= 10);
    while (n > 0)
        *out++ = digits[--n];
    *out = '\0';
    return out;
}

/* "-12300e-2": without zeros at either end, so that equal values have equal texts. */
static void canonical(bool is_negative, const char *digits, int64_t exponent, char *out)
{
    while (*digits == '0')
        digits++;
    size_t n = strlen(digits);
    for (; n > 0 && digits[n - 1] == '0'; n--)
        exponent++;
    if (n == 0)
        strcpy(out, "0");
    else
        sprintf(out, "%s%.*se%lld", is_negative ? "-" : "", (int)n, digits, (long long)exponent);
}

/* Of text that is a number as number.h says it, without blanks and quotes; false: it is none. */
static bool reference(const char *text, char point, char *out)
{
    static char digits[TEXT_MOST];
    size_t n = 0;
    bool is_negative = *text == '-', has_point = false, has_digits = false;
    int64_t exponent = 0;
    text += *text == '-' || *text == '+';
    for (; (*text >= '0' && *text <= '9') || (*text == point && !has_point); text++) {
        if (*text == point) {
            has_point = true;
            continue;
        }
        has_digits = true;
        digits[n++] = *text;
        exponent -= has_point;
    }
    digits[n] = '\0';
    if (!has_digits)
        return false;
    if (*text == 'e' || *text == 'E') {
        char *end;
        if (strspn(text + 1, "+-0123456789") == 0 || (text[1] != '+' && text[1] != '-' && !(text[1] >= '0' && text[1] <= '9')))
            return false;
        exponent += strtoll(text + 1, &end, 10);
        if (end == text + 1)
            return false;
        text = end;
    }
    canonical(is_negative, digits, exponent, out);
    return *text == '\0';
}

static void canonical_of_wide(wide w, uint8_t scale, char *out)
{
    char digits[48];
    write_digits(w < 0 ? -(wide_u)w : (wide_u)w, digits);
    canonical(w < 0, digits, -(int64_t)scale, out);
}

static void expect_row(const struct vec *v, uint32_t row, const char *cell, char point)
{
    char want[CANON], got[CANON];
    MUST(reference(cell, point, want), "%s", cell);
    MUST(vec_has(v, row), "%s is missing", cell);
    if (v->kind == VEC_REAL) {
        MUST(v->r[row] == strtod(cell, NULL), "%s: %.17g", cell, v->r[row]);
        return;
    }
    MUST(v->kind == VEC_INT || v->kind == VEC_WIDE, "kind %d", v->kind);
    if (v->kind == VEC_INT)
        MUST((v->i[row] < 0 ? -(uint64_t)v->i[row] : (uint64_t)v->i[row]) <= v->most && v->most <= UINT64_C(1) << 63, "most: %s", cell);
    canonical_of_wide(v->kind == VEC_INT ? v->i[row] : v->w[row], v->scale, got);
    MUST(strcmp(want, got) == 0, "%s: wanted %s, got %s (row %u)", cell, want, got, row);
}

/* The cells in one column; all are present, and their values are right. */
static void expect_all(const char cells[][64], uint32_t n)
{
    struct vec v;
    none();
    for (uint32_t i = 0; i < n; i++)
        add(cells[i]);
    ck_assert_uint_eq(column(&v, '.', false), n);
    ck_assert(!v.has_missing);
    for (uint32_t i = 0; i < n; i++)
        expect_row(&v, i, cells[i], '.');
}

static uint64_t state = 1;
static uint64_t roll(void)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(roll() % n);
}

static void random_decimal(char *out, uint32_t whole, uint32_t behind, bool has_sign)
{
    if (has_sign && below(2))
        *out++ = '-';
    for (uint32_t i = 0; i < whole; i++)
        *out++ = (char)('0' + below(10));
    if (behind)
        *out++ = '.';
    for (uint32_t i = 0; i < behind; i++)
        *out++ = (char)('0' + below(10));
    *out = '\0';
}

static char cells[BATCH_ROWS][64];

/* ---- exact numbers ---- */

START_TEST(decimals_of_all_lengths_are_exact)
{
    for (uint32_t whole = 1; whole <= 20; whole++)
        for (uint32_t behind = 0; behind <= 20; behind++) {
            for (uint32_t i = 0; i < 150; i++)
                random_decimal(cells[i], whole, behind, true);
            expect_all(cells, 150);
        }
}
END_TEST

START_TEST(columns_of_one_scale_are_read_as_mixed_ones_are)
{
    for (uint32_t scale = 0; scale <= 6; scale++)
        for (int round = 0; round < 40; round++) {
            uint32_t n = 1 + below(BATCH_ROWS), odd = below(4) ? n : below(n);
            for (uint32_t i = 0; i < n; i++)
                random_decimal(cells[i], 1 + below(7 - scale), i == odd ? below(9) : scale, i % 64 == odd % 64);
            expect_all(cells, n);
        }
}
END_TEST

START_TEST(mixed_scales_come_to_the_largest)
{
    for (int round = 0; round < 300; round++) {
        uint32_t n = 1 + below(200);
        for (uint32_t i = 0; i < n; i++)
            random_decimal(cells[i], 1 + below(10), below(10), round % 2);
        expect_all(cells, n);
    }
    struct vec v;
    none();
    add("3");
    add("14.95");
    add("0.125");
    ck_assert_uint_eq(column(&v, '.', false), 3);
    ck_assert(v.kind == VEC_INT && v.scale == 3 && v.i[0] == 3000 && v.i[1] == 14950 && v.i[2] == 125);
}
END_TEST

START_TEST(the_ends_of_64_bits_are_integers)
{
    struct vec v;
    ck_assert(one("9223372036854775807", &v) && v.kind == VEC_INT && v.i[0] == INT64_MAX && v.most >= INT64_MAX);
    ck_assert(one("-9223372036854775808", &v) && v.kind == VEC_INT && v.i[0] == INT64_MIN && v.most == UINT64_C(1) << 63);
    ck_assert(one("9223372036854775808", &v) && v.kind == VEC_WIDE && v.w[0] == (wide)INT64_MAX + 1);
    ck_assert(one("-9223372036854775809", &v) && v.kind == VEC_WIDE && v.w[0] == (wide)INT64_MIN - 1);
    none();
    add("-9223372036854775808");
    add("1");
    ck_assert_uint_eq(column(&v, '.', false), 2);
    ck_assert(v.kind == VEC_INT && v.most == UINT64_C(1) << 63);
    ck_assert(one("-922337203685477580.8", &v) && v.kind == VEC_INT && v.i[0] == INT64_MIN && v.scale == 1);
}
END_TEST

START_TEST(what_needs_more_than_64_bits_makes_the_batch_wide)
{
    static const char wides[][64] = {
        "99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "0", "1.0", "-1" };
    struct vec v;
    expect_all(wides, 3);
    for (uint32_t whole = 1; whole <= 38; whole++) {
        for (uint32_t i = 0; i < 50; i++)
            random_decimal(cells[i], whole, 38 - whole, true);
        expect_all(cells, 50);
    }
    none();
    add("9000000000000000000");
    add("0.0000000000000000001");
    ck_assert_uint_eq(column(&v, '.', false), 2);
    ck_assert(v.kind == VEC_WIDE && v.scale == 19 && v.w[1] == 1);
    for (int round = 0; round < 300; round++) {
        uint32_t n = 2 + below(100);
        for (uint32_t i = 0; i < n; i++)
            random_decimal(cells[i], 1 + below(18), below(20), true);
        expect_all(cells, n);
    }
}
END_TEST

START_TEST(what_needs_more_than_38_digits_makes_the_batch_real)
{
    struct vec v;
    static const char pairs[][64] = { "1e38", "1e-39", "1e300", "-1e-300", "3.25", "0.1", "1234567890123456789012345678901234567890" };
    ck_assert(one("100000000000000000000000000000000000000", &v) && v.kind == VEC_REAL && v.r[0] == 1e38);
    ck_assert(one("1e37", &v) && v.kind == VEC_WIDE && v.scale == 0);
    ck_assert(one("1e-38", &v) && v.kind == VEC_INT && v.scale == 38 && v.i[0] == 1);
    expect_all(pairs, 7);
    none();
    add("1e30");
    add("1e-10");       /* each fits, both do not */
    ck_assert_uint_eq(column(&v, '.', false), 2);
    ck_assert(v.kind == VEC_REAL && v.r[0] == 1e30 && v.r[1] == 1e-10);
}
END_TEST

START_TEST(zeros_that_do_not_count_take_no_room)
{
    struct vec v;
    ck_assert(one("00000000000000000000000000000000000000000000000000012.5", &v) && v.kind == VEC_INT && v.i[0] == 125 && v.scale == 1);
    ck_assert(one("1.00000000000000000000000000000000000000000000000000", &v) && v.kind != VEC_REAL);
    ck_assert(one("0e400", &v) && v.kind == VEC_INT && v.i[0] == 0 && v.scale == 0);
    ck_assert(one("0e-400", &v) && v.kind == VEC_INT && v.i[0] == 0 && v.scale == 0);
    ck_assert(one("-0", &v) && v.kind == VEC_INT && v.i[0] == 0 && v.most == 0);
    ck_assert(one("10e-39", &v) && v.kind == VEC_INT && v.i[0] == 1 && v.scale == 38);
}
END_TEST

START_TEST(every_spelling_of_a_number_is_read)
{
    static const struct { const char *cell; int64_t mantissa; uint8_t scale; } want[] = {
        { "+3", 3, 0 }, { "1e3", 1000, 0 }, { "1E+3", 1000, 0 }, { "1.5e-3", 15, 4 }, { ".5", 5, 1 }, { "5.", 5, 0 }, { "-.25", -25, 2 },
        { " 7 ", 7, 0 }, { "\t7.5", 75, 1 }, { "\"1.5\"", 15, 1 }, { "\" 1.5 \"", 15, 1 }, { "-5.", -5, 0 }, { "+.5", 5, 1 },
        { "\"-3\"", -3, 0 },
        { "12345678.", 12345678, 0 }, { ".12345678", 12345678, 8 }, { "1234567890123456.", INT64_C(1234567890123456), 0 },
        { "-1234567.", -1234567, 0 }, { "1.e2", 100, 0 }, { "-12345678", -12345678, 0 }, { "-123456789", -123456789, 0 },
        { "00000000", 0, 0 }, { "0000000000000000", 0, 0 }, { "123456789.5e-1", INT64_C(1234567895), 2 } };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct vec v;
        struct value value;
        MUST(one(want[i].cell, &v), "%s", want[i].cell);
        MUST(v.kind == VEC_INT && v.i[0] == want[i].mantissa && v.scale == want[i].scale, "%s", want[i].cell);
        ck_assert(number_read(want[i].cell, strlen(want[i].cell), '.', &value));
        ck_assert(value.kind == VALUE_NUMBER && value.number == want[i].mantissa && value.scale == want[i].scale);
    }
}
END_TEST

START_TEST(what_is_no_number_is_told)
{
    static const char *const not[] = {
        "-", "+", ".", "-.", "+.", "e", "e5", ".e5", "1e", "1e+", "1e-", "1.2.3", "1,5", "--1", "+-1", "1-", "1 2", "0x10", "inf",
        "nan", "NaN", "1_000",
        "1e5.5", "12a", "a12", "\"", "\"\"\"", "\"1\"\"", "\"1\"2", "1\"", "'1'", "1e999", "-1e309", "1.8e308", "12345678-",
        "123456789-", "1234567890123.4.5",
        "1234.56789012.34", "12.3456789.12345", "1234567890123456a", "1:3", "1/2", "\xff" "1", "1\x80", "12345678\xb1", "\xb1", "1.\xb5",
        "123456789012\xb1", "\xb1" "23456789" };
    for (size_t i = 0; i < sizeof not / sizeof *not; i++) {
        struct vec v;
        struct value value;
        MUST(!one(not[i], &v), "%s", not[i]);
        MUST(!number_read(not[i], strlen(not[i]), '.', &value), "%s", not[i]);
    }
}
END_TEST

START_TEST(every_byte_at_every_place_is_as_the_reference_says)
{
    static const char *const good[] = { "7", "14.95", "1234567", "12345678", "123456789", "123456.7890123", "1234567890123456", "-3.25",
        "12e3" };
    for (size_t g = 0; g < sizeof good / sizeof *good; g++)
        for (size_t at = 0; good[g][at]; at++)
            for (int byte = 1; byte < 256; byte++) {
                char cell[32], want[CANON];
                struct vec v;
                strcpy(cell, good[g]);
                cell[at] = (char)byte;
                size_t first = strspn(cell, " \t"), size = strlen(cell);
                char trimmed[32];
                while (size > first && strchr(" \t", cell[size - 1]))
                    size--;
                sprintf(trimmed, "%.*s", (int)(size - first), cell + first);
                if (trimmed[0] == '\0')
                    continue;
                bool is_number = reference(trimmed, '.', want) && isfinite(strtod(trimmed, NULL));
                MUST(one(cell, &v) == is_number, "%s", cell);
                if (is_number)
                    expect_row(&v, 0, trimmed, '.');
            }
}
END_TEST

START_TEST(the_point_may_be_a_comma)
{
    struct vec v;
    none();
    add("1,5");
    add("-22,25");
    add("123456789,125");
    ck_assert_uint_eq(column(&v, ',', false), 3);
    ck_assert(v.kind == VEC_INT && v.scale == 3 && v.i[0] == 1500 && v.i[1] == -22250 && v.i[2] == INT64_C(123456789125));
    add("1.5");
    ck_assert_uint_eq(column(&v, ',', false), 3);
}
END_TEST

/* ---- missing and bad cells ---- */

START_TEST(empty_cells_are_missing_and_zero)
{
    static const char *const empty[] = { "", " ", "\t \t", "\"\"", "\" \"" };
    struct vec v;
    for (uint32_t n = 1; n <= BATCH_ROWS; n += n < 130 ? 1 : 137)
        for (uint32_t every = 1; every < 9; every += 3) {
            none();
            for (uint32_t i = 0; i < n; i++)
                add(i % every == 0 ? empty[i / every % 5] : "1.25");
            ck_assert_uint_eq(column(&v, '.', false), n);
            ck_assert(v.kind == VEC_INT && v.has_missing && v.scale == (every == 1 || n == 1 ? 0 : 2));
            for (uint32_t i = 0; i < n; i++)
                MUST(vec_has(&v, i) == (i % every != 0) && v.i[i] == (i % every ? 125 : 0), "row %u", i);
            for (uint32_t i = n; i < BATCH_ROWS; i++)
                MUST(!(present[i / 64] >> i % 64 & 1), "row %u", i);
        }
}
END_TEST

START_TEST(no_rows_are_no_rows)
{
    struct vec v;
    none();
    ck_assert_uint_eq(column(&v, '.', false), 0);
    ck_assert(!v.has_missing && v.most == 0);
}
END_TEST

START_TEST(strict_tells_the_first_bad_row_whatever_stands_before_it)
{
    static const char *const before[] = { "1", "2.5", "123456789012345678901", "1e300", "" };
    for (int k = 0; k < 5; k++)
        for (uint32_t at = 0; at < 200; at += 7) {
            struct vec v;
            none();
            for (uint32_t i = 0; i < 200; i++)
                add(i == at || i == 199 ? "x" : before[k]);
            ck_assert_uint_eq(column(&v, '.', false), at);
            ck_assert(bad == UINT32_MAX && first_bad == UINT32_MAX);
        }
}
END_TEST

START_TEST(lenient_counts_bad_rows_and_takes_them_for_missing)
{
    static const char *const before[] = { "1", "2.5", "123456789012345678901", "1e300" };
    for (int k = 0; k < 4; k++) {
        struct vec v;
        none();
        for (uint32_t i = 0; i < 1000; i++)
            add(i % 100 == 70 ? "x" : i % 100 == 20 ? "" : before[k]);
        ck_assert_uint_eq(column(&v, '.', true), 1000);
        ck_assert_uint_eq(bad, 10);
        ck_assert_uint_eq(first_bad, 70);
        for (uint32_t i = 0; i < 1000; i++) {
            ck_assert(vec_has(&v, i) == (i % 100 != 70 && i % 100 != 20));
            if (vec_has(&v, i))
                expect_row(&v, i, before[k], '.');
            else
                ck_assert(v.kind == VEC_INT ? v.i[i] == 0 : v.kind == VEC_WIDE ? v.w[i] == 0 : v.r[i] == 0);
        }
    }
}
END_TEST

/* ---- doubles ---- */

static double read_real(const char *text)
{
    struct value value;
    MUST(number_read(text, strlen(text), '.', &value), "%s", text);
    return value.kind == VALUE_REAL ? value.real : number_real(value.number, value.scale);
}

static void expect_real(const char *text)
{
    double want = strtod(text, NULL), got;
    struct value value;
    if (isinf(want)) {
        MUST(!number_read(text, strlen(text), '.', &value), "%s", text);
        return;
    }
    got = read_real(text);
    MUST(got == want, "%s: wanted %a, got %a", text, want, got);
}

START_TEST(random_reals_are_the_nearest_doubles)
{
    char text[128];
    for (int i = 0; i < ROUNDS(400000); i++) {
        int size = 0;
        uint32_t whole = 1 + below(i % 4 ? 5 : 40), behind = below(i % 3 ? 18 : 45);
        random_decimal(text, whole, behind, true);
        size = (int)strlen(text);
        if (i % 2)
            sprintf(text + size, "e%d", (int)below(700) - 350);
        expect_real(text);
    }
}
END_TEST

START_TEST(reals_at_and_next_to_the_middle_of_two_doubles_are_the_nearest)
{
    static char text[2048];
    for (int i = 0; i < ROUNDS(6000); i++) {
        uint64_t image = roll() & INT64_MAX;
        if (i % 3 == 0)
            image = image % (UINT64_C(1) << 54);        /* the smallest, with fewer bits */
        double low, high;
        memcpy(&low, &image, sizeof low);
        image++;
        memcpy(&high, &image, sizeof high);
        if (!isfinite(low) || !isfinite(high))
            continue;
        /* The middle has at most 1075 places behind the point; long doubles (where they are longer) have it exactly. */
        long double middle = ((long double)low + (long double)high) / 2;
        int size = snprintf(text, sizeof text, "%.1100Lf", middle);
        expect_real(text);
        text[size - 1] = '1';
        expect_real(text);
        char *last = text + size - 2;
        while (last > text && *last == '0')
            last--;
        if (*last >= '1' && *last <= '9') {
            *last = (char)(*last - 1);
            expect_real(text);
        }
    }
}
END_TEST

START_TEST(hard_reals_are_the_nearest_doubles)
{
    static const char *const hard[] = {
        "1e22", "1e23", "9007199254740993", "9007199254740992.5", "9007199254740993.0000000000000000000000000000000000000000000000001",
        "9007199254740991.5", "4503599627370497.5", "4503599627370498.5", "2.2250738585072011e-308", "2.2250738585072014e-308",
        "2.2250738585072012e-308",
        "4.9406564584124654e-324", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2.4703282292062327208e-324",
        "1e-324", "1e-325", "1e-400",
        "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "179769313486231580793e289",
        "1.797693134862315807e308",
        "6929495644600919.5", "3.518437208883201171875e13", "62.5364939768271845828", "8.10109172351e-10",
        "1.50000000000000011102230246251565",
        "9007199254740991.4999999999999999999999999999999995", "8.5e-323", "123456789012345678901234567890123456789e-39",
        "0.000000000000000000000000000000000000000000e500",
        "7.2057594037927933e16", "0.1", "0.2", "0.3", "100000000000000016777215", "100000000000000016777216", "-1e-400", "5e-324" };
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        expect_real(hard[i]);
}
END_TEST

START_TEST(a_real_may_have_very_many_digits)
{
    static char text[300000];
    for (int k = 0; k < 3; k++) {
        strcpy(text, "9007199254740993.");
        memset(text + 17, '0', 250000);
        text[200000] = k == 1 ? '1' : '0';
        strcpy(text + 250000, k == 2 ? "e-3" : "");
        expect_real(text);
    }
    memset(text, '0', 200000);
    strcpy(text + 200000, "1e-5");
    text[1] = '.';
    strcpy(text + 200001, "e199990");
    text[200000] = '7';
    expect_real(text);
}
END_TEST

START_TEST(exact_numbers_become_the_nearest_doubles)
{
    for (int i = 0; i < ROUNDS(300000); i++) {
        char text[80];
        wide m = (wide)((wide_u)roll() << 64 | roll()) >> below(127);
        uint8_t scale = (uint8_t)below(39);
        char *out = text;
        if (m < 0)
            *out++ = '-';
        out = write_digits(m < 0 ? -(wide_u)m : (wide_u)m, out);
        sprintf(out, "e-%d", scale);
        MUST(number_real(m, scale) == strtod(text, NULL), "%s", text);
    }
}
END_TEST

/* ---- to text ---- */

/* What the fewest digits are that read back, by trial. */
static int fewest_digits(double real, char text[40])
{
    for (int digits = 1;; digits++) {
        snprintf(text, 40, "%.*e", digits - 1, real);
        if (digits == 17 || strtod(text, NULL) == real)
            return digits;
    }
}

static int count_digits(const char *text)
{
    int n = 0, zeros = 0;
    for (; *text && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9' && (n > 0 || *text != '0')) {
            n++;
            zeros = *text == '0' ? zeros + 1 : 0;
        }
    return n - zeros;
}

static void expect_written(double real)
{
    char text[NUMBER_TEXT + 1];
    struct value value = { .kind = VALUE_REAL, .real = real };
    text[number_write(&value, text)] = '\0';
    MUST(strtod(text, NULL) == real, "%s is not %a", text, real);
    MUST(read_real(text) == real, "%s", text);
    char trial[40], want[CANON], got[CANON];
    int fewest = fewest_digits(real, trial), digits = count_digits(text);
    /* Fewer than by rounding, where another short decimal lies between the same neighbours. */
    MUST(digits <= fewest, "%s for %.17g", text, real);
    MUST(reference(trial, '.', want) && reference(text, '.', got), "%s, %s", trial, text);
    MUST(digits < fewest || strcmp(want, got) == 0, "%s is not as near as %s", text, trial);
    double size = fabs(real);
    MUST((strchr(text, 'e') != NULL) == (size != 0 && (size < 1e-5 || size >= 1e17)), "%s", text);
}

START_TEST(reals_are_written_as_short_as_they_read_back)
{
    for (int i = 0; i < ROUNDS(60000); i++) {
        uint64_t image = roll();
        double real;
        if (i % 4 == 1)
            image &= ~UINT64_C(0) << 52 | roll() % 3;                   /* next to powers of two */
        memcpy(&real, &image, sizeof real);
        if (i % 4 == 2)
            real = (double)below(1000000) / 1000;
        if (i % 4 == 3)
            real = (double)(int64_t)roll() / 1e4;
        if (isfinite(real) && real != 0)
            expect_written(real);
    }
    for (int e = -1074; e < 1024; e++)
        expect_written(ldexp(1, e));
    static const double hard[] = { DBL_MAX, DBL_MIN, 5e-324, 1e23, 9007199254740993.0, 1e16, 1e17, 99999999999999984.0, 1e-5, 9.9e-6,
        123456.75, 0.1, 1e21,
        2e-323, 1.5e-323, 9.5367431640625e-7, 4503599627370496.5, 1.7976931348623155e308 };
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        expect_written(hard[i]);
}
END_TEST

static const char *written(struct value value)
{
    static char text[NUMBER_TEXT + 1];
    text[number_write(&value, text)] = '\0';
    return text;
}

#define NUMBER(m, s) (struct value){ .kind = VALUE_NUMBER, .number = (m), .scale = (s) }
#define REAL(r) (struct value){ .kind = VALUE_REAL, .real = (r) }

START_TEST(numbers_are_written_in_full_and_without_zeros_at_the_end)
{
    ck_assert_str_eq(written(NUMBER(0, 0)), "0");
    ck_assert_str_eq(written(NUMBER(0, 7)), "0");
    ck_assert_str_eq(written(NUMBER(1500, 2)), "15");
    ck_assert_str_eq(written(NUMBER(1500, 0)), "1500");
    ck_assert_str_eq(written(NUMBER(-1495, 2)), "-14.95");
    ck_assert_str_eq(written(NUMBER(5, 1)), "0.5");
    ck_assert_str_eq(written(NUMBER(-5, 3)), "-0.005");
    ck_assert_str_eq(written(NUMBER(100, 2)), "1");
    ck_assert_str_eq(written(NUMBER(1, 38)), "0.00000000000000000000000000000000000001");
    wide most = (wide)(~(wide_u)0 >> 1);
    ck_assert_str_eq(written(NUMBER(most, 0)), "170141183460469231731687303715884105727");
    ck_assert_str_eq(written(NUMBER(-most - 1, 38)), "-1.70141183460469231731687303715884105728");
    ck_assert_str_eq(written(REAL(0.0)), "0");
    ck_assert_str_eq(written(REAL(-0.0)), "0");
    ck_assert_str_eq(written(REAL(1.5)), "1.5");
    ck_assert_str_eq(written(REAL(1e300)), "1e300");
    ck_assert_str_eq(written(REAL(-1.25e-7)), "-1.25e-7");
    ck_assert_str_eq(written(REAL(1e16)), "10000000000000000");
    ck_assert_str_eq(written(REAL(0.00001)), "0.00001");
    ck_assert_str_eq(written((struct value){ .kind = VALUE_MISSING }), "");
}
END_TEST

START_TEST(what_is_written_reads_back_as_the_same_number)
{
    for (int i = 0; i < ROUNDS(100000); i++) {
        wide m = (wide)((wide_u)roll() << 64 | roll()) >> (2 + below(125));
        struct value back, value = NUMBER(m, (uint8_t)below(39));
        char a[CANON], b[CANON];
        const char *text = written(value);
        if (m >= (wide)decimal_power(38) || m <= -(wide)decimal_power(38))
            continue;
        MUST(number_read(text, strlen(text), '.', &back) && back.kind == VALUE_NUMBER, "%s", text);
        canonical_of_wide(value.number, value.scale, a);
        canonical_of_wide(back.number, back.scale, b);
        MUST(strcmp(a, b) == 0, "%s, %s", a, b);
    }
}
END_TEST

int main(int argc, char **argv)
{
    add_case(decimals_of_all_lengths_are_exact);
    add_case(columns_of_one_scale_are_read_as_mixed_ones_are);
    add_case(mixed_scales_come_to_the_largest);
    add_case(the_ends_of_64_bits_are_integers);
    add_case(what_needs_more_than_64_bits_makes_the_batch_wide);
    add_case(what_needs_more_than_38_digits_makes_the_batch_real);
    add_case(zeros_that_do_not_count_take_no_room);
    add_case(every_spelling_of_a_number_is_read);
    add_case(what_is_no_number_is_told);
    add_case(every_byte_at_every_place_is_as_the_reference_says);
    add_case(the_point_may_be_a_comma);
    add_case(empty_cells_are_missing_and_zero);
    add_case(no_rows_are_no_rows);
    add_case(strict_tells_the_first_bad_row_whatever_stands_before_it);
    add_case(lenient_counts_bad_rows_and_takes_them_for_missing);
    add_case(random_reals_are_the_nearest_doubles);
    add_case(reals_at_and_next_to_the_middle_of_two_doubles_are_the_nearest);
    add_case(hard_reals_are_the_nearest_doubles);
    add_case(a_real_may_have_very_many_digits);
    add_case(exact_numbers_become_the_nearest_doubles);
    add_case(reals_are_written_as_short_as_they_read_back);
    add_case(numbers_are_written_in_full_and_without_zeros_at_the_end);
    add_case(what_is_written_reads_back_as_the_same_number);
    return run_cases(argc, argv);
}
