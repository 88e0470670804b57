#include "engine/processes/channel.h"
#include "base/process.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control { struct cmsghdr head; char bytes[CMSG_SPACE(PN_CHANNEL_FDS * sizeof(int))]; };

int pn_channel_pair(int ret_fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        ret_fds[i] = pn_fd_up(ret_fds[i]);
    if (ret_fds[0] >= 0 && ret_fds[1] >= 0)
        return 0;
    pn_close_fds(ret_fds, 2);
    return -EMFILE;
}

int pn_channel_send(int fd, const struct iovec *parts, size_t n, const int *fds, size_t n_fds, int wait)
{
    union control control = { .bytes = { 0 } };
    struct iovec copy[4];
    memcpy(copy, parts, n * sizeof *parts);
    struct msghdr msg = { .msg_iov = copy, .msg_iovlen = n };
    if (n_fds) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof *fds);
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof *fds);
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static size_t take_fds(struct msghdr *msg, int ret_fds[PN_CHANNEL_FDS])
{
    size_t n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(ret_fds, CMSG_DATA(c), n * sizeof(int));      /* room for all that `control` can hold */
    }
    return n;
}

ssize_t pn_channel_receive(int fd, void *buffer, size_t size, int ret_fds[PN_CHANNEL_FDS], int wait)
{
    union control control;
    struct iovec part = { .iov_base = buffer, .iov_len = size };
    struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    for (size_t i = 0; i < PN_CHANNEL_FDS; i++)
        ret_fds[i] = -1;
    ssize_t got;
    do
        got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == ECONNRESET ? 0 : -errno;             /* it died with messages of ours unread: an end like any other */
    size_t n = take_fds(&msg, ret_fds);
    for (size_t i = 0; i < n; i++)
        ret_fds[i] = pn_fd_up(ret_fds[i]);
    if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        pn_close_fds(ret_fds, n);
    if (msg.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    if (msg.msg_flags & MSG_CTRUNC)
        ret_fds[0] = PN_FDS_LOST;
    return got;
}

void pn_close_fds(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}
