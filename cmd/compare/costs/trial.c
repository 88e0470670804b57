/* trial.c - what the program prints comes through a pipe, whose end tells that all of its processes are gone. */
#include "compare/costs/trial.h"

#include "compare/costs/crash.h"
#include "compare/costs/memory.h"
#include "interrupt.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_UP_MS = 100 };              /* how long Ctrl-C may go unnoticed */
static const double limit_s = 20;
static const char why_prefix[] = "why: ";

static int cannot(char ret_why[WHY_SIZE], const char *what, int error)
{
    snprintf(ret_why, WHY_SIZE, "%s: %s", what, strerror(error));
    return -1;
}

/* ---- in the child -------------------------------------------------------------------------------------------------------- */

/* It dies with this program, also if that has died before it could say so. In a group of its own: Ctrl-C is this program's to answer.
 * Its crash is none of anybody's business: no core, no words. */
static _Noreturn void become_trial(int out, pid_t parent, const char *cost, const char *engine)
{
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
        _exit(1);
    (void)execl("/proc/self/exe", "prong", "trial", cost, engine, (char *)NULL);
    dprintf(STDOUT_FILENO, "%scannot run /proc/self/exe: %s\n", why_prefix, strerror(errno));
    _exit(1);
}

void trial_say_why(const char *why)
{
    printf("%s%s\n", why_prefix, why);
}

int trial_main(int argc, char *const argv[])
{
    if (argc == 3 && strcmp(argv[1], "crash") == 0)
        return crash_trial(argv[2]);
    if (argc == 3 && strcmp(argv[1], "memory") == 0)
        return memory_trial(argv[2]);
    return say_error(SAY_USAGE, "`prong %s` is for the use of `prong compare`", argv[0]);
}

/* ---- in this program ----------------------------------------------------------------------------------------------------- */

/* 0: more may come, 1: all has come; or negative. */
static int read_some(int fd, double deadline, char line[TRIAL_LINE], size_t *length, char ret_why[WHY_SIZE])
{
    char drop[256];
    struct pollfd in = { .fd = fd, .events = POLLIN };
    size_t left = TRIAL_LINE - 1 - *length;
    if (interrupt_came())
        return cannot(ret_why, "trial", ECANCELED);
    if (measure_now() > deadline)
        return cannot(ret_why, "trial", ETIMEDOUT);
    if (poll(&in, 1, LOOK_UP_MS) <= 0)
        return 0;
    ssize_t got = left ? read(fd, line + *length, left) : read(fd, drop, sizeof drop);
    if (got > 0 && left)
        *length += (size_t)got;
    return got == 0 ? 1 : got > 0 || errno == EINTR ? 0 : cannot(ret_why, "trial", errno);
}

static int hear(int fd, char ret_line[TRIAL_LINE], char ret_why[WHY_SIZE])
{
    size_t length = 0;
    int r;
    double deadline = measure_now() + limit_s;
    do
        r = read_some(fd, deadline, ret_line, &length, ret_why);
    while (r == 0);
    ret_line[length] = '\0';
    char *end = strchr(ret_line, '\n');
    *(end ? end : ret_line) = '\0';     /* a part of a line is none */
    return r < 0 ? r : 0;
}

int trial_run(const char *cost, const char *engine, char ret_line[TRIAL_LINE], char ret_why[WHY_SIZE])
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return cannot(ret_why, "pipe", errno);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_trial(ends[1], parent, cost, engine);
    int error = errno;
    close(ends[1]);
    int r = pid < 0 ? cannot(ret_why, "fork", error) : hear(ends[0], ret_line, ret_why);
    close(ends[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL);       /* has ended, or was to */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (r == 0 && strncmp(ret_line, why_prefix, strlen(why_prefix)) == 0) {
        snprintf(ret_why, WHY_SIZE, "%s", ret_line + strlen(why_prefix));
        r = -1;
    }
    return r;
}
