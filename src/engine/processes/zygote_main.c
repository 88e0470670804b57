/* What the zygote does. It has one thread and one loop: an epoll over the owner's pidfd, its control channel, each pool's channel, each worker's
 * pidfd, its stand-by's, and SIGCHLD, for processes that tasks have left behind (as a subreaper it inherits them). Events are taken one at a time, so that
 * none can be about something the one before has freed.
 *
 * The stand-by is its sibling: a fork of it, but the owner's child, so that it stays when the zygote dies. It does nothing until the owner
 * promotes it; then it makes a stand-by of its own. */
#include "engine/processes/zygote_main.h"
#include "base/error.h"
#include "base/list.h"
#include "base/process.h"
#include "engine/processes/channel.h"
#include "engine/processes/wire.h"
#include "engine/processes/worker.h"
#include "memory/range.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- in the zygote ---- */

struct watched { enum { OWNER, CONTROL, CHILDREN, STANDBY, POOL, WORKER } what; int fd; };
struct zpool {
    struct watched watched;
    struct pn_list workers, all;
    bool closing;
    struct pn_surroundings surroundings;
    int fds[PN_SURROUNDINGS_FDS];
};
struct zworker { struct watched watched; struct pn_list link, all; struct zpool *pool; uint64_t id; pid_t pid; };

static struct {
    int epoll, control, owner;
    struct pn_list workers, pools;
    struct watched standby;                    /* fd -1: there is none */
} zygote;

static bool watch(struct watched *w)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = w };
    return epoll_ctl(zygote.epoll, EPOLL_CTL_ADD, w->fd, &e) == 0;
}

/* Closing alone would leave it watched, should a worker that was just forked have a duplicate yet. */
static void unwatch(struct watched *w)
{
    (void)epoll_ctl(zygote.epoll, EPOLL_CTL_DEL, w->fd, NULL);
    (void)close(w->fd);
}

static void tell(const struct zpool *pool, const struct pn_zygote_msg *msg, int pidfd)
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof *msg };
    (void)pn_channel_send(pool->watched.fd, &part, 1, &pidfd, pidfd >= 0, true);       /* nobody there: its end is seen next */
}

static void drop_pool_if_done(struct zpool *pool)
{
    if (!pool->closing || !pn_list_empty(&pool->workers))
        return;
    (void)shutdown(pool->watched.fd, SHUT_RDWR);       /* tells the owner that all are gone; a child that it forked may hold our end, too */
    (void)close(pool->watched.fd);
    pn_close_fds(pool->fds, PN_SURROUNDINGS_FDS);
    pn_list_remove(&pool->all);
    free(pool);
}

/* Its group, and itself, should it have left that. */
static void end_group(const struct zworker *w)
{
    (void)kill(-w->pid, SIGKILL);
    (void)kill(w->pid, SIGKILL);
}

/* The worker is dead but not reaped, so its number, which is that of its process group, cannot be another's yet. */
static void worker_ended(struct zworker *w)
{
    siginfo_t in = { 0 };
    struct zpool *pool = w->pool;
    end_group(w);
    (void)waitid(P_PID, (id_t)w->pid, &in, WEXITED);
    struct pn_zygote_msg msg = { .kind = PN_ENDED, .worker = w->id, .pid = w->pid, .how = in.si_code, .status = in.si_status };
    unwatch(&w->watched);
    pn_list_remove(&w->link);
    pn_list_remove(&w->all);
    free(w);
    if (!pool->closing)
        tell(pool, &msg, -1);
    drop_pool_if_done(pool);
}

static struct zworker *worker_with(pid_t pid)
{
    PN_LIST_EACH(it, &zygote.workers)
        if (PN_OF(it, struct zworker, all)->pid == pid)
            return PN_OF(it, struct zworker, all);
    return NULL;
}

/* Looks before it reaps, as a worker's end must be told. */
static void reap_children(void)
{
    siginfo_t in = { 0 };
    while (waitid(P_ALL, 0, &in, WEXITED | WNOHANG | WNOWAIT) == 0 && in.si_pid) {
        struct zworker *w = worker_with(in.si_pid);
        if (w)
            worker_ended(w);
        else
            (void)waitid(P_PID, (id_t)in.si_pid, &in, WEXITED);
        in = (siginfo_t){ 0 };
    }
}

