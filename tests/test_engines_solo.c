/* The contract, solos: one worker of its own for one task. */
#include "engines.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char *engine_of(int i)
{
    static const char *const names[] = { "serial", "threads", "processes" };
    return names[engines[i].kind];
}

static prong_solo *start(int i, prong_fn *fn, const void *record, size_t size)
{
    prong_solo *s = NULL;
    prepare(i);
    ck_ok(prong_solo_start(&(prong_pool_opts){ .engine = engine_of(i) }, fn, record, size, &s));
    ck_assert_ptr_nonnull(s);
    return s;
}

START_TEST(a_solo_runs_its_task_and_gives_the_record_back)
{
    for (uint64_t k = 0; k < ROUNDS(30); k++) {
        uint64_t number = 0;
        prong_error end = { .kind = -1 };
        prong_solo *s = start(_i, do_increment, &k, sizeof k);
        ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, &number, &end), PRONG_DONE);
        ck_assert_int_eq(end.kind, PRONG_DONE);
        ck_assert_uint_eq(number, k + 1);
        prong_solo_free(s);
    }
    prong_solo_free(NULL);
    finish(NULL);
}
END_TEST

START_TEST(a_solo_tells_how_its_task_ended)
{
    int code = 21;
    prong_error end;
    prong_solo *s = start(_i, do_return, &code, sizeof code);
    ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, NULL, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 21);
    prong_solo_free(s);
    s = start(_i, do_nothing, NULL, 0);
    ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, NULL, NULL), PRONG_DONE);
    prong_solo_free(s);
    finish(NULL);
}
END_TEST

START_TEST(solos_run_side_by_side)
{
    enum { N = 10 };
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside start: one after the other");
    prong_solo *s[N];
    uint32_t turn = 1;
    for (int k = 0; k < N; k++)
        s[k] = start(_i, do_hold, &turn, sizeof turn);
    tally_await(&board->here, N);
    tally_add(&board->go, 1);
    for (int k = 0; k < N; k++) {
        ck_assert_int_eq(prong_solo_join(s[k], PRONG_NEVER, NULL, NULL), PRONG_DONE);
        prong_solo_free(s[k]);
    }
    finish(NULL);
}
END_TEST

START_TEST(a_join_gives_up_at_its_deadline)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside start: it has ended when it is joined");
    uint32_t turn = 1, number = 77;
    prong_error end, untouched;
    memset(&untouched, 0xaa, sizeof untouched);
    end = untouched;
    prong_solo *s = start(_i, do_hold, &turn, sizeof turn);
    tally_await(&board->here, 1);
    ck_refused(prong_solo_join(s, PRONG_NOW, &number, &end), ETIMEDOUT);
    ck_refused(prong_solo_join(s, prong_in_ms(5), &number, &end), ETIMEDOUT);
    ck_assert_uint_eq(number, 77);
    ck_assert_mem_eq(&end, &untouched, sizeof end);
    tally_add(&board->go, 1);
    ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, &number, &end), PRONG_DONE);
    ck_assert_uint_eq(number, 1);
    prong_solo_free(s);
    finish(NULL);
}
END_TEST

START_TEST(a_solo_is_killed_where_that_is_promised)
{
    uint32_t turn = 1;
    prong_error end;
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside start: it has ended when it could be killed");
    prong_solo *s = start(_i, engines[_i].kind == PROCESSES ? do_stay : do_hold, &turn, sizeof turn);
    tally_await(&board->here, 1);
    if (engines[_i].kind == PROCESSES) {
        ck_ok(prong_solo_kill(s));
        ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, &turn, &end), PRONG_CANCELLED);
        ck_assert_int_eq(end.code, ECANCELED);
        ck_assert_uint_eq(turn, 1);
        ck_refused(prong_solo_kill(s), EALREADY);
    } else {
        ck_refused(prong_solo_kill(s), ENOTSUP);
        tally_add(&board->go, 1);
        ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, NULL, NULL), PRONG_DONE);
    }
    prong_solo_free(s);
    finish(NULL);
}
END_TEST

