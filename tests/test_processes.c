/* What "processes" promises to the program around it, and to the system: nothing is seen of it, and nothing is left. */
#include "engines.h"
#include "proc.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TWO = 6, SEVEN = 7, ALIVE_MS = 20000 };        /* indexes into `engines`; longer than any end may take */

static int do_tell_pid(void *record)
{
    int *pid = record;
    *pid = getpid();
    return 0;
}

static int do_kill_itself(void *record)
{
    (void)record;
    return raise(SIGKILL);
}

static int pid_of_a_worker(prong_pool *pool)
{
    int pid = 0;
    prong_future *f = submit(pool, do_tell_pid, &pid, sizeof pid, NULL);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    pid = *(int *)prong_future_record(f);
    prong_future_free(f);
    return pid;
}

/* ---- the program's own children ---- */

static _Atomic int sigchld_calls;

static void count_sigchld(int signo)
{
    (void)signo;
    sigchld_calls++;
}

static void skip_where_the_zygote_is_a_child(void)
{
    if (SANITIZED_THREAD)
        skip("under the thread sanitizer the zygote is a plain child, as the sanitizer must know of it");
}

START_TEST(the_program_sees_no_child_and_no_SIGCHLD)
{
    skip_where_the_zygote_is_a_child();
    (void)signal(SIGCHLD, count_sigchld);
    prong_pool *pool = begin(TWO);
    for (int k = 0; k < 10; k++) {
        ck_assert_int_eq(take_end(submit(pool, do_kill_itself, NULL, 0, NULL)).kind, PRONG_CRASHED);
        ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
        ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
        ck_assert_int_eq(errno, ECHILD);
        ck_assert_uint_eq(zombies_of(getpid()), 0);
    }
    finish(pool);
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
    ck_assert_int_eq(errno, ECHILD);
    ck_assert_int_eq(sigchld_calls, 0);
}
END_TEST

START_TEST(a_program_that_ignores_SIGCHLD_learns_all_ends)
{
    (void)signal(SIGCHLD, SIG_IGN);
    prong_pool *pool = begin(TWO);
    for (int k = 0; k < 5; k++) {
        prong_error end = take_end(submit(pool, do_kill_itself, NULL, 0, NULL));
        ck_assert_int_eq(end.kind, PRONG_CRASHED);
        ck_assert_int_eq(end.code, SIGKILL);
    }
    finish(pool);
}
END_TEST

START_TEST(a_program_may_wait_for_its_own_children)
{
    prong_pool *pool = begin(TWO);
    for (int k = 0; k < 10; k++) {
        int status;
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            _exit(k);
        (void)take_end(submit(pool, do_kill_itself, NULL, 0, NULL));
        ck_assert_int_eq(waitpid(SANITIZED_THREAD ? child : -1, &status, 0), child);
        ck_assert_int_eq(WEXITSTATUS(status), k);
    }
    finish(pool);
}
END_TEST

/* ---- nothing is left ---- */

START_TEST(a_closed_pool_leaves_no_process_and_no_descriptor)
{
    prepare(SEVEN);
    unsigned fds = open_fds();
    for (int k = 0; k < ROUNDS(100); k++) {
        prong_pool *pool = begin(SEVEN);
        if (k % 3 == 1)
            ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
        if (k % 3 == 2)
            ck_assert_int_eq(take_end(submit(pool, do_kill_itself, NULL, 0, NULL)).kind, PRONG_CRASHED);
        finish(pool);
        ck_assert_uint_eq(open_fds(), fds);
        ck_assert_uint_le(descendants_of(getpid(), NULL, 0), 2);        /* the zygote and its stand-by */
        ck_assert_uint_eq(workers_of(zygote(), NULL, 0), 0);
    }
}
END_TEST

/* With few descriptors left there are fewer workers, or none: then it is refused. */
START_TEST(a_pool_for_which_descriptors_are_short_works_or_is_refused)
{
    struct rlimit limit, tight;
    int refused = 0;
    prepare(SEVEN);
    unsigned fds = open_fds();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (unsigned more = 0; more < 40; more += 2) {
        prong_pool *pool = NULL;
        tight = (struct rlimit){ fds + 1 + more, limit.rlim_max };
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
        int r = prong_pool_open(&(prong_pool_opts){ .engine = "processes:7" }, &pool);
        if (r < 0)
            ck_assert_str_ne(prong_last_error(), "");
        else
            ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
        refused += r < 0;
        ck_ok(prong_pool_close(pool, PRONG_NEVER));
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        ck_assert_uint_eq(open_fds(), fds);
        ck_assert_uint_eq(workers_of(zygote(), NULL, 0), 0);
    }
    ck_assert_int_gt(refused, 0);
    finish(begin(SEVEN));
}
END_TEST

