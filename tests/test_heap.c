/* memory/heap.h: blocks that do not overlap, come back, and are seen elsewhere at the same address. */
#include "harness.h"
#include "memory/heap.h"
#include "memory/range.h"
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

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

static bool is_filled(const unsigned char *bytes, size_t size, unsigned char with)
{
    return bytes[0] == with && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* ---- blocks ---- */

START_TEST(blocks_do_not_overlap_whatever_the_order)
{
    enum { N = 60 };
    struct pn_heap *h = open_heap(_i, 0);
    unsigned char *mem[N] = { NULL };
    size_t sizes[N];
    uint64_t seed = 7;
    for (int step = 0; step < ROUNDS(40000); step++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        size_t at = (seed >> 40) % N;
        if (mem[at]) {
            if (!is_filled(mem[at], sizes[at], (unsigned char)(at + 1)))
                ck_abort_msg("step %d: block %zu was overwritten", step, at);
            pn_heap_free(h, mem[at]);
            mem[at] = NULL;
            continue;
        }
        sizes[at] = 1 + (seed >> 20) % (at % 5 == 0 ? 40000 : 500);
        mem[at] = pn_heap_alloc(h, sizes[at], at % 2 ? PRONG_READ : PRONG_WRITE, NULL);
        if (!mem[at] || (uintptr_t)mem[at] % 64 || !is_filled(mem[at], sizes[at], 0))
            ck_abort_msg("step %d: block %zu is not there, not aligned, or not zeroed", step, at);
        memset(mem[at], (int)at + 1, sizes[at]);
    }
    pn_heap_close(h);
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

START_TEST(memory_of_large_free_blocks_goes_back_to_the_system)
{
    struct pn_heap *h = open_heap(_i, 0);
    unsigned char *mem = alloc(h, 64 * MIB, PRONG_WRITE), resident[16];
    memset(mem, 1, 64 * MIB);
    pn_heap_free(h, mem);
    ck_assert_int_eq(mincore(mem + 32 * MIB, 16 * 4096, resident), 0);
    for (int k = 0; k < 16; k++)
        ck_assert_int_eq(resident[k] & 1, 0);
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

/* ---- elsewhere ---- */

static int look_from_outside(const struct pn_heap_plan *plan, const int fds[2], const volatile uint64_t *read, volatile uint64_t *write)
{
    if (pn_heap_join(plan, fds) != 0)
        return 1;
    if (*read != 41 || *write != 42)
        return 2;
    *write = 43;
    return 0;
}

START_TEST(another_process_sees_it_at_the_same_address)
{
    struct pn_heap *h = open_heap(true, 0);
    uint64_t *read = alloc(h, 64, PRONG_READ), *write = alloc(h, 64, PRONG_WRITE);
    struct pn_heap_plan plan;
    int fds[2], status;
    pn_heap_tell(h, &plan, fds);
    for (int spoils = 0; spoils < 2; spoils++) {
        *read = 41;
        *write = 42;
        pid_t other = fork();
        ck_assert_int_ge(other, 0);
        if (other == 0) {
            (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
            int r = look_from_outside(&plan, fds, read, write);
            if (spoils)
                *(volatile uint64_t *)read = 1;
            _exit(r);
        }
        ck_assert_int_eq(waitpid(other, &status, 0), other);
        ck_assert_msg(spoils ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV : status == 0, "it ended with 0x%x", (unsigned)status);
        ck_assert_uint_eq(*read, 41);
        ck_assert_uint_eq(*write, 43);
    }
    pn_heap_close(h);
}
END_TEST

START_TEST(nobody_can_cut_it_short_or_map_it_writable)
{
    struct pn_heap *h = open_heap(true, 0);
    struct pn_heap_plan plan;
    int fds[2];
    pn_heap_tell(h, &plan, fds);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(ftruncate(fds[k], 0), -1);
        ck_assert_int_eq(errno, EPERM);
    }
    ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[PRONG_READ], 0), MAP_FAILED);
    ck_assert_int_eq(pwrite(fds[PRONG_READ], "x", 1, 0), -1);
    void *mem = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds[PRONG_READ], 0);
    ck_assert_ptr_ne(mem, MAP_FAILED);
    ck_assert_int_eq(mprotect(mem, 4096, PROT_READ | PROT_WRITE), -1);
    pn_heap_close(h);
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
    add_both(what_is_free_side_by_side_is_one);
    add_both(what_is_free_beside_what_was_never_used_is_one);
    add_both(a_limit_is_kept_to_the_byte);
    add_both(memory_of_large_free_blocks_goes_back_to_the_system);
    add_both(what_an_owner_did_not_keep_goes);
    add_case(another_process_sees_it_at_the_same_address);
    add_case(nobody_can_cut_it_short_or_map_it_writable);
    add_case(pieces_of_the_range_do_not_overlap_and_come_back);
    add_case(a_heap_that_does_not_fit_leaves_nothing);
    return run_cases(argc, argv);
}
