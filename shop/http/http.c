/* http.c - libmicrohttpd on a libuv loop: its epoll descriptor lies in ours, and it runs when that is readable.
 *
 * libmicrohttpd calls on_access() first with the head of a request, then with each part of the body, then once more. There the handler
 * is called; if it has not answered by then, the connection is suspended, and resumed by http_answer(), whereupon on_access() is called
 * again and hands the answer in. */
#include "http/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MEMORY_OVER_HEADER = 6 * 1024, RUNS_MOST = 8, SPARE_FILES = 256, BACKLOG = 4096 };

static _Thread_local char trouble[256];

const char *http_trouble(void)
{
    return trouble;
}

/* ---- running libmicrohttpd ------------------------------------------------------------------------------------------------- */

static void on_again(uv_timer_t *timer);

static void run_daemon(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    for (int i = 0; i < RUNS_MOST; i++) {
        (void)MHD_run(http->daemon);
        if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
            return;
    }
    (void)uv_timer_start(&http->again, on_again, 0, 0);     /* others on the loop have their turn */
}

static void on_again(uv_timer_t *timer)
{
    run_daemon(timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run_daemon(poll->data);
}

/* ---- one request --------------------------------------------------------------------------------------------------------- */

static enum MHD_Result hand_in(struct http_request *request)
{
    phase_enter(request->connection, PHASE_ANSWER);
    enum MHD_Result r = MHD_queue_response(request->mhd, (unsigned)request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return r;
}

static struct MHD_Response *response_of(const struct http *http, const struct http_answer *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(answer->size, (void *)(uintptr_t)(answer->size ? answer->body : ""),
                                                                    answer->is_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    if (!response)
        return NULL;
    if (answer->type)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    for (size_t i = 0; i + 1 < sizeof answer->headers / sizeof answer->headers[0] && answer->headers[i]; i += 2)
        (void)MHD_add_response_header(response, answer->headers[i], answer->headers[i + 1]);
    if (answer->closes || http->is_stopping)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    static const struct http_answer no_memory = { .status = 503, .is_static = true, .closes = true };
    request->status = answer->status;
    request->response = response_of(request->http, answer);
    if (!request->response) {
        request->status = no_memory.status;
        request->response = response_of(request->http, &no_memory);
    }
    if (request->is_waiting) {
        request->is_waiting = false;
        request->http->stats.waiting--;
        MHD_resume_connection(request->mhd);
        if (!uv_is_active((uv_handle_t *)&request->http->again))    /* no descriptor tells of it */
            (void)uv_timer_start(&request->http->again, on_again, 0, 0);
    }
}

static void refuse(struct http_request *request, int status, const char *code, const char *text)
{
    char body[256];
    int size = snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, text);
    request->http->stats.refused++;
    request->is_handled = true;
    http_answer(request, &(struct http_answer){ .status = status, .type = "application/json", .body = body, .size = (size_t)size, .closes = true });
}

/* The head has come. */
static enum MHD_Result begin(struct http *http, struct MHD_Connection *mhd, const char *path, const char *method, const char *version,
                             void **ret_request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_request *request = calloc(1, sizeof *request);
    if (!request)
        return MHD_NO;
    *request = (struct http_request){ .http = http, .connection = info->socket_context, .mhd = mhd, .method = method, .path = path };
    *ret_request = request;
    http->stats.requests++;
    phase_enter(request->connection, PHASE_BODY);
    const char *code, *text;
    int status = refuse_head(http, mhd, version, &code, &text);
    if (!status)
        return MHD_YES;
    refuse(request, status, code, text);
    return hand_in(request);
}

static bool make_room(struct http_request *request, size_t more)
{
    if (request->size + more < request->room)
        return true;
    const char *length = http_header(request, "Content-Length");
    size_t wanted = length && !request->room ? strtoul(length, NULL, 10) + 1 : 0, room = request->room ? request->room * 2 : 1024;
    room = wanted > request->size + more ? wanted : room > request->size + more ? room : request->size + more + 1;
    char *body = realloc(request->body, room);
    if (!body)
        return false;
    request->body = body;
    request->room = room;
    return true;
}

/* Behind a limit the rest is read and dropped: only once all of it has come can an answer be given. */
static void take_part(struct http_request *request, const char *part, size_t size)
{
    if (request->size + size > request->http->opts.body_bytes || !make_room(request, size)) {
        request->is_too_large = true;
        return;
    }
    memcpy(request->body + request->size, part, size);
    request->size += size;
    request->body[request->size] = '\0';
}

static enum MHD_Result handle(struct http_request *request)
{
    struct http *http = request->http;
    request->is_handled = true;
    phase_leave(request->connection);
    if (request->is_too_large)
        refuse(request, 413, "body_too_large", "The body of the request is too large.");
    else
        http->opts.handle(request, http->opts.arg);
    if (request->response)
        return hand_in(request);
    request->is_waiting = true;
    http->stats.waiting++;
    MHD_suspend_connection(request->mhd);
    return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd, const char *path, const char *method, const char *version,
                                 const char *part, size_t *part_size, void **slot)
{
    struct http_request *request = *slot;
    if (!request)
        return begin(arg, mhd, path, method, version, slot);
    if (*part_size) {
        take_part(request, part, *part_size);
        *part_size = 0;
        return MHD_YES;
    }
    return request->is_handled ? hand_in(request) : handle(request);
}

/* Answered and sent, or the client has gone; never while it waits. */
static void on_completed(void *arg, struct MHD_Connection *mhd, void **slot, enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)mhd;
    (void)why;
    struct http_request *request = *slot;
    if (!request)
        return;
    phase_enter(request->connection, PHASE_HEADER);
    if (request->response)
        MHD_destroy_response(request->response);
    free(request->body);
    free(request);
    *slot = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **slot, enum MHD_ConnectionNotificationCode what)
{
    struct http *http = arg;
    struct connection *connection = *slot;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = calloc(1, sizeof *connection);
        *slot = connection;
        if (!connection)
            return;
        *connection = (struct connection){ .http = http, .phase = PHASE_WAITING,
                                           .fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd };
        http->stats.connections++;
        phase_enter(connection, PHASE_HEADER);
        phase_start_clock(http);
    } else if (connection) {
        http->stats.connections--;
        phase_leave(connection);
        free(connection);
        *slot = NULL;
    }
}

