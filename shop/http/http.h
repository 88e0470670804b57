/* http.h - an HTTP/1.1 server on one loop: whole requests in, answers out when they are ready.
 *
 * A request that could be understood in two ways is refused before anybody sees it (see refuse.c), and its connection closed. Slow
 * clients are cut off by one clock per phase: for the header and the pause before it, for the body, for reading the answer. While a
 * request waits for its answer no clock runs: that is the handler's affair. That a client has gone is not told: the answer is given as ever.
 * Opening raises this process's limit of open files to what it may be. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct http;
struct http_request;            /* from handle() to http_answer() */

struct http_opts {
    const char *address;        /* IPv4 or IPv6 in figures */
    uint16_t port;              /* 0: any, see http_port() */
    int fd;                     /* a listening socket to take instead (socket activation); -1: none */
    uint32_t connections;       /* 0: 10,000, or what the limit of open files allows */
    uint32_t per_address;       /* 0: no limit */
    uint32_t header_bytes, header_fields, body_bytes;       /* 0: 8 KiB, 64, 64 KiB */
    uint32_t header_ms, body_ms, answer_ms;                 /* 0: 30,000, 30,000, 30,000 */
    void (*handle)(struct http_request *request, void *arg);/* on the loop; ends in one http_answer(), there or later */
    void *arg;
};
int http_open(uv_loop_t *loop, const struct http_opts *opts, struct http **ret_http);      /* -EADDRINUSE, -EACCES, -EINVAL...: trouble_text() */
uint16_t http_port(const struct http *http);
/* Accepts no more connections, ends those that are idle; answers from now on close theirs. All are gone when http_stats() counts none:
 * that is for the caller to watch, with a limit of his own beside those of the clients. */
void http_stop(struct http *http);
/* With every request answered, and not from within handle(). Sends what the sockets take at once, drops all connections. Its handles end
 * in the loop later. NULL is fine. */
void http_close(struct http *http);

const char *http_method(const struct http_request *request);   /* "GET", also of a HEAD, whose answer's body is not sent */
const char *http_path(const struct http_request *request);     /* as sent, before "?"; not decoded */
const char *http_query(const struct http_request *request, const char *name);   /* decoded; NULL: not there, or with a NUL */
const char *http_header(const struct http_request *request, const char *name);  /* any case; NULL: not there; repeated: the first */
const char *http_cookie(const struct http_request *request, const char *name);
const char *http_body(const struct http_request *request, size_t *ret_size);    /* "" if there is none */
void *http_peer(const struct http_request *request, char *buf, size_t size);    /* the client's address in figures; returns buf */
void **http_slot(struct http_request *request);                /* a pointer for the handler's own use */

struct http_answer {
    int status;
    const char *type;           /* "application/json"; NULL: none */
    const char *body;           /* copied, unless is_static */
    size_t size;
    bool is_static;             /* it lives as long as the server */
    const char *headers[16];    /* "Name", "value", ..., NULL; copied */
    bool closes;                /* the connection */
};
/* Exactly once for each request, on the loop; if the client has gone, nothing more happens. */
void http_answer(struct http_request *request, const struct http_answer *answer);

struct http_stats {
    uint64_t requests, refused, cut_off;        /* refused: malformed or over a limit; cut_off: too slow */
    uint64_t connections, waiting;              /* of now; waiting: requests not answered yet */
};
void http_stats(const struct http *http, struct http_stats *ret_stats);
