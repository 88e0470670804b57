/* canned.c - one read is one request: the client sends it in one piece. */
#include "canned.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static char room[4096];

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
    (void)handle;
    (void)size;
    *ret_buf = uv_buf_init(room, sizeof room - 1);
}

static void on_gone(uv_handle_t *handle)
{
    free(handle);
}

static void drop(struct canned *canned, uv_tcp_t *client)
{
    for (size_t i = 0; i < sizeof canned->client / sizeof canned->client[0]; i++)
        if (canned->client[i] == client)
            canned->client[i] = NULL;
    uv_close((uv_handle_t *)client, on_gone);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct canned *canned = stream->data;
    if (n <= 0) {
        if (n < 0)
            drop(canned, (uv_tcp_t *)stream);
        return;
    }
    memcpy(canned->last, buf->base, (size_t)n);
    canned->last[n] = '\0';
    canned->requests++;
    bool stops = canned->requests == canned->stops_after;
    if (canned->answer && !stops) {
        uv_buf_t answer = uv_buf_init(strdup(canned->answer), (unsigned)strlen(canned->answer));
        for (int sent; answer.len > 0 && (sent = uv_try_write(stream, &answer, 1)) > 0;) {
            memmove(answer.base, answer.base + sent, answer.len - (size_t)sent);
            answer.len -= (size_t)sent;
        }
        free(answer.base);
    }
    if (stops)
        canned_close(canned);
    else if (canned->closes)
        drop(canned, (uv_tcp_t *)stream);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct canned *canned = server->data;
    uv_tcp_t *client = malloc(sizeof *client);
    if (status < 0 || !client)
        abort();
    uv_tcp_init(server->loop, client);
    client->data = canned;
    uv_accept(server, (uv_stream_t *)client);
    canned->client[canned->connections++ % (sizeof canned->client / sizeof canned->client[0])] = client;
    uv_read_start((uv_stream_t *)client, give_room, on_read);
}

void canned_open(struct canned *canned, uv_loop_t *loop)
{
    struct sockaddr_in at;
    int size = sizeof at;
    uv_tcp_init(loop, &canned->server);
    canned->server.data = canned;
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_bind(&canned->server, (struct sockaddr *)&at, 0);
    if (uv_listen((uv_stream_t *)&canned->server, 512, on_connection) < 0)
        abort();
    uv_tcp_getsockname(&canned->server, (struct sockaddr *)&at, &size);
    canned->port = ntohs(at.sin_port);
}

void canned_close(struct canned *canned)
{
    if (uv_is_closing((uv_handle_t *)&canned->server))
        return;
    uv_close((uv_handle_t *)&canned->server, NULL);
    for (size_t i = 0; i < sizeof canned->client / sizeof canned->client[0]; i++)
        if (canned->client[i])
            drop(canned, canned->client[i]);
}
