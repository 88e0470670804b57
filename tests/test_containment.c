/* What "processes" contains: the deaths of its own helpers, workers that stand still or are taken apart from inside, and the program's changes of
 * itself. docs/failures.md says which case shows which failure. */
#include "engines.h"
#include "proc.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { ONE = 5, TWO = 6, ALIVE_MS = 20000, KILL_MS = 300 };        /* indexes into `engines`; longer than any end may take */

static int do_kill_itself(void *record)
{
    (void)record;
    return raise(SIGKILL);
}

struct pid_and_turn { uint32_t turn; int pid; };

static int do_tell_pid_and_hold(void *record)
{
    struct pid_and_turn *r = record;
    r->pid = getpid();
    return do_hold(&r->turn);
}

/* A run that only a pool which is well can do. */
static void expect_well(prong_pool *pool)
{
    uint64_t number = 4;
    for (int k = 0; k < 6; k++) {
        prong_future *f = submit(pool, do_increment, &number, sizeof number, NULL);
        prong_error end = end_of(f);
        ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 5);
        prong_future_free(f);
    }
}

/* ---- the zygote and its stand-by ---- */

static pid_t await_standby(pid_t but)
{
    pid_t pid;
    while ((pid = standby()) == 0 || pid == but)
        (void)sched_yield();
    return pid;
}

static void await_deaths(const pid_t *pids, size_t n)
{
    for (size_t k = 0; k < n; k++)
        ck_assert_msg(await_death(pids[k], ALIVE_MS), "process %d is still there", (int)pids[k]);
}

/* With all its workers; the program may not know it yet. */
static pid_t kill_the_zygote(void)
{
    pid_t pids[64], zyg = zygote();
    size_t n = workers_of(zyg, pids, 64);
    ck_assert_int_eq(kill(zyg, SIGKILL), 0);
    ck_assert(await_death(zyg, ALIVE_MS));
    await_deaths(pids, n);
    return zyg;
}

START_TEST(the_standby_takes_the_place_of_a_zygote_that_died_idle)
{
    prong_pool *pool = begin(TWO);
    for (int k = 0; k < 3; k++) {
        expect_well(pool);
        pid_t next = await_standby(0), dead = kill_the_zygote();
        expect_well(pool);
        ck_assert_int_eq(zygote(), next);
        ck_assert_int_ne(zygote(), dead);
    }
    finish(pool);
    ck_assert_uint_eq(zombies_of(getpid()), 0);
}
END_TEST

START_TEST(a_zygote_that_dies_loses_what_runs_and_nothing_else)
{
    enum { N = 40 };
    prong_pool *pool = begin(TWO);
    prong_future *stays[2], *f[N];
    (void)await_standby(0);
    for (int k = 0; k < 2; k++)
        stays[k] = submit(pool, do_stay, NULL, 0, &(prong_run_opts){ .tag = 7 });
    tally_await(&board->here, 2);
    for (uint64_t k = 0; k < N; k++)
        f[k] = submit(pool, do_increment, &k, sizeof k, NULL);
    (void)kill_the_zygote();
    for (int k = 0; k < 2; k++) {
        prong_error end = take_end(stays[k]);
        ck_assert_int_eq(end.kind, PRONG_LOST);
        ck_assert_int_ne(end.code, 0);
        ck_assert_uint_eq(end.tag, 7);
        ck_assert_str_ne(end.text, "");
    }
    for (uint64_t k = 0; k < N; k++) {
        prong_error end = end_of(f[k]);
        ck_assert_msg(end.kind == PRONG_DONE, "run %d: %s", (int)k, end.text);
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[k]), k + 1);
        prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

START_TEST(what_a_zygote_took_along_is_tried_again)
{
    uint32_t turn = 1;
    prong_pool *pool = begin(TWO);
    (void)await_standby(0);
    prong_future *f = submit(pool, do_hold, &turn, sizeof turn, &(prong_run_opts){ .retries = 1 });
    tally_await(&board->here, 1);
    (void)kill_the_zygote();
    tally_add(&board->go, 1);
    ck_assert_int_eq(take_end(f).kind, PRONG_DONE);
    ck_assert_uint_eq(tally_read(&board->here), 2);
    finish(pool);
}
END_TEST

