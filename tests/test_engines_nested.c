/* The contract, tasks that submit and wait: nothing hangs, however deep, and a wait that could never end is refused. */
#include "engines.h"
#include <errno.h>

/* ---- a task that waits for tasks of its own ---- */

struct fib { uint32_t n, result; };

static int do_fib(void *record)
{
    struct fib *f = record, less[2] = { { .n = f->n - 1 }, { .n = f->n - 2 } };
    prong_future *part[2];
    if (f->n < 2) {
        f->result = f->n;
        return 0;
    }
    for (int k = 0; k < 2; k++)
        if (prong_submit(NULL, do_fib, &less[k], sizeof less[k], NULL, &part[k]) != 0)
            return 1;
    if (prong_wait(part[1], PRONG_NEVER, NULL) != 0 || prong_wait(part[0], PRONG_NEVER, NULL) != 0)
        return 2;
    for (int k = 0; k < 2; k++) {
        f->result += ((struct fib *)prong_future_record(part[k]))->result;
        prong_future_free(part[k]);
    }
    return 0;
}

START_TEST(a_task_may_submit_to_its_pool_and_wait)
{
    prong_pool *pool = begin(_i);
    bool small = SANITIZED || engines[_i].kind == PROCESSES;
    struct fib ten = { .n = small ? 10 : 16 };
    for (int k = 0; k < 5; k++) {
        prong_future *f = submit(pool, do_fib, &ten, sizeof ten, NULL);
        prong_error end = end_of(f);
        ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
        ck_assert_uint_eq(((struct fib *)prong_future_record(f))->result, small ? 55 : 987);
        prong_future_free(f);
    }
    finish(pool);
}
END_TEST

static int do_go_deeper(void *record)
{
    uint32_t *depth = record;
    prong_future *f = NULL;
    if (*depth == 0)
        return 0;
    uint32_t next = *depth - 1;
    int r = prong_submit(NULL, do_go_deeper, &next, sizeof next, NULL, &f);
    if (r == 0)
        r = prong_wait(f, PRONG_NEVER, NULL);
    prong_future_free(f);
    return r;
}

START_TEST(nesting_deeper_than_there_are_workers_does_not_hang)
{
    prong_pool *pool = begin(_i);
    uint32_t depth = engines[_i].kind == PROCESSES ? 20 : 300;         /* there, a process each */
    prong_future *f[4];
    for (int k = 0; k < 4; k++)
        f[k] = submit(pool, do_go_deeper, &depth, sizeof depth, NULL);
    ck_assert_int_eq(prong_wait_all(f, 4, prong_in_ms(50000), NULL), 0);
    for (int k = 0; k < 4; k++)
        prong_future_free(f[k]);
    finish(pool);
}
END_TEST

enum { WIDE = 12 };

/* Takes its own tasks with wait_any, one after the other. */
static int do_go_wider(void *record)
{
    uint32_t *depth = record, next = *depth - 1;
    prong_future *f[WIDE];
    if (*depth == 0) {
        tally_add(&board->done, 1);
        return 0;
    }
    for (int k = 0; k < WIDE; k++)
        if (prong_submit(NULL, do_go_wider, &next, sizeof next, NULL, &f[k]) != 0)
            return 1;
    for (size_t left = WIDE; left > 0; left--) {
        size_t which;
        if (prong_wait_any(f, left, PRONG_NEVER, &which) != 0 || prong_wait(f[which], PRONG_NOW, NULL) != 0)
            return 2;
        prong_future_free(f[which]);
        f[which] = f[left - 1];
    }
    return 0;
}

START_TEST(a_task_may_wait_for_any_of_its_tasks)
{
    prong_pool *pool = begin(_i);
    uint32_t depth = 3;
    prong_error end = take_end(submit(pool, do_go_wider, &depth, sizeof depth, NULL));
    ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    ck_assert_uint_eq(tally_read(&board->done), WIDE * WIDE * WIDE);
    finish(pool);
}
END_TEST

