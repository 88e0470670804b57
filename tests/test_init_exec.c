/* prong_init_exec and prong_zygote_main: processes for a program that has threads already. Each case is such a program: four threads
 * allocate all the time. Its tasks are in modules, away.c and late.c; the helper is zygote_helper.c. */
#include "away.h"
#include "engines.h"
#include "proc.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOAD = 4, ALIVE_MS = 20000, BEFORE_ITS_LIMIT_MS = 8000 };       /* a helper has ten seconds to speak */

/* ---- the host ---- */

static pthread_t load[LOAD];
static _Atomic bool load_over;
static _Atomic uint32_t load_turns;

static void *allocate(void *arg)
{
    (void)arg;
    for (size_t size = 1; !load_over; size = size * 7 % 10007) {
        char *mem = malloc(size);
        if (mem)
            mem[size - 1] = 1;
        free(mem);
        load_turns++;
    }
    return NULL;
}

static void begin_load(void)
{
    for (int i = 0; i < LOAD; i++)
        ck_assert_int_eq(pthread_create(&load[i], NULL, allocate, NULL), 0);
    while (load_turns < LOAD * 100)
        (void)sched_yield();
}

static void end_load(void)
{
    load_over = true;
    for (int i = 0; i < LOAD; i++)
        ck_assert_int_eq(pthread_join(load[i], NULL), 0);
}

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        skip("%s is not set: meson test does", name);
    return value;
}

static int init_by(const char *path, const char *what, const char *more)
{
    char *words[4] = { (char *)(uintptr_t)path, (char *)(uintptr_t)what, (char *)(uintptr_t)more, NULL };
    return prong_init_exec(words);
}

static int init_as(const char *what) { return init_by(from_environment("PRONG_TEST_HELPER"), what, NULL); }

static prong_fn *task(const char *name)
{
    static void *module;
    prong_fn *fn;
    if (!module)
        module = dlopen(from_environment("PRONG_TEST_AWAY"), RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(module != NULL, "%s", dlerror());
    void *symbol = dlsym(module, name);
    ck_assert_ptr_nonnull(symbol);
    memcpy(&fn, &symbol, sizeof fn);
    return fn;
}

static prong_pool *open_pool(void)
{
    prong_pool *pool = NULL;
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = "processes:2" }, &pool));
    return pool;
}

static struct away_who who(prong_pool *pool)
{
    struct away_who w = { 0, 0 };
    ck_assert_int_eq(prong_map(pool, task("away_who"), &w, 1, sizeof w, NULL, NULL), PRONG_DONE);
    return w;
}

static prong_pool *begin_host(void)
{
    begin_load();
    ck_ok(init_as(NULL));
    return open_pool();
}

static void end_host(prong_pool *pool)
{
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    end_load();
}

/* ---- it works ---- */

START_TEST(a_program_with_threads_has_workers)
{
    prong_pool *pool = begin_host();
    struct away_who w = who(pool);
    ck_assert_int_ne(w.pid, getpid());
    ck_assert_int_ne(w.parent, getpid());
    end_host(pool);
}
END_TEST

START_TEST(workers_have_the_heap_at_the_same_addresses)
{
    enum { N = 1000 };
    prong_pool *pool = begin_host();
    struct away_sum s[20];
    uint32_t *numbers = prong_alloc(pool, N * sizeof *numbers, PRONG_READ);
    ck_assert_ptr_nonnull(numbers);
    for (uint32_t i = 0; i < N; i++)
        numbers[i] = i;
    for (uint32_t i = 0; i < 20; i++)
        s[i] = (struct away_sum){ .numbers = numbers + i, .n = N - i };
    ck_assert_int_eq(prong_map(pool, task("away_sum"), s, 20, sizeof *s, NULL, NULL), PRONG_DONE);
    for (uint32_t i = 0; i < 20; i++)
        ck_assert_uint_eq(s[i].sum, N * (N - 1) / 2 - i * (i - 1) / 2);
    prong_free(pool, numbers);
    end_host(pool);
}
END_TEST

