/* memory/heap.h: blocks that do not overlap, come back, and are seen elsewhere at the same address; what happens where memory is out. */
#include "harness.h"
#include "memory/heap.h"
#include "memory/range.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, EXTENT = 64 * MIB };

/* The library's way to memory, instead of the system's: so it can be out, or be none where a case takes many extents but uses none. */
static atomic_int memory_left = INT_MAX, no_memory_needed;

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    if (!(mode & FALLOC_FL_PUNCH_HOLE) && atomic_fetch_sub(&memory_left, 1) <= 0) {
        atomic_store(&memory_left, 0);
        errno = ENOSPC;
        return -1;
    }
    return atomic_load(&no_memory_needed) ? 0 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

/* _i: whether it is shared. */
static struct pn_heap *open_heap(int shared, uint64_t bytes)
{
    struct pn_heap *h = NULL;
    ck_assert_int_eq(pn_range_reserve(), 0);
    ck_assert_int_eq(pn_heap_open(bytes, shared, &h), 0);
    return h;
}

static void *alloc(struct pn_heap *h, size_t size, enum prong_access access)
{
    void *mem = pn_heap_alloc(h, size, access, NULL);
    ck_assert_ptr_nonnull(mem);
    return mem;
}

static void refused(struct pn_heap *h, size_t size, enum prong_access access)
{
    errno = 0;
    ck_assert_ptr_null(pn_heap_alloc(h, size, access, NULL));
    ck_assert_int_eq(errno, ENOMEM);
}

static uint64_t random_next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return *seed >> 20;
}

