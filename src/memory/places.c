/* There is no log. Each place remembers the generation of its last change, so what a worker must still learn are the places that changed
 * since then: extents are to be mapped, gaps to be cleared. Extents and gaps do not overlap, so it does not matter what lay there
 * between, and gaps side by side are one, so there are at most twice as many places as extents. No two places have the same generation:
 * a new extent is cut off the front of a gap, which keeps its own. */
#include "memory/places.h"
#include "base/checked.h"
#include "memory/extent.h"
#include "memory/range.h"
#include "memory/segment.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

static const size_t PAGE_MOST = (size_t)1 << 16;        /* no system's pages are larger */

static struct pn_place *place_of(struct pn_list *it) { return PN_OF(it, struct pn_place, link); }

static size_t size_of_chunks(const struct pn_places *p) { return p->size / PN_CHUNK * sizeof(struct pn_extent *); }

static void *map_private(size_t size, int prot)
{
    void *mem = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return mem == MAP_FAILED ? NULL : mem;
}

/* ---- open, close ---- */

static void give_addresses(struct pn_places *p)
{
    if (p->shared)
        pn_range_give(p->taken, p->taken_size);
    else
        (void)munmap(p->taken, p->taken_size);
}

int pn_places_open(struct pn_places *p, size_t size, bool shared)
{
    *p = (struct pn_places){ .shared = shared, .size = size, .taken_size = size + PN_CHUNK };
    p->taken = shared ? pn_range_take(p->taken_size) : map_private(p->taken_size, PROT_NONE);
    if (!p->taken)
        return -ENOMEM;
    p->base = (char *)p->taken + (-(uintptr_t)p->taken & (PN_CHUNK - 1));
    p->by_chunk = map_private(size_of_chunks(p), PROT_READ | PROT_WRITE);
    if (!p->by_chunk)
        goto give;
    struct pn_place *gap = calloc(1, sizeof *gap);
    if (!gap)
        goto unmap_chunks;
    gap->at = p->base;
    gap->size = size;
    pn_list_init(&p->ring);
    pn_list_push_back(&p->ring, &gap->link);
    return 0;
unmap_chunks:
    (void)munmap(p->by_chunk, size_of_chunks(p));
give:
    give_addresses(p);
    p->taken = NULL;
    return -ENOMEM;
}

void pn_places_close(struct pn_places *p)
{
    if (!p->taken)
        return;
    while (!pn_list_empty(&p->ring)) {
        struct pn_place *place = place_of(p->ring.next);
        if (place->extent)
            (void)pn_extent_free(place->extent);
        pn_list_remove(&place->link);
        free(place);
    }
    (void)munmap(p->by_chunk, size_of_chunks(p));
    give_addresses(p);
}

/* ---- add, drop, find ---- */

static struct pn_place *find_gap(struct pn_places *p, size_t size)
{
    PN_LIST_EACH(it, &p->ring) {
        struct pn_place *gap = place_of(it);
        if (!gap->extent && !gap->busy && gap->size >= size)
            return gap;
    }
    return NULL;
}

static void note(struct pn_places *p, const struct pn_place *place, struct pn_extent *e)
{
    size_t first = (size_t)(place->at - p->base) / PN_CHUNK;
    for (size_t i = 0; i < place->size / PN_CHUNK; i++)
        p->by_chunk[first + i] = e;
}

static uint64_t next_generation(struct pn_places *p)
{
    uint64_t next = pn_load_relaxed(&p->generation) + 1;        /* relaxed: it changes under the lock alone */
    pn_store_release(&p->generation, next);
    return next;
}