/* ---- the end of the program ---- */

static int do_be_busy(void *record)
{
    tally_add(&board->here, 1);
    for (volatile uint64_t k = 0; tally_read(&board->spare[7]) == 0; k++)
        ;
    return do_nothing(record);
}

static uint32_t programs;                              /* started in this case */

/* A program with one pool that works, one that is idle, and whatever is said it does when it is ready. */
static pid_t start_program(void (*then)(void))
{
    make_board();
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);         /* what it leaves behind becomes ours */
    programs++;
    pid_t program = fork();
    ck_assert_int_ge(program, 0);
    if (program == 0) {
        prong_pool *busy = begin(SEVEN), *idle = begin(TWO);
        for (int k = 0; k < 3; k++)
            ck_ok(prong_submit(busy, do_be_busy, NULL, 0, NULL, NULL));
        for (int k = 0; k < 4; k++)
            ck_ok(prong_submit(busy, do_stay, NULL, 0, NULL, NULL));
        ck_assert_int_eq(take_end(submit(idle, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
        tally_await(&board->here, 7 * programs);
        then();
        tally_add(&board->done, 1);
        for (;;)
            (void)pause();
    }
    return program;
}

static void go_on(void) { }

static void expect_nothing_left(const pid_t *pids, size_t n)
{
    for (size_t k = 0; k < n; k++)
        ck_assert_msg(await_death(pids[k], ALIVE_MS), "process %d, %zu of %zu, is still there", (int)pids[k], k, n);
    ck_assert_uint_eq(reap_all(ALIVE_MS), 0);
}

START_TEST(nobody_outlives_a_program_that_is_killed)
{
    for (int round = 0; round < ROUNDS(30); round++) {
        pid_t program = start_program(go_on), pids[64];
        tally_await(&board->done, (uint32_t)round + 1);
        size_t n = descendants_of(program, pids, 64);
        ck_assert_uint_ge(n, 1 + 7 + 1);                     /* the second idle worker may be on its way */
        ck_assert_int_eq(kill(program, SIGKILL), 0);
        expect_nothing_left(pids, n);
    }
}
END_TEST

/* It holds every descriptor of the program, so no end of a channel tells that the program has gone. */
static void fork_a_sibling(void)
{
    pid_t sibling = fork();
    if (sibling == 0)
        for (;;)
            (void)pause();
    atomic_store(&board->cell[0], (uint32_t)sibling);
}

START_TEST(nobody_outlives_a_program_whose_other_child_lives_on)
{
    pid_t program = start_program(fork_a_sibling), pids[64];
    tally_await(&board->done, 1);
    pid_t sibling = (pid_t)atomic_load(&board->cell[0]);
    size_t n = descendants_of(program, pids, 64);
    ck_assert_int_eq(kill(program, SIGKILL), 0);
    for (size_t k = 0; k < n; k++)
        if (pids[k] != sibling)
            ck_assert_msg(await_death(pids[k], ALIVE_MS), "process %d is still there", (int)pids[k]);
    ck_assert(is_alive(sibling));
    ck_assert_int_eq(kill(sibling, SIGKILL), 0);
    ck_assert_uint_eq(reap_all(ALIVE_MS), 0);
}
END_TEST

static void leave_by_exit(void) { exit(EXIT_SUCCESS); }
static void leave_by__exit(void) { _exit(EXIT_SUCCESS); }
static void leave_by_abort(void) { leave_no_core(); abort(); }

START_TEST(nobody_outlives_a_program_that_ends_without_closing)
{
    static void (*const ways[])(void) = { leave_by_exit, leave_by__exit, leave_by_abort };
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        (void)start_program(ways[k]);
        ck_assert_uint_eq(reap_all(ALIVE_MS), 0);
    }
}
END_TEST

static void become_another_program(void)
{
    (void)execl("/bin/sh", "sh", "-c", "kill -STOP $$", (char *)NULL);
    _exit(1);
}

START_TEST(nobody_outlives_a_program_that_becomes_another)
{
    int status;
    pid_t program = start_program(become_another_program);
    ck_assert_int_eq(waitpid(program, &status, WUNTRACED), program);
    ck_assert(WIFSTOPPED(status));                         /* it is the other one now, and holds still */
    pid_t pids[64];
    size_t n = descendants_of(program, pids, 64);
    for (size_t k = 0; k < n && k < 64; k++)
        ck_assert_msg(await_death(pids[k], ALIVE_MS), "process %d is still there", (int)pids[k]);
    ck_assert_int_eq(kill(program, SIGKILL), 0);
    ck_assert_uint_eq(reap_all(ALIVE_MS), 0);
}
END_TEST

/* Opens and closes pools for ever, so that it is killed in the middle of something. */
static void open_and_close(uint32_t round)
{
    for (;;) {
        prong_pool *pool = begin(SEVEN);
        for (int k = 0; k < 10; k++)
            ck_ok(prong_submit(pool, k % 5 == 4 ? do_kill_itself : do_nothing, NULL, 0, NULL, NULL));
        tally_add(&board->spare[2], 1);
        (void)prong_pool_close(pool, round % 2 ? PRONG_NOW : PRONG_NEVER);
    }
}

START_TEST(nobody_outlives_a_program_that_is_killed_at_any_moment)
{
    make_board();
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    for (uint32_t round = 0; round < ROUNDS(150); round++) {
        uint32_t before = tally_read(&board->spare[2]);
        pid_t program = fork();
        ck_assert_int_ge(program, 0);
        if (program == 0)
            open_and_close(round);
        tally_await(&board->spare[2], before + 1 + round % 5);
        ck_assert_int_eq(kill(program, SIGKILL), 0);
        ck_assert_uint_eq(reap_all(ALIVE_MS), 0);
    }
}
END_TEST

START_TEST(no_worker_outlives_its_zygote)
{
    prong_pool *pool = begin(SEVEN);
    pid_t pids[64];
    for (int k = 0; k < 7; k++)
        ck_ok(prong_submit(pool, k < 3 ? do_be_busy : do_stay, NULL, 0, NULL, NULL));
    tally_await(&board->here, 7);
    size_t n = workers_of(zygote(), pids, 64);
    ck_assert_uint_ge(n, 7);                           /* and a spare */
    ck_assert_int_eq(kill(zygote(), SIGKILL), 0);
    for (size_t k = 0; k < n; k++)
        ck_assert(await_death(pids[k], ALIVE_MS));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

/* ---- what tasks start ---- */

static int do_fork(void *record)
{
    const int *stay = record;
    pid_t child = fork();
    if (child < 0)
        return 1;
    if (child == 0) {
        tally_add(&board->here, 1);
        for (;;)
            (void)pause();
    }
    atomic_store(&board->cell[0], (uint32_t)child);
    return *stay ? do_stay(record) : 0;
}

START_TEST(what_a_task_forked_dies_when_its_run_is_killed)
{
    prong_pool *pool = begin(TWO);
    int stay = 1;
    prong_future *f = submit(pool, do_fork, &stay, sizeof stay, NULL);
    tally_await(&board->here, 2);
    pid_t child = (pid_t)atomic_load(&board->cell[0]);
    ck_assert(is_alive(child));
    ck_refused(prong_future_cancel(f, PRONG_KILL), EINPROGRESS);
    ck_assert_int_eq(take_end(f).kind, PRONG_CANCELLED);
    ck_assert(await_death(child, ALIVE_MS));
    finish(pool);
}
END_TEST

START_TEST(what_a_task_forked_dies_with_the_pool)
{
    prong_pool *pool = begin(TWO);
    int stay = 0;
    ck_assert_int_eq(take_end(submit(pool, do_fork, &stay, sizeof stay, NULL)).kind, PRONG_DONE);
    tally_await(&board->here, 1);
    pid_t child = (pid_t)atomic_load(&board->cell[0]);
    ck_assert(is_alive(child));
    finish(pool);
    ck_assert(await_death(child, ALIVE_MS));
}
END_TEST

/* ---- prong_init ---- */

static void *wait_for_go(void *arg)
{
    (void)arg;
    tally_await(&board->go, 1);
    return NULL;
}

START_TEST(prong_init_comes_before_any_thread)
{
    pthread_t thread;
    prong_pool *pool = NULL;
    make_board();
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_go, NULL), 0);
    ck_refused(prong_init(), EBUSY);
    ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = "processes:2" }, &pool), ENOTSUP);
    ck_assert_ptr_null(pool);
    tally_add(&board->go, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    if (SANITIZED_THREAD)                  /* keeps a second thread of its own in a forked process, once there was any */
        return;
    ck_ok(prong_init());
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = "processes:2" }, &pool));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

