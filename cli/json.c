/* json.c - knows whether a comma is due, and how deep it is. */
#include "json.h"

#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the character of UTF-8 that stands here, of `left` at least one; 0: none does. */
static size_t character_size(const unsigned char *p, size_t left)
{
    static const struct { unsigned char mask, lead; uint32_t least; } form[] = {
        { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    for (size_t n = 1; n <= 4 && n <= left; n++) {
        if ((*p & form[n - 1].mask) != form[n - 1].lead)
            continue;
        uint32_t c = *p & (unsigned char)~form[n - 1].mask;
        for (size_t i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (p[i] & 0x3f);
        }
        return c < form[n - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
    }
    return 0;
}

/* As it is: < is none, so that it may stand in a page (no "</script>"). */
static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\' && c != '<';
}

static void write_text(FILE *to, const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + size;
    fputc('"', to);
    while (p < end) {
        size_t n = 0;
        while (p + n < end && is_plain(p[n]))
            n++;
        if (n == 0)
            n = character_size(p, (size_t)(end - p));
        if (n == 0)
            fputs("\\ufffd", to);
        else if (*p == '"' || *p == '\\')
            fprintf(to, "\\%c", *p);
        else if (*p < ' ' || *p == '<')
            fprintf(to, "\\u%04x", *p);
        else
            fwrite(p, 1, n, to);
        p += n ? n : 1;
    }
    fputc('"', to);
}

static void write_string(FILE *to, const char *text)
{
    write_text(to, text, strlen(text));
}

static void next(struct json *w, const char *key)
{
    if (w->flat)
        fputs(w->comma ? ", " : "", w->to);
    else
        fprintf(w->to, "%s%*s", w->comma ? ",\n" : w->depth ? "\n" : "", 2 * w->depth, "");
    if (key) {
        write_string(w->to, key);
        fputs(": ", w->to);
    }
    w->comma = true;
}

void json_begin(struct json *w, const char *key, char bracket)
{
    next(w, key);
    fputc(bracket, w->to);
    w->depth++;
    w->comma = false;
}

void json_end(struct json *w, char bracket)
{
    w->depth--;
    if (w->comma && !w->flat)
        fprintf(w->to, "\n%*s", 2 * w->depth, "");
    if (w->depth < w->flat)
        w->flat = 0;
    fputc(bracket, w->to);
    w->comma = true;
}

void json_begin_flat(struct json *w, const char *key, char bracket)
{
    json_begin(w, key, bracket);
    if (!w->flat)
        w->flat = w->depth;
}

void json_put_string(struct json *w, const char *key, const char *text)
{
    next(w, key);
    write_string(w->to, text);
}

void json_put_text(struct json *w, const char *key, const char *text, size_t size)
{
    next(w, key);
    write_text(w->to, text, size);
}

void json_put_number(struct json *w, const char *key, const char *digits, size_t size)
{
    next(w, key);
    fwrite(digits, 1, size, w->to);
}

void json_put_null(struct json *w, const char *key)
{
    next(w, key);
    fputs("null", w->to);
}

void json_put_string_or_null(struct json *w, const char *key, const char *text)
{
    if (text[0])
        json_put_string(w, key, text);
    else
        json_put_null(w, key);
}

void json_put_bool(struct json *w, const char *key, bool value)
{
    next(w, key);
    fputs(value ? "true" : "false", w->to);
}

void json_put_count(struct json *w, const char *key, uint64_t count)
{
    next(w, key);
    fprintf(w->to, "%" PRIu64, count);
}

void json_put_real(struct json *w, const char *key, double real)
{
    char buf[TEXT_SIZE];
    next(w, key);
    fputs(isfinite(real) ? text_real(real, buf) : "null", w->to);
}

void json_put_count_or_null(struct json *w, const char *key, uint64_t count)
{
    if (count)
        json_put_count(w, key, count);
    else
        json_put_null(w, key);
}

void json_put_real_or_null(struct json *w, const char *key, double real, bool is_known)
{
    json_put_real(w, key, is_known ? real : NAN);
}
