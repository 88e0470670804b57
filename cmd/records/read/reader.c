/* reader.c - reads into a window, scans it step by step, cuts rows off what was scanned.
 *
 *      file     ..........[lo..............................................hi)..........
 *      window              [ batch | cut, next batch | scanned | not yet |    room     ]
 *                          ^at                       ^row_at   ^scanned  ^n
 *
 * All whole rows are cut before more is scanned, and nothing is scanned beyond hi but for the row that reaches over it: so a row that is
 * whole is one of the piece. A batch ends when it is full, or when the window is: the text of a batch must stay where it is. */
#include "records/read/cut.h"
#include "records/read/window.h"
#include "records/scan/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_SIZE = 128 << 10,          /* bytes asked for at once */
    LOOK_AHEAD = 4 << 10            /* of which so many behind hi: nearly all rows end there */
};
enum { NO_QUOTE = UINT32_MAX };

struct reader {
    struct shape shape;
    struct window window;
    struct cut cut;
    struct scan scan;
    uint32_t scanned;               /* the text is scanned up to here, */
    uint32_t bad_quote;             /* or up to this quote, that stands where none may; behind it ends are none */
    uint32_t file;
    uint64_t hi;
    bool is_over;                   /* no more rows in this piece; or a flaw, told behind the rows before it */
    struct flaw flaw;
    uint64_t n_bytes;
    reader_bytes_fn *bytes;
    void *context;
};

int reader_new(const struct shape *shape, struct reader **ret_reader)
{
    int r;
    assert(shape->n_fields > 0 && shape->n_used <= USED_MAX);
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return -ENOMEM;
    reader->shape = *shape;
    reader->is_over = true;
    r = window_init(&reader->window);
    if (r < 0)
        goto free_reader;
    r = cut_init(&reader->cut, &reader->shape);
    if (r < 0)
        goto fini_window;
    *ret_reader = reader;
    return 0;
fini_window:
    window_fini(&reader->window);
free_reader:
    free(reader);
    return r;
}

void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    cut_fini(&reader->cut);
    window_fini(&reader->window);
    free(reader);
}

const struct odds *reader_odds(const struct reader *reader)
{
    return &reader->cut.odds;
}

uint64_t reader_bytes(const struct reader *reader)
{
    return reader->n_bytes;
}

/* ---- the window and the scan in it --------------------------------------------------------------------------------------- */

static void look_at_window(struct reader *reader)
{
    reader->cut.text = window_text(&reader->window);
    reader->cut.at = place_of(reader->file, reader->window.at);
}

static void begin_window(struct reader *reader, uint64_t at)
{
    window_begin(&reader->window, at);
    look_at_window(reader);
    reader->scanned = 0;
}

/* How much to ask for: up to hi and a little more; and where a row goes on, as much again as there is of it. */
static uint32_t wanted(const struct reader *reader)
{
    uint64_t end = reader->window.at + reader->window.n, most;
    if (end < reader->hi)
        most = reader->hi - end < READ_SIZE ? reader->hi - end + LOOK_AHEAD : READ_SIZE;
    else
        most = reader->window.n - reader->cut.row_at;
    return most < LOOK_AHEAD ? LOOK_AHEAD : most > READ_SIZE ? READ_SIZE : (uint32_t)most;
}

/* *ret_n: how many bytes there are now behind what is scanned; 0: the file has ended, or the window is full. */
static int have_more(struct reader *reader, uint32_t *ret_n, struct flaw *ret_flaw)
{
    *ret_n = reader->window.n - reader->scanned;
    if (*ret_n > 0)
        return 0;
    int kind = window_fill(&reader->window, wanted(reader), reader->bytes, reader->context, ret_n, ret_flaw);
    reader->n_bytes += *ret_n;
    return kind;
}

static bool is_window_full(const struct reader *reader)
{
    return reader->window.n == reader->window.room;
}

/* Makes room behind the text. Only while the batch is empty. */
static int make_room(struct reader *reader, struct flaw *ret_flaw)
{
    uint32_t by = reader->cut.row_at;
    if (by == 0 && window_grow(&reader->window) < 0)
        return flaw_set(ret_flaw, FLAW_MEMORY, reader->cut.at, "no memory for a record of more than %u bytes", (unsigned)reader->window.n);
    if (by > 0) {
        window_drop(&reader->window, by);
        cut_shift(&reader->cut, by);
        reader->scanned -= by;
        if (reader->bad_quote != NO_QUOTE)
            reader->bad_quote -= by;
    }
    look_at_window(reader);
    return 0;
}

