/* show.c - the formats for programs; table.c has the one for people. */
#include "records/show/show.h"

#include "json.h"
#include "records/show/cell.h"
#include "records/show/table.h"
#include "say.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- CSV (RFC 4180, but lines end as they do on this system) --------------------------------------------------------------- */

static void write_quoted(struct text text, FILE *to)
{
    fputc('"', to);
    for (const char *p = text.at, *end = p + text.size; p < end;) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        size_t n = (size_t)((quote ? quote + 1 : end) - p);
        fwrite(p, 1, n, to);
        if (quote)
            fputc('"', to);
        p += n;
    }
    fputc('"', to);
}

static bool needs_quotes(struct text text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] == '"' || text.at[i] == ',' || text.at[i] == '\n' || text.at[i] == '\r')
            return true;
    return text.size == 0;      /* empty is not missing */
}

static void write_field(struct text text, FILE *to)
{
    if (needs_quotes(text))
        write_quoted(text, to);
    else
        fwrite(text.at, 1, text.size, to);
}

static void show_csv(const struct results *r, FILE *to)
{
    char buf[NUMBER_TEXT];
    for (uint32_t i = 0; i < r->n_columns; i++) {
        if (i > 0)
            fputc(',', to);
        write_field((struct text){ r->name[i], strlen(r->name[i]) }, to);
    }
    fputc('\n', to);
    const struct value *value = r->cell;
    for (uint64_t row = 0; row < r->n_rows; row++) {
        for (uint32_t i = 0; i < r->n_columns; i++, value++) {
            if (i > 0)
                fputc(',', to);
            if (value->kind != VALUE_MISSING)
                write_field(cell_text(value, buf), to);
            else if (r->n_columns == 1)
                fputs("\"\"", to);      /* a blank line is no row for most who read it */
        }
        fputc('\n', to);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------------- */

static void write_member(struct json *w, const char *name, const struct value *value)
{
    char buf[NUMBER_TEXT];
    struct text text = cell_text(value, buf);
    if (is_number(value))
        json_put_number(w, name, text.at, text.size);
    else if (value->kind == VALUE_TEXT)
        json_put_text(w, name, text.at, text.size);
    else if (value->kind == VALUE_BOOL)
        json_put_bool(w, name, value->truth);
    else
        json_put_null(w, name);
}

static void write_object(struct json *w, const struct results *r, uint64_t row)
{
    json_begin_flat(w, NULL, '{');
    for (uint32_t i = 0; i < r->n_columns; i++)
        write_member(w, r->name[i], &r->cell[row * r->n_columns + i]);
    json_end(w, '}');
}

static void show_json(const struct results *r, FILE *to)
{
    struct json w = { .to = to };
    json_begin(&w, NULL, '[');
    for (uint64_t row = 0; row < r->n_rows; row++)
        write_object(&w, r, row);
    json_end(&w, ']');
    fputc('\n', to);
}

static void show_lines(const struct results *r, FILE *to)
{
    for (uint64_t row = 0; row < r->n_rows; row++) {
        struct json w = { .to = to };
        write_object(&w, r, row);
        fputc('\n', to);
    }
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

/* 0: no terminal. */
static uint32_t terminal_width(FILE *to)
{
    struct winsize size;
    int fd = fileno(to);
    return fd >= 0 && isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void results_show(const struct results *results, enum format format, FILE *to)
{
    switch (format) {
    case FORMAT_CSV:
        show_csv(results, to);
        break;
    case FORMAT_JSON:
        show_json(results, to);
        break;
    case FORMAT_NDJSON:
        show_lines(results, to);
        break;
    case FORMAT_TABLE:
        if (results_table(results, terminal_width(to), to)) {
            fflush(to);
            say_note("texts that end in ... are cut to fit the terminal; -o csv shows them in full");
        }
        break;
    }
}
