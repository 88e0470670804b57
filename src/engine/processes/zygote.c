/* The zygote has one thread and one loop: an epoll over the owner's pidfd, its control channel, each pool's channel, each worker's pidfd,
 * and SIGCHLD, for processes that tasks have left behind (as a subreaper it inherits them). Events are taken one at a time, so that
 * none can be about something the one before has freed. */
#include "engine/processes/zygote.h"
#include "base/error.h"
#include "base/list.h"
#include "base/process.h"
#include "engine/processes/channel.h"
#include "engine/processes/module.h"
#include "engine/processes/wire.h"
#include "engine/processes/worker.h"
#include "memory/range.h"
#include "sync/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

struct watched { enum { OWNER, CONTROL, CHILDREN, POOL, WORKER } what; int fd; };
struct zpool { struct watched watched; struct pn_list workers; bool closing; };
struct zworker { struct watched watched; struct pn_list link, all; struct zpool *pool; uint64_t id; pid_t pid; };

static struct { int epoll; struct pn_list workers; struct rlimit files; } zygote;

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

static void tell(const struct zpool *pool, const struct pn_zygote_msg *msg)
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof *msg };
    (void)pn_channel_send(pool->watched.fd, &part, 1, NULL, 0, true);       /* nobody there: its end is seen next */
}

static void drop_pool_if_done(struct zpool *pool)
{
    if (!pool->closing || !pn_list_empty(&pool->workers))
        return;
    (void)shutdown(pool->watched.fd, SHUT_RDWR);       /* tells the owner that all are gone; a child that it forked may hold our end, too */
    (void)close(pool->watched.fd);
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
        tell(pool, &msg);
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

/* In the child: nothing of the zygote but the channel. It dies with the zygote, also if that has died before it could say so. */
static _Noreturn void become_worker(int channel, pid_t parent)
{
    sigset_t none;
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    pn_close_range(3, channel - 1);
    pn_close_range(channel + 1, INT_MAX);
    (void)setrlimit(RLIMIT_NOFILE, &zygote.files);
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
        become_worker(channel, parent);
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
    tell(pool, &msg);
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

static void open_pool(int channel)
{
    struct zpool *pool = malloc(sizeof *pool);
    if (!pool) {
        (void)close(channel);
        return;
    }
    *pool = (struct zpool){ .watched = { POOL, channel } };
    pn_list_init(&pool->workers);
    if (!watch(&pool->watched)) {
        (void)close(channel);
        free(pool);
    }
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

static void control_said(int fd)
{
    struct pn_zygote_msg msg;
    int fds[PN_CHANNEL_FDS];
    if (pn_channel_receive(fd, &msg, sizeof msg, fds, true) <= 0)
        follow_owner();
    if (msg.kind == PN_OPEN_POOL && fds[0] >= 0)
        open_pool(fds[0]);
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
    case POOL:
        pool_said(PN_OF(w, struct zpool, watched));
        return;
    case WORKER:
        worker_ended(PN_OF(w, struct zworker, watched));
        return;
    }
}

/* Everything that workers shall find as in a new program: no handlers, nothing ignored, no input, no foreign descriptors. A group of its
 * own, so that the terminal's Ctrl-C is the owner's alone to answer; writing to that terminal stays allowed. */
static void settle(int keep_low, int keep_high)
{
    struct rlimit all;
    (void)getrlimit(RLIMIT_NOFILE, &zygote.files);
    all = (struct rlimit){ zygote.files.rlim_max, zygote.files.rlim_max };
    (void)setrlimit(RLIMIT_NOFILE, &all);      /* one or two for each worker of the program; workers get back what they had */
    for (int signo = 1; signo < NSIG; signo++)
        if (signo != SIGKILL && signo != SIGSTOP)
            (void)signal(signo, SIG_DFL);
    (void)signal(SIGTTOU, SIG_IGN);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_NAME, "prong-zygote");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    int null = pn_fd_up(open("/dev/null", O_RDWR | O_CLOEXEC));
    (void)dup2(null, 0);
    for (int fd = 1; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)dup2(null, fd);
    pn_close_range(3, keep_low - 1);
    pn_close_range(keep_low + 1, keep_high - 1);
    pn_close_range(keep_high + 1, INT_MAX);
}

/* The owner waits for this: from now on it has a zygote. */
static void say_here(int control)
{
    struct pn_zygote_msg msg = { .kind = PN_HERE };
    struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
    if (pn_channel_send(control, &part, 1, NULL, 0, true) < 0)
        _exit(1);
}

static _Noreturn void zygote_main(int control, int owner)
{
    sigset_t children;
    settle(control < owner ? control : owner, control < owner ? owner : control);
    (void)sigemptyset(&children);
    (void)sigaddset(&children, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &children, NULL);
    pn_list_init(&zygote.workers);
    zygote.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct watched fixed[] = { { OWNER, owner }, { CONTROL, control },
                               { CHILDREN, signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK) } };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!watch(&fixed[i]))
            _exit(1);
    say_here(control);
    for (;;) {
        struct epoll_event e;
        int n = epoll_wait(zygote.epoll, &e, 1, -1);
        if (n == 1)
            handle(e.data.ptr);
        else if (n < 0 && errno != EINTR)
            _exit(1);
    }
}

