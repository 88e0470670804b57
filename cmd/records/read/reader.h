/* reader.h - the rows of a piece of CSV, in batches of which only the used columns are found.
 *
 * A piece is a range of bytes of one file; the rows that begin in it are its rows, wherever they end. Whether it begins inside quotes
 * must be known (run/pieces.h): nothing is guessed here. One reader per worker; it keeps its buffers from piece to piece.
 *
 * Strict: quotes stand around whole fields, are closed by one that a delimiter or the end of the line follows, and are doubled inside; each
 * row has as many fields as the header. Blank lines are passed over unless there is but one column. Rows end with \n or \r\n. */
#pragma once
#include "records/flaw.h"
#include "records/vec.h"

enum { USED_MAX = 256, READER_LONGEST = 1 << 30, READER_PAD = 64 };

/* Plain: may lie in memory that workers share. */
struct shape {
    char delimiter, quote;      /* quote 0: quotes mean nothing */
    bool is_lenient;
    uint32_t n_fields;          /* of the header */
    uint32_t n_used;
    uint32_t used[USED_MAX];    /* columns, from 0, ascending */
};

struct batch {
    uint32_t n;                 /* rows */
    const char *text;           /* readable READER_PAD bytes before and behind what fields and rows lie in */
    place at;                   /* of text[0] */
    const uint32_t *row;        /* where row i begins in text; [n]: where the row behind the last begins */
    const uint32_t *begin[USED_MAX], *end[USED_MAX];    /* the field of used column k in row i: begin[k][i] .. end[k][i], quotes included */
};

/* Gives up to `size` bytes from byte `at` of the piece's file. What it returns: how many; 0 at the end of the file; negative with a flaw. */
typedef int64_t reader_bytes_fn(void *context, uint64_t at, char *buf, size_t size, struct flaw *ret_flaw);

struct reader;
int reader_new(const struct shape *shape, struct reader **ret_reader);     /* 0 or -ENOMEM */
void reader_free(struct reader *reader);

/* The rows that begin in [lo, hi) of file number `file`. The first byte of the first row of the file is `first`, at most lo. in_quotes: byte
 * lo lies inside quotes (as a byte behind an odd number of them does). 0 or a flaw. */
int reader_begin(struct reader *reader, uint32_t file, uint64_t first, uint64_t lo, uint64_t hi, bool in_quotes,
                 reader_bytes_fn *bytes, void *context, struct flaw *ret_flaw);

/* 0 and the next batch, good until the next call; READER_END; or a flaw. */
enum { READER_END = -1 };
int reader_next(struct reader *reader, struct batch *ret_batch, struct flaw *ret_flaw);

/* What was odd in all pieces since reader_new. */
const struct odds *reader_odds(const struct reader *reader);
uint64_t reader_bytes(const struct reader *reader);     /* read since reader_new */
