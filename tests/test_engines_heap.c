/* The contract, prong_alloc and prong_free: memory that all workers see at the same address. */
#include "engines.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const enum prong_access kinds[] = { PRONG_READ, PRONG_WRITE };

static void *alloc(prong_pool *pool, size_t size, enum prong_access access)
{
    void *mem = prong_alloc(pool, size, access);
    ck_assert_msg(mem != NULL, "%zu bytes: %s", size, prong_last_error());
    return mem;
}

static bool is_filled(const unsigned char *bytes, size_t size, unsigned char with)
{
    return size == 0 || (bytes[0] == with && memcmp(bytes, bytes + 1, size - 1) == 0);
}

START_TEST(memory_is_zeroed_and_aligned_also_when_it_was_used_before)
{
    static const size_t sizes[] = { 1, 8, 63, 64, 65, 4095, 4096, 4097, 100000, 1 << 20, (5 << 20) + 1 };
    enum { N = sizeof sizes / sizeof *sizes };
    prong_pool *pool = begin(_i);
    for (int round = 0; round < 4; round++) {
        for (int a = 0; a < 2; a++) {
            unsigned char *mem[N];
            for (int k = 0; k < N; k++) {
                mem[k] = alloc(pool, sizes[k], kinds[a]);
                ck_assert_uint_eq((uintptr_t)mem[k] % 64, 0);
                ck_assert_msg(is_filled(mem[k], sizes[k], 0), "%zu bytes are not all zero", sizes[k]);
                memset(mem[k], 0x80 + k, sizes[k]);
            }
            for (int k = 0; k < N; k++)
                ck_assert(is_filled(mem[k], sizes[k], (unsigned char)(0x80 + k)));
            for (int k = 0; k < N; k++)
                prong_free(pool, mem[(k * 4 + round) % N]);
        }
    }
    prong_free(pool, NULL);
    finish(pool);
}
END_TEST

/* ---- workers ---- */

struct look { uint64_t *numbers; uint64_t n, sum; };

static int do_sum(void *record)
{
    struct look *l = record;
    for (uint64_t k = 0; k < l->n; k++)
        l->sum += l->numbers[k];
    return 0;
}

static int do_double(void *record)
{
    struct look *l = record;
    for (uint64_t k = 0; k < l->n; k++)
        l->numbers[k] *= 2;
    return 0;
}

static uint64_t sum_in_worker(prong_pool *pool, uint64_t *numbers, uint64_t n)
{
    struct look l = { numbers, n, 0 };
    prong_future *f = submit(pool, do_sum, &l, sizeof l, NULL);
    prong_error end = end_of(f);
    ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    uint64_t sum = ((struct look *)prong_future_record(f))->sum;
    prong_future_free(f);
    return sum;
}

START_TEST(workers_see_it_at_the_same_address)
{
    prong_pool *pool = begin(_i);
    for (int a = 0; a < 2; a++) {
        uint64_t *numbers = alloc(pool, 100000 * sizeof *numbers, kinds[a]);
        for (uint64_t round = 1; round <= 3; round++) {
            for (uint64_t k = 0; k < 100000; k++)
                numbers[k] = k * round;
            ck_assert_uint_eq(sum_in_worker(pool, numbers, 100000), round * 4999950000);
        }
        prong_free(pool, numbers);
    }
    finish(pool);
}
END_TEST

START_TEST(workers_may_write_what_was_allocated_for_it)
{
    prong_pool *pool = begin(_i);
    struct look l = { alloc(pool, 1000 * sizeof(uint64_t), PRONG_WRITE), 1000, 0 };
    for (uint64_t k = 0; k < l.n; k++)
        l.numbers[k] = k;
    for (int round = 0; round < 3; round++)
        ck_assert_int_eq(take_end(submit(pool, do_double, &l, sizeof l, NULL)).kind, PRONG_DONE);
    for (uint64_t k = 0; k < l.n; k++)
        ck_assert_uint_eq(l.numbers[k], k * 8);
    ck_assert_uint_eq(sum_in_worker(pool, l.numbers, l.n), 8 * 499500);
    finish(pool);
}
END_TEST

