/* The contract, one run: what it is given, what it gives back, and what its future tells. */
#include "engines.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- ends and records ---- */

START_TEST(a_run_that_returns_0_is_done)
{
    prong_pool *pool = begin(_i);
    uint64_t number = 41;
    prong_run_opts opts = { .tag = 77 };
    prong_future *f = submit(pool, do_increment, &number, sizeof number, &opts);
    prong_error end = end_of(f);
    ck_assert_int_eq(end.kind, PRONG_DONE);
    ck_assert_int_eq(end.code, 0);
    ck_assert_uint_eq(end.tag, 77);
    ck_assert_str_eq(end.text, "");
    ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 42);
    ck_assert_uint_eq(number, 41);
    prong_future_free(f);
    finish(pool);
}
END_TEST

struct coded { int code, left; };

static int do_leave_and_fail(void *record)
{
    struct coded *c = record;
    c->left = 99;
    return c->code;
}

START_TEST(a_task_that_returns_a_code_has_failed_with_it)
{
    static const int codes[] = { 1, 7, -1, -ENOENT, INT_MAX, INT_MIN };
    prong_pool *pool = begin(_i);
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++) {
        struct coded c = { .code = codes[k] };
        prong_future *f = submit(pool, do_leave_and_fail, &c, sizeof c, &(prong_run_opts){ .tag = k });
        prong_error end = end_of(f);
        ck_assert_int_eq(end.kind, PRONG_FAILED);
        ck_assert_int_eq(end.code, codes[k]);
        ck_assert_uint_eq(end.tag, k);
        ck_assert_str_ne(end.text, "");
        ck_assert_int_eq(((struct coded *)prong_future_record(f))->left, 99);
        prong_future_free(f);
    }
    finish(pool);
}
END_TEST

static int do_fail_with_text(void *record)
{
    const int *code = record;
    return prong_fail(*code, "no such colour: %s (%d)", "grue", 5);
}

static int do_fail_at_length(void *record)
{
    (void)record;
    return prong_fail(3, "%0500d", 7);
}

static int do_complain_and_go_on(void *record)
{
    (void)record;
    (void)prong_fail(3, "not so bad");
    return 0;
}

START_TEST(prong_fail_gives_the_error_its_text)
{
    prong_pool *pool = begin(_i);
    int code = 7;
    prong_error end = take_end(submit(pool, do_fail_with_text, &code, sizeof code, NULL));
    ck_assert_int_eq(end.kind, PRONG_FAILED);
    ck_assert_int_eq(end.code, 7);
    ck_assert_ptr_nonnull(strstr(end.text, "no such colour: grue (5)"));
    code = 0;
    end = take_end(submit(pool, do_fail_with_text, &code, sizeof code, NULL));
    ck_assert_int_eq(end.kind, PRONG_FAILED);
    ck_assert_int_eq(end.code, -EINVAL);
    end = take_end(submit(pool, do_fail_at_length, NULL, 0, NULL));
    ck_assert_int_eq(end.kind, PRONG_FAILED);
    ck_assert_ptr_nonnull(memchr(end.text, '\0', sizeof end.text));
    ck_assert_uint_gt(strlen(end.text), 150);
    finish(pool);
}
END_TEST

START_TEST(the_text_of_one_run_is_not_that_of_the_next)
{
    prong_pool *pool = begin(_i);
    int code = 5;
    for (int k = 0; k < 8; k++) {
        prong_error end = take_end(submit(pool, do_complain_and_go_on, NULL, 0, NULL));
        ck_assert_int_eq(end.kind, PRONG_DONE);
        ck_assert_str_eq(end.text, "");
        end = take_end(submit(pool, do_return, &code, sizeof code, NULL));
        ck_assert_int_eq(end.kind, PRONG_FAILED);
        ck_assert_ptr_null(strstr(end.text, "not so bad"));
    }
    finish(pool);
}
END_TEST

/* The record holds a pattern that depends on its size; the task checks and inverts it. */
static unsigned char pattern(size_t at, size_t size) { return (unsigned char)(at * 31 + size + (at >> 8)); }

/* Of what is large not every byte is looked at: that would take a sanitizer for ever. */
static size_t step_of(size_t size) { return size > 4 << 20 ? 61 : 1; }

static void fill(unsigned char *bytes, size_t size)
{
    for (size_t k = 0; k < size; k += step_of(size))
        bytes[k] = pattern(k, size);
}

struct sized { size_t size; unsigned char bytes[]; };

static int do_invert(void *record)
{
    struct sized *s = record;
    size_t size = s->size;
    if ((uintptr_t)record % 64 != 0)
        return 1;
    for (size_t k = 0; k < size; k += step_of(size)) {
        if (s->bytes[k] != pattern(k, size))
            return 2;
        s->bytes[k] = (unsigned char)~s->bytes[k];
    }
    return 0;
}

