/* An area is carved from its front: blocks in the order of addresses, free ones among them but never last, and nothing above `top`.
 * First fit; neighbours that are free melt together. Used blocks are found by address in a tree (tsearch). */
#include "memory/heap.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/list.h"
#include "memory/range.h"
#include "memory/segment.h"
#include "sync/lock.h"
#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGN = 64 };
static const size_t COMMIT_STEP = (size_t)1 << 20;      /* untouched memory of a segment is committed in such steps */
static const size_t RETURN_SIZE = (size_t)1 << 20;      /* a free block of this size gives its memory back to the system */
static const size_t AREA_LEAST = (size_t)1 << 22;

struct block {
    struct pn_list by_address, by_free;                 /* by_free: in its area's list of free ones, or in no list */
    char *at;
    size_t size;
    bool used;
    const void *owner;
};

struct area {
    char *base;
    size_t mapped, size, top, dirty, committed;         /* bytes from base: mapped, to give, given, ever given, there for sure */
    int fd;                                             /* -1: ordinary memory */
    struct pn_list blocks, free;
    void *used;                                         /* tree of used blocks */
};

struct pn_heap { struct pn_lock lock; bool shared; int areas; struct area area[2]; };

static int by_address(const void *a, const void *b)
{
    const char *x = ((const struct block *)a)->at, *y = ((const struct block *)b)->at;
    return (x > y) - (x < y);
}

/* ---- areas ---- */

static int area_open_shared(struct area *a, size_t size, enum prong_access access)
{
    int r;
    a->base = pn_range_take(size);
    if (!a->base)
        return pn_error(-ENOMEM, "the range reserved at prong_init has no %zu bytes left for this pool's heap: ask for less with heap_bytes",
                        size);
    a->fd = pn_segment_new_sparse(access == PRONG_READ ? "prong-read" : "prong-write", size);
    if (a->fd < 0) {
        r = pn_error(a->fd, "cannot make the shared heap of %zu bytes: %s", size, strerror(-a->fd));
        goto give_range;
    }
    if (!pn_segment_map_at(a->base, a->fd, size, true)) {
        r = pn_error(-errno, "cannot map the shared heap of %zu bytes: %s", size, strerror(errno));
        goto close_fd;
    }
    (void)madvise(a->base, size, MADV_DONTFORK);
    if (access == PRONG_READ) {
        r = pn_segment_seal_writes(a->fd);
        if (r < 0) {
            (void)pn_error(r, "cannot seal the shared heap: %s", strerror(-r));
            goto close_fd;
        }
    }
    a->mapped = size;
    return 0;
close_fd:
    (void)close(a->fd);
give_range:
    pn_range_give(a->base, size);
    a->base = NULL;
    return r;
}

static int area_open_private(struct area *a, size_t size)
{
    for (; size >= AREA_LEAST; size /= 2) {             /* where memory is not overcommitted, take what there is */
        void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mem != MAP_FAILED) {
            *a = (struct area){ .base = mem, .mapped = size, .committed = size, .fd = -1 };
            return 0;
        }
    }
    return pn_error(-ENOMEM, "no address space for the heap");
}

static void area_close(struct area *a, bool shared)
{
    if (!a->base)
        return;
    while (!pn_list_empty(&a->blocks)) {
        struct block *b = PN_OF(a->blocks.next, struct block, by_address);
        if (b->used)
            (void)tdelete(b, &a->used, by_address);
        pn_list_remove(&b->by_address);
        free(b);
    }
    if (shared) {
        pn_range_give(a->base, a->mapped);
        (void)close(a->fd);
    } else {
        (void)munmap(a->base, a->mapped);
    }
}

/* ---- open, close ---- */

