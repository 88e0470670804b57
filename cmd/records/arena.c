/* arena.c - a bump of `used`; nothing else to keep. */
#include "records/arena.h"

#include <stdint.h>
#include <string.h>

enum { ALIGN = 16 };

void *arena_alloc(struct arena *a, size_t size)
{
    size_t gap = -((uintptr_t)a->base + a->used) & (ALIGN - 1);
    if (a->size - a->used < gap || a->size - a->used - gap < size)
        return NULL;
    void *mem = a->base + a->used + gap;
    a->used += gap + size;
    return memset(mem, 0, size);
}

char *arena_text(struct arena *a, const char *text, size_t size)
{
    char *copy = size < SIZE_MAX ? arena_alloc(a, size + 1) : NULL;
    if (copy && size > 0)
        memcpy(copy, text, size);
    return copy;
}
