/* heap.h - what prong_alloc gives: zeroed blocks, aligned to 64, in two areas, one that only the owner of the pool writes (PRONG_READ)
 * and one that workers write, too (PRONG_WRITE).
 *
 * A private heap lies in ordinary memory. A shared one lies in sealed segments, mapped by its owner and by every worker at the same
 * address; all bookkeeping stays in the owner's own memory. Thread-safe, but for close. */
#pragma once
#include <prong.h>
#include <stdbool.h>
#include <stddef.h>

struct pn_heap;

/* `bytes` of each kind; 0: as much as the machine has memory, and for a shared heap at most half of what is free of the range. */
int  pn_heap_open(uint64_t bytes, bool shared, struct pn_heap **ret_heap);
void pn_heap_close(struct pn_heap *heap);          /* NULL is fine */

/* NULL: none left. `owner` is whose end pn_heap_settle tells later; NULL: nobody's. */
void *pn_heap_alloc(struct pn_heap *heap, size_t size, enum prong_access access, const void *owner);
bool  pn_heap_free(struct pn_heap *heap, void *mem);            /* false: it is no block of this heap */
/* The owner is done: its blocks stay as nobody's, or go. */
void  pn_heap_settle(struct pn_heap *heap, const void *owner, bool keep);

/* How a worker finds a shared heap: sent to it beside the descriptors, in the order of enum prong_access. */
struct pn_heap_plan { uint64_t base[2], size[2]; };
void pn_heap_tell(const struct pn_heap *heap, struct pn_heap_plan *ret_plan, int ret_fds[2]);
/* In the worker. 0 or a negative errno. */
int  pn_heap_join(const struct pn_heap_plan *plan, const int fds[2]);