static bool is_filled(const unsigned char *bytes, size_t size, unsigned char with)
{
    return bytes[0] == with && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Runs in another process, which ends by `signo` or, for 0, returns 0. */
static void in_other_process(int signo, int (*fn)(void *arg), void *arg)
{
    int status;
    pid_t other = fork();
    ck_assert_int_ge(other, 0);
    if (other == 0) {
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        _exit(fn(arg));
    }
    ck_assert_int_eq(waitpid(other, &status, 0), other);
    ck_assert_msg(signo ? WIFSIGNALED(status) && WTERMSIG(status) == signo : status == 0, "it ended with 0x%x", (unsigned)status);
}

/* ---- blocks ---- */

struct shadow { unsigned char *mem; size_t size; unsigned char with; };

static size_t some_size(uint64_t *seed)
{
    uint64_t r = random_next(seed), n = r >> 10;
    return 1 + (r % 1000 == 0 ? n % (3 * MIB) : r % 50 == 0 ? n % 40000 : r % 5 == 0 ? n % 5000 : n % 500);
}

static void step(struct pn_heap *h, struct shadow *s, uint64_t *seed)
{
    if (s->mem) {
        if (!is_filled(s->mem, s->size, s->with))
            ck_abort_msg("a block of %zu bytes was overwritten", s->size);
        pn_heap_free(h, s->mem);
        s->mem = NULL;
        return;
    }
    s->size = some_size(seed);
    s->with = (unsigned char)(1 + random_next(seed) % 255);
    s->mem = pn_heap_alloc(h, s->size, s->with % 2 ? PRONG_READ : PRONG_WRITE, NULL);
    if (!s->mem || (uintptr_t)s->mem % 64 || !is_filled(s->mem, s->size, 0))
        ck_abort_msg("a block of %zu bytes is not there, not aligned, or not zeroed", s->size);
    memset(s->mem, s->with, s->size);
}

START_TEST(blocks_do_not_overlap_whatever_the_order)
{
    enum { N = 3000 };
    static struct shadow shadow[N];
    struct pn_heap *h = open_heap(_i, 0);
    uint64_t seed = 7;
    for (int k = 0; k < ROUNDS(100000); k++)
        step(h, &shadow[random_next(&seed) % N], &seed);
    for (int k = 0; k < N; k++)
        if (shadow[k].mem)
            step(h, &shadow[k], &seed);
    pn_heap_close(h);
}
END_TEST

static struct pn_heap *common;
static atomic_int threads_left;

static void *allocate_and_free(void *arg)
{
    enum { N = 100 };
    struct shadow shadow[N] = { { NULL, 0, 0 } };
    uint64_t seed = (uintptr_t)arg;
    for (int k = 0; k < ROUNDS(20000); k++) {
        step(common, &shadow[random_next(&seed) % N], &seed);
        if (k % 100 == 0)
            pn_heap_free(common, alloc(common, EXTENT + 1, PRONG_READ));        /* an extent that comes and goes */
    }
    for (int k = 0; k < N; k++)
        if (shadow[k].mem)
            step(common, &shadow[k], &seed);
    atomic_fetch_sub(&threads_left, 1);
    return NULL;
}

/* _i: whether it is shared; then somebody learns of its extents meanwhile. */
START_TEST(threads_may_allocate_and_free_at_once)
{
    enum { N = 4 };
    pthread_t thread[N];
    struct pn_extent_news news[8];
    uint64_t known = 0;
    common = open_heap(_i, 0);
    atomic_store(&no_memory_needed, 1);
    atomic_store(&threads_left, N);
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(pthread_create(&thread[k], NULL, allocate_and_free, (void *)(uintptr_t)(k + 1)), 0);
    while (_i && atomic_load(&threads_left)) {
        if (pn_heap_generation(common) == known)
            continue;
        pn_heap_hold(common);
        size_t n = pn_heap_news(common, known, news, 8, &known);
        for (size_t k = 0; k < n; k++)
            ck_assert(news[k].dropped || fcntl(news[k].fd, F_GETFD) >= 0);
        pn_heap_release(common);
    }
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(pthread_join(thread[k], NULL), 0);
    pn_heap_close(common);
}
END_TEST

START_TEST(what_is_free_side_by_side_is_one)
{
    enum { N = 16 };
    struct pn_heap *h = open_heap(_i, MIB);
    void *mem[N];
    for (int k = 0; k < N; k++)
        mem[k] = alloc(h, MIB / N, PRONG_WRITE);
    ck_assert_ptr_null(pn_heap_alloc(h, 1, PRONG_WRITE, NULL));
    for (int k = 0; k < N; k++)
        pn_heap_free(h, mem[k * 7 % N]);
    void *all = alloc(h, MIB, PRONG_WRITE);
    ck_assert_ptr_null(pn_heap_alloc(h, 1, PRONG_WRITE, NULL));
    pn_heap_free(h, all);
    pn_heap_close(h);
}
END_TEST

START_TEST(what_is_free_beside_what_was_never_used_is_one)
{
    struct pn_heap *h = open_heap(_i, MIB);
    pn_heap_free(h, alloc(h, MIB / 4, PRONG_WRITE));
    pn_heap_free(h, alloc(h, MIB / 2, PRONG_WRITE));
    pn_heap_free(h, alloc(h, MIB, PRONG_WRITE));
    pn_heap_close(h);
}
END_TEST

START_TEST(a_limit_is_kept_to_the_byte)
{
    struct pn_heap *h = open_heap(_i, 64 * 10);
    for (int k = 0; k < 10; k++)
        (void)alloc(h, 1, PRONG_READ);
    ck_assert_ptr_null(pn_heap_alloc(h, 1, PRONG_READ, NULL));
    (void)alloc(h, 64 * 10, PRONG_WRITE);
    ck_assert_ptr_null(pn_heap_alloc(h, SIZE_MAX, PRONG_WRITE, NULL));
    pn_heap_close(h);
}
END_TEST

/* 64 to 67 units are one size to the bins; the largest of many is the one that fits. */
START_TEST(at_the_limit_no_free_block_is_overlooked)
{
    enum { N = 20, SMALLER = 64 * 64, WANTED = 67 * 64 };
    void *mem[N];
    struct pn_heap *h = open_heap(_i, WANTED + (N - 1) * SMALLER + N * 64);
    for (int k = 0; k < N; k++) {
        mem[k] = alloc(h, k ? SMALLER : WANTED, PRONG_READ);
        (void)alloc(h, 64, PRONG_READ);
    }
    for (int k = 0; k < N; k++)
        pn_heap_free(h, mem[k]);
    ck_assert_ptr_eq(alloc(h, WANTED, PRONG_READ), mem[0]);
    refused(h, WANTED, PRONG_READ);
    pn_heap_close(h);
}
END_TEST

START_TEST(freeing_what_is_no_block_frees_nothing_and_is_told)
{
    struct pn_heap *h = open_heap(_i, 0);
    char *mem = alloc(h, 1000, PRONG_WRITE), *large = alloc(h, EXTENT + 1, PRONG_WRITE), *freed = alloc(h, 64, PRONG_WRITE);
    char *melted = alloc(h, 64, PRONG_WRITE), *gone = alloc(h, EXTENT + 1, PRONG_WRITE);
    (void)alloc(h, 64, PRONG_WRITE);
    pn_heap_free(h, freed);
    pn_heap_free(h, melted);
    pn_heap_free(h, gone);
    char *wrong[] = { mem + 1, mem + 64, mem + 1024, freed, melted, large + 64, large + EXTENT + MIB, gone, (char *)&h };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        ck_assert(!pn_heap_free(h, wrong[k]));
    ck_assert(pn_heap_free(h, mem));
    ck_assert(pn_heap_free(h, large));
    pn_heap_close(h);
}
END_TEST

START_TEST(nearly_all_of_a_large_limit_can_be_had_beside_a_small_block)
{
    struct pn_heap *h = open_heap(_i, 3 * (uint64_t)EXTENT);
    atomic_store(&no_memory_needed, 1);
    void *small = alloc(h, 64, PRONG_READ);
    void *large = alloc(h, 3 * (size_t)EXTENT - 64, PRONG_READ);
    refused(h, 64, PRONG_READ);
    pn_heap_free(h, small);
    pn_heap_free(h, large);
    pn_heap_free(h, alloc(h, 3 * (size_t)EXTENT, PRONG_READ));
    refused(h, 3 * (size_t)EXTENT + 1, PRONG_READ);
    pn_heap_close(h);
}
END_TEST

START_TEST(a_block_may_be_larger_than_an_extent)
{
    enum { SIZE = EXTENT + 5 * MIB + 64 };
    struct pn_heap *h = open_heap(_i, 0);
    for (int round = 0; round < 2; round++) {
        char *small = alloc(h, 64, PRONG_READ), *large = alloc(h, SIZE, PRONG_READ), *other = alloc(h, 64, PRONG_READ);
        for (size_t k = 0; k < SIZE; k += MIB / 2) {
            ck_assert_int_eq(large[k], 0);
            large[k] = 1;
        }
        large[SIZE - 1] = 1;
        ck_assert_int_eq(*small | *other, 0);
        pn_heap_free(h, other);
        pn_heap_free(h, small);
        pn_heap_free(h, large);
    }
    pn_heap_close(h);
}
END_TEST

/* ---- memory ---- */

static bool any_is_resident(void *mem, size_t size)
{
    static unsigned char resident[EXTENT / 4096];
    ck_assert_uint_le(size, EXTENT);
    ck_assert_int_eq(mincore(mem, size, resident), 0);
    for (size_t k = 0; k < size / 4096; k++)
        if (resident[k] & 1)
            return true;
    return false;
}

START_TEST(memory_of_large_free_blocks_goes_back_to_the_system)
{
    struct pn_heap *h = open_heap(_i, 0);
    unsigned char *mem = alloc(h, 64 * MIB, PRONG_WRITE);
    memset(mem, 1, 64 * MIB);
    pn_heap_free(h, mem);
    ck_assert(!any_is_resident(mem, 64 * MIB));
    pn_heap_free(h, alloc(h, 64, PRONG_WRITE));
    if (_i) {
        atomic_store(&memory_left, 0);
        refused(h, 48 * MIB, PRONG_WRITE);              /* the heap knows that it is gone */
        atomic_store(&memory_left, INT_MAX);
    }
    mem = alloc(h, 48 * MIB, PRONG_WRITE);              /* it is zero, also where it was used and is not new */
    ck_assert(is_filled(mem, 48 * MIB, 0));
    pn_heap_close(h);
}
END_TEST

START_TEST(what_lies_beside_memory_that_goes_back_stays)
{
    enum { SMALL = MIB / 2, LARGE = 40 * MIB };
    struct pn_heap *h = open_heap(_i, 0);
    unsigned char *before = alloc(h, SMALL, PRONG_WRITE), *mem = alloc(h, LARGE, PRONG_WRITE), *behind = alloc(h, SMALL, PRONG_WRITE);
    memset(before, 1, SMALL);
    memset(mem, 2, LARGE);
    memset(behind, 3, SMALL);
    pn_heap_free(h, mem);
    ck_assert(!any_is_resident(before + MIB, LARGE - MIB));
    ck_assert(is_filled(before, SMALL, 1) && is_filled(behind, SMALL, 3));
    pn_heap_close(h);
}
END_TEST

static size_t count_extents(struct pn_heap *h)
{
    struct pn_extent_news news[32];
    uint64_t known = 0;
    pn_heap_hold(h);
    size_t n = pn_heap_news(h, 0, news, 32, &known);
    pn_heap_release(h);
    ck_assert_uint_eq(known, pn_heap_generation(h));
    return n;
}

START_TEST(an_extent_that_is_empty_goes_but_for_one)
{
    enum { N = 3, SIZE = 40 * MIB };
    char *mem[N];
    struct pn_heap *h = open_heap(_i, 0);
    for (int k = 0; k < N; k++) {
        mem[k] = alloc(h, SIZE, PRONG_READ);
        for (size_t at = 0; at < SIZE; at += 4096)
            mem[k][at] = 1;
    }
    ck_assert_uint_eq(count_extents(h), N);
    for (int k = 0; k < N; k++)
        pn_heap_free(h, mem[k]);
    ck_assert_uint_eq(count_extents(h), 1);
    ck_assert(!any_is_resident(mem[1], SIZE) && !any_is_resident(mem[2], SIZE));
    ck_assert_ptr_eq(alloc(h, SIZE, PRONG_READ), mem[0]);
    ck_assert_uint_eq(count_extents(h), 1);
    pn_heap_close(h);
}
END_TEST

START_TEST(where_memory_is_out_an_allocation_fails_and_no_more)
{
    struct pn_heap *h = open_heap(true, 0);
    unsigned char *first = alloc(h, 100, PRONG_READ);
    memset(first, 7, 100);
    atomic_store(&memory_left, 0);
    refused(h, MIB, PRONG_READ);                        /* it would reach where none is yet */
    for (int left = 0; left < 6; left++) {
        for (int k = 0; k < 2; k++) {
            atomic_store(&memory_left, left);
            refused(h, k ? 20 * MIB : EXTENT + MIB, (enum prong_access)(left % 2));
        }
        ck_assert(is_filled(first, 100, 7));
    }
    atomic_store(&memory_left, 0);
    unsigned char *second = alloc(h, 1000, PRONG_READ); /* it fits where memory is already */
    memset(second, 8, 1000);
    atomic_store(&memory_left, INT_MAX);
    unsigned char *third = alloc(h, 20 * MIB, PRONG_READ);
    ck_assert(is_filled(third, 20 * MIB, 0) && is_filled(first, 100, 7) && is_filled(second, 1000, 8));
    pn_heap_free(h, first);
    pn_heap_free(h, second);
    pn_heap_free(h, third);
    ck_assert_uint_le(count_extents(h), 2);
    pn_heap_close(h);
}
END_TEST

static bool limit_files(rlim_t size)
{
    struct rlimit limit = { 0, 0 };
    (void)getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

/* In a process of its own: the harness itself writes to a file. */
static int use_under_limits(void *arg)
{
    struct pn_heap *h = arg;
    if (!limit_files(0) || pn_heap_alloc(h, 1, PRONG_WRITE, NULL) || errno != ENOMEM)
        return 1;
    if (!limit_files(MIB) || pn_heap_alloc(h, MIB + 1, PRONG_WRITE, NULL) || errno != ENOMEM)
        return 2;
    for (int k = 0; k < 3; k++) {
        char *mem = pn_heap_alloc(h, MIB, PRONG_WRITE, NULL);
        if (!mem)
            return 3;
        memset(mem, 1, MIB);
    }
    if (!limit_files(RLIM_INFINITY) || !pn_heap_alloc(h, 3 * MIB, PRONG_WRITE, NULL))
        return 4;
    pn_heap_close(h);
    return 0;
}

START_TEST(a_limit_for_files_is_not_overstepped)
{
    struct pn_heap *h = open_heap(true, 0);
    in_other_process(0, use_under_limits, h);
    pn_heap_close(h);
}
END_TEST

START_TEST(where_no_descriptor_is_left_an_allocation_fails_and_no_more)
{
    struct pn_heap *h = open_heap(true, 0);
    struct rlimit old, limit;
    void *mem = alloc(h, 64, PRONG_WRITE);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = (struct rlimit){ 0, old.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    refused(h, 64, PRONG_READ);
    refused(h, EXTENT + 1, PRONG_WRITE);
    pn_heap_free(h, alloc(h, 64, PRONG_WRITE));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    (void)alloc(h, 64, PRONG_READ);
    pn_heap_free(h, mem);
    pn_heap_close(h);
}
END_TEST

START_TEST(an_empty_extent_gives_way_to_one_that_is_needed)
{
    struct pn_extent_news news;
    struct rlimit old, limit;
    uint64_t known;
    struct pn_heap *h = open_heap(true, 0);
    pn_heap_free(h, alloc(h, 64, PRONG_READ));
    pn_heap_hold(h);
    ck_assert_uint_eq(pn_heap_news(h, 0, &news, 1, &known), 1);
    pn_heap_release(h);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = (struct rlimit){ (rlim_t)news.fd + 1, old.rlim_max };       /* no number is left but its own */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    (void)alloc(h, 64, PRONG_WRITE);
    refused(h, 64, PRONG_READ);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    (void)alloc(h, 64, PRONG_READ);
    pn_heap_close(h);
}
END_TEST

/* ---- owners ---- */

START_TEST(what_an_owner_did_not_keep_goes)
{
    struct pn_heap *h = open_heap(_i, MIB);
    int owners[2];
    void *nobodys = alloc(h, MIB / 8, PRONG_WRITE);
    for (int k = 0; k < 6; k++)
        ck_assert_ptr_nonnull(pn_heap_alloc(h, MIB / 8, PRONG_WRITE, &owners[k % 2]));
    (void)alloc(h, MIB / 8, PRONG_WRITE);
    ck_assert_ptr_null(pn_heap_alloc(h, 1, PRONG_WRITE, NULL));
    pn_heap_settle(h, &owners[0], false);
    for (int k = 0; k < 3; k++)
        (void)alloc(h, MIB / 8, PRONG_WRITE);
    ck_assert_ptr_null(pn_heap_alloc(h, 1, PRONG_WRITE, NULL));
    pn_heap_settle(h, &owners[1], true);
    pn_heap_settle(h, &owners[1], false);               /* they are nobody's now */
    ck_assert_ptr_null(pn_heap_alloc(h, 1, PRONG_WRITE, NULL));
    pn_heap_free(h, nobodys);
    pn_heap_close(h);
}
END_TEST

START_TEST(exactly_the_blocks_of_an_owner_go)
{
    enum { OWNERS = 700, EACH = 3 };
    static int owners[OWNERS];
    struct pn_heap *h = open_heap(_i, 64 * EACH * OWNERS);
    uint32_t *mem[OWNERS * EACH];
    for (uint32_t k = 0; k < OWNERS * EACH; k++) {
        mem[k] = pn_heap_alloc(h, 64, PRONG_WRITE, &owners[k % OWNERS]);
        ck_assert_ptr_nonnull(mem[k]);
        *mem[k] = k;
    }
    for (uint32_t o = 0; o < OWNERS; o++) {
        refused(h, 1, PRONG_WRITE);
        pn_heap_settle(h, &owners[o], false);
        for (uint32_t k = 0; k < OWNERS * EACH; k++)
            if (k % OWNERS > o && *mem[k] != k)
                ck_abort_msg("block %u of owner %u has gone with owner %u's", k, k % OWNERS, o);
        for (int k = 0; k < EACH; k++)
            *(uint32_t *)alloc(h, 64, PRONG_WRITE) = UINT32_MAX;
    }
    refused(h, 1, PRONG_WRITE);
    pn_heap_close(h);
}
END_TEST

/* ---- elsewhere ---- */

enum { MOST = 16 };

/* What a worker is sent: the descriptors are copies, as those are that arrive in a message. */
struct letter { struct pn_extent_news news[MOST]; size_t n; uint64_t generation; };

static struct letter write_letter(struct pn_heap *h, uint64_t since)
{
    struct letter l = { .n = 0 };
    pn_heap_hold(h);
    l.n = pn_heap_news(h, since, l.news, MOST, &l.generation);
    for (size_t k = 0; k < l.n; k++)
        if (!l.news[k].dropped)
            ck_assert_int_ge(l.news[k].fd = fcntl(l.news[k].fd, F_DUPFD_CLOEXEC, 3), 0);
    pn_heap_release(h);
    ck_assert_uint_eq(l.generation, pn_heap_generation(h));
    return l;
}

static void read_letter(const struct letter *l)
{
    for (size_t k = 0; k < l->n; k++)
        if (pn_heap_learn(&l->news[k], l->news[k].fd) != 0)
            _exit(101);
}

struct pair { struct letter letter, more; volatile uint64_t *read, *write; };

static int look_from_outside(void *arg)
{
    const struct pair *p = arg;
    read_letter(&p->letter);
    if (*p->read != 41 || *p->write != 42)
        return 2;
    *p->write = 43;
    return 0;
}

static int spoil_from_outside(void *arg)
{
    const struct pair *p = arg;
    if (look_from_outside(arg) == 0)
        *p->read = 1;
    return 3;
}

START_TEST(another_process_that_learns_sees_it_at_the_same_address)
{
    struct pn_heap *h = open_heap(true, 0);
    ck_assert_uint_eq(pn_heap_generation(h), 0);
    struct pair p = { .read = alloc(h, 64, PRONG_READ), .write = alloc(h, EXTENT + 1, PRONG_WRITE) };
    p.letter = write_letter(h, 0);
    ck_assert_uint_eq(p.letter.n, 2);
    struct pn_heap_range range = pn_heap_range(h);
    for (int k = 0; k < 2; k++)
        ck_assert(p.letter.news[k].at >= range.base && p.letter.news[k].at + p.letter.news[k].size <= range.base + range.size);
    for (int spoils = 0; spoils < 2; spoils++) {
        *p.read = 41;
        *p.write = 42;
        in_other_process(spoils ? SIGSEGV : 0, spoils ? spoil_from_outside : look_from_outside, &p);
        ck_assert_uint_eq(*p.read, 41);
        ck_assert_uint_eq(*p.write, 43);
    }
    pn_heap_close(h);
}
END_TEST

static bool is_refused(int r) { return r == -1 && (errno == EPERM || errno == EACCES); }

static int break_in(void *arg)
{
    const struct pair *p = arg;
    read_letter(&p->letter);
    for (size_t k = 0; k < p->letter.n; k++) {
        const struct pn_extent_news *n = &p->letter.news[k];
        void *mem = (void *)(uintptr_t)n->at;
        if (!is_refused(ftruncate(n->fd, 0)) || !is_refused(ftruncate(n->fd, (off_t)n->size + 4096)) ||
            !is_refused(fcntl(n->fd, F_ADD_SEALS, F_SEAL_WRITE)))
            return 10;
        if (n->access == PRONG_WRITE)
            continue;
        if (!is_refused(mprotect(mem, 4096, PROT_READ | PROT_WRITE)))
            return 11;
        if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, n->fd, 0) != MAP_FAILED || errno != EPERM)
            return 12;
        if (!is_refused((int)pwrite(n->fd, "x", 1, 0)))
            return 13;
        if (!is_refused(fallocate(n->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)))
            return 14;
        if (!is_refused(madvise(mem, 4096, MADV_REMOVE)))
            return 15;
    }
    return 0;
}

START_TEST(a_worker_cannot_cut_it_short_or_write_what_it_may_only_read)
{
    struct pn_heap *h = open_heap(true, 0);
    struct pair p = { .read = alloc(h, 64, PRONG_READ), .write = alloc(h, 64, PRONG_WRITE) };
    *p.read = 41;
    p.letter = write_letter(h, 0);
    in_other_process(0, break_in, &p);
    ck_assert_uint_eq(*p.read, 41);
    memset(alloc(h, 20 * MIB, PRONG_READ), 1, 20 * MIB);                /* the owner can still grow inside */
    pn_heap_close(h);
}
END_TEST

static int look_again(void *arg)
{
    const struct pair *p = arg;
    read_letter(&p->letter);
    if (*p->read != 41)
        return 2;
    read_letter(&p->more);
    return *p->read == 42 ? 0 : 3;
}

/* The first block has an extent of its own, which goes; another one may come in its place, and less than it was. */
START_TEST(a_worker_learns_what_was_dropped)
{
    struct pn_heap *h = open_heap(true, 0);
    struct pair p = { .read = alloc(h, 2 * (size_t)EXTENT, PRONG_READ) };
    *p.read = 41;
    p.letter = write_letter(h, 0);
    pn_heap_free(h, (void *)(uintptr_t)p.read);
    p.more = write_letter(h, p.letter.generation);
    ck_assert_uint_eq(p.more.n, 1);
    in_other_process(SIGSEGV, look_again, &p);
    ck_assert_uint_eq(write_letter(h, 0).n, 0);         /* who knows nothing has nothing to forget */
    ck_assert_ptr_eq(alloc(h, EXTENT + MIB, PRONG_READ), (void *)(uintptr_t)p.read);
    *p.read = 42;
    p.more = write_letter(h, p.letter.generation);
    ck_assert_uint_eq(p.more.n, 2);                     /* the new one, and what of the old one it does not cover */
    in_other_process(0, look_again, &p);
    pn_heap_close(h);
}
END_TEST

/* What workers make of the news, without mapping: the segment that lies at each 2 MiB of the range. */
enum { CHUNK = 2 * MIB, CHUNKS = 8320, WORKERS = 5 };
struct view { uint64_t known, inode[CHUNKS]; };

static void follow(struct pn_heap *h, struct view *v, size_t most)
{
    struct pn_extent_news news[40];
    uint64_t base = pn_heap_range(h).base;
    pn_heap_hold(h);
    size_t n = pn_heap_news(h, v->known, news, most, &v->known);
    ck_assert_uint_le(n, most);
    for (size_t k = 0; k < n; k++) {
        struct stat st = { .st_ino = 0 };
        ck_assert(news[k].dropped ? news[k].fd == -1 : fstat(news[k].fd, &st) == 0);
        for (uint64_t c = (news[k].at - base) / CHUNK; c < (news[k].at - base + news[k].size) / CHUNK; c++)
            v->inode[c] = st.st_ino;
    }
    pn_heap_release(h);
}

static void follow_to_the_end(struct pn_heap *h, struct view *v, size_t most)
{
    while (v->known < pn_heap_generation(h))
        follow(h, v, most);
}

START_TEST(whoever_follows_the_news_at_whatever_pace_has_the_same_view)
{
    enum { BLOCKS = 40 };
    static struct view view[WORKERS];
    void *mem[BLOCKS] = { NULL };
    struct pn_heap *h = open_heap(true, (uint64_t)1 << 32);
    uint64_t seed = 3;
    atomic_store(&no_memory_needed, 1);
    ck_assert_uint_le(pn_heap_range(h).size / CHUNK, CHUNKS);
    for (int k = 0; k < ROUNDS(4000); k++) {
        void **m = &mem[random_next(&seed) % BLOCKS];
        if (*m)
            pn_heap_free(h, *m);
        *m = *m ? NULL : pn_heap_alloc(h, EXTENT + 1 + random_next(&seed) % EXTENT, random_next(&seed) % 2, NULL);
        follow(h, &view[random_next(&seed) % WORKERS], 1 + random_next(&seed) % 5);
        if (k % 50)
            continue;
        static struct view fresh;
        fresh = (struct view){ .known = 0 };
        follow_to_the_end(h, &fresh, 32);
        struct view *v = &view[random_next(&seed) % WORKERS];
        follow_to_the_end(h, v, 1 + random_next(&seed) % 3);
        ck_assert_mem_eq(v->inode, fresh.inode, sizeof fresh.inode);
    }
    pn_heap_close(h);
}
END_TEST

START_TEST(news_stay_few_however_many_extents_have_gone)
{
    struct pn_extent_news news[32];
    uint64_t known, since = 0;
    struct pn_heap *h = open_heap(true, 0);
    atomic_store(&no_memory_needed, 1);
    void *stays = alloc(h, EXTENT + 1, PRONG_WRITE);
    since = pn_heap_generation(h);
    for (int k = 0; k < ROUNDS(10000); k++)
        pn_heap_free(h, alloc(h, EXTENT + 1 + (size_t)(k % 7) * 2 * MIB, PRONG_READ));
    ck_assert_uint_eq(pn_heap_generation(h), since + 2 * ROUNDS(10000));
    pn_heap_hold(h);
    ck_assert_uint_eq(pn_heap_news(h, since, news, 32, &known), 1);
    ck_assert(news[0].dropped);
    ck_assert_uint_eq(pn_heap_news(h, 0, news, 32, &known), 1);
    ck_assert_uint_eq(news[0].at, (uintptr_t)stays);
    pn_heap_release(h);
    pn_heap_close(h);
}
END_TEST

START_TEST(two_heaps_share_nothing)
{
    struct pn_heap *h[2] = { open_heap(true, 0), open_heap(true, 0) };
    struct pn_heap_range r[2] = { pn_heap_range(h[0]), pn_heap_range(h[1]) };
    struct stat st[4];
    for (int k = 0; k < 4; k++) {
        (void)alloc(h[k / 2], 64, (enum prong_access)(k % 2));
        struct letter l = write_letter(h[k / 2], 0);
        ck_assert_int_eq(fstat(l.news[k % 2].fd, &st[k]), 0);
        for (int m = 0; m < k; m++)
            ck_assert(st[m].st_ino != st[k].st_ino);
    }
    ck_assert(r[0].base + r[0].size <= r[1].base || r[1].base + r[1].size <= r[0].base);
    pn_heap_close(h[0]);
    pn_heap_free(h[1], alloc(h[1], 1000, PRONG_READ));
    pn_heap_close(h[1]);
}
END_TEST

/* ---- the range ---- */

START_TEST(pieces_of_the_range_do_not_overlap_and_come_back)
{
    enum { N = 8 };
    char *at[N];
    ck_assert_int_eq(pn_range_reserve(), 0);
    ck_assert_int_eq(pn_range_reserve(), 0);
    size_t all = pn_range_left(), each = all / N / 4096 * 4096;
    ck_assert_uint_gt(all, 0);
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < N; k++) {
            at[k] = pn_range_take(each);
            ck_assert_ptr_nonnull(at[k]);
            for (int m = 0; m < k; m++)
                ck_assert(at[k] + each <= at[m] || at[m] + each <= at[k]);
        }
        ck_assert_ptr_null(pn_range_take(each));
        for (int k = 0; k < N; k++)
            pn_range_give(at[(k * 3 + round) % N], each);
        ck_assert_uint_eq(pn_range_left(), all);
    }
}
END_TEST

