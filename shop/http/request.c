/* request.c - what a handler may ask about a request. */
#include "http/inside.h"

#include <arpa/inet.h>
#include <stdio.h>

const char *http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

static const char *look_up(const struct http_request *request, enum MHD_ValueKind kind, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, kind, name);
}

const char *http_query(const struct http_request *request, const char *name)
{
    return look_up(request, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
    return look_up(request, MHD_HEADER_KIND, name);
}

const char *http_cookie(const struct http_request *request, const char *name)
{
    return look_up(request, MHD_COOKIE_KIND, name);
}

const char *http_body(const struct http_request *request, size_t *ret_size)
{
    *ret_size = request->size;
    return request->body ? request->body : "";
}

const char *http_peer(const struct http_request *request, char *buf, size_t size)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    const void *figures = !address ? NULL : address->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
                                                                         : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (!figures || !inet_ntop(address->sa_family, figures, buf, (socklen_t)size))
        snprintf(buf, size, "?");
    return buf;
}

void **http_slot(struct http_request *request)
{
    return &request->slot;
}
