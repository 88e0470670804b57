/* The contract, one future: its state, the waits for it, who is told of its end, where it ran and what it cost. */
#include "engines.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- states and waits ---- */

START_TEST(a_future_tells_its_state)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: a future is born ended");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, engines[_i].workers);
    uint64_t number = 1;
    prong_future *f = submit(pool, do_increment, &number, sizeof number, &(prong_run_opts){ .tag = 5 });
    ck_assert_int_eq(prong_future_state(h.f[0]), PRONG_RUNNING);
    ck_assert_int_eq(prong_future_state(f), PRONG_WAITING);
    ck_assert_uint_eq(prong_future_tag(f), 5);
    ck_assert_ptr_null(prong_future_record(f));
    ck_assert_ptr_null(prong_future_record(h.f[0]));
    ck_assert_ptr_null(prong_future_output(f, NULL));
    release_workers(&h);
    (void)end_of(f);
    ck_assert_int_eq(prong_future_state(f), PRONG_ENDED);
    ck_assert_uint_eq(prong_future_tag(f), 5);
    ck_assert_ptr_nonnull(prong_future_record(f));
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(a_future_of_serial_is_ended_when_submit_returns)
{
    prong_pool *pool = begin(_i);
    prong_future *f = submit(pool, do_nothing, NULL, 0, NULL);
    ck_assert_int_eq(prong_future_state(f), PRONG_ENDED);
    ck_assert_int_eq(prong_wait(f, PRONG_NOW, NULL), 0);
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(a_wait_gives_up_at_its_deadline_and_writes_nothing)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing is waited for");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, 1);
    prong_error end, untouched;
    size_t which = 99;
    memset(&untouched, 0xaa, sizeof untouched);
    end = untouched;
    ck_refused(prong_wait(h.f[0], PRONG_NOW, &end), ETIMEDOUT);
    ck_refused(prong_wait(h.f[0], prong_in_ms(5), &end), ETIMEDOUT);
    ck_refused(prong_wait_all(h.f, 1, PRONG_NOW, &end), ETIMEDOUT);
    ck_refused(prong_wait_all(h.f, 1, prong_in_ms(5), &end), ETIMEDOUT);
    ck_refused(prong_wait_any(h.f, 1, PRONG_NOW, &which), ETIMEDOUT);
    ck_refused(prong_wait_any(h.f, 1, prong_in_ms(5), &which), ETIMEDOUT);
    ck_assert_mem_eq(&end, &untouched, sizeof end);
    ck_assert_uint_eq(which, 99);
    release_workers(&h);
    finish(pool);
}
END_TEST