/* ---- in the owner ---- */

static struct { struct pn_lock lock; bool there; uint32_t epoch; int control, pidfd; } mine;

__attribute__((constructor)) static void watch_forks(void) { pn_lock_free_at_fork(&mine.lock); }

/* Ours has died. */
static void bury(void)
{
    (void)close(mine.control);                 /* one that lives, but does not listen to us, ends by that */
    (void)waitid(P_PIDFD, (id_t)mine.pidfd, &(siginfo_t){ 0 }, WEXITED | __WALL);
    (void)close(mine.pidfd);
    mine.there = false;
}

/* In the child of start(): the zygote lives as long as its parent, which it must hold before it can know that it is still there. */
static _Noreturn void begin(int control, pid_t owner)
{
    int pidfd = pn_pidfd_open(owner);
    if (pidfd < 0 || getppid() != owner)
        _exit(0);
    zygote_main(control, pn_fd_up(pidfd));
}

static int wait_for_zygote(void)
{
    struct pn_zygote_msg msg = { 0 };
    int fds[PN_CHANNEL_FDS];
    if (pn_channel_receive(mine.control, &msg, sizeof msg, fds, true) == sizeof msg && msg.kind == PN_HERE)
        return 0;
    bury();
    return pn_error(-ENOTSUP, "the zygote could not begin: this system lacks or forbids pidfd_open, signalfd or epoll");
}

static int start(void)
{
    int ends[2], pidfd = -1;
    unsigned threads = pn_thread_count();
    if (threads > 1)
        return pn_error(-EBUSY, "the program has %u threads already: call prong_init first in main, before any thread", threads);
    int r = pn_range_reserve();
    if (r == 0)
        r = pn_modules_remember();
    if (r < 0)
        return r;
    r = pn_channel_pair(ends);
    if (r < 0)
        return pn_error(r, "cannot make a channel to the zygote: %s", strerror(-r));
    (void)fflush(NULL);                        /* else what is buffered would be written by every worker that leaves by exit() */
    pid_t owner = getpid();
    pid_t pid = pn_fork_unseen(&pidfd);
    if (pid == 0) {
        (void)close(ends[0]);
        begin(ends[1], owner);
    }
    (void)close(ends[1]);
    if (pid < 0 || pidfd < 0) {
        (void)close(ends[0]);                  /* a zygote without pidfd sees that and goes */
        return pn_error(pid < 0 ? pid : pidfd, "cannot fork the zygote: %s", strerror(pid < 0 ? -pid : -pidfd));
    }
    mine.there = true;
    mine.epoch = pn_epoch();
    mine.control = ends[0];
    mine.pidfd = pidfd;
    return wait_for_zygote();
}

/* One that a fork has inherited is the parent's, and is left alone; its descriptors may be something else by now. */
static bool is_there(void)
{
    mine.there &= mine.epoch == pn_epoch();
    return mine.there;
}

int pn_zygote_start(void)
{
    pn_lock(&mine.lock);
    int r = is_there() ? 0 : start();
    pn_unlock(&mine.lock);
    return r;
}

static int send_pool(int channel)
{
    struct pn_zygote_msg msg = { .kind = PN_OPEN_POOL };
    struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
    return pn_channel_send(mine.control, &part, 1, &channel, 1, true);
}

/* A zygote that has died is found out here, and followed by another where the program still has one thread. */
static int hand_over(int channel)
{
    for (int tries = 0; tries < 2; tries++) {
        int r = is_there() ? 0 : start();
        if (r < 0)
            return r == -EBUSY ? -ENOTSUP : r;
        r = send_pool(channel);
        if (r != -EPIPE && r != -ECONNRESET)
            return r < 0 ? pn_error(r, "cannot speak to the zygote: %s", strerror(-r)) : 0;
        bury();
    }
    return pn_error(-ENOTSUP, "the zygote ends as soon as it is started");
}

void pn_zygote_bury(void)
{
    siginfo_t in = { 0 };
    pn_lock(&mine.lock);
    if (is_there() && waitid(P_PIDFD, (id_t)mine.pidfd, &in, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && in.si_pid)
        bury();
    pn_unlock(&mine.lock);
}

int pn_zygote_open_pool(int *ret_channel, int *ret_pidfd)
{
    int ends[2];
    int r = pn_channel_pair(ends);
    if (r < 0)
        return pn_error(r, "cannot make a channel for the pool: %s", strerror(-r));
    pn_lock(&mine.lock);
    r = hand_over(ends[1]);
    *ret_pidfd = r < 0 ? -1 : fcntl(mine.pidfd, F_DUPFD_CLOEXEC, 3);
    if (r == 0 && *ret_pidfd < 0)
        r = pn_error(-errno, "cannot hold the zygote: %s", strerror(errno));
    pn_unlock(&mine.lock);
    (void)close(ends[1]);
    if (r < 0)
        (void)close(ends[0]);
    else
        *ret_channel = ends[0];
    return r;
}
