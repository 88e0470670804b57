/* compare/stats: what may be said of several measurements of one thing. */
#include "harness.h"
#include "compare/stats/measure.h"
#include "compare/stats/verdict.h"
#include <math.h>
#include <stdio.h>

/* ---- values to measure ---- */

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(*state >> 33) + 0.5) / (double)(1u << 31);
}

/* As times are: never below a floor, and skewed. The median is floor + ln 2. */
static const double floor_s = 10;
static double skewed(uint64_t *state)
{
    return floor_s - log(uniform(state));
}

static double normal(uint64_t *state)
{
    return sqrt(-2 * log(uniform(state))) * cos(2 * acos(-1) * uniform(state));
}

/* ---- the median and its interval ---- */

START_TEST(the_median_is_the_middle_or_the_mean_of_the_middle_two)
{
    ck_assert(measure_of((double[]){ 7 }, 1).median == 7);
    ck_assert(measure_of((double[]){ 9, 1 }, 2).median == 5);
    ck_assert(measure_of((double[]){ 9, 1, 2 }, 3).median == 2);
    ck_assert(measure_of((double[]){ 9, 1, 4, 2 }, 4).median == 3);
    ck_assert(measure_of((double[]){ 5, 3, 9, 1, 7, 2, 8 }, 7).median == 5);
}
END_TEST

START_TEST(below_six_runs_there_is_no_interval_but_the_least_and_the_most)
{
    const double values[] = { 4, 2, 5, 1, 3, 6 };
    for (uint32_t n = 1; n < MEASURE_RUNS_ENOUGH; n++) {
        struct measure m = measure_of(values, n);
        double least = values[0], most = values[0];
        for (uint32_t i = 1; i < n; i++) {
            least = fmin(least, values[i]);
            most = fmax(most, values[i]);
        }
        ck_assert(m.runs == n && m.low == least && m.high == most && m.confidence == 0);
    }
    struct measure m = measure_of(values, MEASURE_RUNS_ENOUGH);
    ck_assert(m.confidence == 0.95 && m.low <= m.median && m.median <= m.high);
}
END_TEST

static double coverage(uint32_t n, double (*value)(uint64_t *), double truth)
{
    enum { SAMPLES = 1000 };
    uint64_t state = n;
    double covered = 0;
    for (int k = 0; k < SAMPLES; k++) {
        double values[64];
        for (uint32_t i = 0; i < n; i++)
            values[i] = value(&state);
        struct measure m = measure_of(values, n);
        covered += m.low <= truth && truth <= m.high;
    }
    return covered / SAMPLES;
}

START_TEST(the_interval_has_the_true_median_about_as_often_as_it_says)
{
    static const uint32_t runs[] = { 6, 10, 11, 20 };
    for (int i = 0; i < 4; i++) {
        double of_skewed = coverage(runs[i], skewed, floor_s + log(2)), of_normal = coverage(runs[i], normal, 0);
        fprintf(stderr, "# %u runs: %.3f of skewed, %.3f of normal times\n", runs[i], of_skewed, of_normal);
        ck_assert(of_skewed >= 0.88 && of_skewed <= 0.995);
        ck_assert(of_normal >= 0.88 && of_normal <= 0.995);
    }
}
END_TEST

START_TEST(more_runs_make_the_interval_narrower)
{
    double values[1000], width = INFINITY;
    uint64_t state = 1;
    for (uint32_t i = 0; i < 1000; i++)
        values[i] = skewed(&state);
    for (uint32_t n = 10; n <= 1000; n *= 10) {
        struct measure m = measure_of(values, n);
        ck_assert(m.low < m.median && m.median < m.high && m.high - m.low < width);
        width = m.high - m.low;
    }
}
END_TEST

START_TEST(the_same_values_in_any_order_give_the_same_and_stay_where_they_are)
{
    double values[20], kept[20], turned[20];
    uint64_t state = 3;
    for (int i = 0; i < 20; i++)
        turned[19 - i] = kept[i] = values[i] = skewed(&state);
    struct measure first = measure_of(values, 20), second = measure_of(values, 20), third = measure_of(turned, 20);
    ck_assert_mem_eq(values, kept, sizeof values);
    ck_assert_mem_eq(&first, &second, sizeof first);
    ck_assert_mem_eq(&first, &third, sizeof first);
    struct ratio one = measure_ratio(values, 20, turned, 10), other = measure_ratio(values, 20, turned, 10);
    ck_assert_mem_eq(values, kept, sizeof values);
    ck_assert_mem_eq(&one, &other, sizeof one);
}
END_TEST

