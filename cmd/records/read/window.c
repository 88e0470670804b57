/* window.c - one block of memory with its pads; the text always begins behind the first. */
#include "records/read/window.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int window_init(struct window *window)
{
    *window = (struct window){ .room = WINDOW_ROOM };
    window->mem = malloc(READER_PAD + WINDOW_ROOM + READER_PAD);
    if (!window->mem)
        return -ENOMEM;
    memset(window->mem, 0, READER_PAD);     /* what stands before the text of a file is no \r, nor anything else that means something */
    return 0;
}

void window_fini(struct window *window)
{
    free(window->mem);
}

void window_begin(struct window *window, uint64_t at)
{
    if (window->room > WINDOW_ROOM) {
        char *mem = realloc(window->mem, READER_PAD + WINDOW_ROOM + READER_PAD);
        if (mem) {
            window->mem = mem;
            window->room = WINDOW_ROOM;
        }
    }
    window->at = at;
    window->n = 0;
    window->is_last = false;
}

int window_fill(struct window *window, uint32_t most, reader_bytes_fn *bytes, void *context, uint32_t *ret_n, struct flaw *ret_flaw)
{
    uint32_t room = window->room - window->n, wanted = most < room ? most : room;
    *ret_n = 0;
    if (wanted == 0 || window->is_last)
        return 0;
    int64_t n = bytes(context, window->at + window->n, window_text(window) + window->n, wanted, ret_flaw);
    if (n < 0)
        return ret_flaw->kind;
    assert(n <= (int64_t)wanted);
    window->is_last = n == 0;
    window->n += (uint32_t)n;
    *ret_n = (uint32_t)n;
    return 0;
}

void window_drop(struct window *window, uint32_t by)
{
    assert(by <= window->n);
    memmove(window_text(window), window_text(window) + by, window->n - by);
    window->at += by;
    window->n -= by;
}

int window_grow(struct window *window)
{
    uint32_t room = window->room < WINDOW_MOST / 2 ? window->room * 2 : WINDOW_MOST;
    char *mem = realloc(window->mem, (size_t)READER_PAD + room + READER_PAD);
    if (!mem)
        return -ENOMEM;
    window->mem = mem;
    window->room = room;
    return 0;
}
