/* exec gives a process the exit signal SIGCHLD whatever it was made with, so an unseen child of the host cannot become the helper. A
 * process in between can have it as its child: the watcher, made here without an exit signal. It shares the host's memory and descriptors,
 * and the thread that made it stands still meanwhile, as in vfork(), so it costs the same however large the host is. It starts the helper,
 * waits for its first word, and learns how it ends if there is none. Then it goes, and leaves the helper to init.
 *
 * The watcher, and the helper before its exec, run on stacks of their own with the stopped thread's TLS. Other threads of the host may
 * hold any lock: so nothing here allocates or prints. No signal may come, as handlers are the host's. */
#include "engine/processes/helper.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANNEL = 3, LIMIT_MS = 10000, LEAVE_MS = 1000, STACK = 1 << 17 };
static const char channel_text[] = "3";

struct start {
    char *const *argv;
    int control, theirs, owner, null;
    char *stacks;
    sigset_t mask;                             /* of the thread that asked for it */
    enum { SPEAKS, NO_START, DIED, HUNG_UP, TOO_LATE } outcome;
    int error;                                 /* NO_START: an errno */
    pid_t pid;
    int pidfd;
    siginfo_t in;                              /* all but SPEAKS and NO_START: how it ended */
};

/* As clone() of glibc; the thread sanitizer takes that for a fork, after which it would let go locks that the host's threads hold. */
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

/* By the system call alone: a sanitizer keeps its own table of handlers, which would be the host's. */
static void drop_handlers(void)
{
    static const char dfl[64];                 /* the kernel's struct sigaction, smaller than that: all of it zero is SIG_DFL */
    for (int signo = 1; signo < NSIG; signo++)
        (void)syscall(SYS_rt_sigaction, signo, dfl, NULL, (size_t)(NSIG - 1) / 8);
}

/* ---- the helper, before its exec ---- */

/* By the system call alone, too: the table of descriptors that a sanitizer keeps is the host's. */
static void place(int fd, int at)
{
    if (fd == at)
        (void)fcntl(fd, F_SETFD, 0);
    else
        (void)syscall(SYS_dup3, fd, at, 0);
}

