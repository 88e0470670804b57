/* records/scan: every instruction set against one that looks at one byte at a time. */
#include "harness.h"
#include "records/scan/scan.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 640, BEHIND = 64 };       /* of a text; and what the scan may read behind it */

static uint32_t random_below(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % n);
}

/* ---- one byte at a time -------------------------------------------------------------------------------------------------- */

enum state { FIELD, OTHER, CLOSED, CLOSED_CR };
struct simple {
    char delimiter, quote;
    bool in_quotes;
    enum state state;
    uint32_t closed_at, bad, n, newlines;
    uint32_t ends[ROOM];
};

static void take_bad(struct simple *s, uint32_t at)
{
    if (s->bad == UINT32_MAX)
        s->bad = at;
}

static void take_quote(struct simple *s, uint32_t at)
{
    if (s->in_quotes) {
        s->in_quotes = false;
        s->state = CLOSED;
        s->closed_at = at;
        return;
    }
    if (s->state == CLOSED_CR)
        take_bad(s, s->closed_at);
    if (s->state == OTHER)
        take_bad(s, at);
    s->in_quotes = true;
    s->state = OTHER;
}

static void take_end(struct simple *s, char c, uint32_t at)
{
    if (s->state == CLOSED_CR && c != '\n')
        take_bad(s, s->closed_at);
    s->ends[s->n++] = at;
    s->newlines += c == '\n';
    s->state = FIELD;
}

static void take(struct simple *s, char c, uint32_t at)
{
    if (s->quote && c == s->quote) {
        take_quote(s, at);
    } else if (s->in_quotes) {
        s->state = OTHER;
    } else if (c == s->delimiter || c == '\n') {
        take_end(s, c, at);
    } else if (c == '\r' && s->state == CLOSED) {
        s->state = CLOSED_CR;
    } else {
        if (s->state == CLOSED || s->state == CLOSED_CR)
            take_bad(s, s->closed_at);
        s->state = OTHER;
    }
}

static void simple_scan(struct simple *s, const struct scan *from, const char *text, size_t size, uint32_t base)
{
    *s = (struct simple){ .delimiter = from->delimiter, .quote = from->quote, .in_quotes = from->in_quotes, .bad = UINT32_MAX };
    for (size_t i = 0; i < size; i++)
        take(s, text[i], base + (uint32_t)i);
}

/* ---- texts --------------------------------------------------------------------------------------------------------------- */

/* Seldom quotes, often quotes, always something that counts, words; and bytes from which sums might carry into the next. */
static const char *const alphabets[] = { "aaaaaaaa,,\n\r\"", "a,\"\n\r", ",\n", "\",", "\"\"\"\r\n", "abcdefgh,", "\"a", "a\"\"\"\",",
                                         "\xac,\xa2\"\x8a\n\xff\x80" };
enum { ALPHABETS_N = sizeof alphabets / sizeof alphabets[0] };

static void random_text(uint64_t *state, char *text, size_t size)
{
    const char *alphabet = alphabets[random_below(state, ALPHABETS_N)];
    for (size_t i = 0; i < size; i++)
        text[i] = alphabet[random_below(state, (uint32_t)strlen(alphabet))];
}

static struct scan random_scan(uint64_t *state)
{
    return (struct scan){ .delimiter = ',', .quote = random_below(state, 8) ? '"' : 0, .in_quotes = random_below(state, 3) == 0 };
}

/* Scans the text in calls that end at `cut` (size: one call), and compares all of it. */
static void compare(const struct scan *from, const char *text, size_t size, size_t cut, uint32_t base)
{
    struct simple s;
    struct scan scan = *from;
    uint32_t ends[ROOM + 64], bad, later_bad = UINT32_MAX;
    size_t newlines, later_newlines = 0;
    simple_scan(&s, from, text, size, base);
    size_t n = scan_ends(&scan, text, cut, base, ends, &newlines, &bad);
    if (cut < size)
        n += scan_ends(&scan, text + cut, size - cut, base + (uint32_t)cut, ends + n, &later_newlines, &later_bad);
    bad = bad == UINT32_MAX ? later_bad : bad;
    /* (an assertion of check, met or not, is a write to a pipe: one for all of these) */
    ck_assert_msg(n == s.n && memcmp(ends, s.ends, n * sizeof *ends) == 0 && newlines + later_newlines == s.newlines && bad == s.bad &&
                  (!scan.quote || scan.in_quotes == s.in_quotes), "%s: %zu ends for %u, bad %u for %u: %.*s", scan_name(), n, s.n, bad,
                  s.bad, (int)size, text);
}

