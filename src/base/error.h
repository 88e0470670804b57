/* error.h - what went wrong, in words: of a call (prong_last_error) and of a run (prong_error). */
#pragma once
#include <prong.h>
#include <stdarg.h>

/* Keeps the words for this thread's prong_last_error and returns `r`: `return pn_error(-EINVAL, "no engine '%s'", name);` */
int pn_error(int r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Fills in an end; the tag, the address and the process are left as they are. */
void pn_end_set(prong_error *end, enum prong_kind kind, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void pn_end_vset(prong_error *end, enum prong_kind kind, int code, const char *fmt, va_list args) __attribute__((format(printf, 4, 0)));

/* "SIGSEGV", or "signal 77". Good until this thread's next call. */
const char *pn_signal_name(int signo);
