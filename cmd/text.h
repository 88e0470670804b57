/* text.h - numbers for people. Each writes to buf, of TEXT_SIZE bytes, and returns it. */
#pragma once
#include <stdint.h>

enum { TEXT_SIZE = 40 };
const char *text_count(uint64_t count, char *buf);      /* 2,000,000 */
const char *text_time(double seconds, char *buf);       /* three digits that count: 70.1 ms */
const char *text_real(double real, char *buf);          /* as short as it can be read back from; "undefined" for NaN */
const char *text_bytes(double bytes, char *buf);        /* the same: 54.3 KB, by thousands */
const char *text_interval(double low, double high, const char *(*text)(double value, char *buf), char *buf);   /* [66.3 - 70.0 us] */
