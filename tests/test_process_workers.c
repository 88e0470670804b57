/* What a worker process is: what it inherits, how it is replaced, and what a task that breaks it cannot break. */
#include "engines.h"
#include "proc.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

/* ---- descriptors ---- */

enum { MOST_FDS = 80, NAME = 120 };
struct fd_list { int n; struct { int fd; char name[NAME]; } at[MOST_FDS]; };

static int do_list_fds(void *record)
{
    struct fd_list *list = record;
    for (int fd = 0; fd < 1024 && list->n < MOST_FDS; fd++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, list->at[list->n].name, NAME - 1);
        if (n < 0)
            continue;
        list->at[list->n].name[n] = '\0';
        list->at[list->n++].fd = fd;
    }
    return 0;
}

static struct fd_list fds_of_a_worker(prong_pool *pool)
{
    struct fd_list list = { .n = 0 };
    prong_future *f = submit(pool, do_list_fds, &list, sizeof list, NULL);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    list = *(struct fd_list *)prong_future_record(f);
    prong_future_free(f);
    return list;
}

static bool is_own(const char *name)
{
    return strncmp(name, "/memfd:prong", 12) == 0 || strncmp(name, "socket:", 7) == 0 || strcmp(name, "anon_inode:[eventfd]") == 0 ||
           strncmp(name, "pipe:[", 6) == 0;
}

/* The first three as said, and behind them the worker's own alone. */
static void expect_own_fds(const struct fd_list *list, const char *first, const char *others)
{
    ck_assert_int_ge(list->n, 3);
    ck_assert_int_le(list->n, 3 + 6);
    for (int k = 0; k < list->n; k++) {
        const char *name = list->at[k].name, *expected = k == 0 ? first : others;
        if (k < 3)
            ck_assert_int_eq(list->at[k].fd, k);
        ck_assert_msg(k < 3 ? strcmp(name, expected) == 0 : is_own(name), "descriptor %d of a worker is %s", list->at[k].fd, name);
    }
}

static void open_many(const char *path, int n)
{
    int ends[2];
    for (int k = 0; k < n; k++)
        ck_assert_int_ge(open(path, O_RDONLY), 0);
    ck_assert_int_eq(pipe(ends), 0);
}

