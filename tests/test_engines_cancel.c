/* The contract, cancelling and killing: what waits, what runs, and what ends by itself at that very moment. */
#include "engines.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- cancel ---- */

START_TEST(what_waits_is_cancelled_at_once_and_never_starts)
{
    static const enum prong_how hows[] = { PRONG_IF_WAITING, PRONG_ASK, PRONG_KILL };
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing waits");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, engines[_i].workers);
    for (int k = 0; k < 3; k++) {
        uint64_t number = 3;
        prong_future *f = submit(pool, do_mark, &number, sizeof number, &(prong_run_opts){ .tag = 4, .retries = 3 });
        ck_ok(prong_future_cancel(f, hows[k]));
        ck_assert_int_eq(prong_future_state(f), PRONG_ENDED);
        prong_error end = end_of(f);
        ck_assert_int_eq(end.kind, PRONG_CANCELLED);
        ck_assert_int_eq(end.code, ECANCELED);
        ck_assert_uint_eq(end.tag, 4);
        ck_assert_str_ne(end.text, "");
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f), 3);
        ck_refused(prong_future_cancel(f, hows[k]), EALREADY);
        prong_future_free(f);
    }
    release_workers(&h);
    finish(pool);
    ck_assert_uint_eq(tally_read(&board->done), 0);
}
END_TEST

START_TEST(what_has_ended_is_not_cancelled)
{
    prong_pool *pool = begin(_i);
    prong_future *f = submit(pool, do_nothing, NULL, 0, NULL);
    (void)end_of(f);
    ck_refused(prong_future_cancel(f, PRONG_IF_WAITING), EALREADY);
    ck_refused(prong_future_cancel(f, PRONG_ASK), EALREADY);
    ck_refused(prong_future_cancel(f, PRONG_KILL), EALREADY);
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(what_runs_is_left_alone_by_a_cancel_of_what_waits)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: its future is not known while it runs");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, 1);
    ck_refused(prong_future_cancel(h.f[0], PRONG_IF_WAITING), EBUSY);
    ck_assert_int_eq(prong_future_state(h.f[0]), PRONG_RUNNING);
    release_workers(&h);
    finish(pool);
}
END_TEST

START_TEST(what_runs_gives_way_when_asked)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: its future is not known while it runs");
    prong_pool *pool = begin(_i);
    for (int code = 0; code < 3; code++) {
        struct telling t = { .code = code };
        prong_future *f = submit(pool, do_give_way, &t, sizeof t, &(prong_run_opts){ .retries = 3 });
        tally_await(&board->here, (uint32_t)code + 1);
        ck_refused(prong_future_cancel(f, PRONG_ASK), EINPROGRESS);
        expect_gave_way(f, PRONG_CANCELLED, ECANCELED);
    }
    ck_assert_uint_eq(tally_read(&board->here), 3);
    finish(pool);
}
END_TEST

START_TEST(what_runs_and_never_asks_is_done_although_asked)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: its future is not known while it runs");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, 1);
    ck_refused(prong_future_cancel(h.f[0], PRONG_ASK), EINPROGRESS);
    ck_refused(prong_future_cancel(h.f[0], PRONG_ASK), EINPROGRESS);
    release_workers(&h);
    finish(pool);
}
END_TEST

/* The next run on the same worker is not taken for the one that was asked. */
static int do_ask_once(void *record)
{
    (void)record;
    return prong_cancelled() ? 1 : 0;
}

START_TEST(an_ask_is_for_one_run)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: its future is not known while it runs");
    prong_pool *pool = begin(_i);
    for (uint32_t k = 1; k <= 20; k++) {
        prong_future *f = submit(pool, do_until_told, NULL, 0, NULL);
        tally_await(&board->here, k);
        ck_refused(prong_future_cancel(f, PRONG_ASK), EINPROGRESS);
        ck_assert_int_eq(take_end(f).kind, PRONG_CANCELLED);
        for (uint32_t m = 0; m < engines[_i].workers; m++)
            ck_assert_int_eq(take_end(submit(pool, do_ask_once, NULL, 0, NULL)).kind, PRONG_DONE);
    }
    finish(pool);
}
END_TEST

