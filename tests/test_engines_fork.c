/* The contract, a fork of the program: in the child all handles are dead, and the program goes on undisturbed. */
#include "engines.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct handles { prong_pool *pool; prong_future *running, *ended; prong_group *group; void *mem; };

static int no_range(uint64_t lo, uint64_t hi, void *record)
{
    (void)record;
    return lo < hi ? 1 : 2;
}

static void no_end(prong_future *f, void *arg)
{
    (void)f;
    (void)arg;
}

static void no_fold(void *into, const void *piece)
{
    (void)into;
    (void)piece;
}

static void expect_dead_pool(const struct handles *h)
{
    prong_future *f = NULL;
    prong_group *g = NULL;
    uint64_t number = 0, sum = 0;
    ck_refused(prong_submit(h->pool, do_mark, NULL, 0, NULL, &f), EOWNERDEAD);
    ck_refused(prong_pool_resize(h->pool, 2), EOWNERDEAD);
    ck_refused(prong_group_open(h->pool, &g), EOWNERDEAD);
    ck_refused(prong_map(h->pool, do_increment, &number, 1, sizeof number, NULL, NULL), EOWNERDEAD);
    ck_refused(prong_invoke(h->pool, NULL, 0, NULL), EOWNERDEAD);
    ck_refused(prong_for(h->pool, 0, 1, no_range, NULL, 0, NULL), EOWNERDEAD);
    ck_refused(prong_reduce(h->pool, 0, 1, 1, no_range, no_fold, &sum, 8, &sum, NULL), EOWNERDEAD);
    errno = 0;
    ck_assert_ptr_null(prong_alloc(h->pool, 64, PRONG_WRITE));
    ck_assert_int_eq(errno, EOWNERDEAD);
    prong_free(h->pool, h->mem);
    ck_assert_uint_eq(prong_pool_workers(h->pool), 0);
    ck_assert_uint_eq(prong_pool_slots(h->pool), 0);
    ck_refused(prong_pool_close(h->pool, PRONG_NEVER), EOWNERDEAD);
}

static void expect_dead_futures(const struct handles *h)
{
    prong_future *both[2] = { h->ended, h->running }, *f = NULL;
    prong_bill bill;
    size_t which;
    ck_refused(prong_wait(h->running, PRONG_NEVER, NULL), EOWNERDEAD);
    ck_refused(prong_wait(h->ended, PRONG_NEVER, NULL), EOWNERDEAD);
    ck_refused(prong_wait_all(both, 2, PRONG_NEVER, NULL), EOWNERDEAD);
    ck_refused(prong_wait_any(both, 2, PRONG_NEVER, &which), EOWNERDEAD);
    ck_refused(prong_future_cancel(h->running, PRONG_KILL), EOWNERDEAD);
    ck_refused(prong_future_on_end(h->running, no_end, NULL), EOWNERDEAD);
    ck_refused(prong_future_bill(h->ended, &bill), EOWNERDEAD);
    ck_assert_ptr_null(prong_future_record(h->ended));
    ck_assert_ptr_null(prong_future_output(h->ended, NULL));
    prong_future_free(h->running);
    prong_future_free(h->ended);
    ck_refused(prong_group_next(h->group, PRONG_NEVER, &f), EOWNERDEAD);
    ck_refused(prong_group_cancel(h->group, PRONG_KILL), EOWNERDEAD);
    ck_refused(prong_group_fd(h->group), EOWNERDEAD);
    ck_refused(prong_group_close(h->group, PRONG_NEVER, NULL), EOWNERDEAD);
}

/* A child can have pools of its own. Of processes it may be told that it cannot. */
static void expect_new_pool(void)
{
    static const char *const names[] = { "serial", "threads:2", "processes:2" };
    /* The thread sanitizer takes a new thread for one that was there before the fork, and gives up. */
    for (int k = 0; k < (SANITIZED_THREAD ? 1 : 3); k++) {
        prong_pool *pool = NULL;
        int r = prong_pool_open(&(prong_pool_opts){ .engine = names[k] }, &pool);
        if (k == 2 && r < 0)
            continue;
        ck_assert_msg(r == 0, "%s: %s", names[k], prong_last_error());
        uint64_t number = 1;
        prong_future *f = submit(pool, do_increment, &number, sizeof number, NULL);
        ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 2);
        prong_future_free(f);
        ck_ok(prong_pool_close(pool, PRONG_NEVER));
    }
}

