/* fds.c - ways through descriptors: pipes, unix sockets (stream, seqpacket). The kernel copies the payload in and out. */
#include "pair.h"
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET_MAX = 65536 };        /* of a seqpacket: more would need larger socket buffers */

static int in[2], out[2];           /* [side] */

static void open_pipes(size_t size)
{
    (void)size;
    int there[2], back[2];
    if (pipe(there) < 0 || pipe(back) < 0)
        die("pipe");
    in[WORKER] = there[0], out[OWNER] = there[1];
    in[OWNER] = back[0], out[WORKER] = back[1];
}

static void open_sockets(int type)
{
    int both[2];
    if (socketpair(AF_UNIX, type, 0, both) < 0)
        die("socketpair");
    in[OWNER] = out[OWNER] = both[0];
    in[WORKER] = out[WORKER] = both[1];
}

static void open_stream(size_t size)
{
    (void)size;
    open_sockets(SOCK_STREAM);
}

static void open_seqpacket(size_t size)
{
    (void)size;
    open_sockets(SOCK_SEQPACKET);
}

static void send_bytes(enum side side, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(out[side], (char *)data + done, size - done);
        if (n <= 0)
            die("write");
        done += (size_t)n;
    }
}

static void *receive_bytes(enum side side, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(in[side], (char *)data + done, size - done);
        if (n <= 0)
            die("read");
        done += (size_t)n;
    }
    return data;
}

const struct way fd_ways[] = {
    { "pipe", STAMPS, 0, open_pipes, NULL, send_bytes, receive_bytes },
    { "stream", STAMPS, 0, open_stream, NULL, send_bytes, receive_bytes },
    { "seqpacket", STAMPS, PACKET_MAX, open_seqpacket, NULL, send_bytes, receive_bytes },
    { .name = NULL },
};
