/* An extent is carved from its front: blocks side by side, free ones among them but never last, and nothing above its `top`. What is free
 * is in bins by size, for all extents of a kind; neighbours that are free melt together. The sum of the tops is what a limit limits. */
#include "memory/heap.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/list.h"
#include "memory/bins.h"
#include "memory/extent.h"
#include "memory/places.h"
#include "memory/range.h"
#include "memory/segment.h"
#include "sync/lock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OWNERS = 256 };
static const size_t EXTENT = (size_t)1 << 26;           /* a larger block has an extent of its own */
static const size_t LEAST = (size_t)1 << 22;

struct kind {
    size_t given;                                       /* sum of the tops of its extents */
    struct pn_bins free;
    struct pn_list extents;                             /* those for many blocks; where a block was carved last comes first */
    struct pn_extent *spare;                            /* one that is empty is kept: a program that lives at its edge would thrash */
};

struct pn_heap {
    struct pn_lock lock;
    size_t limit, extent_size;                          /* limit: of each kind */
    struct pn_places places;
    struct kind kind[2];
    struct pn_list owned[OWNERS];                       /* used blocks that have an owner, by its hash */
};

/* ---- open, close ---- */

static size_t chunks(size_t size)
{
    size_t rounded;
    return size < SIZE_MAX / 8 && pn_round_up(size, PN_CHUNK, &rounded) ? rounded : SIZE_MAX / 8 & ~(PN_CHUNK - 1);
}

static size_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    return pages > 0 ? (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) : (size_t)1 << 30;
}

/* Large blocks leave room at the ends of extents: a limit that was asked for can be used up if there are twice as many addresses. */
static int open_limited(struct pn_heap *h, uint64_t bytes, bool shared)
{
    h->limit = bytes < SIZE_MAX / 8 ? (size_t)bytes : SIZE_MAX / 8;
    size_t all = chunks(h->limit), ample = h->limit > EXTENT ? 2 * all + EXTENT : all;
    int r = pn_places_open(&h->places, 2 * ample, shared);
    return r < 0 && ample > all ? pn_places_open(&h->places, 2 * all, shared) : r;
}

/* As much as the machine has; where addresses are scarce, what there is. */
static int open_unlimited(struct pn_heap *h, bool shared)
{
    size_t left = shared ? pn_range_left() / 4 & ~(PN_CHUNK - 1) : SIZE_MAX, all = chunks(machine_memory());
    int r = -ENOMEM;
    for (h->limit = all < left ? all : left; r < 0 && h->limit >= LEAST; h->limit = h->limit / 2 & ~(PN_CHUNK - 1)) {
        r = pn_places_open(&h->places, 2 * h->limit, shared);
        if (r == 0)
            return 0;
    }
    return r;
}

int pn_heap_open(uint64_t bytes, bool shared, struct pn_heap **ret_heap)
{
    struct pn_heap *h = calloc(1, sizeof *h);
    if (!h)
        return pn_error(-ENOMEM, "no memory for a heap");
    int r = bytes ? open_limited(h, bytes, shared) : open_unlimited(h, shared);
    if (r < 0) {
        free(h);
        return shared ? pn_error(r, "the range reserved at prong_init has not enough addresses left for this pool's heap: "
                                    "ask for less with heap_bytes")
                      : pn_error(r, "no address space for the heap");
    }
    h->extent_size = chunks(h->limit) < EXTENT ? chunks(h->limit) : EXTENT;
    for (int i = 0; i < 2; i++) {
        pn_bins_init(&h->kind[i].free);
        pn_list_init(&h->kind[i].extents);
    }
    for (int i = 0; i < OWNERS; i++)
        pn_list_init(&h->owned[i]);
    *ret_heap = h;
    return 0;
}

static void free_blocks(struct pn_extent *e)
{
    while (e->last) {
        struct pn_block *b = e->last;
        e->last = b->before;
        free(b);
    }
}

void pn_heap_close(struct pn_heap *h)
{
    if (!h)
        return;
    PN_LIST_EACH(it, &h->places.ring) {
        struct pn_extent *e = PN_OF(it, struct pn_place, link)->extent;
        if (e)
            free_blocks(e);
    }
    pn_places_close(&h->places);
    free(h);
}

/* ---- extents ---- */

/* What is dropped under the lock is unmapped without it: that takes long where there is much memory. */
static void drop(struct pn_heap *h, struct pn_extent *e, struct pn_list *dropped)
{
    pn_list_remove(&e->by_kind);
    pn_places_drop(&h->places, e);
    pn_list_push_back(dropped, &e->by_kind);
}

static void unmap(struct pn_heap *h, struct pn_list *dropped)
{
    while (!pn_list_empty(dropped)) {
        struct pn_extent *e = PN_OF(dropped->next, struct pn_extent, by_kind);
        struct pn_place *place = e->place;
        pn_list_remove(&e->by_kind);
        if (pn_extent_free(e) < 0)
            continue;                                   /* still mapped: its addresses stay out of use */
        pn_lock(&h->lock);
        pn_places_reuse(&h->places, place);
        pn_unlock(&h->lock);
    }
}

