/* The contract, workers: how they begin, how many there are, and the order in which they take runs. */
#include "engines.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- init ---- */

static _Thread_local int inited;

static int init_worker(void *record)
{
    int *number = record;
    inited += *number;
    *number = 1000;
    tally_add(&board->spare[1], 1);
    return 0;
}

static int do_look_for_init(void *record)
{
    (void)record;
    return inited == 7 ? 0 : 1;
}

static int do_hold_after_init(void *record)
{
    if (inited != 7)
        return 1;
    return do_hold(record);
}

START_TEST(init_runs_once_in_each_worker_before_its_first_task)
{
    int number = 7;
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .init = init_worker, .init_record = &number, .init_size = sizeof number });
    uint32_t n = engines[_i].workers, turn = 1;
    prong_future *f[64];
    number = 8;                                        /* it was copied at open */
    if (engines[_i].kind == SERIAL)
        tally_add(&board->go, 1);
    for (uint32_t k = 0; k < n; k++)
        f[k] = submit(pool, do_hold_after_init, &turn, sizeof turn, NULL);
    tally_await(&board->here, n);
    tally_add(&board->go, 1);
    for (uint32_t k = 0; k < n; k++)
        ck_assert_int_eq(take_end(f[k]).kind, PRONG_DONE);
    uint32_t most = n + (engines[_i].kind == PROCESSES);       /* a spare worker runs it, too */
    ck_assert_uint_ge(tally_read(&board->spare[1]), n);
    ck_assert_uint_le(tally_read(&board->spare[1]), most);
    for (int k = 0; k < 200; k++)                      /* whoever runs them: also who waits for them */
        ck_assert_int_eq(take_end(submit(pool, do_look_for_init, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_assert_uint_le(tally_read(&board->spare[1]), most);
    finish(pool);
}
END_TEST

static int do_kill_worker(void *record)
{
    (void)record;
    _exit(0);
}

START_TEST(a_worker_that_replaces_another_is_initialised_too)
{
    int number = 7;
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .init = init_worker, .init_record = &number, .init_size = sizeof number });
    for (int k = 0; k < 5; k++) {
        ck_assert_int_eq(take_end(submit(pool, do_kill_worker, NULL, 0, NULL)).kind, PRONG_EXITED);
        for (uint32_t m = 0; m < engines[_i].workers * 2; m++)
            ck_assert_int_eq(take_end(submit(pool, do_look_for_init, NULL, 0, NULL)).kind, PRONG_DONE);
    }
    finish(pool);
}
END_TEST

static int init_at_third(void *record)
{
    (void)record;
    inited = 7;
    return atomic_fetch_add(&board->cell[0], 1) < 2;
}

START_TEST(an_init_may_fail_twice)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .init = init_at_third });
    for (int k = 0; k < 10; k++)
        ck_assert_int_eq(take_end(submit(pool, do_look_for_init, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_assert_uint_ge(atomic_load(&board->cell[0]), 3);
    ck_assert_uint_le(atomic_load(&board->cell[0]), 3 + (engines[_i].kind == PROCESSES));       /* a spare worker runs it, too */
    finish(pool);
}
END_TEST

static int init_never(void *record)
{
    (void)record;
    atomic_fetch_add(&board->cell[0], 1);
    return prong_fail(5, "the cellar is flooded");
}

static int init_crashes(void *record)
{
    (void)record;
    atomic_fetch_add(&board->cell[0], 1);
    abort();
}

/* A run is accepted until the failures are known, and then lost with the words. */
static void expect_broken(prong_pool *pool, const char *words)
{
    for (;;) {
        prong_future *f = NULL;
        int r = prong_submit(pool, do_nothing, NULL, 0, NULL, &f);
        ck_assert_msg(r == 0 || r == -EPIPE, "submit is %d", r);
        if (r < 0) {
            ck_assert_ptr_null(f);
            ck_assert_msg(strstr(prong_last_error(), words) != NULL, "no %s in \"%s\"", words, prong_last_error());
            return;
        }
        prong_error end = take_end(f);
        ck_assert_int_eq(end.kind, PRONG_LOST);
        ck_assert_int_ne(end.code, 0);
        ck_assert_msg(strstr(end.text, words) != NULL, "no %s in \"%s\"", words, end.text);
    }
}

START_TEST(an_init_that_fails_three_times_breaks_the_pool)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .init = init_never });
    expect_broken(pool, "flooded");
    if (engines[_i].workers == 1)
        ck_assert_uint_eq(atomic_load(&board->cell[0]), 3);
    finish(pool);
}
END_TEST

