/* The contract, bad ends: what a crash, an exit, a time limit, a cancel and the loss of the zygote do to one run, and to no other. */
#include "engines.h"
#include "proc.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *guard;            /* a page that nobody may touch, there before prong_init */

static prong_pool *begin_with_guard(int i, prong_pool_opts opts)
{
    guard = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(guard, MAP_FAILED);
    return begin_with(i, opts);
}

/* ---- crashes ---- */

struct deadly { int32_t signo, spoilt; uint32_t attempts_to_survive; };

/* How it dies; the cells tell the host which process it was, and how often it was tried. */
static int do_die(void *record)
{
    struct deadly *d = record;
    if (d->spoilt)
        return 100;
    d->spoilt = 1;
    atomic_store(&board->cell[0], (uint32_t)getpid());
    if (atomic_fetch_add(&board->cell[1], 1) + 1 == d->attempts_to_survive)
        return 0;
    if (!prong_output_alloc(100))
        return 101;
    if (d->signo == SIGSEGV)
        ((volatile char *)guard)[64] = 1;
    else if (d->signo == SIGABRT)
        abort();
    else
        (void)raise(d->signo);
    return 102;
}

static void expect_crash(prong_pool *pool, int signo, const char *name)
{
    struct deadly d = { .signo = signo };
    prong_future *f = submit(pool, do_die, &d, sizeof d, &(prong_run_opts){ .tag = 5 });
    prong_error end = end_of(f);
    ck_assert_int_eq(end.kind, PRONG_CRASHED);
    ck_assert_int_eq(end.code, signo);
    ck_assert_uint_eq(end.tag, 5);
    ck_assert_int_eq(end.pid, (int)atomic_load(&board->cell[0]));
    ck_assert_uint_eq(end.address, signo == SIGSEGV ? (uintptr_t)guard + 64 : 0);
    ck_assert_msg(strstr(end.text, name) != NULL, "no %s in \"%s\"", name, end.text);
    ck_assert_int_eq(((struct deadly *)prong_future_record(f))->spoilt, 0);
    ck_assert_ptr_null(prong_future_output(f, NULL));
    prong_future_free(f);
}

START_TEST(a_crash_fails_its_own_run_and_tells_all)
{
    static const struct { int signo; const char *name; } ways[] = {
        { SIGSEGV, "SIGSEGV" }, { SIGABRT, "SIGABRT" }, { SIGKILL, "SIGKILL" }, { SIGFPE, "SIGFPE" },
        { SIGBUS, "SIGBUS" }, { SIGILL, "SIGILL" }, { SIGTERM, "SIGTERM" }, { SIGHUP, "SIGHUP" }, { SIGUSR1, "SIGUSR1" },
    };
    leave_no_core();
    prong_pool *pool = begin_with_guard(_i, (prong_pool_opts){ .workers = 0 });
    uint64_t number = 1;
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        expect_crash(pool, ways[k].signo, ways[k].name);
        ck_assert_int_eq(take_end(submit(pool, do_increment, &number, sizeof number, NULL)).kind, PRONG_DONE);
    }
    ck_assert(is_alive((pid_t)atomic_load(&board->cell[0])) == false);
    finish(pool);
}
END_TEST

static int do_overflow(void *record)
{
    volatile char block[4096];
    const int *depth = record;
    int next = *depth + 1;
    block[0] = (char)next;
    return next > 1 << 28 ? block[0] : do_overflow(&next) + block[0];
}

/* Without a limit it would take all memory there is. */
static void limit_stack(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = limit.rlim_cur < 8 << 20 ? limit.rlim_cur : 8 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
}

