/* text.h - numbers for people, each written to buf, of TEXT_SIZE bytes, which is returned; and paragraphs. */
#pragma once
#include <stdint.h>
#include <stdio.h>

enum { TEXT_SIZE = 40 };
const char *text_count(uint64_t count, char *buf);      /* 2,000,000 */
const char *text_time(double seconds, char *buf);       /* three digits that count: 70.1 ms */
const char *text_real(double real, char *buf);          /* as short as it can be read back from; "undefined" for NaN */
const char *text_bytes(double bytes, char *buf);        /* the same: 54.3 KB, by thousands */
const char *text_interval(double low, double high, const char *(*text)(double value, char *buf), char *buf);   /* [66.3 - 70.0 us] */

/* Words with lines broken before column `width`, and a newline. The first line goes on at column `at`, the others begin with `indent`
 * spaces. An empty line stays one. */
void text_wrap(FILE *to, const char *text, int at, int indent, int width);

/* Adds to the text in buf, which has room for `size` bytes, at least one; cut where the room ends. */
void text_add(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
