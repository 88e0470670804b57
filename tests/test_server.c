/* compare/works/server.h: each number is answered by its square, whatever others do; nothing of the server is left. */
#include "harness.h"
#include "proc.h"
#include "compare/works/server.h"
#include "say.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_MS = 10000 };

struct started { uint16_t port; int pid; };

static struct started start(void)
{
    struct started s = { 0 };
    ck_assert_int_eq(server_start(&s.port, &s.pid), SAY_OK);
    ck_assert_int_gt(s.pid, 0);
    return s;
}

static int try_connect(uint16_t port)
{
    const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval limit = { .tv_sec = LIMIT_MS / 1000 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int r = -errno;
    (void)close(fd);
    return r;
}

static int call(const struct started *s)
{
    int fd = try_connect(s->port);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void assert_answered(int fd, const char *wanted)
{
    char line[64] = "";
    size_t length = 0;
    while (length == 0 || line[length - 1] != '\n') {
        ssize_t got = recv(fd, line + length, sizeof line - 1 - length, 0);
        ck_assert_int_gt(got, 0);
        length += (size_t)got;
    }
    line[length] = '\0';
    ck_assert_str_eq(line, wanted);
}

/* What was left unread makes the end a reset. */
static void assert_hung_up(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    ck_assert_msg(got == 0 || (got < 0 && errno == ECONNRESET), "%zd, %s", got, strerror(errno));
    (void)close(fd);
}

static void assert_answers(const struct started *s, const char *question, const char *wanted)
{
    int fd = call(s);
    say(fd, question);
    assert_answered(fd, wanted);
    (void)close(fd);
}

/* ---- answers ---- */

START_TEST(a_number_is_answered_by_its_square)
{
    struct started s = start();
    assert_answers(&s, "7\n", "49\n");
    assert_answers(&s, "0\n", "0\n");
    assert_answers(&s, "999999999\n", "999999998000000001\n");
    server_stop(s.pid);
}
END_TEST

START_TEST(a_connection_may_ask_again_once_it_is_answered)
{
    struct started s = start();
    int fd = call(&s);
    for (int k = 0; k < 3; k++) {
        say(fd, "12\n");
        assert_answered(fd, "144\n");
    }
    (void)close(fd);
    server_stop(s.pid);
}
END_TEST

START_TEST(a_line_may_come_in_parts)
{
    struct started s = start();
    int fd = call(&s);
    say(fd, "1");
    assert_answers(&s, "5\n", "25\n");        /* meanwhile the server has read the part, as it takes one event after the other */
    say(fd, "1\n");
    assert_answered(fd, "121\n");
    (void)close(fd);
    server_stop(s.pid);
}
END_TEST

START_TEST(two_hundred_that_ask_at_once_each_get_their_own_answer)
{
    enum { ASKERS = 200 };
    int fds[ASKERS];
    char line[32];
    struct started s = start();
    for (int i = 0; i < ASKERS; i++)
        fds[i] = call(&s);
    for (int i = 0; i < ASKERS; i++) {
        (void)snprintf(line, sizeof line, "%d\n", i);
        say(fds[i], line);
    }
    for (int i = ASKERS; i-- > 0; ) {
        (void)snprintf(line, sizeof line, "%d\n", i * i);
        assert_answered(fds[i], line);
        (void)close(fds[i]);
    }
    server_stop(s.pid);
}
END_TEST

static const char *const no_questions[] = { "\n", "x\n", "-1\n", "1 \n", "1\r\n", "0x1\n", "1.5\n", "1234567890\n", "12345678901234567890", "1\n2\n" };

START_TEST(who_asks_for_anything_else_is_hung_up_on_and_nobody_beside)
{
    struct started s = start();
    int other = call(&s);
    for (size_t i = 0; i < sizeof no_questions / sizeof no_questions[0]; i++) {
        int fd = call(&s);
        say(fd, no_questions[i]);
        assert_hung_up(fd);
    }
    say(other, "3\n");
    assert_answered(other, "9\n");
    (void)close(other);
    server_stop(s.pid);
}
END_TEST

START_TEST(those_who_leave_before_their_answer_do_not_keep_it_from_others)
{
    enum { ASKERS = 30 };
    int fds[ASKERS];
    struct started s = start();
    for (int round = 0; round < ROUNDS(20); round++) {
        for (int i = 0; i < ASKERS; i++) {
            fds[i] = call(&s);
            say(fds[i], "11\n");
        }
        for (int i = 0; i < ASKERS; i++)
            if (i % 3 == round % 3)
                (void)close(fds[i]);
        for (int i = 0; i < ASKERS; i++)
            if (i % 3 != round % 3) {
                assert_answered(fds[i], "121\n");
                (void)close(fds[i]);
            }
    }
    server_stop(s.pid);
}
END_TEST

START_TEST(who_finds_no_descriptor_left_is_answered_once_another_goes)
{
    enum { ASKERS = 30 };
    int fds[ASKERS];
    struct rlimit before, few;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ 16, before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct started s = start();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < ASKERS; i++) {
        fds[i] = call(&s);                     /* the kernel takes the call; the server cannot yet */
        say(fds[i], "4\n");
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_answered(fds[i], "16\n");
        (void)close(fds[i]);
    }
    server_stop(s.pid);
}
END_TEST

/* ---- its life ---- */

START_TEST(one_that_is_stopped_is_gone_and_reaped)
{
    unsigned fds = open_fds();
    struct started s = start();
    server_stop(s.pid);
    ck_assert_uint_eq(children_of(getpid(), NULL, 0), 0);
    ck_assert_int_eq(try_connect(s.port), -ECONNREFUSED);
    ck_assert_uint_eq(open_fds(), fds);
    server_stop(0);
}
END_TEST

/* The program is a child here, killed at once, as soon as it has told the server's number, or even before that. */
static void kill_a_program(bool at_once)
{
    int ends[2];
    struct started s = { 0 };
    ck_assert_int_eq(pipe(ends), 0);
    pid_t program = fork();
    if (program == 0) {
        s = start();
        (void)!write(ends[1], &s, sizeof s);
        for (;;)
            (void)pause();
    }
    (void)close(ends[1]);
    if (!at_once)
        ck_assert_int_eq(read(ends[0], &s, sizeof s), sizeof s);
    ck_assert_int_eq(kill(program, SIGKILL), 0);
    ck_assert_int_eq(waitpid(program, NULL, 0), program);
    if (s.pid) {
        ck_assert(await_death(s.pid, LIMIT_MS));
        ck_assert_int_eq(try_connect(s.port), -ECONNREFUSED);
    }
    (void)close(ends[0]);
}

START_TEST(it_does_not_outlive_a_program_that_is_killed)
{
    kill_a_program(false);
    for (int round = 0; round < ROUNDS(50); round++)
        kill_a_program(true);                  /* what were left of these, the harness would find */
}
END_TEST

START_TEST(ctrl_c_is_for_the_program_alone)
{
    struct started s = start();
    assert_answers(&s, "2\n", "4\n");          /* so it has settled */
    ck_assert_int_eq(getpgid(s.pid), s.pid);
    ck_assert_int_eq(kill(s.pid, SIGINT), 0);
    assert_answers(&s, "2\n", "4\n");
    server_stop(s.pid);
}
END_TEST

START_TEST(it_keeps_no_descriptor_of_the_program_open)
{
    int ends[2];
    char byte;
    ck_assert_int_eq(pipe(ends), 0);
    struct started s = start();
    (void)close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);       /* waits for as long as anybody holds the other end */
    (void)close(ends[0]);
    assert_answers(&s, "2\n", "4\n");
    server_stop(s.pid);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_number_is_answered_by_its_square);
    add_case(a_connection_may_ask_again_once_it_is_answered);
    add_case(a_line_may_come_in_parts);
    add_case(two_hundred_that_ask_at_once_each_get_their_own_answer);
    add_case(who_asks_for_anything_else_is_hung_up_on_and_nobody_beside);
    add_case(those_who_leave_before_their_answer_do_not_keep_it_from_others);
    add_case(who_finds_no_descriptor_left_is_answered_once_another_goes);
    add_case(one_that_is_stopped_is_gone_and_reaped);
    add_case(it_does_not_outlive_a_program_that_is_killed);
    add_case(ctrl_c_is_for_the_program_alone);
    add_case(it_keeps_no_descriptor_of_the_program_open);
    return run_cases(argc, argv);
}
