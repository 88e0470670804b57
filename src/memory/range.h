/* range.h - the addresses that shared heaps lie at, the same in the owner and in every process forked after pn_range_reserve.
 *
 * Nothing is mapped there but what pn_range_take's caller puts in place. Thread-safe; a forked child starts anew. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Once per process, before the zygote is forked: 1 TiB of addresses, or as much of it as the limits leave. Later calls do nothing. */
int pn_range_reserve(void);
/* In the owner: where they lie. In a process that is to have them, too, without being a fork: takes these. -EEXIST: something else lies
 * there. */
void pn_range_tell(uintptr_t *ret_base, size_t *ret_size);
int  pn_range_claim(uintptr_t base, size_t size);
/* The largest piece that pn_range_take could give now. */
size_t pn_range_left(void);
/* `size` bytes (a multiple of the page size) of addresses; NULL: none left. */
void *pn_range_take(size_t size);
/* Drops whatever is mapped there. */
void pn_range_give(void *at, size_t size);
/* The same, but the addresses stay taken; also in a process that was forked after pn_range_reserve. 0 or a negative errno. */
int pn_range_clear(void *at, size_t size);