static int be_helper(void *arg)
{
    struct start *s = arg;
    (void)setpgid(0, 0);                       /* the terminal's Ctrl-C is the owner's to answer */
    place(s->null, 0);
    for (int fd = 1; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            place(s->null, fd);
    place(s->theirs, CHANNEL);
    pn_close_range(CHANNEL + 1, INT_MAX);
    (void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
    (void)execvp(s->argv[0], s->argv);
    s->error = errno;
    return 127;
}

/* ---- the watcher ---- */

static bool is_readable(const struct pollfd *p) { return p->revents != 0; }

/* An end is readable, too. */
static bool has_spoken(const struct start *s)
{
    char byte;
    return recv(s->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static int await_word(const struct start *s)
{
    enum { OF_CONTROL, OF_HELPER, OF_OWNER };
    struct pollfd p[] = { { s->control, POLLIN, 0 }, { s->pidfd, POLLIN, 0 }, { s->owner, POLLIN, 0 } };
    prong_time deadline = pn_after_ms(pn_now(), LIMIT_MS);
    for (int outcome = TOO_LATE;;) {
        int n = poll(p, 3, pn_poll_ms(deadline));
        if (n < 0 && errno == EINTR)
            continue;
        if (is_readable(&p[OF_CONTROL]) && has_spoken(s))
            return SPEAKS;
        if (n <= 0 || is_readable(&p[OF_OWNER]))
            return outcome;
        if (is_readable(&p[OF_HELPER]))
            return DIED;
        outcome = HUNG_UP;                     /* most often as it is about to die: how it does says more */
        deadline = pn_earlier(deadline, pn_after_ms(pn_now(), LEAVE_MS));
        p[OF_CONTROL].fd = -1;
    }
}

/* Its group, and itself, should it have left that. It has not been reaped: the number is its own. */
static void end_helper(struct start *s)
{
    (void)kill(-s->pid, SIGKILL);
    (void)kill(s->pid, SIGKILL);
    while (waitid(P_PID, (id_t)s->pid, &s->in, WEXITED) < 0 && errno == EINTR)
        ;
}

static int be_watcher(void *arg)
{
    struct start *s = arg;
    drop_handlers();                           /* else an ignored SIGCHLD would hide how the helper ended */
    s->pid = __clone(be_helper, s->stacks + STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s, &s->pidfd);
    if (s->pid < 0)
        s->error = errno;
    (void)close(s->theirs);                    /* the host's, too: else the helper's end of the channel would not be the last */
    s->outcome = s->error ? NO_START : await_word(s);
    if (s->pid > 0 && s->outcome != SPEAKS)
        end_helper(s);
    return 0;
}

/* ---- the host ---- */

/* The thread does nothing until the watcher has ended. */
static int start_watcher(struct start *s)
{
    sigset_t all;
    int cancels;
    (void)sigfillset(&all);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancels);
    (void)pthread_sigmask(SIG_SETMASK, &all, &s->mask);
    pid_t pid = __clone(be_watcher, s->stacks + 2 * STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES, s);
    int error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
    if (pid < 0)
        (void)close(s->theirs);
    while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
    (void)pthread_setcancelstate(cancels, &cancels);
    return pid < 0 ? -error : 0;
}

static int tell_end(const struct start *s)
{
    const char *name = s->argv[0];
    if (s->outcome == TOO_LATE)
        return pn_error(-ETIMEDOUT, "%.300s was killed, as it had not called prong_zygote_main after %d seconds", name, LIMIT_MS / 1000);
    if (s->outcome == HUNG_UP)
        return pn_error(-EPIPE, "%.300s was killed, as it had closed its descriptor, and not called prong_zygote_main", name);
    if (s->in.si_code == CLD_EXITED)
        return pn_error(-EPIPE, "%.300s left with exit status %d before it called prong_zygote_main", name, s->in.si_status);
    return pn_error(-EPIPE, "%.300s was ended by %s before it called prong_zygote_main", name, pn_signal_name(s->in.si_status));
}

static int start(struct start *s, int *ret_pidfd)
{
    int r = start_watcher(s);
    if (r < 0)
        return pn_error(r, "cannot make a process: %s", strerror(-r));
    s->pidfd = pn_fd_up(s->pidfd);
    if (s->outcome == SPEAKS && s->pidfd >= 0) {
        *ret_pidfd = s->pidfd;
        return 0;
    }
    if (s->pidfd >= 0)
        (void)close(s->pidfd);
    if (s->outcome == NO_START)
        return pn_error(-s->error, "cannot start %.300s: %s", s->argv[0], strerror(s->error));
    return s->outcome == SPEAKS ? pn_error(-EMFILE, "no descriptor left to hold %.300s by", s->argv[0]) : tell_end(s);
}

int pn_helper_start(char *const argv[], int control, int theirs, int owner, int *ret_pidfd)
{
    int r;
    struct start s = { .argv = argv, .control = control, .theirs = theirs, .owner = owner, .pidfd = -1 };
    s.null = pn_fd_up(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (s.null < 0) {
        r = pn_error(-errno, "cannot open /dev/null: %s", strerror(errno));
        goto close_theirs;
    }
    s.stacks = mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (s.stacks == MAP_FAILED) {
        r = pn_error(-ENOMEM, "no memory to start %.300s", argv[0]);
        goto close_null;
    }
    r = start(&s, ret_pidfd);
    (void)munmap(s.stacks, 2 * STACK);
    (void)close(s.null);
    return r;
close_null:
    (void)close(s.null);
close_theirs:
    (void)close(theirs);
    return r;
}

char **pn_helper_arguments(char *const argv[])
{
    size_t n = 0, size = sizeof channel_text;
    for (; argv[n]; n++)
        size += strlen(argv[n]) + 1;
    char **copy = malloc((n + 2) * sizeof *copy + size);
    if (!copy)
        return NULL;
    char *at = (char *)(copy + n + 2);
    for (size_t i = 0; i <= n; i++) {
        copy[i] = at;
        at = stpcpy(at, i < n ? argv[i] : channel_text) + 1;
    }
    copy[n + 1] = NULL;
    return copy;
}
