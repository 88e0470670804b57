/* listen.c - sockets that listen. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

int listen_on(const char *address, uint16_t port, int *ret_fd)
{
    union address to = { 0 };
    int one = 1, r;
    if (uv_ip4_addr(address, port, &to.v4) != 0 && uv_ip6_addr(address, port, &to.v6) != 0)
        return -EINVAL;
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* A server that starts again is not to wait for the connections of the one before to be forgotten. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &to.any, to.any.sa_family == AF_INET ? sizeof to.v4 : sizeof to.v6) < 0 || listen(fd, SOMAXCONN) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int listen_take(int fd)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    union address here;
    socklen_t here_size = sizeof here;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || getsockname(fd, &here.any, &here_size) < 0)
        return -errno;
    if (!listens || (here.any.sa_family != AF_INET && here.any.sa_family != AF_INET6))
        return -EINVAL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}

uint16_t listen_port(int fd)
{
    union address here;
    socklen_t size = sizeof here;
    if (getsockname(fd, &here.any, &size) < 0)
        return 0;
    return ntohs(here.any.sa_family == AF_INET ? here.v4.sin_port : here.v6.sin6_port);
}