static void invert_one(prong_pool *pool, size_t size)
{
    struct sized *s = malloc(sizeof *s + size);
    ck_assert_ptr_nonnull(s);
    s->size = size;
    fill(s->bytes, size);
    prong_future *f = submit(pool, do_invert, s, sizeof *s + size, NULL);
    prong_error end = end_of(f);
    ck_assert_msg(end.kind == PRONG_DONE, "%zu bytes: %s", size, end.text);
    const struct sized *back = prong_future_record(f);
    for (size_t k = 0; k < size; k += step_of(size))
        if (back->bytes[k] != (unsigned char)~pattern(k, size))
            ck_abort_msg("byte %zu of %zu is wrong", k, size);
    ck_assert_uint_eq((uintptr_t)back % 64, 0);
    prong_future_free(f);
    free(s);
}

START_TEST(records_of_any_size_go_and_come_back)
{
    static const size_t sizes[] = { 0, 1, 7, 55, 56, 57, 63, 64, 65, 1000, 4087, 4088, 4089, 16384, 65535, 65536, 65537, 1 << 20, (3 << 20) + 1 };
    prong_pool *pool = begin(_i);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        invert_one(pool, sizes[k]);
    for (size_t k = sizeof sizes / sizeof *sizes; k-- > 0;)
        invert_one(pool, sizes[k]);
    finish(pool);
}
END_TEST

START_TEST(a_record_of_64_MiB_goes_and_comes_back)
{
    prong_pool *pool = begin(_i);
    invert_one(pool, ((size_t)64 << 20) - sizeof(struct sized));
    invert_one(pool, 1);
    finish(pool);
}
END_TEST

START_TEST(a_record_may_have_no_bytes)
{
    prong_pool *pool = begin(_i);
    for (int k = 0; k < 10; k++)
        ck_assert_int_eq(take_end(submit(pool, do_mark, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_assert_uint_eq(tally_read(&board->done), 10);
    finish(pool);
}
END_TEST

START_TEST(a_record_over_the_limit_is_refused)
{
    prong_pool *pool = begin(_i);
    prong_future *f = NULL;
    char small[1] = { 0 };
    ck_refused(prong_submit(pool, do_nothing, small, PRONG_RECORD_MAX + 1, NULL, &f), EMSGSIZE);
    ck_refused(prong_submit(pool, do_nothing, small, SIZE_MAX, NULL, &f), EMSGSIZE);
    ck_assert_ptr_null(f);
    finish(pool);
}
END_TEST

START_TEST(what_was_submitted_is_a_copy)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing waits");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, engines[_i].workers);
    uint64_t number = 10;
    prong_future *f = submit(pool, do_increment, &number, sizeof number, NULL);
    number = 1000;
    release_workers(&h);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 11);
    ck_assert_uint_eq(number, 1000);
    prong_future_free(f);
    finish(pool);
}
END_TEST

/* ---- outputs ---- */

static int do_output(void *record)
{
    const size_t *size = record;
    unsigned char *out = prong_output_alloc(*size);
    if (!out || (uintptr_t)out % 64 != 0)
        return 1;
    fill(out, *size);
    return 0;
}

static void expect_output(prong_future *f, size_t size)
{
    size_t got = 12345;
    const unsigned char *out = prong_future_output(f, &got);
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(got, size);
    ck_assert_uint_eq((uintptr_t)out % 64, 0);
    for (size_t k = 0; k < size; k += step_of(size))
        if (out[k] != pattern(k, size))
            ck_abort_msg("byte %zu of %zu is wrong", k, size);
}

static void output_one(prong_pool *pool, size_t size)
{
    prong_future *f = submit(pool, do_output, &size, sizeof size, NULL);
    prong_error end = end_of(f);
    ck_assert_msg(end.kind == PRONG_DONE, "%zu bytes: %s", size, end.text);
    expect_output(f, size);
    prong_future_free(f);
}

START_TEST(outputs_of_any_size_reach_the_future)
{
    static const size_t sizes[] = { 0, 1, 63, 64, 65, 4095, 4096, 4097, 65536, 1 << 20, (1 << 20) + 1 };
    prong_pool *pool = begin(_i);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        output_one(pool, sizes[k]);
    finish(pool);
}
END_TEST

START_TEST(an_output_of_256_MiB_reaches_the_future)
{
    prong_pool *pool = begin(_i);
    output_one(pool, SANITIZED ? (size_t)16 << 20 : (size_t)256 << 20);
    output_one(pool, 1);
    finish(pool);
}
END_TEST

START_TEST(a_run_without_output_has_none)
{
    prong_pool *pool = begin(_i);
    size_t size = 4096, untouched = 5;
    prong_future *with = submit(pool, do_output, &size, sizeof size, NULL);
    ck_assert_int_eq(end_of(with).kind, PRONG_DONE);
    prong_future *without = submit(pool, do_nothing, NULL, 0, NULL);
    ck_assert_int_eq(end_of(without).kind, PRONG_DONE);
    ck_assert_ptr_null(prong_future_output(without, &untouched));
    ck_assert_ptr_null(prong_future_output(without, NULL));
    expect_output(with, size);
    prong_future_free(with);
    prong_future_free(without);
    finish(pool);
}
END_TEST

static int do_output_three_times(void *record)
{
    const size_t *size = record;
    unsigned char *first = prong_output_alloc(100000);
    if (!first)
        return 1;
    memset(first, 0xff, 100000);
    unsigned char *second = prong_output_alloc(10);
    if (!second)
        return 1;
    memset(second, 0xfe, 10);
    return do_output(record) || *size == 0;
}

START_TEST(a_second_output_replaces_the_first)
{
    static const size_t sizes[] = { 1, 4096, 3 << 20 };
    prong_pool *pool = begin(_i);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        prong_future *f = submit(pool, do_output_three_times, &sizes[k], sizeof *sizes, NULL);
        ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
        expect_output(f, sizes[k]);
        prong_future_free(f);
    }
    finish(pool);
}
END_TEST

