/* http.c - the server: libmicrohttpd without threads of its own, driven by the loop.
 *
 * All of its sockets are in one epoll descriptor, which the loop watches; when that is readable, MHD_run() does what can be done. Other
 * things no descriptor tells: a request that is resumed with its answer, a second one in a buffer, a place for one more connection where
 * one has ended. For these an idle handle has the loop come by at once, for all answers of this turn together. Of
 * the library's time-outs none is used: they count from the last byte, so a byte a second keeps a connection for ever (see deadline.h). */
#include "base/log.h"
#include "base/trouble.h"
#include "http/listen.h"
#include "http/receive.h"
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 10000, HEADER_BYTES = 8192, HEADER_FIELDS = 64, BODY_BYTES = 65536, PHASE_MS = 30000 };

/* ---- the loop -------------------------------------------------------------------------------------------------------------- */

/* The library reads what a client has sent last, and never finds that the client has gone, if both came at once: it takes a read that
 * did not fill its buffer for all there is, and its epoll, edge-triggered, does not tell of the end again. */
static bool has_gone(const struct http_client *client)
{
    char byte;
    return recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void end_waiting_in(struct http *http, enum phase phase)
{
    for (struct deadline *deadline = http->deadlines.first[phase]; deadline; deadline = deadline->next) {
        struct http_client *client = http_client_of(deadline);
        if (has_gone(client))
            (void)shutdown(client->fd, SHUT_RDWR);
        else if (phase == PHASE_HEADER && !client->target)
            (void)shutdown(client->fd, SHUT_RD);
    }
}

/* Once there are no new ones: whoever waits for more of a request than will come. */
static void end_waiting(struct http *http)
{
    end_waiting_in(http, PHASE_HEADER);
    end_waiting_in(http, PHASE_BODY);
}

static void turn_again(uv_idle_t *again)
{
    http_turn(again->data);
}

static void turn_later(uv_timer_t *later)
{
    http_turn(later->data);
}

static void turn_for(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    http_turn(poll->data);
}

/* The library wants to go on without waiting also where nothing comes of it: a chunk's size that does not end and fills the buffer is
 * looked at again and again, until the client's time is over. After some turns in vain it has to wait a little between them. */
static void plan_next_turn(struct http *http, bool wants_more)
{
    enum { IN_VAIN_MAX = 16, LATER_MS = 10 };
    http->in_vain = http->has_moved || http->is_due ? 0 : http->in_vain + 1;
    if (http->is_due || (wants_more && http->in_vain < IN_VAIN_MAX)) {
        (void)uv_idle_start(&http->again, turn_again);
        return;
    }
    (void)uv_idle_stop(&http->again);
    if (wants_more)
        (void)uv_timer_start(&http->later, turn_later, LATER_MS, 0);
    else
        (void)uv_timer_stop(&http->later);
}

void http_turn(struct http *http)
{
    unsigned long long wait_ms;
    http->is_due = http->has_moved = false;
    http->is_running = true;
    (void)MHD_run(http->daemon);
    http->is_running = false;
    if (http->is_stopped)
        end_waiting(http);
    plan_next_turn(http, MHD_get_timeout(http->daemon, &wait_ms) && wait_ms == 0);
}

void http_wake(struct http *http)
{
    http->is_due = true;
    if (!http->is_running)
        (void)uv_idle_start(&http->again, turn_again);
}

static void handle_ended(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (--http->handles == 0)
        free(http);
}

static void end_handle(struct http *http, void *handle)
{
    ((uv_handle_t *)handle)->data = http;
    uv_close(handle, handle_ended);
}

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

/* As many files as may be open, and how many connections that allows: half of them, the other half is for what is behind the server. */
static uint32_t allow_connections(uint32_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return wanted;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur / 2 < wanted ? (uint32_t)(limit.rlim_cur / 2) : wanted;
}

static uint32_t or_else(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static struct http *new_http(uv_loop_t *loop, const struct http_opts *opts)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    http->loop = loop;
    http->handle = opts->handle;
    http->arg = opts->arg;
    http->limits = (struct refuse_limits){ or_else(opts->header_bytes, HEADER_BYTES), or_else(opts->header_fields, HEADER_FIELDS),
                                           or_else(opts->body_bytes, BODY_BYTES) };
    http->deadlines.length_ms[PHASE_HEADER] = or_else(opts->header_ms, PHASE_MS);
    http->deadlines.length_ms[PHASE_BODY] = or_else(opts->body_ms, PHASE_MS);
    http->deadlines.length_ms[PHASE_ANSWER] = or_else(opts->answer_ms, PHASE_MS);
    return http;
}

static void free_refusals(struct http *http)
{
    for (size_t i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        if (http->refusals[i])
            MHD_destroy_response(http->refusals[i]);
}

static int make_refusals(struct http *http)
{
    for (size_t i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        if (!(http->refusals[i] = refusal_response((enum refusal)i))) {
            free_refusals(http);
            return -ENOMEM;
        }
    return 0;
}

/* The library reads a header into half of a connection's memory at first, into all of it at last; so it has room for a whole one, for
 * what is noted of its fields, and for the header of the answer. */
static struct MHD_Daemon *start_daemon(struct http *http, const struct http_opts *opts, int fd)
{
    size_t memory = http->limits.header_bytes + (size_t)http->limits.header_fields * FIELD_ROOM + ANSWER_ROOM;
    errno = 0;
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, receive_request, http,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_STRICT_FOR_CLIENT, MHD_VERSION >= 0x01000000 ? 1 : 0,     /* see refuse.c */
        MHD_OPTION_CONNECTION_LIMIT, allow_connections(or_else(opts->connections, CONNECTIONS)),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, opts->per_address,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_NOTIFY_CONNECTION, receive_client, http,
        MHD_OPTION_NOTIFY_COMPLETED, receive_end, http,
        MHD_OPTION_URI_LOG_CALLBACK, receive_target, http,
        MHD_OPTION_UNESCAPE_CALLBACK, receive_decode, http,
        MHD_OPTION_END);
}

static int listening_fd(const struct http_opts *opts, int *ret_fd)
{
    int r;
    char what[100];
    if (opts->fd >= 0) {
        if ((r = listen_take(opts->fd)) < 0)
            return trouble_say(r, "the socket that was passed on: %s", strerror(-r));
        *ret_fd = opts->fd;
        return 0;
    }
    if ((r = listen_on(opts->address, opts->port, ret_fd)) < 0) {
        (void)snprintf(what, sizeof what, "%s, port %u", opts->address, opts->port);
        return trouble_say(r, "%s: %s", what, strerror(-r));
    }
    return 0;
}

/* Asks a sound request of itself, to see how this release of the library lays out what it reads: see refuse.c. */
static void probe(struct http *http)
{
    static const char request[] = "GET /a/b%20c?d=e&f=%26 HTTP/1.1\r\nHost: probe\r\nCookie: g=h; i=j\r\nX-K:l\r\nX-M:  n o \r\n\r\n";
    struct sockaddr_storage nowhere = { .ss_family = AF_UNIX };
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return;
    (void)!write(ends[1], request, sizeof request - 1);
    http->is_probing = true;
    (void)MHD_add_connection(http->daemon, ends[0], (struct sockaddr *)&nowhere, sizeof nowhere.ss_family);  /* closes it in any case */
    http->is_probing = false;
    (void)MHD_run(http->daemon);
    close(ends[1]);
    (void)MHD_run(http->daemon);
    if (!http->sees_layout)
        log_line(LOG_LEVEL_WARNING, "libmicrohttpd %s lays out requests in an unknown way: NULs and folded lines in headers are not refused",
            MHD_get_version());
}

static int start_handles(struct http *http)
{
    int epoll_fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int r = uv_poll_init(http->loop, &http->poll, epoll_fd);
    if (r < 0)
        return r;
    http->poll.data = http->again.data = http->later.data = http;
    http->handles = 4;
    /* None of these can fail. */
    (void)uv_idle_init(http->loop, &http->again);
    (void)uv_timer_init(http->loop, &http->later);
    deadlines_init(&http->deadlines, http->loop, receive_too_late);
    (void)uv_poll_start(&http->poll, UV_READABLE, turn_for);
    return 0;
}

int http_open(uv_loop_t *loop, const struct http_opts *opts, struct http **ret_http)
{
    int fd, r = listening_fd(opts, &fd);
    if (r < 0)
        return r;
    struct http *http = new_http(loop, opts);
    if (!http || make_refusals(http) < 0) {
        r = trouble_say(-ENOMEM, "out of memory");
        goto free_http;
    }
    http->port = listen_port(fd);
    http->daemon = start_daemon(http, opts, fd);
    if (!http->daemon) {
        r = trouble_say(errno ? -errno : -ENOMEM, "libmicrohttpd: %s", strerror(errno ? errno : ENOMEM));
        goto free_refusals;
    }
    r = start_handles(http);
    if (r < 0) {
        r = trouble_say(r, "the loop: %s", strerror(-r));
        goto stop_daemon;
    }
    probe(http);
    *ret_http = http;
    return 0;
stop_daemon:
    MHD_stop_daemon(http->daemon);
    fd = -1;                        /* closed with it */
free_refusals:
    free_refusals(http);
free_http:
    free(http);
    if (opts->fd < 0 && fd >= 0)
        close(fd);
    return r;
}

uint16_t http_port(const struct http *http)
{
    return http->port;
}

/* ---- ending ---------------------------------------------------------------------------------------------------------------- */

/* Connections on which no request has begun end, but what has come on them and was not read yet is still answered: the
 * receiving side alone is shut, and the library finds first the bytes, then the end. */
void http_stop(struct http *http)
{
    if (http->is_stopped)
        return;
    http->is_stopped = true;
    int fd = MHD_quiesce_daemon(http->daemon);
    if (fd >= 0)
        close(fd);
    end_waiting(http);
}

void http_close(struct http *http)
{
    if (!http)
        return;
    assert(!http->is_running && http->stats.waiting == 0);
    http_stop(http);
    http_turn(http);                /* answers that were given a moment ago go out */
    end_handle(http, &http->poll);
    end_handle(http, &http->again);
    end_handle(http, &http->later);
    end_handle(http, &http->deadlines.timer);
    http->is_running = true;
    MHD_stop_daemon(http->daemon);
    free_refusals(http);
}

void http_stats(const struct http *http, struct http_stats *ret_stats)
{
    *ret_stats = http->stats;
}