START_TEST(a_heap_that_does_not_fit_leaves_nothing)
{
    struct pn_heap *h = NULL;
    ck_assert_int_eq(pn_range_reserve(), 0);
    size_t all = pn_range_left();
    ck_assert_int_eq(pn_heap_open(all, true, &h), -ENOMEM);       /* of each kind */
    ck_assert_ptr_null(h);
    ck_assert_uint_eq(pn_range_left(), all);
    pn_heap_close(NULL);
}
END_TEST

static void add_both(const TTest *test)
{
    add_case_for("private", test, false, 0);
    add_case_for("shared", test, true, 0);
}

int main(int argc, char **argv)
{
    add_both(blocks_do_not_overlap_whatever_the_order);
    add_both(threads_may_allocate_and_free_at_once);
    add_both(what_is_free_side_by_side_is_one);
    add_both(what_is_free_beside_what_was_never_used_is_one);
    add_both(a_limit_is_kept_to_the_byte);
    add_both(at_the_limit_no_free_block_is_overlooked);
    add_both(freeing_what_is_no_block_frees_nothing_and_is_told);
    add_both(nearly_all_of_a_large_limit_can_be_had_beside_a_small_block);
    add_both(a_block_may_be_larger_than_an_extent);
    add_both(memory_of_large_free_blocks_goes_back_to_the_system);
    add_both(what_lies_beside_memory_that_goes_back_stays);
    add_both(an_extent_that_is_empty_goes_but_for_one);
    add_case(where_memory_is_out_an_allocation_fails_and_no_more);
    add_case(a_limit_for_files_is_not_overstepped);
    add_case(where_no_descriptor_is_left_an_allocation_fails_and_no_more);
    add_case(an_empty_extent_gives_way_to_one_that_is_needed);
    add_both(what_an_owner_did_not_keep_goes);
    add_both(exactly_the_blocks_of_an_owner_go);
    add_case(another_process_that_learns_sees_it_at_the_same_address);
    add_case(a_worker_cannot_cut_it_short_or_write_what_it_may_only_read);
    add_case(a_worker_learns_what_was_dropped);
    add_case(whoever_follows_the_news_at_whatever_pace_has_the_same_view);
    add_case(news_stay_few_however_many_extents_have_gone);
    add_case(two_heaps_share_nothing);
    add_case(pieces_of_the_range_do_not_overlap_and_come_back);
    add_case(a_heap_that_does_not_fit_leaves_nothing);
    return run_cases(argc, argv);
}