START_TEST(an_init_that_crashes_three_times_breaks_the_pool)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .init = init_crashes });
    expect_broken(pool, "3 times");
    if (engines[_i].workers == 1)
        ck_assert_uint_eq(atomic_load(&board->cell[0]), 3);
    finish(pool);
}
END_TEST

/* ---- runs_per_worker ---- */

static int do_tell_pid(void *record)
{
    int *pid = record;
    *pid = getpid();
    return 0;
}

START_TEST(a_worker_is_replaced_after_so_many_runs)
{
    enum { RUNS = 12, EACH = 3 };
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .runs_per_worker = EACH });
    int pids[RUNS] = { 0 };
    for (int k = 0; k < RUNS; k++) {
        prong_future *f = submit(pool, do_tell_pid, &pids[k], sizeof pids[k], NULL);
        ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
        pids[k] = *(int *)prong_future_record(f);
        prong_future_free(f);
    }
    for (int k = 0; k < RUNS; k++)
        ck_assert_msg((pids[k] == pids[k / EACH * EACH]) && (k < EACH || pids[k] != pids[k - EACH]), "run %d was in %d", k, pids[k]);
    finish(pool);
}
END_TEST

START_TEST(workers_that_are_replaced_lose_no_run)
{
    enum { N = 300 };
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .runs_per_worker = 1 });
    prong_future *f[N];
    for (uint64_t k = 0; k < N; k++)
        f[k] = submit(pool, do_increment, &k, sizeof k, NULL);
    for (uint64_t k = 0; k < N; k++) {
        ck_assert_int_eq(end_of(f[k]).kind, PRONG_DONE);
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[k]), k + 1);
        prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

/* ---- resize ---- */

START_TEST(a_larger_pool_runs_more_at_once)
{
    if (engines[_i].kind == SERIAL)
        skip("serial has one worker");
    prong_pool *pool = begin(_i);
    uint32_t more = engines[_i].workers + 3;
    if (more > 64)
        more = 64;
    ck_ok(prong_pool_resize(pool, more));
    ck_assert_uint_eq(prong_pool_workers(pool), more);
    ck_assert_uint_ge(prong_pool_slots(pool), more);
    struct held h = hold_workers(pool, more);
    release_workers(&h);
    finish(pool);
}
END_TEST

/* Fails if another one runs at the same time. */
static int do_alone(void *record)
{
    (void)record;
    uint32_t others = atomic_fetch_add(&board->cell[0], 1);
    for (volatile int k = 0; k < 1000; k++)
        ;
    atomic_fetch_sub(&board->cell[0], 1);
    return others ? 1 : 0;
}

static void expect_one_at_a_time(prong_pool *pool)
{
    enum { N = 200 };
    prong_future *f[N];
    for (int k = 0; k < N; k++)
        f[k] = submit(pool, do_alone, NULL, 0, NULL);
    ck_assert_int_eq(prong_wait_all(f, N, prong_in_ms(50000), NULL), 0);    /* with a deadline nobody but workers runs them */
    for (int k = 0; k < N; k++)
        prong_future_free(f[k]);
}

START_TEST(a_smaller_pool_interrupts_nobody_and_runs_fewer_at_once)
{
    prong_pool *pool = begin(_i);
    uint32_t n = engines[_i].workers;
    struct held h = { .n = 0 };
    if (engines[_i].kind != SERIAL)
        h = hold_workers(pool, n);
    uint32_t slots = prong_pool_slots(pool);
    ck_ok(prong_pool_resize(pool, 1));
    ck_assert_uint_eq(prong_pool_workers(pool), 1);
    ck_assert_uint_eq(prong_pool_slots(pool), slots);
    release_workers(&h);
    expect_one_at_a_time(pool);
    ck_ok(prong_pool_resize(pool, 0));
    ck_assert_uint_eq(prong_pool_workers(pool), n);
    if (engines[_i].kind != SERIAL) {
        h = hold_workers(pool, n);
        release_workers(&h);
    }
    finish(pool);
}
END_TEST

