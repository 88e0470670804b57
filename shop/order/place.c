/* place.c - one pass over the brackets, commas and names; what lies between them does not matter. */
#include "order/place.h"

#include "order/text.h"

#include <stdio.h>
#include <string.h>

struct level {
    bool is_array, wants_name;
    size_t index, name, name_size;      /* of the element; where the member's name lies */
};

/* Past the string that begins at `i`, at its quote. */
static size_t string_end(const char *body, size_t i, size_t size)
{
    for (i++; i < size && body[i] != '"'; i++)
        if (body[i] == '\\')
            i++;
    return i < size ? i + 1 : size;
}

bool place_is_too_deep(const char *body, size_t size)
{
    size_t depth = 0;
    for (size_t i = 0; i < size;) {
        if (body[i] == '"') {
            i = string_end(body, i, size);
            continue;
        }
        if (body[i] == '{' || body[i] == '[') {
            if (++depth > PLACE_DEPTH)
                return true;
        } else if ((body[i] == '}' || body[i] == ']') && depth > 0)
            depth--;
        i++;
    }
    return false;
}

static void step(struct level *level, size_t *depth, const char *body, size_t i, size_t end)
{
    struct level *at = &level[*depth];
    switch (body[i]) {
    case '{':
    case '[':
        if (*depth < PLACE_DEPTH)
            level[++*depth] = (struct level){ .is_array = body[i] == '[', .wants_name = body[i] == '{' };
        break;
    case '}':
    case ']':
        *depth -= *depth > 0;
        break;
    case ',':
        at->index++;
        at->wants_name = !at->is_array;
        break;
    case '"':
        if (at->wants_name) {
            at->name = i + 1;
            at->name_size = end - i >= 2 ? end - i - 2 : 0;
            at->wants_name = false;
        }
        break;
    }
}

void place_path(const char *body, size_t at, char *buf, size_t buf_size)
{
    struct level level[PLACE_DEPTH + 1] = { 0 };
    size_t depth = 0, n = 0;
    for (size_t i = 0, end; i < at; i = end) {
        end = body[i] == '"' ? string_end(body, i, at) : i + 1;
        step(level, &depth, body, i, end);
    }
    buf[0] = '\0';
    for (size_t i = 1; i <= depth && n < buf_size; i++) {
        const struct level *l = &level[i];
        if (!l->is_array && !text_is_name(body + l->name, l->name_size))
            return;
        if (l->is_array)
            n += (size_t)snprintf(buf + n, buf_size - n, "[%zu]", l->index);
        else
            n += (size_t)snprintf(buf + n, buf_size - n, "%s%.*s", n ? "." : "", (int)l->name_size, body + l->name);
    }
}
