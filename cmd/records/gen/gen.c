/* gen.c - one sequence of numbers for each row, from its number; whole numbers only, as those are the same everywhere.
 *
 * The sequence is that of G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators" (2014), begun at a hash
 * of seed and row. */
#include "records/gen/gen.h"

#include "interrupt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ROW_MOST = 512,                 /* bytes: the longest of all that can be is shorter */
    ROWS_OF_PIECE = 8192,           /* written at once */
    CUSTOMERS = 400000, FIRST_CUSTOMER = 100000, FIRST_ORDER = 1000000,
    SECONDS_OF_ROW = 15, FIRST_DAY = 16801      /* 2016-01-01, from 1970-01-01 on */
};

/* ---- chance -------------------------------------------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct dice { uint64_t state; };

static struct dice dice_of(uint64_t seed, uint64_t row)
{
    return (struct dice){ mixed(mixed(seed + UINT64_C(0x9e3779b97f4a7c15)) ^ row) };
}

/* 0 .. n - 1, all as likely but for one in four billion. */
static uint32_t roll(struct dice *dice, uint32_t n)
{
    dice->state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((mixed(dice->state) >> 32) * n >> 32);
}

static bool one_in(struct dice *dice, uint32_t n)
{
    return roll(dice, n) == 0;
}

/* Of words with the shares they have in 1000. */
struct share { const char *word; uint32_t share; };

static const char *pick(struct dice *dice, const struct share *of)
{
    uint32_t at = roll(dice, 1000);
    for (; at >= of->share; of++)
        at -= of->share;
    return of->word;
}

/* ---- words --------------------------------------------------------------------------------------------------------------- */

static const struct share countries[] = {
    { "DE", 240 }, { "US", 150 }, { "FR", 110 }, { "GB", 90 }, { "IT", 60 }, { "ES", 55 }, { "NL", 45 }, { "PL", 40 }, { "AT", 35 },
    { "CH", 30 }, { "SE", 25 }, { "BE", 20 }, { "DK", 16 }, { "CZ", 14 }, { "PT", 12 }, { "NO", 10 }, { "FI", 9 }, { "IE", 8 },
    { "GR", 7 }, { "HU", 6 }, { "JP", 5 }, { "CA", 4 }, { "AU", 4 }, { "BR", 3 }, { "NZ", 2 } };
static const struct share sizes[] = { { "M", 300 }, { "L", 270 }, { "S", 170 }, { "XL", 150 }, { "XXL", 60 }, { "XS", 50 } };
static const struct share colours[] = {
    { "black", 230 }, { "white", 190 }, { "navy", 130 }, { "grey", 120 }, { "red", 90 }, { "green", 70 }, { "blue", 60 }, { "yellow", 50 },
    { "purple", 35 }, { "orange", 25 } };
static const struct share quantities[] = {
    { "1", 520 }, { "2", 220 }, { "3", 100 }, { "4", 60 }, { "5", 40 }, { "6", 25 }, { "7", 15 }, { "8", 12 }, { "9", 8 } };
static const struct share short_notes[] = {
    { "", 675 }, { "gift", 90 }, { "express", 80 }, { "leave at the door", 65 }, { "call first", 50 }, { "no plastic please", 40 } };

static const char *const names[32] = {
    "anna", "ben", "clara", "david", "emma", "felix", "greta", "hugo", "ida", "jonas", "kira", "leo", "mia", "noah", "olga", "paul",
    "quinn", "rosa", "sam", "tina", "uwe", "vera", "will", "xenia", "yara", "zoe", "amir", "bea", "chen", "dora", "eric", "fatma" };
static const char *const hosts[8] = {
    "example.com", "example.org", "example.net", "mail.example.org", "post.shirts.example", "students.example", "web.example.com",
    "some-works.example" };

/* What stands between the quotes, quotes doubled already. The last is followed by a row. */
static const char *const long_notes[] = {
    "gift, wrap it", "size runs small, send L if M is out", "please ring, then leave it with the neighbour, 2nd floor",
    "print \"\"HELLO\"\" on the back", "the \"\"good\"\" black, not the \"\"old\"\" one", "\"\"quoted\"\"",
    "line one\nline two", "first floor\nsecond door, left\n\nthanks", "Windows wrote this\r\nwith two bytes at the end of the line",
    "gr\303\266\303\237er, bitte", "caf\xc3\xa9 \xe2\x80\x9cMarie\xe2\x80\x9d, 2e \xc3\xa9tage",
    "\xe3\x81\x82\xe3\x82\x8a\xe3\x81\x8c\xe3\x81\xa8\xe3\x81\x86, \xf0\x9f\x91\x95",
    "as before:\n", "see also\n" };
enum { LONG_NOTES = sizeof long_notes / sizeof *long_notes, NOTES_WITH_ROWS = 2 };

/* ---- cells --------------------------------------------------------------------------------------------------------------- */

static char *put(char *out, const char *word)
{
    size_t size = strlen(word);
    memcpy(out, word, size);
    return out + size;
}

static char *put_number(char *out, uint64_t number, int least_digits)
{
    char digits[20], *first = digits + sizeof digits;
    for (; number || least_digits > 0; number /= 10, least_digits--)
        *--first = (char)('0' + (int)(number % 10));
    size_t size = (size_t)(digits + sizeof digits - first);
    memcpy(out, first, size);
    return out + size;
}

static char *put_hundredths(char *out, uint32_t hundredths)
{
    out = put_number(out, hundredths / 100, 1);
    *out++ = '.';
    return put_number(out, hundredths % 100, 2);
}

