/* spares.h - memory for runs: that of runs which have been freed is kept by their pool for the next ones, up to a limit.
 *
 * All of it is of one size, a multiple of PN_RUN_ALIGN, which it is aligned to. Any thread, without the lock. */
#pragma once
#include "core/pool.h"

enum { PN_RUN_ALIGN = 256 };         /* the bits below count in pool->spares */

/* Not zeroed. true, or false: no memory, and nothing was taken. */
bool pn_spares_take(prong_pool *pool, size_t size, void *ret_mem[], size_t n);
/* A chain of such memory goes back: struct pn_spare at the start of each. */
struct pn_spare { struct pn_spare *next; };
struct pn_spares { struct pn_spare *first, *last; size_t count; };
void pn_spares_add(struct pn_spares *s, void *mem);
void pn_spares_give(prong_pool *pool, struct pn_spares *s);
void pn_spares_fini(prong_pool *pool);