static uint32_t least_of(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

/* The next step, of `n` bytes. */
static void scan_step(struct reader *reader, uint32_t n)
{
    size_t newlines;
    uint32_t bad, *ends = cut_room(&reader->cut);
    size_t n_ends = scan_ends(&reader->scan, reader->cut.text + reader->scanned, n, reader->scanned, ends, &newlines, &bad);
    reader->scanned += n;
    reader->bad_quote = bad;
    if (bad == NO_QUOTE)
        cut_add(&reader->cut, n_ends, newlines);
    else
        cut_add_below(&reader->cut, n_ends, bad);
}

/* ---- where the first row begins ------------------------------------------------------------------------------------------ */

static int begin_rows(struct reader *reader, uint32_t row_at)
{
    cut_begin(&reader->cut, row_at);
    reader->scanned = row_at;
    reader->scan = (struct scan){ .delimiter = reader->shape.delimiter, .quote = reader->shape.quote };
    return 0;
}

/* The first newline outside quotes among n ends; NO_NEWLINE: there is none. */
enum { NO_NEWLINE = UINT32_MAX };
static uint32_t first_newline(const char *text, const uint32_t *ends, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[ends[i]] == '\n')
            return ends[i];
    return NO_NEWLINE;
}

/* From byte lo on, which lies in a row that began before it. A newline at hi - 1 would be too late. Quotes that stand where none may
 * are no business of this piece. */
static int pass_over_row(struct reader *reader, bool in_quotes, struct flaw *ret_flaw)
{
    uint32_t n, bad;
    size_t newlines;
    reader->scan.in_quotes = in_quotes;
    while (reader->window.at + reader->scanned < reader->hi - 1) {
        if (is_window_full(reader) && reader->scanned == reader->window.n)
            begin_window(reader, reader->window.at + reader->window.n);
        if (have_more(reader, &n, ret_flaw))
            return ret_flaw->kind;
        if (n == 0)
            break;
        n = least_of(least_of(n, CUT_STEP), reader->hi - 1 - (reader->window.at + reader->scanned));
        uint32_t *ends = cut_room(&reader->cut);
        size_t n_ends = scan_ends(&reader->scan, reader->cut.text + reader->scanned, n, reader->scanned, ends, &newlines, &bad);
        if (newlines > 0)
            return begin_rows(reader, first_newline(reader->cut.text, ends, n_ends) + 1);
        reader->scanned += n;
    }
    reader->is_over = true;
    return 0;
}

static int find_first_row(struct reader *reader, uint64_t lo, bool in_quotes, struct flaw *ret_flaw)
{
    uint32_t n;
    begin_window(reader, lo - 1);
    if (have_more(reader, &n, ret_flaw))
        return ret_flaw->kind;
    if (n == 0) {
        reader->is_over = true;
        return 0;
    }
    if (reader->cut.text[0] == '\n' && !in_quotes)
        return begin_rows(reader, 1);
    reader->scanned = 1;
    return pass_over_row(reader, in_quotes, ret_flaw);
}

int reader_begin(struct reader *reader, uint32_t file, uint64_t first, uint64_t lo, uint64_t hi, bool in_quotes,
                 reader_bytes_fn *bytes, void *context, struct flaw *ret_flaw)
{
    assert(first <= lo);
    reader->file = file;
    reader->hi = hi;
    reader->bytes = bytes;
    reader->context = context;
    reader->is_over = lo >= hi;
    reader->bad_quote = NO_QUOTE;
    reader->flaw.kind = 0;
    begin_window(reader, lo);
    begin_rows(reader, 0);
    if (reader->is_over || lo == first)
        return 0;
    return find_first_row(reader, lo, in_quotes && reader->shape.quote, ret_flaw);
}

/* ---- flaws --------------------------------------------------------------------------------------------------------------- */

/* What stands from `from` on, in its line. As it is to depend on the file alone, and not on how much of it the window has, more is
 * read where that is too little. Only while the batch is empty. */
static const char *excerpt(struct reader *reader, uint32_t from, char buf[FLAW_EXCERPT])
{
    uint32_t n = reader->window.n - from;
    struct flaw ignored;
    while (n < FLAW_EXCERPT && !reader->window.is_last) {
        uint32_t more;
        if (is_window_full(reader)) {
            uint32_t by = reader->cut.row_at;
            if (make_room(reader, &ignored))
                break;
            from -= by;
        }
        if (window_fill(&reader->window, LOOK_AHEAD, reader->bytes, reader->context, &more, &ignored))
            break;
        reader->n_bytes += more;
        n = reader->window.n - from;
    }
    const char *text = reader->cut.text + from, *newline = memchr(text, '\n', n);
    return flaw_excerpt(text, newline ? (size_t)(newline - text) : n, buf);
}

