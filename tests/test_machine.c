/* compare/machine: is something else using the machine? */
#include "harness.h"
#include "proc.h"
#include "compare/machine/machine.h"
#include "compare/machine/spin.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- judging what was seen ---- */

static const struct machine idle = {
    .cpus_usable = 4, .pressure_before = 0.5, .pressure_during = 3, .steal_before = 0, .steal_during = 0.4,
    .cores_before = 3.98, .cores_during = 3.9,
};

static const char *why_busy(struct machine machine)
{
    static char why[256];
    bool is_known, is_quiet = machine_is_quiet(&machine, &is_known, why, sizeof why), still_known;
    ck_assert(is_known);
    ck_assert(is_quiet == (why[0] == '\0'));
    ck_assert(is_quiet == machine_is_quiet(&machine, &still_known, NULL, 0));
    return why;
}

#define assert_busy(field, value, said) do { \
    struct machine busy_ = idle; \
    busy_.field = (value); \
    ck_assert_str_eq(why_busy(busy_), said); \
} while (0)

START_TEST(an_idle_machine_is_quiet)
{
    ck_assert_str_eq(why_busy(idle), "");
}
END_TEST

START_TEST(each_sign_by_itself_makes_a_machine_busy_and_is_named)
{
    assert_busy(pressure_before, 35.2, "something waited for a CPU in 35 % of the time");
    assert_busy(pressure_during, 20, "something waited for a CPU in 20 % of the time");
    assert_busy(steal_before, 12, "other virtual machines took 12 % of the CPU time");
    assert_busy(steal_during, 10, "other virtual machines took 10 % of the CPU time");
    assert_busy(cores_before, 3.1, "3.1 of 4 CPUs were there for us");
    assert_busy(cores_during, 1.04, "1.0 of 4 CPUs were there for us");
}
END_TEST

START_TEST(a_little_of_each_leaves_it_quiet)
{
    assert_busy(pressure_before, 19.9, "");
    assert_busy(pressure_during, 19.9, "");
    assert_busy(steal_before, 9.9, "");
    assert_busy(steal_during, 9.9, "");
    assert_busy(cores_before, 3.2, "");
    assert_busy(cores_during, 3.2, "");
}
END_TEST

START_TEST(all_signs_are_told_and_cut_where_the_room_ends)
{
    struct machine busy = idle;
    busy.pressure_during = 99;
    busy.steal_during = 17;
    busy.cores_during = 2;
    const char *all = "something waited for a CPU in 99 % of the time, other virtual machines took 17 % of the CPU time, "
                      "2.0 of 4 CPUs were there for us";
    ck_assert_str_eq(why_busy(busy), all);
    for (size_t size = 1; size < 200; size++) {
        char *why = malloc(size);       /* of its own, so that a sanitizer sees a byte too many */
        bool is_known;
        ck_assert(!machine_is_quiet(&busy, &is_known, why, size));
        ck_assert(strlen(why) < size && strncmp(why, all, strlen(why)) == 0);
        free(why);
    }
}
END_TEST

START_TEST(what_is_not_known_makes_nothing_busy)
{
    const struct machine unknown = { .cpus_usable = 4, .pressure_before = -1, .pressure_during = -1, .steal_before = -1,
                                     .steal_during = -1 };
    bool is_known = true;
    char why[64] = "?";
    ck_assert(machine_is_quiet(&unknown, &is_known, why, sizeof why));
    ck_assert(!is_known);
    ck_assert_str_eq(why, "");
    assert_busy(pressure_before, -1, "");
    assert_busy(pressure_during, -1, "");
    assert_busy(steal_before, -1, "");
    assert_busy(cores_during, 0, "");
    struct machine spun = unknown;
    spun.cores_before = 0.5;
    ck_assert_str_eq(why_busy(spun), "0.5 of 4 CPUs were there for us");
}
END_TEST

/* ---- looking ---- */

static void is_percent_or_unknown(double percent)
{
    ck_assert(percent == -1 || (percent >= 0 && percent <= 100));
}

