/* trouble.c - one text per thread. */
#include "base/trouble.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[512];

int trouble_say(int error, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return error;
}

const char *trouble_text(void)
{
    return text;
}