static int do_output_and_fail(void *record)
{
    return do_output(record) ? 1 : 2;
}

START_TEST(an_output_reaches_a_failed_run)
{
    static const size_t sizes[] = { 0, 100, 2 << 20 };
    prong_pool *pool = begin(_i);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        prong_future *f = submit(pool, do_output_and_fail, &sizes[k], sizeof *sizes, NULL);
        prong_error end = end_of(f);
        ck_assert_int_eq(end.kind, PRONG_FAILED);
        ck_assert_int_eq(end.code, 2);
        expect_output(f, sizes[k]);
        prong_future_free(f);
    }
    finish(pool);
}
END_TEST

static int do_output_too_much(void *record)
{
    (void)record;
    errno = 0;
    return prong_output_alloc(SIZE_MAX - 4096) == NULL && errno == ENOMEM ? 0 : 1;
}

START_TEST(an_output_larger_than_memory_is_refused)
{
    prong_pool *pool = begin(_i);
    prong_future *f = submit(pool, do_output_too_much, NULL, 0, NULL);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    ck_assert_ptr_null(prong_future_output(f, NULL));
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(outside_a_task_there_is_no_run)
{
    prong_pool *pool = begin(_i);
    ck_assert(!prong_cancelled());
    ck_assert_uint_eq(prong_slot(), 0);
    errno = 0;
    ck_assert_ptr_null(prong_output_alloc(10));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(prong_fail(5, "nobody hears %s", "this"), 5);
    ck_assert_int_eq(prong_fail(0, "nor this"), -EINVAL);
    finish(pool);
}
END_TEST

/* ---- functions ---- */

/* What a compiler at run time would make: a function that returns 0, in no module. */
static prong_fn *make_code(void)
{
#if defined(__x86_64__)
    static const unsigned char code[] = { 0x31, 0xc0, 0xc3 };                             /* xor %eax, %eax; ret */
#elif defined(__aarch64__)
    static const unsigned char code[] = { 0x00, 0x00, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 };   /* mov w0, #0; ret */
#else
    skip("no machine code at hand for this architecture");
#endif
    void *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    prong_fn *fn;
    ck_assert_ptr_ne(mem, MAP_FAILED);
    memcpy(mem, code, sizeof code);
    ck_assert_int_eq(mprotect(mem, 4096, PROT_READ | PROT_EXEC), 0);
    __builtin___clear_cache(mem, (char *)mem + sizeof code);
    memcpy(&fn, &mem, sizeof fn);
    return fn;
}

START_TEST(code_in_no_module_runs_where_all_memory_is_shared)
{
    prong_fn *fn = make_code();
    prong_pool *pool = begin(_i);
    if (engines[_i].kind == PROCESSES) {
        prong_future *f = NULL;
        ck_refused(prong_submit(pool, fn, NULL, 0, NULL, &f), EINVAL);
        ck_assert_ptr_null(f);
    } else {
        ck_assert_int_eq(take_end(submit(pool, fn, NULL, 0, NULL)).kind, PRONG_DONE);
    }
    finish(pool);
}
END_TEST

static prong_fn *load_task(void)
{
    const char *path = getenv("PRONG_TEST_MODULE");
    if (!path)
        skip("PRONG_TEST_MODULE does not say where late.so is: meson test does");
    void *module = dlopen(path, RTLD_NOW);
    ck_assert_msg(module != NULL, "%s", dlerror());
    void *symbol = dlsym(module, "late_task");
    prong_fn *fn;
    ck_assert_ptr_nonnull(symbol);
    memcpy(&fn, &symbol, sizeof fn);
    return fn;
}

START_TEST(code_that_was_loaded_late_runs_everywhere)
{
    prong_pool *pool = begin(_i);
    prong_fn *fn = load_task();
    ck_assert_int_eq(take_end(submit(pool, fn, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(code_that_was_loaded_before_prong_init_runs_everywhere)
{
    prong_fn *fn = load_task();
    prong_pool *pool = begin(_i);
    ck_assert_int_eq(take_end(submit(pool, fn, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

/* ---- nobody looks ---- */

START_TEST(a_run_that_nobody_holds_runs_nevertheless)
{
    prong_pool *pool = begin(_i);
    for (int k = 0; k < 100; k++) {
        ck_ok(prong_submit(pool, do_mark, NULL, 0, NULL, NULL));
        prong_future_free(submit(pool, do_mark, NULL, 0, NULL));
    }
    prong_future_free(NULL);
    finish(pool);
    ck_assert_uint_eq(tally_read(&board->done), 200);
}
END_TEST

/* ---- many ---- */

START_TEST(thousands_of_runs_end_with_their_own_result)
{
    enum { N = ROUNDS(5000) };
    static prong_future *f[N];
    prong_pool *pool = begin(_i);
    for (int round = 0; round < 2; round++) {
        for (uint64_t k = 0; k < N; k++)
            f[k] = submit(pool, do_increment, &k, sizeof k, NULL);
        ck_assert_int_eq(prong_wait_all(f, N, PRONG_NEVER, NULL), PRONG_DONE);
        for (uint64_t k = 0; k < N; k++) {
            if (*(uint64_t *)prong_future_record(f[k]) != k + 1)
                ck_abort_msg("run %u has the result of another", (unsigned)k);
            prong_future_free(f[k]);
        }
    }
    finish(pool);
}
END_TEST

static void *submit_thousands(void *arg)
{
    prong_pool *pool = arg;
    for (uint64_t k = 0; k < ROUNDS(1000); k++) {
        prong_future *f = NULL;
        if (prong_submit(pool, do_increment, &k, sizeof k, NULL, &f) != 0 || prong_wait(f, PRONG_NEVER, NULL) != 0 ||
            *(uint64_t *)prong_future_record(f) != k + 1)
            return pool;
        prong_future_free(f);
    }
    return NULL;
}

START_TEST(any_thread_may_submit_and_wait)
{
    enum { N = 4 };
    prong_pool *pool = begin(_i);
    pthread_t threads[N];
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(pthread_create(&threads[k], NULL, submit_thousands, pool), 0);
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
    add_case_on(ON_CROWDS, a_run_that_returns_0_is_done);
    add_case_on(ON_EVERY, a_task_that_returns_a_code_has_failed_with_it);
    add_case_on(ON_EVERY, prong_fail_gives_the_error_its_text);
    add_case_on(ON_EVERY, the_text_of_one_run_is_not_that_of_the_next);
    add_case_on(ON_EVERY, records_of_any_size_go_and_come_back);
    add_case_on(ON_ONE_EACH, a_record_of_64_MiB_goes_and_comes_back);
    add_case_on(ON_EVERY, a_record_may_have_no_bytes);
    add_case_on(ON_ONE_EACH, a_record_over_the_limit_is_refused);
    add_case_on(ON_EVERY, what_was_submitted_is_a_copy);
    add_case_on(ON_EVERY, outputs_of_any_size_reach_the_future);
    add_case_on(ON_ONE_EACH, an_output_of_256_MiB_reaches_the_future);
    add_case_on(ON_EVERY, a_run_without_output_has_none);
    add_case_on(ON_EVERY, a_second_output_replaces_the_first);
    add_case_on(ON_EVERY, an_output_reaches_a_failed_run);
    add_case_on(ON_ONE_EACH, an_output_larger_than_memory_is_refused);
    add_case_on(ON_ONE_EACH, outside_a_task_there_is_no_run);
    add_case_on(ON_ONE_EACH, code_in_no_module_runs_where_all_memory_is_shared);
    add_case_on(ON_ONE_EACH, code_that_was_loaded_late_runs_everywhere);
    add_case_on(ON_ONE_EACH, code_that_was_loaded_before_prong_init_runs_everywhere);
    add_case_on(ON_EVERY, a_run_that_nobody_holds_runs_nevertheless);
    add_case_on(ON_CROWDS, thousands_of_runs_end_with_their_own_result);
    add_case_on(ON_EVERY, any_thread_may_submit_and_wait);
    return run_cases(argc, argv);
}