START_TEST(a_stack_overflow_is_a_crash)
{
    leave_no_core();
    limit_stack();
    prong_pool *pool = begin(_i);
    int depth = 0;
    prong_error end = take_end(submit(pool, do_overflow, &depth, sizeof depth, NULL));
    ck_assert_int_eq(end.kind, PRONG_CRASHED);
    ck_assert_int_eq(end.code, SIGSEGV);
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(a_crash_leaves_all_other_runs_alone)
{
    enum { N = 60 };
    leave_no_core();
    prong_pool *pool = begin_with_guard(_i, (prong_pool_opts){ .workers = 0 });
    struct held h = hold_workers(pool, engines[_i].workers - 1);
    struct deadly d = { .signo = SIGKILL };
    prong_future *f[N];
    for (uint64_t k = 0; k < N; k++)
        f[k] = k % 6 == 5 ? submit(pool, do_die, &d, sizeof d, NULL) : submit(pool, do_increment, &k, sizeof k, NULL);
    for (uint64_t k = 0; k < N; k++) {
        ck_assert_int_eq(end_of(f[k]).kind, k % 6 == 5 ? PRONG_CRASHED : PRONG_DONE);
        if (k % 6 != 5)
            ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[k]), k + 1);
        prong_future_free(f[k]);
    }
    release_workers(&h);
    ck_assert_uint_eq(prong_pool_workers(pool), engines[_i].workers);
    finish(pool);
}
END_TEST

/* Where crashes are not contained: a whole program dies for it. */
START_TEST(a_crash_ends_the_program_where_it_is_not_contained)
{
    int status;
    leave_no_core();
    pid_t program = fork();
    ck_assert_int_ge(program, 0);
    if (program == 0) {
        prong_pool *pool = begin_with_guard(_i, (prong_pool_opts){ .workers = 0 });
        struct deadly d = { .signo = SIGSEGV };
        if (prong_promises(pool, PRONG_CONTAINS_CRASHES))
            _exit(1);
        (void)end_of(submit(pool, do_die, &d, sizeof d, NULL));
        _exit(2);
    }
    ck_assert_int_eq(waitpid(program, &status, 0), program);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

/* ---- exits ---- */

struct leaving { int32_t status, by_exit, spoilt; };

static int do_leave(void *record)
{
    struct leaving *l = record;
    l->spoilt = 1;
    atomic_store(&board->cell[0], (uint32_t)getpid());
    if (l->by_exit)
        exit(l->status);
    _exit(l->status);
}

START_TEST(an_exit_fails_its_own_run_with_the_status)
{
    static const struct leaving ways[] = { { 3, 0, 0 }, { 0, 0, 0 }, { 255, 0, 0 }, { 4, 1, 0 }, { 0, 1, 0 } };
    prong_pool *pool = begin(_i);
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        prong_future *f = submit(pool, do_leave, &ways[k], sizeof *ways, &(prong_run_opts){ .tag = k });
        prong_error end = end_of(f);
        ck_assert_int_eq(end.kind, PRONG_EXITED);
        ck_assert_int_eq(end.code, ways[k].status);
        ck_assert_uint_eq(end.tag, k);
        ck_assert_int_eq(end.pid, (int)atomic_load(&board->cell[0]));
        ck_assert_str_ne(end.text, "");
        ck_assert_int_eq(((struct leaving *)prong_future_record(f))->spoilt, 0);
        prong_future_free(f);
        ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    }
    finish(pool);
}
END_TEST

/* ---- time ---- */

START_TEST(a_run_that_gives_way_after_ask_ms_ended_by_its_time)
{
    prong_pool *pool = begin(_i);
    for (int code = 0; code < 3; code++) {
        struct telling t = { .code = code };
        expect_gave_way(submit(pool, do_give_way, &t, sizeof t, &(prong_run_opts){ .ask_ms = 3 }), PRONG_TIMEOUT, ETIMEDOUT);
    }
    finish(pool);
}
END_TEST

static int do_go_on_for_5_ms(void *record)
{
    struct telling *t = record;
    int64_t until = now_ns() + 5000000;
    while (now_ns() < until)
        ;
    t->spoilt = 1;
    return t->code;
}

START_TEST(a_run_that_never_asks_ends_as_if_it_had_not_been_told)
{
    prong_pool *pool = begin(_i);
    for (int code = 0; code < 2; code++) {
        struct telling t = { .code = code };
        prong_future *f = submit(pool, do_go_on_for_5_ms, &t, sizeof t, &(prong_run_opts){ .ask_ms = 1 });
        ck_assert_int_eq(end_of(f).kind, code ? PRONG_FAILED : PRONG_DONE);
        ck_assert_int_eq(((struct telling *)prong_future_record(f))->spoilt, 1);
        prong_future_free(f);
    }
    finish(pool);
}
END_TEST

