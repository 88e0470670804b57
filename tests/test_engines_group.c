/* The contract, groups: runs that are taken in the order of their ends. */
#include "engines.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

static prong_group *open_group(prong_pool *pool)
{
    prong_group *g = NULL;
    ck_ok(prong_group_open(pool, &g));
    ck_assert_ptr_nonnull(g);
    return g;
}

static void submit_to(prong_group *g, prong_pool *pool, prong_fn *fn, const void *record, size_t size, uint64_t tag)
{
    ck_ok(prong_submit(pool, fn, record, size, &(prong_run_opts){ .group = g, .tag = tag }, NULL));
}

static prong_future *next_of(prong_group *g)
{
    prong_future *f = NULL;
    ck_ok(prong_group_next(g, PRONG_NEVER, &f));
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(prong_future_state(f), PRONG_ENDED);
    return f;
}

static void expect_empty(prong_group *g)
{
    prong_future *f = NULL;
    ck_refused(prong_group_next(g, PRONG_NEVER, &f), ENOENT);
    ck_refused(prong_group_next(g, PRONG_NOW, &f), ENOENT);
    ck_assert_ptr_null(f);
}

START_TEST(a_group_gives_each_of_its_runs_once)
{
    enum { N = 300 };
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    bool seen[N] = { false };
    expect_empty(g);
    for (uint64_t k = 0; k < N; k++)
        submit_to(g, pool, do_increment, &k, sizeof k, k);
    for (int k = 0; k < N; k++) {
        prong_future *f = next_of(g);
        uint64_t tag = prong_future_tag(f);
        ck_assert_uint_lt(tag, N);
        ck_assert(!seen[tag]);
        seen[tag] = true;
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), tag + 1);
        prong_future_free(f);
    }
    expect_empty(g);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

/* Waits for a tally of its own: the host says who ends when. */
static int do_await_turn(void *record)
{
    const uint32_t *mine = record;
    tally_await(&board->go, *mine);
    return 0;
}

START_TEST(a_group_gives_its_runs_in_the_order_of_their_ends)
{
    if (engines[_i].workers < 2)
        skip("needs two runs at once");
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    uint32_t n = engines[_i].workers < 10 ? engines[_i].workers : 10;
    prong_future *none = NULL;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t turn = n - k;                     /* the last one submitted ends first */
        submit_to(g, pool, do_await_turn, &turn, sizeof turn, turn);
    }
    for (uint32_t turn = 1; turn <= n; turn++) {
        ck_refused(prong_group_next(g, PRONG_NOW, &none), ETIMEDOUT);
        ck_refused(prong_group_next(g, prong_in_ms(2), &none), ETIMEDOUT);
        ck_assert_ptr_null(none);
        tally_add(&board->go, 1);
        prong_future *f = next_of(g);
        ck_assert_uint_eq(prong_future_tag(f), turn);
        prong_future_free(f);
    }
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(a_group_and_a_future_are_the_same_handle)
{
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    for (uint64_t k = 0; k < 20; k++) {
        prong_future *f = submit(pool, do_increment, &k, sizeof k, &(prong_run_opts){ .group = g });
        if (k % 2)
            ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
        prong_future *taken = next_of(g);
        ck_assert_ptr_eq(taken, f);
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), k + 1);
        prong_future_free(f);
    }
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

/* ---- the descriptor ---- */

static bool is_readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int r = poll(&p, 1, 0);
    ck_assert_int_ge(r, 0);
    ck_assert(r == 0 || p.revents == POLLIN);
    return r == 1;
}

