/* tables.h - the scanner's functions for each instruction set. For the files of scan/ alone. */
#pragma once
#include "records/scan/scan.h"

struct scan_table {
    const char *name;
    bool (*is_here)(void);      /* this CPU has the instructions */
    size_t (*ends)(struct scan *scan, const char *text, size_t size, uint32_t base, uint32_t *ret_ends, size_t *ret_newlines,
                   uint32_t *ret_bad);
    size_t (*quotes)(const char *text, size_t size, char quote);
};
#if defined(__x86_64__)
extern const struct scan_table scan_table_avx512, scan_table_avx2, scan_table_sse2;
#endif
extern const struct scan_table scan_table_plain;
