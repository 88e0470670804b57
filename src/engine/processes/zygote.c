/* The owner's end of the zygote: it is forked or started here, found dead here, and followed by its stand-by. One for the whole program,
 * whatever number of pools it has; each pool has a channel of its own to it. */
#include "engine/processes/zygote.h"
#include "base/error.h"
#include "base/process.h"
#include "engine/processes/channel.h"
#include "engine/processes/helper.h"
#include "engine/processes/module.h"
#include "engine/processes/wire.h"
#include "engine/processes/zygote_main.h"
#include "memory/range.h"
#include "sync/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process of ours that no wait() of the program sees, and our end of its control channel. */
struct hidden { bool there; int control, pidfd; };

static struct {
    struct pn_lock lock;
    uint32_t epoch;
    struct hidden zygote, standby;
    bool settled;                              /* a zygote has begun in this process: others are made in the same way */
    char **helper;                             /* NULL: by a fork. Inherited by one that was forked from this process */
} mine;

__attribute__((constructor)) static void watch_forks(void) { pn_lock_free_at_fork(&mine.lock); }

/* -1: for ever. */
static bool await_end(const struct hidden *h, int time_ms)
{
    struct pollfd p = { .fd = h->pidfd, .events = POLLIN };
    int n;
    do
        n = poll(&p, 1, time_ms);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

static bool is_dead(const struct hidden *h) { return await_end(h, 0); }

/* It has died, or is not to be spoken to any more. */
static void bury(struct hidden *h)
{
    if (!h->there)
        return;
    (void)close(h->control);                   /* one that lives, but does not listen to us, ends by that */
    await_end(h, -1);
    (void)waitid(P_PIDFD, (id_t)h->pidfd, &(siginfo_t){ 0 }, WEXITED | WNOHANG | __WALL);      /* a helper is none of our children */
    (void)close(h->pidfd);
    h->there = false;
}

/* One that a fork has inherited is the parent's, and is left alone; its descriptors may be something else by now. */
static bool is_there(void)
{
    bool ours = mine.epoch == pn_epoch();
    mine.zygote.there &= ours;
    mine.standby.there &= ours;
    mine.settled &= ours;
    return mine.zygote.there;
}

/* A program that ends by exit() or from main leaves no zombie behind, for whoever inherits it to reap. Who is just at work here is at the end of
 * its time, too: then the two end by themselves, as after a kill. */
enum { GO_MS = 1000 };

/* One that has stopped does not go by being told. */
static void dismiss(struct hidden *h)
{
    if (!h->there)
        return;
    (void)shutdown(h->control, SHUT_RDWR);
    if (!await_end(h, GO_MS))
        (void)syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0);
    bury(h);
}

__attribute__((destructor)) static void end_with_the_program(void)
{
    if (!pn_try_lock(&mine.lock))
        return;
    (void)is_there();
    dismiss(&mine.zygote);
    dismiss(&mine.standby);
    pn_unlock(&mine.lock);
}

/* ---- its stand-by ---- */

static void take_standby(const struct pn_zygote_msg *msg, int fds[PN_CHANNEL_FDS])
{
    if (msg->kind != PN_STANDBY || fds[0] < 0 || fds[1] < 0)
        return;
    bury(&mine.standby);
    mine.standby = (struct hidden){ true, fds[0], fds[1] };
    fds[0] = fds[1] = -1;
}

/* Takes what the zygote has said of stand-bys: the last one counts, and those before it have died. */
static void tend(void)
{
    struct pn_zygote_msg msg;
    int fds[PN_CHANNEL_FDS];
    while (pn_channel_receive(mine.zygote.control, &msg, sizeof msg, fds, false) == sizeof msg) {
        take_standby(&msg, fds);
        pn_close_fds(fds, PN_CHANNEL_FDS);
    }
}

enum { LEAVE_MS = 1000 };

/* One that has not become a zygote is about to leave, and a helper may have words for its user; but it may do anything else. */
static void end_zygote(void)
{
    if (!await_end(&mine.zygote, LEAVE_MS))
        (void)syscall(SYS_pidfd_send_signal, mine.zygote.pidfd, SIGKILL, NULL, 0);
    bury(&mine.zygote);
}

static int refused(int error)
{
    if (error == EBUSY)
        return pn_error(-ENOTSUP, "the helper has threads already: it must call prong_zygote_main before any");
    return pn_error(-error, "the helper cannot be the zygote: %s", strerror(error));
}