START_TEST(a_look_fills_in_what_this_machine_tells)
{
    struct machine m = machine_look();
    ck_assert(m.cpus_usable >= 1 && m.cpus_online >= 1 && m.kernel[0] && m.architecture[0]);
    is_percent_or_unknown(m.pressure_before);
    is_percent_or_unknown(m.steal_before);
    ck_assert(m.cores_before > 0 && m.cores_before <= m.cpus_usable);
    ck_assert(m.pressure_during == -1 && m.steal_during == -1 && m.cores_during == 0);
    machine_glance(&m);
    double first = m.cores_during;
    ck_assert(first > 0 && first <= m.cpus_usable);
    machine_look_again(&m, false);
    ck_assert(m.cores_during > 0 && m.cores_during <= first);
    is_percent_or_unknown(m.pressure_during);
    is_percent_or_unknown(m.steal_during);
    ck_assert((m.pressure_during < 0) == (m.pressure_before < 0));
}
END_TEST

START_TEST(pressure_of_our_own_making_is_not_told)
{
    struct machine m = machine_look();
    machine_look_again(&m, true);
    ck_assert(m.pressure_during == -1);
}
END_TEST

/* ---- spinning ---- */

START_TEST(spinning_leaves_no_thread_behind)
{
    (void)spin_cores(1, 0.005);         /* with a program's first thread a sanitizer may start one of its own, for good */
    unsigned threads = live_threads(), fds = open_fds();
    (void)spin_cores(3, 0.005);
    ck_assert_uint_eq(await_threads(threads, 10000), threads);
    ck_assert_uint_eq(open_fds(), fds);
}
END_TEST

START_TEST(threads_cannot_get_more_done_than_they_are)
{
    for (uint32_t cpus = 1; cpus <= 8; cpus *= 2) {
        double cores = spin_cores(cpus, 0.1);       /* long enough for each to get a turn, whatever else runs here */
        ck_assert(cores > 0 && cores <= cpus);
    }
}
END_TEST

START_TEST(more_threads_than_cpus_find_no_more_than_the_cpus)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus < 1 || cpus > 64)
        skip("%ld CPUs", cpus);
    /* Each of four to a CPU does a quarter; beyond that only what turns of different length leave over. */
    ck_assert(spin_cores(4 * (uint32_t)cpus, 0.05) < 1.5 * (double)cpus);
}
END_TEST

START_TEST(where_threads_are_refused_nothing_is_measured)
{
    if (SANITIZED)
        skip("a sanitizer needs address space without limit");
    const struct rlimit none = { 1 << 20, 1 << 20 };    /* less than the program has already */
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    ck_assert(spin_cores(8, 0.005) == 0);
}
END_TEST

/* ---- a load ---- */

static volatile uint64_t sink;
static void load_machine(void)
{
    long n = 2 * sysconf(_SC_NPROCESSORS_ONLN);
    for (long i = 0; i < n; i++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        while (pid == 0)
            sink++;
    }
}

START_TEST(a_loaded_machine_is_busy_and_waiting_for_it_ends_at_the_limit)
{
    if (sysconf(_SC_NPROCESSORS_ONLN) > 64)
        skip("too many CPUs to load");
    load_machine();
    struct machine m = machine_look();
    machine_look_again(&m, false);
    ck_assert(why_busy(m)[0] != '\0');
    ck_assert(m.cores_before < 0.8 * m.cpus_usable);
    ck_assert(!machine_await_quiet(2));
    ck_assert(!machine_await_quiet(0));
    kill_all();
}
END_TEST

int main(int argc, char **argv)
{
    add_case(an_idle_machine_is_quiet);
    add_case(each_sign_by_itself_makes_a_machine_busy_and_is_named);
    add_case(a_little_of_each_leaves_it_quiet);
    add_case(all_signs_are_told_and_cut_where_the_room_ends);
    add_case(what_is_not_known_makes_nothing_busy);
    add_case(a_look_fills_in_what_this_machine_tells);
    add_case(pressure_of_our_own_making_is_not_told);
    add_case(spinning_leaves_no_thread_behind);
    add_case(threads_cannot_get_more_done_than_they_are);
    add_case(more_threads_than_cpus_find_no_more_than_the_cpus);
    add_case(where_threads_are_refused_nothing_is_measured);
    add_case(a_loaded_machine_is_busy_and_waiting_for_it_ends_at_the_limit);
    return run_cases(argc, argv);
}