/* The module's prong is the worker's. */
START_TEST(tasks_speak_to_their_run)
{
    size_t size;
    prong_pool *pool = begin_host();
    prong_future *f = submit(pool, task("away_give"), NULL, 0, NULL);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    ck_assert_str_eq(prong_future_output(f, &size), "hello");
    prong_future_free(f);
    prong_error end = take_end(submit(pool, task("away_fail"), NULL, 0, NULL));
    ck_assert_int_eq(end.kind, PRONG_FAILED);
    ck_assert_int_eq(end.code, 7);
    ck_assert_ptr_nonnull(strstr(end.text, "as it was told"));
    end_host(pool);
}
END_TEST

START_TEST(a_module_that_is_loaded_later_is_found)
{
    prong_fn *fn;
    prong_pool *pool = begin_host();
    void *module = dlopen(from_environment("PRONG_TEST_MODULE"), RTLD_NOW | RTLD_LOCAL);
    void *symbol = module ? dlsym(module, "late_task") : NULL;
    ck_assert_ptr_nonnull(symbol);
    memcpy(&fn, &symbol, sizeof fn);
    ck_assert_int_eq(take_end(submit(pool, fn, NULL, 0, NULL)).kind, PRONG_DONE);
    end_host(pool);
}
END_TEST

START_TEST(functions_of_the_program_itself_are_refused)
{
    prong_pool *pool = begin_host();
    ck_refused(prong_submit(pool, do_nothing, NULL, 0, NULL, NULL), EINVAL);
    ck_assert_ptr_nonnull(strstr(prong_last_error(), "shared library"));
    ck_assert_int_ne(who(pool).pid, 0);
    end_host(pool);
}
END_TEST

START_TEST(a_crash_is_contained)
{
    prong_pool *pool = begin_host();
    for (int k = 0; k < 5; k++) {
        prong_error end = take_end(submit(pool, task("away_crash"), NULL, 0, NULL));
        ck_assert_int_eq(end.kind, PRONG_CRASHED);
        ck_assert_int_eq(end.code, SIGSEGV);
        ck_assert_int_ne(who(pool).pid, 0);
    }
    end_host(pool);
}
END_TEST

START_TEST(workers_have_the_surroundings_of_the_open)
{
    struct away_around a = { "", "" };
    begin_load();
    ck_ok(init_as(NULL));
    ck_assert_int_eq(setenv("AWAY_WORD", "later", 1), 0);
    ck_assert_int_eq(chdir("/"), 0);
    prong_pool *pool = open_pool();
    ck_assert_int_eq(prong_map(pool, task("away_around"), &a, 1, sizeof a, NULL, NULL), PRONG_DONE);
    ck_assert_str_eq(a.folder, "/");
    ck_assert_str_eq(a.word, "later");
    end_host(pool);
}
END_TEST

/* ---- the zygote dies ---- */

static void expect_another_zygote(prong_pool *pool, pid_t before)
{
    struct away_who w;
    int r;
    do {                                       /* it may be on its way out; what was under way when it died is lost */
        w = (struct away_who){ 0, 0 };
        r = prong_map(pool, task("away_who"), &w, 1, sizeof w, NULL, NULL);
    } while (r == PRONG_LOST || w.parent == before);
    ck_assert_int_eq(r, PRONG_DONE);
}

START_TEST(the_standby_follows_a_zygote_that_is_killed)
{
    begin_load();
    ck_ok(init_as(NULL));
    unsigned fds = open_fds();
    prong_pool *pool = open_pool();
    for (int k = 0; k < 3; k++) {
        pid_t before = who(pool).parent;
        ck_assert_int_eq(kill(before, SIGKILL), 0);
        ck_assert(await_death(before, ALIVE_MS));
        expect_another_zygote(pool, before);
    }
    end_host(pool);
    ck_assert_uint_eq(open_fds(), fds);
}
END_TEST

static pid_t standby_beside(pid_t of)
{
    pid_t pids[64];
    size_t n = children_of(getppid(), pids, 64);       /* the harness takes in what has no parent */
    for (size_t k = 0; k < n && k < 64; k++)
        if (pids[k] != of && pids[k] != getpid() && is_alive(pids[k]))
            return pids[k];
    return 0;
}