START_TEST(what_runs_is_killed_where_that_is_promised)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: its future is not known while it runs");
    prong_pool *pool = begin(_i);
    if (!prong_promises(pool, PRONG_KILLS)) {
        struct held h = hold_workers(pool, 1);
        ck_refused(prong_future_cancel(h.f[0], PRONG_KILL), ENOTSUP);
        release_workers(&h);
        finish(pool);
        return;
    }
    for (uint32_t k = 1; k <= 5; k++) {
        prong_future *f = submit(pool, do_stay, NULL, 0, &(prong_run_opts){ .retries = 3 });
        tally_await(&board->here, k);
        ck_refused(prong_future_cancel(f, PRONG_KILL), EINPROGRESS);
        prong_error end = take_end(f);
        ck_assert_int_eq(end.kind, PRONG_CANCELLED);
        ck_assert_int_eq(end.code, ECANCELED);
        ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    }
    finish(pool);
}
END_TEST

static int do_crash_when_told(void *record)
{
    (void)do_until_told(record);
    return raise(SIGKILL);
}

START_TEST(a_run_that_was_asked_to_give_way_is_not_tried_again)
{
    leave_no_core();
    prong_pool *pool = begin(_i);
    prong_future *f = submit(pool, do_crash_when_told, NULL, 0, &(prong_run_opts){ .retries = 3 });
    tally_await(&board->here, 1);
    ck_refused(prong_future_cancel(f, PRONG_ASK), EINPROGRESS);
    prong_error end = take_end(f);
    ck_assert_msg(end.kind == PRONG_CRASHED || end.kind == PRONG_CANCELLED, "%s", end.text);
    finish(pool);
    ck_assert_uint_eq(tally_read(&board->here), 1);
}
END_TEST

/* ---- races: one end, told once, and in keeping with what the cancel said ---- */

struct ending { _Atomic int calls; };

static void count_end(prong_future *f, void *arg)
{
    struct ending *e = arg;
    (void)f;
    e->calls++;
    tally_add(&board->done, 1);
}

static bool fits(int cancel, int kind)
{
    switch (cancel) {
    case 0:
        return kind == PRONG_CANCELLED;
    case -EBUSY:
    case -ENOTSUP:
        return kind == PRONG_DONE;
    case -EALREADY:
    case -EINPROGRESS:
        return kind == PRONG_DONE || kind == PRONG_CANCELLED;
    }
    return false;
}

struct rivals { prong_future *f; enum prong_how how; uint32_t rounds; int r[2]; struct tally begun, cancelled; };

static void *cancel_in_thread(void *arg)
{
    struct rivals *rivals = arg;
    for (uint32_t k = 0; k < rivals->rounds; k++) {
        tally_await(&rivals->begun, k + 1);
        rivals->r[1] = prong_future_cancel(rivals->f, rivals->how);
        tally_add(&rivals->cancelled, 1);
    }
    return NULL;
}

/* Two threads cancel a run that may end by itself at any moment. */
static void race(prong_pool *pool, enum prong_how how, uint32_t rounds)
{
    struct rivals rivals = { .how = how, .rounds = rounds };
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_in_thread, &rivals), 0);
    uint32_t first = tally_read(&board->done);
    for (uint32_t k = 0; k < rounds; k++) {
        struct ending e = { .calls = 0 };
        rivals.f = submit(pool, do_ask_once, NULL, 0, NULL);
        tally_add(&rivals.begun, 1);
        if (k % 2)
            ck_ok(prong_future_on_end(rivals.f, count_end, &e));
        rivals.r[0] = prong_future_cancel(rivals.f, how);
        if (k % 2 == 0)
            ck_ok(prong_future_on_end(rivals.f, count_end, &e));
        int kind = prong_wait(rivals.f, PRONG_NEVER, NULL);
        tally_await(&rivals.cancelled, k + 1);
        tally_await(&board->done, first + k + 1);
        if (!fits(rivals.r[0], kind) || !fits(rivals.r[1], kind) || (rivals.r[0] == 0 && rivals.r[1] == 0) || e.calls != 1)
            ck_abort_msg("round %u: cancels said %d and %d, the end is %d, told %d times", k, rivals.r[0], rivals.r[1], kind, e.calls);
        prong_future_free(rivals.f);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(tally_read(&board->done), first + rounds);
}

