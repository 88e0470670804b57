/* request.c - what a handler can ask of a request. Texts lie in the connection's memory and in the request; they are good until the answer. */
#include "http/server.h"

#include <netinet/in.h>
#include <string.h>

/* A HEAD is a GET whose answer's body is not sent; the library sees to that. */
const char *http_method(const struct http_request *request)
{
    return strcmp(request->method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

const char *http_query(const struct http_request *request, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    if (!MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &size))
        return NULL;
    if (!value)
        return "";                          /* "?name" */
    return strlen(value) == size ? value : NULL;    /* a NUL in it (%00) makes no text */
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_cookie(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, name);
}

const char *http_body(const struct http_request *request, size_t *ret_size)
{
    *ret_size = request->size;
    return request->body;
}

void *http_peer(const struct http_request *request, char *buf, size_t size)
{
    const struct sockaddr *peer = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (uv_ip_name(peer, buf, size) != 0)
        buf[0] = '\0';
    return buf;
}

void **http_slot(struct http_request *request)
{
    return &request->slot;
}
