/* child.c - between this program and the other stands a guard, a fork of this one.
 *
 *   this program --SIGTERM, or its death--> guard --SIGKILL--> the other's process group
 *
 * The guard is told by the kernel when this program dies. Whatever the other one starts and leaves becomes a child of the guard, which
 * ends only when it has no child left. It holds the write ends of both pipes: where they end, all have ended, and no other wait is
 * needed. A pool of processes whose owner is killed does not end of itself, and no death signal reaches grandchildren: hence a guard. */
#include "compare/contenders/child.h"

#include "compare/stats/measure.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLICE_MS = 100, GRACE_S = 10 };

/* ---- the guard: nothing here may wait for a lock of this program, which may have had threads -------------------------------- */

static int status_of(int how)
{
    return WIFSIGNALED(how) ? CHILD_BY_SIGNAL + WTERMSIG(how) : WEXITSTATUS(how);
}

static _Noreturn void become(char *const argv[], char *const envp[])
{
    sigset_t none;
    sigemptyset(&none);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(argv[0], argv, envp);
    _exit(CHILD_NOT_RUN);
}

/* Until no child is left. If the program failed, what it started has no more to do. */
static _Noreturn void watch(pid_t program)
{
    int how, status = 0;
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGCHLD);
    for (;;) {
        pid_t pid;
        while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
            if (pid == program && (status = status_of(how)) != 0)
                (void)kill(-program, SIGKILL);
        if (pid < 0)
            _exit(status);
        if (sigwaitinfo(&awaited, NULL) == SIGTERM)
            (void)kill(-program, SIGKILL);
    }
}

/* Above all three first: one of ours may be 0, 1 or 2 where this program was started without those. */
static bool put_in_place(const int fds[3])
{
    int high[3];
    for (int i = 0; i < 3; i++)
        if ((high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return false;
    for (int i = 0; i < 3; i++)
        if (dup2(high[i], i) < 0)
            return false;
    return true;
}

/* All signals are blocked. A session of its own: the terminal's Ctrl-C is for this program alone. */
static _Noreturn void guard(char *const argv[], char *const envp[], const int fds[3], pid_t owner)
{
    (void)setsid();
    (void)signal(SIGCHLD, SIG_DFL);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != owner || !put_in_place(fds))
        _exit(CHILD_NOT_RUN);
    (void)close_range(3, ~0u, 0);   /* an older kernel: all that this program opens is closed by exec */
    pid_t program = fork();
    if (program == 0)
        become(argv, envp);
    if (program < 0)
        _exit(CHILD_NOT_RUN);
    (void)setpgid(program, program);
    watch(program);
}

static pid_t fork_guard(char *const argv[], char *const envp[], const int fds[3])
{
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t owner = getpid(), pid = fork();
    if (pid == 0)
        guard(argv, envp, fds, owner);
    int error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid < 0 ? -error : pid;
}

/* ---- this program ----------------------------------------------------------------------------------------------------------- */

static void hear(struct child *child, const char *bytes, size_t n)
{
    size_t room = CHILD_SAYS_MAX - child->says_size;
    if (n > room) {
        child->end = CHILD_TALKATIVE;
        n = room;
    }
    memcpy(child->says + child->says_size, bytes, n);
    child->says_size += n;
    child->says[child->says_size] = '\0';
}

/* The first of it gives way to the last. */
static void hear_complaint(struct child *child, const char *bytes, size_t n)
{
    if (n > CHILD_COMPLAINS_MAX) {
        bytes += n - CHILD_COMPLAINS_MAX;
        n = CHILD_COMPLAINS_MAX;
    }
    size_t kept = strlen(child->complains);
    size_t over = kept + n > CHILD_COMPLAINS_MAX ? kept + n - CHILD_COMPLAINS_MAX : 0;
    memmove(child->complains, child->complains + over, kept - over);
    memcpy(child->complains + kept - over, bytes, n);
    child->complains[kept - over + n] = '\0';
}

/* False: that was its end. */
static bool read_some(struct child *child, struct pollfd *from, bool is_complaint)
{
    char bytes[4096];
    if (!from->revents)
        return true;
    ssize_t n = read(from->fd, bytes, sizeof bytes);
    if (n < 0)
        return errno == EINTR;
    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] == '\0')
            bytes[i] = '?';
    if (is_complaint)
        hear_complaint(child, bytes, (size_t)n);
    else
        hear(child, bytes, (size_t)n);
    return n > 0;
}

static enum child_end end_of(const struct child *child, double until)
{
    if (child->end != CHILD_ENDED)
        return child->end;
    if (interrupt_came())
        return CHILD_INTERRUPTED;
    return measure_now() > until ? CHILD_LATE : CHILD_ENDED;
}

/* Until both pipes end. Where a process of the other's making has left its group and goes on, the guard is not waited for. */
static void listen_to(struct child *child, pid_t pid, int says, int complains, uint32_t limit_s)
{
    struct pollfd from[] = { { .fd = says, .events = POLLIN }, { .fd = complains, .events = POLLIN } };
    bool is_stopped = false;
    double until = measure_now() + limit_s;
    while (from[0].fd >= 0 || from[1].fd >= 0) {
        if (poll(from, 2, SLICE_MS) >= 0)
            for (int i = 0; i < 2; i++)
                if (from[i].fd >= 0 && !read_some(child, &from[i], i == 1))
                    from[i].fd = -1;
        if (is_stopped && measure_now() > until) {
            (void)kill(pid, SIGKILL);
            return;
        }
        child->end = end_of(child, until);
        if (child->end != CHILD_ENDED && !is_stopped) {
            (void)kill(pid, SIGTERM);
            is_stopped = true;
            until = measure_now() + GRACE_S;
        }
    }
}

static int reap(pid_t pid)
{
    int how = 0;
    while (waitpid(pid, &how, 0) < 0)
        if (errno != EINTR)
            return 0;           /* somebody had SIGCHLD ignored */
    return status_of(how);
}

static int run(char *const argv[], char *const envp[], const int fds[3], const int ours[2], uint32_t limit_s, struct child *child)
{
    pid_t pid = fork_guard(argv, envp, fds);
    (void)close(fds[1]);
    (void)close(fds[2]);
    if (pid < 0)
        return (int)pid;
    listen_to(child, pid, ours[0], ours[1], limit_s);
    child->status = reap(pid);
    return 0;
}

int child_run(char *const argv[], char *const envp[], uint32_t limit_s, struct child *ret_child)
{
    int r, says[2], complains[2];
    *ret_child = (struct child){ .says = malloc(CHILD_SAYS_MAX + 1) };
    if (!ret_child->says)
        return -ENOMEM;
    ret_child->says[0] = '\0';
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0) {
        r = -errno;
        goto free_child;
    }
    if (pipe2(says, O_CLOEXEC) < 0) {
        r = -errno;
        goto close_null;
    }
    if (pipe2(complains, O_CLOEXEC) < 0) {
        r = -errno;
        (void)close(says[1]);
        goto close_says;
    }
    r = run(argv, envp, (int[]){ null, says[1], complains[1] }, (int[]){ says[0], complains[0] }, limit_s, ret_child);
    (void)close(complains[0]);
close_says:
    (void)close(says[0]);
close_null:
    (void)close(null);
free_child:
    if (r < 0)
        child_free(ret_child);
    return r;
}

void child_free(struct child *child)
{
    free(child->says);
    child->says = NULL;
}
