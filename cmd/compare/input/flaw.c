/* flaw.c - a flaw travels as text, "byte 17: expected ...", since that is what a failed run brings home. */
#include "compare/input/flaw.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EXCERPT_MAX = 40 };

int flaw_set(struct flaw *flaw, enum flaw_kind kind, uint64_t at, const char *fmt, ...)
{
    va_list args;
    flaw->kind = (int32_t)kind;
    flaw->at = at;
    va_start(args, fmt);
    vsnprintf(flaw->text, sizeof flaw->text, fmt, args);
    va_end(args);
    return flaw->kind;
}

int flaw_fail_run(const struct flaw *flaw)
{
    return prong_fail(flaw->kind, "byte %" PRIu64 ": %s", flaw->at, flaw->text);
}

bool flaw_of_run(const prong_error *end, struct flaw *ret_flaw)
{
    uint64_t at;
    int text_at = 0;
    if (end->kind != PRONG_FAILED || sscanf(end->text, "byte %" SCNu64 ": %n", &at, &text_at) != 1 || text_at == 0)
        return false;
    ret_flaw->kind = end->code;
    ret_flaw->at = at;
    snprintf(ret_flaw->text, sizeof ret_flaw->text, "%.*s", (int)sizeof ret_flaw->text - 1, end->text + text_at);
    return true;
}

/* A cut must not split a character of UTF-8: goes back to where one starts. */
static size_t cut(const char *text, size_t size)
{
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

const char *flaw_excerpt(const char *text, const char *end, char buf[FLAW_EXCERPT])
{
    size_t size = (size_t)(end - text);
    bool whole = size <= EXCERPT_MAX;
    if (!whole)
        size = cut(text, EXCERPT_MAX);
    for (size_t i = 0; i < size; i++)
        buf[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
    strcpy(buf + size, whole ? "" : "...");
    return buf;
}
