/* The contract, many runs in one call: prong_map, prong_for and prong_invoke. */
#include "engines.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- map ---- */

struct item { uint64_t number, address; int32_t signo, code; };

static int do_item(void *record)
{
    struct item *item = record;
    item->number = item->number * 2 + 1;
    item->address = (uintptr_t)record;
    if (item->signo)
        (void)raise(item->signo);
    return item->code;
}

static void number_items(struct item *items, size_t n)
{
    for (size_t k = 0; k < n; k++)
        items[k] = (struct item){ .number = k };
}

START_TEST(a_map_runs_the_task_on_each_record)
{
    static const size_t counts[] = { 0, 1, 2, 3, 100, ROUNDS(3000) };
    static struct item items[3000];
    prong_pool *pool = begin(_i);
    bool in_place = prong_promises(pool, PRONG_SHARES_ALL);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        prong_error end = { .kind = -1 };
        number_items(items, counts[c]);
        ck_assert_int_eq(prong_map(pool, do_item, items, counts[c], sizeof *items, NULL, &end), PRONG_DONE);
        ck_assert_int_eq(end.kind, PRONG_DONE);
        for (size_t k = 0; k < counts[c]; k++)
            if (items[k].number != 2 * k + 1 || (items[k].address == (uintptr_t)&items[k]) != in_place)
                ck_abort_msg("item %zu of %zu is wrong", k, counts[c]);
    }
    ck_assert_int_eq(prong_map(pool, do_item, NULL, 0, sizeof *items, NULL, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

static int do_invert(void *record)
{
    unsigned char *bytes = record;
    for (size_t k = 0; k < (1 << 20) + 8; k++)
        bytes[k] = (unsigned char)~bytes[k];
    return 0;
}

START_TEST(a_map_takes_large_records)
{
    enum { N = 6, SIZE = (1 << 20) + 8 };
    prong_pool *pool = begin(_i);
    unsigned char *bytes = malloc((size_t)N * SIZE);
    ck_assert_ptr_nonnull(bytes);
    for (size_t k = 0; k < (size_t)N * SIZE; k++)
        bytes[k] = (unsigned char)(k * 7 + k / SIZE);
    ck_assert_int_eq(prong_map(pool, do_invert, bytes, N, SIZE, NULL, NULL), PRONG_DONE);
    for (size_t k = 0; k < (size_t)N * SIZE; k++)
        if (bytes[k] != (unsigned char)~(unsigned char)(k * 7 + k / SIZE))
            ck_abort_msg("byte %zu is wrong", k);
    free(bytes);
    finish(pool);
}
END_TEST

START_TEST(a_map_takes_records_of_no_size)
{
    prong_pool *pool = begin(_i);
    ck_assert_int_eq(prong_map(pool, do_mark, NULL, 100, 0, NULL, NULL), PRONG_DONE);
    ck_assert_uint_eq(tally_read(&board->done), 100);
    finish(pool);
}
END_TEST

START_TEST(a_map_with_ends_runs_all_and_tells_each)
{
    enum { N = 200 };
    prong_pool *pool = begin(_i);
    struct item items[N];
    prong_error ends[N], end;
    number_items(items, N);
    items[33].code = 333;
    items[150].code = -5;
    memset(ends, 0xaa, sizeof ends);
    ck_assert_int_eq(prong_map(pool, do_item, items, N, sizeof *items, ends, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 333);
    ck_assert_uint_eq(end.tag, 33);
    for (uint64_t k = 0; k < N; k++) {
        ck_assert_uint_eq(items[k].number, 2 * k + 1);           /* as the task left it, also where it failed */
        ck_assert_int_eq(ends[k].kind, items[k].code ? PRONG_FAILED : PRONG_DONE);
        ck_assert_int_eq(ends[k].code, items[k].code);
        ck_assert_uint_eq(ends[k].tag, k);
        ck_assert((ends[k].text[0] == '\0') == (items[k].code == 0));
    }
    finish(pool);
}
END_TEST

START_TEST(a_map_contains_crashes_and_leaves_their_records_as_before)
{
    enum { N = 60 };
    leave_no_core();
    prong_pool *pool = begin(_i);
    struct item items[N];
    prong_error ends[N], end;
    number_items(items, N);
    for (size_t k = 7; k < N; k += 10)
        items[k].signo = SIGKILL;
    ck_assert_int_eq(prong_map(pool, do_item, items, N, sizeof *items, ends, &end), PRONG_CRASHED);
    ck_assert_uint_eq(end.tag, 7);
    ck_assert_int_eq(end.code, SIGKILL);
    for (uint64_t k = 0; k < N; k++) {
        ck_assert_int_eq(ends[k].kind, items[k].signo ? PRONG_CRASHED : PRONG_DONE);
        ck_assert_uint_eq(ends[k].tag, k);
        ck_assert_uint_eq(items[k].number, items[k].signo ? k : 2 * k + 1);
    }
    finish(pool);
}
END_TEST

struct part { uint32_t i, fails; };

static int do_part(void *record)
{
    const struct part *p = record;
    tally_add(&board->done, 1);
    return p->i == p->fails ? 50 + (int)p->i : 0;
}

START_TEST(without_ends_the_first_bad_end_of_a_map_cancels_the_rest)
{
    enum { N = 100000 };
    prong_pool *pool = begin(_i);
    struct part *parts = malloc(N * sizeof *parts);
    prong_error end;
    ck_assert_ptr_nonnull(parts);
    for (uint32_t k = 0; k < N; k++)
        parts[k] = (struct part){ k, 5 };
    ck_assert_int_eq(prong_map(pool, do_part, parts, N, sizeof *parts, NULL, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 55);
    ck_assert_uint_eq(end.tag, 5);
    ck_assert_uint_lt(tally_read(&board->done), N);
    if (engines[_i].kind == SERIAL)
        ck_assert_uint_eq(tally_read(&board->done), 6);
    free(parts);
    finish(pool);
}
END_TEST

/* The first fails once all the others run, which end only when they are asked to give way. */
static int do_fail_or_stay(void *record)
{
    const struct part *p = record;
    if (p->i != p->fails)
        return do_until_told(record);
    tally_await(&board->here, p->fails);
    return 9;
}

START_TEST(the_first_bad_end_of_a_map_asks_what_runs_to_give_way)
{
    if (engines[_i].workers < 2)
        skip("needs two runs at once");
    prong_pool *pool = begin(_i);
    uint32_t n = engines[_i].workers;
    struct part parts[64];
    prong_error end;
    for (uint32_t k = 0; k < n; k++)
        parts[k] = (struct part){ k, n - 1 };
    ck_assert_int_eq(prong_map(pool, do_fail_or_stay, parts, n, sizeof *parts, NULL, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 9);
    ck_assert_uint_eq(end.tag, n - 1);            /* what was cancelled because of it does not count */
    finish(pool);
}
END_TEST

/* Two that fail at the same time: both have met before either returns. */
static int do_fail_together(void *record)
{
    const struct part *p = record;
    tally_add(&board->here, 1);
    tally_await(&board->here, 2);
    return 70 + (int)p->i;
}

START_TEST(of_two_bad_ends_at_once_a_map_tells_the_lower)
{
    if (engines[_i].workers < 2)
        skip("needs two runs at once");
    prong_pool *pool = begin(_i);
    struct part parts[2] = { { 0, 0 }, { 1, 1 } };
    prong_error end;
    ck_assert_int_eq(prong_map(pool, do_fail_together, parts, 2, sizeof *parts, NULL, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 70);
    ck_assert_uint_eq(end.tag, 0);
    finish(pool);
}
END_TEST

static void *map_in_thread(void *arg)
{
    uint64_t numbers[100];
    for (int round = 0; round < ROUNDS(20); round++) {
        for (uint64_t k = 0; k < 100; k++)
            numbers[k] = k;
        if (prong_map(arg, do_increment, numbers, 100, sizeof *numbers, NULL, NULL) != 0)
            return arg;
        for (uint64_t k = 0; k < 100; k++)
            if (numbers[k] != k + 1)
                return arg;
    }
    return NULL;
}

START_TEST(several_threads_may_map_at_once)
{
    enum { N = 4 };
    prong_pool *pool = begin(_i);
    pthread_t threads[N];
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(pthread_create(&threads[k], NULL, map_in_thread, pool), 0);
    for (int k = 0; k < N; k++) {
        void *bad;
        ck_assert_int_eq(pthread_join(threads[k], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    finish(pool);
}
END_TEST

/* ---- for ---- */

struct stripes { _Atomic uint32_t *count; uint64_t lo; uint32_t untouched; };

/* Counts each element in memory that the record points to. */
static int count_each(uint64_t lo, uint64_t hi, void *record)
{
    struct stripes *s = record;
    if (lo >= hi || s->untouched++ != 0)
        return 1;
    for (; lo < hi; lo++)
        atomic_fetch_add(&s->count[lo - s->lo], 1);
    return 0;
}

static void cover(prong_pool *pool, _Atomic uint32_t *count, uint64_t lo, uint64_t n)
{
    struct stripes s = { .count = count, .lo = lo };
    prong_error end = { .kind = -1 };
    for (uint64_t k = 0; k < n; k++)
        atomic_store(&count[k], 0);
    int r = prong_for(pool, lo, lo + n, count_each, &s, sizeof s, &end);
    ck_assert_msg(r == 0, "%s", r > 0 ? end.text : prong_last_error());
    ck_assert_int_eq(end.kind, PRONG_DONE);
    ck_assert_uint_eq(s.untouched, 0);
    for (uint64_t k = 0; k < n; k++)
        if (atomic_load(&count[k]) != 1)
            ck_abort_msg("element %u of %u was met %u times", (unsigned)k, (unsigned)n, (unsigned)atomic_load(&count[k]));
}

START_TEST(a_for_meets_each_element_once)
{
    static const uint64_t counts[] = { 0, 1, 2, 3, 7, 63, 64, 65, 1000, 99991 };
    prong_pool *pool = begin(_i);
    _Atomic uint32_t *count = prong_alloc(pool, 100000 * sizeof *count, PRONG_WRITE);
    ck_assert_ptr_nonnull(count);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        cover(pool, count, 0, counts[c]);
        cover(pool, count, 1000000007, counts[c]);
        cover(pool, count, UINT64_MAX - counts[c], counts[c]);
    }
    prong_free(pool, (void *)(uintptr_t)count);
    finish(pool);
}
END_TEST

static int fail_at_777(uint64_t lo, uint64_t hi, void *record)
{
    (void)record;
    if (lo > 777 || hi <= 777)
        return 0;
    atomic_store(&board->cell[0], (uint32_t)lo);
    return prong_fail(12, "there is something at 777");
}

static int crash_at_777(uint64_t lo, uint64_t hi, void *record)
{
    if (fail_at_777(lo, hi, record) == 12)
        (void)raise(SIGKILL);
    return 0;
}

START_TEST(a_for_tells_the_piece_that_ended_badly)
{
    prong_pool *pool = begin(_i);
    prong_error end;
    ck_assert_int_eq(prong_for(pool, 0, 5000, fail_at_777, NULL, 0, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 12);
    ck_assert_uint_eq(end.tag, atomic_load(&board->cell[0]));
    ck_assert_ptr_nonnull(strstr(end.text, "something at 777"));
    if (prong_promises(pool, PRONG_CONTAINS_CRASHES)) {
        ck_assert_int_eq(prong_for(pool, 0, 5000, crash_at_777, NULL, 0, &end), PRONG_CRASHED);
        ck_assert_int_eq(end.code, SIGKILL);
        ck_assert_uint_eq(end.tag, atomic_load(&board->cell[0]));
    }
    finish(pool);
}
END_TEST

static int count_range(uint64_t lo, uint64_t hi, void *record)
{
    (void)record;
    tally_add(&board->done, (uint32_t)(hi - lo));
    return 0;
}

START_TEST(a_range_that_ends_before_it_begins_is_refused)
{
    prong_pool *pool = begin(_i);
    prong_error end, untouched;
    memset(&untouched, 0xaa, sizeof untouched);
    end = untouched;
    ck_refused(prong_for(pool, 10, 9, count_range, NULL, 0, &end), EINVAL);
    ck_refused(prong_for(pool, UINT64_MAX, 0, count_range, NULL, 0, NULL), EINVAL);
    ck_assert_mem_eq(&end, &untouched, sizeof end);
    ck_assert_uint_eq(tally_read(&board->done), 0);
    finish(pool);
}
END_TEST

/* ---- invoke ---- */

static pthread_t caller;

static int do_note_thread(void *record)
{
    int *mine = record;
    *mine = pthread_equal(caller, pthread_self()) ? 1 : 2;
    return 0;
}

START_TEST(an_invoke_runs_all_parts_the_last_one_here_where_memory_is_shared)
{
    prong_pool *pool = begin(_i);
    uint64_t number = 5;
    struct item item = { .number = 10 };
    int mine = 0;
    prong_part parts[4] = { { do_increment, &number, sizeof number }, { do_item, &item, sizeof item }, { do_mark, NULL, 0 },
                            { do_note_thread, &mine, sizeof mine } };
    prong_error end = { .kind = -1 };
    caller = pthread_self();
    ck_assert_int_eq(prong_invoke(pool, parts, 4, &end), PRONG_DONE);
    ck_assert_int_eq(end.kind, PRONG_DONE);
    ck_assert_uint_eq(number, 6);
    ck_assert_uint_eq(item.number, 21);
    ck_assert((item.address == (uintptr_t)&item) == prong_promises(pool, PRONG_SHARES_ALL));
    ck_assert_uint_eq(tally_read(&board->done), 1);
    if (prong_promises(pool, PRONG_SHARES_ALL))
        ck_assert_int_eq(mine, 1);
    ck_assert_int_eq(prong_invoke(pool, parts, 0, &end), PRONG_DONE);
    ck_assert_int_eq(prong_invoke(pool, NULL, 0, NULL), PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(an_invoke_runs_its_last_part_here_although_all_workers_are_busy)
{
    if (engines[_i].kind != THREADS)
        skip("needs workers that share all memory");
    prong_pool *pool = begin(_i);
    struct held h = hold_workers(pool, engines[_i].workers);
    uint64_t numbers[3] = { 0 };
    prong_part parts[3] = { { do_increment, &numbers[0], 8 }, { do_increment, &numbers[1], 8 }, { do_increment, &numbers[2], 8 } };
    ck_assert_int_eq(prong_invoke(pool, parts, 3, NULL), PRONG_DONE);
    for (int k = 0; k < 3; k++)
        ck_assert_uint_eq(numbers[k], 1);
    release_workers(&h);
    finish(pool);
}
END_TEST

START_TEST(an_invoke_tells_the_bad_end_with_the_lowest_index)
{
    prong_pool *pool = begin(_i);
    int codes[5] = { 0, 0, 42, 0, 0 };
    prong_part parts[5];
    prong_error end;
    for (int k = 0; k < 5; k++)
        parts[k] = (prong_part){ do_return, &codes[k], sizeof codes[k] };
    ck_assert_int_eq(prong_invoke(pool, parts, 5, &end), PRONG_FAILED);
    ck_assert_int_eq(end.code, 42);
    ck_assert_uint_eq(end.tag, 2);
    ck_assert_int_eq(prong_invoke(pool, parts + 2, 1, &end), PRONG_FAILED);
    ck_assert_uint_eq(end.tag, 0);
    ck_assert_int_eq(prong_invoke(pool, parts, 2, &end), PRONG_DONE);
    finish(pool);
}
END_TEST

START_TEST(an_invoke_leaves_the_record_of_a_crash_as_before)
{
    leave_no_core();
    prong_pool *pool = begin(_i);
    struct item items[3];
    prong_part parts[3];
    prong_error end;
    number_items(items, 3);
    items[2].signo = SIGKILL;
    for (int k = 0; k < 3; k++)
        parts[k] = (prong_part){ do_item, &items[k], sizeof items[k] };
    ck_assert_int_eq(prong_invoke(pool, parts, 3, &end), PRONG_CRASHED);
    ck_assert_uint_eq(end.tag, 2);
    ck_assert_uint_eq(items[2].number, 2);
    finish(pool);
}
END_TEST

START_TEST(records_over_the_limit_are_refused_here_too)
{
    prong_pool *pool = begin(_i);
    char small[1] = { 0 };
    prong_part part = { do_nothing, small, PRONG_RECORD_MAX + 1 };
    ck_refused(prong_map(pool, do_nothing, small, 1, PRONG_RECORD_MAX + 1, NULL, NULL), EMSGSIZE);
    ck_refused(prong_for(pool, 0, 1, count_range, small, PRONG_RECORD_MAX + 1, NULL), EMSGSIZE);
    ck_refused(prong_invoke(pool, &part, 1, NULL), EMSGSIZE);
    finish(pool);
}
END_TEST

START_TEST(a_queue_limit_does_not_hinder_many_runs)
{
    enum { N = 300 };
    prong_pool *pool = begin_with(_i, (prong_pool_opts){ .queue_limit = 1 });
    uint64_t numbers[N];
    prong_part parts[10];
    for (uint64_t k = 0; k < N; k++)
        numbers[k] = k;
    for (int k = 0; k < 10; k++)
        parts[k] = (prong_part){ do_increment, &numbers[k], sizeof *numbers };
    ck_assert_int_eq(prong_map(pool, do_increment, numbers, N, sizeof *numbers, NULL, NULL), 0);
    ck_assert_int_eq(prong_invoke(pool, parts, 10, NULL), 0);
    ck_assert_int_eq(prong_for(pool, 0, 1000, count_range, NULL, 0, NULL), 0);
    for (uint64_t k = 0; k < N; k++)
        ck_assert_uint_eq(numbers[k], k + (k < 10 ? 2 : 1));
    ck_assert_uint_eq(tally_read(&board->done), 1000);
    finish(pool);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_on(ON_CROWDS, a_map_runs_the_task_on_each_record);
    add_case_on(ON_ONE_EACH, a_map_takes_large_records);
    add_case_on(ON_EVERY, a_map_takes_records_of_no_size);
    add_case_on(ON_EVERY, a_map_with_ends_runs_all_and_tells_each);
    add_case_on(ON_PROCESSES, a_map_contains_crashes_and_leaves_their_records_as_before);
    add_case_on(ON_EVERY, without_ends_the_first_bad_end_of_a_map_cancels_the_rest);
    add_case_on(ON_EVERY, the_first_bad_end_of_a_map_asks_what_runs_to_give_way);
    add_case_on(ON_EVERY, of_two_bad_ends_at_once_a_map_tells_the_lower);
    add_case_on(ON_EVERY, several_threads_may_map_at_once);
    add_case_on(ON_CROWDS, a_for_meets_each_element_once);
    add_case_on(ON_EVERY, a_for_tells_the_piece_that_ended_badly);
    add_case_on(ON_ONE_EACH, a_range_that_ends_before_it_begins_is_refused);
    add_case_on(ON_EVERY, an_invoke_runs_all_parts_the_last_one_here_where_memory_is_shared);
    add_case_on(ON_EVERY, an_invoke_runs_its_last_part_here_although_all_workers_are_busy);
    add_case_on(ON_EVERY, an_invoke_tells_the_bad_end_with_the_lowest_index);
    add_case_on(ON_PROCESSES, an_invoke_leaves_the_record_of_a_crash_as_before);
    add_case_on(ON_ONE_EACH, records_over_the_limit_are_refused_here_too);
    add_case_on(ON_EVERY, a_queue_limit_does_not_hinder_many_runs);
    return run_cases(argc, argv);
}