static size_t area_size(uint64_t bytes, bool shared)
{
    uint64_t size = bytes;
    if (!size) {
        long pages = sysconf(_SC_PHYS_PAGES);
        size = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : (uint64_t)1 << 30;
        if (shared && size > pn_range_left() / 4)       /* two areas: half of what is free */
            size = pn_range_left() / 4;
        if (shared && size > pn_segment_most())
            return pn_segment_most() & ~(AREA_LEAST - 1);
    }
    size_t rounded;
    if (size > SIZE_MAX / 4 || !pn_round_up((size_t)size, AREA_LEAST, &rounded))
        return SIZE_MAX / 4;
    return rounded;
}

int pn_heap_open(uint64_t bytes, bool shared, struct pn_heap **ret_heap)
{
    int r = 0;
    size_t size = area_size(bytes, shared);
    struct pn_heap *h = calloc(1, sizeof *h);
    if (!h)
        return pn_error(-ENOMEM, "no memory for a heap");
    h->shared = shared;
    for (; r == 0 && h->areas < 2; h->areas++) {
        struct area *a = &h->area[h->areas];
        r = shared ? area_open_shared(a, size, (enum prong_access)h->areas) : area_open_private(a, size);
        pn_list_init(&a->blocks);
        pn_list_init(&a->free);
        a->size = bytes && a->mapped > bytes ? (size_t)bytes : a->mapped;
    }
    if (r < 0) {
        pn_heap_close(h);
        return r;
    }
    *ret_heap = h;
    return 0;
}

void pn_heap_close(struct pn_heap *h)
{
    for (int i = 0; h && i < h->areas; i++)
        area_close(&h->area[i], h->shared);
    free(h);
}

/* ---- blocks ---- */

static struct block *block_new(char *at, size_t size)
{
    struct block *b = malloc(sizeof *b);
    if (b) {
        *b = (struct block){ .at = at, .size = size };
        pn_list_init(&b->by_address);
        pn_list_init(&b->by_free);
    }
    return b;
}

/* What is not needed of a free block becomes a block of its own behind it. */
static bool split(struct area *a, struct block *b, size_t size)
{
    if (b->size == size)
        return true;
    struct block *rest = block_new(b->at + size, b->size - size);
    if (!rest)
        return false;
    pn_list_insert_before(b->by_address.next, &rest->by_address);
    pn_list_push_back(&a->free, &rest->by_free);
    b->size = size;
    return true;
}

static bool commit(struct area *a, const char *at, size_t size)
{
    return a->fd < 0 || pn_segment_commit(a->fd, (size_t)(at - a->base), size) == 0;
}

static struct block *reuse(struct area *a, size_t size)
{
    PN_LIST_EACH(it, &a->free) {
        struct block *b = PN_OF(it, struct block, by_free);
        if (b->size < size)
            continue;
        if (!split(a, b, size) || !commit(a, b->at, size))
            return NULL;
        pn_list_remove(&b->by_free);
        memset(b->at, 0, size);
        return b;
    }
    return NULL;
}

static struct block *carve(struct area *a, size_t size)
{
    if (size > a->size - a->top)
        return NULL;
    size_t end = a->top + size;
    if (end > a->committed) {
        size_t step = end - a->committed > COMMIT_STEP ? end - a->committed : COMMIT_STEP;
        size_t to = a->committed + step < a->size ? a->committed + step : a->size;
        if (!commit(a, a->base + a->committed, to - a->committed))
            return NULL;
        a->committed = to;
    }
    size_t used_before = a->top < a->dirty ? (end < a->dirty ? end : a->dirty) - a->top : 0;
    struct block *b = commit(a, a->base + a->top, used_before) ? block_new(a->base + a->top, size) : NULL;
    if (!b)
        return NULL;
    memset(b->at, 0, used_before);
    pn_list_push_back(&a->blocks, &b->by_address);
    a->top = end;
    a->dirty = end > a->dirty ? end : a->dirty;
    return b;
}

