/* paint.h - what the receiver of a stream can show: colour, and bars by eighths of a character. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct paint {
    FILE *to;
    bool colour;        /* a terminal, which TERM does not call dumb, and NO_COLOR does not forbid */
    bool utf8;          /* by LC_ALL, LC_CTYPE or LANG: the locale itself may well not be installed */
};
struct paint paint_of(FILE *to);

/* Nothing without colour. */
enum ink { INK_PLAIN, INK_STRONG, INK_FAINT, INK_GOOD, INK_BAD, INK_DOUBT };
void paint_ink(const struct paint *paint, enum ink ink);

/* share: from 0 to 1, of so many cells, which are all used up. */
void paint_bar(const struct paint *paint, double share, int cells);

/* Words, broken into lines of at most `width` cells, each but the first after `indent` blanks; the first begins at `indent`, too. Ends
 * with a newline. */
void paint_words(const struct paint *paint, const char *words, int indent, int width);