START_TEST(a_pool_that_is_resized_all_the_time_loses_no_run)
{
    enum { N = ROUNDS(300) };
    static prong_future *f[N];
    if (engines[_i].kind == SERIAL)
        skip("serial has one worker");
    prong_pool *pool = begin(_i);
    for (uint64_t k = 0; k < N; k++) {
        f[k] = submit(pool, do_increment, &k, sizeof k, NULL);
        if (k % 10 == 0)
            ck_ok(prong_pool_resize(pool, 1 + (uint32_t)(k / 10 * 7 % 5)));
    }
    ck_assert_int_eq(prong_wait_all(f, N, PRONG_NEVER, NULL), 0);
    for (uint64_t k = 0; k < N; k++) {
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[k]), k + 1);
        prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

/* ---- the queue ---- */

enum { LIMIT = 3 };

static prong_pool *begin_full(int i, struct held *ret_held, prong_future *f[LIMIT])
{
    if (engines[i].kind == SERIAL)
        skip("serial runs inside submit: nothing waits");
    prong_pool *pool = begin_with(i, (prong_pool_opts){ .queue_limit = LIMIT });
    *ret_held = hold_workers(pool, engines[i].workers);
    for (int k = 0; k < LIMIT; k++)
        f[k] = submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .deadline = PRONG_NOW });
    return pool;
}

static void finish_full(prong_pool *pool, struct held *h, prong_future *f[LIMIT])
{
    release_workers(h);
    for (int k = 0; k < LIMIT; k++)
        (void)take_end(f[k]);
    finish(pool);
}

START_TEST(a_full_queue_takes_no_run_before_the_deadline)
{
    struct held h;
    prong_future *f[LIMIT], *more = NULL;
    prong_pool *pool = begin_full(_i, &h, f);
    ck_refused(prong_submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .deadline = PRONG_NOW }, &more), EAGAIN);
    ck_refused(prong_submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .deadline = prong_in_ms(10) }, &more), EAGAIN);
    ck_assert_ptr_null(more);
    ck_ok(prong_future_cancel(f[1], PRONG_IF_WAITING));          /* makes room for one */
    more = submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .deadline = PRONG_NOW });
    prong_future *none = NULL;
    ck_refused(prong_submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .deadline = PRONG_NOW }, &none), EAGAIN);
    finish_full(pool, &h, f);
    prong_future_free(more);
}
END_TEST

struct patient { prong_pool *pool; prong_future *f; int r; };

static void *submit_patiently(void *arg)
{
    struct patient *p = arg;
    tally_add(&board->spare[1], 1);
    p->r = prong_submit(p->pool, do_nothing, NULL, 0, NULL, &p->f);
    tally_add(&board->spare[2], 1);
    return NULL;
}

START_TEST(a_submit_without_deadline_waits_for_room)
{
    enum { N = 8 };
    struct held h;
    prong_future *f[LIMIT];
    struct patient p[N];
    pthread_t threads[N];
    prong_pool *pool = begin_full(_i, &h, f);
    for (int k = 0; k < N; k++) {
        p[k] = (struct patient){ .pool = pool };
        ck_assert_int_eq(pthread_create(&threads[k], NULL, submit_patiently, &p[k]), 0);
    }
    tally_await(&board->spare[1], N);
    ck_assert_uint_eq(tally_read(&board->spare[2]), 0);
    release_workers(&h);
    for (int k = 0; k < N; k++) {
        ck_assert_int_eq(pthread_join(threads[k], NULL), 0);
        ck_assert_int_eq(p[k].r, 0);
        ck_assert_int_eq(take_end(p[k].f).kind, PRONG_DONE);
    }
    for (int k = 0; k < LIMIT; k++)
        ck_assert_int_eq(take_end(f[k]).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(a_limited_queue_loses_no_run)
{
    enum { N = ROUNDS(1000) };
    static prong_future *f[N];
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .queue_limit = 1 });
    for (uint64_t k = 0; k < N; k++)
        f[k] = submit(pool, do_increment, &k, sizeof k, NULL);
    ck_assert_int_eq(prong_wait_all(f, N, PRONG_NEVER, NULL), 0);
    for (uint64_t k = 0; k < N; k++) {
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[k]), k + 1);
        prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

