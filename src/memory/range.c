#include "memory/range.h"
#include "base/error.h"
#include "base/list.h"
#include "base/process.h"
#include "sync/lock.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

static const size_t MOST = (size_t)1 << (PN_THREAD_SANITIZER ? 36 : 40), LEAST = (size_t)1 << 26;

struct piece { struct pn_list link; char *at; size_t size; };     /* taken; in the order of addresses */

static struct { struct pn_lock lock; uint32_t epoch; char *base; size_t size; struct pn_list taken; } range;

__attribute__((constructor)) static void watch_forks(void) { pn_lock_free_at_fork(&range.lock); }

static void *claim(void *at, size_t size, int flags)
{
    void *mem = mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    return mem == MAP_FAILED ? NULL : mem;
}

/* A wish: far from where the kernel puts programs, libraries and their memory, so that another program most likely has nothing there,
 * either; and not to be guessed. Where there are no such addresses the kernel finds others. */
static void *hint(void)
{
    static const uint64_t from = (uint64_t)1 << 45, span = (uint64_t)1 << 44;
    static const uint64_t tsan_from = UINT64_C(0x550000000000), tsan_span = (uint64_t)1 << 38;      /* below the program */
    uint64_t dice = 0;
    (void)!getrandom(&dice, sizeof dice, GRND_NONBLOCK);
    dice &= ~UINT64_C(0xffff);                 /* a whole number of pages, however large these are */
    return (void *)(uintptr_t)(PN_THREAD_SANITIZER ? tsan_from + dice % tsan_span : from + dice % span);
}

enum { TRIES = 16 };                           /* a forked child has its parent's range still mapped */

static void *claim_somewhere(size_t size)
{
    void *mem = NULL;
    for (int i = 0; i < TRIES && !mem; i++)
        if (!(mem = claim(hint(), size, MAP_FIXED_NOREPLACE)) && errno != EEXIST)
            break;
    return mem ? mem : claim(NULL, size, 0);
}

static void begin_at(void *base, size_t size)
{
    range.base = base;
    range.size = size;
    range.epoch = pn_epoch();
    pn_list_init(&range.taken);
    if (base)
        (void)madvise(base, size, MADV_DONTDUMP);
}

int pn_range_reserve(void)
{
    int r = 0;
    pn_lock(&range.lock);
    if (range.base && range.epoch == pn_epoch())
        goto unlock;
    /* In a forked child the parent's range is not ours to use: its heaps may still be mapped there. */
    void *base = NULL;
    size_t size = MOST;
    while (!(base = claim_somewhere(size)) && size / 2 >= LEAST)
        size /= 2;
    begin_at(base, size);
    if (!base)
        r = pn_error(-ENOMEM, "no %zu MiB of address space for the shared heap (see ulimit -v)", LEAST >> 20);
unlock:
    pn_unlock(&range.lock);
    return r;
}

void pn_range_tell(uintptr_t *ret_base, size_t *ret_size)
{
    pn_lock(&range.lock);
    *ret_base = (uintptr_t)range.base;
    *ret_size = range.size;
    pn_unlock(&range.lock);
}

/* Before Linux 4.17 MAP_FIXED_NOREPLACE is a wish like any other. */
int pn_range_claim(uintptr_t base, size_t size)
{
    void *mem = claim((void *)base, size, MAP_FIXED_NOREPLACE);
    if (!mem)
        return pn_error(-errno, "cannot take the host's %zu MiB of addresses for the shared heap: %s", size >> 20, strerror(errno));
    if ((uintptr_t)mem != base) {
        (void)munmap(mem, size);
        return pn_error(-EEXIST, "something else lies at the host's addresses for the shared heap");
    }
    pn_lock(&range.lock);
    begin_at(mem, size);
    pn_unlock(&range.lock);
    return 0;
}

/* Walks the gaps between the pieces: stops at the first of at least `size`, and tells the largest seen. */
static struct pn_list *find_gap(size_t size, char **ret_at, size_t *ret_largest)
{
    char *at = range.base;
    *ret_largest = 0;
    for (struct pn_list *it = range.taken.next;; it = it->next) {
        struct piece *p = it == &range.taken ? NULL : PN_OF(it, struct piece, link);
        size_t gap = (size_t)((p ? p->at : range.base + range.size) - at);
        *ret_largest = gap > *ret_largest ? gap : *ret_largest;
        if (gap >= size) {
            *ret_at = at;
            return it;
        }
        if (!p)
            return NULL;
        at = p->at + p->size;
    }
}

size_t pn_range_left(void)
{
    char *at;
    size_t largest = 0;
    pn_lock(&range.lock);
    if (range.base)
        (void)find_gap(SIZE_MAX, &at, &largest);
    pn_unlock(&range.lock);
    return largest;
}

void *pn_range_take(size_t size)
{
    size_t largest;
    struct piece *p = malloc(sizeof *p);
    if (!p)
        return NULL;
    pn_lock(&range.lock);
    struct pn_list *before = range.base ? find_gap(size, &p->at, &largest) : NULL;
    if (before) {
        p->size = size;
        pn_list_insert_before(before, &p->link);
    }
    pn_unlock(&range.lock);
    if (!before)
        free(p);
    return before ? p->at : NULL;
}

int pn_range_clear(void *at, size_t size)
{
    if (!claim(at, size, MAP_FIXED))
        return -errno;
    (void)madvise(at, size, MADV_DONTDUMP);
    return 0;
}

void pn_range_give(void *at, size_t size)
{
    pn_lock(&range.lock);
    (void)pn_range_clear(at, size);
    PN_LIST_EACH(it, &range.taken) {
        struct piece *p = PN_OF(it, struct piece, link);
        if (p->at == at) {
            pn_list_remove(it);
            free(p);
            break;
        }
    }
    pn_unlock(&range.lock);
}
