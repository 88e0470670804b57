/* server.c - one thread and one epoll over the listening socket, a timer and all connections.
 *
 * Each answer is due the same time after its question, so those that wait stand in a plain queue, and the timer is set to its head.
 * Events are taken one at a time, so that none can be about a connection that the one before has closed. */
#include "compare/works/server.h"

#include "say.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DIGITS_MAX = 9 };        /* the square fits into 64 bits */

/* ---- in the server ------------------------------------------------------------------------------------------------------- */

struct connection {
    int fd;
    bool is_asked;              /* stands in the queue; until it is answered, silence is expected */
    size_t length;
    char text[DIGITS_MAX + 1];  /* what came of a line */
    uint64_t number;
    int64_t due_ns;
    struct connection *next;
};

static struct {
    int epoll, listener, timer;
    bool is_full;               /* no descriptor for one more: nobody is let in until one goes */
    struct connection *head, **tail;
} server;

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool watch(int fd, void *about)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = about };
    return epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void let_in(bool yes)
{
    struct epoll_event event = { .events = yes ? EPOLLIN : 0, .data.ptr = &server.listener };
    (void)epoll_ctl(server.epoll, EPOLL_CTL_MOD, server.listener, &event);
    server.is_full = !yes;
}

static void set_timer(void)
{
    if (!server.head)
        return;
    struct itimerspec at = { .it_value = { server.head->due_ns / 1000000000, server.head->due_ns % 1000000000 } };
    (void)timerfd_settime(server.timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void enqueue(struct connection *c)
{
    c->is_asked = true;
    c->due_ns = now_ns() + SERVER_DELAY_MS * INT64_C(1000000);
    c->next = NULL;
    *server.tail = c;
    server.tail = &c->next;
    if (server.head == c)
        set_timer();
}

static void dequeue(struct connection *c)
{
    struct connection **at = &server.head;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (server.tail == &c->next)
        server.tail = at;
    c->is_asked = false;
}

static void hang_up(struct connection *c)
{
    if (c->is_asked)
        dequeue(c);
    close(c->fd);
    free(c);
    if (server.is_full)
        let_in(true);
}

/* A line is far shorter than the room that a socket has for who does not read: less than all of it means that nobody is there. */
static void answer(struct connection *c)
{
    char line[32];
    int length = snprintf(line, sizeof line, "%" PRIu64 "\n", c->number * c->number);
    dequeue(c);
    if (send(c->fd, line, (size_t)length, MSG_NOSIGNAL) != length)
        hang_up(c);
}

static void answer_those_due(void)
{
    uint64_t expired;
    (void)!read(server.timer, &expired, sizeof expired);
    while (server.head && server.head->due_ns <= now_ns())
        answer(server.head);
    set_timer();
}

/* False: no number, or more than one line. */
static bool read_number(struct connection *c)
{
    size_t digits = c->length - 1;
    if (digits < 1 || c->text[digits] != '\n')
        return false;
    c->number = 0;
    for (size_t i = 0; i < digits; i++) {
        if (c->text[i] < '0' || c->text[i] > '9')
            return false;
        c->number = c->number * 10 + (uint64_t)(c->text[i] - '0');
    }
    c->length = 0;
    return true;
}

static void hear(struct connection *c)
{
    ssize_t got = recv(c->fd, c->text + c->length, sizeof c->text - c->length, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0 || c->is_asked) {
        hang_up(c);
        return;
    }
    c->length += (size_t)got;
    if (!memchr(c->text, '\n', c->length) && c->length < sizeof c->text)
        return;                 /* the rest of the line comes later */
    if (read_number(c))
        enqueue(c);
    else
        hang_up(c);
}

static void admit(void)
{
    int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            let_in(false);
        return;                 /* else who had called has gone already */
    }
    struct connection *c = calloc(1, sizeof *c);
    if (!c || !watch(fd, c)) {
        close(fd);
        free(c);
        return;
    }
    c->fd = fd;
}

/* The descriptors that the program had are not for this process; one of them would keep a channel open that the program has closed.
 * Standard error stays: for what goes wrong. Returns the listening socket, which may have another number now. */
static int close_others(int listener)
{
    int keep = fcntl(listener, F_DUPFD_CLOEXEC, 3);
    if (keep < 0)
        _exit(1);
    if ((keep > 3 && close_range(3, (unsigned)keep - 1, 0) < 0) || close_range((unsigned)keep + 1, UINT_MAX, 0) < 0) {
        long most = sysconf(_SC_OPEN_MAX);      /* an older kernel: one by one */
        for (int fd = 3; fd < most; fd++)
            if (fd != keep)
                close(fd);
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDOUT_FILENO; fd++)
        if (fd != null)
            (void)dup2(null, fd);
    return keep;
}

/* It dies with the program, also if that has died before this could say so. A group of its own: Ctrl-C is the program's to answer. */
static void settle(pid_t program)
{
    static const int as_in_a_new_program[] = { SIGTERM, SIGHUP, SIGCHLD };
    sigset_t none;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != program)
        _exit(0);
    (void)prctl(PR_SET_NAME, "prong-server");
    (void)setpgid(0, 0);
    for (size_t i = 0; i < sizeof as_in_a_new_program / sizeof *as_in_a_new_program; i++)
        (void)signal(as_in_a_new_program[i], SIG_DFL);
    (void)signal(SIGINT, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void serve(int listener, pid_t program)
{
    settle(program);
    server.listener = close_others(listener);
    server.tail = &server.head;
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    server.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (!watch(server.listener, &server.listener) || !watch(server.timer, &server.timer))
        _exit(1);
    for (;;) {
        struct epoll_event event;
        int n = epoll_wait(server.epoll, &event, 1, -1);
        if (n < 0 && errno != EINTR)
            _exit(1);
        if (n != 1)
            continue;
        if (event.data.ptr == &server.listener)
            admit();
        else if (event.data.ptr == &server.timer)
            answer_those_due();
        else
            hear(event.data.ptr);
    }
}

/* ---- in the program ------------------------------------------------------------------------------------------------------ */

static int open_listener(uint16_t *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int server_start(uint16_t *ret_port, int *ret_pid)
{
    uint16_t port = 0;
    int listener = open_listener(&port);
    if (listener < 0) {
        (void)say_error(SAY_MISSING, "cannot listen on 127.0.0.1, where `wait` is answered: %s", strerror(-listener));
        say_hint("leave it out: --only sqrt,records,counter");
        return SAY_MISSING;
    }
    pid_t program = getpid(), pid = fork();
    if (pid == 0)
        serve(listener, program);
    int error = errno;
    close(listener);
    if (pid < 0)
        return say_error(SAY_MISSING, "cannot fork the process that answers `wait`: %s", strerror(error));
    *ret_port = port;
    *ret_pid = pid;
    return SAY_OK;
}

void server_stop(int pid)
{
    if (!pid)
        return;
    (void)kill(pid, SIGKILL);   /* it holds nothing that would have to be put in order */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
