/* The contract of prong/link.h: runs that are reserved, submitted, taken and freed by the dozen. */
#include "engines.h"
#include <errno.h>
#include <prong/link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static prong_group *open_group(prong_pool *pool)
{
    prong_group *g = NULL;
    ck_ok(prong_group_open(pool, &g));
    return g;
}

/* Takes `n` runs, however many come at a time. */
static void take_n(prong_group *g, prong_future *ret[], size_t n)
{
    size_t got;
    for (size_t taken = 0; taken < n; taken += got) {
        ck_ok(prong_link_take(g, PRONG_NEVER, n - taken, ret + taken, &got));
        ck_assert_uint_ge(got, 1);
        ck_assert_uint_le(got, n - taken);
    }
}

static void close_empty(prong_group *g)
{
    prong_future *f;
    size_t got = 77;
    ck_refused(prong_link_take(g, PRONG_NEVER, 1, &f, &got), ENOENT);
    ck_assert_uint_eq(got, 77);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
}

/* ---- records ---- */

/* Each byte is one more; the first tells how many there are. */
static int do_raise(void *record)
{
    size_t size;
    memcpy(&size, record, sizeof size);
    for (size_t i = sizeof size; i < size; i++)
        ((unsigned char *)record)[i]++;
    return 0;
}

static void fill(void *record, size_t size, unsigned with)
{
    memset(record, (int)with, size);
    memcpy(record, &size, sizeof size);
}

static bool is_filled(const void *record, size_t size, unsigned with)
{
    const unsigned char *bytes = record;
    for (size_t i = sizeof size; i < size; i++)
        if (bytes[i] != with)
            return false;
    return memcmp(record, &size, sizeof size) == 0;
}

static const size_t sizes[] = { 8, 64, 128, 129, 4096, 65536, 65537, 1 << 20 };
enum { N_SIZES = sizeof sizes / sizeof *sizes };

START_TEST(records_of_any_size_are_written_in_place_and_come_back)
{
    enum { EACH = 5, N = N_SIZES * EACH };
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    prong_reserved *runs[N];
    prong_future *f[N];
    void *records[N];
    bool seen[N] = { false };
    for (size_t s = 0; s < N_SIZES; s++)
        ck_ok(prong_link_reserve(pool, sizes[s], EACH, runs + s * EACH, records + s * EACH));
    for (unsigned i = 0; i < N; i++) {
        ck_assert_uint_eq((uintptr_t)records[i] % 64, 0);
        fill(records[i], sizes[i / EACH], i);
    }
    ck_ok(prong_link_submit(pool, do_raise, runs, N, &(prong_run_opts){ .group = g, .tag = 1000 }, NULL));
    take_n(g, f, N);
    for (int i = 0; i < N; i++) {
        uint64_t k = prong_future_tag(f[i]) - 1000;
        ck_assert_uint_lt(k, N);
        ck_assert(!seen[k]);
        seen[k] = true;
        ck_assert(is_filled(prong_future_record(f[i]), sizes[k / EACH], (unsigned)k + 1));
    }
    prong_link_free(f, N);
    close_empty(g);
    finish(pool);
}
END_TEST

START_TEST(futures_of_many_runs_are_waited_for_like_any)
{
    enum { N = 200 };
    prong_pool *pool = begin(_i);
    prong_reserved *runs[N];
    prong_future *f[N];
    void *records[N];
    ck_ok(prong_link_reserve(pool, sizeof(uint64_t), N, runs, records));
    for (uint64_t i = 0; i < N; i++)
        *(uint64_t *)records[i] = i;
    ck_ok(prong_link_submit(pool, do_increment, runs, N, NULL, f));
    ck_assert_int_eq(prong_wait_all(f, N, PRONG_NEVER, NULL), PRONG_DONE);
    for (uint64_t i = 0; i < N; i++) {
        ck_assert_uint_eq(prong_future_tag(f[i]), i);
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[i]), i + 1);
    }
    prong_link_free(f, N);
    finish(pool);
}
END_TEST

static int do_spoil(void *record)
{
    memset(record, 1, 8);
    memset(prong_output_alloc(100), 1, 100);
    return prong_fail(5, "spoilt");
}

START_TEST(a_run_in_the_memory_of_another_has_nothing_of_it)
{
    enum { N = 100 };
    prong_pool *pool = begin(_i);
    prong_reserved *runs[N];
    prong_future *f[N];
    void *records[N];
    prong_error end;
    for (int round = 0; round < 6; round++) {
        bool bad = round % 2 == 0;
        ck_ok(prong_link_reserve(pool, 8, N, runs, records));
        for (int i = 0; i < N; i++)
            memset(records[i], 2, 8);
        ck_ok(prong_link_submit(pool, bad ? do_spoil : do_nothing, runs, N, NULL, f));
        for (int i = 0; i < N; i++) {
            ck_assert_int_eq(prong_wait(f[i], PRONG_NEVER, &end), bad ? PRONG_FAILED : PRONG_DONE);
            ck_assert_int_eq(end.code, bad ? 5 : 0);
            ck_assert_str_eq(end.text, bad ? "spoilt" : "");
            ck_assert_int_eq(*(char *)prong_future_record(f[i]), bad ? 1 : 2);
            ck_assert(!prong_future_output(f[i], NULL) == !bad);
        }
        prong_link_free(f, N);
    }
    finish(pool);
}
END_TEST

