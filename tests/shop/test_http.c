/* test_http.c - the HTTP server in one loop with its clients. What it does with odd bytes from outside is in test_http.py; this runs under the sanitizers, too. */
#include "harness.h"
#include "base/trouble.h"

#include "http/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT_MAX = 256 * 1024, KEPT_MAX = 2000 };

static uv_loop_t loop;
static struct http *http;
static struct http_request *kept[KEPT_MAX];     /* requests for /later */
static size_t kept_n;

/* ---- the server ------------------------------------------------------------------------------------------------------------ */

static void echo(struct http_request *request)
{
    size_t size;
    const char *body = http_body(request, &size);
    http_answer(request, &(struct http_answer){ .status = 200, .type = "text/plain", .body = body, .size = size });
}

static void handle(struct http_request *request, void *arg)
{
    (void)arg;
    if (strcmp(http_path(request), "/later") == 0 && kept_n < KEPT_MAX)
        kept[kept_n++] = request;
    else
        echo(request);
}

static void answer_kept(void)
{
    for (size_t i = 0; i < kept_n; i++)
        echo(kept[i]);
    kept_n = 0;
}

static void open_with(struct http_opts opts)
{
    opts.address = "127.0.0.1";
    opts.fd = -1;
    opts.handle = handle;
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_msg(http_open(&loop, &opts, &http) == 0, "%s", trouble_text());
}

static void close_all(void)
{
    http_close(http);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static struct http_stats stats(void)
{
    struct http_stats now;
    http_stats(http, &now);
    return now;
}

/* ---- clients --------------------------------------------------------------------------------------------------------------- */

struct client {
    uv_poll_t poll;
    int fd;
    bool has_ended;
    size_t size;
    char text[TEXT_MAX];
};

static void take(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;
    ssize_t size = status < 0 ? -1 : recv(client->fd, client->text + client->size, TEXT_MAX - 1 - client->size, 0);
    (void)events;
    if (size > 0) {
        client->size += (size_t)size;
        client->text[client->size] = '\0';
        return;
    }
    client->has_ended = true;
    uv_poll_stop(poll);
}

static struct client *connect_client(void)
{
    struct client *client = calloc(1, sizeof *client);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(http_port(http)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    ck_assert_ptr_nonnull(client);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(client->fd, 0);
    ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(uv_poll_init(&loop, &client->poll, client->fd), 0);
    client->poll.data = client;
    uv_poll_start(&client->poll, UV_READABLE, take);
    return client;
}

static void client_ended(uv_handle_t *handle)
{
    free(handle->data);
}

static void leave(struct client *client)
{
    uv_close((uv_handle_t *)&client->poll, client_ended);
    close(client->fd);
}

static void say_bytes(struct client *client, const void *bytes, size_t size)
{
    (void)send(client->fd, bytes, size, MSG_NOSIGNAL);
}

static void say(struct client *client, const char *text)
{
    say_bytes(client, text, strlen(text));
}

#define UNTIL(condition)                        \
    while (!(condition))                        \
        (void)uv_run(&loop, UV_RUN_ONCE)

static bool has_heard(const struct client *client, const char *end)
{
    size_t size = strlen(end);
    return client->size >= size && memcmp(client->text + client->size - size, end, size) == 0;
}

#define POST(path) "POST " path " HTTP/1.1\r\nHost: shop\r\n"

/* ---- cases ----------------------------------------------------------------------------------------------------------------- */

START_TEST(a_request_is_answered_at_once)
{
    open_with((struct http_opts){ 0 });
    struct client *client = connect_client();
    for (int i = 0; i < 100; i++) {
        client->size = 0;
        say(client, POST("/echo") "Content-Length: 3\r\n\r\nabc");
        UNTIL(has_heard(client, "\r\n\r\nabc"));
        ck_assert(strncmp(client->text, "HTTP/1.1 200 ", 13) == 0);
    }
    ck_assert_uint_eq(stats().requests, 100);
    leave(client);
    UNTIL(stats().connections == 0);
    close_all();
}
END_TEST

static void answer_from_timer(uv_timer_t *timer)
{
    answer_kept();
    uv_close((uv_handle_t *)timer, NULL);
}

START_TEST(an_answer_from_elsewhere_in_the_loop_goes_out_by_itself)
{
    uv_timer_t timer;
    open_with((struct http_opts){ 0 });
    struct client *client = connect_client();
    say(client, POST("/later") "Content-Length: 3\r\n\r\nabc");
    UNTIL(kept_n == 1);
    ck_assert_uint_eq(stats().waiting, 1);
    (void)uv_timer_init(&loop, &timer);
    (void)uv_timer_start(&timer, answer_from_timer, 1, 0);
    UNTIL(has_heard(client, "abc"));
    ck_assert_uint_eq(stats().waiting, 0);
    leave(client);
    close_all();
}
END_TEST

START_TEST(answers_to_many_that_wait_go_out_together)
{
    struct client *clients[300];
    open_with((struct http_opts){ 0 });
    for (int i = 0; i < 300; i++)
        clients[i] = connect_client();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++) {
            clients[i]->size = 0;
            say(clients[i], POST("/later") "Content-Length: 3\r\n\r\nabc");
        }
        UNTIL(kept_n == 300);
        answer_kept();
        for (int i = 0; i < 300; i++)
            UNTIL(has_heard(clients[i], "abc"));
    }
    for (int i = 0; i < 300; i++)
        leave(clients[i]);
    UNTIL(stats().connections == 0);
    close_all();
}
END_TEST