START_TEST(every_instruction_set_finds_what_one_byte_at_a_time_finds)
{
    uint64_t state = 1;
    for (size_t k = 0; scan_kind(k); k++) {
        ck_assert(scan_choose(scan_kind(k)));
        for (int i = 0; i < ROUNDS(60000); i++) {
            char room[64 + ROOM + BEHIND];
            size_t shift = random_below(&state, 64), size = random_below(&state, random_below(&state, 8) ? 200 : ROOM);
            random_text(&state, room, sizeof room);     /* also what stands behind the text, and is none of it */
            struct scan scan = random_scan(&state);
            compare(&scan, room + shift, size, size, random_below(&state, 2) * 1000);
        }
    }
}
END_TEST

START_TEST(text_may_be_given_in_two_calls_wherever_it_is_cut)
{
    uint64_t state = 2;
    for (size_t k = 0; scan_kind(k); k++) {
        ck_assert(scan_choose(scan_kind(k)));
        for (int i = 0; i < ROUNDS(300); i++) {
            char room[ROOM + BEHIND];
            size_t size = random_below(&state, 150);
            random_text(&state, room, sizeof room);
            struct scan scan = random_scan(&state);
            for (size_t cut = 0; cut <= size; cut++)
                compare(&scan, room, size, cut, 0);
        }
    }
}
END_TEST

/* All texts of five letters and `n` bytes: at the beginning, and over the border of two blocks. */
static void all_texts(size_t n, size_t before)
{
    static const char letters[] = "a,\"\n\r";
    size_t all = 1;
    for (size_t i = 0; i < n; i++)
        all *= 5;
    for (size_t number = 0; number < all; number++) {
        char room[ROOM];
        memset(room, ',', sizeof room);
        for (size_t i = 0, left = number; i < n; i++, left /= 5)
            room[before + i] = letters[left % 5];
        compare(&(struct scan){ .delimiter = ',', .quote = '"' }, room, before + n, before + n, 0);
        compare(&(struct scan){ .delimiter = ',', .quote = '"' }, room, before + n, before + n / 2, 0);
        compare(&(struct scan){ .delimiter = ',', .quote = '"' }, room, before + n + 1, before + n + 1, 7);
    }
}

START_TEST(every_short_text_is_judged_as_it_should_be)
{
    for (size_t k = 0; scan_kind(k); k++) {
        ck_assert(scan_choose(scan_kind(k)));
        for (size_t n = 0; n <= (SANITIZED ? 4 : 6); n++) {
            all_texts(n, 0);
            all_texts(n, 64 - n / 2);
        }
    }
}
END_TEST

/* What the trivial machine cannot get wrong together with the scan: written down by hand. */
START_TEST(quotes_stand_around_whole_fields)
{
    static const struct { const char *text; uint32_t bad; } cases[] = {
        { "\"a\",\"b\"\n", UINT32_MAX }, { "\"a\"\"b\",c\n", UINT32_MAX }, { "\"\"\n\"\"\"\"\n", UINT32_MAX }, { "\"a\"\r\n", UINT32_MAX },
        { "\"a\"", UINT32_MAX }, { "\"a,\r\n", UINT32_MAX },
        { "a\"b\",c\n", 1 }, { "a,b\"\n", 3 }, { "\"a\"b,c\n", 2 }, { "\"a\" ,c\n", 2 },
        { " \"a\",c\n", 1 }, { "\"a\"\rb\n", 2 }, { "\"a\"\r,b\n", 2 }, { "\"a\"\r\"b\"\n", 2 }, { "\"a\"\r\r\n", 2 },
        { "x,\"a\"b\"c\"\n", 4 },
        { "\r\"a\"\n", 1 },
    };
    for (size_t k = 0; scan_kind(k); k++) {
        ck_assert(scan_choose(scan_kind(k)));
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            char room[256] = { 0 };
            uint32_t ends[256 + 64], bad;
            size_t newlines;
            struct scan scan = { .delimiter = ',', .quote = '"' };
            strcpy(room, cases[i].text);
            scan_ends(&scan, room, strlen(room), 0, ends, &newlines, &bad);
            ck_assert_msg(bad == cases[i].bad, "%s: %u", cases[i].text, bad);
        }
    }
}
END_TEST

