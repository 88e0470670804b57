/* streams.c - the owner reads (and unpacks), and cuts behind the last row that has ended; workers do the rest.
 *
 * Texts lie in memory of the pool that workers read alone. There are two more of them than workers, so none runs dry while the owner reads
 * on; who reads faster than the workers waits for one that ends. */
#include "records/run/streams.h"

#include "records/scan/scan.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 2 << 20, BUFFERS_MORE = 2 };

struct buffer {
    char *mem;
    size_t size;
    bool is_taken;
};

struct cutter {
    struct gather *g;
    struct stream *stream;
    uint32_t file;
    char quote;
    struct buffer *buffer;
    size_t n_buffers;
    struct buffer *now;             /* is filled */
    size_t used;                    /* bytes of it: they begin outside quotes, at a row */
    size_t looked;                  /* of these, bytes whose quotes have been counted */
    bool in_quotes;                 /* behind them */
    bool has_ended;
    uint64_t at;                    /* of its first byte in the stream */
    uint64_t lines;                 /* of the stream before that */
    uint64_t texts;
};

/* ---- buffers ------------------------------------------------------------------------------------------------------------- */

static void give_back(struct cutter *c, const char *mem)
{
    for (size_t i = 0; i < c->n_buffers; i++)
        if (c->buffer[i].mem == mem)
            c->buffer[i].is_taken = false;
}

static struct buffer *find_free(struct cutter *c)
{
    for (size_t i = 0; i < c->n_buffers; i++)
        if (!c->buffer[i].is_taken)
            return &c->buffer[i];
    return NULL;
}

static int make_room(struct cutter *c, struct buffer *b, size_t size)
{
    if (b->size >= size)
        return SAY_OK;
    char *mem = prong_alloc(c->g->pool, size, PRONG_READ);
    if (!mem)
        return say_error(SAY_MISSING, "%s", prong_last_error());
    if (b == c->now)
        memcpy(mem, b->mem, c->used);
    prong_free(c->g->pool, b->mem);
    b->mem = mem;
    b->size = size;
    return SAY_OK;
}

/* Waits for a run to end if all are in use. *ret_buffer NULL: it is over. */
static int take_buffer(struct cutter *c, struct buffer **ret_buffer)
{
    struct work_run run;
    *ret_buffer = NULL;
    while (!gather_is_over(c->g)) {
        struct buffer *b = find_free(c);
        if (b) {
            b->is_taken = true;
            *ret_buffer = b;
            return make_room(c, b, TEXT_BYTES);
        }
        if (gather_take(c->g, prong_in_ms(100), &run) == 0)
            give_back(c, run.text);
    }
    return SAY_OK;
}

/* ---- cutting ------------------------------------------------------------------------------------------------------------- */

/* Where the last row that has ended ends; 0: none has. Backwards, with the quote state turned at each quote. */
static size_t last_row_end(const struct cutter *c)
{
    bool in_quotes = c->in_quotes;
    for (size_t i = c->used; i-- > 0;) {
        char byte = c->now->mem[i];
        if (c->quote && byte == c->quote)
            in_quotes = !in_quotes;
        else if (byte == '\n' && !in_quotes)
            return i + 1;
    }
    return 0;
}

static int submit(struct cutter *c, size_t size)
{
    struct work_run run = { .order = c->g->order->work, .file = c->file, .text = c->now->mem, .at = c->at, .size = size,
                            .lines = c->lines };
    c->texts++;
    c->lines += scan_quotes(run.text, size, '\n');
    return gather_submit(c->g, &run);
}

/* What has ended goes to a worker, the rest to the beginning of another buffer. */
static int cut(struct cutter *c)
{
    struct buffer *next;
    size_t end = c->has_ended ? c->used : last_row_end(c), rest = c->used - end;
    if (end == 0)
        return c->has_ended ? SAY_OK : make_room(c, c->now, c->now->size * 2);
    int status = take_buffer(c, &next);
    if (status != SAY_OK || !next)
        return status;
    status = make_room(c, next, rest + 1);
    if (status != SAY_OK)
        return status;
    memcpy(next->mem, c->now->mem + end, rest);
    status = submit(c, end);
    c->now = next;
    c->at += end;
    c->used = c->looked = rest;     /* in_quotes holds behind the rest as it did before */
    return status;
}

static int fill(struct cutter *c)
{
    struct flaw flaw = { 0 };
    while (c->used < c->now->size && !c->has_ended) {
        int64_t n = stream_read(c->stream, c->now->mem + c->used, c->now->size - c->used, &flaw);
        if (n < 0) {
            gather_flaw(c->g, &flaw);
            return SAY_OK;
        }
        c->has_ended = n == 0;
        c->used += (size_t)n;
    }
    if (c->quote && (scan_quotes(c->now->mem + c->looked, c->used - c->looked, c->quote) & 1))
        c->in_quotes = !c->in_quotes;
    c->looked = c->used;
    return SAY_OK;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

static int64_t skip_header(struct cutter *c, uint64_t first, struct flaw *ret_flaw)
{
    char bytes[4096];
    while (c->at < first) {
        uint64_t left = first - c->at;
        int64_t n = stream_read(c->stream, bytes, left < sizeof bytes ? left : sizeof bytes, ret_flaw);
        if (n <= 0)
            return n < 0 ? n : 0;
        c->at += (uint64_t)n;
        c->lines += scan_quotes(bytes, (size_t)n, '\n');
    }
    return 0;
}

static int read_all(struct cutter *c, bool shows_progress)
{
    char text[TEXT_SIZE];
    int status = take_buffer(c, &c->now);
    while (status == SAY_OK && c->now && !gather_is_over(c->g)) {
        status = fill(c);
        if (status != SAY_OK || gather_is_over(c->g))
            break;
        if (c->used > READER_LONGEST) {
            struct flaw flaw;
            (void)flaw_set(&flaw, FLAW_LONG, place_of(c->file, c->at), "a row longer than %d bytes: is a quote never closed?",
                           READER_LONGEST);
            gather_flaw(c->g, &flaw);
            break;
        }
        bool was_last = c->has_ended;
        status = cut(c);
        if (shows_progress)
            say_progress("read %s", text_bytes((double)c->at, text));
        if (was_last)
            break;
    }
    return status;
}

static void await_all(struct cutter *c)
{
    struct work_run run;
    while (gather_take(c->g, PRONG_NEVER, &run) == 0)
        give_back(c, run.text);
}

int streams_run(const struct records_job *job, struct gather *g, uint32_t file, bool shows_progress, uint64_t *texts)
{
    struct flaw flaw = { 0 };
    struct cutter c = { .g = g, .file = file, .quote = g->order->work->plan->shape.quote };
    c.n_buffers = prong_pool_workers(g->pool) + (size_t)BUFFERS_MORE;
    c.buffer = calloc(c.n_buffers, sizeof *c.buffer);
    if (!c.buffer)
        return say_error(SAY_MISSING, "no memory to read with");
    int status = SAY_OK;
    if (stream_open(&job->sources, file, &c.stream, &flaw) != 0 || skip_header(&c, job->sources.file[file].first, &flaw) < 0)
        gather_flaw(g, &flaw);
    else
        status = read_all(&c, shows_progress);
    await_all(&c);
    stream_close(c.stream);
    for (size_t i = 0; i < c.n_buffers; i++)
        prong_free(g->pool, c.buffer[i].mem);
    free(c.buffer);
    *texts += c.texts;
    return status;
}
