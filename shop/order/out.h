/* out.h - a text that grows in memory. Once there is no more memory it takes nothing more, and out_end() tells. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct out {
    char *text;
    size_t size, room;
    bool has_failed;
};

void out_bytes(struct out *out, const char *bytes, size_t size);
void out_text(struct out *out, const char *text);
char *out_end(struct out *out);     /* the text, with a NUL behind it, the caller's; NULL: no memory */