START_TEST(the_descriptor_is_readable_exactly_while_something_waits_to_be_taken)
{
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    int fd = prong_group_fd(g);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(prong_group_fd(g), fd);
    for (int round = 0; round < 5; round++) {
        prong_future *f[3];
        ck_assert(!is_readable(fd));
        for (int k = 0; k < 3; k++) {
            f[k] = submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .group = g });
            (void)end_of(f[k]);
            ck_assert(is_readable(fd));
        }
        for (int k = 0; k < 3; k++) {
            ck_assert(is_readable(fd));
            prong_future_free(next_of(g));
        }
        ck_assert(!is_readable(fd));
    }
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(a_descriptor_that_is_asked_for_late_knows_what_waits)
{
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    (void)end_of(submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .group = g }));
    int fd = prong_group_fd(g);
    ck_assert(is_readable(fd));
    prong_future_free(next_of(g));
    ck_assert(!is_readable(fd));
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(a_poll_wakes_for_each_end)
{
    enum { N = 200 };
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    struct pollfd p = { .fd = prong_group_fd(g), .events = POLLIN };
    for (uint64_t k = 0; k < N; k++)
        submit_to(g, pool, do_increment, &k, sizeof k, k);
    for (int taken = 0; taken < N;) {
        prong_future *f;
        ck_assert_int_eq(poll(&p, 1, 50000), 1);
        ck_ok(prong_group_next(g, PRONG_NOW, &f));
        taken++;
        prong_future_free(f);
    }
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

/* ---- whose ---- */

START_TEST(a_group_of_another_pool_is_refused)
{
    prong_pool *pool = begin(_i), *other = NULL;
    prong_future *f = NULL;
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = engines[_i].name }, &other));
    prong_group *g = open_group(other);
    ck_refused(prong_submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .group = g }, &f), EINVAL);
    ck_assert_ptr_null(f);
    expect_empty(g);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    ck_ok(prong_pool_close(other, PRONG_NEVER));
    finish(pool);
}
END_TEST

/* ---- cancel ---- */

START_TEST(a_group_is_cancelled_as_a_whole)
{
    enum { N = 20 };
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing waits");
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    struct held h = hold_workers(pool, engines[_i].workers);
    ck_ok(prong_group_cancel(g, PRONG_KILL));                       /* of none */
    for (uint64_t k = 0; k < N; k++)
        submit_to(g, pool, do_mark, NULL, 0, k);
    prong_future *stranger = submit(pool, do_mark, NULL, 0, NULL);
    ck_ok(prong_group_cancel(g, PRONG_IF_WAITING));
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(take_end(next_of(g)).kind, PRONG_CANCELLED);
    expect_empty(g);
    ck_ok(prong_group_cancel(g, PRONG_ASK));                        /* all have ended */
    release_workers(&h);
    ck_assert_int_eq(take_end(stranger).kind, PRONG_DONE);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
    ck_assert_uint_eq(tally_read(&board->done), 1);
}
END_TEST

START_TEST(a_cancel_of_a_group_says_what_it_could_not_do)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: see the case of its own");
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    uint32_t n = engines[_i].workers;
    for (uint32_t k = 0; k < n; k++)
        submit_to(g, pool, do_until_told, NULL, 0, k);
    tally_await(&board->here, n);
    submit_to(g, pool, do_mark, NULL, 0, 1000);
    ck_refused(prong_group_cancel(g, PRONG_IF_WAITING), EBUSY);
    prong_future *f = next_of(g);
    ck_assert_uint_eq(prong_future_tag(f), 1000);
    ck_assert_int_eq(take_end(f).kind, PRONG_CANCELLED);
    if (!prong_promises(pool, PRONG_KILLS))
        ck_refused(prong_group_cancel(g, PRONG_KILL), ENOTSUP);
    ck_refused(prong_group_cancel(g, PRONG_ASK), EINPROGRESS);
    for (uint32_t k = 0; k < n; k++)
        ck_assert_int_eq(take_end(next_of(g)).kind, PRONG_CANCELLED);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

struct asker { prong_group *g; int r; };

static void *ask_in_thread(void *arg)
{
    struct asker *a = arg;
    tally_await(&board->here, 1);
    a->r = prong_group_cancel(a->g, PRONG_ASK);
    return NULL;
}

