/* records/read: the rows of pieces, against a parser that knows the whole text and looks at one byte at a time. */
#include "harness.h"
#include "records/read/reader.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t random_below(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % n);
}

/* ---- a text as a file ---------------------------------------------------------------------------------------------------- */

struct file {
    const char *text;
    uint64_t size;
    uint64_t gives;             /* at most so many bytes at once; 0: as many as asked for */
    uint64_t flaw_at;           /* from here on it cannot be read; 0: it can */
};

static int64_t give(void *context, uint64_t at, char *buf, size_t size, struct flaw *ret_flaw)
{
    const struct file *file = context;
    uint64_t n = at < file->size ? file->size - at : 0;
    if (file->flaw_at && at + size > file->flaw_at) {
        n = at < file->flaw_at ? file->flaw_at - at : 0;
        if (n == 0)
            return -flaw_set(ret_flaw, FLAW_READ, at, "the disk is on fire");
    }
    n = n < size ? n : size;
    n = file->gives && n > file->gives ? file->gives : n;
    memcpy(buf, file->text + at, n);
    return (int64_t)n;
}

/* ---- rows, however they were found --------------------------------------------------------------------------------------- */

enum { FIELDS_MAX = 3 };
struct span { uint32_t begin, end; };
struct found_row { uint64_t at; struct span field[FIELDS_MAX]; };
struct found {
    size_t n, room;
    struct found_row *row;
    struct flaw flaw;           /* of several the first */
    struct odds odds;
};

static struct found_row *add_row(struct found *found)
{
    if (found->n == found->room) {
        found->room = found->room * 2 + 64;
        found->row = realloc(found->row, found->room * sizeof *found->row);
        if (!found->row)
            ck_abort_msg("no memory");
    }
    memset(&found->row[found->n], 0, sizeof *found->row);
    return &found->row[found->n++];
}

/* Keeps its room. */
static void empty_found(struct found *found)
{
    found->n = 0;
    found->flaw = (struct flaw){ 0 };
    odds_init(&found->odds);
}

static void init_found(struct found *found)
{
    *found = (struct found){ 0 };
    empty_found(found);
}

static void take_flaw(struct found *found, const struct flaw *flaw)
{
    if (!found->flaw.kind || flaw->at < found->flaw.at)
        found->flaw = *flaw;
}

/* ---- the parser to compare with ------------------------------------------------------------------------------------------ */

struct parser {
    const struct shape *shape;
    const char *text;
    uint64_t size, at, first;
    struct found *found;
    uint64_t n_fields, end;     /* of the row at hand; its last field ends at `end` */
    struct span field[64];
    uint64_t row_at;
};

static void set_flaw(struct parser *p, int kind, uint64_t at)
{
    p->found->flaw = (struct flaw){ .kind = kind, .at = at };
}

static bool is_end(const struct parser *p, uint64_t at)
{
    return at == p->size || p->text[at] == p->shape->delimiter || p->text[at] == '\n' ||
           (p->text[at] == '\r' && at + 1 < p->size && p->text[at + 1] == '\n');
}

/* From the opening quote to behind the closing one. */
static bool parse_quoted(struct parser *p)
{
    uint64_t opening = p->at++;
    for (;; p->at++) {
        if (p->at == p->size) {
            set_flaw(p, FLAW_QUOTE, opening);
            return false;
        }
        if (p->text[p->at] != p->shape->quote)
            continue;
        if (p->at + 1 < p->size && p->text[p->at + 1] == p->shape->quote) {
            p->at++;
            continue;
        }
        p->at++;
        if (is_end(p, p->at))
            return true;
        set_flaw(p, FLAW_QUOTE, p->at - 1);
        return false;
    }
}

static bool parse_field(struct parser *p)
{
    uint64_t begin = p->at;
    if (p->shape->quote && p->at < p->size && p->text[p->at] == p->shape->quote) {
        if (!parse_quoted(p))
            return false;
    } else {
        while (!is_end(p, p->at)) {
            if (p->shape->quote && p->text[p->at] == p->shape->quote) {
                set_flaw(p, FLAW_QUOTE, p->at);
                return false;
            }
            p->at++;
        }
    }
    if (p->n_fields < 64)
        p->field[p->n_fields] = (struct span){ (uint32_t)begin, (uint32_t)p->at };
    p->n_fields++;
    return true;
}

static void odd(struct parser *p, enum odd_kind kind)
{
    odds_add(&p->found->odds, kind, 1, p->row_at);
}

