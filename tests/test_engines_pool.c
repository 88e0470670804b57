/* The contract, pools: how they are opened, or refused, and what they promise. */
#include "engines.h"
#include "proc.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ---- the library itself ---- */

START_TEST(the_version_is_that_of_the_header)
{
    char expected[32];
    (void)snprintf(expected, sizeof expected, "%d.%d.%d", PRONG_VERSION_MAJOR, PRONG_VERSION_MINOR, PRONG_VERSION_PATCH);
    ck_assert_str_eq(prong_version(), expected);
}
END_TEST

START_TEST(a_deadline_is_a_moment_of_the_monotonic_clock)
{
    int64_t before = now_ns();
    prong_time soon = prong_in_ms(1000);
    int64_t after = now_ns();
    ck_assert_int_ge(soon, before + 1000000000);
    ck_assert_int_le(soon, after + 1000000000);
    ck_assert_int_eq(prong_in_ms(0), PRONG_NOW);
    ck_assert_int_eq(prong_in_ms(-1), PRONG_NOW);
    ck_assert_int_eq(prong_in_ms(INT64_MIN), PRONG_NOW);
    ck_assert_int_gt(prong_in_ms(INT64_MAX), after);
    ck_assert_int_gt(prong_in_ms(INT64_MAX / 1000000), after);
}
END_TEST

static void *fail_in_thread(void *arg)
{
    prong_pool *pool = NULL;
    (void)arg;
    if (strcmp(prong_last_error(), "") != 0 && strstr(prong_last_error(), "gizmo"))
        return arg;
    (void)prong_pool_open(&(prong_pool_opts){ .engine = "doohickey" }, &pool);
    return strstr(prong_last_error(), "doohickey") ? NULL : arg;
}

START_TEST(the_last_error_is_told_to_the_thread_that_made_it)
{
    prong_pool *pool = NULL;
    pthread_t thread;
    void *bad;
    ck_assert_ptr_nonnull(prong_last_error());
    ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = "gizmo" }, &pool), EINVAL);
    ck_assert_ptr_nonnull(strstr(prong_last_error(), "gizmo"));
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_in_thread, &pool), 0);
    ck_assert_int_eq(pthread_join(thread, &bad), 0);
    ck_assert_ptr_null(bad);
    ck_assert_ptr_nonnull(strstr(prong_last_error(), "gizmo"));
}
END_TEST

START_TEST(cpus_are_those_that_this_process_may_use)
{
    cpu_set_t one;
    int cpu = sched_getcpu();
    ck_assert_uint_ge(prong_cpus(), 1);
    ck_assert_uint_le(prong_cpus(), (uint32_t)sysconf(_SC_NPROCESSORS_CONF));
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(prong_cpus(), 1);
}
END_TEST

/* ---- opening ---- */

START_TEST(what_is_no_engine_is_refused)
{
    static const char *const names[] = { "thread", "threadss", "Threads", "fibers", "threads:0", "threads:", "threads:x", "threads:2x", "threads:-1",
                                         "threads: 2", "threads:99999999999999999999", "threads:2:2", ":2", "serial,", "processes:0" };
    unsigned fds = open_fds();
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        prong_pool *pool = NULL;
        int r = prong_pool_open(&(prong_pool_opts){ .engine = names[k] }, &pool);
        ck_assert_msg(r == -EINVAL, "\"%s\" is %d", names[k], r);
        ck_assert_str_ne(prong_last_error(), "");
        ck_assert_ptr_null(pool);
    }
    ck_assert_uint_eq(open_fds(), fds);
}
END_TEST

START_TEST(mpi_is_not_in_this_version_and_says_so)
{
    static const char *const names[] = { "mpi", "mpi:4" };
    for (size_t k = 0; k < 2; k++) {
        prong_pool *pool = NULL;
        ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = names[k] }, &pool), ENOTSUP);
        ck_assert_ptr_nonnull(strstr(prong_last_error(), "mpi"));
        ck_assert_ptr_null(pool);
    }
}
END_TEST

START_TEST(serial_has_one_worker)
{
    prong_pool *pool = NULL;
    ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = "serial:2" }, &pool), ENOTSUP);
    ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = "serial", .workers = 2 }, &pool), ENOTSUP);
    ck_assert_ptr_null(pool);
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = "serial:1" }, &pool));
    ck_assert_uint_eq(prong_pool_workers(pool), 1);
    ck_refused(prong_pool_resize(pool, 2), ENOTSUP);
    ck_ok(prong_pool_resize(pool, 1));
    ck_ok(prong_pool_resize(pool, 0));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
}
END_TEST

