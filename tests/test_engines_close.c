/* The contract, closing: what still runs, what waits, who comes too late, and what outlives the pool. */
#include "engines.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* ---- a patient close ---- */

START_TEST(a_close_lets_everything_end)
{
    enum { N = 500 };
    prong_pool *pool = begin(_i);
    prong_future *f[N];
    for (int k = 0; k < N; k++)
        f[k] = submit(pool, do_mark, NULL, 0, NULL);
    finish(pool);
    ck_assert_uint_eq(tally_read(&board->done), N);
    for (int k = 0; k < N; k++) {
        ck_assert_int_eq(prong_future_state(f[k]), PRONG_ENDED);
        ck_assert_int_eq(take_end(f[k]).kind, PRONG_DONE);
    }
}
END_TEST

START_TEST(a_pool_without_runs_closes_at_once)
{
    prong_pool *pool = begin(_i);
    ck_ok(prong_pool_close(pool, PRONG_NOW));
    for (int k = 0; k < ROUNDS(20); k++) {
        ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = engines[_i].name }, &pool));
        if (k % 2)
            ck_assert_int_eq(take_end(submit(pool, do_mark, NULL, 0, NULL)).kind, PRONG_DONE);
        ck_ok(prong_pool_close(pool, k % 3 ? PRONG_NEVER : prong_in_ms(50000)));
    }
    finish(NULL);
}
END_TEST

