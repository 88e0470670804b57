/* log.h - lines for whoever runs the shop, on standard error: the journal or a terminal. Any thread; a line is written whole.
 *
 * "2026-11-25T09:00:00.123Z warning gateway answered 500 for order 17". No secrets, no bodies, no card tokens; e-mail addresses masked
 * by log_mask(). Under systemd (JOURNAL_STREAM is set) a line begins with its priority, "<4>", instead of time and word. */
#pragma once
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_init(enum log_level most);     /* what is beyond is dropped; before it, LOG_LEVEL_INFO */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "j***@example.org"; returns buf. */
const char *log_mask(const char *email, char *buf, size_t size);
