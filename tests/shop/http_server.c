/* http_server.c - a server on shop/http for test_http.py, and to measure it with.
 *
 *     http_server [NAME=VALUE ...]     numbers of struct http_opts: port, fd, connections, per_address, header_ms, body_bytes, ...
 *
 * Prints "listening on http://127.0.0.1:PORT". SIGTERM: http_stop(), and it ends when the last connection does. Answers
 *   POST /order          201 with a Location, at once
 *   POST /soon           the same in a later turn of the loop, as an order is: all that came meanwhile together
 *   POST /echo           200, the body
 *   GET  /tell?q=...     200, what it knows of the request, in JSON
 *   any  /later?id=X     when somebody asks for /release?id=X, with the body
 *   GET  /big?bytes=N    so many bytes
 *   GET  /stats          the numbers, and the paths that were handed over
 *   any  /last           200, and closes the connection */
#include "http/http.h"
#include "base/trouble.h"

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATER_MAX = 8192, BIG_MAX = 64 * 1024 * 1024 };

static struct {
    struct http *http;
    uv_signal_t term;
    uv_prepare_t ends;
    struct http_request *later[LATER_MAX];
    size_t later_n;
    struct http_request *soon[LATER_MAX];
    size_t soon_n;
    uv_async_t soon_wake;
    json_t *paths;
    char *big;
} server;

static void answer_text(struct http_request *request, int status, const char *body, size_t size)
{
    http_answer(request, &(struct http_answer){ .status = status, .type = "text/plain", .body = body, .size = size });
}

static void answer_json(struct http_request *request, json_t *json)
{
    char *text = json_dumps(json, 0);
    http_answer(request, &(struct http_answer){ .status = 200, .type = "application/json", .body = text, .size = strlen(text) });
    free(text);
    json_decref(json);
}

static void order(struct http_request *request)
{
    static const char body[] = "{\"order\":{\"token\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"url\":\"/orders/AAAAAAAAAAAAAAAAAAAAAA\",\"state\":\"paid\","
                               "\"total_cents\":1990,\"currency\":\"eur\",\"items\":[{\"sku\":\"tee-black-m\",\"qty\":1,\"price_cents\":1990}]}}";
    http_answer(request, &(struct http_answer){ .status = 201, .type = "application/json", .body = body, .size = sizeof body - 1,
                                                .headers = { "Location", "/orders/AAAAAAAAAAAAAAAAAAAAAA" } });
}

static void order_soon(uv_async_t *wake)
{
    (void)wake;
    for (size_t i = 0; i < server.soon_n; i++)
        order(server.soon[i]);
    server.soon_n = 0;
}

static void echo(struct http_request *request)
{
    size_t size;
    const char *body = http_body(request, &size);
    answer_text(request, 200, body, size);
}

static void tell(struct http_request *request)
{
    char peer[64];
    size_t size;
    const char *method = http_method(request), *path = http_path(request);
    (void)http_body(request, &size);
    http_peer(request, peer, sizeof peer);
    answer_json(request, json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:i}", "method", method, "path", path, "q", http_query(request, "q"),
        "header", http_header(request, "x-tell"), "cookie", http_cookie(request, "c"), "peer", peer, "body", (int)size));
}

static const char *id_of(struct http_request *request)
{
    const char *id = http_query(request, "id");
    return id ? id : "";
}

static void release(struct http_request *request)
{
    size_t kept = 0;
    for (size_t i = 0; i < server.later_n; i++) {
        if (strcmp(id_of(server.later[i]), id_of(request)) == 0)
            echo(server.later[i]);
        else
            server.later[kept++] = server.later[i];
    }
    server.later_n = kept;
    answer_text(request, 200, "", 0);
}

static void big(struct http_request *request)
{
    const char *bytes = http_query(request, "bytes");
    http_answer(request, &(struct http_answer){ .status = 200, .body = server.big, .size = bytes ? strtoul(bytes, NULL, 10) % BIG_MAX : 0, .is_static = true });
}

static void tell_stats(struct http_request *request)
{
    struct http_stats stats;
    http_stats(server.http, &stats);
    answer_json(request, json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)stats.requests, "refused", (json_int_t)stats.refused,
        "cut_off", (json_int_t)stats.cut_off, "connections", (json_int_t)stats.connections, "waiting", (json_int_t)stats.waiting, "paths", server.paths));
}

static void handle(struct http_request *request, void *arg)
{
    const char *path = http_path(request);
    (void)arg;
    if (strcmp(path, "/order") == 0) {
        order(request);
        return;
    }
    if (strcmp(path, "/soon") == 0 && server.soon_n < LATER_MAX) {
        server.soon[server.soon_n++] = request;
        (void)uv_async_send(&server.soon_wake);
        return;
    }
    if (strcmp(path, "/stats") != 0)
        (void)json_array_append_new(server.paths, json_pack("s", path));
    if (strcmp(path, "/echo") == 0)
        echo(request);
    else if (strcmp(path, "/later") == 0 && server.later_n < LATER_MAX)
        server.later[server.later_n++] = request;
    else if (strcmp(path, "/release") == 0)
        release(request);
    else if (strcmp(path, "/big") == 0)
        big(request);
    else if (strcmp(path, "/stats") == 0)
        tell_stats(request);
    else if (strcmp(path, "/last") == 0)
        http_answer(request, &(struct http_answer){ .status = 200, .closes = true });
    else
        tell(request);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------------------- */

static void end_when_all_are_gone(uv_prepare_t *ends)
{
    struct http_stats stats;
    http_stats(server.http, &stats);
    if (stats.connections > 0)
        return;
    http_close(server.http);
    uv_close((uv_handle_t *)&server.term, NULL);
    uv_close((uv_handle_t *)&server.soon_wake, NULL);
    uv_close((uv_handle_t *)ends, NULL);
}

static void stop(uv_signal_t *term, int number)
{
    (void)number;
    http_stop(server.http);
    uv_prepare_start(&server.ends, end_when_all_are_gone);
    (void)uv_signal_stop(term);
}

static uint32_t number_of(int argc, char **argv, const char *name, uint32_t otherwise)
{
    size_t size = strlen(name);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, size) == 0 && argv[i][size] == '=')
            return (uint32_t)strtoul(argv[i] + size + 1, NULL, 10);
    return otherwise;
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
#define NUMBER(name) .name = number_of(argc, argv, #name, 0)
    struct http_opts opts = { .address = "127.0.0.1", .port = (uint16_t)number_of(argc, argv, "port", 0),
                              .fd = (int)number_of(argc, argv, "fd", UINT32_MAX), NUMBER(connections), NUMBER(per_address), NUMBER(header_bytes),
                              NUMBER(header_fields), NUMBER(body_bytes), NUMBER(header_ms), NUMBER(body_ms), NUMBER(answer_ms), .handle = handle };
    server.big = calloc(1, BIG_MAX);
    server.paths = json_array();
    if (!server.big || !server.paths || http_open(loop, &opts, &server.http) < 0) {
        fprintf(stderr, "http_server: %s\n", trouble_text());
        return 1;
    }
    (void)uv_async_init(loop, &server.soon_wake, order_soon);
    (void)uv_signal_init(loop, &server.term);
    (void)uv_prepare_init(loop, &server.ends);
    (void)uv_signal_start(&server.term, stop, SIGTERM);
    printf("listening on http://127.0.0.1:%u\n", http_port(server.http));
    (void)fflush(stdout);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(loop);
    free(server.big);
    json_decref(server.paths);
    return left != 0;
}