/* What came as its first word, or the last before that. */
static int check_here(const struct pn_zygote_msg *msg, ssize_t got)
{
    const ssize_t head = offsetof(struct pn_zygote_msg, worker);       /* the part that has been the same for ever */
    if (got == sizeof *msg && msg->kind == PN_HERE && msg->protocol == PN_PROTOCOL)
        return msg->status ? refused(msg->status) : 0;
    if (got != -EMSGSIZE && got < head)
        return pn_error(-ENOTSUP, "the zygote could not begin: this system lacks or forbids pidfd_open, signalfd or epoll");
    return pn_error(-EPROTO, "the helper has another version of prong (its protocol is %u, here it is %d)", msg->protocol, PN_PROTOCOL);
}

/* It speaks of its stand-by first. */
static int wait_for_zygote(void)
{
    struct pn_zygote_msg msg = { 0 };
    int fds[PN_CHANNEL_FDS];
    ssize_t got;
    do {
        got = pn_channel_receive(mine.zygote.control, &msg, sizeof msg, fds, true);
        if (got == sizeof msg)
            take_standby(&msg, fds);
        if (got >= 0)
            pn_close_fds(fds, PN_CHANNEL_FDS);
    } while (got == sizeof msg && msg.kind == PN_STANDBY);
    int r = check_here(&msg, got);
    if (r < 0)
        end_zygote();
    mine.settled |= r == 0;
    return r;
}

/* The zygote has died: its stand-by takes its place, or that one's, if it dies before it has said that it is there. false: there is none. */
static bool promote(void)
{
    struct pn_zygote_msg msg = { .kind = PN_PROMOTE };
    struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
    if (mine.zygote.there)
        tend();
    bury(&mine.zygote);
    while (mine.standby.there) {
        mine.zygote = mine.standby;
        mine.standby.there = false;
        if (pn_channel_send(mine.zygote.control, &part, 1, NULL, 0, true) == 0 && wait_for_zygote() == 0)
            return true;
        bury(&mine.zygote);
    }
    return false;
}

/* ---- the first one ---- */

/* In the child of start(): the zygote lives as long as its parent, which it must hold before it can know that it is still there. */
static _Noreturn void begin(int control, pid_t owner)
{
    int pidfd = pn_pidfd_open(owner);
    if (pidfd < 0 || getppid() != owner)
        _exit(0);
    pn_zygote_be(control, pn_fd_up(pidfd));
}

static int prepare(void)
{
    unsigned threads = pn_thread_count();
    if (threads > 1)
        return pn_error(-EBUSY, "the program has %u threads already: call prong_init first in main, before any thread, or "
                        "prong_init_exec", threads);
    int r = pn_range_reserve();
    if (r == 0)
        r = pn_modules_remember();
    pn_privileges_remember();
    (void)fflush(NULL);                        /* else what is buffered would be written by every worker that leaves by exit() */
    return r;
}

static int fork_zygote(void)
{
    int ends[2], pidfd = -1;
    int r = prepare();
    if (r < 0)
        return r;
    r = pn_channel_pair(ends);
    if (r < 0)
        return pn_error(r, "cannot make a channel to the zygote: %s", strerror(-r));
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
    mine.epoch = pn_epoch();
    mine.zygote = (struct hidden){ true, ends[0], pidfd };
    return wait_for_zygote();
}

/* ---- or a helper ---- */

/* What it is told lies in its channel when it begins. */
static int tell_helper(int control, int owner)
{
    uintptr_t base;
    size_t size;
    pn_range_tell(&base, &size);
    struct pn_begin_msg msg = { .kind = PN_BEGIN, .protocol = PN_PROTOCOL, .range = base, .range_size = size };
    struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
    int r = pn_channel_send(control, &part, 1, &owner, 1, true);
    return r < 0 ? pn_error(r, "cannot speak to the helper: %s", strerror(-r)) : 0;
}

static int start_over(char *const argv[], const int ends[2], int *ret_pidfd)
{
    int owner = pn_pidfd_open(getpid());
    int r = owner < 0 ? pn_error(owner, "cannot let the helper hold this process: %s", strerror(-owner)) : tell_helper(ends[0], owner);
    if (r == 0)
        r = pn_helper_start(argv, ends[0], ends[1], owner, ret_pidfd);
    else
        (void)close(ends[1]);
    if (owner >= 0)
        (void)close(owner);
    return r;
}