START_TEST(workers_inherit_no_descriptor_of_the_program)
{
    struct fd_list mine = { .n = 0 };
    open_many("/proc/self/status", 50);
    prepare(TWO);
    open_many("/proc/self/status", 10);
    (void)do_list_fds(&mine);
    ck_assert_str_eq(mine.at[1].name, mine.at[2].name);
    prong_pool *pool = begin(TWO);
    for (int k = 0; k < 4; k++) {
        struct fd_list list = fds_of_a_worker(pool);
        expect_own_fds(&list, "/dev/null", mine.at[1].name);
        (void)take_end(submit(pool, do_kill_itself, NULL, 0, NULL));
    }
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

START_TEST(a_program_without_standard_descriptors_can_have_workers)
{
    make_board();
    for (int fd = 0; fd <= 2; fd++)
        (void)close(fd);
    prong_pool *pool = begin(TWO);
    struct fd_list list = fds_of_a_worker(pool);
    expect_own_fds(&list, "/dev/null", "/dev/null");
    finish(pool);
}
END_TEST

static int do_read_input(void *record)
{
    (void)record;
    char byte;
    return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

START_TEST(workers_have_no_input)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(write(ends[1], "for the program", 15), 15);
    prong_pool *pool = begin(TWO);
    ck_assert_int_eq(take_end(submit(pool, do_read_input, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

/* As low a number as there is, or a high one. */
static int moved(int fd, int least)
{
    int there = fcntl(fd, F_DUPFD, least);
    ck_assert_int_ge(there, least);
    ck_assert_int_eq(close(fd), 0);
    return there;
}

START_TEST(a_lock_and_a_pipe_of_the_program_are_its_own_to_close)
{
    char path[] = "/tmp/prong-test-XXXXXX", byte;
    int file = moved(mkstemp(path), _i), ends[2];
    ck_assert_int_eq(flock(file, LOCK_EX), 0);
    ck_assert_int_eq(pipe(ends), 0);
    ends[1] = moved(ends[1], _i);
    prong_pool *pool = begin(TWO);
    (void)pid_of_a_worker(pool);
    ck_assert_int_eq(close(file), 0);
    ck_assert_int_eq(close(ends[1]), 0);
    file = open(path, O_RDWR);
    ck_assert_int_eq(flock(file, LOCK_EX | LOCK_NB), 0);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
    (void)unlink(path);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

/* ---- signals ---- */

struct masks { unsigned long long blocked, ignored, caught; };

static int do_tell_masks(void *record)
{
    struct masks *m = record;
    char line[256];
    int found = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f))
        found += sscanf(line, "SigBlk: %llx", &m->blocked) == 1 || sscanf(line, "SigIgn: %llx", &m->ignored) == 1 ||
                 sscanf(line, "SigCgt: %llx", &m->caught) == 1;
    if (f)
        (void)fclose(f);
    return found == 3 ? 0 : 1;
}

static unsigned long long bit(int signo) { return 1ull << (signo - 1); }

static void ignore_alarm(int signo) { (void)signo; }

static void upset_signals(void)
{
    static const int ignored[] = { SIGPIPE, SIGUSR1, SIGINT, SIGTERM, SIGTSTP };
    sigset_t some;
    for (size_t k = 0; k < sizeof ignored / sizeof *ignored; k++)
        (void)signal(ignored[k], SIG_IGN);
    (void)signal(SIGALRM, ignore_alarm);
    (void)sigfillset(&some);
    (void)sigdelset(&some, SIGSEGV);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &some, NULL), 0);
}

START_TEST(workers_have_the_default_signals_whatever_the_program_did)
{
    struct masks m = { 0 };
    upset_signals();
    prong_pool *pool = begin(TWO);
    prong_future *f = submit(pool, do_tell_masks, &m, sizeof m, NULL);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    m = *(struct masks *)prong_future_record(f);
    ck_assert_uint_eq(m.blocked, 0);
    ck_assert_uint_eq(m.ignored & ~bit(SIGTTOU), 0);        /* so that they may write to a terminal from a process group of their own */
    if (!SANITIZED)                                         /* a sanitizer catches some for itself */
        ck_assert_uint_eq(m.caught & ~(bit(SIGSEGV) | bit(SIGBUS) | bit(SIGFPE) | bit(SIGILL) | bit(SIGABRT)), 0);
    prong_future_free(f);
    finish(pool);
}
END_TEST

static int do_stop(void *record)
{
    (void)record;
    return raise(SIGSTOP);
}

START_TEST(a_worker_that_has_stopped_is_killed_after_its_time)
{
    prong_pool *pool = begin(TWO);
    ck_assert_int_eq(take_end(submit(pool, do_stop, NULL, 0, &(prong_run_opts){ .kill_ms = 50 })).kind, PRONG_TIMEOUT);
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

/* ---- workers come and go ---- */

START_TEST(a_worker_that_is_killed_while_idle_is_replaced)
{
    prong_pool *pool = begin(5);
    for (int k = 0; k < ROUNDS(50); k++) {
        int pid = pid_of_a_worker(pool);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_ne(pid_of_a_worker(pool), pid);        /* whether its death was known by then or not */
    }
    finish(pool);
}
END_TEST

static void block_the_listener(prong_future *f, void *arg)
{
    (void)f;
    (void)arg;
    tally_add(&board->spare[2], 1);
    tally_await(&board->spare[3], 1);
}

static int do_tell_and_return(void *record)
{
    int *pid = record;
    *pid = getpid();
    atomic_store(&board->cell[0], (uint32_t)*pid);
    tally_add(&board->spare[4], 1);
    return 0;
}

/* While somebody is busy with the end of another run: this one is over, its worker waits for the next, and is killed. */
START_TEST(a_run_that_was_over_when_its_worker_died_is_done)
{
    prong_pool *pool = begin(TWO);
    int pid = 0;
    struct held h = hold_workers(pool, 2);
    ck_ok(prong_future_on_end(h.f[0], block_the_listener, NULL));
    tally_add(&board->go, 1);
    tally_await(&board->spare[2], 1);
    prong_future *f = submit(pool, do_tell_and_return, &pid, sizeof pid, NULL);
    tally_await(&board->spare[4], 1);
    pid = (int)atomic_load(&board->cell[0]);
    while (state_of(pid) != 'S')                       /* it has nothing to sleep for but the next call */
        (void)sched_yield();
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert(await_death(pid, ALIVE_MS));
    tally_add(&board->spare[3], 1);
    prong_error end = end_of(f);
    ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    ck_assert_int_eq(*(int *)prong_future_record(f), pid);
    prong_future_free(f);
    for (int k = 0; k < 2; k++)
        ck_assert_int_eq(take_end(h.f[k]).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

static int do_output(void *record)
{
    (void)record;
    unsigned char *out = prong_output_alloc(1 << 20);
    if (out)
        memset(out, 7, 1 << 20);
    return out ? 0 : 1;
}

START_TEST(an_output_stays_whoever_died)
{
    prong_pool *pool = begin(5);
    prong_future *f = submit(pool, do_output, NULL, 0, NULL);
    size_t size;
    (void)end_of(f);
    pid_t zyg = zygote(), worker = pid_of_a_worker(pool);
    ck_assert_int_eq(kill(worker, SIGKILL), 0);
    ck_assert_int_eq(kill(zyg, SIGKILL), 0);
    ck_assert(await_death(worker, ALIVE_MS));
    ck_assert(await_death(zyg, ALIVE_MS));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    const unsigned char *out = prong_future_output(f, &size);
    ck_assert_uint_eq(size, 1 << 20);
    for (size_t k = 0; k < size; k++)
        if (out[k] != 7)
            ck_abort_msg("byte %zu is wrong", k);
    prong_future_free(f);
}
END_TEST

/* ---- no descriptor left ---- */

static struct rlimit forbid_descriptors(void)
{
    struct rlimit limit, tight;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    tight = (struct rlimit){ 0, limit.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    return limit;
}

static void expect_all_well_again(prong_pool *pool, const struct rlimit *limit)
{
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, limit), 0);
    for (int k = 0; k < 4; k++)
        ck_assert_int_eq(take_end(submit(pool, do_output, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}

START_TEST(a_large_record_for_which_there_is_no_descriptor_ends_by_a_limit)
{
    enum { SIZE = 8 << 20 };
    prong_pool *pool = begin(TWO);
    char *large = calloc(1, SIZE);
    ck_assert_ptr_nonnull(large);
    (void)pid_of_a_worker(pool);
    struct rlimit limit = forbid_descriptors();
    prong_error end = take_end(submit(pool, do_nothing, large, SIZE, NULL));
    ck_assert_int_eq(end.kind, PRONG_LIMIT);
    ck_assert_int_eq(end.code, EMFILE);
    ck_assert_str_ne(end.text, "");
    ck_assert_int_eq(take_end(submit(pool, do_nothing, large, 100, NULL)).kind, PRONG_DONE);
    free(large);
    expect_all_well_again(pool, &limit);
}
END_TEST

START_TEST(a_large_output_for_which_there_is_no_descriptor_ends_badly_but_ends)
{
    prong_pool *pool = begin(TWO);
    (void)pid_of_a_worker(pool);
    struct rlimit limit = forbid_descriptors();
    prong_future *f = submit(pool, do_output, NULL, 0, NULL);
    prong_error end = end_of(f);
    ck_assert_int_ne(end.kind, PRONG_DONE);
    ck_assert_str_ne(end.text, "");
    ck_assert_ptr_null(prong_future_output(f, NULL));
    prong_future_free(f);
    expect_all_well_again(pool, &limit);
}
END_TEST

/* ---- tasks that break their worker ---- */

static int do_close_all(void *record)
{
    (void)record;
    for (int fd = 3; fd < 100; fd++)
        (void)close(fd);
    return 0;
}

static int do_write_everywhere(void *record)
{
    static const char junk[5000] = "junk";
    const int *size = record;
    for (int fd = 3; fd < 100; fd++)
        for (int k = 0; k < 3; k++)
            (void)send(fd, junk, (size_t)*size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return 0;
}

static int do_shut_down(void *record)
{
    (void)record;
    for (int fd = 3; fd < 100; fd++)
        (void)shutdown(fd, SHUT_RDWR);
    return 0;
}

static int do_exec(void *record)
{
    (void)record;
    return execl("/bin/true", "true", (char *)NULL);
}

static int do_spoil_mappings(void *record)
{
    (void)record;
    for (int fd = 3; fd < 100; fd++)
        (void)!ftruncate(fd, 0);
    return 0;
}

START_TEST(a_task_that_breaks_its_worker_breaks_nothing_else)
{
    static prong_fn *const tasks[] = { do_close_all, do_shut_down, do_exec, do_spoil_mappings, do_write_everywhere };
    static const int sizes[] = { 1, 8, 64, 300, 5000 };
    prong_pool *pool = begin(TWO);
    uint64_t number = 4;
    for (size_t k = 0; k < 25; k++) {
        (void)take_end(submit(pool, tasks[k % 5], &sizes[k / 5], sizeof *sizes, NULL));       /* however it ends: it ends */
        for (int m = 0; m < 3; m++) {
            prong_future *f = submit(pool, do_increment, &number, sizeof number, NULL);
            prong_error end = end_of(f);
            ck_assert_msg(end.kind == PRONG_DONE, "after task %zu: %s", k % 5, end.text);
            ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 5);
            prong_future_free(f);
        }
    }
    finish(pool);
}
END_TEST

START_TEST(a_task_that_becomes_another_program_has_left)
{
    prong_pool *pool = begin(TWO);
    prong_error end = take_end(submit(pool, do_exec, NULL, 0, NULL));
    ck_assert_int_eq(end.kind, PRONG_EXITED);
    ck_assert_int_eq(end.code, 0);
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(workers_inherit_no_descriptor_of_the_program);
    add_case(a_program_without_standard_descriptors_can_have_workers);
    add_case(workers_have_no_input);
    add_case_for("low", a_lock_and_a_pipe_of_the_program_are_its_own_to_close, 3, 0);
    add_case_for("high", a_lock_and_a_pipe_of_the_program_are_its_own_to_close, 500, 0);
    add_case(workers_have_the_default_signals_whatever_the_program_did);
    add_case(a_worker_that_has_stopped_is_killed_after_its_time);
    add_case(a_worker_that_is_killed_while_idle_is_replaced);
    add_case(a_run_that_was_over_when_its_worker_died_is_done);
    add_case(an_output_stays_whoever_died);
    add_case(a_large_record_for_which_there_is_no_descriptor_ends_by_a_limit);
    add_case(a_large_output_for_which_there_is_no_descriptor_ends_badly_but_ends);
    add_case(a_task_that_breaks_its_worker_breaks_nothing_else);
    add_case(a_task_that_becomes_another_program_has_left);
    return run_cases(argc, argv);
}