START_TEST(another_helper_follows_when_the_standby_is_dead_too)
{
    if (SANITIZED_THREAD)
        skip("under the thread sanitizer the stand-by is a child of the zygote");
    prong_pool *pool = begin_host();
    pid_t before = who(pool).parent, beside = standby_beside(before);
    ck_assert_int_ne(beside, 0);
    ck_assert_int_eq(kill(before, SIGSTOP), 0);        /* so that it makes no other */
    ck_assert_int_eq(kill(beside, SIGKILL), 0);
    ck_assert_int_eq(kill(before, SIGKILL), 0);
    expect_another_zygote(pool, before);
    end_host(pool);
}
END_TEST

/* ---- nothing is seen of it ---- */

static _Atomic int sigchld_calls;

static void count_sigchld(int signo)
{
    (void)signo;
    sigchld_calls++;
}

static void expect_no_child(void)
{
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
    ck_assert_int_eq(errno, ECHILD);
    ck_assert_uint_eq(children_of(getpid(), NULL, 0), 0);
}

START_TEST(the_host_sees_no_child_and_no_SIGCHLD)
{
    (void)signal(SIGCHLD, count_sigchld);
    prong_pool *pool = begin_host();
    expect_no_child();
    ck_assert_int_eq(take_end(submit(pool, task("away_crash"), NULL, 0, NULL)).kind, PRONG_CRASHED);
    pid_t before = who(pool).parent;
    ck_assert_int_eq(kill(before, SIGKILL), 0);
    expect_another_zygote(pool, before);
    expect_no_child();
    end_host(pool);
    expect_no_child();
    ck_assert_int_eq(sigchld_calls, 0);
}
END_TEST

START_TEST(the_host_sees_nothing_of_a_helper_that_fails)
{
    static const char *const ways[] = { "exit", "die", "speak otherwise", "take" };
    (void)signal(SIGCHLD, count_sigchld);
    begin_load();
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        ck_assert_int_lt(init_as(ways[k]), 0);
        expect_no_child();
    }
    ck_assert_int_eq(sigchld_calls, 0);
    end_load();
}
END_TEST

static void do_not_care(int signo) { (void)signo; }

START_TEST(the_helper_has_no_descriptor_and_no_handler_of_the_host)
{
    sigset_t mask, after;
    struct sigaction action;
    for (int k = 0; k < 20; k++)
        ck_assert_int_ge(open("/dev/zero", O_RDWR), 0);        /* not close-on-exec */
    ck_assert_int_eq(dup2(open("/dev/zero", O_RDWR), STDIN_FILENO), STDIN_FILENO);
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    (void)signal(SIGUSR1, do_not_care);
    unsigned fds = open_fds();
    begin_load();
    ck_ok(init_as("look"));
    ck_assert_uint_eq(open_fds(), fds + 4);            /* of zygote and stand-by, a channel and a pidfd each */
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    ck_assert_int_eq(sigismember(&after, SIGUSR2), 1);
    ck_assert_int_eq(sigismember(&after, SIGTERM), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, NULL, &action), 0);
    ck_assert(action.sa_handler == do_not_care);
    end_host(open_pool());
}
END_TEST

START_TEST(a_host_without_standard_descriptors_has_workers)
{
    for (int fd = 0; fd <= 2; fd++)
        (void)close(fd);
    prong_pool *pool = begin_host();
    ck_assert_int_ne(who(pool).pid, 0);
    end_host(pool);
}
END_TEST

/* ---- second calls ---- */

START_TEST(a_second_call_does_nothing)
{
    prong_pool *pool = begin_host();
    pid_t parent = who(pool).parent;
    unsigned fds = open_fds();
    ck_ok(init_as(NULL));
    ck_ok(init_as("exit"));
    ck_ok(prong_init());
    ck_assert_uint_eq(open_fds(), fds);
    prong_pool *other = open_pool();
    ck_assert_int_eq(who(other).parent, parent);
    ck_ok(prong_pool_close(other, PRONG_NEVER));
    end_host(pool);
}
END_TEST