static void fork_and_look(const struct handles *h, bool by_exit)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        expect_dead_pool(h);
        expect_dead_futures(h);
        expect_new_pool();
        if (by_exit && !SANITIZED)         /* a leak check knows nothing of the threads that the child has not */
            exit(EXIT_SUCCESS);
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with status 0x%x", (unsigned)status);
}

START_TEST(in_a_fork_of_the_program_handles_are_dead_and_the_program_goes_on)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: see the case of its own");
    prong_pool *pool = begin(_i);
    struct handles h = { .pool = pool, .mem = prong_alloc(pool, 64, PRONG_WRITE) };
    struct held held = hold_workers(pool, engines[_i].workers);
    prong_future *cancelled = submit(pool, do_mark, NULL, 0, NULL), *waiting = submit(pool, do_mark, NULL, 0, NULL);
    ck_ok(prong_future_cancel(cancelled, PRONG_IF_WAITING));
    ck_ok(prong_group_open(pool, &h.group));
    ck_ok(prong_submit(pool, do_mark, NULL, 0, &(prong_run_opts){ .group = h.group }, NULL));
    h.running = held.f[0];
    h.ended = cancelled;
    fork_and_look(&h, false);
    fork_and_look(&h, true);
    release_workers(&held);
    ck_assert_int_eq(take_end(waiting).kind, PRONG_DONE);
    prong_future_free(cancelled);
    ck_assert_int_eq(prong_group_close(h.group, PRONG_NEVER, NULL), PRONG_DONE);
    for (uint32_t k = 0; k < 2 * engines[_i].workers; k++)
        ck_assert_int_eq(take_end(submit(pool, do_mark, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_assert_uint_eq(tally_read(&board->done), 2 + 2 * engines[_i].workers);
    prong_free(pool, h.mem);
    finish(pool);
}
END_TEST

START_TEST(in_a_fork_handles_of_serial_are_dead_too)
{
    prong_pool *pool = begin(_i);
    struct handles h = { .pool = pool, .mem = prong_alloc(pool, 64, PRONG_WRITE), .ended = submit(pool, do_mark, NULL, 0, NULL) };
    h.running = h.ended;
    ck_ok(prong_group_open(pool, &h.group));
    fork_and_look(&h, true);
    prong_future_free(h.ended);
    ck_assert_int_eq(prong_group_close(h.group, PRONG_NEVER, NULL), PRONG_DONE);
    prong_free(pool, h.mem);
    finish(pool);
}
END_TEST

/* The child of a fork while other threads are inside the library: its handles are dead, and none of its calls hangs on their locks. */
static void *submit_until_told(void *arg)
{
    prong_pool *pool = arg;
    while (tally_read(&board->go) == 0)
        if (prong_submit(pool, do_mark, NULL, 0, NULL, NULL) != 0)
            return pool;
    return NULL;
}

START_TEST(a_fork_while_threads_submit_leaves_a_child_that_can_work)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .queue_limit = 50 });
    pthread_t threads[2];
    void *bad;
    for (int k = 0; k < 2; k++)
        ck_assert_int_eq(pthread_create(&threads[k], NULL, submit_until_told, pool), 0);
    for (int k = 0; k < ROUNDS(30); k++) {
        int status;
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            prong_future *f = NULL;
            if (prong_submit(pool, do_mark, NULL, 0, NULL, &f) != -EOWNERDEAD || prong_pool_close(pool, PRONG_NEVER) != -EOWNERDEAD)
                _exit(1);
            if (!SANITIZED)            /* whose own memory may be locked for ever in the child */
                expect_new_pool();
            _exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with status 0x%x", (unsigned)status);
    }
    tally_add(&board->go, 1);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(pthread_join(threads[k], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_EVERY, in_a_fork_of_the_program_handles_are_dead_and_the_program_goes_on);
    add_case_for("serial", in_a_fork_handles_of_serial_are_dead_too, 0, 0);
    add_case_on(ON_ONE_EACH, a_fork_while_threads_submit_leaves_a_child_that_can_work);
    return run_cases(argc, argv);
}