static bool keep_row(struct parser *p)
{
    if (p->shape->n_fields > 1 && p->end == p->row_at) {
        odd(p, ODD_BLANK_LINE);
        return true;
    }
    if (p->n_fields != p->shape->n_fields && !p->shape->is_lenient) {
        set_flaw(p, FLAW_FIELDS, p->row_at);
        return false;
    }
    if (p->n_fields != p->shape->n_fields)
        odd(p, p->n_fields < p->shape->n_fields ? ODD_SHORT_ROW : ODD_LONG_ROW);
    struct found_row *row = add_row(p->found);
    row->at = p->row_at;
    for (uint32_t k = 0; k < p->shape->n_used; k++)
        row->field[k] = p->shape->used[k] < p->n_fields ? p->field[p->shape->used[k]] : (struct span){ (uint32_t)p->end, (uint32_t)p->end };
    return true;
}

static bool parse_row(struct parser *p)
{
    p->row_at = p->at;
    p->n_fields = 0;
    for (;;) {
        if (!parse_field(p))
            return false;
        if (p->at == p->size || p->text[p->at] != p->shape->delimiter)
            break;
        p->at++;
    }
    p->end = p->at;
    if (p->at == p->size)
        odd(p, ODD_LAST_LINE);
    else if (p->text[p->at] == '\r') {
        odd(p, ODD_CRLF);
        p->at++;
    }
    bool is_kept = keep_row(p);
    p->at++;
    return is_kept;
}

static void parse(const struct shape *shape, const char *text, uint64_t first, uint64_t size, struct found *found)
{
    struct parser p = { .shape = shape, .text = text, .size = size, .at = first, .found = found };
    empty_found(found);
    while (p.at < size && parse_row(&p))
        ;
}

/* ---- the reader ---------------------------------------------------------------------------------------------------------- */

/* Reads the pads, too: the sanitizer looks. */
static void touch_pads(const struct batch *batch)
{
    volatile char sum = 0;
    for (int i = 1; i <= READER_PAD; i++)
        sum = (char)(sum + batch->text[(ptrdiff_t)batch->row[0] - i] + batch->text[batch->row[batch->n] + (uint32_t)i - 1]);
}

static void take_batch(const struct shape *shape, const struct batch *batch, struct found *found)
{
    uint64_t at = place_byte(batch->at);
    ck_assert(batch->n > 0 && batch->n <= BATCH_ROWS && place_file(batch->at) == 7);
    for (uint32_t i = 0; i < batch->n; i++) {
        struct found_row *row = add_row(found);
        row->at = at + batch->row[i];
        if (batch->row[i] >= batch->row[i + 1])     /* (an assertion of check, met or not, is a write to a pipe: too slow here) */
            ck_abort_msg("row %u is empty", i);
        for (uint32_t k = 0; k < shape->n_used; k++)
            row->field[k] = (struct span){ (uint32_t)at + batch->begin[k][i], (uint32_t)at + batch->end[k][i] };
    }
    touch_pads(batch);
}

/* All batches of [lo, hi). */
static void read_piece(struct reader *reader, const struct shape *shape, struct file *file, uint64_t first, uint64_t lo, uint64_t hi,
                       bool in_quotes, struct found *found)
{
    struct batch batch;
    struct flaw flaw = { 0 };
    int r = reader_begin(reader, 7, first, lo, hi, in_quotes, give, file, &flaw);
    while (r == 0) {
        r = reader_next(reader, &batch, &flaw);
        if (r == 0)
            take_batch(shape, &batch, found);
    }
    if (r == READER_END)
        return;
    ck_assert_int_eq(r, flaw.kind);
    if (flaw.kind != FLAW_READ)
        ck_assert_uint_eq(place_file(flaw.at), 7);
    flaw.at = place_byte(flaw.at);
    take_flaw(found, &flaw);
}

static bool has_odd_quotes(const struct shape *shape, const struct file *file, uint64_t lo, uint64_t hi)
{
    bool odd_number = false;
    for (uint64_t i = lo; i < hi && i < file->size; i++)
        odd_number ^= shape->quote && file->text[i] == shape->quote;
    return odd_number;
}

/* In pieces of `step` bytes. Rows behind a flaw do not count. */
static void read_all(struct reader *reader, const struct shape *shape, struct file *file, uint64_t first, uint64_t step,
                     struct found *found)
{
    bool inside = false;
    empty_found(found);
    for (uint64_t lo = first; lo <= file->size; lo += step) {
        uint64_t hi = step < UINT64_MAX - lo ? lo + step : UINT64_MAX;
        read_piece(reader, shape, file, first, lo, hi, inside, found);
        if (hi == UINT64_MAX)
            break;
        inside ^= has_odd_quotes(shape, file, lo, hi);
    }
    while (found->flaw.kind && found->n > 0 && found->row[found->n - 1].at > found->flaw.at)
        found->n--;
}

