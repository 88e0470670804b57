#include "base/process.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Written only by the child of a fork, which has one thread then: needs no atomic. */
static uint32_t epoch;

static void next_epoch(void) { epoch++; }

__attribute__((constructor)) static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, next_epoch);
}

uint32_t pn_epoch(void) { return epoch; }

/* A joined thread may still be on its way out of the kernel: it carries this flag then (linux/sched.h of the kernel, PF_EXITING),
 * in the 9th field of its stat file, behind the name in parentheses. */
enum { PF_EXITING_FLAG = 0x4 };

static bool task_is_exiting(int tasks_fd, const char *tid)
{
    char path[64], text[512];
    (void)snprintf(path, sizeof path, "%.32s/stat", tid);
    int fd = openat(tasks_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;                              /* gone already */
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *behind_name = strrchr(text, ')');
    unsigned flags = 0;
    return !behind_name || sscanf(behind_name + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) != 1 || (flags & PF_EXITING_FLAG);
}

unsigned pn_thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        return 1;                                 /* no /proc: nothing can be said against it */
    unsigned n = 0;
    for (struct dirent *d; (d = readdir(tasks)) != NULL;)
        if (d->d_name[0] != '.' && !task_is_exiting(dirfd(tasks), d->d_name))
            n++;
    (void)closedir(tasks);
    return PN_THREAD_SANITIZER && n > 1 ? n - 1 : n;
}

/* clone() with an exit signal of 0: the kernel tells nobody of the child's end but the holder of the pidfd. glibc does not know of the
 * child, whose cached thread id is stale, so the child must not run the program's code; it may fork() as usual. The thread sanitizer
 * must know, so under it this is a plain fork. */
static pid_t clone_unseen(unsigned long flags, int *ret_pidfd)
{
#if PN_THREAD_SANITIZER
    (void)flags;
    return pn_fork(ret_pidfd);
#else
    int pidfd = -1;
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | flags, NULL, &pidfd, NULL, NULL);
    if (pid < 0)
        return -errno;
    if (pid > 0) {
        pidfd = pn_fd_up(pidfd);
        *ret_pidfd = pidfd < 0 ? -errno : pidfd;
    }
    return pid;
#endif
}

pid_t pn_fork_unseen(int *ret_pidfd) { return clone_unseen(0, ret_pidfd); }
/* A sibling has the exit signal of who made it: none, here, too. */
pid_t pn_fork_sibling(int *ret_pidfd) { return clone_unseen(CLONE_PARENT, ret_pidfd); }

pid_t pn_fork(int *ret_pidfd)
{
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid > 0)
        *ret_pidfd = pn_pidfd_open(pid);          /* our child, not yet reaped: the number is still its own */
    return pid;
}

int pn_pidfd_open(pid_t pid)
{
    int fd = pn_fd_up((int)syscall(SYS_pidfd_open, pid, 0));
    return fd < 0 ? -errno : fd;
}

int pn_fd_up(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int error = errno;
    (void)close(fd);
    errno = error;
    return up;
}

/* Before Linux 5.9, or where a container filters the call, one by one. */
void pn_close_range(int first, int last)
{
    if (last < first || close_range((unsigned)first, (unsigned)last, 0) == 0)
        return;
    long most = sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd <= last && (most < 0 || fd < most); fd++)
        (void)close(fd);
}

struct start { void *(*fn)(void *); void *arg; char name[16]; };

static void *named_thread(void *arg)
{
    struct start s = *(struct start *)arg;
    free(arg);
    (void)pthread_setname_np(pthread_self(), s.name);
    return s.fn(s.arg);
}

int pn_thread_start(pthread_t *ret_thread, void *(*fn)(void *), void *arg, const char *name)
{
    static const int own_faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    struct start *s = malloc(sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct start){ .fn = fn, .arg = arg };
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    sigset_t blocked, before;
    (void)sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own_faults / sizeof *own_faults; i++)
        (void)sigdelset(&blocked, own_faults[i]);
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int r = pthread_create(ret_thread, NULL, named_thread, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r)
        free(s);
    return -r;
}

void pn_thread_join(pthread_t thread) { (void)pthread_join(thread, NULL); }
void pn_thread_leave(pthread_t thread) { (void)pthread_detach(thread); }