int pn_places_add(struct pn_places *p, size_t size, bool whole, enum prong_access access, struct pn_extent **ret_extent)
{
    size_t all, most = p->shared ? pn_segment_most() & ~(PAGE_MOST - 1) : SIZE_MAX;
    struct pn_place *gap = pn_round_up(size, PN_CHUNK, &all) ? find_gap(p, all) : NULL, *place = gap ? calloc(1, sizeof *place) : NULL;
    if (!place)
        return -ENOMEM;
    int r = most < size ? -EFBIG : pn_extent_new(gap->at, all < most ? all : most, p->shared, whole, access, &place->extent);
    if (r < 0) {
        free(place);
        return r;
    }
    place->at = gap->at;
    place->size = all;
    pn_list_insert_before(&gap->link, &place->link);
    place->extent->place = place;
    note(p, place, place->extent);
    place->changed = next_generation(p);
    gap->at += all;
    gap->size -= all;
    if (!gap->size) {
        pn_list_remove(&gap->link);
        free(gap);
    }
    *ret_extent = place->extent;
    return 0;
}

void pn_places_drop(struct pn_places *p, struct pn_extent *e)
{
    struct pn_place *place = e->place;
    note(p, place, NULL);
    place->extent = NULL;
    place->busy = true;
    place->changed = next_generation(p);
}

static void melt(struct pn_places *p, struct pn_list *front, struct pn_list *back)
{
    if (front == &p->ring || back == &p->ring)
        return;
    struct pn_place *f = place_of(front), *b = place_of(back);
    if (f->extent || f->busy || b->extent || b->busy)
        return;
    b->at = f->at;
    b->size += f->size;
    b->changed = f->changed > b->changed ? f->changed : b->changed;
    pn_list_remove(&f->link);
    free(f);
}

void pn_places_reuse(struct pn_places *p, struct pn_place *place)
{
    place->busy = false;
    melt(p, place->link.prev, &place->link);
    melt(p, &place->link, place->link.next);
}

struct pn_extent *pn_places_find(const struct pn_places *p, const void *mem)
{
    uintptr_t offset = (uintptr_t)mem - (uintptr_t)p->base;
    return offset < p->size ? p->by_chunk[offset / PN_CHUNK] : NULL;
}

/* ---- news ---- */

/* Ordering: the acquire pairs with the release in next_generation; who knows a block knows the generation that brought its extent. */
uint64_t pn_places_generation(const struct pn_places *p) { return pn_load_acquire(&p->generation); }

/* Into the oldest `most`, n of which are there; the youngest gives way. Returns how many there are now. */
static size_t insert(const struct pn_place **oldest, size_t n, size_t most, const struct pn_place *place)
{
    size_t at = n;
    for (; at > 0 && oldest[at - 1]->changed > place->changed; at--)
        if (at < most)
            oldest[at] = oldest[at - 1];
    if (at < most)
        oldest[at] = place;
    return n < most ? n + 1 : n;
}

static struct pn_extent_news tell(const struct pn_place *place)
{
    const struct pn_extent *e = place->extent;
    if (!e)
        return (struct pn_extent_news){ .at = (uintptr_t)place->at, .size = place->size, .dropped = true, .fd = -1 };
    return (struct pn_extent_news){ .at = (uintptr_t)e->at, .size = e->size, .access = (uint32_t)e->access, .fd = e->fd };
}

size_t pn_places_news(const struct pn_places *p, uint64_t since, struct pn_extent_news *ret_news, size_t most, uint64_t *ret_generation)
{
    enum { AT_ONCE = 32 };
    const struct pn_place *oldest[AT_ONCE];
    size_t n = 0, found = 0;
    most = most < AT_ONCE ? most : AT_ONCE;
    PN_LIST_EACH(it, &p->ring) {
        const struct pn_place *place = place_of(it);
        if (place->changed <= since || (since == 0 && !place->extent))
            continue;
        found++;
        n = insert(oldest, n, most, place);
    }
    for (size_t i = 0; i < n; i++)
        ret_news[i] = tell(oldest[i]);
    *ret_generation = n == found ? pn_load_relaxed(&p->generation) : n ? oldest[n - 1]->changed : since;
    return n;
}