/* Every run has a new worker, so the zygote is forking whenever it dies. */
START_TEST(a_zygote_that_dies_while_it_starts_workers_is_replaced)
{
    enum { N = 40 };
    prong_pool *pool = begin_with(TWO, (prong_pool_opts){ .runs_per_worker = 1 });
    for (int round = 0; round < 5; round++) {
        prong_future *f[N];
        (void)await_standby(0);
        for (uint64_t k = 0; k < N; k++)
            f[k] = submit(pool, do_increment, &k, sizeof k, NULL);
        (void)end_of(f[round * 3]);
        ck_assert_int_eq(kill(zygote(), SIGKILL), 0);
        for (int k = 0; k < N; k++) {
            int kind = take_end(f[k]).kind;
            ck_assert_msg(kind == PRONG_DONE || kind == PRONG_LOST, "run %d ended %d", k, kind);
        }
        expect_well(pool);
    }
    finish(pool);
}
END_TEST

START_TEST(a_standby_that_dies_is_replaced_and_buried)
{
    prong_pool *pool = begin(TWO);
    for (int k = 0; k < 5; k++) {
        pid_t old = await_standby(0);
        ck_assert_int_eq(kill(old, SIGKILL), 0);
        (void)await_standby(old);
        while (zombies_of(getpid()))
            (void)sched_yield();
        expect_well(pool);
    }
    (void)kill_the_zygote();
    expect_well(pool);
    finish(pool);
}
END_TEST

/* Whether another stand-by was there in time is a matter of chance; neither way leaves a run without end. */
START_TEST(without_zygote_and_standby_a_pool_goes_on_or_says_why_not)
{
    prong_pool *pool = begin(TWO);
    prong_future *f;
    prong_error end = { .kind = PRONG_LOST };
    int r;
    expect_well(pool);
    pid_t next = await_standby(0), zyg = zygote();
    ck_assert_int_eq(kill(next, SIGKILL), 0);
    ck_assert_int_eq(kill(zyg, SIGKILL), 0);
    ck_assert(await_death(zyg, ALIVE_MS));
    ck_assert(await_death(next, ALIVE_MS));
    while ((r = prong_submit(pool, do_nothing, NULL, 0, NULL, &f)) == 0) {
        end = take_end(f);
        if (end.kind == PRONG_DONE)
            break;
        ck_assert_int_eq(end.kind, PRONG_LOST);
        ck_assert_str_ne(end.text, "");
    }
    if (r < 0)
        ck_refused(r, EPIPE);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_assert_uint_eq(zombies_of(getpid()), 0);
}
END_TEST

/* ---- workers ---- */

static pid_t spare_of(pid_t zyg)
{
    pid_t pids[64];
    size_t n = workers_of(zyg, pids, 64);
    for (size_t k = 0; k < n && k < 64; k++) {
        char path[64], text[32] = "";
        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pids[k]);
        FILE *f = fopen(path, "re");
        if (f && !fgets(text, sizeof text, f))
            text[0] = '\0';
        if (f)
            (void)fclose(f);
        if (strcmp(text, "prong:spare\n") == 0 && state_of(pids[k]) == 'S')        /* it waits for calls, so it has said that it is ready */
            return pids[k];
    }
    return 0;
}

START_TEST(a_worker_that_stands_ready_takes_the_place_of_one_that_crashed)
{
    prong_pool *pool = begin(TWO);
    prong_future *f[2];
    pid_t spare;
    expect_well(pool);
    while ((spare = spare_of(zygote())) == 0)
        (void)sched_yield();
    ck_assert_int_eq(take_end(submit(pool, do_kill_itself, NULL, 0, NULL)).kind, PRONG_CRASHED);
    for (int k = 0; k < 2; k++)
        f[k] = submit(pool, do_tell_pid_and_hold, &(struct pid_and_turn){ .turn = 1 }, sizeof(struct pid_and_turn), NULL);
    tally_await(&board->here, 2);
    tally_add(&board->go, 1);
    bool found = false;
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(end_of(f[k]).kind, PRONG_DONE);
        found |= ((struct pid_and_turn *)prong_future_record(f[k]))->pid == spare;
        prong_future_free(f[k]);
    }
    ck_assert(found);
    finish(pool);
}
END_TEST

static int do_write_late(void *record)
{
    int *number = record;
    *number = 5;
    atomic_store(&board->cell[0], (uint32_t)getpid());
    tally_add(&board->here, 1);
    tally_await(&board->go, 1);
    atomic_store(&board->cell[1], 1);
    *number = 6;
    return 0;
}