static int do_ask_in_vain(void *record)
{
    (void)record;
    for (int k = 0; k < 1000; k++)
        if (prong_cancelled())
            return 1;
    return 0;
}

START_TEST(a_run_within_its_time_is_not_disturbed)
{
    prong_pool *pool = begin(_i);
    prong_run_opts opts = { .ask_ms = 600000, .kill_ms = prong_promises(pool, PRONG_KILLS) ? 600000 : 0 };
    for (int k = 0; k < 50; k++)
        ck_assert_int_eq(take_end(submit(pool, do_ask_in_vain, NULL, 0, &opts)).kind, PRONG_DONE);
    opts.ask_ms = UINT64_MAX;
    ck_assert_int_eq(take_end(submit(pool, do_ask_in_vain, NULL, 0, &opts)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(a_run_over_kill_ms_is_killed)
{
    prong_pool *pool = begin(_i);
    prong_run_opts opts = { .kill_ms = 20, .tag = 8 };
    prong_future *f = NULL;
    if (!prong_promises(pool, PRONG_KILLS)) {
        ck_refused(prong_submit(pool, do_nothing, NULL, 0, &opts, &f), ENOTSUP);
        ck_assert_ptr_null(f);
        finish(pool);
        return;
    }
    uint64_t number = 6;
    for (int k = 0; k < 3; k++) {
        f = submit(pool, do_stay, &number, sizeof number, &opts);
        prong_error end = end_of(f);
        ck_assert_int_eq(end.kind, PRONG_TIMEOUT);
        ck_assert_int_eq(end.code, ETIMEDOUT);
        ck_assert_uint_eq(end.tag, 8);
        ck_assert_str_ne(end.text, "");
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 6);
        prong_future_free(f);
        ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    }
    finish(pool);
}
END_TEST

START_TEST(a_run_that_ignores_being_asked_is_killed_at_last)
{
    prong_pool *pool = begin(_i);
    prong_run_opts both = { .ask_ms = 5, .kill_ms = 50 };
    prong_run_opts patient = { .ask_ms = 5, .kill_ms = 600000 };
    struct telling t = { .code = 1 };
    ck_assert_int_eq(take_end(submit(pool, do_stay, NULL, 0, &both)).kind, PRONG_TIMEOUT);
    expect_gave_way(submit(pool, do_give_way, &t, sizeof t, &patient), PRONG_TIMEOUT, ETIMEDOUT);
    finish(pool);
}
END_TEST

/* ---- again ---- */

START_TEST(a_crashed_run_is_tried_again_on_the_record_as_submitted)
{
    prong_pool *pool = begin_with_guard(_i, (prong_pool_opts){ .flags = PRONG_BILL });
    static const int signals[] = { SIGSEGV, SIGKILL };
    leave_no_core();
    for (int k = 0; k < 2; k++) {
        struct deadly d = { .signo = signals[k], .attempts_to_survive = 3 };
        prong_bill bill;
        atomic_store(&board->cell[1], 0);
        prong_future *f = submit(pool, do_die, &d, sizeof d, &(prong_run_opts){ .retries = 5, .tag = 6 });
        prong_error end = end_of(f);
        ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
        ck_assert_uint_eq(end.tag, 6);
        ck_assert_uint_eq(atomic_load(&board->cell[1]), 3);
        ck_assert_int_eq(((struct deadly *)prong_future_record(f))->spoilt, 1);
        ck_ok(prong_future_bill(f, &bill));
        ck_assert_uint_eq(bill.attempts, 3);
        prong_future_free(f);
    }
    finish(pool);
}
END_TEST

START_TEST(a_run_that_crashes_every_time_ends_when_its_retries_are_used_up)
{
    leave_no_core();
    prong_pool *pool = begin_with_guard(_i, (prong_pool_opts){ .workers = 0 });
    for (uint32_t retries = 0; retries < 4; retries++) {
        struct deadly d = { .signo = SIGKILL };
        atomic_store(&board->cell[1], 0);
        prong_future *f = submit(pool, do_die, &d, sizeof d, &(prong_run_opts){ .retries = retries });
        ck_assert_int_eq(end_of(f).kind, PRONG_CRASHED);
        ck_assert_uint_eq(atomic_load(&board->cell[1]), retries + 1);
        ck_assert_int_eq(((struct deadly *)prong_future_record(f))->spoilt, 0);
        prong_future_free(f);
    }
    finish(pool);
}
END_TEST

static int do_exit_twice(void *record)
{
    (void)record;
    if (atomic_fetch_add(&board->cell[1], 1) < 2)
        _exit(9);
    return 0;
}

static int do_stay_twice(void *record)
{
    return atomic_fetch_add(&board->cell[1], 1) < 2 ? do_stay(record) : 0;
}

START_TEST(an_exit_and_a_kill_by_time_are_tried_again)
{
    prong_pool *pool = begin(_i);
    ck_assert_int_eq(take_end(submit(pool, do_exit_twice, NULL, 0, &(prong_run_opts){ .retries = 2 })).kind, PRONG_DONE);
    ck_assert_uint_eq(atomic_load(&board->cell[1]), 3);
    atomic_store(&board->cell[1], 0);
    prong_run_opts opts = { .retries = 2, .kill_ms = 300 };      /* each attempt has that time of its own */
    ck_assert_int_eq(take_end(submit(pool, do_stay_twice, NULL, 0, &opts)).kind, PRONG_DONE);
    ck_assert_uint_eq(atomic_load(&board->cell[1]), 3);
    finish(pool);
}
END_TEST

static int do_give_way_twice(void *record)
{
    uint64_t *number = record;
    uint64_t before = (*number)++;
    if (atomic_fetch_add(&board->cell[1], 1) < 2)
        (void)do_until_told(NULL);
    return before == 70 ? 0 : 1;
}

START_TEST(a_run_that_gave_way_to_its_time_is_tried_again)
{
    prong_pool *pool = begin(_i);
    uint64_t number = 70;
    prong_future *f = submit(pool, do_give_way_twice, &number, sizeof number, &(prong_run_opts){ .retries = 2, .ask_ms = 3 });
    prong_error end = end_of(f);
    ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    ck_assert_uint_eq(atomic_load(&board->cell[1]), 3);
    ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 71);
    prong_future_free(f);
    atomic_store(&board->cell[1], 0);
    ck_assert_int_eq(take_end(submit(pool, do_give_way_twice, &number, sizeof number, &(prong_run_opts){ .retries = 1, .ask_ms = 3 })).kind,
                     PRONG_TIMEOUT);
    ck_assert_uint_eq(atomic_load(&board->cell[1]), 2);
    finish(pool);
}
END_TEST

static int do_count_and_fail(void *record)
{
    (void)record;
    tally_add(&board->done, 1);
    return 1;
}

START_TEST(a_failed_run_is_not_tried_again)
{
    prong_pool *pool = begin(_i);
    ck_assert_int_eq(take_end(submit(pool, do_count_and_fail, NULL, 0, &(prong_run_opts){ .retries = 5 })).kind, PRONG_FAILED);
    finish(pool);
    ck_assert_uint_eq(tally_read(&board->done), 1);
}
END_TEST

/* ---- the zygote ---- */

START_TEST(when_its_zygote_dies_what_runs_is_lost_and_the_pool_goes_on)
{
    enum { N = 30 };
    prong_pool *pool = begin(_i);
    prong_future *f[N];
    uint32_t lost = 0, turn = 1;
    for (uint32_t k = 0; k < N; k++)
        f[k] = submit(pool, do_hold, &turn, sizeof turn, &(prong_run_opts){ .tag = k, .retries = k % 2 });
    tally_await(&board->here, engines[_i].workers < N ? engines[_i].workers : N);
    ck_assert_int_eq(kill(zygote(), SIGKILL), 0);
    tally_add(&board->go, 1);
    for (uint32_t k = 0; k < N; k++) {
        prong_error end = end_of(f[k]);
        ck_assert_msg(end.kind == PRONG_DONE || (end.kind == PRONG_LOST && k % 2 == 0), "run %u: %s", k, end.text);
        ck_assert_uint_eq(end.tag, k);
        lost += end.kind == PRONG_LOST;
        if (end.kind == PRONG_LOST) {
            ck_assert_int_ne(end.code, 0);
            ck_assert_str_ne(end.text, "");
        }
        prong_future_free(f[k]);
    }
    ck_assert_uint_le(lost, engines[_i].workers);
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

START_TEST(a_pool_outlives_one_idle_zygote_after_the_other)
{
    if (SANITIZED_THREAD)
        skip("under the thread sanitizer the stand-by is the zygote's child, as the sanitizer must know of it, and later nobody's");
    prong_pool *pool = begin(_i);
    for (int k = 0; k < ROUNDS(engines[_i].workers > 7 ? 3 : 20); k++) {
        ck_assert_int_eq(kill(zygote(), SIGKILL), 0);
        int kind = take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind;       /* its worker may be about to die */
        ck_assert(kind == PRONG_DONE || kind == PRONG_LOST);
        ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .retries = 5 })).kind, PRONG_DONE);
        while (standby() == 0)                        /* nothing tells when it is there, but /proc */
            (void)sched_yield();
    }
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

