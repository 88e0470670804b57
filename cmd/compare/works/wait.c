/* wait.c - 64 questions to a server that takes 20 ms for each, so that eight workers could be through in 160.
 *
 * A run waits in poll(), as programs that talk to a network do: it needs no core meanwhile. */
#include "compare/works/wait.h"

#include "compare/stats/measure.h"
#include "compare/works/server.h"
#include "interrupt.h"
#include "say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUESTIONS = 64, WORKERS = 8 };
enum { LOOK_UP_MS = 100 };              /* how long Ctrl-C may go unnoticed: no worker process gets that signal */
static const double limit_s = 10;       /* an answer that takes longer does not come */

struct question {
    struct span span;
    uint64_t answer;
    uint32_t number;
    uint16_t port;
};

/* ---- one run ------------------------------------------------------------------------------------------------------------- */

/* 0, or what the task returns. */
static int await(int fd, short events, double deadline)
{
    struct pollfd poll_fd = { .fd = fd, .events = events };
    for (;;) {
        if (interrupt_came())
            return prong_fail(ECANCELED, "interrupted");
        double left_ms = ceil((deadline - measure_now()) * 1e3);
        if (left_ms <= 0)
            return prong_fail(ETIMEDOUT, "the server did not answer in %g s", limit_s);
        int n = poll(&poll_fd, 1, left_ms < LOOK_UP_MS ? (int)left_ms : LOOK_UP_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return prong_fail(errno, "cannot wait for the server: %s", strerror(errno));
    }
}

static int fail_to_reach(uint16_t port, int error)
{
    return prong_fail(error, "cannot reach the server on 127.0.0.1:%u: %s", port, strerror(error));
}

static int reach(int fd, uint16_t port, double deadline)
{
    const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int error = 0;
    socklen_t size = sizeof error;
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return fail_to_reach(port, errno);
    int r = await(fd, POLLOUT, deadline);
    if (r != 0)
        return r;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    return error ? fail_to_reach(port, error) : 0;
}

/* A line, without its end. */
static int hear(int fd, char *ret_line, size_t size, double deadline)
{
    for (size_t length = 0; length < size; ) {
        int r = await(fd, POLLIN, deadline);
        if (r != 0)
            return r;
        ssize_t got = recv(fd, ret_line + length, size - length, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return prong_fail(got < 0 ? errno : ECONNRESET, "the server hung up: %s", got < 0 ? strerror(errno) : "its end of the connection is closed");
        length += (size_t)got;
        char *end = memchr(ret_line, '\n', length);
        if (end) {
            *end = '\0';
            return 0;
        }
    }
    return prong_fail(EBADMSG, "the server's answer has no end");
}

static int ask(int fd, struct question *q)
{
    char line[32], wanted[32];
    double deadline = measure_now() + limit_s;
    int r = reach(fd, q->port, deadline);
    if (r != 0)
        return r;
    int length = snprintf(line, sizeof line, "%" PRIu32 "\n", q->number);
    if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length)     /* an empty socket takes a line whole */
        return prong_fail(errno, "cannot ask the server: %s", strerror(errno));
    r = hear(fd, line, sizeof line, deadline);
    if (r != 0)
        return r;
    q->answer = (uint64_t)q->number * q->number;
    snprintf(wanted, sizeof wanted, "%" PRIu64, q->answer);
    return strcmp(line, wanted) == 0 ? 0 : prong_fail(EBADMSG, "the server answered %" PRIu32 " with '%s'", q->number, line);
}

static int wait_for_answer(void *record)
{
    struct question *q = record;
    double begin = measure_now();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return prong_fail(errno, "cannot open a socket: %s", strerror(errno));
    int r = ask(fd, q);
    close(fd);
    q->span = work_span(begin);
    return r;
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

static int say_end(int r, const prong_error *end)
{
    int status = work_say_end(r, end);
    if (r > 0 && end->kind == PRONG_FAILED && end->code == EMFILE)
        say_hint("allow more open files: ulimit -n 1024");
    return status;
}

static int run(prong_pool *pool, const struct setup *setup, struct outcome *outcome)
{
    prong_error end;
    struct question questions[QUESTIONS] = { 0 };
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        questions[i].number = i;
        questions[i].port = setup->server_port;
    }
    int r = prong_map(pool, wait_for_answer, questions, QUESTIONS, sizeof *questions, NULL, &end);
    if (r != 0)
        return say_end(r, &end);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        sum += questions[i].answer;
        work_add_span(outcome, questions[i].span);
    }
    figures_add_count(&outcome->figures, "answers", QUESTIONS);
    figures_add_count(&outcome->figures, "sum", sum);
    return SAY_OK;
}

static int prepare(struct setup *setup)
{
    return server_start(&setup->server_port, &setup->server_pid);
}

static void finish(struct setup *setup)
{
    server_stop(setup->server_pid);
    setup->server_pid = 0;
    setup->server_port = 0;
}

static void describe(const struct setup *setup, char *buf, size_t size)
{
    (void)setup;
    snprintf(buf, size, "%d questions to a server that answers each after %d ms, on %d workers", QUESTIONS, SERVER_DELAY_MS, WORKERS);
}

const struct work wait_work = {
    .name = "wait", .is_in_python = true, .is_waiting = true, .workers = WORKERS, .prepare = prepare, .finish = finish, .run = run,
    .describe = describe,
};