START_TEST(a_worker_that_stood_still_writes_nothing_late)
{
    int number = 4;
    prong_pool *pool = begin(TWO);
    prong_future *f = submit(pool, do_write_late, &number, sizeof number, &(prong_run_opts){ .kill_ms = KILL_MS });
    tally_await(&board->here, 1);
    pid_t pid = (pid_t)atomic_load(&board->cell[0]);
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    ck_assert_int_eq(end_of(f).kind, PRONG_TIMEOUT);
    ck_assert(!is_alive(pid));                          /* dead before its end is told: nobody can wake it */
    tally_add(&board->go, 1);
    (void)kill(pid, SIGCONT);
    expect_well(pool);
    ck_assert_uint_eq(atomic_load(&board->cell[1]), 0);
    ck_assert_int_eq(*(int *)prong_future_record(f), 4);
    prong_future_free(f);
    finish(pool);
}
END_TEST

/* Of two sizes: both that wait in the ring for their reader, and that need memory of their own. */
static int do_fill_output(void *record)
{
    const uint32_t *number = record;
    size_t size = *number % 2 ? 16000 : 100000;
    unsigned char *out = prong_output_alloc(size);
    if (out)
        memset(out, (int)*number, size);
    return out ? 0 : 1;
}

START_TEST(more_output_than_a_ring_holds_reaches_its_readers)
{
    enum { N = 300 };
    prong_future *f[N];
    prong_pool *pool = begin(ONE);
    for (uint32_t k = 0; k < N; k++)
        f[k] = submit(pool, do_fill_output, &k, sizeof k, NULL);
    for (int k = N; k-- > 0;) {
        size_t size = 0;
        ck_assert_int_eq(end_of(f[k]).kind, PRONG_DONE);
        const unsigned char *out = prong_future_output(f[k], &size);
        ck_assert_uint_eq(size, k % 2 ? 16000 : 100000);
        ck_assert(out[0] == (unsigned char)k && memcmp(out, out + 1, size - 1) == 0);
        prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

/* ---- tasks that leave in their own way ---- */

static void *stay(void *arg)
{
    tally_add(&board->spare[0], 1);
    for (;;)
        (void)pause();
    return arg;
}

static int ways[] = { 0, 1, 2 };                       /* of a thread: it stays; once go is 1 it exits; once go is 2 it aborts */

static void *end_the_process(void *arg)
{
    const int *way = arg;
    tally_await(&board->go, (uint32_t)*way);
    if (*way == 2)
        abort();
    exit(7);
}

static int start_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fn, arg))
        return 1;
    return pthread_detach(thread);
}

static int do_end_its_thread(void *record)
{
    (void)record;
    pthread_exit(NULL);
}

static int do_end_its_thread_and_leave_another(void *record)
{
    if (start_thread(stay, NULL))
        return 1;
    tally_await(&board->spare[0], 1);
    return do_end_its_thread(record);
}

START_TEST(a_task_that_ends_its_thread_ends_its_worker)
{
    if (SANITIZED)
        skip("a sanitizer does not take the end of the first thread of a process");
    prong_pool *pool = begin(TWO);
    prong_error end = take_end(submit(pool, do_end_its_thread, NULL, 0, NULL));
    ck_assert_int_eq(end.kind, PRONG_EXITED);
    ck_assert_int_eq(end.code, 0);
    end = take_end(submit(pool, do_end_its_thread_and_leave_another, NULL, 0, &(prong_run_opts){ .kill_ms = KILL_MS }));
    ck_assert_int_eq(end.kind, PRONG_TIMEOUT);
    expect_well(pool);
    finish(pool);
}
END_TEST

static jmp_buf outside;

static int do_set_jump(void *record)
{
    (void)record;
    return setjmp(outside) ? 2 : 0;
}

static int do_jump(void *record)
{
    (void)record;
    longjmp(outside, 1);
}

/* To a frame that is gone: nothing says what happens, but it happens to this worker alone. */
START_TEST(a_task_that_jumps_out_hurts_its_worker_alone)
{
    prong_pool *pool = begin(TWO);
    leave_no_core();
    for (int k = 0; k < 3; k++) {
        prong_future *held = submit(pool, do_hold, &(uint32_t){ (uint32_t)k + 1 }, sizeof(uint32_t), NULL);
        tally_await(&board->here, (uint32_t)k + 1);
        (void)take_end(submit(pool, do_set_jump, NULL, 0, NULL));
        (void)take_end(submit(pool, do_jump, NULL, 0, &(prong_run_opts){ .kill_ms = KILL_MS }));
        tally_add(&board->go, 1);
        ck_assert_int_eq(take_end(held).kind, PRONG_DONE);
    }
    finish(pool);
}
END_TEST