START_TEST(a_cancel_that_races_the_end_leaves_one_end)
{
    prong_pool *pool = begin(_i);
    race(pool, PRONG_IF_WAITING, ROUNDS(6000));
    race(pool, PRONG_ASK, ROUNDS(6000));
    finish(pool);
}
END_TEST

START_TEST(a_kill_that_races_the_end_leaves_one_end)
{
    prong_pool *pool = begin(_i);
    race(pool, PRONG_KILL, ROUNDS(engines[_i].kind == PROCESSES ? 1000 : 6000));
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

static int do_last_1_ms(void *record)
{
    const int64_t *extra_ns = record;
    int64_t until = now_ns() + 1000000 + *extra_ns;
    while (now_ns() < until)
        ;
    return 0;
}

START_TEST(a_time_limit_that_races_the_end_leaves_one_end)
{
    prong_pool *pool = begin(_i);
    struct ending ends[ROUNDS(200)];
    for (int k = 0; k < ROUNDS(200); k++) {
        int64_t extra_ns = (k % 20 - 10) * 20000;
        ends[k].calls = 0;
        prong_future *f = submit(pool, do_last_1_ms, &extra_ns, sizeof extra_ns, &(prong_run_opts){ .kill_ms = 1 });
        ck_ok(prong_future_on_end(f, count_end, &ends[k]));
        int kind = take_end(f).kind;
        ck_assert_msg(kind == PRONG_DONE || kind == PRONG_TIMEOUT, "the end is %d", kind);
    }
    finish(pool);
    for (int k = 0; k < ROUNDS(200); k++)
        ck_assert_int_eq(ends[k].calls, 1);
}
END_TEST

/* ---- a random worker is killed now and then ---- */

enum { KILL_RUNS = ROUNDS(15000) };
struct killer { uint32_t slots; _Atomic bool stop; };       /* its kills are counted on the board: spare[1] */

/* The cell of its slot names the process for as long as it runs this. The first run stays until somebody was killed. */
static int do_in_danger(void *record)
{
    uint64_t *number = record;
    _Atomic uint32_t *cell = &board->cell[prong_slot()];
    atomic_store(cell, (uint32_t)getpid());
    for (volatile uint64_t k = 0; k < 10000; k++)
        ;
    while (*number == 0 && tally_read(&board->spare[1]) == 0)
        ;
    *number = *number * 3 + 1;
    atomic_store(cell, 0);
    return 0;
}

/* Held by its descriptor before the number is looked at again, so that a stranger with the same number is never hit; and the number of
 * a process that was killed is wiped away. */
static bool kill_cell(_Atomic uint32_t *cell)
{
    uint32_t pid = atomic_load(cell);
    int fd = pid ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
    bool killed = fd >= 0 && atomic_load(cell) == pid && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (killed)
        (void)atomic_compare_exchange_strong(cell, &pid, 0);
    return killed;
}

/* As many kills as there are runs for: one to fifty of them, so that the work gets done. */
static void *kill_at_random(void *arg)
{
    struct killer *k = arg;
    uint64_t seed = 88172645463325252ull;
    while (!atomic_load(&k->stop)) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint32_t ended = tally_read(&board->done);
        if (tally_read(&board->spare[1]) <= ended / 50 && kill_cell(&board->cell[seed % k->slots]))
            tally_add(&board->spare[1], 1);
    }
    return NULL;
}

