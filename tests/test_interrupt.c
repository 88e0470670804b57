/* test_interrupt.c - what a signal tells a program of cmd/, and its workers on every engine. */
#include "harness.h"

#include "interrupt.h"
#include "say.h"

#include <prong.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const engines[] = { "threads", "processes" };

/* Ends when it is told, or never. */
static int spin_until_interrupted(void *record)
{
    while (!interrupt_came())
        *(volatile int *)record += 1;
    *(int *)record = -1;
    return 0;
}

START_TEST(a_task_sees_the_interrupt_and_the_wait_for_it_ends)
{
    interrupt_catch();
    ck_assert_int_eq(prong_init(), 0);
    prong_pool *pool;
    prong_future *runs[3];
    ck_assert_int_eq(prong_pool_open(&(prong_pool_opts){ .engine = engines[_i], .workers = 2 }, &pool), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(prong_submit(pool, spin_until_interrupted, &(int){ 0 }, sizeof(int), NULL, &runs[i]), 0);
    while (prong_future_state(runs[1]) != PRONG_RUNNING)
        (void)sched_yield();
    ck_assert(!interrupt_came());
    ck_assert_int_eq(interrupt_status(), 0);
    ck_assert_int_eq(raise(SIGINT), 0);
    ck_assert_int_eq(prong_wait_all(runs, 3, PRONG_NEVER, NULL), PRONG_DONE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(*(int *)prong_future_record(runs[i]), -1);
        prong_future_free(runs[i]);
    }
    ck_assert_int_eq(prong_pool_close(pool, PRONG_NEVER), 0);
    ck_assert(interrupt_came());
}
END_TEST

START_TEST(the_status_tells_the_signal)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP }, statuses[] = { 130, 143, 129 };
    interrupt_catch();
    ck_assert_int_eq(raise(signals[_i]), 0);
    ck_assert_int_eq(interrupt_status(), statuses[_i]);
    ck_assert_int_eq(raise(SIGTERM), 0);        /* so soon it is the same interrupt */
    ck_assert_int_eq(interrupt_status(), statuses[_i]);
}
END_TEST

START_TEST(after_it_errors_are_its_consequences_and_are_not_said)
{
    int ends[2];
    char said[256] = "";
    interrupt_catch();
    ck_assert_int_eq(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    int status_before = say_error(SAY_WRONG, "this is said");
    int raised = raise(SIGHUP);
    int status = say_error(SAY_WRONG, "this is not said");
    say_hint("nor this");
    int last = say_interrupted();
    ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_ge(read(ends[0], said, sizeof said - 1), 1);
    ck_assert_str_eq(said, "prong: this is said\nprong: interrupted: nothing was measured to the end\n");
    ck_assert(raised == 0 && status_before == SAY_WRONG && status == SAY_INTERRUPTED && last == 129);
}
END_TEST

START_TEST(what_was_ignored_stays_ignored)
{
    ck_assert_ptr_ne(signal(SIGHUP, SIG_IGN), SIG_ERR);
    interrupt_catch();
    ck_assert_int_eq(raise(SIGHUP), 0);
    ck_assert(!interrupt_came());
}
END_TEST

/* A handler for it, and not that it is ignored: which exec would hand down. */
START_TEST(writing_where_nobody_reads_is_an_error_here_and_the_end_of_what_is_started)
{
    int ends[2];
    interrupt_catch();
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), -1);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", "kill -PIPE $$; exit 7", (char *)NULL);
        _exit(1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}
END_TEST

int main(int argc, char **argv)
{
    for (int i = 0; i < 2; i++)
        add_case_for(engines[i], a_task_sees_the_interrupt_and_the_wait_for_it_ends, i, 0);
    for (int i = 0; i < 3; i++)
        add_case_for("signal", the_status_tells_the_signal, i, 0);
    add_case(after_it_errors_are_its_consequences_and_are_not_said);
    add_case(what_was_ignored_stays_ignored);
    add_case(writing_where_nobody_reads_is_an_error_here_and_the_end_of_what_is_started);
    return run_cases(argc, argv);
}