START_TEST(a_worker_process_cannot_spoil_what_it_may_only_read)
{
    leave_no_core();
    prong_pool *pool = begin(_i);
    struct look l = { alloc(pool, 1000 * sizeof(uint64_t), PRONG_READ), 1000, 0 };
    for (uint64_t k = 0; k < l.n; k++)
        l.numbers[k] = k;
    prong_error end = take_end(submit(pool, do_double, &l, sizeof l, NULL));
    ck_assert_int_eq(end.kind, PRONG_CRASHED);
    ck_assert_int_eq(end.code, SIGSEGV);
    ck_assert_uint_eq(end.address, (uintptr_t)l.numbers);
    ck_assert_uint_eq(sum_in_worker(pool, l.numbers, l.n), 499500);      /* the worker that came after sees it, too */
    finish(pool);
}
END_TEST

static int do_await_and_sum(void *record)
{
    struct look *l = record;
    tally_add(&board->here, 1);
    tally_await(&board->go, 1);
    l->numbers = (uint64_t *)(uintptr_t)((uint64_t)board->cell[0] << 32 | board->cell[1]);
    return do_sum(record);
}

START_TEST(a_task_that_runs_sees_what_is_allocated_meanwhile)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing happens meanwhile");
    prong_pool *pool = begin(_i);
    struct look l = { NULL, 1 << 18, 0 };
    prong_future *f = submit(pool, do_await_and_sum, &l, sizeof l, NULL);
    tally_await(&board->here, 1);
    uint64_t *numbers = alloc(pool, l.n * sizeof *numbers, PRONG_READ);
    for (uint64_t k = 0; k < l.n; k++)
        numbers[k] = 3;
    atomic_store(&board->cell[0], (uint32_t)((uintptr_t)numbers >> 32));
    atomic_store(&board->cell[1], (uint32_t)(uintptr_t)numbers);
    tally_add(&board->go, 1);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    ck_assert_uint_eq(((struct look *)prong_future_record(f))->sum, 3 << 18);
    prong_future_free(f);
    finish(pool);
}
END_TEST

static int do_count_up(void *record)
{
    _Atomic uint64_t *const *count = record;
    for (int k = 0; k < 1000; k++)
        atomic_fetch_add(*count, 1);
    return 0;
}

START_TEST(all_workers_write_to_the_same_memory)
{
    enum { N = 100 };
    prong_pool *pool = begin(_i);
    _Atomic uint64_t *count = alloc(pool, sizeof *count, PRONG_WRITE);
    prong_future *f[N];
    for (int k = 0; k < N; k++)
        f[k] = submit(pool, do_count_up, &count, sizeof count, NULL);
    ck_assert_int_eq(prong_wait_all(f, N, PRONG_NEVER, NULL), 0);
    ck_assert_uint_eq(atomic_load(count), N * 1000);
    for (int k = 0; k < N; k++)
        prong_future_free(f[k]);
    finish(pool);
}
END_TEST

/* ---- how much ---- */

enum { CHUNK = 1 << 16, LIMIT = 1 << 20 };

static size_t take_all(prong_pool *pool, enum prong_access access, void *chunks[64])
{
    size_t n = 0;
    errno = 0;
    while (n < 64 && (chunks[n] = prong_alloc(pool, CHUNK, access)) != NULL)
        n++;
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_str_ne(prong_last_error(), "");
    return n;
}

START_TEST(a_heap_gives_as_much_of_each_kind_as_was_asked_for)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .heap_bytes = LIMIT });
    void *chunks[2][64];
    size_t n[2];
    for (int a = 0; a < 2; a++) {
        n[a] = take_all(pool, kinds[a], chunks[a]);
        ck_assert_uint_eq(n[a], LIMIT / CHUNK);
    }
    for (int a = 0; a < 2; a++) {
        for (size_t k = 0; k < n[a]; k += 2)                     /* holes are of no use to what is larger */
            prong_free(pool, chunks[a][k]);
        ck_assert_ptr_null(prong_alloc(pool, CHUNK + 1, kinds[a]));
        for (size_t k = 1; k < n[a]; k += 2)
            prong_free(pool, chunks[a][k]);
        void *whole = alloc(pool, LIMIT, kinds[a]);              /* holes side by side are one */
        ck_assert(is_filled(whole, LIMIT, 0));
        prong_free(pool, whole);
    }
    finish(pool);
}
END_TEST