START_TEST(two_pools_live_side_by_side)
{
    prong_pool *pools[3] = { begin(_i) };
    for (int k = 1; k < 3; k++)
        ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = engines[_i].name }, &pools[k]));
    for (uint64_t k = 0; k < 90; k++) {
        prong_future *f = submit(pools[k % 3], do_increment, &k, sizeof k, NULL);
        (void)end_of(f);
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), k + 1);
        prong_future_free(f);
    }
    ck_ok(prong_pool_close(pools[1], PRONG_NEVER));
    ck_assert_int_eq(take_end(submit(pools[2], do_mark, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_ok(prong_pool_close(pools[0], PRONG_NEVER));
    ck_assert_int_eq(take_end(submit(pools[2], do_mark, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pools[2]);
}
END_TEST

static int do_output_page(void *record)
{
    uint64_t *number = record;
    unsigned char *out = prong_output_alloc(4096);
    if (!out)
        return 1;
    memset(out, 0x5a, 4096);
    ++*number;
    return 0;
}

START_TEST(futures_outlive_their_pool)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .flags = PRONG_BILL });
    prong_bill bill;
    prong_error end;
    uint64_t number = 5;
    size_t size = 0;
    int code = 3;
    prong_future *good = submit(pool, do_output_page, &number, sizeof number, &(prong_run_opts){ .tag = 9 });
    prong_future *bad = submit(pool, do_return, &code, sizeof code, NULL);
    prong_future *both[2] = { good, bad };
    finish(pool);
    ck_assert_int_eq(prong_wait(good, PRONG_NOW, NULL), PRONG_DONE);
    ck_assert_int_eq(prong_wait_all(both, 2, PRONG_NEVER, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 3);
    ck_assert_uint_eq(prong_future_tag(good), 9);
    ck_assert_uint_eq(*(uint64_t *)prong_future_record(good), 6);
    const unsigned char *out = prong_future_output(good, &size);
    ck_assert_uint_eq(size, 4096);
    for (size_t k = 0; k < size; k++)
        if (out[k] != 0x5a)
            ck_abort_msg("byte %zu of the output is wrong", k);
    ck_ok(prong_future_bill(good, &bill));
    ck_refused(prong_future_cancel(bad, PRONG_KILL), EALREADY);
    prong_future_free(good);
    prong_future_free(bad);
}
END_TEST

START_TEST(a_group_can_be_taken_from_after_its_pool_has_closed)
{
    prong_pool *pool = begin(_i);
    prong_group *g = NULL;
    prong_future *f = NULL;
    int code = 4;
    prong_error end;
    ck_ok(prong_group_open(pool, &g));
    ck_ok(prong_submit(pool, do_mark, NULL, 0, &(prong_run_opts){ .group = g, .tag = 1 }, NULL));
    ck_ok(prong_submit(pool, do_return, &code, sizeof code, &(prong_run_opts){ .group = g, .tag = 2 }, NULL));
    finish(pool);
    ck_ok(prong_group_next(g, PRONG_NOW, &f));
    uint64_t first = prong_future_tag(f);
    prong_future_free(f);
    ck_assert_int_eq(prong_group_close(g, PRONG_NOW, &end), first == 1 ? PRONG_FAILED : PRONG_DONE);
}
END_TEST

/* ---- an impatient close ---- */

/* Runs that their pool has left behind: killed, or going on by themselves until they return. */
static void expect_left_behind(struct held *h, bool killed)
{
    for (uint32_t k = 0; k < h->n && !killed; k++) {
        ck_assert_int_eq(prong_future_state(h->f[k]), PRONG_RUNNING);
        ck_refused(prong_wait(h->f[k], PRONG_NOW, NULL), ETIMEDOUT);
    }
    tally_add(&board->go, 1);
    for (uint32_t k = 0; k < h->n; k++) {
        prong_error end = take_end(h->f[k]);
        ck_assert_int_eq(end.kind, killed ? PRONG_CANCELLED : PRONG_DONE);
        ck_assert_int_eq(end.code, killed ? ECANCELED : 0);
    }
}

START_TEST(a_close_whose_deadline_passes_cancels_the_rest)
{
    enum { N = 20 };
    for (int k = 0; k < 2; k++) {
        if (engines[_i].kind == SERIAL)
            skip("serial runs inside submit: nothing is left to cancel");
        prong_pool *pool = begin(_i);
        bool kills = prong_promises(pool, PRONG_KILLS);
        struct held h = hold_workers(pool, engines[_i].workers);
        prong_future *waiting[N];
        uint64_t number = 8;
        for (int m = 0; m < N; m++)
            waiting[m] = submit(pool, do_mark, &number, sizeof number, &(prong_run_opts){ .retries = 2 });
        int r = prong_pool_close(pool, k ? prong_in_ms(10) : PRONG_NOW);
        ck_assert_int_eq(r, -ETIMEDOUT);
        for (int m = 0; m < N; m++) {
            prong_error end = end_of(waiting[m]);
            ck_assert_int_eq(end.kind, PRONG_CANCELLED);
            ck_assert_int_eq(end.code, ECANCELED);
            ck_assert_uint_eq(*(uint64_t *)prong_future_record(waiting[m]), 8);
            prong_future_free(waiting[m]);
        }
        expect_left_behind(&h, kills);
    }
    ck_assert_uint_eq(tally_read(&board->done), 0);
}
END_TEST

static void note_end(prong_future *f, void *arg)
{
    _Atomic int *kind = arg;
    *kind = prong_wait(f, PRONG_NOW, NULL);
    tally_add(&board->done, 1);
}

START_TEST(what_runs_is_asked_to_give_way_when_the_deadline_of_a_close_passes)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing is left to ask");
    prong_pool *pool = begin(_i);
    prong_future *f[64];
    _Atomic int kinds[64];
    for (uint32_t k = 0; k < engines[_i].workers; k++) {
        f[k] = submit(pool, do_until_told, NULL, 0, NULL);
        ck_ok(prong_future_on_end(f[k], note_end, &kinds[k]));
    }
    tally_await(&board->here, engines[_i].workers);
    ck_assert_int_eq(prong_pool_close(pool, PRONG_NOW), -ETIMEDOUT);
    tally_await(&board->done, engines[_i].workers);
    for (uint32_t k = 0; k < engines[_i].workers; k++) {
        ck_assert_int_eq(take_end(f[k]).kind, PRONG_CANCELLED);
        ck_assert_int_eq(kinds[k], PRONG_CANCELLED);
    }
}
END_TEST

/* ---- who comes too late ---- */

static void *close_in_thread(void *arg)
{
    prong_pool *pool = arg;
    return prong_pool_close(pool, PRONG_NEVER) == 0 ? NULL : pool;
}

/* That a close has begun shows in a submit that is refused; the runs that were accepted till then end well. */
static void await_closing(prong_pool *pool)
{
    int r;
    do {
        prong_future *f = NULL;
        r = prong_submit(pool, do_mark, NULL, 0, NULL, &f);
        prong_future_free(f);
        if (r == 0)
            (void)sched_yield();
    } while (r == 0);
    ck_assert_int_eq(r, -ESHUTDOWN);
}

START_TEST(a_pool_that_is_closing_refuses_runs_and_a_second_close)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: see the case of its own");
    prong_pool *pool = begin(_i);
    pthread_t closer;
    void *bad;
    struct held h = hold_workers(pool, 1);
    ck_assert_int_eq(pthread_create(&closer, NULL, close_in_thread, pool), 0);
    await_closing(pool);
    prong_future *f = NULL;
    ck_refused(prong_submit(pool, do_mark, NULL, 0, NULL, &f), ESHUTDOWN);
    ck_assert_ptr_null(f);
    ck_refused(prong_pool_close(pool, PRONG_NEVER), ESHUTDOWN);
    ck_refused(prong_pool_close(pool, PRONG_NOW), ESHUTDOWN);
    ck_assert_int_lt(prong_pool_resize(pool, 1), 0);
    ck_assert_int_eq(prong_future_state(h.f[0]), PRONG_RUNNING);
    release_workers(&h);
    ck_assert_int_eq(pthread_join(closer, &bad), 0);
    ck_assert_ptr_null(bad);
    finish(NULL);
}
END_TEST

