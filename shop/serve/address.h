/* address.h - "127.0.0.1:8080", "[::1]:8080": where to listen. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ADDRESS_SIZE = 64 };

/* 0, or -EINVAL: it is no address in figures with a port from 0 to 65535. */
int address_read(const char *text, char ret_address[static ADDRESS_SIZE], uint16_t *ret_port);
