/* html.c - a small printf whose %s escapes. */
#include "web/html.h"

#include "order/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *entity(uint32_t c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return c == '\n' || (c >= ' ' && (c < 0x7f || c > 0x9f)) ? NULL : "\xef\xbf\xbd";
    }
}

static void put_escaped(struct out *out, const char *text)
{
    size_t size = strlen(text), from = 0, i = 0;
    while (i < size) {
        uint32_t c = 0;         /* stays so where there is no character: then it is replaced */
        size_t n = text_character(text + i, size - i, &c);
        const char *instead = entity(c);
        if (instead) {
            out_bytes(out, text + from, i - from);
            out_text(out, instead);
            from = i + (n ? n : 1);
        }
        i += n ? n : 1;
    }
    out_bytes(out, text + from, size - from);
}

static void put_directive(struct out *out, char directive, va_list *args)
{
    char digits[16];
    switch (directive) {
    case 's':
        put_escaped(out, va_arg(*args, const char *));
        return;
    case 'd':
        (void)snprintf(digits, sizeof digits, "%d", va_arg(*args, int));
        break;
    case 'u':
        (void)snprintf(digits, sizeof digits, "%u", va_arg(*args, unsigned));
        break;
    default:
        assert(directive == '%');
        (void)snprintf(digits, sizeof digits, "%%");
    }
    out_text(out, digits);
}

void html(struct out *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    for (const char *p = fmt; *p;) {
        size_t n = strcspn(p, "%");
        out_bytes(out, p, n);
        p += n;
        if (*p == '%') {
            put_directive(out, p[1], &args);
            p += 2;
        }
    }
    va_end(args);
}