START_TEST(another_thread_may_ask_a_run_of_serial_through_its_group)
{
    prong_pool *pool = begin(_i);
    struct asker a = { .g = open_group(pool) };
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_in_thread, &a), 0);
    prong_future *f = submit(pool, do_until_told, NULL, 0, &(prong_run_opts){ .group = a.g });
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(a.r, -EINPROGRESS);
    ck_assert_ptr_eq(next_of(a.g), f);
    ck_assert_int_eq(take_end(f).kind, PRONG_CANCELLED);
    ck_assert_int_eq(prong_group_close(a.g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

/* ---- close ---- */

START_TEST(a_close_of_a_group_tells_the_bad_end_that_was_submitted_first)
{
    prong_pool *pool = begin(_i);
    prong_error end = { .kind = -1 };
    for (int taken = 0; taken < 3; taken++) {
        prong_group *g = open_group(pool);
        static const int codes[] = { 0, 11, 0, 22, 0 };
        for (uint64_t k = 0; k < 5; k++) {
            prong_future *f = submit(pool, do_return, &codes[k], sizeof *codes, &(prong_run_opts){ .group = g, .tag = k });
            (void)end_of(f);                                       /* so they are taken in the order of submission */
        }
        for (int k = 0; k < taken; k++)
            prong_future_free(next_of(g));
        ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, &end), PRONG_FAILED);
        ck_assert_int_eq(end.code, taken < 2 ? 11 : 22);           /* of those that were not taken */
        ck_assert_uint_eq(end.tag, taken < 2 ? 1 : 3);
    }
    prong_group *g = open_group(pool);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, &end), PRONG_DONE);
    ck_assert_int_eq(end.kind, PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(a_close_of_a_group_waits_for_all)
{
    enum { N = 100 };
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    for (uint64_t k = 0; k < N; k++)
        submit_to(g, pool, do_mark, NULL, 0, k);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    ck_assert_uint_eq(tally_read(&board->done), N);
    finish(pool);
}
END_TEST

START_TEST(a_close_of_a_group_whose_deadline_passes_cancels_the_rest)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing is left to cancel");
    prong_pool *pool = begin(_i);
    prong_group *g = open_group(pool);
    prong_error end, untouched;
    memset(&untouched, 0xaa, sizeof untouched);
    end = untouched;
    submit_to(g, pool, do_until_told, NULL, 0, 0);
    tally_await(&board->here, 1);
    struct held h = hold_workers(pool, engines[_i].workers - 1);
    for (uint64_t k = 0; k < 20; k++)
        submit_to(g, pool, do_mark, NULL, 0, k);
    ck_refused(prong_group_close(g, prong_in_ms(5), &end), ETIMEDOUT);
    ck_assert_mem_eq(&end, &untouched, sizeof end);
    release_workers(&h);
    finish(pool);                                                  /* what ran gave way, or was killed: it would never end otherwise */
    ck_assert_uint_eq(tally_read(&board->done), 0);
}
END_TEST

struct taker { prong_group *g; uint32_t taken; bool wrong; };

static void *take_in_thread(void *arg)
{
    struct taker *t = arg;
    prong_future *f;
    int r;
    while ((r = prong_group_next(t->g, PRONG_NEVER, &f)) == 0) {
        t->taken++;
        prong_future_free(f);
    }
    t->wrong = r != -ENOENT;
    return NULL;
}

START_TEST(several_threads_may_take_from_a_group)
{
    enum { N = ROUNDS(1000), TAKERS = 3 };
    prong_pool *pool = begin(_i);
    struct taker takers[TAKERS];
    pthread_t threads[TAKERS];
    uint32_t taken = 0;
    prong_group *g = open_group(pool);
    for (uint64_t k = 0; k < N; k++)
        submit_to(g, pool, do_increment, &k, sizeof k, k);
    for (int k = 0; k < TAKERS; k++) {
        takers[k] = (struct taker){ .g = g };
        ck_assert_int_eq(pthread_create(&threads[k], NULL, take_in_thread, &takers[k]), 0);
    }
    for (int k = 0; k < TAKERS; k++) {
        ck_assert_int_eq(pthread_join(threads[k], NULL), 0);
        ck_assert(!takers[k].wrong);
        taken += takers[k].taken;
    }
    ck_assert_uint_eq(taken, N);
    ck_assert_int_eq(prong_group_close(g, PRONG_NEVER, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_CROWDS, a_group_gives_each_of_its_runs_once);
    add_case_on(ON_EVERY, a_group_gives_its_runs_in_the_order_of_their_ends);
    add_case_on(ON_EVERY, a_group_and_a_future_are_the_same_handle);
    add_case_on(ON_EVERY, the_descriptor_is_readable_exactly_while_something_waits_to_be_taken);
    add_case_on(ON_ONE_EACH, a_descriptor_that_is_asked_for_late_knows_what_waits);
    add_case_on(ON_EVERY, a_poll_wakes_for_each_end);
    add_case_on(ON_ONE_EACH, a_group_of_another_pool_is_refused);
    add_case_on(ON_EVERY, a_group_is_cancelled_as_a_whole);
    add_case_on(ON_EVERY, a_cancel_of_a_group_says_what_it_could_not_do);
    add_case_for("serial", another_thread_may_ask_a_run_of_serial_through_its_group, 0, 0);
    add_case_on(ON_EVERY, a_close_of_a_group_tells_the_bad_end_that_was_submitted_first);
    add_case_on(ON_EVERY, a_close_of_a_group_waits_for_all);
    add_case_on(ON_EVERY, a_close_of_a_group_whose_deadline_passes_cancels_the_rest);
    add_case_on(ON_EVERY, several_threads_may_take_from_a_group);
    return run_cases(argc, argv);
}
