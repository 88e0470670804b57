/* stream.h - streams as source.c begins them; what others may do with one is in source.h. */
#pragma once
#include "records/source/source.h"

/* What was opened for a job and is not for others to see. */
struct source_own {
    char **shown;               /* the files as they were named, for messages */
    struct stream **waiting;    /* begun already, as they can be read but once; NULL: where it is opened by its name, or was taken */
    char **names;               /* of the columns; they lie in `text` */
    char *text;
};

/* Takes over fd, in any case. Reads its first bytes, and sees how they are packed. 0 or a flaw. */
int stream_begin(int fd, uint32_t file, struct stream **ret_stream, struct flaw *ret_flaw);
enum packing stream_packing(const struct stream *stream);

/* The first bytes as they are, packed or not; before anything is read. */
size_t stream_peek(const struct stream *stream, const char **ret_text);

/* What was read from it (malloc'ed) comes once more; before anything else is read. */
void stream_give_back(struct stream *stream, char *text, size_t size);
