/* standin.c - libmicrohttpd on a libuv loop, with an epoll of its own that the loop watches.
 *
 * A request is collected, then answered by api.c. An answer that waits is kept beside its request, whose connection is suspended until a
 * timer ends; a hanging one is suspended until the client has gone, which its socket tells. What else can be wrong with an answer is done
 * as it is sent: see deliver(). */
#include "standin/standin.h"
#include "base/trouble.h"

#include "standin/api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 10000, FORM_MAX = 16 * 1024, FORM_ROOM = 1024, CONNECTION_BYTES = 8 * 1024 };

struct watch;
/* Used again for other requests when its own is over: there are as many as were ever under way at once. */
struct request {
    struct request *next;       /* of those that are free, or of those that there are */
    struct request *other;
    struct standin *standin;
    struct MHD_Connection *connection;
    uv_timer_t timer;           /* of a delay */
    struct watch *watch;        /* of one that hangs */
    struct reply later;         /* what waits */
    bool is_waiting, is_due;
    char *form;
    size_t size, room;
};
struct watch {                  /* does the client go? */
    uv_poll_t poll;
    struct request *request;
};
struct standin {
    struct api api;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;             /* of the daemon's epoll */
    uv_idle_t more;             /* runs while the daemon has work that no socket tells of */
    struct request *free, *all;
    struct reply reply;         /* what is sent at once */
    uint64_t number;            /* of requests, for Request-Id */
    uint16_t port;
    bool is_closing;
    uint32_t open;              /* handles of the loop; the last one frees this */
};

/* ---- the daemon on the loop ---- */

static void on_more(uv_idle_t *more);

static void run(struct standin *standin)
{
    MHD_UNSIGNED_LONG_LONG ms;
    (void)MHD_run(standin->daemon);
    if (MHD_get_timeout(standin->daemon, &ms) == MHD_YES && ms == 0)
        uv_idle_start(&standin->more, on_more);
    else
        uv_idle_stop(&standin->more);
}

static void on_more(uv_idle_t *more)
{
    run(more->data);
}