static int do_with_group(void *record)
{
    uint32_t *depth = record, next = *depth - 1;
    prong_group *g = NULL;
    prong_future *f;
    prong_error end;
    if (*depth == 0)
        return 0;
    if (prong_group_open(NULL, &g) != 0)
        return 1;
    for (int k = 0; k < WIDE; k++)
        if (prong_submit(NULL, do_with_group, &next, sizeof next, &(prong_run_opts){ .group = g }, NULL) != 0)
            return 2;
    for (int k = 0; k < WIDE / 2; k++) {
        if (prong_group_next(g, PRONG_NEVER, &f) != 0 || prong_wait(f, PRONG_NOW, NULL) != 0)
            return 3;
        prong_future_free(f);
    }
    return prong_group_close(g, PRONG_NEVER, &end);
}

START_TEST(a_task_may_wait_for_a_group_of_its_own)
{
    prong_pool *pool = begin(_i);
    uint32_t depth = 3;
    prong_error end = take_end(submit(pool, do_with_group, &depth, sizeof depth, NULL));
    ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    finish(pool);
}
END_TEST

static int count_range(uint64_t lo, uint64_t hi, void *record)
{
    (void)record;
    tally_add(&board->done, (uint32_t)(hi - lo));
    return 0;
}

static int sum_range(uint64_t lo, uint64_t hi, void *record)
{
    uint64_t *sum = record;
    for (; lo < hi; lo++)
        *sum += lo;
    return 0;
}

static void add(void *into, const void *piece)
{
    *(uint64_t *)into += *(const uint64_t *)piece;
}

static int do_all_kinds(void *record)
{
    uint64_t numbers[50] = { 0 }, zero = 0, sum = 0;
    prong_part parts[3] = { { do_increment, &numbers[0], 8 }, { do_increment, &numbers[1], 8 }, { do_increment, &numbers[2], 8 } };
    (void)record;
    if (prong_map(NULL, do_increment, numbers, 50, sizeof *numbers, NULL, NULL) != 0)
        return 1;
    if (prong_invoke(NULL, parts, 3, NULL) != 0 || numbers[2] != 2 || numbers[3] != 1)
        return 2;
    if (prong_for(NULL, 0, 100, count_range, NULL, 0, NULL) != 0)
        return 3;
    if (prong_reduce(NULL, 0, 1000, 0, sum_range, add, &zero, sizeof zero, &sum, NULL) != 0 || sum != 499500)
        return 4;
    return 0;
}

START_TEST(a_task_may_map_invoke_reduce_and_run_over_ranges)
{
    enum { N = 20 };
    prong_pool *pool = begin(_i);
    prong_future *f[N];
    for (int k = 0; k < N; k++)
        f[k] = submit(pool, do_all_kinds, NULL, 0, NULL);
    for (int k = 0; k < N; k++) {
        prong_error end = take_end(f[k]);
        ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    }
    ck_assert_uint_eq(tally_read(&board->done), N * 100);
    finish(pool);
}
END_TEST

/* ---- pools of a task's own ---- */

static int run_in_pool(const char *engine)
{
    prong_pool *pool = NULL;
    uint64_t numbers[20] = { 0 };
    int r = prong_pool_open(&(prong_pool_opts){ .engine = engine }, &pool);
    if (r < 0)
        return r;
    r = prong_map(pool, do_increment, numbers, 20, sizeof *numbers, NULL, NULL);
    for (int k = 0; r == 0 && k < 20; k++)
        r = numbers[k] == 1 ? 0 : 100;
    return prong_pool_close(pool, PRONG_NEVER) == 0 ? r : 101;
}

static int do_open_pools(void *record)
{
    (void)record;
    return run_in_pool("serial") || run_in_pool("threads:1") || run_in_pool("threads:3");
}

START_TEST(a_task_may_open_pools_of_its_own)
{
    prong_pool *pool = begin(_i);
    for (int k = 0; k < 3; k++) {
        prong_error end = take_end(submit(pool, do_open_pools, NULL, 0, NULL));
        ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    }
    finish(pool);
}
END_TEST

/* Whether "processes" can be opened there is for the engine to say; it must work then, or be refused. */
static int do_open_processes(void *record)
{
    (void)record;
    int r = run_in_pool("processes:2");
    return r == -ENOTSUP ? 0 : r;
}

