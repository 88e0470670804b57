/* places.h - where in the addresses of a heap an extent lies, and what has changed since.
 *
 * All are called under the lock of the heap; pn_places_generation without it, too. */
#pragma once
#include "base/list.h"
#include "memory/heap.h"
#include "sync/atomic.h"
#include <prong.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pn_extent;

struct pn_places {
    bool shared;
    void *taken;                                    /* what was reserved; base is aligned in it */
    size_t taken_size;
    char *base;
    size_t size;
    struct pn_list ring;                            /* of places, in the order of addresses, side by side */
    struct pn_extent **by_chunk;
    pn_u64 generation;
};

/* An extent, or a gap between extents. */
struct pn_place {
    struct pn_list link;
    char *at;
    size_t size;
    uint64_t changed;                               /* the generation when the extent came, or the last one in the gap went; 0: none was */
    struct pn_extent *extent;                       /* NULL: a gap */
    bool busy;                                      /* a gap that is still being unmapped */
};

/* `size` of addresses, a multiple of PN_CHUNK, from the range if it is to be shared. 0 or -ENOMEM; close what is not open: fine. */
int  pn_places_open(struct pn_places *p, size_t size, bool shared);
void pn_places_close(struct pn_places *p);          /* with all extents */

/* An extent of at least `size`, for a single block if `whole`. 0 or a negative errno. */
int  pn_places_add(struct pn_places *p, size_t size, bool whole, enum prong_access access, struct pn_extent **ret_extent);
/* Takes the extent out, so that nobody learns of it any more; once it is unmapped, its place can be used again. */
void pn_places_drop(struct pn_places *p, struct pn_extent *e);
void pn_places_reuse(struct pn_places *p, struct pn_place *place);
struct pn_extent *pn_places_find(const struct pn_places *p, const void *mem);       /* NULL: none lies there */

uint64_t pn_places_generation(const struct pn_places *p);
size_t pn_places_news(const struct pn_places *p, uint64_t since, struct pn_extent_news *ret_news, size_t most, uint64_t *ret_generation);

/* Extents begin at multiples of it: a huge page. */
#define PN_CHUNK ((size_t)1 << 21)
