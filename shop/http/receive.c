/* receive.c - connections and their requests, from the first byte to the end of the answer.
 *
 * The library calls receive_request() when the header is there, for each piece of the body, and when all is there. A request that is not
 * answered from within handle() is suspended then: the library touches its connection no more until http_answer() resumes it, calls once
 * more, and gets the answer. So a connection lives at least as long as a request that waits on it, and that the client has gone is seen when the
 * answer is sent. A client that shuts its sending side while it waits counts as gone.
 *
 * The body is collected behind the request's struct, in the same allocation: of the size that was announced, or, in chunks, grown by
 * doubling. A body that is too large is read for a while and thrown away, for who gets an answer while it still sends may not see it. */
#include "http/receive.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* So many times the limit is thrown away before the connection is just closed. */
enum { PATIENCE = 16, CHUNKED_ROOM = 1024 };

static struct http_client *client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void begin_phase(struct http_client *client, enum phase phase)
{
    deadline_set(&client->http->deadlines, &client->deadline, phase);
}

/* ---- connections ----------------------------------------------------------------------------------------------------------- */

static void open_client(struct http *http, struct MHD_Connection *connection, void **slot)
{
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct http_client *client = calloc(1, sizeof *client);
    *slot = client;
    if (!client) {
        (void)shutdown(fd, SHUT_RDWR);
        return;
    }
    client->http = http;
    client->fd = fd;
    client->is_probe = client->is_counted = http->is_probing;
    client->deadline.phase = PHASE_NONE;
    begin_phase(client, PHASE_HEADER);
    http->stats.connections++;
}

static void close_client(struct http *http, struct http_client *client)
{
    http_wake(http);
    if (!client)
        return;
    begin_phase(client, PHASE_NONE);
    http->stats.connections--;
    free(client);
}

void receive_client(void *arg, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        open_client(arg, connection, slot);
    else
        close_client(arg, *slot);
}

void receive_too_late(struct deadline *deadline)
{
    struct http_client *client = http_client_of(deadline);
    static const struct linger at_once = { .l_onoff = 1 };
    client->is_counted = true;
    client->http->stats.cut_off++;
    /* What it has not read of the answer is forgotten, too, not kept by the kernel. */
    (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)shutdown(client->fd, SHUT_RDWR);
}

/* ---- the header ------------------------------------------------------------------------------------------------------------ */

/* The library is about to take the target apart, in place. */
void *receive_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    struct http *http = arg;
    struct http_client *client = client_of(connection);
    http->has_moved = true;
    if (client) {
        client->target = target;
        client->target_size = strlen(target);
        client->is_bad_target = refuse_target(target, client->target_size);
    }
    return NULL;
}

/* Decodes names and values of the query; the path stays as it was sent. */
size_t receive_decode(void *arg, struct MHD_Connection *connection, char *text)
{
    struct http_client *client = client_of(connection);
    (void)arg;
    return client && text == client->target ? strlen(text) : MHD_http_unescape(text);
}

static enum MHD_Result refuse(struct http_client *client, struct MHD_Connection *connection, enum refusal refusal)
{
    client->is_counted = true;
    client->http->stats.refused++;
    begin_phase(client, PHASE_ANSWER);
    return MHD_queue_response(connection, (unsigned)refusal_status(refusal), client->http->refusals[refusal]);
}

static enum refusal look_at(struct http_client *client, const struct refuse_request *seen, uint64_t *ret_body_size)
{
    struct http *http = client->http;
    if (client->is_bad_target)
        return REFUSAL_TARGET;
    if (http->sees_layout && refuse_hidden(seen))
        return REFUSAL_HIDDEN;
    return refuse_header(seen, &http->limits, ret_body_size);
}

static bool expects_leave(struct MHD_Connection *connection)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT) != NULL;
}

