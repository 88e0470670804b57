/* out.c - doubles its room. */
#include "order/out.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_LEAST = 1024 };

/* Always one byte more than is asked for, for the NUL. */
static bool grow(struct out *out, size_t size)
{
    size_t room = out->room ? out->room : ROOM_LEAST;
    while (room - out->size <= size)
        room *= 2;
    char *text = room > out->room ? realloc(out->text, room) : out->text;
    if (!text) {
        out->has_failed = true;
        return false;
    }
    out->text = text;
    out->room = room;
    return true;
}

void out_bytes(struct out *out, const char *bytes, size_t size)
{
    if (out->has_failed || (out->room - out->size <= size && !grow(out, size)))
        return;
    memcpy(out->text + out->size, bytes, size);
    out->size += size;
}

void out_text(struct out *out, const char *text)
{
    out_bytes(out, text, strlen(text));
}

char *out_end(struct out *out)
{
    out_bytes(out, "", 1);
    if (out->has_failed) {
        free(out->text);
        out->text = NULL;
    }
    return out->text;
}
