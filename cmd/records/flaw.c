/* flaw.c - flaws and odds are plain values: they cross to the owner as bytes. */
#include "records/flaw.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EXCERPT_MAX = 40 };

int flaw_set(struct flaw *flaw, enum flaw_kind kind, place at, const char *fmt, ...)
{
    va_list args;
    memset(flaw, 0, sizeof *flaw);      /* no byte of it is left to chance: it may be compared and sent */
    flaw->kind = (int32_t)kind;
    flaw->at = at;
    va_start(args, fmt);
    vsnprintf(flaw->text, sizeof flaw->text, fmt, args);
    va_end(args);
    return flaw->kind;
}

/* ---- excerpts ------------------------------------------------------------------------------------------------------------ */

/* How many bytes the printable character at `text` has: 1 to 4; 0: it is a control character, or not UTF-8. */
static size_t printable(const unsigned char *text, size_t size)
{
    if (text[0] < 0x80)
        return text[0] >= ' ' && text[0] != 0x7f;
    size_t n = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4 || n > size)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return text[0] == 0xc2 && text[1] < 0xa0 ? 0 : n;   /* U+0080 to U+009F are control characters, too */
}

const char *flaw_excerpt(const char *text, size_t size, char buf[FLAW_EXCERPT])
{
    size_t n = 0;
    while (n < size) {
        size_t width = printable((const unsigned char *)text + n, size - n);
        if (n + (width ? width : 1) > EXCERPT_MAX)
            break;
        if (width)
            memcpy(buf + n, text + n, width);
        else
            buf[n] = '?';
        n += width ? width : 1;
    }
    strcpy(buf + n, n == size ? "" : "...");
    return buf;
}

/* ---- odds ---------------------------------------------------------------------------------------------------------------- */

void odds_init(struct odds *odds)
{
    for (int i = 0; i < ODDS_N; i++)
        odds->odd[i] = (struct odd){ .first = PLACE_NONE };
}

void odds_add(struct odds *odds, enum odd_kind kind, uint64_t n, place first)
{
    struct odd *odd = &odds->odd[kind];
    if (n == 0)
        return;
    odd->n += n;
    if (first < odd->first) {
        odd->first = first;
        odd->line = 0;
    }
}

void odds_merge(struct odds *into, const struct odds *from)
{
    for (int i = 0; i < ODDS_N; i++) {
        odds_add(into, (enum odd_kind)i, from->odd[i].n, from->odd[i].first);
        if (from->odd[i].n && into->odd[i].first == from->odd[i].first)
            into->odd[i].line = from->odd[i].line;
    }
}