START_TEST(a_second_prong_init_does_nothing)
{
    pthread_t thread;
    prepare(TWO);
    unsigned fds = open_fds();
    pid_t first = zygote();
    ck_ok(prong_init());
    ck_assert_int_eq(zygote(), first);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_go, NULL), 0);
    ck_ok(prong_init());
    tally_add(&board->go, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(open_fds(), fds);
}
END_TEST

START_TEST(a_program_with_one_thread_may_do_without_prong_init)
{
    prong_pool *pool = NULL;
    make_board();
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = "processes:2" }, &pool));
    ck_assert_int_ne(pid_of_a_worker(pool), getpid());
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

static int remembered = 1;

static int do_tell_remembered(void *record)
{
    int *number = record;
    *number = remembered++;
    return 0;
}

START_TEST(workers_see_the_program_as_it_was_at_prong_init)
{
    remembered = 20;
    prepare(TWO);
    remembered = 30;
    prong_pool *pool = begin_with(TWO, (prong_pool_opts){ .runs_per_worker = 1 });
    remembered = 40;
    for (int k = 0; k < 5; k++) {
        int number = 0;
        prong_future *f = submit(pool, do_tell_remembered, &number, sizeof number, NULL);
        ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
        ck_assert_int_eq(*(int *)prong_future_record(f), 20);
        prong_future_free(f);
    }
    ck_assert_int_eq(remembered, 40);
    finish(pool);
}
END_TEST