static void submit_more(prong_future *f, void *arg)
{
    prong_pool *pool = arg;
    (void)f;
    for (int k = 0; k < 5; k++)
        if (prong_submit(pool, do_nothing, NULL, 0, NULL, NULL) != 0)
            atomic_fetch_add(&board->cell[0], 1);
    tally_add(&board->done, 1);
}

START_TEST(the_limit_does_not_hold_in_an_on_end)
{
    struct held h;
    prong_future *f[LIMIT];
    prong_pool *pool = begin_full(_i, &h, f);
    ck_ok(prong_future_on_end(f[0], submit_more, pool));
    ck_ok(prong_future_cancel(f[0], PRONG_IF_WAITING));           /* told here, in front of a full queue */
    tally_await(&board->done, 1);
    ck_assert_uint_eq(atomic_load(&board->cell[0]), 0);
    finish_full(pool, &h, f);
}
END_TEST

static int do_submit_more(void *record)
{
    prong_future *f[20];
    (void)record;
    for (int k = 0; k < 20; k++)
        if (prong_submit(NULL, do_nothing, NULL, 0, NULL, &f[k]) != 0)
            return 1;
    int r = prong_wait_all(f, 20, PRONG_NEVER, NULL);
    for (int k = 0; k < 20; k++)
        prong_future_free(f[k]);
    return r;
}

START_TEST(the_limit_does_not_hold_in_a_task_of_the_pool)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .queue_limit = 1 });
    for (int k = 0; k < 10; k++)
        ck_assert_int_eq(take_end(submit(pool, do_submit_more, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(runs_are_taken_by_priority_and_then_in_the_order_of_submission)
{
    static const int32_t levels[] = { 0, 5, -5, INT32_MAX, INT32_MIN, 1, 0 };
    enum { N = 100, LEVELS = sizeof levels / sizeof *levels };
    static const int32_t falling[] = { INT32_MAX, 5, 1, 0, -5, INT32_MIN };
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: there is no order but that");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, 1);
    prong_future *f[N];
    for (uint32_t k = 0; k < N; k++)
        f[k] = submit(pool, do_hold_and_log, &k, sizeof k, &(prong_run_opts){ .priority = levels[k * k % LEVELS] });
    release_workers(&h);
    ck_assert_int_eq(prong_wait_all(f, N, prong_in_ms(50000), NULL), 0);     /* with a deadline nobody but the worker runs them */
    uint32_t at = 0;
    for (size_t level = 0; level < sizeof falling / sizeof *falling; level++)
        for (uint32_t k = 0; k < N; k++)
            if (levels[k * k % LEVELS] == falling[level])
                ck_assert_uint_eq(board->log[at++], k);
    ck_assert_uint_eq(at, N);
    for (uint32_t k = 0; k < N; k++)
        prong_future_free(f[k]);
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_EVERY, init_runs_once_in_each_worker_before_its_first_task);
    add_case_on(ON_PROCESSES, a_worker_that_replaces_another_is_initialised_too);
    add_case_on(ON_SINGLES, an_init_may_fail_twice);
    add_case_on(ON_EVERY, an_init_that_fails_three_times_breaks_the_pool);
    add_case_on(ON_PROCESSES, an_init_that_crashes_three_times_breaks_the_pool);
    add_case_for("processes:1", a_worker_is_replaced_after_so_many_runs, 5, 0);
    add_case_on(ON_PROCESSES, workers_that_are_replaced_lose_no_run);
    add_case_on(ON_EVERY, a_larger_pool_runs_more_at_once);
    add_case_on(ON_EVERY, a_smaller_pool_interrupts_nobody_and_runs_fewer_at_once);
    add_case_on(ON_ONE_EACH, a_pool_that_is_resized_all_the_time_loses_no_run);
    add_case_on(ON_EVERY, a_full_queue_takes_no_run_before_the_deadline);
    add_case_on(ON_EVERY, a_submit_without_deadline_waits_for_room);
    add_case_on(ON_EVERY, a_limited_queue_loses_no_run);
    add_case_on(ON_EVERY, the_limit_does_not_hold_in_an_on_end);
    add_case_on(ON_EVERY, the_limit_does_not_hold_in_a_task_of_the_pool);
    add_case_on(ON_SINGLES, runs_are_taken_by_priority_and_then_in_the_order_of_submission);
    return run_cases(argc, argv);
}