static void compare_rows(const struct found *a, const struct found *b)
{
    ck_assert_int_eq(a->flaw.kind, b->flaw.kind);
    ck_assert_uint_eq(a->flaw.at, b->flaw.at);
    ck_assert_uint_eq(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        if (memcmp(&a->row[i], &b->row[i], sizeof a->row[i]) != 0)
            ck_abort_msg("row %zu at %" PRIu64 " and %" PRIu64, i, a->row[i].at, b->row[i].at);
}

static void compare_odds(const struct odds *a, const struct odds *b)
{
    for (int i = 0; i < ODDS_N; i++) {
        uint64_t first_a = place_byte(a->odd[i].first), first_b = place_byte(b->odd[i].first);
        if (a->odd[i].n != b->odd[i].n || first_a != first_b)
            ck_abort_msg("odd %d: %" PRIu64 " for %" PRIu64 ", first at %" PRIu64 " for %" PRIu64, i, a->odd[i].n, b->odd[i].n,
                         first_a, first_b);
    }
}

static struct reader *new_reader(const struct shape *shape)
{
    struct reader *reader;
    ck_assert_int_eq(reader_new(shape, &reader), 0);
    return reader;
}

/* Both parsers; the whole text and pieces; odds where there is no flaw (with one, pieces behind it count some that are none). */
static void check_text(const struct shape *shape, struct file *file, uint64_t first, const uint64_t steps[], size_t n_steps)
{
    static struct found expected, whole, pieces;    /* static: they keep their room from text to text */
    char text[sizeof whole.flaw.text];
    parse(shape, file->text, first, file->size, &expected);
    struct reader *reader = new_reader(shape);
    read_all(reader, shape, file, first, UINT64_MAX, &whole);
    compare_rows(&expected, &whole);
    if (!whole.flaw.kind)
        compare_odds(&expected.odds, reader_odds(reader));
    memcpy(text, whole.flaw.text, sizeof text);
    reader_free(reader);
    for (size_t i = 0; i < n_steps; i++) {
        reader = new_reader(shape);
        read_all(reader, shape, file, first, steps[i], &pieces);
        compare_rows(&expected, &pieces);
        ck_assert_str_eq(text, pieces.flaw.text);
        if (!whole.flaw.kind)
            compare_odds(&expected.odds, reader_odds(reader));
        reader_free(reader);
    }
}

/* ---- random texts -------------------------------------------------------------------------------------------------------- */

static const struct shape shapes[] = {
    { .delimiter = ',', .quote = '"', .n_fields = 1, .n_used = 1, .used = { 0 } },
    { .delimiter = ',', .quote = '"', .n_fields = 2, .n_used = 2, .used = { 0, 1 } },
    { .delimiter = ',', .quote = '"', .n_fields = 3, .n_used = 1, .used = { 2 } },
    { .delimiter = ',', .quote = '"', .n_fields = 2, .is_lenient = true, .n_used = 2, .used = { 0, 1 } },
    { .delimiter = ',', .quote = '"', .n_fields = 3, .is_lenient = true, .n_used = 2, .used = { 1, 2 } },
    { .delimiter = ',', .quote = 0, .n_fields = 2, .is_lenient = true, .n_used = 1, .used = { 1 } },
    { .delimiter = ';', .quote = '\'', .n_fields = 3, .n_used = 0 },
};
enum { SHAPES_N = sizeof shapes / sizeof shapes[0] };

static size_t put(char *text, size_t n, const char *more)
{
    memcpy(text + n, more, strlen(more));
    return n + strlen(more);
}

/* Mostly sound rows of this shape, of at most `most` bytes or a little more; at times something that is not. */
static size_t random_rows(uint64_t *state, const struct shape *shape, uint32_t trouble, char *text, size_t most)
{
    const char q[2] = { shape->quote ? shape->quote : '"' }, d[2] = { shape->delimiter };
    const char *newline = random_below(state, 3) ? "\n" : "\r\n";
    const char *const troubles[] = { "\n", "\r\n", "a\n", ",,,,,,,\n", q, "\"x\"y\n", "x\"y\n", "\r", "\"", "\"a\"\r" };
    size_t n = 0;
    while (n < most) {
        for (uint32_t i = 0; i < shape->n_fields; i++) {
            n = put(text, n, i ? d : "");
            switch (random_below(state, 12)) {
            case 0: n += (size_t)sprintf(text + n, "%sin\nside%s", q, q); break;
            case 1: n += (size_t)sprintf(text + n, "%s%s%s%s\r\n%s", q, d, q, q, q); break;
            case 2: n = put(text, n, "a \r longer field"); break;
            case 3: break;
            default: n = put(text, n, "12.5"); break;
            }
        }
        n = put(text, n, random_below(state, 50) ? newline : "\n");
        if (trouble && random_below(state, trouble) == 0)
            n = put(text, n, troubles[random_below(state, 10)]);
    }
    return random_below(state, 3) ? n : n - random_below(state, 6);
}

START_TEST(pieces_of_any_size_give_the_rows_of_the_whole)
{
    uint64_t state = (uint64_t)_i + 1, steps[24];
    for (uint64_t i = 0; i < 24; i++)
        steps[i] = i + 1;
    for (int i = 0; i < ROUNDS(600); i++) {
        const struct shape *shape = &shapes[random_below(&state, SHAPES_N)];
        char text[1024];
        size_t n = random_rows(&state, shape, (const uint32_t[]){ 0, 5, 40 }[_i % 3], text, random_below(&state, 200) + 6);
        struct file file = { .text = text, .size = n, .gives = random_below(&state, 2) ? random_below(&state, 50) : 0 };
        check_text(shape, &file, random_below(&state, 4) ? 0 : random_below(&state, 6), steps, 24);
    }
}
END_TEST

START_TEST(every_short_text_is_read_as_it_should_be)
{
    static const char letters[] = "a,\"\n\r";
    static const uint64_t steps[] = { 1, 2, 3 };
    size_t all = 1;
    for (size_t n = 0; n <= (SANITIZED ? 4 : 5); n++, all *= 5)
        for (size_t number = 0; number < all; number++)
            for (int k = 0; k < 5; k++) {
                char text[8];
                for (size_t i = 0, left = number; i < n; i++, left /= 5)
                    text[i] = letters[left % 5];
                struct file file = { .text = text, .size = n };
                check_text(&shapes[k], &file, 0, steps, 3);
            }
}
END_TEST

/* Larger than the window several times, so that it slides, and batches are full. */
START_TEST(long_texts_are_read_through_windows)
{
    enum { SIZE = SANITIZED ? 500000 : 1200000 };
    static const uint64_t steps[] = { 1 << 20, 100000, 65537 };
    uint64_t state = (uint64_t)_i + 1;
    char *text = malloc(SIZE + 1000);
    for (int i = _i; i < SHAPES_N; i += 2) {
        struct file file = { .text = text, .gives = _i == 2 ? 5000 : 0 };
        file.size = random_rows(&state, &shapes[i], (const uint32_t[]){ 0, 100000, 200 }[_i % 3], text, SIZE);
        check_text(&shapes[i], &file, 0, steps, 3);
    }
    free(text);
}
END_TEST

/* Wherever in the window it is when that has to slide before the flaw is told. */
START_TEST(a_flaw_is_found_at_any_place_of_a_long_text)
{
    enum { SIZE = 600000, ROW = 20 };
    static const uint64_t steps[] = { 1 << 19 };
    static const char *const flawed[] = {
        "\"23456\"x,\"0123456789", "0123456\"8,0123456789", "01234567,\"0123456789", "01234567,90,234567890"
    };
    char *text = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i += ROW)
        memcpy(text + i, "01234567,\"12345678\"\n", ROW);
    for (size_t at = 0, i = 0; at < SIZE; at += ROW * (SANITIZED ? 3001 : 301), i++) {
        struct file file = { .text = text, .size = SIZE };
        memcpy(text + at, flawed[i % 4], ROW - 1);
        check_text(&shapes[1], &file, 0, steps, 1);
        memcpy(text + at, "01234567,\"12345678\"\n", ROW);
    }
    free(text);
}
END_TEST