static void on_sockets(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

/* ---- requests ---- */

static struct request *request_new(struct standin *standin)
{
    struct request *request = standin->free;
    if (request) {
        standin->free = request->next;
        return request;
    }
    request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->form = malloc(FORM_ROOM);
    if (!request->form) {
        free(request);
        return NULL;
    }
    request->room = FORM_ROOM;
    request->standin = standin;
    request->timer.data = request;
    (void)uv_timer_init(standin->poll.loop, &request->timer);
    standin->open++;
    request->other = standin->all;
    standin->all = request;
    return request;
}

static bool collect(struct request *request, const char *part, size_t size)
{
    if (size >= FORM_MAX - request->size)
        return false;
    if (size >= request->room - request->size) {
        char *wider = realloc(request->form, FORM_MAX);
        if (!wider)
            return false;
        request->form = wider;
        request->room = FORM_MAX;
    }
    memcpy(request->form + request->size, part, size);
    request->size += size;
    return true;
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void unwatch(struct request *request)
{
    if (!request->watch)
        return;
    (void)uv_poll_stop(&request->watch->poll);
    uv_close((uv_handle_t *)&request->watch->poll, on_watch_closed);
    request->watch = NULL;
}

/* Its key may be used again: also if the client has gone, and the answer reaches nobody. */
static void end_waiting(struct request *request)
{
    if (request->is_waiting && request->later.busy != BOOK_NONE)
        api_answered(&request->standin->api, request->later.busy);
    request->later.busy = BOOK_NONE;
}

static void on_request_over(void *arg, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
    struct standin *standin = arg;
    struct request *request = *slot;
    (void)connection;
    (void)code;
    if (!request)
        return;
    *slot = NULL;
    (void)uv_timer_stop(&request->timer);
    unwatch(request);
    end_waiting(request);
    if (request->room > FORM_ROOM) {
        char *smaller = realloc(request->form, FORM_ROOM);
        request->form = smaller ? smaller : request->form;
        request->room = FORM_ROOM;
    }
    free(request->later.body);
    request->later.body = NULL;
    request->next = standin->free;
    standin->free = request;
}

/* ---- answers ---- */

struct half {
    char *body;
    size_t size;
};

static ssize_t give_half(void *arg, uint64_t at, char *buf, size_t most)
{
    struct half *half = arg;
    if (at >= half->size)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = half->size - (size_t)at;
    n = n < most ? n : most;
    memcpy(buf, half->body + at, n);
    return (ssize_t)n;
}

static void free_half(void *arg)
{
    struct half *half = arg;
    free(half->body);
    free(half);
}

/* Says how long it is, gives half of that, and closes. */
static struct MHD_Response *half_of(const struct reply *reply)
{
    struct half *half = malloc(sizeof *half);
    char *body = malloc(reply->size);
    struct MHD_Response *response = NULL;
    if (half && body) {
        *half = (struct half){ memcpy(body, reply->body, reply->size), reply->size / 2 };
        response = MHD_create_response_from_callback(reply->size, 512, give_half, half, free_half);
    }
    if (!response) {
        free(half);
        free(body);
    }
    return response;
}

static struct MHD_Response *lines_of(struct ledger *ledger)
{
    int fd = dup(ledger->fd);
    struct MHD_Response *response = fd < 0 ? NULL : MHD_create_response_from_fd64(ledger->size, fd);
    if (!response && fd >= 0)
        (void)close(fd);
    return response;
}

static void add_headers(struct standin *standin, const struct reply *reply, struct MHD_Response *response)
{
    char id[32];
    (void)snprintf(id, sizeof id, "req_%014" PRIx64, ++standin->number);
    (void)MHD_add_response_header(response, "Content-Type", reply->is_ledger ? "application/x-ndjson" : "application/json");
    (void)MHD_add_response_header(response, "Request-Id", id);
    if (reply->is_replayed)
        (void)MHD_add_response_header(response, "Idempotent-Replayed", "true");
    if (reply->retry_after)
        (void)MHD_add_response_header(response, "Retry-After", reply->retry_after);
    if (reply->status == 401)
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"Stripe\"");
}

/* MHD_NO closes the connection without a word. */
static enum MHD_Result deliver(struct standin *standin, struct MHD_Connection *connection, const struct reply *reply)
{
    if (reply->fault == FAULT_DROP || reply->is_broken)
        return MHD_NO;
    struct MHD_Response *response = reply->is_ledger ? lines_of(&standin->api.ledger) :
                                    reply->fault == FAULT_HALF ? half_of(reply) :
                                    MHD_create_response_from_buffer(reply->size, reply->body, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    add_headers(standin, reply, response);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The connection goes on, and on_request() is called again, in the same turn of the loop, behind the timers. One run serves all that are
 * due: in each the daemon looks through all its suspended connections. */
static void go_on(struct request *request)
{
    request->is_due = true;
    MHD_resume_connection(request->connection);
    (void)uv_idle_start(&request->standin->more, on_more);
}

static void on_delay_over(uv_timer_t *timer)
{
    go_on(timer->data);
}

static void on_client_gone(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct request *request = watch->request;
    (void)status;
    (void)events;
    unwatch(request);
    request->later.fault = FAULT_DROP;
    go_on(request);
}

static bool watch_client(struct request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch || uv_poll_init(request->standin->poll.loop, &watch->poll, info->connect_fd) < 0) {
        free(watch);
        return false;
    }
    watch->poll.data = watch;
    watch->request = request;
    request->watch = watch;
    return uv_poll_start(&watch->poll, UV_DISCONNECT, on_client_gone) == 0;
}

/* Keeps the reply, with a body of its own. */
static enum MHD_Result wait_with(struct request *request, const struct reply *reply)
{
    request->later = *reply;
    request->later.body = malloc(reply->size + 1);
    if (!request->later.body)
        return MHD_NO;
    memcpy(request->later.body, reply->body ? reply->body : "", reply->size);
    if (reply->fault == FAULT_HANG) {
        if (!watch_client(request))
            return MHD_NO;
    } else {
        (void)uv_timer_start(&request->timer, on_delay_over, reply->delay_ms, 0);
    }
    request->is_waiting = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

static enum MHD_Result answer(struct request *request, const char *method, const char *path)
{
    struct standin *standin = request->standin;
    struct MHD_Connection *connection = request->connection;
    struct reply *reply = &standin->reply;
    bool is_get = strcmp(method, "GET") == 0;
    request->form[request->size] = '\0';
    struct api_call call = {
        .method = method,
        .path = path,
        .form = request->form,
        .authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
        .key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Idempotency-Key"),
        .query = is_get ? MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "query") : NULL,
        .limit = is_get ? MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "limit") : NULL,
        .starting_after = is_get ? MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "starting_after") : NULL,
    };
    api_answer(&standin->api, &call, reply);
    if (reply->fault == FAULT_HANG || reply->delay_ms > 0)
        return wait_with(request, reply);
    return deliver(standin, connection, reply);
}

static enum MHD_Result answer_late(struct request *request)
{
    end_waiting(request);
    return deliver(request->standin, request->connection, &request->later);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
                                  const char *part, size_t *size, void **slot)
{
    struct standin *standin = arg;
    struct request *request = *slot;
    (void)version;
    if (standin->is_closing)
        return MHD_NO;
    if (!request) {
        request = request_new(standin);
        if (!request)
            return MHD_NO;
        request->connection = connection;
        request->size = 0;
        request->is_waiting = request->is_due = false;
        *slot = request;
        return MHD_YES;
    }
    if (*size > 0) {
        if (!collect(request, part, *size))
            return MHD_NO;
        *size = 0;
        return MHD_YES;
    }
    if (request->is_waiting)
        return request->is_due ? answer_late(request) : MHD_YES;
    return answer(request, method, path);
}

/* ---- opening and closing ---- */