/* Rounding, traps and flags as in a new program, as fesetenv(FE_DFL_ENV) does; that lives in libm, which nothing else here needs. */
static void reset_float_mode(void)
{
#if defined(__x86_64__)
    __asm__ volatile("fninit");
    __builtin_ia32_ldmxcsr(0x1f80);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, xzr\n\tmsr fpsr, xzr");
#endif
}

/* In the child: nothing of the zygote but the channel. It dies with the zygote, also if that has died before it could say so. */
static _Noreturn void become_worker(const struct zpool *pool, int channel, pid_t parent)
{
    sigset_t none;
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    pn_surroundings_apply(&pool->surroundings, pool->fds);
    pn_close_range(3, channel - 1);
    pn_close_range(channel + 1, INT_MAX);
    reset_float_mode();
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    pn_worker_main(channel);
}

static int fork_worker(struct zpool *pool, uint64_t id, int channel, struct zworker **ret_worker)
{
    struct zworker *w = malloc(sizeof *w);
    if (!w)
        return -ENOMEM;
    pid_t parent = getpid();
    pid_t pid = pn_fork(&w->watched.fd);
    if (pid == 0)
        become_worker(pool, channel, parent);
    if (pid < 0 || w->watched.fd < 0) {
        int r = pid < 0 ? pid : w->watched.fd;
        if (pid > 0) {                         /* no descriptor left to hold it by: it goes, as nobody */
            (void)kill(pid, SIGKILL);
            (void)waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED);
        }
        free(w);
        return r;
    }
    (void)setpgid(pid, pid);                   /* both sides: whoever comes first */
    w->watched.what = WORKER;
    w->pool = pool;
    w->id = id;
    w->pid = pid;
    pn_list_push_back(&pool->workers, &w->link);
    pn_list_push_back(&zygote.workers, &w->all);
    (void)watch(&w->watched);                  /* without memory for that, SIGCHLD still tells */
    *ret_worker = w;
    return 0;
}

static void start_worker(struct zpool *pool, uint64_t id, int channel)
{
    struct zworker *w;
    int r = channel < 0 ? -EMFILE : fork_worker(pool, id, channel, &w);
    struct pn_zygote_msg msg = { .kind = r < 0 ? PN_NOT_STARTED : PN_STARTED, .worker = id, .status = -r, .pid = r < 0 ? 0 : w->pid };
    tell(pool, &msg, r < 0 ? -1 : w->watched.fd);
}

/* One that has ended meanwhile is no longer there, and its number may be a stranger's. */
static void kill_worker(struct zpool *pool, uint64_t id)
{
    PN_LIST_EACH(it, &pool->workers)
        if (PN_OF(it, struct zworker, link)->id == id)
            end_group(PN_OF(it, struct zworker, link));
}

static void close_pool(struct zpool *pool)
{
    pool->closing = true;
    (void)epoll_ctl(zygote.epoll, EPOLL_CTL_DEL, pool->watched.fd, NULL);
    PN_LIST_EACH(it, &pool->workers)
        end_group(PN_OF(it, struct zworker, link));
    drop_pool_if_done(pool);
}

static void pool_said(struct zpool *pool)
{
    struct pn_zygote_msg msg;
    int fds[PN_CHANNEL_FDS];
    ssize_t got = pn_channel_receive(pool->watched.fd, &msg, sizeof msg, fds, true);
    if (got <= 0) {
        close_pool(pool);
        return;
    }
    if (got == sizeof msg && msg.kind == PN_START)
        start_worker(pool, msg.worker, fds[0]);
    else if (got == sizeof msg && msg.kind == PN_KILL_WORKER)
        kill_worker(pool, msg.worker);
    pn_close_fds(fds, PN_CHANNEL_FDS);
}

/* A folder that could not be named leaves its place to the environment. */
static void open_pool(const struct pn_open_pool_msg *msg, int *fds)
{
    struct zpool *pool = malloc(sizeof *pool);
    if (!pool)
        return;
    *pool = (struct zpool){ .watched = { POOL, fds[0] }, .surroundings = msg->surroundings, .fds = { fds[1], fds[2] } };
    if (fds[2] < 0) {
        pool->fds[0] = -1;
        pool->fds[1] = fds[1];
    }
    pn_list_init(&pool->workers);
    if (!watch(&pool->watched)) {
        free(pool);
        return;
    }
    pn_list_push_back(&zygote.pools, &pool->all);
    fds[0] = fds[1] = fds[2] = -1;
}