START_TEST(a_wait_for_what_has_ended_needs_no_time)
{
    prong_pool *pool = begin(_i);
    int code = 3;
    prong_future *f = submit(pool, do_return, &code, sizeof code, NULL);
    prong_error first = end_of(f), again;
    ck_assert_int_eq(prong_wait(f, PRONG_NOW, &again), PRONG_FAILED);
    ck_assert_mem_eq(&first, &again, sizeof first);
    ck_assert_int_eq(prong_wait(f, PRONG_NEVER, NULL), PRONG_FAILED);
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(wait_all_tells_the_bad_end_with_the_lowest_index)
{
    enum { N = 40 };
    prong_pool *pool = begin(_i);
    prong_future *f[N];
    prong_error end;
    for (int k = 0; k < N; k++) {
        int code = k == 11 ? 111 : k == 30 ? 130 : 0;
        f[k] = submit(pool, do_return, &code, sizeof code, &(prong_run_opts){ .tag = (uint64_t)k + 1000 });
    }
    ck_assert_int_eq(prong_wait_all(f, N, PRONG_NEVER, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 111);
    ck_assert_uint_eq(end.tag, 1011);
    ck_assert_int_eq(prong_wait_all(f, N, PRONG_NOW, NULL), PRONG_FAILED);
    ck_assert_int_eq(prong_wait_all(f, 11, PRONG_NOW, &end), PRONG_DONE);
    ck_assert_int_eq(end.kind, PRONG_DONE);
    ck_assert_str_eq(end.text, "");
    ck_assert_int_eq(prong_wait_all(f + 12, N - 12, PRONG_NOW, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 130);
    end.kind = -1;
    ck_assert_int_eq(prong_wait_all(f, 0, PRONG_NOW, &end), PRONG_DONE);
    ck_assert_int_eq(end.kind, PRONG_DONE);
    for (int k = 0; k < N; k++)
        prong_future_free(f[k]);
    finish(pool);
}
END_TEST

START_TEST(wait_any_tells_one_that_has_ended)
{
    if (engines[_i].workers < 2)
        skip("needs two runs at once");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, 1);
    int code = 4;
    size_t which = 99;
    prong_future *f[2] = { h.f[0], submit(pool, do_return, &code, sizeof code, NULL) };
    ck_ok(prong_wait_any(f, 2, PRONG_NEVER, &which));
    ck_assert_uint_eq(which, 1);
    ck_assert_int_eq(prong_future_state(f[1]), PRONG_ENDED);
    ck_assert_int_eq(prong_future_state(f[0]), PRONG_RUNNING);
    release_workers(&h);
    prong_future_free(f[1]);
    finish(pool);
}
END_TEST

START_TEST(wait_any_takes_the_runs_one_after_the_other)
{
    enum { N = 50 };
    prong_pool *pool = begin(_i);
    prong_future *f[N];
    bool seen[N] = { false };
    for (uint64_t k = 0; k < N; k++)
        f[k] = submit(pool, do_increment, &k, sizeof k, &(prong_run_opts){ .tag = k });
    for (size_t left = N; left > 0; left--) {
        size_t which = N;
        ck_ok(prong_wait_any(f, left, PRONG_NEVER, &which));
        ck_assert_uint_lt(which, left);
        uint64_t tag = prong_future_tag(f[which]);
        ck_assert(!seen[tag]);
        seen[tag] = true;
        ck_assert_uint_eq(*(uint64_t *)prong_future_record(f[which]), tag + 1);
        prong_future_free(f[which]);
        f[which] = f[left - 1];
    }
    finish(pool);
}
END_TEST

struct waiter { prong_future *f; int r; prong_error end; prong_time deadline; };

static void *wait_in_thread(void *arg)
{
    struct waiter *w = arg;
    tally_add(&board->spare[2], 1);
    w->r = prong_wait(w->f, w->deadline, &w->end);
    return NULL;
}

START_TEST(any_number_of_threads_may_wait_for_one_future)
{
    enum { N = 20 };
    prong_pool *pool = begin(_i);
    struct waiter waiters[N];
    pthread_t threads[N];
    int code = 9;
    struct held h = { .n = 0 };
    if (engines[_i].kind != SERIAL)
        h = hold_workers(pool, 1);
    prong_future *f = submit(pool, do_return, &code, sizeof code, NULL);
    for (int k = 0; k < N; k++) {
        waiters[k] = (struct waiter){ .f = f, .deadline = k % 2 ? PRONG_NEVER : prong_in_ms(50000) };
        ck_assert_int_eq(pthread_create(&threads[k], NULL, wait_in_thread, &waiters[k]), 0);
    }
    tally_await(&board->spare[2], N);
    release_workers(&h);
    for (int k = 0; k < N; k++) {
        ck_assert_int_eq(pthread_join(threads[k], NULL), 0);
        ck_assert_int_eq(waiters[k].r, PRONG_FAILED);
        ck_assert_int_eq(waiters[k].end.code, 9);
    }
    prong_future_free(f);
    finish(pool);
}
END_TEST

/* ---- on_end ---- */

struct ending { _Atomic int calls; prong_future *f; _Atomic int kind; };

static void note_end(prong_future *f, void *arg)
{
    struct ending *e = arg;
    prong_error end;
    e->kind = prong_wait(f, PRONG_NOW, &end);
    e->f = f;
    e->calls++;
    tally_add(&board->done, 1);
}

START_TEST(on_end_is_called_once_when_the_run_ends)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: on_end always comes after the end");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, 1);
    struct ending e = { .calls = 0 };
    ck_ok(prong_future_on_end(h.f[0], note_end, &e));
    ck_refused(prong_future_on_end(h.f[0], note_end, &e), EEXIST);
    ck_assert_int_eq(e.calls, 0);
    prong_future *f = h.f[0];
    release_workers(&h);
    tally_await(&board->done, 1);
    finish(pool);
    ck_assert_int_eq(e.calls, 1);
    ck_assert_int_eq(e.kind, PRONG_DONE);
    ck_assert_ptr_eq(e.f, f);
}
END_TEST

START_TEST(on_end_of_what_has_ended_is_called_here_and_now)
{
    prong_pool *pool = begin(_i);
    struct ending e = { .calls = 0 };
    int code = 1;
    prong_future *f = submit(pool, do_return, &code, sizeof code, NULL);
    (void)end_of(f);
    ck_ok(prong_future_on_end(f, note_end, &e));
    ck_assert_int_eq(e.calls, 1);
    ck_assert_int_eq(e.kind, PRONG_FAILED);
    ck_refused(prong_future_on_end(f, note_end, &e), EEXIST);
    prong_future_free(f);
    finish(pool);
}
END_TEST

struct chain { prong_pool *pool; prong_future *other; _Atomic int submitted, cancelled, freed; };

static void free_next(prong_future *f, void *arg)
{
    struct chain *c = arg;
    prong_future_free(f);
    c->freed++;
    tally_add(&board->done, 1);
}

static void submit_cancel_and_free(prong_future *f, void *arg)
{
    struct chain *c = arg;
    prong_future *next = NULL;
    c->submitted = prong_submit(c->pool, do_nothing, NULL, 0, NULL, &next);
    c->cancelled = prong_future_cancel(c->other, PRONG_IF_WAITING);
    (void)prong_future_on_end(next, free_next, c);
    free_next(f, c);
}

START_TEST(an_on_end_may_submit_cancel_and_free)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing is left to cancel");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, engines[_i].workers);
    struct chain c = { .pool = pool, .other = submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .priority = -1 }) };
    prong_future *first = submit(pool, do_nothing, NULL, 0, &(prong_run_opts){ .priority = 1 });
    /* Ends while all workers are held: nobody has begun the other one when this end is told. */
    ck_ok(prong_future_on_end(first, submit_cancel_and_free, &c));
    ck_ok(prong_future_cancel(first, PRONG_IF_WAITING));
    release_workers(&h);
    tally_await(&board->done, 2);
    ck_assert_int_eq(take_end(c.other).kind, PRONG_CANCELLED);
    finish(pool);
    ck_assert_int_eq(c.submitted, 0);
    ck_assert_int_eq(c.cancelled, 0);
    ck_assert_int_eq(c.freed, 2);
}
END_TEST