START_TEST(requests_behind_one_that_waits_wait_for_it)
{
    open_with((struct http_opts){ 0 });
    struct client *client = connect_client();
    say(client, POST("/later") "Content-Length: 3\r\n\r\nabc" POST("/echo") "Content-Length: 3\r\n\r\ndef" POST("/echo")
        "Content-Length: 3\r\n\r\nghi");
    UNTIL(kept_n == 1);
    ck_assert_uint_eq(client->size, 0);
    answer_kept();
    UNTIL(has_heard(client, "ghi"));
    const char *abc = strstr(client->text, "abc"), *def = strstr(client->text, "def");
    ck_assert(abc && def && abc < def);
    leave(client);
    close_all();
}
END_TEST

START_TEST(a_body_in_chunks_grows_to_the_limit)
{
    char chunk[1100];
    open_with((struct http_opts){ .body_bytes = 50 * 1024 });
    struct client *client = connect_client();
    say(client, POST("/echo") "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 50; i++) {
        int size = snprintf(chunk, sizeof chunk, "400\r\n%01024d\r\n", i);
        say_bytes(client, chunk, (size_t)size);
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    say(client, "0\r\n\r\n");
    UNTIL(client->size > 50 * 1024 && has_heard(client, "049"));
    leave(client);
    close_all();
}
END_TEST

START_TEST(a_body_beyond_the_limit_is_refused)
{
    static char body[5000];
    open_with((struct http_opts){ .body_bytes = 1000 });
    for (int i = 0; i < 2; i++) {
        struct client *client = connect_client();
        say(client, i ? POST("/echo") "Transfer-Encoding: chunked\r\n\r\n1388\r\n" : POST("/echo") "Content-Length: 5000\r\n\r\n");
        say_bytes(client, body, sizeof body);
        say(client, i ? "\r\n0\r\n\r\n" : "");
        UNTIL(client->has_ended);
        ck_assert(strncmp(client->text, "HTTP/1.1 413 ", 13) == 0);
        leave(client);
    }
    ck_assert(stats().requests == 0 && stats().refused == 2);
    close_all();
}
END_TEST

START_TEST(whoever_is_slow_is_cut_off)
{
    static const char *const halves[] = { "", "POST /echo HTT", POST("/echo") "Content-Le", POST("/echo") "Content-Length: 3\r\n\r\na",
                                          POST("/echo") "Transfer-Encoding: chunked\r\n\r\n3\r\na" };
    enum { HALVES = sizeof halves / sizeof halves[0] };
    struct client *clients[HALVES];
    open_with((struct http_opts){ .header_ms = 100, .body_ms = 150, .answer_ms = 200 });
    struct client *waits = connect_client();
    say(waits, POST("/later") "Content-Length: 3\r\n\r\nabc");
    UNTIL(kept_n == 1);
    for (int i = 0; i < HALVES; i++) {
        clients[i] = connect_client();
        say(clients[i], halves[i]);
    }
    for (int i = 0; i < HALVES; i++) {
        UNTIL(clients[i]->has_ended);
        leave(clients[i]);
    }
    ck_assert_uint_eq(stats().cut_off, HALVES);
    ck_assert(!waits->has_ended);
    answer_kept();
    UNTIL(has_heard(waits, "abc"));
    UNTIL(waits->has_ended);
    ck_assert_uint_eq(stats().cut_off, HALVES + 1);
    leave(waits);
    close_all();
}
END_TEST

START_TEST(a_client_that_has_gone_is_answered_without_harm)
{
    open_with((struct http_opts){ 0 });
    for (int i = 0; i < 50; i++) {
        struct client *client = connect_client();
        struct linger at_once = { .l_onoff = i % 2 };
        (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        say(client, POST("/later") "Content-Length: 3\r\n\r\nabc");
        UNTIL(kept_n == (size_t)i + 1);
        leave(client);
    }
    answer_kept();
    UNTIL(stats().connections == 0);
    close_all();
}
END_TEST

START_TEST(a_stopped_server_answers_what_it_has_and_closes)
{
    open_with((struct http_opts){ 0 });
    struct client *idle = connect_client(), *waits = connect_client(), *sent = connect_client();
    say(idle, POST("/echo") "Content-Length: 3\r\n\r\nabc");
    UNTIL(has_heard(idle, "abc"));
    say(waits, POST("/later") "Content-Length: 3\r\n\r\nabc");
    UNTIL(kept_n == 1);
    UNTIL(stats().connections == 3);
    say(sent, POST("/echo") "Content-Length: 3\r\n\r\ndef");    /* has come, but was not read yet */
    http_stop(http);
    UNTIL(idle->has_ended && sent->has_ended);
    ck_assert(has_heard(sent, "def") && strstr(sent->text, "Connection: close"));
    ck_assert(!waits->has_ended);
    answer_kept();
    UNTIL(waits->has_ended);
    ck_assert(has_heard(waits, "abc") && strstr(waits->text, "Connection: close"));
    UNTIL(stats().connections == 0);
    leave(idle);
    leave(waits);
    leave(sent);
    close_all();
}
END_TEST

START_TEST(a_server_is_closed_with_whatever_is_open)
{
    static const char *const halves[] = { "", "POST /echo HTT", POST("/echo") "Content-Length: 3\r\n\r\na",
                                          POST("/echo") "Transfer-Encoding: chunked\r\n\r\n3\r\na" };
    struct client *clients[5];
    open_with((struct http_opts){ 0 });
    for (int i = 0; i < 4; i++) {
        clients[i] = connect_client();
        say(clients[i], halves[i]);
    }
    clients[4] = connect_client();
    say(clients[4], POST("/later") "Content-Length: 3\r\n\r\nabc");
    UNTIL(kept_n == 1 && stats().connections == 5);
    answer_kept();
    http_close(http);
    UNTIL(clients[4]->has_ended);
    ck_assert(has_heard(clients[4], "abc"));
    for (int i = 0; i < 5; i++)
        leave(clients[i]);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

/* Not one of these changes makes another sound request, but where one byte of a value or of the body changes. */
START_TEST(a_changed_byte_brings_nothing_down)
{
    static const char sound[] = POST("/echo?a=%20b&c") "Cookie: d=e; f\r\nX-A:  g \r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX-B: h\r\n\r\n";
    static const char bytes[] = { '\0', '\r', '\n', ' ', '\t', ':', ';', '%', '=', '?', '0', 'f', '\x7f', '\x80', '\xff' };
    open_with((struct http_opts){ .header_ms = 50, .body_ms = 50 });
    for (size_t at = 0; at < sizeof sound - 1; at += SANITIZED_THREAD ? 3 : 1) {
        struct client *clients[sizeof bytes];
        for (size_t i = 0; i < sizeof bytes; i++) {
            char changed[sizeof sound];
            memcpy(changed, sound, sizeof sound);
            changed[at] = bytes[i];
            clients[i] = connect_client();
            say_bytes(clients[i], changed, sizeof sound - 1);
        }
        for (size_t i = 0; i < sizeof bytes; i++) {
            UNTIL(clients[i]->has_ended || clients[i]->size > 0);
            leave(clients[i]);
        }
    }
    UNTIL(stats().connections == 0);
    close_all();
}
END_TEST

START_TEST(what_cannot_be_opened_is_told)
{
    struct http_opts opts = { .address = "localhost", .fd = -1, .handle = handle };
    int ends[2];
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(http_open(&loop, &opts, &http), -EINVAL);
    ck_assert_ptr_nonnull(strstr(trouble_text(), "localhost"));
    opts.address = "127.0.0.1";
    ck_assert_int_eq(http_open(&loop, &opts, &http), 0);
    opts.port = http_port(http);
    struct http *second = NULL;
    ck_assert_int_eq(http_open(&loop, &opts, &second), -EADDRINUSE);
    ck_assert_int_eq(pipe(ends), 0);
    opts.fd = ends[0];
    ck_assert_int_eq(http_open(&loop, &opts, &second), -ENOTSOCK);
    close_all();
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_request_is_answered_at_once);
    add_case(an_answer_from_elsewhere_in_the_loop_goes_out_by_itself);
    add_case(answers_to_many_that_wait_go_out_together);
    add_case(requests_behind_one_that_waits_wait_for_it);
    add_case(a_body_in_chunks_grows_to_the_limit);
    add_case(a_body_beyond_the_limit_is_refused);
    add_case(whoever_is_slow_is_cut_off);
    add_case(a_client_that_has_gone_is_answered_without_harm);
    add_case(a_stopped_server_answers_what_it_has_and_closes);
    add_case(a_server_is_closed_with_whatever_is_open);
    add_case(a_changed_byte_brings_nothing_down);
    add_case(what_cannot_be_opened_is_told);
    return run_cases(argc, argv);
}