static int do_leave_a_thread(void *record)
{
    const int *how = record;
    return start_thread(*how ? end_the_process : stay, &ways[*how]);
}

static pid_t worker_with_a_thread(prong_pool *pool, int how)
{
    pid_t pids[8];
    ck_assert_int_eq(take_end(submit(pool, do_leave_a_thread, &how, sizeof how, NULL)).kind, PRONG_DONE);
    ck_assert_uint_ge(workers_of(zygote(), pids, 8), 1);
    return pids[0];
}

START_TEST(a_thread_that_a_task_leaves_dies_with_its_worker)
{
    prong_pool *pool = begin(ONE);
    pid_t pid = worker_with_a_thread(pool, 0);
    tally_await(&board->spare[0], 1);
    expect_well(pool);
    ck_assert(is_alive(pid));
    finish(pool);
    ck_assert(await_death(pid, ALIVE_MS));
}
END_TEST

START_TEST(a_thread_that_a_task_leaves_can_end_its_worker_alone)
{
    leave_no_core();
    prong_pool *pool = begin(ONE);
    for (int how = 1; how <= (SANITIZED_THREAD ? 1 : 2); how++) {        /* that sanitizer has an end of its own for an abort beside a task */
        (void)worker_with_a_thread(pool, how);
        prong_future *f = submit(pool, do_stay, NULL, 0, NULL);
        tally_await(&board->here, (uint32_t)how);
        tally_add(&board->go, 1);
        prong_error end = take_end(f);
        ck_assert_int_eq(end.kind, how == 1 ? PRONG_EXITED : PRONG_CRASHED);
        ck_assert_int_eq(end.code, how == 1 ? 7 : SIGABRT);
        expect_well(pool);
    }
    finish(pool);
}
END_TEST

/* ---- tasks that take their worker's channel and bells ---- */

static int do_read_everything(void *record)
{
    static char bytes[70000];
    (void)record;
    for (int fd = 3; fd < 100; fd++) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        while (poll(&p, 1, 0) == 1 && p.revents & POLLIN && read(fd, bytes, sizeof bytes) > 0)
            ;
    }
    return 0;
}

static bool is_socket(int fd)
{
    int type;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

/* As full as a bell can be. */
static int do_fill_bells(void *record)
{
    const uint64_t most = UINT64_MAX - 1;
    (void)record;
    for (int fd = 3; fd < 100; fd++) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (!is_socket(fd) && poll(&p, 1, 0) == 1 && p.revents & POLLOUT)
            (void)!write(fd, &most, sizeof most);
    }
    return 0;
}

static int do_fill_bells_and_hang_up(void *record)
{
    (void)do_fill_bells(record);
    for (int fd = 3; fd < 100; fd++)
        (void)shutdown(fd, SHUT_RDWR);
    return do_stay(record);
}

/* Long enough for who waits for it to fall asleep. */
static int do_take_its_time(void *record)
{
    for (volatile int k = 0; k < 2000000; k++)
        ;
    return do_increment(record);
}

START_TEST(a_task_that_reads_what_is_its_workers_breaks_nothing_else)
{
    prong_pool *pool = begin(TWO);
    for (int k = 0; k < 20; k++) {
        ck_assert_int_eq(take_end(submit(pool, do_read_everything, NULL, 0, NULL)).kind, PRONG_DONE);
        expect_well(pool);
    }
    finish(pool);
}
END_TEST

/* Whose next reply wakes who waits for it all the same. */
START_TEST(a_task_that_fills_all_bells_hurts_no_run_after_it)
{
    uint64_t number = 4;
    prong_pool *pool = begin(ONE);
    for (int k = 0; k < 10; k++) {
        ck_assert_int_eq(take_end(submit(pool, do_fill_bells, NULL, 0, NULL)).kind, PRONG_DONE);
        ck_assert_int_eq(take_end(submit(pool, do_take_its_time, &number, sizeof number, NULL)).kind, PRONG_DONE);
    }
    expect_well(pool);
    finish(pool);
}
END_TEST

/* Nobody could ring its bell without waiting, and it looks at it no more. */
START_TEST(a_task_that_fills_its_bells_and_hangs_up_is_killed_after_its_time)
{
    prong_pool *pool = begin(TWO);
    prong_future *f = submit(pool, do_fill_bells_and_hang_up, NULL, 0, &(prong_run_opts){ .kill_ms = KILL_MS });
    tally_await(&board->here, 1);
    expect_well(pool);
    ck_assert_int_eq(take_end(f).kind, PRONG_TIMEOUT);
    expect_well(pool);
    finish(pool);
}
END_TEST