START_TEST(equal_values_leave_nothing_open)
{
    double values[1000];
    for (int i = 0; i < 1000; i++)
        values[i] = 0.25;
    for (uint32_t n = 1; n <= 1000; n = n * 3 + 1) {
        struct measure m = measure_of(values, n);
        ck_assert(m.median == 0.25 && m.low == 0.25 && m.high == 0.25 && m.outliers == 0 && m.worst == 0);
        struct ratio r = measure_ratio(values, n, values, n);
        ck_assert(r.value == 1 && r.low == 1 && r.high == 1);
    }
}
END_TEST

/* ---- outliers ---- */

START_TEST(a_run_that_was_disturbed_is_an_outlier_and_the_worst_is_named)
{
    double values[] = { 10.1, 10, 9.9, 10.2, 18, 10, 9.8, 10.1, 35, 10 };
    struct measure m = measure_of(values, 10);
    ck_assert(m.outliers == 2 && m.worst == 35);
    values[8] = 0.5;        /* far below, farther off than 18 is above */
    m = measure_of(values, 10);
    ck_assert(m.outliers == 2 && m.worst == 0.5);
}
END_TEST

START_TEST(a_run_within_the_usual_spread_is_none)
{
    struct measure m = measure_of((double[]){ 10.1, 10, 9.9, 10.2, 10.4, 10, 9.8, 10.1, 9.6, 10 }, 10);
    ck_assert(m.outliers == 0 && m.worst == 0);
    m = measure_of((double[]){ 1, 100 }, 2);
    ck_assert(m.outliers == 0 && m.worst == 0);
}
END_TEST

START_TEST(where_most_values_are_equal_the_one_that_is_not_is_an_outlier)
{
    struct measure m = measure_of((double[]){ 3, 3, 3, 3, 3, 3, 3, 3, 3, 4 }, 10);
    ck_assert(m.outliers == 1 && m.worst == 4);
    m = measure_of((double[]){ 3, 3, 3, 3, 3, 3, 4, 4, 4, 4 }, 10);     /* so many are the spread, not outliers */
    ck_assert(m.outliers == 0 && m.worst == 0);
}
END_TEST

/* ---- ratios and verdicts ---- */

START_TEST(a_ratio_is_how_many_times_as_fast)
{
    const double slow[] = { 20, 21, 19, 20, 20, 22, 20, 19 }, fast[] = { 10, 11, 10, 9, 10, 10, 10.5, 10 };
    struct ratio r = measure_ratio(slow, 8, fast, 8);
    ck_assert(r.value == 2 && r.low > 1.7 && r.low <= 2 && r.high >= 2 && r.high < 2.4);
    r = measure_ratio(fast, 8, slow, 8);
    ck_assert(r.value == 0.5 && r.low <= 0.5 && r.high >= 0.5);
    r = measure_ratio(slow, 3, fast, 8);        /* too few: all that may be */
    ck_assert(r.value == 2 && r.low == 19.0 / 11 && r.high == 21.0 / 9);
}
END_TEST

START_TEST(without_values_or_against_nothing_there_is_no_ratio)
{
    const double some[] = { 1, 2, 3, 4, 5, 6 }, none[6] = { 0 };
    ck_assert(measure_ratio(some, 0, some, 6).value == 0);
    ck_assert(measure_ratio(some, 6, some, 0).value == 0);
    struct ratio r = measure_ratio(some, 6, none, 6);
    ck_assert(r.value == 0 && r.low == 0 && r.high == 0);
}
END_TEST