struct late { prong_pool *pool; prong_future *f; int r; };

static void *submit_in_thread(void *arg)
{
    struct late *l = arg;
    tally_add(&board->spare[1], 1);
    l->r = prong_submit(l->pool, do_mark, NULL, 0, NULL, &l->f);
    return NULL;
}

START_TEST(who_waits_for_room_in_a_pool_that_closes_is_told)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing waits");
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .queue_limit = 1 });
    struct held h = hold_workers(pool, engines[_i].workers);
    struct late l = { .pool = pool };
    pthread_t submitter, closer;
    prong_future *queued = submit(pool, do_mark, NULL, 0, NULL);
    ck_assert_int_eq(pthread_create(&submitter, NULL, submit_in_thread, &l), 0);
    tally_await(&board->spare[1], 1);
    ck_assert_int_eq(pthread_create(&closer, NULL, close_in_thread, pool), 0);
    ck_assert_int_eq(pthread_join(submitter, NULL), 0);          /* before there is any room */
    ck_assert_int_eq(l.r, -ESHUTDOWN);
    ck_assert_ptr_null(l.f);
    release_workers(&h);
    ck_assert_int_eq(pthread_join(closer, NULL), 0);
    ck_assert_int_eq(take_end(queued).kind, PRONG_DONE);
    finish(NULL);
}
END_TEST

static int do_hold_and_submit(void *record)
{
    prong_future *f = NULL;
    (void)record;
    tally_add(&board->here, 1);
    tally_await(&board->go, 1);
    int r = prong_submit(NULL, do_mark, NULL, 0, NULL, &f);
    prong_future_free(f);
    return r;
}

START_TEST(a_task_of_a_pool_that_is_closing_is_refused_new_runs)
{
    if (engines[_i].kind != THREADS)
        skip("needs a task that runs beside the close and can submit");
    prong_pool *pool = begin(_i);
    pthread_t closer;
    prong_future *f = submit(pool, do_hold_and_submit, NULL, 0, NULL);
    tally_await(&board->here, 1);
    ck_assert_int_eq(pthread_create(&closer, NULL, close_in_thread, pool), 0);
    await_closing(pool);
    tally_add(&board->go, 1);
    ck_assert_int_eq(pthread_join(closer, NULL), 0);
    prong_error end = take_end(f);
    ck_assert_int_eq(end.kind, PRONG_FAILED);
    ck_assert_int_eq(end.code, -ESHUTDOWN);
    finish(NULL);
}
END_TEST

static int do_crash_twice(void *record)
{
    uint64_t *number = record;
    ++*number;
    tally_add(&board->here, 1);
    tally_await(&board->go, 1);
    if (atomic_fetch_add(&board->cell[0], 1) < 2)
        _exit(1);
    return 0;
}

START_TEST(retries_go_on_while_a_pool_is_closing)
{
    prong_pool *pool = begin(_i);
    pthread_t closer;
    uint64_t number = 1;
    prong_future *f = submit(pool, do_crash_twice, &number, sizeof number, &(prong_run_opts){ .retries = 2 });
    tally_await(&board->here, 1);
    ck_assert_int_eq(pthread_create(&closer, NULL, close_in_thread, pool), 0);
    await_closing(pool);
    tally_add(&board->go, 1);
    ck_assert_int_eq(pthread_join(closer, NULL), 0);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 2);
    prong_future_free(f);
    finish(NULL);
}
END_TEST

struct storm { prong_pool *pool; uint32_t accepted; bool wrong; };

static void *submit_until_refused(void *arg)
{
    struct storm *s = arg;
    int r;
    tally_add(&board->here, 1);
    while ((r = prong_submit(s->pool, do_mark, NULL, 0, &(prong_run_opts){ .deadline = prong_in_ms(50000) }, NULL)) == 0)
        s->accepted++;
    s->wrong = r != -ESHUTDOWN;
    tally_add(&board->spare[1], 1);
    tally_await(&board->go, 1);
    return NULL;
}

