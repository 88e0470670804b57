/* stream.c - read(2), and an unpacker behind it where the text is packed.
 *
 *      fd --read--> in --unpacker--> the caller's buffer        what is not packed goes there at once, but for the first bytes
 */
#include "records/source/stream.h"

#include "interrupt.h"
#include "records/source/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IN_SIZE = 256 << 10, PIPE_SIZE = 1 << 20 };

struct stream {
    int fd;
    uint32_t file;
    enum packing packing;
    struct unpacker *unpacker;          /* NULL: not packed */
    uint64_t given;                     /* bytes of the text so far */
    char *head;                         /* given back: NULL, or to be given first */
    size_t head_at, head_size;
    char *in;
    size_t in_at, in_n;                 /* what was read and is not used yet: in[in_at .. in_n) */
    uint64_t in_before;                 /* bytes of the file before in[0] */
    bool is_at_end;                     /* of the file */
};

/* ---- reading ------------------------------------------------------------------------------------------------------------- */

static int64_t read_some(struct stream *s, char *buf, size_t size, struct flaw *ret_flaw)
{
    for (;;) {
        ssize_t n = read(s->fd, buf, size);
        if (n >= 0)
            return n;
        if (errno == EINTR && !interrupt_came())
            continue;
        (void)flaw_set(ret_flaw, FLAW_READ, place_of(s->file, s->given), "cannot be read: %s", strerror(errno));
        return -1;
    }
}

/* More of the file into `in`, all of which is used. 0 or a flaw. */
static int fill(struct stream *s, struct flaw *ret_flaw)
{
    s->in_before += s->in_n;
    s->in_at = s->in_n = 0;
    int64_t n = read_some(s, s->in, IN_SIZE, ret_flaw);
    if (n < 0)
        return ret_flaw->kind;
    s->in_n = (size_t)n;
    s->is_at_end = n == 0;
    return 0;
}

static int64_t damaged(const struct stream *s, const char *why, struct flaw *ret_flaw)
{
    const char *packer = s->packing == PACKED_GZIP ? "gzip" : "zstd";
    (void)flaw_set(ret_flaw, FLAW_PACKED, place_of(s->file, s->given),
                   "expected whole %s data, found %s (byte %" PRIu64 " of the packed file)", packer, why, s->in_before + s->in_at);
    return -1;
}

static int64_t unpack_some(struct stream *s, char *buf, size_t size, struct flaw *ret_flaw)
{
    for (char *out = buf;;) {
        const char *in = s->in + s->in_at;
        if (!unpacker_is_between(s->unpacker) || s->in_at < s->in_n) {
            const char *why = unpacker_step(s->unpacker, &in, s->in + s->in_n, &out, buf + size);
            s->in_at = (size_t)(in - s->in);
            if (why)
                return damaged(s, why, ret_flaw);
        }
        if (out > buf)
            return out - buf;
        if (s->in_at < s->in_n)
            continue;
        if (s->is_at_end && unpacker_is_between(s->unpacker))
            return 0;
        if (s->is_at_end)
            return damaged(s, "the end of the file", ret_flaw);
        if (fill(s, ret_flaw) != 0)
            return -1;
    }
}

static int64_t take(const char *from, size_t *at, size_t n, char *buf, size_t size)
{
    size_t some = n - *at < size ? n - *at : size;
    memcpy(buf, from + *at, some);
    *at += some;
    return (int64_t)some;
}

int64_t stream_read(struct stream *stream, char *buf, size_t size, struct flaw *ret_flaw)
{
    int64_t n;
    if (size == 0)
        return 0;
    if (stream->head_at < stream->head_size)
        return take(stream->head, &stream->head_at, stream->head_size, buf, size);      /* which was counted before */
    if (stream->unpacker)
        n = unpack_some(stream, buf, size, ret_flaw);
    else if (stream->in_at < stream->in_n)
        n = take(stream->in, &stream->in_at, stream->in_n, buf, size);
    else
        n = stream->is_at_end ? 0 : read_some(stream, buf, size, ret_flaw);
    stream->is_at_end |= n == 0;
    stream->given += n > 0 ? (uint64_t)n : 0;
    return n;
}

/* ---- beginning and end --------------------------------------------------------------------------------------------------- */

static int no_memory(uint32_t file, struct flaw *ret_flaw)
{
    return flaw_set(ret_flaw, FLAW_MEMORY, place_of(file, 0), "no memory to read it");
}

/* Enough to see the packing by, where there is so much. */
static int read_first(struct stream *s, struct flaw *ret_flaw)
{
    while (s->in_n < PACKING_BYTES && !s->is_at_end) {
        int64_t n = read_some(s, s->in + s->in_n, IN_SIZE - s->in_n, ret_flaw);
        if (n < 0)
            return ret_flaw->kind;
        s->in_n += (size_t)n;
        s->is_at_end = n == 0;
    }
    return 0;
}

int stream_begin(int fd, uint32_t file, struct stream **ret_stream, struct flaw *ret_flaw)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s) {
        close(fd);
        return no_memory(file, ret_flaw);
    }
    s->fd = fd;
    s->file = file;
    s->in = malloc(IN_SIZE);
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);       /* fewer, larger reads; where it is a pipe, and may grow so far */
    if (!s->in)
        (void)no_memory(file, ret_flaw);
    if (!s->in || read_first(s, ret_flaw) != 0)
        goto close_stream;
    s->packing = packing_of(s->in, s->in_n);
    const char *package;
    if (s->packing != PACKED_NOT && packing_is_there(s->packing, &package) && unpacker_new(s->packing, &s->unpacker) < 0) {
        (void)no_memory(file, ret_flaw);
        goto close_stream;
    }
    *ret_stream = s;
    return 0;
close_stream:
    stream_close(s);
    return ret_flaw->kind;
}

enum packing stream_packing(const struct stream *stream)
{
    return stream->packing;
}

size_t stream_peek(const struct stream *stream, const char **ret_text)
{
    *ret_text = stream->in;
    return stream->in_n;
}

void stream_give_back(struct stream *stream, char *text, size_t size)
{
    stream->head = text;
    stream->head_at = 0;
    stream->head_size = size;
}

/* By its name, once more. It has to be the file that was looked at. */
static int open_again(const struct source_file *f, uint32_t file, struct stream **ret_stream, struct flaw *ret_flaw)
{
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return flaw_set(ret_flaw, FLAW_OPEN, place_of(file, 0), "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &st) < 0 || st.st_dev != f->device || st.st_ino != f->inode || (uint64_t)st.st_size != f->size ||
        (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec != f->changed_ns) {
        close(fd);
        return flaw_set(ret_flaw, FLAW_CHANGED, place_of(file, 0), "expected the file that was looked at first, found it changed");
    }
    return stream_begin(fd, file, ret_stream, ret_flaw);
}

int stream_open(const struct sources *sources, uint32_t file, struct stream **ret_stream, struct flaw *ret_flaw)
{
    const struct source_file *f = &sources->file[file];
    if (f->inode)
        return open_again(f, file, ret_stream, ret_flaw);
    if (!sources->own->waiting[file])
        return flaw_set(ret_flaw, FLAW_READ, place_of(file, 0), "it can be read but once");
    *ret_stream = sources->own->waiting[file];
    sources->own->waiting[file] = NULL;
    return 0;
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    unpacker_free(stream->unpacker);
    if (stream->fd != STDIN_FILENO)
        close(stream->fd);
    free(stream->head);
    free(stream->in);
    free(stream);
}
