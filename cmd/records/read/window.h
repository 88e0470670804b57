/* window.h - a stretch of a file in memory: filled at its end, and let go of at its beginning. For the files of read/ alone. */
#pragma once
#include "records/read/reader.h"

enum {
    WINDOW_ROOM = 384 << 10,        /* for the text, of which rows, ends and columns in use all stay in the CPU's own cache (L2) */
    WINDOW_MOST = READER_LONGEST + WINDOW_ROOM
};

struct window {
    char *mem;                      /* READER_PAD zeros, the room, READER_PAD bytes more */
    uint32_t room, n;               /* bytes; how many of them are filled */
    uint64_t at;                    /* byte of the file at which the text begins */
    bool is_last;                   /* the file ends behind the text */
};

static inline char *window_text(const struct window *window)
{
    return window->mem + READER_PAD;
}

/* 0 or -ENOMEM. */
int window_init(struct window *window);
void window_fini(struct window *window);

/* Empty, and about to be filled from byte `at` on. Gives back what was taken for a long row. */
void window_begin(struct window *window, uint64_t at);

/* Appends up to `most` bytes, as far as there is room. 0 or a flaw; *ret_n is how many, 0 if there is no room or the file has ended. */
int window_fill(struct window *window, uint32_t most, reader_bytes_fn *bytes, void *context, uint32_t *ret_n, struct flaw *ret_flaw);

/* The text begins `by` bytes later. */
void window_drop(struct window *window, uint32_t by);

/* Twice the room, which moves the text. 0 or -ENOMEM. */
int window_grow(struct window *window);
