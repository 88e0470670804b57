/* channel.h - whole messages, with descriptors beside them, between two processes: a pair of Unix seqpacket sockets. */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { PN_CHANNEL_FDS = 8 };             /* at most, beside one message */

int pn_channel_pair(int ret_fds[2]);     /* 0 or a negative errno; close-on-exec */

/* Sends the parts as one message. Descriptors are duplicated for the other side. 0 or a negative errno: -EPIPE, nobody is there;
 * with `wait` false -EAGAIN, the channel is full. */
int pn_channel_send(int fd, const struct iovec *parts, size_t n, const int *fds, size_t n_fds, int wait);

/* One message into `buffer`. Its length, 0 at the end of the channel, or a negative errno: with `wait` false -EAGAIN if none is there;
 * -EMSGSIZE if it did not fit. ret_fds has room for PN_CHANNEL_FDS, -1 each where none came, and belongs to the caller; if not all that
 * came could be taken, as this process may open no more, none is, and the first is PN_FDS_LOST. */
enum { PN_FDS_LOST = -2 };
ssize_t pn_channel_receive(int fd, void *buffer, size_t size, int ret_fds[PN_CHANNEL_FDS], int wait);
void pn_close_fds(int *fds, size_t n);   /* those that are not negative */