static void give_back_memory(struct area *a, struct block *b)
{
    if (b->size < RETURN_SIZE)
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)b->at + page - 1) & ~(page - 1), to = ((uintptr_t)b->at + b->size) & ~(page - 1);
    /* A sealed segment refuses, and keeps its memory for the next block. */
    (void)madvise(b->at + (from - (uintptr_t)b->at), to - from, a->fd < 0 ? MADV_DONTNEED : MADV_REMOVE);
}

static void melt(struct block *b, struct block *into_front)
{
    into_front->size += b->size;
    pn_list_remove(&b->by_address);
    pn_list_remove(&b->by_free);
    free(b);
}

/* What is free at the end and what was never given are one. */
static void drop_last(struct area *a)
{
    struct block *last = PN_OF(a->blocks.prev, struct block, by_address);
    if (pn_list_empty(&a->blocks) || last->used)
        return;
    a->top -= last->size;
    pn_list_remove(&last->by_address);
    pn_list_remove(&last->by_free);
    free(last);
}

static void release(struct area *a, struct block *b)
{
    (void)tdelete(b, &a->used, by_address);
    b->used = false;
    b->owner = NULL;
    give_back_memory(a, b);
    pn_list_push_front(&a->free, &b->by_free);
    struct block *next = PN_OF(b->by_address.next, struct block, by_address);
    if (b->by_address.next != &a->blocks && !next->used)
        melt(next, b);
    struct block *prev = PN_OF(b->by_address.prev, struct block, by_address);
    if (b->by_address.prev != &a->blocks && !prev->used)
        melt(b, prev);
    drop_last(a);
}

/* ---- what the header promises ---- */

void *pn_heap_alloc(struct pn_heap *h, size_t size, enum prong_access access, const void *owner)
{
    struct area *a = &h->area[access];
    if (!pn_round_up(size ? size : 1, ALIGN, &size))
        return NULL;
    pn_lock(&h->lock);
    struct block *b = reuse(a, size);
    if (!b)
        b = carve(a, size);
    if (b && !tsearch(b, &a->used, by_address)) {
        pn_list_push_front(&a->free, &b->by_free);      /* no memory for the tree: the block stays, as a free one */
        b = NULL;
    }
    if (b) {
        b->used = true;
        b->owner = owner;
    }
    pn_unlock(&h->lock);
    return b ? b->at : NULL;
}

bool pn_heap_free(struct pn_heap *h, void *mem)
{
    bool found = false;
    struct block key = { .at = mem };
    pn_lock(&h->lock);
    for (int i = 0; i < h->areas && !found; i++) {
        struct block *const *b = tfind(&key, &h->area[i].used, by_address);
        found = b != NULL;
        if (found)
            release(&h->area[i], *b);
    }
    pn_unlock(&h->lock);
    return found;
}

void pn_heap_settle(struct pn_heap *h, const void *owner, bool keep)
{
    pn_lock(&h->lock);
    for (int i = 0; i < h->areas; i++) {
        struct area *a = &h->area[i];
        for (struct pn_list *it = a->blocks.next; it != &a->blocks;) {
            struct block *b = PN_OF(it, struct block, by_address);
            if (!b->used || b->owner != owner) {
                it = it->next;
            } else if (keep) {
                b->owner = NULL;
                it = it->next;
            } else {
                release(a, b);
                it = a->blocks.next;                    /* neighbours have melted: begin again */
            }
        }
    }
    pn_unlock(&h->lock);
}

void pn_heap_tell(const struct pn_heap *h, struct pn_heap_plan *ret_plan, int ret_fds[2])
{
    for (int i = 0; i < 2; i++) {
        ret_plan->base[i] = (uintptr_t)h->area[i].base;
        ret_plan->size[i] = h->area[i].mapped;
        ret_fds[i] = h->area[i].fd;
    }
}

int pn_heap_join(const struct pn_heap_plan *plan, const int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (!pn_segment_map_at((void *)(uintptr_t)plan->base[i], fds[i], plan->size[i], i == PRONG_WRITE))
            return -errno;
    return 0;
}
