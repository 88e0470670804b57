/* extent.h - a stretch of a heap: a segment that its owner alone has mapped writable, or ordinary memory.
 *
 * Its memory is there in steps, as it is claimed; there is an error where none is left, never a signal. The functions are called under
 * the lock of the heap where they do not say otherwise. */
#pragma once
#include "base/list.h"
#include <prong.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pn_block;
struct pn_place;

struct pn_extent {
    struct pn_place *place;
    char *at;
    size_t size;
    int fd;                                         /* -1: ordinary memory */
    enum prong_access access;
    bool huge;                                      /* the system was told that huge pages would help */
    /* What the heap notes. Blocks lie side by side from 0 to `top`, the last of them used. */
    struct pn_list by_kind;
    size_t top, dirty;                              /* dirty: never has a block reached further */
    struct pn_block *last, **starts;                /* starts: used blocks by where they start, in units; NULL: there is but one block */
    uint8_t there[];                                /* for each step, whether its memory is there; else it reads as zeros */
};

/* Mapped at `at`, where its addresses are reserved; whoever made it puts it in a place. `whole`: for a single block. 0 or a negative
 * errno. */
int  pn_extent_new(char *at, size_t size, bool shared, bool whole, enum prong_access access, struct pn_extent **ret_extent);
/* Gives the memory back; the addresses stay reserved. Without the lock. A negative errno: it is still mapped, the rest is gone. */
int  pn_extent_free(struct pn_extent *e);

/* Makes the bytes from `from` to `to` those of a block: there, and zero. First under the lock, then, for what may take long, without it.
 * Each 0 or a negative errno, then the block is of no use; claim notes how far the extent is dirty. */
struct pn_claim { struct pn_extent *extent; size_t from, to, dirty; bool first_is_new, last_is_new; };
int pn_extent_claim(struct pn_extent *e, size_t from, size_t to, struct pn_claim *ret_claim);
int pn_extent_fill(const struct pn_claim *c);

/* No block lies there: so much memory as makes it worth while goes back to the system. Sealed memory stays for the next block. */
void pn_extent_spare(struct pn_extent *e, size_t from, size_t to);
