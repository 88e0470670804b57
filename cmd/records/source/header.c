/* header.c - one record, byte by byte: it is read once, and speed is nothing here. */
#include "records/source/header.h"

#include <stdlib.h>
#include <string.h>

size_t header_size(const char *text, size_t size, bool is_all, char quote)
{
    bool in_quotes = false;
    for (size_t i = 0; i < size; i++) {
        if (quote && text[i] == quote)
            in_quotes = !in_quotes;
        else if (text[i] == '\n' && !in_quotes)
            return i + 1;
    }
    return is_all ? size : 0;
}

char header_delimiter(const char *text, size_t size, char quote)
{
    static const char known[] = { ',', ';', '\t', '|' };
    size_t n[sizeof known] = { 0 }, best = 0;
    bool in_quotes = false;
    for (size_t i = 0; i < size; i++) {
        in_quotes ^= quote && text[i] == quote;
        for (size_t k = 0; k < sizeof known; k++)
            n[k] += text[i] == known[k] && !in_quotes;
    }
    for (size_t k = 1; k < sizeof known; k++)
        if (n[k] > n[best])
            best = k;
    return known[best];
}

/* ---- fields -------------------------------------------------------------------------------------------------------------- */

/* A record from `at` on, as far as it is read. */
struct record {
    char *text, *next, *end;
    char delimiter, quote;
    place at;
    struct flaw *flaw;
};

static int bad(const struct record *r, const char *at, enum flaw_kind kind, const char *what)
{
    return flaw_set(r->flaw, kind, r->at + (uint64_t)(at - r->text), "%s, in the first line", what);
}

/* r->next: at the quote; then at the delimiter, or the end. Two quotes become one, and what is behind them moves up. */
static int read_quoted(struct record *r, char **ret_begin, char **ret_end)
{
    char *begin = r->next, *to = begin + 1;
    for (char *p = begin + 1; p < r->end; p++) {
        if (*p == r->quote) {
            p++;
            if (p == r->end || *p == r->delimiter) {
                *ret_begin = begin + 1;
                *ret_end = to;
                r->next = p;
                return 0;
            }
            if (*p != r->quote)
                return bad(r, p, FLAW_QUOTE, "expected a delimiter or the end of the line behind a quoted field, found something else");
        }
        *to++ = *p;
    }
    return bad(r, begin, FLAW_QUOTE, "expected a quote at the end of this field, found none");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int read_bare(struct record *r, char **ret_begin, char **ret_end)
{
    char *begin = r->next;
    for (; r->next < r->end && *r->next != r->delimiter; r->next++)
        if (r->quote && *r->next == r->quote)
            return bad(r, r->next, FLAW_QUOTE, "expected no quote inside a field without quotes around it, found one");
    char *end = r->next;
    while (begin < end && is_blank(*begin))
        begin++;
    while (end > begin && is_blank(end[-1]))
        end--;
    *ret_begin = begin;
    *ret_end = end;
    return 0;
}

/* The name, with a NUL behind it: in place of the delimiter, or of the end of the line. */
static int read_name(struct record *r, char **ret_name)
{
    char *begin = r->next, *end = begin;
    bool is_quoted = r->quote && r->next < r->end && *r->next == r->quote;
    int flaw = is_quoted ? read_quoted(r, &begin, &end) : read_bare(r, &begin, &end);
    if (flaw)
        return flaw;
    char *nul = memchr(begin, '\0', (size_t)(end - begin));
    if (nul)
        return bad(r, nul, FLAW_READ, "expected text, found a byte of value 0");
    r->next++;
    *end = '\0';
    *ret_name = begin;
    return 0;
}

static size_t count(const char *text, size_t size, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += text[i] == c;
    return n;
}

int header_names(char *text, size_t size, char delimiter, char quote, place at, char ***ret_names, uint32_t *ret_n, struct flaw *ret_flaw)
{
    size_t most = count(text, size, delimiter) + 1;
    char **names = malloc(most * sizeof *names);
    if (!names || most > UINT32_MAX) {
        free(names);
        return flaw_set(ret_flaw, FLAW_MEMORY, at, "no memory for the names of the columns");
    }
    struct record r = { text, text, text + size, delimiter, quote, at, ret_flaw };
    uint32_t n = 0;
    do {
        if (read_name(&r, &names[n++]) != 0) {
            free(names);
            return ret_flaw->kind;
        }
    } while (r.next <= r.end);
    *ret_names = names;
    *ret_n = n;
    return 0;
}
