/* complain.c - a flaw of a query and, for people, where it is. */
#include "records/query/complain.h"

#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Names of columns come from a file: they are not to move the cursor of whoever reads this. */
static void tame(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

int complain(struct query_flaw *flaw, size_t at, size_t size, const char *fmt, ...)
{
    flaw->at = at;
    flaw->size = size ? size : 1;
    flaw->hint[0] = '\0';
    va_list args;
    va_start(args, fmt);
    vsnprintf(flaw->what, sizeof flaw->what, fmt, args);
    va_end(args);
    tame(flaw->what);
    return -EINVAL;
}

int complain_hint(struct query_flaw *flaw, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(flaw->hint, sizeof flaw->hint, fmt, args);
    va_end(args);
    tame(flaw->hint);
    return -EINVAL;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------- */

enum { SHOWN_BEFORE = 60, SHOWN_BEHIND = 60, SHOWN_MAX = SHOWN_BEFORE + SHOWN_BEHIND + 16 };

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* A part of the text around the flaw, with nothing in it that moves the cursor elsewhere. Returns the column of text[at]. */
static size_t excerpt(const struct query_flaw *flaw, char buf[SHOWN_MAX])
{
    size_t size = strlen(flaw->text), from = flaw->at > SHOWN_BEFORE ? flaw->at - SHOWN_BEFORE : 0, column = 0, n = 0;
    size_t to = size - flaw->at > SHOWN_BEHIND ? flaw->at + SHOWN_BEHIND : size;
    while (from > 0 && !begins_character(flaw->text[from]))
        from--;
    while (to > flaw->at && to < size && !begins_character(flaw->text[to]))
        to--;
    for (size_t i = 0; from > 0 && i < 3; i++, column++)
        buf[n++] = '.';
    for (size_t i = from; i < to; i++) {
        char c = flaw->text[i];
        column += i < flaw->at && begins_character(c);
        buf[n++] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
    }
    strcpy(buf + n, to < size ? "..." : "");
    return column;
}

void query_show_flaw(const struct query_flaw *flaw)
{
    char shown[SHOWN_MAX], carets[SHOWN_BEHIND + 1];
    size_t column = excerpt(flaw, shown), n = 0;
    for (size_t i = flaw->at; n < SHOWN_BEHIND && i < flaw->at + flaw->size; i++) {
        bool is_inside = i < strlen(flaw->text);
        if (!is_inside || begins_character(flaw->text[i]))
            carets[n++] = '^';
        if (!is_inside)
            break;
    }
    carets[n] = '\0';
    (void)say_error(SAY_USAGE, "%s: %s\n  %s\n  %*s%s", flaw->option, flaw->what, shown, (int)column, "", carets);
    if (flaw->hint[0])
        say_hint("%s", flaw->hint);
}
