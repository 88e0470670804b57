/* scan.c - chooses among the instruction sets. What each of them does stands in blocks.h. */
#include "records/scan/scan.h"
#include "records/scan/tables.h"

#include <stdatomic.h>
#include <string.h>

/* The best comes first. */
static const struct scan_table *const tables[] = {
#if defined(__x86_64__)
    &scan_table_avx512, &scan_table_avx2, &scan_table_sse2,
#endif
    &scan_table_plain,
};
enum { TABLES_N = sizeof tables / sizeof tables[0] };

static const struct scan_table *_Atomic chosen;

/* Relaxed: the tables are constant, and threads that choose at the same time choose the same. */
static const struct scan_table *choose(void)
{
    const struct scan_table *table = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (table)
        return table;
    size_t i = 0;
    while (!tables[i]->is_here())
        i++;
    atomic_store_explicit(&chosen, tables[i], memory_order_relaxed);
    return tables[i];
}

size_t scan_ends(struct scan *scan, const char *text, size_t size, uint32_t base, uint32_t *ret_ends, size_t *ret_newlines,
                 uint32_t *ret_bad)
{
    return choose()->ends(scan, text, size, base, ret_ends, ret_newlines, ret_bad);
}

size_t scan_quotes(const char *text, size_t size, char quote)
{
    return choose()->quotes(text, size, quote);
}

const char *scan_name(void)
{
    return choose()->name;
}

const char *scan_kind(size_t i)
{
    for (size_t k = 0; k < TABLES_N; k++)
        if (tables[k]->is_here() && i-- == 0)
            return tables[k]->name;
    return NULL;
}

bool scan_choose(const char *name)
{
    for (size_t k = 0; k < TABLES_N; k++)
        if (tables[k]->is_here() && strcmp(tables[k]->name, name) == 0) {
            atomic_store_explicit(&chosen, tables[k], memory_order_relaxed);
            return true;
        }
    return false;
}
