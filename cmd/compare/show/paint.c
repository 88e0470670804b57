/* paint.c - colours by ANSI escapes (ECMA-48, SGR), bars by Unicode's block elements. */
#include "compare/show/paint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wants_colour(FILE *to)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(to)) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

static bool wants_utf8(void)
{
    static const char *const variable[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < sizeof variable / sizeof variable[0]; i++) {
        const char *value = getenv(variable[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct paint paint_of(FILE *to)
{
    return (struct paint){ to, wants_colour(to), wants_utf8() };
}

void paint_ink(const struct paint *paint, enum ink ink)
{
    static const char *const escape[] = { "\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[33m" };
    if (paint->colour)
        fputs(escape[ink], paint->to);
}

void paint_bar(const struct paint *paint, double share, int cells)
{
    static const char *const eighth[] = { "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589" };
    int eighths = (int)(share * cells * 8 + 0.5);
    int whole = paint->utf8 ? eighths / 8 : (eighths + 4) / 8;
    for (int i = 0; i < whole; i++)
        fputs(paint->utf8 ? "\u2588" : "#", paint->to);
    if (paint->utf8)
        fputs(eighth[eighths % 8], paint->to);
    int used = whole + (paint->utf8 && eighths % 8 != 0);
    fprintf(paint->to, "%*s", cells - used, "");
}

void paint_words(const struct paint *paint, const char *words, int indent, int width)
{
    int at = indent;
    while (*words) {
        int size = (int)strcspn(words, " ");
        if (at > indent && at + 1 + size > width) {
            fprintf(paint->to, "\n%*s", indent, "");
            at = indent;
        }
        at += fprintf(paint->to, "%s%.*s", at > indent ? " " : "", size, words);
        words += size;
        words += strspn(words, " ");
    }
    fputc('\n', paint->to);
}