/* ---- what is not carried out ---- */

START_TEST(what_is_dropped_leaves_nothing_and_nothing_runs)
{
    enum { N = 20 };
    prong_pool *pool = begin(_i);
    prong_reserved *runs[3 * N], *none = NULL;
    void *records[3 * N];
    ck_ok(prong_link_reserve(pool, 0, N, runs, records));
    ck_ok(prong_link_reserve(pool, 100, N, runs + N, records + N));
    ck_ok(prong_link_reserve(pool, 100000, N, runs + 2 * N, records + 2 * N));
    for (int i = 0; i < N; i++)
        ck_assert_ptr_null(records[i]);
    prong_link_drop(runs, 2 * N);
    prong_link_drop(&none, 1);
    prong_link_drop(runs + 2 * N, N);
    finish(pool);
}
END_TEST

START_TEST(what_is_reserved_may_be_dropped_after_the_close)
{
    prong_pool *pool = begin(_i);
    prong_reserved *run;
    void *record;
    ck_ok(prong_link_reserve(pool, 1 << 20, 1, &run, &record));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    memset(record, 1, 1 << 20);
    prong_link_drop(&run, 1);
}
END_TEST

START_TEST(a_refused_submit_leaves_all_reserved)
{
    prong_pool *pool = begin(_i), *other;
    prong_reserved *runs[3], *foreign, *holey[3];
    prong_future *f[3] = { NULL };
    void *records[3], *record;
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = "serial" }, &other));
    ck_ok(prong_link_reserve(other, 8, 1, &foreign, &record));
    ck_ok(prong_link_reserve(pool, 8, 3, runs, records));
    for (uint64_t i = 0; i < 3; i++)
        *(uint64_t *)records[i] = i;
    ck_refused(prong_link_submit(pool, NULL, runs, 3, NULL, f), EINVAL);
    memcpy(holey, runs, sizeof runs);
    holey[2] = NULL;
    ck_refused(prong_link_submit(pool, do_increment, holey, 3, NULL, f), EINVAL);
    holey[2] = foreign;
    ck_refused(prong_link_submit(pool, do_increment, holey, 3, NULL, f), EINVAL);
    ck_refused(prong_link_reserve(pool, PRONG_RECORD_MAX + 1, 1, holey, &record), EMSGSIZE);
    ck_assert_ptr_null(f[0]);
    ck_ok(prong_link_submit(pool, do_increment, runs, 0, NULL, f));
    ck_ok(prong_link_submit(pool, do_increment, runs, 3, NULL, f));
    ck_assert_int_eq(prong_wait_all(f, 3, PRONG_NEVER, NULL), PRONG_DONE);
    ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[2]), 3);
    prong_link_free(f, 3);
    prong_link_drop(&foreign, 1);
    ck_ok(prong_pool_close(other, PRONG_NEVER));
    finish(pool);
}
END_TEST

START_TEST(many_enter_a_full_queue_together_or_not_at_all)
{
    enum { N = 10 };
    if (engines[_i].kind == SERIAL)
        return;                                /* nothing ever waits there */
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .queue_limit = 1 });
    struct held h = hold_workers(pool, engines[_i].workers);
    prong_future *first = submit(pool, do_nothing, NULL, 0, NULL), *f[N];
    prong_reserved *runs[N];
    void *records[N];
    ck_ok(prong_link_reserve(pool, 8, N, runs, records));
    ck_refused(prong_link_submit(pool, do_mark, runs, N, &(prong_run_opts){ .deadline = PRONG_NOW }, f), EAGAIN);
    ck_assert_int_eq(prong_future_cancel(first, PRONG_IF_WAITING), 0);
    ck_ok(prong_link_submit(pool, do_mark, runs, N, &(prong_run_opts){ .deadline = PRONG_NOW }, f));
    release_workers(&h);
    ck_assert_int_eq(prong_wait_all(f, N, PRONG_NEVER, NULL), PRONG_DONE);
    ck_assert_uint_eq(tally_read(&board->done), N);
    prong_link_free(f, N);
    prong_future_free(first);
    finish(pool);
}
END_TEST

/* ---- taking ---- */

