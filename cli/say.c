/* say.c - messages on standard error, and the one line of progress that gives way to them. */
#include "say.h"

#include "interrupt.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *say_name = "prong";
const char *say_unfinished = "nothing was measured to the end";
const char *say_place;

static bool line_is_shown;

static void line(const char *prefix, const char *place, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
static void line(const char *prefix, const char *place, const char *fmt, va_list args)
{
    if (interrupt_came())
        return;
    say_progress_end();
    fprintf(stderr, "%s: %s%s", prefix, place ? place : "", place ? ": " : "");
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

int say_error(int status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line(say_name, say_place, fmt, args);
    va_end(args);
    return interrupt_came() ? SAY_INTERRUPTED : status;
}

void say_hint(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line("hint", NULL, fmt, args);
    va_end(args);
}

void say_note(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line(say_name, NULL, fmt, args);
    va_end(args);
}

static bool can_repaint(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (!term || strcmp(term, "dumb") != 0);
}

/* Of the terminal: a line that goes on below could not be erased. */
static int width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

void say_progress(const char *fmt, ...)
{
    if (!can_repaint() || interrupt_came())
        return;
    char text[512];
    say_progress_end();
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "%.*s", width() - 1, text);
    fflush(stderr);
    line_is_shown = true;
}

void say_progress_end(void)
{
    if (line_is_shown)
        fputs("\r\033[K", stderr);      /* back to the left margin, erase what stands there */
    line_is_shown = false;
}

int say_interrupted(void)
{
    say_progress_end();
    fprintf(stderr, "%s: interrupted: %s\n", say_name, say_unfinished);
    return interrupt_status();
}
