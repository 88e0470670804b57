/* text.c - independent of the locale, which this program never sets. */
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *text_count(uint64_t count, char *buf)
{
    char digits[TEXT_SIZE];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *out = buf;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return buf;
}

struct unit {
    double factor;
    const char *name;
};

/* In the first unit of which there is at least one, or the last. */
static const char *text_in(double value, const struct unit unit[], int n, char *buf)
{
    int i = 0;
    while (i < n - 1 && value * unit[i].factor < 0.9995)
        i++;
    double shown = value * unit[i].factor;
    int decimals = shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0;
    snprintf(buf, TEXT_SIZE, "%.*f %s", decimals, shown, unit[i].name);
    return buf;
}

const char *text_time(double seconds, char *buf)
{
    static const struct unit unit[] = { { 1, "s" }, { 1e3, "ms" }, { 1e6, "us" }, { 1e9, "ns" } };
    return text_in(seconds, unit, 4, buf);
}

const char *text_bytes(double bytes, char *buf)
{
    static const struct unit unit[] = { { 1e-9, "GB" }, { 1e-6, "MB" }, { 1e-3, "KB" }, { 1, "bytes" } };
    return text_in(bytes, unit, 4, buf);
}

/* One unit is enough if both have it. */
const char *text_interval(double low, double high, const char *(*text)(double value, char *buf), char *buf)
{
    char from[TEXT_SIZE], to[TEXT_SIZE];
    const char *unit = strchr(text(high, to), ' ');
    char *of = strchr(text(low, from), ' ');
    if (of && unit && strcmp(of, unit) == 0)
        *of = '\0';
    snprintf(buf, TEXT_SIZE, "[%.15s - %.15s]", from, to);
    return buf;
}

const char *text_real(double real, char *buf)
{
    if (isnan(real))
        return strcpy(buf, "undefined");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, TEXT_SIZE, "%.*g", digits, real);
        if (strtod(buf, NULL) == real)
            break;
    }
    return buf;
}

void text_wrap(FILE *to, const char *text, int at, int indent, int width)
{
    for (bool is_first = true; *text; is_first = false) {
        int gap = (int)strspn(text, " \n"), size = (int)strcspn(text + gap, " \n");
        bool begins = memmem(text, (size_t)gap, "\n\n", 2) != NULL;
        if (begins || (!is_first && at + 1 + size > width)) {
            fprintf(to, "%s\n%*s", begins ? "\n" : "", indent, "");
            at = indent;
        } else if (!is_first)
            at += fprintf(to, " ");
        at += fprintf(to, "%.*s", size, text + gap);
        text += gap + size;
    }
    fputc('\n', to);
}

void text_add(char *buf, size_t size, const char *fmt, ...)
{
    size_t length = strlen(buf);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(buf + length, size - length, fmt, args);
    va_end(args);
}
