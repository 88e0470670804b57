/* fuzz_reader.c - any bytes as a file: read as one piece and in several, which must give the same rows and the same flaw.
 *
 * The first byte chooses the shape, the second how many bytes are given at once, the third the instruction set; the fourth says how many
 * more say how long the first pieces are; the rest is the file, its last piece included. */
#include "records/read/reader.h"
#include "records/scan/scan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 3, HEAD = 4, PIECES_MAX = 16 };

static const struct shape shapes[] = {
    { .delimiter = ',', .quote = '"', .n_fields = 1, .n_used = 1, .used = { 0 } },
    { .delimiter = ',', .quote = '"', .n_fields = 3, .n_used = 2, .used = { 0, 2 } },
    { .delimiter = ';', .quote = '"', .n_fields = 2, .is_lenient = true, .n_used = 2, .used = { 0, 1 } },
    { .delimiter = '\t', .quote = 0, .n_fields = 3, .is_lenient = true, .n_used = 3, .used = { 0, 1, 2 } },
    { .delimiter = ',', .quote = '\'', .n_fields = 2, .n_used = 0 },
};
enum { SHAPES_N = sizeof shapes / sizeof shapes[0] };

struct file { const uint8_t *bytes; size_t size, gives; };
struct row { uint64_t at, begin[FIELDS_MAX], end[FIELDS_MAX]; };
struct rows { size_t n; struct row *row; struct flaw flaw; };

static void must(bool truth)
{
    if (!truth)
        abort();
}

static int64_t give(void *context, uint64_t at, char *buf, size_t size, struct flaw *ret_flaw)
{
    const struct file *file = context;
    size_t n = at < file->size ? file->size - (size_t)at : 0;
    (void)ret_flaw;
    n = n < size ? n : size;
    n = n < file->gives ? n : file->gives;
    memcpy(buf, file->bytes + (at < file->size ? at : file->size), n);
    return (int64_t)n;
}

static void take_batch(const struct shape *shape, const struct batch *batch, struct rows *rows)
{
    must(batch->n > 0 && batch->n <= BATCH_ROWS);
    for (uint32_t i = 0; i < batch->n; i++) {
        struct row *row = &rows->row[rows->n++];
        memset(row, 0, sizeof *row);
        row->at = batch->at + batch->row[i];
        must(batch->row[i] < batch->row[i + 1]);
        for (uint32_t k = 0; k < shape->n_used; k++) {
            must(batch->row[i] <= batch->begin[k][i] && batch->begin[k][i] <= batch->end[k][i] && batch->end[k][i] <= batch->row[i + 1]);
            row->begin[k] = batch->at + batch->begin[k][i];
            row->end[k] = batch->at + batch->end[k][i];
        }
    }
}

static void read_piece(struct reader *reader, const struct shape *shape, struct file *file, uint64_t lo, uint64_t hi, bool in_quotes,
                       struct rows *rows)
{
    struct batch batch;
    struct flaw flaw = { 0 };
    int r = reader_begin(reader, 0, 0, lo, hi, in_quotes, give, file, &flaw);
    while (r == 0) {
        r = reader_next(reader, &batch, &flaw);
        if (r == 0)
            take_batch(shape, &batch, rows);
    }
    must(r == READER_END || r == flaw.kind);
    if (r > 0 && (!rows->flaw.kind || flaw.at < rows->flaw.at))
        rows->flaw = flaw;
}

/* The last piece goes to the end, and beyond. Rows behind a flaw do not count. */
static void read_pieces(const struct shape *shape, struct file *file, const uint8_t *lengths, size_t n, struct rows *rows)
{
    struct reader *reader;
    uint64_t lo = 0;
    bool in_quotes = false;
    must(reader_new(shape, &reader) == 0);
    for (size_t i = 0; i <= n; i++) {
        uint64_t hi = i < n ? lo + lengths[i] : UINT64_MAX;
        read_piece(reader, shape, file, lo, hi, in_quotes, rows);
        if (shape->quote && lo < file->size)
            in_quotes ^= scan_quotes((const char *)file->bytes + lo, hi < file->size ? hi - lo : file->size - lo, shape->quote) & 1;
        lo = hi;
    }
    while (rows->flaw.kind && rows->n > 0 && rows->row[rows->n - 1].at > rows->flaw.at)
        rows->n--;
    reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    size_t n = data[3] % PIECES_MAX, kinds = 0;
    if (size < HEAD + n)
        return 0;
    const struct shape *shape = &shapes[data[0] % SHAPES_N];
    struct file file = { data + HEAD + n, size - HEAD - n, data[1] % 64 ? data[1] % 64 : SIZE_MAX };
    while (scan_kind(kinds))
        kinds++;
    must(scan_choose(scan_kind(data[2] % kinds)));
    struct rows whole = { .row = malloc((file.size + 1) * sizeof *whole.row) };
    struct rows parts = { .row = malloc((2 * file.size + 1) * sizeof *parts.row) };     /* (behind a flaw rows may be found twice) */
    must(whole.row && parts.row);
    read_pieces(shape, &file, NULL, 0, &whole);
    read_pieces(shape, &file, data + HEAD, n, &parts);
    must(whole.n == parts.n && memcmp(whole.row, parts.row, whole.n * sizeof *whole.row) == 0);
    must(whole.flaw.kind == parts.flaw.kind && (!whole.flaw.kind || memcmp(&whole.flaw, &parts.flaw, sizeof whole.flaw) == 0));
    free(whole.row);
    free(parts.row);
    return 0;
}
