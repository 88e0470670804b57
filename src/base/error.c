#include "base/error.h"
#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[512];
static _Thread_local char signal_name[32];

int pn_error(int r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(last_error, sizeof last_error, fmt, args);
    va_end(args);
    return r;
}

const char *prong_last_error(void)
{
    return last_error;
}

void pn_end_vset(prong_error *end, enum prong_kind kind, int code, const char *fmt, va_list args)
{
    end->kind = (int32_t)kind;
    end->code = code;
    (void)vsnprintf(end->text, sizeof end->text, fmt, args);
}

void pn_end_set(prong_error *end, enum prong_kind kind, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pn_end_vset(end, kind, code, fmt, args);
    va_end(args);
}

const char *pn_signal_name(int signo)
{
    const char *name = sigabbrev_np(signo);
    if (name)
        (void)snprintf(signal_name, sizeof signal_name, "SIG%s", name);
    else
        (void)snprintf(signal_name, sizeof signal_name, "signal %d", signo);
    return signal_name;
}
