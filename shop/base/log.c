/* log.c - one write per line, so that lines of several threads do not mix. */
#include "base/log.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level most_told = LOG_LEVEL_INFO;   /* set before there are threads */

void log_init(enum log_level most)
{
    most_told = most;
}

static int begin(enum log_level level, char *buf, size_t size)
{
    static const char *const words[] = { "error", "warning", "info", "debug" };
    static const int priorities[] = { 3, 4, 6, 7 };
    if (getenv("JOURNAL_STREAM"))
        return snprintf(buf, size, "<%d>", priorities[level]);
    int64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    char moment[32];
    strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    return snprintf(buf, size, "%s.%03dZ %s ", moment, (int)(now % 1000), words[level]);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (level > most_told)
        return;
    char line[1024];
    int at = begin(level, line, sizeof line);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line + at, sizeof line - (size_t)at - 1, fmt, args);
    va_end(args);
    int end = n < (int)sizeof line - at - 1 ? at + n : (int)sizeof line - 2;
    for (char *p = line + at; p < line + end; p++)      /* what others sent must not begin a line of its own */
        if (iscntrl((unsigned char)*p))
            *p = '?';
    line[end] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)end + 1);
}

const char *log_mask(const char *email, char *buf, size_t size)
{
    const char *at = strrchr(email, '@');
    snprintf(buf, size, "%.1s***%s", email, at ? at : "");
    return buf;
}