/* ---- the program around it ---- */

struct around { char folder[300], word[16]; unsigned mask; int rounding; struct rlimit files, core; };

static int do_tell_around(void *record)
{
    struct around *a = record;
    const char *word = getenv("PRONG_TEST_WORD");
    if (!getcwd(a->folder, sizeof a->folder))
        return 1;
    (void)snprintf(a->word, sizeof a->word, "%s", word ? word : "none");
    a->mask = umask(0);
    (void)umask(a->mask);
    a->rounding = fegetround();
    return getrlimit(RLIMIT_NOFILE, &a->files) || getrlimit(RLIMIT_CORE, &a->core);
}

static void change_around(const char *folder, const char *word, unsigned mask, rlim_t files)
{
    struct rlimit limit;
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(setenv("PRONG_TEST_WORD", word, 1), 0);
    (void)umask(mask);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = files;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void expect_around(prong_pool *pool)
{
    struct around a = { .mask = 0 };
    prong_future *f = submit(pool, do_tell_around, &a, sizeof a, NULL);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    a = *(struct around *)prong_future_record(f);
    prong_future_free(f);
    ck_assert_str_eq(a.folder, "/usr");
    ck_assert_str_eq(a.word, "open");
    ck_assert_uint_eq(a.mask, 027);
    ck_assert_uint_eq(a.files.rlim_cur, 300);
    ck_assert_int_eq(a.rounding, FE_TONEAREST);
    ck_assert_uint_eq(a.core.rlim_cur, 0);
}

START_TEST(workers_begin_with_what_the_program_had_when_it_opened_the_pool)
{
    change_around("/", "init", 022, 200);
    ck_assert_int_eq(fesetround(FE_UPWARD), 0);
    prepare(TWO);
    change_around("/usr", "open", 027, 300);
    prong_pool *pool = begin(TWO);
    change_around("/tmp", "later", 077, 400);
    for (int k = 0; k < 6; k++) {
        expect_around(pool);
        ck_assert_int_eq(take_end(submit(pool, do_kill_itself, NULL, 0, NULL)).kind, PRONG_CRASHED);
    }
    (void)await_standby(0);
    (void)kill_the_zygote();
    expect_around(pool);
    finish(pool);
}
END_TEST

/* The zygote and the workers still have what the program has given up. */
START_TEST(who_gives_up_rights_after_prong_init_is_refused_new_workers)
{
    prong_pool *refused = NULL;
    if (geteuid() != 0)
        skip("only root can give up that much");
    prong_pool *pool = begin(TWO);
    expect_well(pool);
    ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
    ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
    ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = "processes:2" }, &refused), EPERM);
    ck_assert_ptr_null(refused);
    expect_well(pool);
    ck_assert_int_eq(take_end(submit(pool, do_kill_itself, NULL, 0, NULL)).kind, PRONG_CRASHED);
    expect_well(pool);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

START_TEST(a_record_over_the_file_size_limit_ends_by_a_limit)
{
    enum { SIZE = 8 << 20 };
    struct rlimit limit;
    prong_pool *pool = begin(TWO);
    char *large = calloc(1, SIZE);
    ck_assert_ptr_nonnull(large);
    expect_well(pool);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ SIZE / 2, limit.rlim_max }), 0);
    prong_error end = take_end(submit(pool, do_nothing, large, SIZE, NULL));       /* and no SIGXFSZ */
    ck_assert_int_eq(end.kind, PRONG_LIMIT);
    ck_assert_int_eq(end.code, EFBIG);
    ck_assert_str_ne(end.text, "");
    expect_well(pool);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(take_end(submit(pool, do_nothing, large, SIZE, NULL)).kind, PRONG_DONE);
    free(large);
    finish(pool);
}
END_TEST

static _Atomic int alarms;

static void count_alarm(int signo)
{
    (void)signo;
    alarms++;
}

/* Without SA_RESTART, so calls of the kernel end early all the time. */
START_TEST(signals_in_the_program_disturb_no_call)
{
    const struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
    struct sigaction action = { .sa_handler = count_alarm };
    char large[100000] = { 0 };
    prong_pool *pool = begin(TWO);
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int k = 0; k < 30 || alarms < 100; k++) {
        expect_well(pool);
        ck_assert_int_eq(take_end(submit(pool, do_nothing, large, sizeof large, NULL)).kind, PRONG_DONE);
        ck_assert_int_eq(take_end(submit(pool, do_kill_itself, NULL, 0, NULL)).kind, PRONG_CRASHED);
    }
    prong_pool *another = begin(TWO);
    expect_well(another);
    ck_ok(prong_pool_close(another, PRONG_NEVER));
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    finish(pool);
}
END_TEST

