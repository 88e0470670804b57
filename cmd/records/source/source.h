/* source.h - the files of a job, in order: what they are called, how they are packed, where their rows begin, which columns they have. */
#pragma once
#include "records/flaw.h"
#include "records/query/query.h"

#include <limits.h>
#include <sys/types.h>

enum packing { PACKED_NOT, PACKED_GZIP, PACKED_ZSTD };

/* Plain: may lie in memory that workers share. */
struct source_file {
    char path[PATH_MAX];        /* absolute; "-" is standard input */
    bool is_stream;             /* no bytes at will: standard input, a pipe, or packed */
    enum packing packing;
    uint64_t size, device, inode;   /* of a regular file that is not packed: as it was when it was looked at */
    int64_t changed_ns;
    uint64_t first;             /* byte at which the first row behind the header begins (of a stream: behind unpacking) */
};

struct source_opts {
    char delimiter;             /* 0: by the header: whichever of , ; tab | it has most of outside quotes */
    char quote;
    bool has_header;            /* false: columns are called c1, c2, ... */
};
struct sources {
    uint32_t n;
    struct source_file *file;
    char delimiter;
    struct columns columns;
    struct source_own *own;     /* the rest is its own */
};

/* Looks at all of them; words with * ? [ that name no file are patterns (glob); those that follow need the same columns. Packing is told by
 * the first bytes, not by the name. SAY_OK; or the exit status, said (SAY_BAD_INPUT; SAY_MISSING for zstd where it is not built in). */
int sources_open(const char *const words[], size_t n, const struct source_opts *opts, struct sources *ret_sources);
void sources_close(struct sources *sources);

/* The bytes of one stream, in order, unpacked, from its first byte on. */
struct stream;
int stream_open(const struct sources *sources, uint32_t file, struct stream **ret_stream, struct flaw *ret_flaw);
int64_t stream_read(struct stream *stream, char *buf, size_t size, struct flaw *ret_flaw);     /* how many; 0: the end; negative: a flaw */
void stream_close(struct stream *stream);

/* "FILE:LINE: byte N", for messages. line 0: is counted, where the file can be read again. Returns buf. */
enum { SOURCES_PLACE = PATH_MAX + 64 };
const char *sources_place(const struct sources *sources, place at, uint64_t line, char buf[SOURCES_PLACE]);

/* Tells a flaw: file, line, byte, what was expected, a hint; reads the file again to count lines where it can. Returns SAY_BAD_INPUT. */
int sources_say_flaw(const struct sources *sources, const struct flaw *flaw);