/* Civil from days, with years that begin in March so that the odd day comes last. */
static char *put_date(char *out, uint64_t days)
{
    uint64_t z = days + 719468, era = z / 146097, day = z % 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t day_of_year = day - (365 * year + year / 4 - year / 100), month = (5 * day_of_year + 2) / 153;
    year += era * 400 + (month >= 10);
    out = put_number(out, year, 4);
    *out++ = '-';
    out = put_number(out, month < 10 ? month + 3 : month - 9, 2);
    *out++ = '-';
    return put_number(out, day_of_year - (153 * month + 2) / 5 + 1, 2);
}

static char *put_time(char *out, uint64_t seconds)
{
    out = put_date(out, FIRST_DAY + seconds / 86400);
    seconds %= 86400;
    *out++ = 'T';
    out = put_number(out, seconds / 3600, 2);
    *out++ = ':';
    out = put_number(out, seconds / 60 % 60, 2);
    *out++ = ':';
    return put_number(out, seconds % 60, 2);
}

static char *put_email(char *out, uint64_t seed, uint32_t customer)
{
    uint64_t of = mixed(seed ^ (uint64_t)customer << 32);
    out = put(out, names[of % 32]);
    *out++ = '.';
    out = put_number(out, customer, 1);
    *out++ = '@';
    return put(out, hosts[of / 32 % 8]);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

static uint32_t roll_customer(struct dice *dice)
{
    uint32_t one = roll(dice, CUSTOMERS), other = roll(dice, CUSTOMERS);
    return FIRST_CUSTOMER + (one_in(dice, 2) && other < one ? other : one);
}

/* All up to the note, with the comma before it. */
static char *put_order(char *out, uint64_t seed, uint64_t row, struct dice *dice)
{
    out = put_number(out, FIRST_ORDER + row, 1);
    *out++ = ',';
    out = put_time(out, row * SECONDS_OF_ROW + roll(dice, SECONDS_OF_ROW));
    *out++ = ',';
    out = put(out, one_in(dice, 100) ? "" : pick(dice, countries));
    *out++ = ',';
    out = put(out, one_in(dice, 100) ? "" : pick(dice, sizes));
    *out++ = ',';
    out = put(out, one_in(dice, 70) ? "" : pick(dice, colours));
    *out++ = ',';
    out = put(out, one_in(dice, 100) ? "" : pick(dice, quantities));
    *out++ = ',';
    if (!one_in(dice, 100))
        out = put_hundredths(out, 500 + roll(dice, 4500));
    *out++ = ',';
    if (!one_in(dice, 50))
        out = put_hundredths(out, roll(dice, 10) < 6 ? 0 : 5 + 5 * roll(dice, 10));
    *out++ = ',';
    uint32_t customer = roll_customer(dice);
    if (!one_in(dice, 100))
        out = put_number(out, customer, 1);
    *out++ = ',';
    if (!one_in(dice, 60))
        out = put_email(out, seed, customer);
    *out++ = ',';
    return out;
}

static char *put_note(char *out, uint64_t seed, struct dice *dice)
{
    if (!one_in(dice, 50))
        return put(out, pick(dice, short_notes));
    uint32_t note = roll(dice, LONG_NOTES);
    *out++ = '"';
    out = put(out, long_notes[note]);
    if (note >= LONG_NOTES - NOTES_WITH_ROWS) {
        out = put_order(out, seed, roll(dice, 1000000), dice);
        out = put(out, "gift\n");
    }
    *out++ = '"';
    return out;
}

static char *put_row(char *out, uint64_t seed, uint64_t row)
{
    struct dice dice = dice_of(seed, row);
    out = put_order(out, seed, row, &dice);
    out = put_note(out, seed, &dice);
    *out++ = '\n';
    return out;
}

/* At most ROW_MOST bytes of room for each. */
static size_t put_rows(char *out, uint64_t seed, uint64_t lo, uint64_t hi)
{
    char *at = out;
    for (uint64_t row = lo; row < hi; row++)
        at = put_row(at, seed, row);
    return (size_t)(at - out);
}

int gen_rows(uint64_t seed, uint64_t lo, uint64_t hi, char **ret_text, size_t *ret_size)
{
    char *text = hi - lo < SIZE_MAX / ROW_MOST ? malloc((hi - lo) * ROW_MOST + 1) : NULL;
    if (!text)
        return -ENOMEM;
    *ret_size = put_rows(text, seed, lo, hi);
    char *fitting = realloc(text, *ret_size + 1);
    *ret_text = fitting ? fitting : text;
    return 0;
}

static int write_whole(int fd, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, text + at, size - at);
        if (n < 0 && errno == EINTR && !interrupt_came())
            continue;
        if (n < 0)
            return -errno;
        at += (size_t)n;
    }
    return 0;
}

int gen_write(uint64_t seed, uint64_t n_rows, int fd)
{
    char *text = malloc(ROWS_OF_PIECE * ROW_MOST);
    if (!text)
        return -ENOMEM;
    int r = write_whole(fd, GEN_HEADER, strlen(GEN_HEADER));
    for (uint64_t row = 0; r == 0 && row < n_rows; row += ROWS_OF_PIECE) {
        if (interrupt_came()) {
            r = -EINTR;
            break;
        }
        uint64_t hi = n_rows - row < ROWS_OF_PIECE ? n_rows : row + ROWS_OF_PIECE;
        r = write_whole(fd, text, put_rows(text, seed, row, hi));
    }
    free(text);
    return r;
}
