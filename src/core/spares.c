/* A stack in one word: the address of the first, and in the bits that its alignment leaves free how many there are. */
#include "core/spares.h"
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
enum { KEPT_MOST = 0 };              /* so that what uses a freed run is found */
#else
enum { KEPT_MOST = PN_RUN_ALIGN - 1 };
#endif

static struct pn_spare *first_of(uint64_t word) { return (struct pn_spare *)(uintptr_t)(word & ~(uint64_t)(PN_RUN_ALIGN - 1)); }
static size_t count_of(uint64_t word) { return word & (PN_RUN_ALIGN - 1); }

static void free_all(struct pn_spare *s)
{
    while (s) {
        struct pn_spare *next = s->next;
        free(s);
        s = next;
    }
}

void pn_spares_add(struct pn_spares *s, void *mem)
{
    struct pn_spare *spare = mem;
    spare->next = s->first;
    s->first = spare;
    s->last = s->last ? s->last : spare;
    s->count++;
}

/* Nobody ever takes one from the stack, but all at once, and nothing on it is read before it has been taken: so it does not matter that the same
 * address may have come and gone between the load and the exchange. The release pairs with the acquire in take_all: links, and whatever was
 * done with the memory before. */
static bool push(prong_pool *pool, struct pn_spares *s)
{
    uint64_t seen = pn_load_relaxed(&pool->spares);
    do {
        if (count_of(seen) + s->count > KEPT_MOST)
            return false;
        s->last->next = first_of(seen);
    } while (!pn_cas_release(&pool->spares, &seen, (uint64_t)(uintptr_t)s->first | (count_of(seen) + s->count)));
    return true;
}

void pn_spares_give(prong_pool *pool, struct pn_spares *s)
{
    if (!s->count)
        return;
    if (!push(pool, s)) {
        s->last->next = NULL;
        free_all(s->first);
    }
    *s = (struct pn_spares){ 0 };
}

/* What was not needed goes back at once, as a rule onto an empty stack: then its last need not be looked for. */
static void put_back(prong_pool *pool, struct pn_spare *first, size_t count)
{
    uint64_t seen = 0;
    if (!first || pn_cas_release(&pool->spares, &seen, (uint64_t)(uintptr_t)first | count))
        return;
    struct pn_spares s = { .first = first, .last = first, .count = count };
    while (s.last->next)
        s.last = s.last->next;
    pn_spares_give(pool, &s);
}

bool pn_spares_take(prong_pool *pool, size_t size, void *ret_mem[], size_t n)
{
    uint64_t word = pn_load_relaxed(&pool->spares) ? pn_swap_acquire(&pool->spares, 0) : 0;
    struct pn_spare *spare = first_of(word);
    size_t i = 0;
    for (; i < n && spare; i++) {
        ret_mem[i] = spare;
        spare = spare->next;
    }
    put_back(pool, spare, count_of(word) - i);
    for (; i < n; i++) {
        ret_mem[i] = aligned_alloc(PN_RUN_ALIGN, size);
        if (!ret_mem[i])
            break;
    }
    if (i == n)
        return true;
    while (i)
        free(ret_mem[--i]);
    return false;
}

void pn_spares_fini(prong_pool *pool) { free_all(first_of(pn_load_relaxed(&pool->spares))); }