START_TEST(without_zygote_and_stand_by_a_pool_is_broken_and_every_run_ends)
{
    enum { N = 30 };
    prong_pool *pool = begin(_i);
    prong_future *f[N], *refused = NULL;
    for (uint32_t k = 0; k < N; k++)
        f[k] = submit(pool, do_stay, NULL, 0, &(prong_run_opts){ .tag = k, .retries = k % 2 });
    tally_await(&board->here, engines[_i].workers < N ? engines[_i].workers : N);
    pid_t first = zygote(), second = standby();
    ck_assert_int_ne(second, 0);
    ck_assert_int_eq(kill(first, SIGSTOP), 0);       /* else it would make another */
    ck_assert_int_eq(kill(second, SIGKILL), 0);
    ck_assert_int_eq(kill(first, SIGKILL), 0);
    for (uint32_t k = 0; k < N; k++) {
        prong_error end = end_of(f[k]);
        ck_assert_int_eq(end.kind, PRONG_LOST);
        ck_assert_int_ne(end.code, 0);
        ck_assert_uint_eq(end.tag, k);
        ck_assert_str_ne(end.text, "");
        prong_future_free(f[k]);
    }
    ck_refused(prong_submit(pool, do_nothing, NULL, 0, NULL, &refused), EPIPE);
    ck_assert_ptr_null(refused);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_PROCESSES, a_crash_fails_its_own_run_and_tells_all);
    add_case_for("processes:2", a_stack_overflow_is_a_crash, 6, 0);
    add_case_on(ON_PROCESSES, a_crash_leaves_all_other_runs_alone);
    for (int i = 0; i <= 2; i += 2)
        add_case_for(engines[i].name, a_crash_ends_the_program_where_it_is_not_contained, i, 0);
    add_case_on(ON_PROCESSES, an_exit_fails_its_own_run_with_the_status);
    add_case_on(ON_EVERY, a_run_that_gives_way_after_ask_ms_ended_by_its_time);
    add_case_on(ON_EVERY, a_run_that_never_asks_ends_as_if_it_had_not_been_told);
    add_case_on(ON_EVERY, a_run_within_its_time_is_not_disturbed);
    add_case_on(ON_EVERY, a_run_over_kill_ms_is_killed);
    add_case_on(ON_PROCESSES, a_run_that_ignores_being_asked_is_killed_at_last);
    add_case_on(ON_PROCESSES, a_crashed_run_is_tried_again_on_the_record_as_submitted);
    add_case_on(ON_PROCESSES, a_run_that_crashes_every_time_ends_when_its_retries_are_used_up);
    add_case_on(ON_PROCESSES, an_exit_and_a_kill_by_time_are_tried_again);
    add_case_on(ON_EVERY, a_run_that_gave_way_to_its_time_is_tried_again);
    add_case_on(ON_EVERY, a_failed_run_is_not_tried_again);
    add_case_on(ON_PROCESSES, when_its_zygote_dies_what_runs_is_lost_and_the_pool_goes_on);
    add_case_on(ON_PROCESSES, without_zygote_and_stand_by_a_pool_is_broken_and_every_run_ends);
    add_case_on(ON_PROCESSES, a_pool_outlives_one_idle_zygote_after_the_other);
    return run_cases(argc, argv);
}
