/* scan.h - where the fields of a text end: delimiters and newlines outside quotes, as fast as memory gives the text.
 *
 * One function table per instruction set (AVX-512, AVX2, SSE2, plain C), all with the same results; the best one that this CPU has is
 * chosen at the first call. The quote state of 64 bytes is a carry-less product with all ones (a prefix XOR), after G. Langdale and
 * D. Lemire, "Parsing Gigabytes of JSON per Second" (2019), section 3.1.1. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Carried from one block of text to the next. */
struct scan {
    char delimiter, quote;      /* quote 0: none */
    bool in_quotes;
    uint8_t before;             /* what the last byte was: the scanner's own; 0 at the beginning of a field */
};

/* Appends the position of each structural byte (counted from `text`, plus `base`) to ret_ends, and tells how many of them are newlines.
 * ret_ends has room for size + 64. Reads up to 64 bytes behind the text, whatever stands there. Returns how many it appended.
 * *ret_bad: position of the first quote that stands where none may (inside an unquoted field; before something else than the end of a
 * quoted field), or UINT32_MAX. */
size_t scan_ends(struct scan *scan, const char *text, size_t size, uint32_t base, uint32_t *ret_ends, size_t *ret_newlines, uint32_t *ret_bad);

/* How many quotes there are. */
size_t scan_quotes(const char *text, size_t size, char quote);

/* For tests and --explain: "avx512", "avx2", "sse2", "plain". */
const char *scan_name(void);
const char *scan_kind(size_t i);            /* the i-th that this CPU has; NULL behind the last */
bool scan_choose(const char *name);         /* from now on, in this process; false: this CPU has it not */
