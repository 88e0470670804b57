/* listen.h - a listening socket, made here or taken over. */
#pragma once
#include <stdint.h>

/* -EINVAL: the address is none in figures; else as bind(2) and listen(2) say. */
int listen_on(const char *address, uint16_t port, int *ret_fd);
/* Makes a listening TCP socket fit for use here. -ENOTSOCK, -EINVAL: it is none. */
int listen_take(int fd);
/* The port that it listens on; 0: it has none. */
uint16_t listen_port(int fd);
