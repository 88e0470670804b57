/* bins.h - free blocks of a heap, by size: found in constant time, nearly always the smallest that fits.
 *
 * Not thread-safe: whoever owns the bins holds its lock. */
#pragma once
#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PN_UNIT = 64, PN_BIN_LEVELS = 24, PN_BIN_SLOTS = 16 };    /* all sizes are multiples of PN_UNIT, the smallest block */

/* A stretch of an extent; it lies in its owner's memory, never beside what it describes. */
struct pn_block {
    struct pn_list by_use;                          /* free: in a bin; used: among its owner's blocks, or in no ring */
    struct pn_block *before, *behind;               /* its neighbours in the extent */
    char *at;
    size_t size;
    const void *owner;
    bool used;
};

struct pn_bins {
    uint32_t levels, slots[PN_BIN_LEVELS];          /* bits: where there is anything */
    struct pn_list list[PN_BIN_LEVELS][PN_BIN_SLOTS];
};

void pn_bins_init(struct pn_bins *bins);
void pn_bins_put(struct pn_bins *bins, struct pn_block *b);
void pn_bins_remove(struct pn_bins *bins, struct pn_block *b);      /* before its size changes */
/* A block of at least `size`, which stays where it is; NULL: none. If not `thorough`, one that hardly fits may be overlooked. */
struct pn_block *pn_bins_find(struct pn_bins *bins, size_t size, bool thorough);