START_TEST(without_an_engine_the_environment_chooses)
{
    prong_pool *pool = NULL;
    ck_assert_int_eq(setenv("PRONG_ENGINE", "threads:3", 1), 0);
    ck_ok(prong_pool_open(NULL, &pool));
    ck_assert_uint_eq(prong_pool_workers(pool), 3);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_assert_int_eq(setenv("PRONG_ENGINE", "serial", 1), 0);
    ck_ok(prong_pool_open(&(prong_pool_opts){ .name = "x" }, &pool));
    ck_refused(prong_pool_resize(pool, 2), ENOTSUP);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = "threads:2" }, &pool));       /* what is asked for goes first */
    ck_assert_uint_eq(prong_pool_workers(pool), 2);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_assert_int_eq(setenv("PRONG_ENGINE", "gizmo", 1), 0);
    pool = NULL;
    ck_refused(prong_pool_open(NULL, &pool), EINVAL);
    ck_assert_ptr_null(pool);
}
END_TEST

START_TEST(without_anything_said_there_are_threads_one_per_cpu)
{
    prong_pool *pool = NULL;
    ck_assert_int_eq(unsetenv("PRONG_ENGINE"), 0);
    ck_ok(prong_pool_open(NULL, &pool));
    ck_assert_uint_eq(prong_pool_workers(pool), prong_cpus());
    ck_assert(prong_promises(pool, PRONG_SHARES_ALL));
    ck_refused(prong_pool_open(&(prong_pool_opts){ .runs_per_worker = 1 }, &pool), ENOTSUP);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_ok(prong_pool_close(NULL, PRONG_NEVER));
}
END_TEST

START_TEST(an_engine_tells_what_it_promises)
{
    prong_pool *pool = begin(_i);
    bool apart = engines[_i].kind == PROCESSES;
    ck_assert(prong_promises(pool, PRONG_SHARES_ALL) == !apart);
    ck_assert(prong_promises(pool, PRONG_SHARES_HEAP));
    ck_assert(prong_promises(pool, PRONG_CONTAINS_CRASHES) == apart);
    ck_assert(prong_promises(pool, PRONG_KILLS) == apart);
    ck_assert(prong_promises(pool, PRONG_LIMITS_MEMORY) == apart);
    ck_assert(!prong_promises(pool, PRONG_SANDBOXES));
    ck_assert_uint_eq(prong_pool_workers(pool), engines[_i].workers);
    ck_assert_uint_ge(prong_pool_slots(pool), engines[_i].workers);
    finish(pool);
}
END_TEST

START_TEST(what_is_not_promised_is_refused)
{
    prong_pool *pool = NULL, *other = begin(_i);
    const char *engine = engines[_i].name;
    unsigned fds = open_fds();
    if (engines[_i].kind != PROCESSES) {
        ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = engine, .memory_bytes = 1 << 30 }, &pool), ENOTSUP);
        ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = engine, .cpu_ms = 1000 }, &pool), ENOTSUP);
        ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = engine, .files = 100 }, &pool), ENOTSUP);
    }
    ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = engine, .sandbox = "pure" }, &pool), ENOTSUP);
    ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = engine, .sandbox = "read" }, &pool), ENOTSUP);
    ck_assert_int_lt(prong_pool_open(&(prong_pool_opts){ .engine = engine, .sandbox = "cellar" }, &pool), 0);
    ck_assert_int_lt(prong_pool_open(&(prong_pool_opts){ .engine = engine, .flags = 1u << 31 }, &pool), 0);
    if (engines[_i].kind != PROCESSES)
        ck_refused(prong_pool_open(&(prong_pool_opts){ .engine = engine, .runs_per_worker = 5 }, &pool), ENOTSUP);
    ck_assert_ptr_null(pool);
    ck_assert_uint_eq(open_fds(), fds);
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = engine, .sandbox = "none" }, &pool));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    finish(other);
}
END_TEST

/* ---- options of an older or a newer caller ---- */

struct newer_pool_opts { prong_pool_opts known; uint64_t unknown[2]; };
struct newer_run_opts { prong_run_opts known; uint64_t unknown[2]; };