/* ---- slots ---- */

/* The cell of a slot counts those who are in it: never more than one. */
static int do_use_slot(void *record)
{
    const uint32_t *slots = record;
    uint32_t slot = prong_slot();
    if (slot >= *slots)
        return 1;
    uint32_t others = atomic_fetch_add(&board->cell[slot], 1);
    for (volatile int k = 0; k < 500; k++)
        ;
    uint32_t still = atomic_fetch_sub(&board->cell[slot], 1);
    return others == 0 && still == 1 && prong_slot() == slot ? 0 : 2;
}

static void *wait_for_many(void *arg)
{
    prong_future **f = arg;
    for (int k = 0; k < 100; k++)
        if (prong_wait(f[k], PRONG_NEVER, NULL) != 0)
            return f[k];
    return NULL;
}

START_TEST(two_runs_at_once_never_have_the_same_slot)
{
    enum { WAITERS = 4, EACH = 100, N = WAITERS * EACH };
    prong_pool *pool = begin(_i);
    prong_future *f[N];
    pthread_t threads[WAITERS];
    uint32_t slots = prong_pool_slots(pool);
    ck_assert_uint_ge(slots, engines[_i].workers);
    for (int round = 0; round < ROUNDS(10); round++) {
        for (int k = 0; k < N; k++)
            f[k] = submit(pool, do_use_slot, &slots, sizeof slots, NULL);
        for (int k = 0; k < WAITERS; k++)
            ck_assert_int_eq(pthread_create(&threads[k], NULL, wait_for_many, f + k * EACH), 0);
        for (int k = 0; k < WAITERS; k++) {
            void *bad;
            ck_assert_int_eq(pthread_join(threads[k], &bad), 0);
            ck_assert_ptr_null(bad);
        }
        for (int k = 0; k < N; k++)
            prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

enum { HELPERS = 3 };

/* All are here at the same time, and each tells its slot. */
static int do_meet_in_slot(void *record)
{
    uint32_t *slot = record;
    *slot = prong_slot();
    tally_add(&board->spare[1], 1);
    tally_await(&board->spare[1], HELPERS);
    return prong_slot() == *slot ? 0 : 1;
}

static int do_hold_and_tell_slot(void *record)
{
    uint32_t *slot = record;
    *slot = prong_slot();
    tally_add(&board->here, 1);
    tally_await(&board->go, 1);
    return 0;
}

START_TEST(threads_that_run_what_they_wait_for_have_slots_of_their_own)
{
    prong_pool *pool = begin(_i);
    uint32_t n = engines[_i].workers, none = 0, seen[128] = { 0 };
    prong_future *f[64 + HELPERS];
    struct waiter waiters[HELPERS];
    pthread_t threads[HELPERS];
    for (uint32_t k = 0; k < n; k++)
        f[k] = submit(pool, do_hold_and_tell_slot, &none, sizeof none, NULL);
    tally_await(&board->here, n);
    for (uint32_t k = 0; k < HELPERS; k++) {
        f[n + k] = submit(pool, do_meet_in_slot, &none, sizeof none, NULL);
        waiters[k] = (struct waiter){ .f = f[n + k], .deadline = PRONG_NEVER };
        ck_assert_int_eq(pthread_create(&threads[k], NULL, wait_in_thread, &waiters[k]), 0);
    }
    for (uint32_t k = 0; k < HELPERS; k++) {
        ck_assert_int_eq(pthread_join(threads[k], NULL), 0);
        ck_assert_int_eq(waiters[k].r, PRONG_DONE);
    }
    tally_add(&board->go, 1);
    for (uint32_t k = 0; k < n + HELPERS; k++) {
        ck_assert_int_eq(end_of(f[k]).kind, PRONG_DONE);
        uint32_t slot = *(uint32_t *)prong_future_record(f[k]);
        ck_assert_uint_lt(slot, prong_pool_slots(pool));
        ck_assert_msg(seen[slot % 128]++ == 0, "two at once had slot %u", slot);
        prong_future_free(f[k]);
    }
    finish(pool);
}
END_TEST

/* ---- bills ---- */

enum { TOUCHED = 8 << 20 };
struct work { int64_t wall_ns, cpu_ns; unsigned char bytes[1000]; };

static int64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Measures itself: a bill for the run around it cannot be lower. */
static int do_work(void *record)
{
    struct work *w = record;
    int64_t wall = now_ns(), cpu = cpu_ns();
    volatile unsigned char *mem = malloc(TOUCHED);       /* volatile: or the compiler sees that nobody needs it */
    if (!mem)
        return 1;
    for (size_t k = 0; k < TOUCHED; k += 512)
        mem[k] = 1;
    free((void *)(uintptr_t)mem);
    w->wall_ns = now_ns() - wall;
    w->cpu_ns = cpu_ns() - cpu;
    return 0;
}

START_TEST(a_bill_covers_what_the_run_did)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .flags = PRONG_BILL });
    struct work w = { .wall_ns = 0 };
    prong_future *f = submit(pool, do_work, &w, sizeof w, NULL);
    prong_bill bill = { .queued_ns = 0 };
    ck_assert_int_eq(end_of(f).kind, PRONG_DONE);
    ck_ok(prong_future_bill(f, &bill));
    const struct work *done = prong_future_record(f);
    ck_assert_uint_ge(bill.wall_ns, (uint64_t)done->wall_ns);
    ck_assert_uint_ge(bill.cpu_ns, (uint64_t)done->cpu_ns);
    ck_assert_uint_eq(bill.attempts, 1);
    ck_assert_uint_lt(bill.slot, prong_pool_slots(pool));
    if (engines[_i].kind == PROCESSES) {
        ck_assert_uint_ge(bill.peak_bytes, TOUCHED);
        ck_assert_uint_ge(bill.moved_bytes, sizeof w);
        ck_assert_uint_gt(bill.faults, 0);
    } else {
        ck_assert_uint_eq(bill.peak_bytes, 0);
    }
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(a_bill_tells_how_long_the_run_was_queued)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: nothing is queued");
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .flags = PRONG_BILL });
    struct held h = hold_workers(pool, engines[_i].workers);
    prong_future *f = submit(pool, do_nothing, NULL, 0, NULL);
    prong_bill bill;
    int64_t begin_ns = now_ns();
    ck_refused(prong_future_bill(f, &bill), EAGAIN);
    ck_refused(prong_wait(f, prong_in_ms(20), NULL), ETIMEDOUT);
    int64_t waited_ns = now_ns() - begin_ns;
    release_workers(&h);
    (void)end_of(f);
    ck_ok(prong_future_bill(f, &bill));
    ck_assert_uint_ge(bill.queued_ns, (uint64_t)waited_ns);
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(without_PRONG_BILL_there_is_no_bill)
{
    prong_pool *pool = begin(_i);
    prong_future *f = submit(pool, do_nothing, NULL, 0, NULL);
    prong_bill bill, untouched;
    memset(&untouched, 0xaa, sizeof untouched);
    bill = untouched;
    (void)end_of(f);
    ck_refused(prong_future_bill(f, &bill), ENODATA);
    ck_assert_mem_eq(&bill, &untouched, sizeof bill);
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(a_run_that_never_began_has_no_bill)
{
    if (engines[_i].kind == SERIAL)
        skip("serial runs inside submit: every run begins");
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .flags = PRONG_BILL });
    struct held h = hold_workers(pool, engines[_i].workers);
    prong_future *f = submit(pool, do_nothing, NULL, 0, NULL);
    prong_bill bill;
    ck_ok(prong_future_cancel(f, PRONG_IF_WAITING));
    ck_refused(prong_future_bill(f, &bill), ENODATA);
    release_workers(&h);
    prong_future_free(f);
    finish(pool);
}
END_TEST