/* ---- its stand-by ---- */

static _Noreturn void standby_main(int control);

/* Its end of the control channel and its pidfd go to the owner, whose child it is. Without one, the pools break should this one die. */
static void make_standby(void)
{
    int ends[2], pidfd = -1;
    struct pn_zygote_msg msg = { .kind = PN_STANDBY };
    struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
    zygote.standby = (struct watched){ STANDBY, -1 };
    if (pn_channel_pair(ends) < 0)
        return;
    pid_t pid = pn_fork_sibling(&pidfd);
    if (pid == 0)
        standby_main(ends[1]);
    msg.pid = pid;
    if (pid > 0 && pidfd >= 0)
        (void)pn_channel_send(zygote.control, &part, 1, (int[]){ ends[0], pidfd }, 2, true);
    pn_close_fds(ends, 2);
    zygote.standby.fd = pid > 0 ? pidfd : -1;
    if (zygote.standby.fd >= 0)
        (void)watch(&zygote.standby);
}

/* The owner has gone. Workers would follow by PDEATHSIG; reaping them first leaves less to init, which in a container may reap nothing. */
static _Noreturn void follow_owner(void)
{
    PN_LIST_EACH(it, &zygote.workers)
        end_group(PN_OF(it, struct zworker, all));
    PN_LIST_EACH(it, &zygote.workers)
        while (waitid(P_PGID, (id_t)PN_OF(it, struct zworker, all)->pid, &(siginfo_t){ 0 }, WEXITED) == 0)
            ;
    _exit(0);
}

static bool owner_is_gone(void)
{
    struct pollfd p = { .fd = zygote.owner, .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

/* Another comes in its place, unless it has only seen before us that all is over. Any pool tells the owner, which has to bury the dead one. */
static void standby_ended(void)
{
    struct pn_zygote_msg tend = { .kind = PN_TEND };
    if (owner_is_gone())
        follow_owner();
    unwatch(&zygote.standby);
    make_standby();
    if (!pn_list_empty(&zygote.pools))
        tell(PN_OF(zygote.pools.next, struct zpool, all), &tend, -1);
}

static void control_said(int fd)
{
    struct pn_open_pool_msg msg;
    int fds[PN_CHANNEL_FDS];
    ssize_t got = pn_channel_receive(fd, &msg, sizeof msg, fds, true);
    if (got <= 0)
        follow_owner();
    if (got == sizeof msg && msg.kind == PN_OPEN_POOL && fds[0] >= 0)
        open_pool(&msg, fds);
    pn_close_fds(fds, PN_CHANNEL_FDS);
}

static void handle(struct watched *w)
{
    struct signalfd_siginfo drop;
    switch (w->what) {
    case OWNER:
        follow_owner();
    case CONTROL:
        control_said(w->fd);
        return;
    case CHILDREN:
        (void)!read(w->fd, &drop, sizeof drop);
        reap_children();
        return;
    case STANDBY:
        standby_ended();
        return;
    case POOL:
        pool_said(PN_OF(w, struct zpool, watched));
        return;
    case WORKER:
        worker_ended(PN_OF(w, struct zworker, watched));
        return;
    }
}

/* One or two descriptors for each worker of the program; workers get back what the program had. */
static void allow_descriptors(void)
{
    struct rlimit all;
    (void)getrlimit(RLIMIT_NOFILE, &all);
    all.rlim_cur = all.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &all);
}

/* Everything that workers shall find as in a new program: no handlers, nothing ignored, no input, no foreign descriptors. A group of its
 * own, so that the terminal's Ctrl-C is the owner's alone to answer; writing to that terminal stays allowed. */
static void settle(const char *name, int keep_low, int keep_high)
{
    allow_descriptors();
    for (int signo = 1; signo < NSIG; signo++)
        if (signo != SIGKILL && signo != SIGSTOP)
            (void)signal(signo, SIG_DFL);
    (void)signal(SIGTTOU, SIG_IGN);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_NAME, name);
    int null = pn_fd_up(open("/dev/null", O_RDWR | O_CLOEXEC));
    (void)dup2(null, 0);
    for (int fd = 1; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)dup2(null, fd);
    pn_close_range(3, keep_low - 1);
    pn_close_range(keep_low + 1, keep_high - 1);
    pn_close_range(keep_high + 1, INT_MAX);
}