START_TEST(a_task_may_ask_for_processes_of_its_own)
{
    prong_pool *pool = begin(_i);
    prong_error end = take_end(submit(pool, do_open_processes, NULL, 0, NULL));
    ck_assert_msg(end.kind == PRONG_DONE, "%s", end.text);
    ck_assert_int_eq(take_end(submit(pool, do_nothing, NULL, 0, NULL)).kind, PRONG_DONE);
    ck_ok(prong_pool_close(pool, PRONG_NEVER));        /* a zygote that was forked for it stays */
}
END_TEST

struct errand { prong_pool *other; };

static int do_in_other_pool(void *record)
{
    const struct errand *e = record;
    uint64_t number = 1;
    prong_future *f = NULL;
    if (prong_submit(e->other, do_increment, &number, sizeof number, NULL, &f) != 0)
        return 1;
    int r = prong_wait(f, PRONG_NEVER, NULL);
    if (r == 0 && *(uint64_t *)prong_future_record(f) != 2)
        r = 2;
    prong_future_free(f);
    return r;
}

START_TEST(a_task_may_wait_for_another_pool)
{
    if (engines[_i].kind == PROCESSES)
        skip("a handle means nothing in another process");
    prong_pool *pool = begin(_i), *other = NULL;
    ck_ok(prong_pool_open(&(prong_pool_opts){ .engine = engines[_i].name }, &other));
    struct errand e = { other };
    for (int k = 0; k < 50; k++)
        ck_assert_int_eq(take_end(submit(pool, do_in_other_pool, &e, sizeof e, NULL)).kind, PRONG_DONE);
    ck_ok(prong_pool_close(other, PRONG_NEVER));
    finish(pool);
}
END_TEST

/* ---- waits that could never end ---- */

enum { MOST = 4 };
struct ring { prong_future *f[MOST]; uint32_t n; int r[MOST]; };
struct member { struct ring *ring; uint32_t i; };

/* Each waits for the next, the last for the first. */
static int do_wait_for_next(void *record)
{
    const struct member *m = record;
    struct ring *ring = m->ring;
    tally_await(&board->spare[ring->n], 1);        /* all handles are in the ring */
    ring->r[m->i] = prong_wait(ring->f[(m->i + 1) % ring->n], PRONG_NEVER, NULL);
    return 0;
}

static void expect_one_refusal(prong_pool *pool, uint32_t n)
{
    struct ring ring = { .n = n };
    uint32_t refused = 0;
    for (uint32_t k = 0; k < n; k++) {
        struct member m = { &ring, k };
        ring.f[k] = submit(pool, do_wait_for_next, &m, sizeof m, NULL);
    }
    tally_add(&board->spare[n], 1);
    for (uint32_t k = 0; k < n; k++)
        ck_assert_int_eq(prong_wait(ring.f[k], prong_in_ms(50000), NULL), PRONG_DONE);
    for (uint32_t k = 0; k < n; k++) {
        ck_assert_msg(ring.r[k] == 0 || ring.r[k] == -EDEADLK, "wait %u of %u is %d", k, n, ring.r[k]);
        refused += ring.r[k] == -EDEADLK;
        prong_future_free(ring.f[k]);
    }
    ck_assert_uint_eq(refused, 1);
}

static void skip_unless_handles_reach_tasks(int i)
{
    if (engines[i].kind == SERIAL)
        skip("serial runs inside submit: no task knows a future of what waits for it");
    if (engines[i].kind == PROCESSES)
        skip("a handle means nothing in another process");
}

START_TEST(a_circle_of_waiting_tasks_is_refused_where_it_would_close)
{
    skip_unless_handles_reach_tasks(_i);
    prong_pool *pool = begin(_i);
    for (uint32_t n = 1; n <= MOST; n++)
        expect_one_refusal(pool, n);
    finish(pool);
}
END_TEST

static int do_wait_for_itself(void *record)
{
    struct ring *ring = *(struct ring **)record;
    prong_error end;
    tally_await(&board->go, 1);
    ring->r[0] = prong_wait(ring->f[0], prong_in_ms(40000), &end);
    ring->r[1] = prong_wait_all(ring->f, 1, PRONG_NEVER, &end);
    return 0;
}