static int listen_at(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    if (uv_ip4_addr(address, port, (struct sockaddr_in *)&at) < 0 && uv_ip6_addr(address, port, (struct sockaddr_in6 *)&at) < 0)
        return trouble_say(-EINVAL, "%.64s is no IP address", address);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return trouble_say(-errno, "no socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, at.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) < 0 ||
        listen(fd, SOMAXCONN) < 0 || getsockname(fd, (struct sockaddr *)&at, &size) < 0) {
        int r = trouble_say(-errno, "cannot listen on %.64s port %u: %s", address, port, strerror(errno));
        (void)close(fd);
        return r;
    }
    *ret_port = ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port : ((struct sockaddr_in6 *)&at)->sin6_port);
    *ret_fd = fd;
    return 0;
}

static int open_api(struct api *api, const struct standin_opts *opts)
{
    uint64_t line = 0;
    api->seed = 1;      /* the same draws each time */
    api->delay_ms = opts->delay_ms;
    if (behave_read(opts->behave ? opts->behave : "", &api->behave) < 0)
        return trouble_say(-EINVAL, "\"%.80s\" is no list of behaviours with percentages up to 100", opts->behave);
    api->key = opts->key ? strdup(opts->key) : NULL;
    int r = (opts->key && !api->key) || book_open(&api->book) < 0 ? -ENOMEM : 0;
    if (r == 0)
        r = ledger_open(&api->ledger, opts->ledger, api->book, &line);
    if (r < 0) {
        (void)(line > 0 && r == -EINVAL ? trouble_say(r, "ledger %.100s: line %" PRIu64 " is no event", opts->ledger, line) :
               trouble_say(r, "ledger %.100s: %s", opts->ledger ? opts->ledger : "in memory", strerror(-r)));
        book_close(api->book);
        free(api->key);
    }
    return r;
}

static void close_api(struct api *api)
{
    ledger_close(&api->ledger);
    book_close(api->book);
    free(api->key);
}

static int start(struct standin *standin, const struct standin_opts *opts, int fd)
{
    standin->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, standin,
                                       MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_request_over, standin,
                                       MHD_OPTION_CONNECTION_LIMIT, opts->connections ? opts->connections : (unsigned)CONNECTIONS,
                                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    return standin->daemon ? 0 : trouble_say(-EMFILE, "cannot start the server");
}

int standin_open(uv_loop_t *loop, const struct standin_opts *opts, struct standin **ret_standin)
{
    int fd = -1, r;
    struct standin *standin = calloc(1, sizeof *standin);
    if (!standin)
        return trouble_say(-ENOMEM, "out of memory");
    r = open_api(&standin->api, opts);
    if (r < 0)
        goto free_standin;
    r = listen_at(opts->address, opts->port, &fd, &standin->port);
    if (r < 0)
        goto close_book;
    r = start(standin, opts, fd);
    if (r < 0)
        goto close_fd;
    int epoll_fd = MHD_get_daemon_info(standin->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    r = uv_poll_init(loop, &standin->poll, epoll_fd);
    if (r < 0) {
        (void)trouble_say(r, "cannot watch its sockets: %s", uv_strerror(r));
        goto stop_daemon;
    }
    standin->poll.data = standin->more.data = standin;
    (void)uv_idle_init(loop, &standin->more);
    standin->open = 2;
    (void)uv_poll_start(&standin->poll, UV_READABLE, on_sockets);
    *ret_standin = standin;
    return 0;
stop_daemon:
    MHD_stop_daemon(standin->daemon);
    fd = -1;            /* it has closed it */
close_fd:
    if (fd >= 0)
        (void)close(fd);
close_book:
    close_api(&standin->api);
free_standin:
    free(standin);
    return r;
}

uint16_t standin_port(const struct standin *standin)
{
    return standin->port;
}

static void on_closed(uv_handle_t *handle)
{
    struct standin *standin = handle->data;
    if (--standin->open > 0)
        return;
    for (struct request *request = standin->all, *other; request; request = other) {
        other = request->other;
        free(request->form);
        free(request);
    }
    free(standin->reply.body);
    free(standin);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct uv_handle_s of = { .data = ((struct request *)handle->data)->standin };
    on_closed(&of);
}

/* The daemon refuses to stop with suspended connections: they go on first, into nothing. */
void standin_close(struct standin *standin)
{
    if (!standin)
        return;
    standin->is_closing = true;
    (void)uv_poll_stop(&standin->poll);
    for (struct request *request = standin->all; request; request = request->other)
        if (request->is_waiting && !request->is_due) {
            unwatch(request);
            MHD_resume_connection(request->connection);
        }
    MHD_stop_daemon(standin->daemon);
    close_api(&standin->api);
    uv_close((uv_handle_t *)&standin->poll, on_closed);
    uv_close((uv_handle_t *)&standin->more, on_closed);
    for (struct request *request = standin->all; request; request = request->other)
        uv_close((uv_handle_t *)&request->timer, on_timer_closed);
}