static int start_helper(char *const argv[])
{
    int ends[2], pidfd;
    int r = pn_channel_pair(ends);
    if (r < 0)
        return pn_error(r, "cannot make a channel to the helper: %s", strerror(-r));
    r = start_over(argv, ends, &pidfd);
    if (r < 0) {
        (void)close(ends[0]);
        return r;
    }
    mine.epoch = pn_epoch();
    mine.zygote = (struct hidden){ true, ends[0], pidfd };
    return wait_for_zygote();
}

enum { HELPER_TRIES = 2 };                     /* where the kernel has put something at our addresses once, it may not do so again */

static int begin_helper(char *const argv[])
{
    int r = pn_range_reserve();
    if (r < 0)
        return r;
    if (!mine.settled)                         /* else it is so already, and other threads read it */
        pn_modules_forget();
    pn_privileges_remember();
    r = -EEXIST;
    for (int tries = 0; tries < HELPER_TRIES && r == -EEXIST; tries++)
        r = start_helper(argv);
    return r == -EEXIST ? pn_error(-ENOTSUP, "the helper has something else at the addresses where the shared heap is to lie") : r;
}

/* ---- whatever there is ---- */

/* One that works: the one there is, or its stand-by, or a new one: a fork where the program still has one thread. */
static int have_zygote(char *const helper[])
{
    if (is_there() && !is_dead(&mine.zygote))
        return 0;
    if (mine.zygote.there && promote())
        return 0;
    return helper ? begin_helper(helper) : fork_zygote();
}

static void set_helper(char **helper)
{
    free(mine.helper);
    mine.helper = helper;
}

int pn_zygote_start(void)
{
    pn_lock(&mine.lock);
    (void)is_there();
    bool is_first = !mine.settled;
    int r = have_zygote(is_first ? NULL : mine.helper);
    if (r == 0 && is_first)
        set_helper(NULL);
    pn_unlock(&mine.lock);
    return r;
}

int pn_zygote_start_helper(char *const argv[])
{
    if (!argv || !argv[0])
        return pn_error(-EINVAL, "prong_init_exec needs the name of a program, and NULL behind the last argument");
    char **helper = pn_helper_arguments(argv);
    if (!helper)
        return pn_error(-ENOMEM, "no memory for the arguments of %.300s", argv[0]);
    pn_lock(&mine.lock);
    (void)is_there();
    bool is_first = !mine.settled;
    int r = have_zygote(is_first ? helper : mine.helper);
    if (r == 0 && is_first)
        set_helper(helper);
    else
        free(helper);
    pn_unlock(&mine.lock);
    return r;
}

void pn_zygote_tend(void)
{
    pn_lock(&mine.lock);
    if (is_there())
        tend();
    pn_unlock(&mine.lock);
}

/* ---- pools ---- */

static int send_pool(int channel, const struct pn_open_pool_msg *msg, const int around[PN_SURROUNDINGS_FDS])
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof *msg };
    int fds[1 + PN_SURROUNDINGS_FDS] = { channel }, n = 1;
    for (int i = 0; i < PN_SURROUNDINGS_FDS; i++)
        if (around[i] >= 0)
            fds[n++] = around[i];
    return pn_channel_send(mine.zygote.control, &part, 1, fds, (size_t)n, true);
}

/* A zygote may die at any time: found out here, and followed by another. */
static int hand_over(int channel, const struct pn_open_pool_msg *msg, const int around[PN_SURROUNDINGS_FDS])
{
    for (int tries = 0; tries < 3; tries++) {
        int r = have_zygote(mine.helper);
        if (r < 0)
            return r == -EBUSY ? -ENOTSUP : r;
        r = pn_privileges_check();
        if (r < 0)
            return r;
        r = send_pool(channel, msg, around);
        if (r != -EPIPE && r != -ECONNRESET)
            return r < 0 ? pn_error(r, "cannot speak to the zygote: %s", strerror(-r)) : 0;
        if (!promote())
            mine.zygote.there = false;
    }
    return pn_error(-ENOTSUP, "the zygote ends as soon as it is started");
}

int pn_zygote_open_pool(const struct pn_surroundings *surroundings, const int around[PN_SURROUNDINGS_FDS], int *ret_channel, int *ret_pidfd)
{
    int ends[2];
    struct pn_open_pool_msg msg = { .kind = PN_OPEN_POOL, .surroundings = *surroundings };
    int r = pn_channel_pair(ends);
    if (r < 0)
        return pn_error(r, "cannot make a channel for the pool: %s", strerror(-r));
    pn_lock(&mine.lock);
    r = hand_over(ends[1], &msg, around);
    *ret_pidfd = r < 0 ? -1 : fcntl(mine.zygote.pidfd, F_DUPFD_CLOEXEC, 3);
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