START_TEST(the_interval_of_a_ratio_has_the_true_ratio_about_as_often_as_it_says)
{
    enum { SAMPLES = 1000, N = 10 };
    uint64_t state = 5;
    double covered = 0;
    for (int k = 0; k < SAMPLES; k++) {
        double base[N], values[N];
        for (int i = 0; i < N; i++) {
            base[i] = 3 * skewed(&state);
            values[i] = skewed(&state);
        }
        struct ratio r = measure_ratio(base, N, values, N);
        covered += r.low <= 3 && 3 <= r.high;
    }
    fprintf(stderr, "# %.3f\n", covered / SAMPLES);
    ck_assert(covered / SAMPLES >= 0.9 && covered / SAMPLES <= 0.995);
}
END_TEST

static enum verdict judge(const double base[], const double values[], uint32_t n, bool is_busy)
{
    struct measure serial = measure_of(base, n), time = measure_of(values, n);
    struct ratio speedup = measure_ratio(base, n, values, n);
    return verdict_of(&serial, &time, &speedup, is_busy);
}

START_TEST(a_verdict_says_no_more_than_the_intervals_allow)
{
    const double slow[] = { 20, 20.2, 19.9, 20.1, 20, 19.8 }, fast[] = { 10, 10.2, 9.9, 10.1, 10, 9.8 };
    const double same[] = { 20.1, 20.3, 19.9, 20, 20, 19.7 }, wild[] = { 10, 30, 19, 22, 14, 27 };
    const double near[] = { 19.3, 19.4, 19.2, 19.3, 19.5, 19.2 };       /* certainly faster, but not by as much as matters */
    ck_assert_int_eq(judge(slow, fast, 6, false), VERDICT_GAINS);
    ck_assert_int_eq(judge(fast, slow, 6, false), VERDICT_LOSES);
    ck_assert_int_eq(judge(slow, same, 6, false), VERDICT_SAME);
    ck_assert_int_eq(judge(slow, near, 6, false), VERDICT_SAME);
    ck_assert_int_eq(judge(near, slow, 6, false), VERDICT_SAME);
    ck_assert_int_eq(judge(slow, wild, 6, false), VERDICT_TOO_NOISY);
    ck_assert_int_eq(judge(slow, fast, 5, false), VERDICT_TOO_FEW);
    struct measure none = { 0 }, some = measure_of(slow, 6);
    ck_assert_int_eq(verdict_of(&none, &some, &(struct ratio){ 0 }, false), VERDICT_NONE);
}
END_TEST

START_TEST(on_a_busy_machine_there_is_no_verdict_however_clear_the_times)
{
    const double slow[] = { 20, 20.2, 19.9, 20.1, 20, 19.8 }, fast[] = { 10, 10.2, 9.9, 10.1, 10, 9.8 };
    ck_assert_int_eq(judge(slow, fast, 6, true), VERDICT_TOO_NOISY);
    ck_assert_int_eq(judge(fast, slow, 6, true), VERDICT_TOO_NOISY);
    ck_assert_int_eq(judge(slow, slow, 6, true), VERDICT_TOO_NOISY);
    ck_assert_str_eq(verdict_word(VERDICT_TOO_NOISY), "too noisy to say");
}
END_TEST

int main(int argc, char **argv)
{
    add_case(the_median_is_the_middle_or_the_mean_of_the_middle_two);
    add_case(below_six_runs_there_is_no_interval_but_the_least_and_the_most);
    add_case(the_interval_has_the_true_median_about_as_often_as_it_says);
    add_case(more_runs_make_the_interval_narrower);
    add_case(the_same_values_in_any_order_give_the_same_and_stay_where_they_are);
    add_case(equal_values_leave_nothing_open);
    add_case(a_run_that_was_disturbed_is_an_outlier_and_the_worst_is_named);
    add_case(a_run_within_the_usual_spread_is_none);
    add_case(where_most_values_are_equal_the_one_that_is_not_is_an_outlier);
    add_case(a_ratio_is_how_many_times_as_fast);
    add_case(without_values_or_against_nothing_there_is_no_ratio);
    add_case(the_interval_of_a_ratio_has_the_true_ratio_about_as_often_as_it_says);
    add_case(a_verdict_says_no_more_than_the_intervals_allow);
    add_case(on_a_busy_machine_there_is_no_verdict_however_clear_the_times);
    return run_cases(argc, argv);
}