START_TEST(it_does_nothing_after_prong_init)
{
    ck_ok(prong_init());
    begin_load();
    ck_ok(init_as("exit"));
    prong_pool *pool = open_pool();
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    end_host(pool);
}
END_TEST

START_TEST(prong_init_may_follow_where_it_has_failed)
{
    ck_refused(init_as("exit"), EPIPE);
    ck_ok(prong_init());
    prong_pool *pool = open_pool();
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

static void skip_where_a_forked_child_has_no_threads(void)
{
    if (SANITIZED_THREAD)
        skip("the thread sanitizer lets no thread begin in the child of a program with threads");
    if (SANITIZED)
        skip("a fork beside threads may leave the sanitizer's allocator locked in the child");
}

/* A forked child has no zygote: it gets one in the way that its parent did. */
START_TEST(a_forked_child_has_a_helper_of_its_own)
{
    int status;
    skip_where_a_forked_child_has_no_threads();
    prong_pool *pool = begin_host();
    pid_t parent = who(pool).parent, child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        prong_pool *own = open_pool();
        struct away_who w = who(own);
        _exit(w.parent && w.parent != parent && prong_pool_close(own, PRONG_NEVER) == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(who(pool).parent, parent);
    end_host(pool);
}
END_TEST

/* What its parent's workers had at the same address, the helper's do not. */
START_TEST(a_forked_child_may_name_a_helper_where_its_parent_was_first)
{
    int status;
    skip_where_a_forked_child_has_no_threads();
    ck_ok(prong_init());
    prong_pool *pool = open_pool();
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        ck_ok(init_as(NULL));
        prong_pool *own = open_pool();
        ck_refused(prong_submit(own, do_nothing, NULL, 0, NULL, NULL), EINVAL);
        ck_assert_int_ne(who(own).pid, 0);
        _exit(prong_pool_close(own, PRONG_NEVER));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

/* ---- errors ---- */

#define ck_says(words) ck_assert_msg(strstr(prong_last_error(), words), "says: %s", prong_last_error())

START_TEST(a_program_that_cannot_be_started_is_told)
{
    char *const none[] = { NULL };
    begin_load();
    unsigned fds = open_fds();
    ck_refused(prong_init_exec(NULL), EINVAL);
    ck_refused(prong_init_exec(none), EINVAL);
    ck_refused(init_by("/no/such/program", NULL, NULL), ENOENT);
    ck_says("/no/such/program");
    ck_refused(init_by("/dev/null", NULL, NULL), EACCES);
    ck_assert_uint_eq(open_fds(), fds);
    end_load();
}
END_TEST

START_TEST(how_a_helper_ended_is_told)
{
    (void)signal(SIGCHLD, SIG_IGN);
    begin_load();
    unsigned fds = open_fds();
    ck_refused(init_as("exit"), EPIPE);
    ck_says("exit status 7");
    ck_refused(init_as("die"), EPIPE);
    ck_says("SIGKILL");
    ck_refused(init_as("no channel"), EPIPE);
    ck_says("exit status 3");
    ck_refused(init_as("hang up"), EPIPE);
    ck_says("closed");
    ck_assert_uint_eq(open_fds(), fds);
    ck_ok(init_as(NULL));
    end_load();
}
END_TEST

START_TEST(a_helper_that_does_nothing_is_killed_after_its_time)
{
    begin_load();
    unsigned fds = open_fds();
    ck_refused(init_as("stay"), ETIMEDOUT);
    ck_assert_uint_eq(open_fds(), fds);
    end_load();
}
END_TEST

START_TEST(a_helper_with_another_prong_is_refused)
{
    static const char *const ways[] = { "speak otherwise", "speak shortly", "speak at length" };
    begin_load();
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        ck_refused(init_as(ways[k]), EPROTO);
        ck_says("999");
    }
    end_load();
}
END_TEST

START_TEST(a_helper_with_threads_is_refused)
{
    begin_load();
    ck_refused(init_as("thread"), ENOTSUP);
    ck_says("threads");
    end_load();
}
END_TEST

START_TEST(a_helper_with_something_at_the_heap_is_tried_once_more)
{
    char path[] = "/tmp/prong-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    begin_load();
    ck_refused(init_as("take"), ENOTSUP);
    ck_says("addresses");
    ck_ok(init_by(from_environment("PRONG_TEST_HELPER"), "take once", path));
    ck_assert_int_lt(access(path, F_OK), 0);
    end_host(open_pool());
}
END_TEST

START_TEST(prong_zygote_main_without_a_channel_is_refused)
{
    int fds[2];
    ck_refused(prong_zygote_main(-1), EINVAL);
    ck_refused(prong_zygote_main(STDERR_FILENO), EINVAL);
    ck_assert_int_eq(pipe(fds), 0);
    ck_refused(prong_zygote_main(fds[0]), EINVAL);
}
END_TEST

/* ---- the end of the host ---- */

/* Says it when its workers are at work. */
static _Noreturn void be_busy_host(int say)
{
    prong_pool *pool = begin_host();
    _Atomic uint32_t *here = prong_alloc(pool, sizeof *here, PRONG_WRITE);
    struct away_stay s = { here };
    for (int k = 0; k < 2; k++)
        ck_ok(prong_submit(pool, task("away_stay"), &s, sizeof s, NULL, NULL));
    while (*here < 2)
        (void)sched_yield();
    (void)!write(say, "!", 1);
    for (;;)
        (void)pause();
}

/* Its helper says it when it is there. */
static _Noreturn void be_waiting_host(int say)
{
    begin_load();
    (void)dup2(say, STDOUT_FILENO);
    (void)init_as("stay");
    _exit(1);
}

static void expect_nobody_outlives(void (*be_host)(int say), int limit_ms)
{
    int ends[2];
    char byte;
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t host = fork();
    ck_assert_int_ge(host, 0);
    if (host == 0)
        be_host(ends[1]);
    (void)close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(kill(host, SIGKILL), 0);
    ck_assert_uint_eq(reap_all(limit_ms), 0);
    (void)close(ends[0]);
}

START_TEST(nobody_outlives_a_host_that_is_killed)
{
    for (int round = 0; round < ROUNDS(10); round++)
        expect_nobody_outlives(be_busy_host, ALIVE_MS);
}
END_TEST

START_TEST(no_helper_outlives_a_host_that_is_killed_while_it_waits_for_it)
{
    expect_nobody_outlives(be_waiting_host, BEFORE_ITS_LIMIT_MS);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_program_with_threads_has_workers);
    add_case(workers_have_the_heap_at_the_same_addresses);
    add_case(tasks_speak_to_their_run);
    add_case(a_module_that_is_loaded_later_is_found);
    add_case(functions_of_the_program_itself_are_refused);
    add_case(a_crash_is_contained);
    add_case(workers_have_the_surroundings_of_the_open);
    add_case(the_standby_follows_a_zygote_that_is_killed);
    add_case(another_helper_follows_when_the_standby_is_dead_too);
    add_case(the_host_sees_no_child_and_no_SIGCHLD);
    add_case(the_host_sees_nothing_of_a_helper_that_fails);
    add_case(the_helper_has_no_descriptor_and_no_handler_of_the_host);
    add_case(a_host_without_standard_descriptors_has_workers);
    add_case(a_second_call_does_nothing);
    add_case(it_does_nothing_after_prong_init);
    add_case(prong_init_may_follow_where_it_has_failed);
    add_case(a_forked_child_has_a_helper_of_its_own);
    add_case(a_forked_child_may_name_a_helper_where_its_parent_was_first);
    add_case(a_program_that_cannot_be_started_is_told);
    add_case(how_a_helper_ended_is_told);
    add_case(a_helper_that_does_nothing_is_killed_after_its_time);
    add_case(a_helper_with_another_prong_is_refused);
    add_case(a_helper_with_threads_is_refused);
    add_case(a_helper_with_something_at_the_heap_is_tried_once_more);
    add_case(prong_zygote_main_without_a_channel_is_refused);
    add_case(nobody_outlives_a_host_that_is_killed);
    add_case(no_helper_outlives_a_host_that_is_killed_while_it_waits_for_it);
    return run_cases(argc, argv);
}