static void settle_between(const char *name, int a, int b) { settle(name, a < b ? a : b, a < b ? b : a); }

/* The owner waits for this: from now on it has a zygote; or, with an errno, none. */
static bool say_here(int control, int error)
{
    struct pn_zygote_msg msg = { .kind = PN_HERE, .protocol = PN_PROTOCOL, .status = error };
    struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
    return pn_channel_send(control, &part, 1, NULL, 0, true) == 0;
}

static _Noreturn void be_zygote(void)
{
    static struct watched fixed[3];
    sigset_t children;
    (void)sigemptyset(&children);
    (void)sigaddset(&children, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &children, NULL);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    pn_list_init(&zygote.workers);
    pn_list_init(&zygote.pools);
    zygote.epoll = epoll_create1(EPOLL_CLOEXEC);
    fixed[0] = (struct watched){ OWNER, zygote.owner };
    fixed[1] = (struct watched){ CONTROL, zygote.control };
    fixed[2] = (struct watched){ CHILDREN, signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK) };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!watch(&fixed[i]))
            _exit(1);
    make_standby();
    if (!say_here(zygote.control, 0))
        _exit(1);
    for (;;) {
        struct epoll_event e;
        int n = epoll_wait(zygote.epoll, &e, 1, -1);
        if (n == 1)
            handle(e.data.ptr);
        else if (n < 0 && errno != EINTR)
            _exit(1);
    }
}

/* What the zygote has is not its own: pools, workers, whatever else; it begins anew if it is promoted. */
static _Noreturn void standby_main(int control)
{
    struct pn_zygote_msg msg;
    int fds[PN_CHANNEL_FDS];
    settle_between("prong-standby", control, zygote.owner);
    zygote.control = control;
    struct pollfd either[2] = { { .fd = zygote.owner, .events = POLLIN }, { .fd = control, .events = POLLIN } };
    while (poll(either, 2, -1) < 0)
        if (errno != EINTR)
            _exit(1);
    if (either[0].revents || pn_channel_receive(control, &msg, sizeof msg, fds, true) != sizeof msg || msg.kind != PN_PROMOTE)
        _exit(0);
    (void)prctl(PR_SET_NAME, "prong-zygote");
    be_zygote();
}

_Noreturn void pn_zygote_be(int control, int owner)
{
    settle_between("prong-zygote", control, owner);
    zygote.control = control;
    zygote.owner = owner;
    be_zygote();
}

/* ---- in a helper ---- */

/* What it is told lies there since before it was started. -EINVAL: there is no such thing. */
static int read_begin(int fd, struct pn_begin_msg *ret_msg, int *ret_owner)
{
    int fds[PN_CHANNEL_FDS];
    *ret_msg = (struct pn_begin_msg){ 0 };
    ssize_t got = pn_channel_receive(fd, ret_msg, sizeof *ret_msg, fds, false);
    *ret_owner = fds[0];
    if ((got <= 0 && got != -EMSGSIZE) || ret_msg->kind != PN_BEGIN)
        return pn_error(-EINVAL, "descriptor %d is not from prong_init_exec, which gives it as the last argument", fd);
    if (ret_msg->protocol != PN_PROTOCOL || got != sizeof *ret_msg)
        return pn_error(-EPROTO, "the host has another version of prong (its protocol is %u, here it is %d)", ret_msg->protocol, PN_PROTOCOL);
    return *ret_owner >= 0 ? 0 : pn_error(-EMFILE, "no descriptor left to hold the host by");
}

static int prepare_helper(const struct pn_begin_msg *msg)
{
    unsigned threads = pn_thread_count();
    if (threads > 1)
        return pn_error(-EBUSY, "the helper has %u threads: call prong_zygote_main before any", threads);
    return pn_range_claim((uintptr_t)msg->range, (size_t)msg->range_size);
}

int pn_zygote_main(int fd)
{
    struct pn_begin_msg msg;
    int owner = -1;
    int r = read_begin(fd, &msg, &owner);
    if (r == -EINVAL)
        return r;
    if (r == 0)
        r = prepare_helper(&msg);
    if (r < 0) {
        (void)say_here(fd, -r);
        pn_close_fds(&owner, 1);
        return r;
    }
    (void)fflush(NULL);                        /* else what is buffered would be written by every worker that leaves by exit() */
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    pn_zygote_be(pn_fd_up(fd), owner);
}