/* ---- from open to close -------------------------------------------------------------------------------------------------- */

static void fill_in(struct http_opts *o)
{
    static const struct http_opts usual = { .connections = 10000, .header_bytes = 8192, .header_fields = 64, .body_bytes = 65536,
                                            .header_ms = 30000, .body_ms = 30000, .answer_ms = 30000 };
    uint32_t *const values[] = { &o->connections, &o->header_bytes, &o->header_fields, &o->body_bytes, &o->header_ms, &o->body_ms, &o->answer_ms };
    const uint32_t defaults[] = { usual.connections, usual.header_bytes, usual.header_fields, usual.body_bytes, usual.header_ms, usual.body_ms,
                                  usual.answer_ms };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (!*values[i])
            *values[i] = defaults[i];
}

/* As many open files as may be, and no more connections than leave some for the rest of the program. */
static void make_room_for_files(struct http_opts *o)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t half = limit.rlim_cur > 2 * SPARE_FILES ? (limit.rlim_cur - SPARE_FILES) / 2 : SPARE_FILES;     /* the gateway takes the other half */
    if (o->connections > half)
        o->connections = (uint32_t)half;
}

static int read_address(const struct http_opts *o, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret_address;
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, o->address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(o->port);
    } else if (inet_pton(AF_INET6, o->address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(o->port);
    } else {
        snprintf(trouble, sizeof trouble, "'%s' is no address in figures", o->address);
        return -EINVAL;
    }
    return 0;
}

/* Our own, for words when it fails: libmicrohttpd says no more than that. */
static int listen_at(const struct http_opts *o, int *ret_fd)
{
    struct sockaddr_storage address;
    int on = 1, r = read_address(o, &address);
    if (r < 0)
        return r;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = address.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, BACKLOG) == 0) {
        *ret_fd = fd;
        return 0;
    }
    r = -errno;
    snprintf(trouble, sizeof trouble, "cannot listen at %s port %u: %s", o->address, o->port, strerror(errno));
    (void)close(fd);
    return r;
}

static void log_nothing(void *arg, const char *fmt, va_list args)
{
    (void)arg;
    (void)fmt;
    (void)args;
}

static struct MHD_Daemon *start_daemon(struct http *http, int fd)
{
    const struct http_opts *o = &http->opts;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_access, http,
                            MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL,
                            MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)o->per_address,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)o->header_bytes + MEMORY_OVER_HEADER,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
                            MHD_OPTION_END);
}

static void watch_daemon(struct http *http)
{
    int epoll = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    (void)uv_timer_init(http->loop, &http->again);
    (void)uv_timer_init(http->loop, &http->clock);
    (void)uv_poll_init(http->loop, &http->poll, epoll);
    http->again.data = http->clock.data = http->poll.data = http;
    http->open_handles = 3;
    (void)uv_poll_start(&http->poll, UV_READABLE, on_ready);
}

int http_open(uv_loop_t *loop, const struct http_opts *opts, struct http **ret_http)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return -ENOMEM;
    http->opts = *opts;
    http->loop = loop;
    fill_in(&http->opts);
    make_room_for_files(&http->opts);
    int fd = opts->fd, r = fd >= 0 ? 0 : listen_at(opts, &fd);
    if (r < 0)
        goto free_http;
    http->daemon = start_daemon(http, fd);
    if (!http->daemon) {
        snprintf(trouble, sizeof trouble, "libmicrohttpd does not start: out of memory or descriptors?");
        r = -ENOMEM;
        goto close_fd;
    }
    watch_daemon(http);
    *ret_http = http;
    return 0;
close_fd:
    (void)close(fd);
free_http:
    free(http);
    return r;
}

uint16_t http_port(const struct http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void http_stop(struct http *http)
{
    http->is_stopping = true;
    MHD_socket fd = MHD_quiesce_daemon(http->daemon);
    if (fd != MHD_INVALID_SOCKET)
        (void)close(fd);
    phase_cut_idle(http);
}

static void on_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (--http->open_handles == 0)
        free(http);
}

void http_close(struct http *http)
{
    if (!http)
        return;
    (void)uv_poll_stop(&http->poll);
    (void)MHD_run(http->daemon);        /* takes back what was resumed just now */
    MHD_stop_daemon(http->daemon);
    uv_close((uv_handle_t *)&http->poll, on_closed);
    uv_close((uv_handle_t *)&http->again, on_closed);
    uv_close((uv_handle_t *)&http->clock, on_closed);
}

void http_stats(const struct http *http, struct http_stats *ret_stats)
{
    *ret_stats = http->stats;
}