static enum MHD_Result begin(struct http_client *client, struct MHD_Connection *connection, const struct refuse_request *seen,
    const char *path, void **slot)
{
    uint64_t body_size = 0, most = client->http->limits.body_bytes;
    if (client->is_probe) {
        client->http->sees_layout = !refuse_hidden(seen);
        return MHD_NO;
    }
    enum refusal refusal = look_at(client, seen, &body_size);
    if (!refusal && body_size > most && (body_size > most * PATIENCE || expects_leave(connection)))
        refusal = REFUSAL_BODY_BYTES;
    if (refusal)
        return refuse(client, connection, refusal);
    size_t room = body_size > most ? 0 : (size_t)body_size;
    struct http_request *request = malloc(sizeof *request + room + 1);
    if (!request)
        return MHD_NO;
    *request = (struct http_request){ .client = client, .connection = connection, .method = seen->method, .path = path, .room = room,
                                      .is_too_large = body_size > most };
    request->body[0] = '\0';
    *slot = request;
    begin_phase(client, PHASE_BODY);
    return MHD_YES;
}

/* ---- the body -------------------------------------------------------------------------------------------------------------- */

/* Room for `size` more bytes; false: no memory. */
static bool make_room(struct http_request **request, size_t size)
{
    size_t needed = (*request)->size + size, room = (*request)->room ? (*request)->room : CHUNKED_ROOM;
    if (needed <= (*request)->room)
        return true;
    while (room < needed)
        room *= 2;
    struct http_request *larger = realloc(*request, sizeof *larger + room + 1);
    if (!larger)
        return false;
    larger->room = room;
    *request = larger;
    return true;
}

static enum MHD_Result take_body(struct http *http, const char *data, size_t *size, void **slot)
{
    struct http_request *request = *slot;
    request->is_too_large = request->is_too_large || request->size + *size > http->limits.body_bytes;
    if (request->is_too_large) {
        request->size += *size;
        *size = 0;
        return request->size <= (uint64_t)http->limits.body_bytes * PATIENCE ? MHD_YES : MHD_NO;
    }
    if (!make_room(&request, *size))
        return MHD_NO;
    *slot = request;
    memcpy(request->body + request->size, data, *size);
    request->size += *size;
    request->body[request->size] = '\0';
    *size = 0;
    return MHD_YES;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */

static enum MHD_Result give(struct http_request *request)
{
    begin_phase(request->client, PHASE_ANSWER);
    if (!request->response)
        return MHD_NO;
    return MHD_queue_response(request->connection, (unsigned)request->status, request->response);
}

static enum MHD_Result hand_over(struct http_request *request)
{
    struct http *http = request->client->http;
    begin_phase(request->client, PHASE_NONE);
    http->stats.requests++;
    http->stats.waiting++;
    request->is_handed = request->is_handling = true;
    http->handle(request, http->arg);
    request->is_handling = false;
    if (request->is_answered)
        return give(request);
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

enum MHD_Result receive_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
    const char *data, size_t *size, void **slot)
{
    struct http *http = arg;
    struct http_request *request = *slot;
    http->has_moved = true;
    if (!request) {
        struct http_client *client = client_of(connection);
        if (!client)
            return MHD_NO;
        struct refuse_request seen = { connection, method, client->target, version, client->target_size };
        return begin(client, connection, &seen, path, slot);
    }
    if (*size)
        return take_body(http, data, size, slot);
    if (request->is_handed)
        return give(request);
    if (request->is_too_large)
        return refuse(request->client, connection, REFUSAL_BODY_BYTES);
    return hand_over(request);
}

/* The library has refused it by itself, if it ended with an error before all of it was there. */
static bool was_refused(const struct http_client *client, enum MHD_RequestTerminationCode why)
{
    return why == MHD_REQUEST_TERMINATED_WITH_ERROR && !client->is_counted &&
           (client->deadline.phase == PHASE_HEADER || client->deadline.phase == PHASE_BODY);
}

void receive_end(void *arg, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode why)
{
    struct http *http = arg;
    struct http_client *client = client_of(connection);
    struct http_request *request = *slot;
    http->has_moved = true;
    if (client) {
        if (was_refused(client, why))
            http->stats.refused++;
        client->target = NULL;
        begin_phase(client, PHASE_HEADER);
        /* What it has sent already is still read and answered. */
        if (http->is_stopped)
            (void)shutdown(client->fd, SHUT_RD);
    }
    if (request && request->response)
        MHD_destroy_response(request->response);
    free(request);
    *slot = NULL;
}
