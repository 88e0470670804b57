/* worker.c - piece by piece, batch by batch: filter, compute, tally. */
#include "records/run/worker.h"

#include "interrupt.h"
#include "records/eval/eval.h"
#include "records/scan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct worker {
    struct work_run *run;
    const struct work_order *order;
    struct reader *reader;
    struct eval *filter, *main;     /* filter NULL: every row is kept */
    const struct vec **outs;
    int fd;                         /* of the file number open_file; -1: none is open */
    uint32_t open_file;
    char *piece;                    /* PIECE_ROOM bytes: the piece, the byte before it, and a little of what comes behind */
    uint64_t piece_at;
    size_t piece_size;
    char *counting;                 /* PIECE_BYTES, for quotes of pieces that nobody has counted; made when it is needed */
};
enum { PIECE_ROOM = 1 + PIECE_BYTES + (8 << 10) };

/* ---- the files ----------------------------------------------------------------------------------------------------------- */

static bool is_same_file(const struct source_file *file, const struct stat *s)
{
    return s->st_dev == file->device && s->st_ino == file->inode && (uint64_t)s->st_size == file->size &&
           (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec == file->changed_ns;
}

static int open_file(struct worker *w, uint32_t number, struct flaw *ret_flaw)
{
    struct stat s;
    const struct source_file *file = &w->order->pieces.file[number];
    if (w->fd >= 0 && w->open_file == number)
        return 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (w->fd < 0)
        return flaw_set(ret_flaw, FLAW_OPEN, place_of(number, 0), "cannot be opened any more: %s", strerror(errno));
    w->open_file = number;
    if (fstat(w->fd, &s) < 0 || !is_same_file(file, &s))
        return flaw_set(ret_flaw, FLAW_CHANGED, place_of(number, 0), "it changed while it was read");
    return 0;
}

/* Up to `size` bytes; less only at the end of the file as it was when it was looked at. */
static int64_t read_file(void *context, uint64_t at, char *buf, size_t size, struct flaw *ret_flaw)
{
    struct worker *w = context;
    uint64_t end = w->order->pieces.file[w->open_file].size, done = 0, wanted = at >= end ? 0 : size < end - at ? size : end - at;
    while (done < wanted) {
        ssize_t n = pread(w->fd, buf + done, wanted - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -flaw_set(ret_flaw, FLAW_READ, place_of(w->open_file, at + done), "cannot be read: %s", strerror(errno));
        if (n == 0)
            return -flaw_set(ret_flaw, FLAW_CHANGED, place_of(w->open_file, at + done), "the file became shorter while it was read");
        done += (uint64_t)n;
    }
    return (int64_t)done;
}

/* A piece is read once, for its quotes and for its rows. */
static int load_piece(struct worker *w, const struct piece *piece, struct flaw *ret_flaw)
{
    w->piece_at = piece->lo > piece->first ? piece->lo - 1 : piece->lo;
    w->piece_size = 0;
    int64_t n = read_file(w, w->piece_at, w->piece, PIECE_ROOM, ret_flaw);
    w->piece_size = n < 0 ? 0 : (size_t)n;
    return n < 0 ? ret_flaw->kind : 0;
}

static int64_t read_piece(void *context, uint64_t at, char *buf, size_t size, struct flaw *ret_flaw)
{
    struct worker *w = context;
    if (at < w->piece_at || at >= w->piece_at + w->piece_size)
        return read_file(w, at, buf, size, ret_flaw);
    size_t from = (size_t)(at - w->piece_at), n = w->piece_size - from < size ? w->piece_size - from : size;
    memcpy(buf, w->piece + from, n);
    return (int64_t)n;
}

static int count_quotes(void *context, const struct piece *piece, uint64_t *ret_quotes, struct flaw *ret_flaw)
{
    struct worker *w = context;
    if (!w->counting && !(w->counting = malloc(PIECE_BYTES)))
        return flaw_set(ret_flaw, FLAW_MEMORY, place_of(piece->file, piece->lo), "no memory to read it into");
    int64_t n = read_file(w, piece->lo, w->counting, piece->hi - piece->lo, ret_flaw);
    if (n < 0)
        return ret_flaw->kind;
    *ret_quotes = scan_quotes(w->counting, (size_t)n, w->order->plan->shape.quote);
    return 0;
}

static int look_back(struct worker *w, uint64_t number, const struct piece *piece, bool *ret_in_quotes, struct flaw *ret_flaw)
{
    char quote = w->order->plan->shape.quote;
    *ret_in_quotes = false;
    if (!quote)
        return 0;
    uint64_t own = scan_quotes(w->piece + (piece->lo - w->piece_at), piece->hi - piece->lo, quote);
    return pieces_look_back(&w->order->pieces, w->run->shared, number, own, count_quotes, w, ret_in_quotes, ret_flaw);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

static int tally_batch(struct worker *w, struct batch *batch, struct flaw *ret_flaw)
{
    struct work_count *count = &w->run->count;
    count->batches++;
    count->rows += batch->n;
    if (w->filter) {
        int r = eval_filter(w->filter, batch, ret_flaw);
        if (r != 0)
            return r;
    }
    count->rows_kept += batch->n;
    int r = batch->n ? eval_run(w->main, batch, ret_flaw) : 0;
    if (r != 0 || !batch->n)
        return r;
    if (tally_add(w->run->tally, w->outs, batch) < 0)
        return flaw_set(ret_flaw, FLAW_MEMORY, batch->at, "no memory for what is asked for: fewer groups, values or workers need less");
    return 0;
}

static int tally_rows(struct worker *w, struct flaw *ret_flaw)
{
    struct batch batch;
    int r;
    while ((r = reader_next(w->reader, &batch, ret_flaw)) == 0)
        if ((r = tally_batch(w, &batch, ret_flaw)) != 0)
            return r;
    return r == READER_END ? 0 : r;
}

static int do_piece(struct worker *w, uint64_t number, struct flaw *ret_flaw)
{
    struct piece piece = pieces_at(&w->order->pieces, number);
    bool in_quotes;
    int r = open_file(w, piece.file, ret_flaw);
    if (r == 0)
        r = load_piece(w, &piece, ret_flaw);
    if (r == 0)
        r = look_back(w, number, &piece, &in_quotes, ret_flaw);
    if (r == 0)
        r = reader_begin(w->reader, piece.file, piece.first, piece.lo, piece.hi, in_quotes, read_piece, w, ret_flaw);
    return r == 0 ? tally_rows(w, ret_flaw) : r;
}

static void do_pieces(struct worker *w)
{
    struct work_run *run = w->run;
    uint64_t number;
    while (!run->flaw.kind && pieces_take(run->shared, run->worker, &number)) {
        if (interrupt_came() || prong_cancelled()) {
            run->was_interrupted = true;
            return;
        }
        struct piece piece = pieces_at(&w->order->pieces, number);
        if (do_piece(w, number, &run->flaw) != 0) {
            run->flaw_piece = number;
            pieces_stop_behind(run->shared, number);
        }
        pieces_done(run->shared, run->worker, piece.hi - piece.lo);
        run->count.bytes += piece.hi - piece.lo;
    }
}

/* ---- a text -------------------------------------------------------------------------------------------------------------- */

static int64_t read_text(void *context, uint64_t at, char *buf, size_t size, struct flaw *ret_flaw)
{
    const struct work_run *run = ((struct worker *)context)->run;
    (void)ret_flaw;
    uint64_t end = run->at + run->size;
    if (at < run->at || at >= end)
        return 0;
    if (size > end - at)
        size = end - at;
    memcpy(buf, run->text + (at - run->at), size);
    return (int64_t)size;
}

/* What is read but once cannot be looked at again for its line. */
static uint64_t line_of(const struct work_run *run, place at)
{
    uint64_t lines = run->lines, n = place_byte(at) - run->at;
    for (uint64_t i = 0; i < n && i < run->size; i++)
        lines += run->text[i] == '\n';
    return lines + 1;
}

static void do_text(struct worker *w)
{
    struct work_run *run = w->run;
    if (reader_begin(w->reader, run->file, run->at, run->at, run->at + run->size, false, read_text, w, &run->flaw) == 0)
        (void)tally_rows(w, &run->flaw);
    run->count.bytes += run->size;
}

static void tell_lines(struct work_run *run)
{
    if (run->flaw.kind)
        run->flaw.line = line_of(run, run->flaw.at);
    for (int k = 0; k < ODDS_N; k++)
        if (run->odds.odd[k].n)
            run->odds.odd[k].line = line_of(run, run->odds.odd[k].first);
}

/* ---- the run ------------------------------------------------------------------------------------------------------------- */

static void worker_close(struct worker *w)
{
    if (w->fd >= 0)
        close(w->fd);
    free(w->counting);
    free(w->piece);
    free(w->outs);
    eval_free(w->main);
    eval_free(w->filter);
    reader_free(w->reader);
}

static int worker_open(struct worker *w, struct work_run *run)
{
    const struct plan *plan = run->order->plan;
    *w = (struct worker){ .run = run, .order = run->order, .fd = -1 };
    w->outs = calloc(plan->n_outs ? plan->n_outs : 1, sizeof *w->outs);
    w->piece = malloc(PIECE_ROOM);
    int r = w->outs && w->piece ? reader_new(&plan->shape, &w->reader) : -ENOMEM;
    if (r == 0 && plan->filter)
        r = eval_new(plan, plan->filter, &w->filter);
    if (r == 0)
        r = eval_new(plan, plan->main, &w->main);
    if (r == 0)
        r = tally_new(plan, &run->tally);
    for (uint32_t i = 0; r == 0 && i < plan->n_outs; i++)
        w->outs[i] = eval_out(w->main, i);
    return r;
}

/* The tally leaves this process as bytes. */
static int send_home(struct work_run *run)
{
    size_t size = tally_size(run->tally);
    void *bytes = prong_output_alloc(size);
    if (bytes)
        tally_write(run->tally, bytes);
    tally_free(run->tally);
    run->tally = NULL;
    return bytes ? 0 : -ENOMEM;
}

int work_task(void *record)
{
    struct work_run *run = record;
    struct worker w;
    odds_init(&run->odds);
    int r = worker_open(&w, run);
    if (r == 0 && run->shared)
        do_pieces(&w);
    else if (r == 0)
        do_text(&w);
    if (r == 0) {
        odds_merge(&run->odds, reader_odds(w.reader));
        odds_merge(&run->odds, eval_odds(w.main));
        if (w.filter)
            odds_merge(&run->odds, eval_odds(w.filter));
        if (!run->shared)
            tell_lines(run);
    }
    worker_close(&w);
    if (r == 0 && !run->order->shares_memory)
        r = send_home(run);
    if (r < 0 && run->tally) {
        tally_free(run->tally);
        run->tally = NULL;
    }
    return r < 0 ? prong_fail(FLAW_MEMORY, "no memory for a worker of the job") : 0;
}
