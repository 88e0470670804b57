/* heap.h - what prong_alloc gives: zeroed blocks, aligned to 64, of two kinds, one that only the owner of the pool writes (PRONG_READ)
 * and one that workers write, too (PRONG_WRITE).
 *
 * A private heap lies in ordinary memory. A shared one lies in sealed segments, its extents, each mapped by its owner and by every
 * worker that has learned of it at the same address; all bookkeeping stays in the owner's own memory. Thread-safe, but for close. */
#pragma once
#include <prong.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pn_heap;

/* `bytes` of each kind; 0: as much as the machine has memory, and for a shared heap at most half of what is free of the range. Nothing
 * but addresses is taken before the first block. 0 or -ENOMEM. */
int  pn_heap_open(uint64_t bytes, bool shared, struct pn_heap **ret_heap);
void pn_heap_close(struct pn_heap *heap);          /* NULL is fine */

/* NULL and ENOMEM: none left. `owner` is whose end pn_heap_settle tells later; NULL: nobody's. */
void *pn_heap_alloc(struct pn_heap *heap, size_t size, enum prong_access access, const void *owner);
bool  pn_heap_free(struct pn_heap *heap, void *mem);            /* false: it is no block of this heap */
/* The owner is done: its blocks stay as nobody's, or go. */
void  pn_heap_settle(struct pn_heap *heap, const void *owner, bool keep);

/* ---- how a worker finds a shared heap ---- */

/* All that its extents ever lie in: what a worker is told of must be inside. */
struct pn_heap_range { uint64_t base, size; };
struct pn_heap_range pn_heap_range(const struct pn_heap *heap);

/* Rises with every extent that is added or dropped; 0: none was yet. Without a lock. A worker that knows the generation read after a block
 * was allocated can reach the block; one that does not know of a drop yet keeps that memory alive, no more. */
uint64_t pn_heap_generation(const struct pn_heap *heap);

/* `at` and `size` are multiples of the page size. `fd` stays the heap's; -1 if dropped. */
struct pn_extent_news { uint64_t at, size; uint32_t access; bool dropped; int fd; };

/* What a worker that knows generation `since` must still learn, in this order, at most `most` and never more than 32 at a time: while
 * *ret_generation, which it knows then, is below pn_heap_generation, there is more. Returns the count, which may be 0.
 * Between hold and release, as long as the descriptors are used: all calls that allocate or free wait meanwhile. */
size_t pn_heap_news(struct pn_heap *heap, uint64_t since, struct pn_extent_news *ret_news, size_t most, uint64_t *ret_generation);
void   pn_heap_hold(struct pn_heap *heap);
void   pn_heap_release(struct pn_heap *heap);

/* In the worker: maps the extent, from its own descriptor for it, or lets it go. 0 or a negative errno. */
int pn_heap_learn(const struct pn_extent_news *news, int fd);