START_TEST(an_older_caller_gets_the_part_of_the_bill_it_knows)
{
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .flags = PRONG_BILL });
    prong_future *f = submit(pool, do_nothing, NULL, 0, NULL);
    prong_bill whole, part;
    size_t known = offsetof(prong_bill, peak_bytes);
    (void)end_of(f);
    memset(&part, 0xaa, sizeof part);
    ck_ok(prong_future_bill(f, &whole));
    ck_ok(prong_future_bill_v(f, &part, known));
    ck_assert_mem_eq(&part, &whole, known);
    ck_assert_uint_eq(part.peak_bytes, 0xaaaaaaaaaaaaaaaaull);
    prong_future_free(f);
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_EVERY, a_future_tells_its_state);
    add_case_for("serial", a_future_of_serial_is_ended_when_submit_returns, 0, 0);
    add_case_on(ON_EVERY, a_wait_gives_up_at_its_deadline_and_writes_nothing);
    add_case_on(ON_EVERY, a_wait_for_what_has_ended_needs_no_time);
    add_case_on(ON_EVERY, wait_all_tells_the_bad_end_with_the_lowest_index);
    add_case_on(ON_EVERY, wait_any_tells_one_that_has_ended);
    add_case_on(ON_EVERY, wait_any_takes_the_runs_one_after_the_other);
    add_case_on(ON_EVERY, any_number_of_threads_may_wait_for_one_future);
    add_case_on(ON_EVERY, on_end_is_called_once_when_the_run_ends);
    add_case_on(ON_EVERY, on_end_of_what_has_ended_is_called_here_and_now);
    add_case_on(ON_EVERY, an_on_end_may_submit_cancel_and_free);
    add_case_on(ON_EVERY, two_runs_at_once_never_have_the_same_slot);
    add_case_on(ON_THREADS, threads_that_run_what_they_wait_for_have_slots_of_their_own);
    add_case_on(ON_ONE_EACH, a_bill_covers_what_the_run_did);
    add_case_on(ON_ONE_EACH, a_bill_tells_how_long_the_run_was_queued);
    add_case_on(ON_ONE_EACH, without_PRONG_BILL_there_is_no_bill);
    add_case_on(ON_ONE_EACH, a_run_that_never_began_has_no_bill);
    add_case_on(ON_ONE_EACH, an_older_caller_gets_the_part_of_the_bill_it_knows);
    return run_cases(argc, argv);
}