static int do_crash(void *record)
{
    uint64_t *number = record;
    ++*number;
    return raise(SIGKILL);
}

START_TEST(a_crash_of_a_solo_is_contained)
{
    leave_no_core();
    uint64_t number = 3, back = 0;
    prong_error end;
    prong_solo *s = start(_i, do_crash, &number, sizeof number);
    ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, &back, &end), PRONG_CRASHED);
    ck_assert_int_eq(end.code, SIGKILL);
    ck_assert_int_gt(end.pid, 0);
    ck_assert_uint_eq(back, 3);                    /* as submitted */
    prong_solo_free(s);
    finish(NULL);
}
END_TEST

static int do_hold_and_mark(void *record)
{
    int r = do_hold(record);
    tally_add(&board->done, 1);
    return r;
}

START_TEST(a_solo_that_is_freed_before_its_join_goes_on_alone)
{
    enum { N = 5 };
    uint32_t turn = engines[_i].kind == SERIAL ? 0 : 1;
    for (int k = 0; k < N; k++)
        prong_solo_free(start(_i, do_hold_and_mark, &turn, sizeof turn));
    ck_assert_uint_eq(tally_read(&board->done), engines[_i].kind == SERIAL ? N : 0);
    tally_add(&board->go, 1);
    tally_await(&board->done, N);
}
END_TEST

START_TEST(bad_arguments_of_a_solo_are_refused)
{
    prong_solo *s = NULL;
    char small[1] = { 0 };
    prepare(_i);
    ck_refused(prong_solo_start(&(prong_pool_opts){ .engine = "gizmo" }, do_nothing, NULL, 0, &s), EINVAL);
    ck_refused(prong_solo_start(&(prong_pool_opts){ .engine = "mpi" }, do_nothing, NULL, 0, &s), ENOTSUP);
    ck_refused(prong_solo_start(&(prong_pool_opts){ .engine = engine_of(_i) }, NULL, NULL, 0, &s), EINVAL);
    ck_refused(prong_solo_start(&(prong_pool_opts){ .engine = engine_of(_i) }, do_nothing, small, PRONG_RECORD_MAX + 1, &s), EMSGSIZE);
    ck_refused(prong_solo_start(&(prong_pool_opts){ .engine = engine_of(_i), .sandbox = "pure" }, do_nothing, NULL, 0, &s), ENOTSUP);
    ck_assert_ptr_null(s);
}
END_TEST

static int do_tell_place(void *record)
{
    int *pid = record;
    *pid = getpid();
    return 0;
}

START_TEST(a_solo_lives_where_its_engine_says)
{
    int pid = 0;
    prong_solo *s = start(_i, do_tell_place, &pid, sizeof pid);
    ck_assert_int_eq(prong_solo_join(s, PRONG_NEVER, &pid, NULL), PRONG_DONE);
    ck_assert((pid == getpid()) == (engines[_i].kind != PROCESSES));
    prong_solo_free(s);
    finish(NULL);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_ONE_EACH, a_solo_runs_its_task_and_gives_the_record_back);
    add_case_on(ON_ONE_EACH, a_solo_tells_how_its_task_ended);
    add_case_on(ON_ONE_EACH, solos_run_side_by_side);
    add_case_on(ON_ONE_EACH, a_join_gives_up_at_its_deadline);
    add_case_on(ON_ONE_EACH, a_solo_is_killed_where_that_is_promised);
    add_case_for("processes", a_crash_of_a_solo_is_contained, 6, 0);
    add_case_on(ON_ONE_EACH, a_solo_that_is_freed_before_its_join_goes_on_alone);
    add_case_on(ON_ONE_EACH, bad_arguments_of_a_solo_are_refused);
    add_case_on(ON_ONE_EACH, a_solo_lives_where_its_engine_says);
    return run_cases(argc, argv);
}