/* ---- flaws --------------------------------------------------------------------------------------------------------------- */

static struct found read_text(const struct shape *shape, const char *text, struct odds *ret_odds)
{
    struct found found;
    struct file file = { .text = text, .size = strlen(text) };
    struct reader *reader = new_reader(shape);
    init_found(&found);
    read_all(reader, shape, &file, 0, UINT64_MAX, &found);
    *ret_odds = *reader_odds(reader);
    reader_free(reader);
    return found;
}

START_TEST(a_flaw_has_its_place_its_text_and_all_rows_before_it)
{
    static const struct { int shape; const char *text; size_t rows; int kind; uint64_t at; const char *says; } cases[] = {
        { 1, "a,b\nc\nd,e\n", 1, FLAW_FIELDS, 4, "expected 2 fields, found 1" },
        { 1, "a,b\nc,d\ne,f,g\n", 2, FLAW_FIELDS, 8, "expected 2 fields, found 3" },
        { 0, "a\nb,c", 1, FLAW_FIELDS, 2, "expected 1 field, found 2" },
        { 1, "a,b\nc,d\"e\n", 1, FLAW_QUOTE, 7, "expected quotes around a whole field or none, found one inside of: d\"e" },
        { 1, "a,b\nc, \"d\"\n", 1, FLAW_QUOTE, 7, "expected quotes around a whole field or none, found one inside of:  \"d\"" },
        { 1, "\"a\"x,b\n", 0, FLAW_QUOTE, 2, "expected a delimiter or the end of the line behind a closing quote, found: x,b" },
        { 1, "a,b\n\"a\ny\"\tx,b\n", 1, FLAW_QUOTE, 8, "expected a delimiter or the end of the line behind a closing quote, found: ?x,b" },
        { 1, "a,b\nc,\"d\ne,f\n", 1, FLAW_QUOTE, 6, "expected a closing quote before the end of the file, found none to: \"d" },
        { 1, "a,b\nc,\"d\"\r", 1, FLAW_QUOTE, 8, "expected \\r\\n behind a closing quote, found \\r and the end of the file" },
        { 4, "a,b,c,d,e,\"f", 0, FLAW_QUOTE, 10, "expected a closing quote before the end of the file, found none to: \"f" },
        { 3, "a,b\nc,d,\"e\"f,g\n", 1, FLAW_QUOTE, 10, "expected a delimiter or the end of the line behind a closing quote, found: f,g" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct odds odds;
        struct found found = read_text(&shapes[cases[i].shape], cases[i].text, &odds);
        ck_assert_uint_eq(found.n, cases[i].rows);
        ck_assert_int_eq(found.flaw.kind, cases[i].kind);
        ck_assert_uint_eq(found.flaw.at, cases[i].at);
        ck_assert_str_eq(found.flaw.text, cases[i].says);
        free(found.row);
    }
}
END_TEST

START_TEST(a_flaw_stays_and_the_next_piece_begins_without_it)
{
    struct batch batch;
    struct flaw flaw;
    struct file file = { .text = "a,b\nc\nd,e\n", .size = 10 };
    struct reader *reader = new_reader(&shapes[1]);
    ck_assert_int_eq(reader_next(reader, &batch, &flaw), READER_END);
    ck_assert_int_eq(reader_begin(reader, 0, 0, 0, 6, false, give, &file, &flaw), 0);
    ck_assert_int_eq(reader_next(reader, &batch, &flaw), 0);
    for (int i = 0; i < 3; i++) {
        flaw = (struct flaw){ 0 };
        ck_assert_int_eq(reader_next(reader, &batch, &flaw), FLAW_FIELDS);
        ck_assert(flaw.kind == FLAW_FIELDS && flaw.at == 4);
    }
    ck_assert_int_eq(reader_begin(reader, 0, 0, 6, 10, false, give, &file, &flaw), 0);
    ck_assert_int_eq(reader_next(reader, &batch, &flaw), 0);
    ck_assert(batch.n == 1 && batch.at + batch.row[0] == 6);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(reader_next(reader, &batch, &flaw), READER_END);
    reader_free(reader);
    reader_free(NULL);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_on_gives_the_rows_before)
{
    struct found found;
    struct file file = { .text = "a,b\nc,d\ne,f\n", .size = 12, .flaw_at = 9 };
    struct reader *reader = new_reader(&shapes[1]);
    init_found(&found);
    read_all(reader, &shapes[1], &file, 0, UINT64_MAX, &found);
    ck_assert(found.flaw.kind == FLAW_READ && found.flaw.at == 9 && found.n == 2);
    free(found.row);
    file.flaw_at = 1;
    struct flaw flaw;
    ck_assert_int_eq(reader_begin(reader, 7, 0, 3, 12, false, give, &file, &flaw), FLAW_READ);
    reader_free(reader);
}
END_TEST

/* ---- odd input ----------------------------------------------------------------------------------------------------------- */

START_TEST(lenient_rows_are_filled_up_or_cut_off)
{
    struct odds odds;
    struct found found = read_text(&shapes[3], "a\nb,c,d\r\n\ne,f\n,\n\r\n\"g\",,,\n", &odds);     /* a | b,c | e,f | , | "g", */
    static const struct span fields[5][2] = {
        { { 0, 1 }, { 1, 1 } }, { { 2, 3 }, { 4, 5 } }, { { 10, 11 }, { 12, 13 } }, { { 14, 14 }, { 15, 15 } }, { { 18, 21 }, { 22, 22 } },
    };
    ck_assert(found.flaw.kind == 0 && found.n == 5);
    for (size_t i = 0; i < 5; i++)
        ck_assert_mem_eq(found.row[i].field, fields[i], sizeof fields[i]);
    ck_assert(odds.odd[ODD_SHORT_ROW].n == 1 && place_byte(odds.odd[ODD_SHORT_ROW].first) == 0);
    ck_assert(odds.odd[ODD_LONG_ROW].n == 2 && place_byte(odds.odd[ODD_LONG_ROW].first) == 2);
    ck_assert(odds.odd[ODD_BLANK_LINE].n == 2 && place_byte(odds.odd[ODD_BLANK_LINE].first) == 9);
    ck_assert(odds.odd[ODD_CRLF].n == 2 && place_byte(odds.odd[ODD_CRLF].first) == 2);
    ck_assert(odds.odd[ODD_LAST_LINE].n == 0 && odds.odd[ODD_LAST_LINE].first == PLACE_NONE);
    free(found.row);
}
END_TEST

START_TEST(a_carriage_return_is_of_the_line_end_only_before_a_newline)
{
    struct odds odds;
    struct found found = read_text(&shapes[1], "a,b\r\n\"c\",\"d\r\n\"\r\ne\r,f\r\r\ng,\r\nh,i\r", &odds);
    static const struct span last[5] = { { 2, 3 }, { 9, 14 }, { 19, 21 }, { 25, 25 }, { 29, 31 } };
    ck_assert(found.flaw.kind == 0 && found.n == 5);
    for (size_t i = 0; i < 5; i++)
        ck_assert_mem_eq(&found.row[i].field[1], &last[i], sizeof last[i]);
    ck_assert(odds.odd[ODD_CRLF].n == 4 && odds.odd[ODD_LAST_LINE].n == 1 && place_byte(odds.odd[ODD_LAST_LINE].first) == 27);
    free(found.row);
}
END_TEST

START_TEST(blank_lines_are_rows_where_there_is_one_column)
{
    struct odds odds;
    struct found found = read_text(&shapes[0], "\n\r\na\n\n", &odds);
    ck_assert(found.flaw.kind == 0 && found.n == 4 && odds.odd[ODD_BLANK_LINE].n == 0 && odds.odd[ODD_CRLF].n == 1);
    ck_assert(found.row[1].field[0].begin == 1 && found.row[1].field[0].end == 1);
    free(found.row);
    found = read_text(&shapes[1], "\n\r\na,b\n\n\n", &odds);
    ck_assert(found.flaw.kind == 0 && found.n == 1 && odds.odd[ODD_BLANK_LINE].n == 4 && odds.odd[ODD_CRLF].n == 1);
    free(found.row);
}
END_TEST

START_TEST(without_a_quote_character_quotes_mean_nothing)
{
    struct odds odds;
    struct shape shape = shapes[1];
    shape.quote = 0;
    struct found found = read_text(&shape, "\"a,b\"c\nd\",\"\"\"e\n", &odds);
    ck_assert(found.flaw.kind == 0 && found.n == 2);
    ck_assert(found.row[0].field[1].begin == 3 && found.row[0].field[1].end == 6);
    free(found.row);
}
END_TEST

START_TEST(an_empty_file_and_a_piece_behind_the_end_have_no_rows)
{
    struct file file = { .text = "head\na,b\n", .size = 9 };
    struct reader *reader = new_reader(&shapes[1]);
    for (uint64_t lo = 6; lo < 30; lo++) {
        struct found found;
        init_found(&found);
        read_piece(reader, &shapes[1], &file, 5, lo, lo + 10, false, &found);
        ck_assert(found.n == 0 && found.flaw.kind == 0);
    }
    struct found found;
    init_found(&found);
    read_piece(reader, &shapes[1], &file, 9, 9, 100, false, &found);
    read_piece(reader, &shapes[1], &file, 0, 5, 5, false, &found);
    ck_assert(found.n == 0 && found.flaw.kind == 0);
    reader_free(reader);
}
END_TEST

/* ---- long records -------------------------------------------------------------------------------------------------------- */

/* before "x...x" behind */
static char *long_field(const char *before, size_t size, char fill, const char *behind)
{
    char *text = malloc(strlen(before) + size + strlen(behind) + 1);
    strcpy(text, before);
    memset(text + strlen(before), fill, size);
    strcpy(text + strlen(before) + size, behind);
    return text;
}

START_TEST(records_longer_than_the_window_are_whole)
{
    static const uint64_t steps[] = { 1 << 20, 300000, 65536 };
    static const size_t sizes[] = { 393200, 393210, 500000, 3000000 };
    for (size_t i = 0; i < 4; i++) {
        char *text = long_field("a,b\nc,d\n\"e\n\"\"", sizes[i], '\n', "\",f\ng,h\n");
        struct file file = { .text = text, .size = strlen(text), .gives = i == 1 ? 10000 : 0 };
        check_text(&shapes[1], &file, 0, steps, 3);
        free(text);
        text = long_field("a,b\n", sizes[i], 'x', ",b\n\"c,d\n");      /* ends in a quote that is never closed */
        file = (struct file){ .text = text, .size = strlen(text) };
        check_text(&shapes[1], &file, 0, steps, 3);
        free(text);
    }
}
END_TEST

/* What stands behind the quote is not in the window yet, and the row does not begin where the window does. */
START_TEST(what_a_flaw_quotes_does_not_depend_on_the_window)
{
    for (size_t size = (384 << 10) - 60; size < 384 << 10; size++) {
        struct odds odds;
        char *text = long_field("a,b\n\"", size - 5, 'x', "\"yes, what comes behind it\nc,d\n");
        struct found found = read_text(&shapes[1], text, &odds);
        ck_assert(found.n == 1 && found.flaw.kind == FLAW_QUOTE && found.flaw.at == size);
        ck_assert_str_eq(found.flaw.text,
                         "expected a delimiter or the end of the line behind a closing quote, found: yes, what comes behind it");
        free(found.row);
        free(text);
    }
}
END_TEST

START_TEST(records_with_more_fields_than_there_is_room_for_are_counted)
{
    struct odds odds;
    char *text = long_field("a,b\n", 2000000, ',', "\nc,d\n");
    struct found found = read_text(&shapes[1], text, &odds);
    ck_assert(found.n == 1 && found.flaw.kind == FLAW_FIELDS && found.flaw.at == 4);
    ck_assert_str_eq(found.flaw.text, "expected 2 fields, found 2000001");
    free(found.row);
    found = read_text(&shapes[3], text, &odds);
    ck_assert(found.n == 3 && !found.flaw.kind && odds.odd[ODD_LONG_ROW].n == 1);
    ck_assert(found.row[1].field[1].begin == 5 && found.row[1].field[1].end == 5 && found.row[2].field[1].begin == 2000007);
    free(found.row);
    free(text);
    text = long_field("a,b\n", 100000, ',', "\"x\"y\n");
    found = read_text(&shapes[3], text, &odds);
    ck_assert(found.flaw.kind == FLAW_QUOTE && found.flaw.at == 100006);
    free(found.row);
    free(text);
}
END_TEST

START_TEST(a_file_may_have_very_many_columns)
{
    enum { COLUMNS = 200000, ROWS = 5 };
    struct shape shape = { .delimiter = ',', .quote = '"', .n_fields = COLUMNS, .n_used = 3, .used = { 0, 77777, COLUMNS - 1 } };
    char *text = malloc((size_t)COLUMNS * ROWS * 3 + 1);
    size_t n = 0;
    for (int i = 0; i < COLUMNS * ROWS; i++)
        n += (size_t)sprintf(text + n, "%d%c", i % 10, i % COLUMNS == COLUMNS - 1 ? '\n' : ',');
    struct file file = { .text = text, .size = n };
    struct found found;
    struct reader *reader = new_reader(&shape);
    init_found(&found);
    read_all(reader, &shape, &file, 0, 100000, &found);
    ck_assert(!found.flaw.kind && found.n == ROWS);
    for (uint64_t i = 0; i < ROWS; i++)
        for (uint32_t k = 0; k < 3; k++) {
            ck_assert_uint_eq(found.row[i].field[k].begin, (i * COLUMNS + shape.used[k]) * 2);
            ck_assert_uint_eq(found.row[i].field[k].end, found.row[i].field[k].begin + 1);
        }
    reader_free(reader);
    free(found.row);
    free(text);
}
END_TEST

/* A file of x alone, that is nowhere; its last byte may be a newline. */
struct xs { uint64_t size; bool has_newline; };
static int64_t give_x(void *context, uint64_t at, char *buf, size_t size, struct flaw *ret_flaw)
{
    const struct xs *xs = context;
    uint64_t n = at < xs->size ? xs->size - at : 0;
    (void)ret_flaw;
    n = n < size ? n : size;
    memset(buf, 'x', n);
    if (xs->has_newline && n > 0 && at + n == xs->size)
        buf[n - 1] = '\n';
    return (int64_t)n;
}

START_TEST(a_record_may_be_as_long_as_promised_and_no_longer)
{
    struct batch batch;
    struct flaw flaw;
    static const struct { struct xs xs; int r; } cases[] = {
        { { READER_LONGEST + 1u, true }, 0 }, { { READER_LONGEST + 1u, false }, FLAW_LONG }, { { READER_LONGEST + 50u, true }, FLAW_LONG },
    };
    if (SANITIZED)
        skip("takes a GiB of memory, and several of the sanitizer's");
    struct reader *reader = new_reader(&shapes[0]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct xs xs = cases[i].xs;
        ck_assert_int_eq(reader_begin(reader, 0, 0, 0, 1 << 20, false, give_x, &xs, &flaw), 0);
        ck_assert_int_eq(reader_next(reader, &batch, &flaw), cases[i].r);
        if (cases[i].r == 0)
            ck_assert(batch.n == 1 && batch.end[0][0] - batch.begin[0][0] == READER_LONGEST);
        else
            ck_assert(flaw.at == 0 && strcmp(flaw.text, "expected records of at most 1073741824 bytes, found a longer one") == 0);
    }
    reader_free(reader);
}
END_TEST

START_TEST(no_more_is_read_than_a_little_behind_the_piece)
{
    struct found found;
    char *text = long_field("", 4000000, 'x', "");
    struct file file = { .text = text, .size = 4000000 };
    for (uint64_t i = 9; i < file.size; i += 10)
        text[i] = i % 20 == 9 ? ',' : '\n';
    struct reader *reader = new_reader(&shapes[1]);
    init_found(&found);
    read_all(reader, &shapes[1], &file, 0, 1 << 20, &found);
    ck_assert(!found.flaw.kind && found.n == 200000);
    ck_assert_uint_ge(reader_bytes(reader), file.size);
    ck_assert_uint_le(reader_bytes(reader), file.size + 4 * (8 << 10));
    reader_free(reader);
    free(found.row);
    free(text);
}
END_TEST

/* ---- flaws and odds as values -------------------------------------------------------------------------------------------- */

START_TEST(an_excerpt_has_at_most_40_bytes_and_no_control_characters)
{
    char buf[FLAW_EXCERPT];
    ck_assert_str_eq(flaw_excerpt("", 0, buf), "");
    ck_assert_str_eq(flaw_excerpt("a\tb\x7f\x1b[2J\0c", 10, buf), "a?b??[2J?c");
    ck_assert_str_eq(flaw_excerpt("1234567890123456789012345678901234567890", 40, buf), "1234567890123456789012345678901234567890");
    ck_assert_str_eq(flaw_excerpt("12345678901234567890123456789012345678901", 41, buf), "1234567890123456789012345678901234567890...");
    ck_assert_str_eq(flaw_excerpt("123456789012345678901234567890123456789\xc3\xa4", 41, buf),
                     "123456789012345678901234567890123456789...");
    ck_assert_str_eq(flaw_excerpt("\xc3\xa4\xe2\x82\xac\xf0\x9f\x91\x95", 9, buf), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x91\x95");
    ck_assert_str_eq(flaw_excerpt("\xff\xc3(\x80\xc2\x9b\xe2\x82", 8, buf), "?" "?(?????");
}
END_TEST

START_TEST(odds_merge_the_same_in_any_order)
{
    struct odds a, b, c;
    odds_init(&a);
    odds_init(&b);
    odds_add(&a, ODD_CRLF, 2, 9);
    odds_add(&a, ODD_CRLF, 1, 12);
    odds_add(&b, ODD_CRLF, 4, 3);
    odds_add(&b, ODD_BLANK_LINE, 0, 1);
    c = b;
    odds_merge(&c, &a);
    odds_merge(&a, &b);
    ck_assert_mem_eq(&a, &c, sizeof a);
    ck_assert(a.odd[ODD_CRLF].n == 7 && a.odd[ODD_CRLF].first == 3);
    ck_assert(a.odd[ODD_BLANK_LINE].n == 0 && a.odd[ODD_BLANK_LINE].first == PLACE_NONE);
}
END_TEST

START_TEST(a_flaw_says_all_that_fits)
{
    struct flaw flaw;
    char text[300];
    memset(text, 'x', 299);
    text[299] = 0;
    ck_assert_int_eq(flaw_set(&flaw, FLAW_CHANGED, place_of(3, 5), "%s", text), FLAW_CHANGED);
    ck_assert(flaw.kind == FLAW_CHANGED && place_file(flaw.at) == 3 && place_byte(flaw.at) == 5);
    ck_assert_uint_eq(strlen(flaw.text), sizeof flaw.text - 1);
}
END_TEST

int main(int argc, char **argv)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20);     /* there are many readers, and new pages for each would take most of the time */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    for (int i = 0; i < 3; i++)
        add_case_for("random", pieces_of_any_size_give_the_rows_of_the_whole, i, 0);
    add_case(every_short_text_is_read_as_it_should_be);
    for (int i = 0; i < 3; i++)
        add_case_for("long", long_texts_are_read_through_windows, i, 0);
    add_case(a_flaw_is_found_at_any_place_of_a_long_text);
    add_case(a_flaw_has_its_place_its_text_and_all_rows_before_it);
    add_case(a_flaw_stays_and_the_next_piece_begins_without_it);
    add_case(a_file_that_cannot_be_read_on_gives_the_rows_before);
    add_case(lenient_rows_are_filled_up_or_cut_off);
    add_case(a_carriage_return_is_of_the_line_end_only_before_a_newline);
    add_case(blank_lines_are_rows_where_there_is_one_column);
    add_case(without_a_quote_character_quotes_mean_nothing);
    add_case(an_empty_file_and_a_piece_behind_the_end_have_no_rows);
    add_case(records_longer_than_the_window_are_whole);
    add_case(what_a_flaw_quotes_does_not_depend_on_the_window);
    add_case(records_with_more_fields_than_there_is_room_for_are_counted);
    add_case(a_file_may_have_very_many_columns);
    add_case(a_record_may_be_as_long_as_promised_and_no_longer);
    add_case(no_more_is_read_than_a_little_behind_the_piece);
    add_case(an_excerpt_has_at_most_40_bytes_and_no_control_characters);
    add_case(odds_merge_the_same_in_any_order);
    add_case(a_flaw_says_all_that_fits);
    return run_cases(argc, argv);
}
