/* Steps at both ends of a block may be shared with its neighbours, so they are made under the lock; all others are the block's own. */
#include "memory/extent.h"
#include "memory/bins.h"
#include "memory/range.h"
#include "memory/segment.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const size_t STEP = (size_t)1 << 20;
static const size_t HUGE_PAGE = (size_t)1 << 21;        /* where less is used, a huge page would waste memory */
static const size_t KEEP = (size_t)1 << 25;             /* less in one piece is kept: taking it anew costs 20 times as much as zeroing it */

static size_t min(size_t a, size_t b) { return a < b ? a : b; }
static size_t max(size_t a, size_t b) { return a > b ? a : b; }

/* ---- new, free ---- */

static int map_segment(struct pn_extent *e)
{
    int r;
    e->fd = pn_segment_new_sparse(e->access == PRONG_READ ? "prong-read" : "prong-write", e->size);
    if (e->fd < 0)
        return e->fd;
    if (!pn_segment_map_at(e->at, e->fd, e->size, true)) {
        r = -errno;
        goto close_fd;
    }
    (void)madvise(e->at, e->size, MADV_DONTFORK);
    r = e->access == PRONG_READ ? pn_segment_seal_writes(e->fd) : pn_segment_seal_seals(e->fd);
    if (r < 0)
        goto clear;
    return 0;
clear:
    (void)pn_range_clear(e->at, e->size);
close_fd:
    (void)close(e->fd);
    return r;
}

static void *map_private(void *at, size_t size)
{
    void *mem = mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
    return mem == MAP_FAILED ? NULL : mem;
}

static size_t size_of_starts(const struct pn_extent *e) { return e->size / PN_UNIT * sizeof *e->starts; }

int pn_extent_new(char *at, size_t size, bool shared, bool whole, enum prong_access access, struct pn_extent **ret_extent)
{
    int r;
    struct pn_extent *e = calloc(1, sizeof *e + (size + STEP - 1) / STEP);
    if (!e)
        return -ENOMEM;
    e->at = at;
    e->size = size;
    e->fd = -1;
    e->access = access;
    pn_list_init(&e->by_kind);
    e->starts = whole ? NULL : map_private(NULL, size_of_starts(e));      /* malloc would zero all of it */
    if (!whole && !e->starts) {
        r = -errno;
        goto free_extent;
    }
    r = shared ? map_segment(e) : map_private(at, size) ? 0 : -errno;
    if (r < 0)
        goto unmap_starts;
    *ret_extent = e;
    return 0;
unmap_starts:
    if (e->starts)
        (void)munmap(e->starts, size_of_starts(e));
free_extent:
    free(e);
    return r;
}

int pn_extent_free(struct pn_extent *e)
{
    int r = pn_range_clear(e->at, e->size);
    if (e->fd >= 0)
        (void)close(e->fd);
    if (e->starts)
        (void)munmap(e->starts, size_of_starts(e));
    free(e);
    return r;
}

/* ---- memory that is there ---- */

static int make_step(struct pn_extent *e, size_t step)
{
    size_t from = step * STEP, to = min(from + STEP, e->size);
    int r = e->fd < 0 ? 0 : pn_segment_commit(e->fd, from, to - from);
    if (r == 0)
        e->there[step] = 1;
    return r;
}

int pn_extent_claim(struct pn_extent *e, size_t from, size_t to, struct pn_claim *ret_claim)
{
    size_t first = from / STEP, last = (to - 1) / STEP;
    *ret_claim = (struct pn_claim){ e, from, to, e->dirty, !e->there[first], !e->there[last] };
    int r = e->there[first] ? 0 : make_step(e, first);
    if (r == 0 && !e->there[last])
        r = make_step(e, last);
    if (r < 0)
        return r;
    if (to >= HUGE_PAGE && !e->huge)
        e->huge = madvise(e->at, e->size, MADV_HUGEPAGE) == 0 || errno == EINVAL;       /* EINVAL: this system has none */
    e->dirty = max(e->dirty, to);
    return 0;
}

/* A step at a time: fallocate begins anew after a signal, and a large call might never come to its end. */
int pn_extent_fill(const struct pn_claim *c)
{
    struct pn_extent *e = c->extent;
    size_t first = c->from / STEP, last = (c->to - 1) / STEP;
    for (size_t s = first; s <= last; s++) {
        bool is_new = s == first ? c->first_is_new : s == last ? c->last_is_new : !e->there[s];
        int r = is_new && s != first && s != last ? make_step(e, s) : 0;
        if (r < 0)
            return r;
        size_t from = max(c->from, s * STEP), to = min(min(c->to, c->dirty), (s + 1) * STEP);
        if (!is_new && from < to)
            memset(e->at + from, 0, to - from);
    }
    return 0;
}

static size_t count_there(const struct pn_extent *e, size_t first, size_t end)
{
    size_t n = 0;
    for (size_t s = first; s < end; s++)
        n += e->there[s];
    return n;
}

void pn_extent_spare(struct pn_extent *e, size_t from, size_t to)
{
    bool sealed = e->fd >= 0 && e->access == PRONG_READ;
    size_t first = (from + STEP - 1) / STEP, end = to >= e->size ? (e->size + STEP - 1) / STEP : to / STEP;
    if (sealed || end <= first || (end - first) * STEP < KEEP || count_there(e, first, end) * STEP < KEEP)
        return;
    size_t size = min(end * STEP, e->size) - first * STEP;
    if (madvise(e->at + first * STEP, size, e->fd < 0 ? MADV_DONTNEED : MADV_REMOVE) == 0)
        memset(&e->there[first], 0, end - first);
}