START_TEST(a_newer_caller_may_not_ask_for_what_is_unknown)
{
    prong_pool *pool = NULL, *other = begin(_i);
    prong_future *f = NULL;
    struct newer_pool_opts p = { .known.engine = engines[_i].name, .unknown = { 0, 1 } };
    struct newer_run_opts r = { .known.tag = 5, .unknown = { 0, 1 } };
    ck_assert_int_lt(prong_pool_open_v(&p.known, sizeof p, &pool), 0);
    ck_assert_str_ne(prong_last_error(), "");
    ck_assert_ptr_null(pool);
    ck_assert_int_lt(prong_submit_v(other, do_nothing, NULL, 0, &r.known, sizeof r, &f), 0);
    ck_assert_ptr_null(f);
    p.unknown[1] = r.unknown[1] = 0;
    ck_ok(prong_pool_open_v(&p.known, sizeof p, &pool));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_ok(prong_submit_v(other, do_nothing, NULL, 0, &r.known, sizeof r, &f));
    ck_assert_uint_eq(take_end(f).tag, 5);
    finish(other);
}
END_TEST

START_TEST(an_older_caller_gets_the_defaults_of_what_it_does_not_know)
{
    prong_pool *pool = NULL, *other = begin(_i);
    prong_future *f = NULL;
    prong_pool_opts p = { .engine = engines[_i].name, .sandbox = "not read", .memory_bytes = 1, .flags = ~0u };
    prong_run_opts r = { .ask_ms = 600000, .kill_ms = 1, .tag = 7 };
    ck_ok(prong_pool_open_v(&p, offsetof(prong_pool_opts, flags), &pool));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_ok(prong_submit_v(other, do_nothing, NULL, 0, &r, offsetof(prong_run_opts, kill_ms), &f));
    prong_error end = take_end(f);
    ck_assert_int_eq(end.kind, PRONG_DONE);
    ck_assert_uint_eq(end.tag, 0);
    ck_ok(prong_pool_open_v(NULL, 0, &pool));
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    finish(other);
}
END_TEST

/* ---- bad arguments ---- */

START_TEST(bad_arguments_are_refused)
{
    prong_pool *pool = begin(_i);
    prong_future *f = NULL;
    ck_refused(prong_submit(NULL, do_nothing, NULL, 0, NULL, &f), EINVAL);
    ck_refused(prong_submit(pool, NULL, NULL, 0, NULL, &f), EINVAL);
    ck_refused(prong_submit(pool, do_nothing, NULL, 8, NULL, &f), EINVAL);
    ck_refused(prong_pool_resize(NULL, 2), EINVAL);
    ck_assert_ptr_null(f);
    finish(pool);
}
END_TEST

/* ---- names ---- */

static int do_tell_name(void *record)
{
    return prctl(PR_GET_NAME, record);
}

START_TEST(workers_show_the_name_of_their_pool)
{
    static const char *const names[] = { NULL, "orders", "a name that is too long for the kernel" };
    if (engines[_i].kind == SERIAL)
        skip("serial has no worker of its own");
    for (int k = 0; k < 3; k++) {
        char name[16] = "";
        prong_pool *pool = begin_with(_i, (prong_pool_opts){ .name = names[k] });
        prong_future *f = submit(pool, do_tell_name, name, sizeof name, NULL);
        ck_assert_int_eq(prong_wait(f, prong_in_ms(50000), NULL), 0);       /* with a deadline nobody but a worker runs it */
        ck_assert_msg(strncmp(prong_future_record(f), k == 1 ? "orders" : k == 0 ? "prong" : "a name", 5) == 0, "the name is \"%.16s\"",
                      (char *)prong_future_record(f));
        prong_future_free(f);
        finish(pool);
    }
}
END_TEST

int main(int argc, char **argv)
{
    add_case(the_version_is_that_of_the_header);
    add_case(a_deadline_is_a_moment_of_the_monotonic_clock);
    add_case(the_last_error_is_told_to_the_thread_that_made_it);
    add_case(cpus_are_those_that_this_process_may_use);
    add_case(what_is_no_engine_is_refused);
    add_case(mpi_is_not_in_this_version_and_says_so);
    add_case(serial_has_one_worker);
    add_case(without_an_engine_the_environment_chooses);
    add_case(without_anything_said_there_are_threads_one_per_cpu);
    add_case_on(ON_CROWDS, an_engine_tells_what_it_promises);
    add_case_on(ON_ONE_EACH, what_is_not_promised_is_refused);
    add_case_on(ON_ONE_EACH, a_newer_caller_may_not_ask_for_what_is_unknown);
    add_case_on(ON_ONE_EACH, an_older_caller_gets_the_defaults_of_what_it_does_not_know);
    add_case_on(ON_ONE_EACH, bad_arguments_are_refused);
    add_case_on(ON_ONE_EACH, workers_show_the_name_of_their_pool);
    return run_cases(argc, argv);
}