START_TEST(a_task_cannot_wait_for_itself)
{
    skip_unless_handles_reach_tasks(_i);
    prong_pool *pool = begin(_i);
    struct ring ring = { .n = 1 }, *at = &ring;
    ring.f[0] = submit(pool, do_wait_for_itself, &at, sizeof at, NULL);
    tally_add(&board->go, 1);
    ck_assert_int_eq(take_end(ring.f[0]).kind, PRONG_DONE);
    ck_assert_int_eq(ring.r[0], -EDEADLK);
    ck_assert_int_eq(ring.r[1], -EDEADLK);
    finish(pool);
}
END_TEST

static int do_close_own_pool(void *record)
{
    prong_pool **pool = record;
    return prong_pool_close(*pool, PRONG_NEVER) == -EDEADLK && prong_pool_close(*pool, PRONG_NOW) == -EDEADLK ? 0 : 1;
}

START_TEST(a_task_cannot_close_its_own_pool)
{
    if (engines[_i].kind == PROCESSES)
        skip("a handle means nothing in another process");
    prong_pool *pool = begin(_i);
    for (int k = 0; k < 3; k++)
        ck_assert_int_eq(take_end(submit(pool, do_close_own_pool, &pool, sizeof pool, NULL)).kind, PRONG_DONE);
    finish(pool);
}
END_TEST

struct attempts { prong_pool *pool; prong_future *open; int wait, all, close, map; };

static void wait_in_on_end(prong_future *f, void *arg)
{
    struct attempts *a = arg;
    uint64_t number = 0;
    (void)f;
    a->wait = prong_wait(a->open, PRONG_NEVER, NULL);
    a->all = prong_wait_all(&a->open, 1, PRONG_NEVER, NULL);
    a->close = prong_pool_close(a->pool, PRONG_NEVER);
    a->map = prong_map(a->pool, do_increment, &number, 1, sizeof number, NULL, NULL);
    tally_add(&board->done, 1);
}

static void expect_refused_in_on_end(prong_pool *pool, prong_future *open, prong_future *f)
{
    struct attempts a = { .pool = pool, .open = open };
    uint32_t before = tally_read(&board->done);
    ck_ok(prong_future_on_end(f, wait_in_on_end, &a));
    (void)end_of(f);
    tally_await(&board->done, before + 1);
    ck_assert_int_eq(a.wait, -EDEADLK);
    ck_assert_int_eq(a.all, -EDEADLK);
    ck_assert_int_eq(a.close, -EDEADLK);
    ck_assert_int_eq(a.map, -EDEADLK);
}

START_TEST(an_on_end_cannot_wait)
{
    if (engines[_i].workers < 2)
        skip("needs a run that is open while another one ends");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, 1);
    prong_future *f = submit(pool, do_nothing, NULL, 0, NULL);
    expect_refused_in_on_end(pool, h.f[0], f);
    prong_future_free(f);
    f = submit(pool, do_nothing, NULL, 0, NULL);
    (void)end_of(f);
    expect_refused_in_on_end(pool, h.f[0], f);       /* here and now is no exception */
    prong_future_free(f);
    release_workers(&h);
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_EVERY, a_task_may_submit_to_its_pool_and_wait);
    add_case_on(ON_EVERY, nesting_deeper_than_there_are_workers_does_not_hang);
    add_case_on(ON_EVERY, a_task_may_wait_for_any_of_its_tasks);
    add_case_on(ON_EVERY, a_task_may_wait_for_a_group_of_its_own);
    add_case_on(ON_EVERY, a_task_may_map_invoke_reduce_and_run_over_ranges);
    add_case_on(ON_EVERY, a_task_may_open_pools_of_its_own);
    add_case_on(ON_ONE_EACH, a_task_may_ask_for_processes_of_its_own);
    add_case_on(ON_EVERY, a_task_may_wait_for_another_pool);
    add_case_on(ON_EVERY, a_circle_of_waiting_tasks_is_refused_where_it_would_close);
    add_case_on(ON_ONE_EACH, a_task_cannot_wait_for_itself);
    add_case_on(ON_EVERY, a_task_cannot_close_its_own_pool);
    add_case_on(ON_EVERY, an_on_end_cannot_wait);
    return run_cases(argc, argv);
}
