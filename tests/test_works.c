/* compare/works: each finds the same on all engines, whatever their workers; gives way to Ctrl-C; and tells who is not there. */
#include "harness.h"
#include "compare/works/counter.h"
#include "compare/works/work.h"
#include "interrupt.h"
#include "say.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct { const char *engine; uint32_t workers; } engines[] = {
    { "serial", 1 }, { "threads", 1 }, { "threads", 3 }, { "threads", 8 }, { "processes", 1 }, { "processes", 3 }, { "processes", 8 },
};
enum { ENGINES_N = sizeof engines / sizeof engines[0], SHARES = 3 };

static prong_pool *open_pool(int i)
{
    prong_pool *pool;
    ck_assert_int_eq(prong_pool_open(&(prong_pool_opts){ .engine = engines[i].engine, .workers = engines[i].workers }, &pool), 0);
    return pool;
}

static void close_pool(prong_pool *pool)
{
    ck_assert_int_eq(prong_pool_close(pool, prong_in_ms(60000)), 0);
}

/* ---- what they find ---- */

static void assert_found(const struct outcome *outcome, const char *name, double wanted, size_t i)
{
    const struct figure *figure = &outcome->figures.figure[i];
    ck_assert_uint_lt(i, outcome->figures.n);
    ck_assert_str_eq(figure->name, name);
    ck_assert(wanted == (figure->kind == FIGURE_COUNT ? (double)figure->bits : figures_real(figure)));
}

static void assert_spans(const struct outcome *outcome, size_t n, uint32_t slots)
{
    ck_assert_uint_eq(outcome->n_spans, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert(outcome->spans[i].begin > 0 && outcome->spans[i].begin <= outcome->spans[i].end);
        ck_assert_uint_lt(outcome->spans[i].slot, slots);
    }
}

static void run_work(int w, const struct setup *setup, const char *name, double wanted, size_t at, size_t n_spans)
{
    for (int i = 0; i < ENGINES_N; i++) {
        struct outcome outcome = { 0 };
        prong_pool *pool = open_pool(i);
        ck_assert_int_eq(works[w]->run(pool, setup, &outcome), SAY_OK);
        assert_found(&outcome, name, wanted, at);
        assert_spans(&outcome, n_spans, prong_pool_slots(pool));
        close_pool(pool);
    }
}

START_TEST(all_questions_are_answered_on_every_engine)
{
    struct setup setup = { .workers = SHARES };
    ck_assert_int_eq(prong_init(), 0);
    ck_assert_int_eq(works[WORK_WAIT]->prepare(&setup), SAY_OK);
    run_work(WORK_WAIT, &setup, "answers", 64, 0, 64);
    run_work(WORK_WAIT, &setup, "sum", 85344, 1, 64);       /* 0*0 + 1*1 + ... + 63*63 */
    works[WORK_WAIT]->finish(&setup);
    ck_assert_int_eq(setup.server_pid, 0);
}
END_TEST

START_TEST(the_counter_counts_every_raise_on_every_engine)
{
    const struct setup setup = { .workers = SHARES };
    ck_assert_int_eq(prong_init(), 0);
    run_work(WORK_COUNTER, &setup, "count", SHARES * 50000, 0, SHARES);
}
END_TEST

START_TEST(all_roots_are_taken_on_every_engine)
{
    const struct setup setup = { .workers = SHARES };
    ck_assert_int_eq(prong_init(), 0);
    run_work(WORK_SQRT, &setup, "roots", SHARES * 4e6, 0, SHARES);
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(where_nobody_answers_the_work_fails)
{
    struct setup setup = { .workers = 2 }, ended;
    ck_assert_int_eq(prong_init(), 0);
    ck_assert_int_eq(works[WORK_WAIT]->prepare(&setup), SAY_OK);
    ended = setup;
    works[WORK_WAIT]->finish(&setup);
    for (int i = 0; i < ENGINES_N; i++) {
        struct outcome outcome = { 0 };
        prong_pool *pool = open_pool(i);
        ck_assert_int_eq(works[WORK_WAIT]->run(pool, &ended, &outcome), SAY_WRONG);
        close_pool(pool);
    }
}
END_TEST

/* The page that tells workers is there before the zygote is. */
START_TEST(each_work_gives_way_to_an_interrupt_on_every_engine)
{
    struct setup setup = { .workers = 2 };
    interrupt_catch();
    ck_assert_int_eq(prong_init(), 0);
    ck_assert_int_eq(works[WORK_WAIT]->prepare(&setup), SAY_OK);
    ck_assert_int_eq(raise(SIGINT), 0);
    ck_assert(interrupt_came());
    static const int each[] = { WORK_SQRT, WORK_WAIT, WORK_COUNTER };
    for (size_t w = 0; w < sizeof each / sizeof each[0]; w++)
        for (int i = 0; i < ENGINES_N; i++) {
            struct outcome outcome = { 0 };
            prong_pool *pool = open_pool(i);
            ck_assert_int_eq(works[each[w]]->run(pool, &setup, &outcome), SAY_INTERRUPTED);
            ck_assert_uint_eq(outcome.figures.n, 0);
            close_pool(pool);
        }
    works[WORK_WAIT]->finish(&setup);
}
END_TEST

START_TEST(a_counter_outlives_a_process_that_dies_holding_it)
{
    struct counter *counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(counter != MAP_FAILED);
    ck_assert_int_eq(counter_init(counter, true), 0);
    for (int k = 0; k < 3; k++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)counter_raise(counter);
            (void)pthread_mutex_lock(&counter->mutex);
            (void)kill(getpid(), SIGKILL);
        }
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert_int_eq(counter_raise(counter), 0);
    }
    ck_assert_uint_eq(counter->value, 6);
    counter_fini(counter);
    (void)munmap(counter, sizeof *counter);
}
END_TEST

int main(int argc, char **argv)
{
    add_case_for(NULL, all_questions_are_answered_on_every_engine, 0, 60);
    add_case(the_counter_counts_every_raise_on_every_engine);
    add_case(all_roots_are_taken_on_every_engine);
    add_case(where_nobody_answers_the_work_fails);
    add_case(each_work_gives_way_to_an_interrupt_on_every_engine);
    add_case(a_counter_outlives_a_process_that_dies_holding_it);
    return run_cases(argc, argv);
}