static int do_hold_close(void *record)
{
    (void)record;
    tally_await(&board->spare[1], 3);
    return 0;
}

/* The pool cannot go away under the submitters: one run lasts until all of them were refused. */
START_TEST(a_close_among_submits_loses_no_accepted_run)
{
    enum { N = 3 };
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: see the case of its own");
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .queue_limit = 100 });
    struct storm storms[N];
    pthread_t threads[N];
    uint32_t accepted = 0;
    ck_ok(prong_submit(pool, do_hold_close, NULL, 0, NULL, NULL));
    for (int k = 0; k < N; k++) {
        storms[k] = (struct storm){ .pool = pool };
        ck_assert_int_eq(pthread_create(&threads[k], NULL, submit_until_refused, &storms[k]), 0);
    }
    tally_await(&board->here, N);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    tally_add(&board->go, 1);
    for (int k = 0; k < N; k++) {
        ck_assert_int_eq(pthread_join(threads[k], NULL), 0);
        ck_assert(!storms[k].wrong);
        accepted += storms[k].accepted;
    }
    ck_assert_uint_eq(tally_read(&board->done), accepted);
    finish(NULL);
}
END_TEST

/* ---- serial, whose runs happen inside submit ---- */

static void *hold_serial(void *arg)
{
    struct late *l = arg;
    uint32_t turn = 1;
    l->r = prong_submit(l->pool, do_hold, &turn, sizeof turn, NULL, &l->f);
    return NULL;
}

START_TEST(a_close_of_serial_waits_for_the_submit_of_another_thread)
{
    prong_pool *pool = begin(_i);
    struct late l = { .pool = pool };
    pthread_t submitter, closer;
    ck_assert_int_eq(pthread_create(&submitter, NULL, hold_serial, &l), 0);
    tally_await(&board->here, 1);
    ck_assert_int_eq(pthread_create(&closer, NULL, close_in_thread, pool), 0);
    tally_add(&board->go, 1);
    ck_assert_int_eq(pthread_join(closer, NULL), 0);
    ck_assert_int_eq(pthread_join(submitter, NULL), 0);
    ck_assert_int_eq(l.r, 0);
    ck_assert_int_eq(take_end(l.f).kind, PRONG_DONE);
    finish(NULL);
}
END_TEST

START_TEST(a_close_of_serial_does_not_wait_longer_than_its_deadline)
{
    prong_pool *pool = begin(_i);
    struct late l = { .pool = pool };
    pthread_t submitter;
    ck_assert_int_eq(pthread_create(&submitter, NULL, hold_serial, &l), 0);
    tally_await(&board->here, 1);
    ck_assert_int_eq(prong_pool_close(pool, prong_in_ms(5)), -ETIMEDOUT);
    tally_add(&board->go, 1);
    ck_assert_int_eq(pthread_join(submitter, NULL), 0);
    ck_assert_int_eq(l.r, 0);
    ck_assert_int_eq(take_end(l.f).kind, PRONG_DONE);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_EVERY, a_close_lets_everything_end);
    add_case_on(ON_EVERY, a_pool_without_runs_closes_at_once);
    add_case_on(ON_EVERY, two_pools_live_side_by_side);
    add_case_on(ON_EVERY, futures_outlive_their_pool);
    add_case_on(ON_ONE_EACH, a_group_can_be_taken_from_after_its_pool_has_closed);
    add_case_on(ON_EVERY, a_close_whose_deadline_passes_cancels_the_rest);
    add_case_on(ON_EVERY, what_runs_is_asked_to_give_way_when_the_deadline_of_a_close_passes);
    add_case_on(ON_EVERY, a_pool_that_is_closing_refuses_runs_and_a_second_close);
    add_case_on(ON_EVERY, who_waits_for_room_in_a_pool_that_closes_is_told);
    add_case_on(ON_EVERY, a_task_of_a_pool_that_is_closing_is_refused_new_runs);
    add_case_on(ON_PROCESSES, retries_go_on_while_a_pool_is_closing);
    add_case_on(ON_EVERY, a_close_among_submits_loses_no_accepted_run);
    add_case_for("serial", a_close_of_serial_waits_for_the_submit_of_another_thread, 0, 0);
    add_case_for("serial", a_close_of_serial_does_not_wait_longer_than_its_deadline, 0, 0);
    return run_cases(argc, argv);
}
