/* address.c - the last colon parts address and port. */
#include "serve/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_port(const char *text, uint16_t *ret_port)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || port > UINT16_MAX)
        return -EINVAL;
    *ret_port = (uint16_t)port;
    return 0;
}

int address_read(const char *text, char ret_address[static ADDRESS_SIZE], uint16_t *ret_port)
{
    unsigned char binary[sizeof(struct in6_addr)];
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    bool is_six = size > 2 && text[0] == '[' && text[size - 1] == ']';
    if (is_six) {
        text++;
        size -= 2;
    }
    if (!size || size >= ADDRESS_SIZE)
        return -EINVAL;
    memcpy(ret_address, text, size);
    ret_address[size] = '\0';
    if (inet_pton(is_six ? AF_INET6 : AF_INET, ret_address, binary) != 1)
        return -EINVAL;
    return read_port(colon + 1, ret_port);
}