static void drop_spares(struct pn_heap *h, struct pn_list *dropped)
{
    for (int i = 0; i < 2; i++) {
        if (h->kind[i].spare)
            drop(h, h->kind[i].spare, dropped);
        h->kind[i].spare = NULL;
    }
}

/* Whether an extent that is empty now stays. */
static bool keep(struct pn_heap *h, struct pn_extent *e)
{
    struct kind *k = &h->kind[e->access];
    if (!e->starts || k->spare)
        return false;
    k->spare = e;
    pn_list_remove(&e->by_kind);
    pn_list_push_back(&k->extents, &e->by_kind);        /* the others are filled first */
    return true;
}

/* ---- blocks ---- */

static struct pn_block *block_new(char *at, size_t size)
{
    struct pn_block *b = malloc(sizeof *b);
    if (b) {
        *b = (struct pn_block){ .at = at, .size = size };
        pn_list_init(&b->by_use);
    }
    return b;
}

/* A free block, which is never the last. What is not needed of it becomes a block of its own behind it. */
static struct pn_block *take_free(struct kind *k, size_t size, bool thorough)
{
    struct pn_block *b = pn_bins_find(&k->free, size, thorough), *rest = NULL;
    if (!b || (b->size > size && !(rest = block_new(b->at + size, b->size - size))))
        return NULL;
    pn_bins_remove(&k->free, b);
    b->size = size;
    if (rest) {
        rest->before = b;
        rest->behind = b->behind;
        b->behind->before = rest;
        b->behind = rest;
        pn_bins_put(&k->free, rest);
    }
    return b;
}

static struct pn_block *append(struct kind *k, struct pn_extent *e, struct pn_block *b)
{
    b->at = e->at + e->top;
    b->before = e->last;
    if (e->last)
        e->last->behind = b;
    e->last = b;
    e->top += b->size;
    k->given += b->size;
    if (k->spare == e)
        k->spare = NULL;
    return b;
}

static struct pn_extent *with_room(struct kind *k, size_t size)
{
    PN_LIST_EACH(it, &k->extents) {
        struct pn_extent *e = PN_OF(it, struct pn_extent, by_kind);
        if (size > e->size - e->top)
            continue;
        pn_list_remove(&e->by_kind);
        pn_list_push_front(&k->extents, &e->by_kind);
        return e;
    }
    return NULL;
}

/* Where an extent of the usual size cannot be had, a small one may do. */
static struct pn_extent *add(struct pn_heap *h, size_t size, enum prong_access access)
{
    struct pn_extent *e = NULL;
    bool whole = size > h->extent_size;
    int r = pn_places_add(&h->places, whole ? size : h->extent_size, whole, access, &e);
    if (r < 0 && !whole)
        r = pn_places_add(&h->places, size, false, access, &e);
    if (r == 0 && !whole)
        pn_list_push_front(&h->kind[access].extents, &e->by_kind);
    return e;
}

static struct pn_block *carve(struct pn_heap *h, size_t size, enum prong_access access, bool may_add)
{
    struct kind *k = &h->kind[access];
    struct pn_block *b = size <= h->limit - k->given ? block_new(NULL, size) : NULL;
    struct pn_extent *e = b && size <= h->extent_size ? with_room(k, size) : NULL;
    if (b && !e && may_add)
        e = add(h, size, access);
    if (!e)
        free(b);
    return e ? append(k, e, b) : NULL;
}

/* Fast where it can be, but nothing that is left is overlooked. */
static struct pn_block *find(struct pn_heap *h, size_t size, enum prong_access access)
{
    bool small = size <= h->extent_size;
    struct kind *k = &h->kind[access];
    struct pn_block *b = small ? take_free(k, size, false) : NULL;
    if (!b)
        b = carve(h, size, access, false);
    if (!b && small)
        b = take_free(k, size, true);
    return b ? b : carve(h, size, access, true);
}

/* ---- use and release ---- */

static struct pn_list *blocks_of(struct pn_heap *h, const void *owner)
{
    return &h->owned[((uintptr_t)owner * 0x9e3779b97f4a7c15u) >> 56];
}

static struct pn_block **start_of(struct pn_extent *e, const char *at)
{
    return e->starts ? &e->starts[(size_t)(at - e->at) / PN_UNIT] : &e->last;
}

static void use(struct pn_heap *h, struct pn_extent *e, struct pn_block *b, const void *owner)
{
    b->used = true;
    b->owner = owner;
    *start_of(e, b->at) = b;
    if (owner)
        pn_list_push_back(blocks_of(h, owner), &b->by_use);
}

/* The back one goes. */
static void melt(struct pn_extent *e, struct pn_block *front, struct pn_block *back)
{
    front->size += back->size;
    front->behind = back->behind;
    if (back->behind)
        back->behind->before = front;
    else
        e->last = front;
    free(back);
}

