/* The campaigns of every day; campaign.c says what they look for. Larger numbers are a matter of its options. */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 300 };

/* Its report goes to standard error: with the seed, and the history of what was wrong. */
static void campaign(const char *what, unsigned how_many, const char *more, const char *value)
{
    const char *program = getenv("PRONG_TEST_KILL_CAMPAIGN");
    char number[16];
    int status = 0;
    if (!program)
        skip("PRONG_TEST_KILL_CAMPAIGN does not name the program");
    (void)snprintf(number, sizeof number, "%u", how_many);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl(program, program, what, number, more, value, "--grace-ms", "10000", "--take-over", (char *)NULL);
        _exit(127);
    }
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "the campaign ended with wait status %d; its report is in standard error", status);
}

START_TEST(killed_workers_lose_nothing)
{
    campaign("--kills", ROUNDS(2000), "--who", "worker");
}
END_TEST

START_TEST(killed_owners_leave_nothing)
{
    campaign("--kills", ROUNDS(50), "--who", "owner");
}
END_TEST

START_TEST(scribbling_workers_hurt_nobody_else)
{
    campaign("--scribble", 30, "--kills", "0");
}
END_TEST

START_TEST(a_stand_by_takes_the_place_of_a_killed_zygote)
{
    campaign("--kills", ROUNDS(40), "--who", "zygote,standby,worker");
}
END_TEST

int main(int argc, char **argv)
{
    add_case_for(NULL, killed_workers_lose_nothing, 0, LIMIT_S);
    add_case_for(NULL, killed_owners_leave_nothing, 0, LIMIT_S);
    add_case_for(NULL, scribbling_workers_hurt_nobody_else, 0, LIMIT_S);
    add_case_for(NULL, a_stand_by_takes_the_place_of_a_killed_zygote, 0, LIMIT_S);
    return run_cases(argc, argv);
}