/* ---- modules ---- */

static char folder[512], plug[600];

static void make_folder(void)
{
    const char *modules = getenv("PRONG_TEST_MODULES");
    if (!modules)
        skip("PRONG_TEST_MODULES does not say where late_*.so are: meson test does");
    (void)snprintf(folder, sizeof folder, "%s/test-containment-XXXXXX", modules);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(plug, sizeof plug, "%s/plug.so", folder);
}

/* A new file in the place of what is there. */
static void put_module(int number)
{
    char command[2000];
    (void)snprintf(command, sizeof command, "cp '%s/late_id%d.so' '%s.new' && mv '%s.new' '%s'", getenv("PRONG_TEST_MODULES"), number, plug, plug, plug);
    ck_assert_int_eq(system(command), 0);
}

static void *load_module(prong_fn **ret_fn)
{
    void *module = dlopen(plug, RTLD_NOW | RTLD_LOCAL), *symbol = module ? dlsym(module, "late_number") : NULL;
    ck_assert_msg(symbol != NULL, "%s", dlerror());
    memcpy(ret_fn, &symbol, sizeof symbol);
    return module;
}

static void expect_code(prong_pool *pool, prong_fn *fn, int code)
{
    prong_error end = take_end(submit(pool, fn, NULL, 0, NULL));
    ck_assert_msg(end.kind == PRONG_FAILED && end.code == code, "%d, %d: %s", end.kind, end.code, end.text);
}

/* Each number is the code of one build. */
START_TEST(a_module_that_was_replaced_on_disk_never_runs_in_the_place_of_the_one_that_was_meant)
{
    prong_fn *fn;
    prong_pool *pool = begin(ONE);
    make_folder();
    put_module(1);
    void *module = load_module(&fn);
    expect_code(pool, fn, 1);
    put_module(2);
    expect_code(pool, fn, 1);                          /* its worker has it */
    ck_assert_int_eq(take_end(submit(pool, do_kill_itself, NULL, 0, NULL)).kind, PRONG_CRASHED);
    prong_error end = take_end(submit(pool, fn, NULL, 0, NULL));
    ck_assert_int_eq(end.kind, PRONG_LOST);
    ck_assert_int_eq(end.code, ENOEXEC);
    ck_assert_str_ne(end.text, "");
    ck_assert_int_eq(dlclose(module), 0);
    module = load_module(&fn);
    expect_code(pool, fn, 2);
    (void)unlink(plug);
    (void)rmdir(folder);
    finish(pool);
    (void)dlclose(module);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(the_standby_takes_the_place_of_a_zygote_that_died_idle);
    add_case(a_zygote_that_dies_loses_what_runs_and_nothing_else);
    add_case(what_a_zygote_took_along_is_tried_again);
    add_case(a_zygote_that_dies_while_it_starts_workers_is_replaced);
    add_case(a_standby_that_dies_is_replaced_and_buried);
    add_case(without_zygote_and_standby_a_pool_goes_on_or_says_why_not);
    add_case(a_worker_that_stands_ready_takes_the_place_of_one_that_crashed);
    add_case(a_worker_that_stood_still_writes_nothing_late);
    add_case(more_output_than_a_ring_holds_reaches_its_readers);
    add_case(a_task_that_ends_its_thread_ends_its_worker);
    add_case(a_task_that_jumps_out_hurts_its_worker_alone);
    add_case(a_thread_that_a_task_leaves_dies_with_its_worker);
    add_case(a_thread_that_a_task_leaves_can_end_its_worker_alone);
    add_case(a_task_that_reads_what_is_its_workers_breaks_nothing_else);
    add_case(a_task_that_fills_all_bells_hurts_no_run_after_it);
    add_case(a_task_that_fills_its_bells_and_hangs_up_is_killed_after_its_time);
    add_case(workers_begin_with_what_the_program_had_when_it_opened_the_pool);
    add_case(who_gives_up_rights_after_prong_init_is_refused_new_workers);
    add_case(a_record_over_the_file_size_limit_ends_by_a_limit);
    add_case(signals_in_the_program_disturb_no_call);
    add_case(a_module_that_was_replaced_on_disk_never_runs_in_the_place_of_the_one_that_was_meant);
    return run_cases(argc, argv);
}