/* What is free at the end and what was never given are one. */
static void cut_last(struct kind *k, struct pn_extent *e)
{
    struct pn_block *last = e->last;
    e->last = last->before;
    if (e->last)
        e->last->behind = NULL;
    e->top -= last->size;
    k->given -= last->size;
    free(last);
}

static void release(struct pn_heap *h, struct pn_extent *e, struct pn_block *b, struct pn_list *dropped)
{
    struct kind *k = &h->kind[e->access];
    *start_of(e, b->at) = e->starts ? NULL : b;
    pn_list_remove(&b->by_use);
    b->used = false;
    if (b->behind && !b->behind->used) {
        pn_bins_remove(&k->free, b->behind);
        melt(e, b, b->behind);
    }
    if (b->before && !b->before->used) {
        b = b->before;
        pn_bins_remove(&k->free, b);
        melt(e, b, b->behind);
    }
    size_t from = (size_t)(b->at - e->at), to = b->behind ? from + b->size : e->dirty;
    if (b->behind)
        pn_bins_put(&k->free, b);
    else
        cut_last(k, e);
    if (e->top || keep(h, e))
        pn_extent_spare(e, from, to);
    else
        drop(h, e, dropped);
}

/* ---- what the header promises ---- */

static void *try_alloc(struct pn_heap *h, size_t size, enum prong_access access, const void *owner, struct pn_list *dropped)
{
    struct pn_extent *e = NULL;
    struct pn_claim claim;
    pn_lock(&h->lock);
    struct pn_block *b = find(h, size, access);
    if (!b)
        goto make_room;
    e = pn_places_find(&h->places, b->at);
    char *mem = b->at;
    use(h, e, b, owner);
    if (pn_extent_claim(e, (size_t)(mem - e->at), (size_t)(mem - e->at) + size, &claim) < 0)
        goto release;
    pn_unlock(&h->lock);
    if (pn_extent_fill(&claim) == 0)
        return mem;
    pn_lock(&h->lock);
release:
    release(h, e, b, dropped);
make_room:
    if (size <= h->limit - h->kind[access].given)
        drop_spares(h, dropped);                        /* their memory or their addresses may be what is missing */
    pn_unlock(&h->lock);
    return NULL;
}

void *pn_heap_alloc(struct pn_heap *h, size_t size, enum prong_access access, const void *owner)
{
    struct pn_list dropped;
    void *mem = NULL;
    pn_list_init(&dropped);
    if (pn_round_up(size ? size : 1, PN_UNIT, &size))
        mem = try_alloc(h, size, access, owner, &dropped);
    if (!pn_list_empty(&dropped)) {
        unmap(h, &dropped);
        mem = try_alloc(h, size, access, owner, &dropped);
        unmap(h, &dropped);
    }
    if (!mem)
        errno = ENOMEM;
    return mem;
}

bool pn_heap_free(struct pn_heap *h, void *mem)
{
    struct pn_list dropped;
    pn_list_init(&dropped);
    pn_lock(&h->lock);
    struct pn_extent *e = pn_places_find(&h->places, mem);
    struct pn_block *b = e && (size_t)((char *)mem - e->at) < e->size ? *start_of(e, mem) : NULL;
    bool found = b && b->at == (char *)mem && b->used;
    if (found)
        release(h, e, b, &dropped);
    pn_unlock(&h->lock);
    unmap(h, &dropped);
    return found;
}

void pn_heap_settle(struct pn_heap *h, const void *owner, bool stay)
{
    struct pn_list dropped, *owned = blocks_of(h, owner);
    pn_list_init(&dropped);
    pn_lock(&h->lock);
    for (struct pn_list *it = owned->next, *next; it != owned; it = next) {
        struct pn_block *b = PN_OF(it, struct pn_block, by_use);
        next = it->next;
        if (b->owner != owner)
            continue;
        if (stay) {
            b->owner = NULL;
            pn_list_remove(it);
        } else {
            release(h, pn_places_find(&h->places, b->at), b, &dropped);
        }
    }
    pn_unlock(&h->lock);
    unmap(h, &dropped);
}

/* ---- for workers ---- */

struct pn_heap_range pn_heap_range(const struct pn_heap *h)
{
    return (struct pn_heap_range){ (uintptr_t)h->places.base, h->places.size };
}

uint64_t pn_heap_generation(const struct pn_heap *h) { return pn_places_generation(&h->places); }
void pn_heap_hold(struct pn_heap *h) { pn_lock(&h->lock); }
void pn_heap_release(struct pn_heap *h) { pn_unlock(&h->lock); }

size_t pn_heap_news(struct pn_heap *h, uint64_t since, struct pn_extent_news *ret_news, size_t most, uint64_t *ret_generation)
{
    return pn_places_news(&h->places, since, ret_news, most, ret_generation);
}

int pn_heap_learn(const struct pn_extent_news *news, int fd)
{
    void *at = (void *)(uintptr_t)news->at;
    if (news->dropped)
        return pn_range_clear(at, (size_t)news->size);
    return pn_segment_map_at(at, fd, (size_t)news->size, news->access == PRONG_WRITE) ? 0 : -errno;
}