START_TEST(a_take_waits_for_the_first_end_alone)
{
    if (engines[_i].workers < 2)
        return;                                /* one is held */
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    prong_future *f[4];
    uint32_t gate = 1;
    size_t got = 0;
    ck_ok(prong_submit(pool, do_hold, &gate, sizeof gate, &(prong_run_opts){ .group = g, .tag = 7 }, NULL));
    tally_await(&board->here, 1);
    ck_refused(prong_link_take(g, PRONG_NOW, 4, f, &got), ETIMEDOUT);
    ck_refused(prong_link_take(g, PRONG_NOW, 0, f, &got), EINVAL);
    ck_ok(prong_submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .group = g, .tag = 8 }, NULL));
    ck_ok(prong_link_take(g, PRONG_NEVER, 4, f, &got));
    ck_assert_uint_eq(got, 1);
    ck_assert_uint_eq(prong_future_tag(f[0]), 8);
    tally_add(&board->go, 1);
    ck_ok(prong_link_take(g, PRONG_NEVER, 4, f + 1, &got));
    ck_assert_uint_eq(got, 1);
    ck_assert_uint_eq(prong_future_tag(f[1]), 7);
    prong_link_free(f, 2);
    close_empty(g);
    finish(pool);
}
END_TEST

static void *use_in_a_thread(void *pool)
{
    enum { N = 40 };
    prong_group *g = open_group(pool);
    prong_reserved *runs[N];
    prong_future *f[N];
    void *records[N];
    for (int round = 0; round < 20; round++) {
        uint64_t sum = 0;
        ck_ok(prong_link_reserve(pool, 8, N, runs, records));
        for (uint64_t i = 0; i < N; i++)
            *(uint64_t *)records[i] = i;
        ck_ok(prong_link_submit(pool, do_increment, runs, N - 2, &(prong_run_opts){ .group = g }, NULL));
        prong_link_drop(runs + N - 2, 2);
        take_n(g, f, N - 2);
        for (int i = 0; i < N - 2; i++)
            sum += *(uint64_t *)prong_future_record(f[i]);
        ck_assert_uint_eq(sum, (N - 2) * (N - 1) / 2);
        prong_link_free(f, N - 2);
    }
    close_empty(g);
    return NULL;
}

START_TEST(threads_share_a_pool_and_the_memory_of_its_runs)
{
    enum { THREADS_N = 4 };
    prong_pool *pool = begin(_i);
    pthread_t t[THREADS_N];
    for (int i = 0; i < THREADS_N; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, use_in_a_thread, pool), 0);
    for (int i = 0; i < THREADS_N; i++)
        ck_assert_int_eq(pthread_join(t[i], NULL), 0);
    finish(pool);
}
END_TEST

/* ---- large ones on processes ---- */

static int do_half_and_die(void *record)
{
    unsigned char *bytes = record;
    tally_add(&board->here, 1);
    if (bytes[100] != 3 || bytes[100000 - 1] != 3)
        return 1;                              /* it is not as submitted */
    bytes[100] = 4;
    return raise(SIGKILL);
}

static void run_to_death(int i, uint32_t retries, unsigned char then)
{
    prong_pool *pool = begin(i);
    prong_reserved *run;
    prong_future *f;
    void *record;
    ck_ok(prong_link_reserve(pool, 100000, 1, &run, &record));
    memset(record, 3, 100000);
    ck_ok(prong_link_submit(pool, do_half_and_die, &run, 1, &(prong_run_opts){ .retries = retries }, &f));
    ck_assert_int_eq(prong_wait(f, PRONG_NEVER, NULL), PRONG_CRASHED);
    ck_assert_uint_eq(tally_read(&board->here), retries + 1);
    ck_assert_uint_eq(((unsigned char *)prong_future_record(f))[100], then);
    ck_assert_uint_eq(((unsigned char *)prong_future_record(f))[99999], 3);
    prong_future_free(f);
    finish(pool);
}

START_TEST(a_large_record_is_as_its_dead_run_left_it) { run_to_death(_i, 0, 4); }
END_TEST

START_TEST(with_retries_a_large_record_is_as_submitted_each_time) { run_to_death(_i, 2, 3); }
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_EVERY, records_of_any_size_are_written_in_place_and_come_back);
    add_case_on(ON_EVERY, futures_of_many_runs_are_waited_for_like_any);
    add_case_on(ON_EVERY, a_run_in_the_memory_of_another_has_nothing_of_it);
    add_case_on(ON_ONE_EACH, what_is_dropped_leaves_nothing_and_nothing_runs);
    add_case_on(ON_ONE_EACH, what_is_reserved_may_be_dropped_after_the_close);
    add_case_on(ON_ONE_EACH, a_refused_submit_leaves_all_reserved);
    add_case_on(ON_ONE_EACH, many_enter_a_full_queue_together_or_not_at_all);
    add_case_on(ON_ONE_EACH, a_take_waits_for_the_first_end_alone);
    add_case_on(ON_EVERY, threads_share_a_pool_and_the_memory_of_its_runs);
    add_case_on(ON_PROCESSES, a_large_record_is_as_its_dead_run_left_it);
    add_case_on(ON_PROCESSES, with_retries_a_large_record_is_as_submitted_each_time);
    return run_cases(argc, argv);
}