START_TEST(what_no_heap_could_give_is_refused)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 63, SIZE_MAX / 2, (size_t)1 << 60 };
    prong_pool *pool = begin(_i);
    for (int k = 0; k < 8; k++) {
        errno = 0;
        ck_assert_ptr_null(prong_alloc(pool, sizes[k / 2], kinds[k % 2]));
        ck_assert_int_eq(errno, ENOMEM);
    }
    errno = 0;
    ck_assert_ptr_null(prong_alloc(NULL, 64, PRONG_WRITE));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(prong_alloc(pool, 64, (enum prong_access)7));
    ck_assert_int_eq(errno, EINVAL);
    prong_free(pool, alloc(pool, 64, PRONG_WRITE));
    finish(pool);
}
END_TEST

START_TEST(large_memory_is_given_and_taken_back)
{
    enum { SIZE = SANITIZED ? 64 << 20 : 512 << 20 };
    prong_pool *pool = begin(_i);
    for (int round = 0; round < 3; round++) {
        for (int a = 0; a < 2; a++) {
            unsigned char *mem = alloc(pool, SIZE, kinds[a]);
            for (size_t k = 0; k < SIZE; k += 1 << 16) {
                if (mem[k] != 0)
                    ck_abort_msg("byte %zu is not zero", k);
                mem[k] = 1;
            }
            prong_free(pool, mem);
        }
    }
    finish(pool);
}
END_TEST

START_TEST(many_pools_have_heaps_at_once)
{
    enum { N = 10 };
    prong_pool *pools[N] = { begin(_i) };
    uint64_t *numbers[N];
    for (int k = 1; k < N; k++)
        ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = engines[_i].name }, &pools[k]));
    for (uint64_t k = 0; k < N; k++) {
        numbers[k] = alloc(pools[k], 4096, PRONG_WRITE);
        numbers[k][0] = k;
    }
    for (uint64_t k = 0; k < N; k++)
        ck_assert_uint_eq(sum_in_worker(pools[k], numbers[k], 1), k);
    for (int k = 1; k < N; k++)
        ck_ok(prong_pool_close(pools[k], PRONG_NEVER));
    finish(pools[0]);
}
END_TEST

START_TEST(a_heap_goes_with_its_pool)
{
    prong_pool *pool = begin(_i);
    for (int k = 0; k < ROUNDS(30); k++) {
        memset(alloc(pool, 20 << 20, PRONG_WRITE), 1, 20 << 20);
        memset(alloc(pool, 20 << 20, PRONG_READ), 1, 20 << 20);
        finish(pool);
        ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = engines[_i].name }, &pool));
    }
    finish(pool);
}
END_TEST

/* ---- what tasks allocate ---- */

struct order { uint64_t size; int32_t code, way; void *mem; };
enum { WAY_RETURN, WAY_GIVE_WAY, WAY_FREE };

static int do_order(void *record)
{
    struct order *o = record;
    o->mem = prong_alloc(NULL, o->size, PRONG_WRITE);
    if (!o->mem)
        return 1;
    memset(o->mem, 5, o->size);
    if (o->way == WAY_FREE)
        prong_free(NULL, o->mem);
    while (o->way == WAY_GIVE_WAY && !prong_cancelled())
        (void)tally_glance(&board->spare[0], 1);
    return o->code;
}

static void *order(prong_pool *pool, int way, int code, enum prong_kind kind)
{
    struct order o = { .size = LIMIT / 2 + 1, .code = code, .way = way };
    prong_future *f = submit(pool, do_order, &o, sizeof o, &(prong_run_opts){ .ask_ms = way == WAY_GIVE_WAY ? 2 : 0 });
    prong_error end = end_of(f);
    ck_assert_int_eq(end.kind, kind);
    ck_assert_int_eq(end.code, kind == PRONG_FAILED ? code : kind == PRONG_TIMEOUT ? ETIMEDOUT : 0);
    void *mem = ((struct order *)prong_future_record(f))->mem;
    prong_future_free(f);
    return mem;
}