static void mark_ended(prong_future *f, void *arg)
{
    _Atomic uint8_t *calls = arg;
    (void)f;
    ++*calls;
    tally_add(&board->done, 1);
}

START_TEST(a_killed_worker_loses_its_own_run_alone)
{
    static prong_future *f[KILL_RUNS];
    static _Atomic uint8_t calls[KILL_RUNS];
    prong_pool *pool = begin(_i);
    struct killer killer = { .slots = prong_pool_slots(pool) };
    pthread_t thread;
    uint32_t crashed = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, kill_at_random, &killer), 0);
    for (uint64_t k = 0; k < KILL_RUNS; k++) {
        f[k] = submit(pool, do_in_danger, &k, sizeof k, NULL);
        ck_ok(prong_future_on_end(f[k], mark_ended, &calls[k]));
    }
    tally_await(&board->done, KILL_RUNS);
    atomic_store(&killer.stop, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    for (uint64_t k = 0; k < KILL_RUNS; k++) {
        prong_error end = end_of(f[k]);
        uint64_t expected = end.kind == PRONG_DONE ? k * 3 + 1 : k;
        crashed += end.kind == PRONG_CRASHED;
        if (!(end.kind == PRONG_DONE || (end.kind == PRONG_CRASHED && end.code == SIGKILL)) ||
            *(uint64_t *)prong_future_record(f[k]) != expected || calls[k] != 1)
            ck_abort_msg("run %u: kind %d, code %d, told %d times: %s", (unsigned)k, end.kind, end.code, calls[k], end.text);
        prong_future_free(f[k]);
    }
    ck_assert_uint_gt(tally_read(&board->spare[1]), 0);
    ck_assert_uint_le(crashed, tally_read(&board->spare[1]));
    finish(pool);
}
END_TEST

START_TEST(with_retries_killed_workers_cost_no_result)
{
    static prong_future *f[KILL_RUNS];
    static _Atomic uint8_t calls[KILL_RUNS];
    prong_pool *pool = begin(_i);
    struct killer killer = { .slots = prong_pool_slots(pool) };
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, kill_at_random, &killer), 0);
    for (uint64_t k = 0; k < KILL_RUNS; k++) {
        f[k] = submit(pool, do_in_danger, &k, sizeof k, &(prong_run_opts){ .retries = 1000000 });
        ck_ok(prong_future_on_end(f[k], mark_ended, &calls[k]));
    }
    tally_await(&board->done, KILL_RUNS);
    atomic_store(&killer.stop, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    for (uint64_t k = 0; k < KILL_RUNS; k++) {
        if (end_of(f[k]).kind != PRONG_DONE || *(uint64_t *)prong_future_record(f[k]) != k * 3 + 1 || calls[k] != 1)
            ck_abort_msg("run %u: %s", (unsigned)k, end_of(f[k]).text);
        prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_EVERY, what_waits_is_cancelled_at_once_and_never_starts);
    add_case_on(ON_EVERY, what_has_ended_is_not_cancelled);
    add_case_on(ON_EVERY, what_runs_is_left_alone_by_a_cancel_of_what_waits);
    add_case_on(ON_EVERY, what_runs_gives_way_when_asked);
    add_case_on(ON_EVERY, what_runs_and_never_asks_is_done_although_asked);
    add_case_on(ON_EVERY, an_ask_is_for_one_run);
    add_case_on(ON_EVERY, what_runs_is_killed_where_that_is_promised);
    add_case_on(ON_PROCESSES, a_run_that_was_asked_to_give_way_is_not_tried_again);
    add_case_on(ON_EVERY, a_cancel_that_races_the_end_leaves_one_end);
    add_case_on(ON_EVERY, a_kill_that_races_the_end_leaves_one_end);
    add_case_on(ON_PROCESSES, a_time_limit_that_races_the_end_leaves_one_end);
    add_case_on(ON_PROCESSES, a_killed_worker_loses_its_own_run_alone);
    add_case_on(ON_PROCESSES, with_retries_killed_workers_cost_no_result);
    return run_cases(argc, argv);
}