/* ---- what is printed ---- */

static int do_print(void *record)
{
    const int *k = record;
    printf("from task %d\n", *k);
    if (*k % 3 == 0)
        exit(0);
    return 0;
}

static void print_and_work(const char *path)
{
    if (!freopen(path, "w", stdout))
        _exit(1);
    printf("before init\n");
    prepare(TWO);
    printf("before open\n");
    prong_pool *pool = begin(TWO);
    printf("after open\n");
    for (int k = 0; k < 12; k++)
        (void)take_end(submit(pool, do_print, &k, sizeof k, NULL));
    finish(pool);
    printf("after close\n");
    exit(0);
}

static int count_lines(const char *path, const char *expected)
{
    char line[256];
    int n = 0;
    FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        n += !expected || strcmp(line, expected) == 0;
    }
    (void)fclose(f);
    return n;
}

START_TEST(what_is_printed_appears_once)
{
    static const char *const lines[] = { "before init", "before open", "after open", "after close" };
    char path[] = "/tmp/prong-test-XXXXXX";
    int status, fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    pid_t program = fork();
    ck_assert_int_ge(program, 0);
    if (program == 0)
        print_and_work(path);
    ck_assert_int_eq(waitpid(program, &status, 0), program);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the program ended with status 0x%x", (unsigned)status);
    for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
        ck_assert_int_eq(count_lines(path, lines[k]), 1);
    for (int k = 0; k < 12; k++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "from task %d", k);
        ck_assert_int_eq(count_lines(path, expected), 1);
    }
    ck_assert_int_eq(count_lines(path, NULL), 4 + 12);
    (void)unlink(path);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(the_program_sees_no_child_and_no_SIGCHLD);
    add_case(a_program_that_ignores_SIGCHLD_learns_all_ends);
    add_case(a_program_may_wait_for_its_own_children);
    add_case(a_closed_pool_leaves_no_process_and_no_descriptor);
    add_case(a_pool_for_which_descriptors_are_short_works_or_is_refused);
    add_case(nobody_outlives_a_program_that_is_killed);
    add_case(nobody_outlives_a_program_whose_other_child_lives_on);
    add_case(nobody_outlives_a_program_that_ends_without_closing);
    add_case(nobody_outlives_a_program_that_becomes_another);
    add_case(nobody_outlives_a_program_that_is_killed_at_any_moment);
    add_case(no_worker_outlives_its_zygote);
    add_case(what_a_task_forked_dies_when_its_run_is_killed);
    add_case(what_a_task_forked_dies_with_the_pool);
    add_case(prong_init_comes_before_any_thread);
    add_case(a_second_prong_init_does_nothing);
    add_case(a_program_with_one_thread_may_do_without_prong_init);
    add_case(workers_see_the_program_as_it_was_at_prong_init);
    add_case(what_is_printed_appears_once);
    return run_cases(argc, argv);
}
