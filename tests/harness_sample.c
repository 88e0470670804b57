/* Cases that end in every way a case can end, for test_harness.py to look at what the harness makes of them. */
#include "harness.h"
#include "proc.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(a_good_case_passes) { ck_assert_int_eq(1 + 1, 2); printf("this line is not for the TAP stream\n"); } END_TEST
START_TEST(a_bad_case_fails) { ck_assert_int_eq(1 + 1, 3); } END_TEST
START_TEST(a_case_may_be_skipped) { skip("for %s reason", "this"); } END_TEST
START_TEST(a_crash_fails_one_case) { abort(); } END_TEST
START_TEST(a_hang_fails_one_case) { for (;;) (void)pause(); } END_TEST
START_TEST(an_early_exit_0_fails) { exit(0); } END_TEST
START_TEST(an_early_exit_3_fails) { exit(3); } END_TEST
START_TEST(an_index_is_told) { ck_assert_int_eq(_i, 42); } END_TEST
START_TEST(a_case_begins_with_one_thread) { ck_assert_uint_eq(live_threads(), 1 + SANITIZED_THREAD); } END_TEST

/* In a session of its own, so that the end of the case's process group does not end it; the case waits until it is there. */
START_TEST(a_process_left_behind_fails_its_case)
{
    int there[2];
    char none;
    ck_assert_int_eq(pipe(there), 0);
    if (fork() == 0) {
        (void)setsid();
        (void)close(there[1]);
        for (;;)
            (void)pause();
    }
    (void)close(there[1]);
    ck_assert_int_eq(read(there[0], &none, 1), 0);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_good_case_passes);
    add_case(a_bad_case_fails);
    add_case(a_case_may_be_skipped);
    add_case(a_crash_fails_one_case);
    add_case_for(NULL, a_hang_fails_one_case, 0, 1);
    add_case(an_early_exit_0_fails);
    add_case(an_early_exit_3_fails);
    add_case_for("forty-two", an_index_is_told, 42, 0);
    add_case(a_case_begins_with_one_thread);
    add_case(a_process_left_behind_fails_its_case);
    return run_cases(argc, argv);
}
