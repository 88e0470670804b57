/* table.c - goes over the cells twice: how wide they are, then what they say. Each character of UTF-8 is taken to be one column wide. */
#include "records/show/table.h"

#include "records/show/cell.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 2, CUT_LEAST = 8 };        /* between columns; no text is cut to less than that */

struct column {
    uint32_t width;             /* characters */
    bool is_number;             /* all cells that are not missing are */
    bool is_cut;
};

/* ---- characters ---------------------------------------------------------------------------------------------------------- */

/* Bytes of the character of UTF-8 here, which shows; 0: there is none. */
static size_t shown_character(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return p[0] >= ' ' && p[0] != 0x7f;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left || (p[0] == 0xc2 && p[1] < 0xa0))    /* U+0080 to U+009f are for control */
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* One character, or how it is written in place of that. *ret_used: bytes of the text. The number of columns. */
static uint32_t next_piece(const char *text, size_t left, char buf[8], struct text *ret_piece, size_t *ret_used)
{
    static const char names[] = "abtnvfr";
    const unsigned char *p = (const unsigned char *)text;
    size_t n = shown_character(p, left);
    *ret_used = n ? n : 1;
    if (n) {
        *ret_piece = (struct text){ text, n };
        return 1;
    }
    int size = *p >= '\a' && *p <= '\r' ? snprintf(buf, 8, "\\%c", names[*p - '\a']) : snprintf(buf, 8, "\\x%02x", *p);
    *ret_piece = (struct text){ buf, (uint64_t)size };
    return (uint32_t)size;
}

static uint64_t width_of(struct text text)
{
    uint64_t width = 0;
    char buf[8];
    struct text piece;
    size_t used;
    for (size_t at = 0; at < text.size; at += used)
        width += next_piece(text.at + at, text.size - at, buf, &piece, &used);
    return width;
}

/* At most `width` columns of it; how many they are. */
static uint32_t write_pieces(struct text text, uint32_t width, FILE *to)
{
    uint32_t written = 0;
    char buf[8];
    struct text piece;
    size_t used;
    for (size_t at = 0; at < text.size; at += used) {
        uint32_t more = next_piece(text.at + at, text.size - at, buf, &piece, &used);
        if (written + more > width)
            break;
        fwrite(piece.at, 1, piece.size, to);
        written += more;
    }
    return written;
}

/* ---- columns ------------------------------------------------------------------------------------------------------------- */

static uint32_t larger(uint32_t width, uint64_t other)
{
    return other <= width ? width : other < UINT32_MAX ? (uint32_t)other : UINT32_MAX;
}

static struct column measure(const struct results *r, uint32_t i)
{
    struct column column = { .is_number = r->n_rows > 0 };
    char buf[NUMBER_TEXT];
    bool any = false;
    column.width = larger(0, width_of((struct text){ r->name[i], strlen(r->name[i]) }));
    for (uint64_t row = 0; row < r->n_rows; row++) {
        const struct value *value = &r->cell[row * r->n_columns + i];
        column.width = larger(column.width, width_of(cell_text(value, buf)));
        any |= is_number(value);
        column.is_number &= value->kind == VALUE_MISSING || is_number(value);
    }
    column.is_number &= any;
    return column;
}

/* The widest text by one column after the other, until lines fit or all are short. */
static bool cut_columns(struct column *column, uint32_t n, uint32_t width)
{
    uint64_t all = n ? (uint64_t)GAP * (n - 1) : 0;
    bool is_cut = false;
    for (uint32_t i = 0; i < n; i++)
        all += column[i].width;
    while (all > width) {
        struct column *widest = NULL, *next = NULL;
        for (uint32_t i = 0; i < n; i++) {
            if (column[i].is_number || column[i].width <= CUT_LEAST)
                continue;
            if (!widest || column[i].width > widest->width)
                next = widest, widest = &column[i];
            else if (!next || column[i].width > next->width)
                next = &column[i];
        }
        if (!widest)
            break;
        /* At once to where the next one has its turn, or to what is needed. */
        uint32_t least = next && next->width > CUT_LEAST && next->width < widest->width ? next->width : CUT_LEAST;
        if (next && next->width == widest->width)
            least = widest->width - 1;
        uint64_t over = all - width, less = widest->width - least < over ? widest->width - least : over;
        widest->width -= (uint32_t)less;
        widest->is_cut = is_cut = true;
        all -= less;
    }
    return is_cut;
}

/* ---- lines --------------------------------------------------------------------------------------------------------------- */

static void write_blanks(uint64_t n, FILE *to)
{
    for (; n > 0; n--)
        fputc(' ', to);
}

static void write_cell(struct text text, const struct column *column, bool is_last, FILE *to)
{
    uint64_t width = width_of(text);
    if (width > column->width) {
        uint32_t written = write_pieces(text, column->width - 3, to);
        fputs("...", to);
        width = written + 3;
    } else {
        if (column->is_number)
            write_blanks(column->width - width, to);
        (void)write_pieces(text, column->width, to);
    }
    if (is_last)
        return;
    write_blanks((column->is_number ? 0 : column->width - width) + GAP, to);
}

bool results_table(const struct results *results, uint32_t width, FILE *to)
{
    const struct results *r = results;
    struct column *column = calloc(r->n_columns ? r->n_columns : 1, sizeof *column);
    if (!column)
        return false;
    for (uint32_t i = 0; i < r->n_columns; i++)
        column[i] = measure(r, i);
    bool is_cut = width > 0 && cut_columns(column, r->n_columns, width);
    for (uint32_t i = 0; i < r->n_columns; i++)
        write_cell((struct text){ r->name[i], strlen(r->name[i]) }, &column[i], i == r->n_columns - 1, to);
    fputc('\n', to);
    for (uint64_t row = 0; row < r->n_rows; row++) {
        char buf[NUMBER_TEXT];
        for (uint32_t i = 0; i < r->n_columns; i++)
            write_cell(cell_text(&r->cell[row * r->n_columns + i], buf), &column[i], i == r->n_columns - 1, to);
        fputc('\n', to);
    }
    free(column);
    return is_cut;
}