/* More than half of the heap each time: the next one fails unless the last one is gone. */
START_TEST(what_a_task_allocated_goes_when_its_run_ends_badly)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .heap_bytes = LIMIT });
    for (int k = 0; k < 3; k++) {
        (void)order(pool, WAY_RETURN, 33, PRONG_FAILED);
        (void)order(pool, WAY_GIVE_WAY, 0, PRONG_TIMEOUT);
        (void)order(pool, WAY_FREE, 0, PRONG_DONE);
        unsigned char *mem = order(pool, WAY_RETURN, 0, PRONG_DONE);     /* stays, for the host to use and to free */
        ck_assert(is_filled(mem, LIMIT / 2 + 1, 5));
        ck_assert_ptr_null(prong_alloc(pool, LIMIT / 2 + 1, PRONG_WRITE));
        prong_free(pool, mem);
    }
    finish(pool);
}
END_TEST

/* ---- what is no block ---- */

static pid_t fork_and_free(int i, int way)
{
    pid_t program = fork();
    if (program != 0)
        return program;
    leave_no_core();
    prong_pool *pool = begin(i), *other = NULL;
    char *mem = alloc(pool, 4096, PRONG_WRITE), on_stack[64];
    if (prong_pool_open(&(prong_pool_opts){ .engine = engines[i].name }, &other) != 0)
        _exit(1);
    if (way == 0)
        prong_free(pool, mem + 64);
    if (way == 1)
        prong_free(pool, on_stack);
    if (way == 2)
        prong_free(other, mem);
    prong_free(pool, mem);
    if (way == 3)
        prong_free(pool, mem);
    _exit(0);
}

START_TEST(freeing_what_is_no_block_stops_the_program)
{
    for (int way = 0; way <= 4; way++) {
        int status;
        pid_t program = fork_and_free(_i, way);
        ck_assert_int_ge(program, 0);
        ck_assert_int_eq(waitpid(program, &status, 0), program);
        if (way == 4)
            ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a good free ended the program: 0x%x", (unsigned)status);
        else
            ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "way %d: the program ended with 0x%x", way, (unsigned)status);
    }
}
END_TEST

/* ---- threads ---- */

static void *alloc_in_thread(void *arg)
{
    prong_pool *pool = arg;
    unsigned char *mem[16] = { NULL };
    size_t sizes[16];
    uint32_t seed = (uint32_t)(uintptr_t)&mem / 64;
    for (int k = 0; k < ROUNDS(5000); k++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t at = seed >> 28;
        if (mem[at] && !is_filled(mem[at], sizes[at], (unsigned char)(at + 1)))
            return arg;
        prong_free(pool, mem[at]);
        sizes[at] = 1 + (seed >> 8) % 5000;
        mem[at] = prong_alloc(pool, sizes[at], kinds[at % 2]);
        if (!mem[at] || !is_filled(mem[at], sizes[at], 0))
            return arg;
        memset(mem[at], (int)at + 1, sizes[at]);
    }
    return NULL;
}

START_TEST(any_thread_may_allocate_and_free)
{
    enum { N = 4 };
    prong_pool *pool = begin(_i);
    pthread_t threads[N];
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(pthread_create(&threads[k], NULL, alloc_in_thread, pool), 0);
    for (int k = 0; k < N; k++) {
        void *bad;
        ck_assert_int_eq(pthread_join(threads[k], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_ONE_EACH, memory_is_zeroed_and_aligned_also_when_it_was_used_before);
    add_case_on(ON_CROWDS, workers_see_it_at_the_same_address);
    add_case_on(ON_EVERY, workers_may_write_what_was_allocated_for_it);
    add_case_on(ON_PROCESSES, a_worker_process_cannot_spoil_what_it_may_only_read);
    add_case_on(ON_EVERY, a_task_that_runs_sees_what_is_allocated_meanwhile);
    add_case_on(ON_EVERY, all_workers_write_to_the_same_memory);
    add_case_on(ON_ONE_EACH, a_heap_gives_as_much_of_each_kind_as_was_asked_for);
    add_case_on(ON_ONE_EACH, what_no_heap_could_give_is_refused);
    add_case_on(ON_ONE_EACH, large_memory_is_given_and_taken_back);
    add_case_on(ON_ONE_EACH, many_pools_have_heaps_at_once);
    add_case_on(ON_ONE_EACH, a_heap_goes_with_its_pool);
    add_case_on(ON_EVERY, what_a_task_allocated_goes_when_its_run_ends_badly);
    add_case_on(ON_ONE_EACH, freeing_what_is_no_block_stops_the_program);
    add_case_on(ON_ONE_EACH, any_thread_may_allocate_and_free);
    return run_cases(argc, argv);
}