START_TEST(where_everything_counts_all_of_it_is_written)
{
    for (size_t k = 0; scan_kind(k); k++) {
        ck_assert(scan_choose(scan_kind(k)));
        for (size_t size = 0; size <= 300; size++) {
            char room[300 + BEHIND];
            size_t newlines;
            uint32_t bad, *ends = malloc((size + 64) * sizeof *ends);   /* no more than is promised: the sanitizer looks */
            struct scan scan = { .delimiter = ',', .quote = '"' };
            memset(room, '\n', sizeof room);
            ck_assert_uint_eq(scan_ends(&scan, room, size, 5, ends, &newlines, &bad), size);
            ck_assert_uint_eq(newlines, size);
            for (size_t i = 0; i < size; i++)
                if (ends[i] != 5 + i)
                    ck_abort_msg("end %zu at %u", i, ends[i]);
            free(ends);
        }
    }
}
END_TEST

START_TEST(quotes_are_counted_and_nothing_behind_the_text_is_read)
{
    uint64_t state = 3;
    for (size_t k = 0; scan_kind(k); k++) {
        ck_assert(scan_choose(scan_kind(k)));
        for (size_t size = 0; size < ROUNDS(2000); size++) {
            char *text = malloc(size + 1), last = '"';
            size_t n = 0;
            random_text(&state, text, size);
            text[size] = last;          /* is not of the text */
            for (size_t i = 0; i < size; i++)
                n += text[i] == '"';
            text = realloc(text, size ? size : 1);
            ck_assert_uint_eq(scan_quotes(text, size, '"'), n);
            ck_assert_uint_eq(scan_quotes(text, size, 0), 0);
            free(text);
        }
    }
}
END_TEST

START_TEST(bytes_of_any_value_are_told_apart)
{
    for (size_t k = 0; scan_kind(k); k++) {
        ck_assert(scan_choose(scan_kind(k)));
        for (int delimiter = 0; delimiter < 256; delimiter++) {
            char room[256 + BEHIND];
            uint32_t ends[256 + 64], bad;
            size_t newlines;
            struct scan scan = { .delimiter = (char)delimiter };
            for (int i = 0; i < 256; i++)
                room[i] = (char)i;
            size_t n = scan_ends(&scan, room, 256, 0, ends, &newlines, &bad);
            ck_assert_uint_eq(n, delimiter == '\n' ? 1 : 2);
            ck_assert(ends[0] == (uint32_t)delimiter || ends[n - 1] == (uint32_t)delimiter);
            ck_assert_uint_eq(newlines, 1);
            ck_assert_uint_eq(scan_quotes(room, 256, (char)delimiter), 1);
        }
    }
}
END_TEST

START_TEST(plain_c_is_always_there_and_others_can_be_chosen_by_name)
{
    size_t n = 0;
    ck_assert_str_eq(scan_name(), scan_kind(0));
    while (scan_kind(n)) {
        ck_assert(scan_choose(scan_kind(n)));
        ck_assert_str_eq(scan_name(), scan_kind(n));
        n++;
    }
    ck_assert_str_eq(scan_kind(n - 1), "plain");
    ck_assert(!scan_choose("abacus"));
    ck_assert_str_eq(scan_name(), "plain");
}
END_TEST

int main(int argc, char **argv)
{
    add_case(every_instruction_set_finds_what_one_byte_at_a_time_finds);
    add_case(text_may_be_given_in_two_calls_wherever_it_is_cut);
    add_case(every_short_text_is_judged_as_it_should_be);
    add_case(quotes_stand_around_whole_fields);
    add_case(where_everything_counts_all_of_it_is_written);
    add_case(quotes_are_counted_and_nothing_behind_the_text_is_read);
    add_case(bytes_of_any_value_are_told_apart);
    add_case(plain_c_is_always_there_and_others_can_be_chosen_by_name);
    return run_cases(argc, argv);
}