static int quote_flaw(struct reader *reader, struct flaw *ret_flaw)
{
    char buf[FLAW_EXCERPT];
    uint32_t bad = reader->bad_quote, field_at = reader->cut.field_at;
    place at = reader->cut.at + bad;
    if (reader->cut.text[field_at] == reader->shape.quote)
        return flaw_set(ret_flaw, FLAW_QUOTE, at, "expected a delimiter or the end of the line behind a closing quote, found: %s",
                        excerpt(reader, bad + 1, buf));
    return flaw_set(ret_flaw, FLAW_QUOTE, at, "expected quotes around a whole field or none, found one inside of: %s",
                    excerpt(reader, field_at, buf));
}

/* The file ends in a row: is anything left open? */
static int check_end(struct reader *reader, struct flaw *ret_flaw)
{
    char buf[FLAW_EXCERPT];
    const struct cut *cut = &reader->cut;
    uint32_t end = reader->window.n;
    place field_at = cut->at + cut->field_at;
    if (reader->scan.in_quotes)
        return flaw_set(ret_flaw, FLAW_QUOTE, field_at, "expected a closing quote before the end of the file, found none to: %s",
                        excerpt(reader, cut->field_at, buf));
    if (reader->shape.quote && cut->text[cut->field_at] == reader->shape.quote && cut->text[end - 1] == '\r')
        return flaw_set(ret_flaw, FLAW_QUOTE, cut->at + end - 2,
                        "expected \\r\\n behind a closing quote, found \\r and the end of the file");
    return 0;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

/* The file ends behind what is scanned. */
static int end_rows(struct reader *reader, struct flaw *ret_flaw)
{
    reader->is_over = true;
    if (reader->cut.row_at == reader->window.n)
        return 0;
    if (check_end(reader, ret_flaw))
        return ret_flaw->kind;
    return cut_last(&reader->cut, reader->window.n, ret_flaw);
}

/* How many bytes to scan of `n`: not beyond hi at first; and not so many that a row could be found that is too long. */
static uint32_t step_of(const struct reader *reader, uint32_t n)
{
    uint64_t at = reader->window.at + reader->scanned;
    uint32_t step = least_of(n, at < reader->hi ? CUT_STEP : LOOK_AHEAD);
    if (at < reader->hi)
        step = least_of(step, reader->hi - at);
    return least_of(step, (uint64_t)reader->cut.row_at + READER_LONGEST + 1 - reader->scanned);
}

/* Scans on, as there is no whole row left. *ret_is_full: the window is full, and the batch has to go first. 0 or a flaw. */
static int scan_on(struct reader *reader, bool *ret_is_full, struct flaw *ret_flaw)
{
    uint32_t n;
    const struct cut *cut = &reader->cut;
    *ret_is_full = cut->n_rows > 0 && (reader->bad_quote != NO_QUOTE || (is_window_full(reader) && reader->scanned == reader->window.n));
    if (*ret_is_full)
        return 0;
    if (reader->bad_quote != NO_QUOTE)
        return quote_flaw(reader, ret_flaw);
    if (reader->scanned - cut->row_at > READER_LONGEST)
        return flaw_set(ret_flaw, FLAW_LONG, cut->at + cut->row_at, "expected records of at most %d bytes, found a longer one",
                        READER_LONGEST);
    if (is_window_full(reader) && reader->scanned == reader->window.n && make_room(reader, ret_flaw))
        return ret_flaw->kind;
    if (have_more(reader, &n, ret_flaw))
        return ret_flaw->kind;
    if (n == 0)
        return end_rows(reader, ret_flaw);
    scan_step(reader, step_of(reader, n));
    return 0;
}

static bool is_beyond(const struct reader *reader, uint32_t at)
{
    return reader->window.at + at > reader->hi;
}

/* Rows into the batch until that has to go, or there are no more. */
static int gather(struct reader *reader, struct flaw *ret_flaw)
{
    bool is_full = false;
    struct cut *cut = &reader->cut;
    while (!is_full && !reader->is_over && cut->n_rows < BATCH_ROWS) {
        if (is_beyond(reader, cut->row_at + 1))
            reader->is_over = true;
        else if (cut->newlines == 0 && scan_on(reader, &is_full, ret_flaw))
            return ret_flaw->kind;
        else if (cut_rows(cut, is_beyond(reader, reader->scanned) ? 1 : UINT32_MAX, ret_flaw))
            return ret_flaw->kind;
    }
    return 0;
}

int reader_next(struct reader *reader, struct batch *ret_batch, struct flaw *ret_flaw)
{
    cut_next_batch(&reader->cut);
    if (!reader->is_over && reader->cut.row_at > reader->window.room / 2 && make_room(reader, ret_flaw))
        return ret_flaw->kind;
    if (gather(reader, &reader->flaw))
        reader->is_over = true;
    if (reader->cut.n_rows > 0) {
        cut_batch(&reader->cut, ret_batch);
        return 0;
    }
    if (!reader->flaw.kind)
        return READER_END;
    *ret_flaw = reader->flaw;
    return ret_flaw->kind;
}
