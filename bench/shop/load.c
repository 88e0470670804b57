/* load.c - orders, as many as a shop answers: each connection posts its next one as soon as the last is answered.
 *
 *     load PORT CONNECTIONS WARM_UP_MS MEASURE_MS
 *
 * First all connections are made; then the warm-up begins. In its first half they begin to post, one after the other: had they begun
 * together, they would be answered in waves where the gateway takes long, and the rate would tell how many waves the time cuts off.
 * What is answered after the warm-up, in time, counts for the rate; the time from the first byte written to the last byte read, of each
 * request that was begun then, for the percentiles, those that end later, too. At the end nothing more is posted, and what is under way
 * is waited for: so that everything that the shop was asked has had its answer. Each order has a key of its own. Prints one line of JSON.
 * One thread, to take little of the processors that it shares with the shop. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    REQUEST_MAX = 1024, ANSWER_MAX = 8192, EVENTS = 256, STATUSES = 600,
    OPENING = 256,              /* connections made at a time: fewer than any server's queue holds */
    DRAIN_MS = 60000
};
#define MS INT64_C(1000000)

struct client {
    int fd;
    bool is_asking;
    int64_t begun;
    size_t size;                /* of the answer, so far */
    char answer[ANSWER_MAX];
};

static struct sockaddr_in shop = { .sin_family = AF_INET };
static struct client *clients;
static int n_clients, epoll_fd, open_clients, asking;
static uint64_t run, next_order;
static int64_t warm, end;                   /* when measuring begins and ends; 0: not known yet */
static uint32_t *times_us;
static size_t n_times, room;
static uint64_t answers[STATUSES], in_time, broken;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void keep_time(int64_t ns)
{
    if (n_times == room) {
        room = room ? room * 2 : 1 << 16;
        times_us = realloc(times_us, room * sizeof *times_us);
        if (!times_us)
            die("realloc");
    }
    times_us[n_times++] = (uint32_t)(ns / 1000);
}

/* ---- one connection --------------------------------------------------------------------------------------------------------- */

static void watch(struct client *client, int op, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = client };
    if (epoll_ctl(epoll_fd, op, client->fd, &event) < 0)
        die("epoll_ctl");
}

static void dial(struct client *client)
{
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("socket");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    if (connect(client->fd, (struct sockaddr *)&shop, sizeof shop) < 0 && errno != EINPROGRESS)
        die("connect");
    watch(client, EPOLL_CTL_ADD, EPOLLOUT);
}

static void ask(struct client *client)
{
    char request[REQUEST_MAX], body[REQUEST_MAX / 2];
    uint64_t order = next_order++;
    int size = snprintf(body, sizeof body, "{\"email\":\"customer-%08" PRIx64 "@example.org\",\"payment_method\":\"pm_card_visa\","
                        "\"items\":[{\"sku\":\"TSHIRT-RED-M\",\"qty\":1},{\"sku\":\"TSHIRT-BLUE-L\",\"qty\":2}]}", order);
    size = snprintf(request, sizeof request, "POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                    "Idempotency-Key: %016" PRIx64 "-%08" PRIx64 "\r\nContent-Length: %d\r\n\r\n%s", run, order, size, body);
    client->size = 0;
    client->is_asking = true;
    client->begun = now();
    asking++;
    /* It is small, and the socket empty: all of it or nothing. Nothing shows as an end of the connection soon. */
    if (write(client->fd, request, (size_t)size) != size)
        shutdown(client->fd, SHUT_RDWR);
}

static void ask_if_time(struct client *client)
{
    if (warm == 0 || now() < end)
        ask(client);
}

static void lost(struct client *client)
{
    if (client->is_asking) {
        client->is_asking = false;
        asking--;
        broken++;
    }
    close(client->fd);
    open_clients--;
    dial(client);
}

static void answered(struct client *client, int status)
{
    int64_t t = now();
    client->is_asking = false;
    asking--;
    answers[status]++;
    if (status == 201 && t >= warm && t < end)
        in_time++;
    if (status == 201 && client->begun >= warm)
        keep_time(t - client->begun);
}

/* 0: more is to come; -1: it cannot be read; else its status. */
static int status_of(struct client *client)
{
    client->answer[client->size] = '\0';
    const char *head_end = strstr(client->answer, "\r\n\r\n");
    if (!head_end)
        return client->size < ANSWER_MAX - 1 ? 0 : -1;
    int status = strncmp(client->answer, "HTTP/1.1 ", 9) == 0 ? atoi(client->answer + 9) : 0;
    const char *length = strcasestr(client->answer, "\r\nContent-Length:");
    if (status < 100 || status >= STATUSES || !length || length > head_end)
        return -1;
    size_t whole = (size_t)(head_end + 4 - client->answer) + strtoul(length + 17, NULL, 10);
    if (whole > ANSWER_MAX - 1 || client->size > whole)
        return -1;
    return client->size == whole ? status : 0;
}

static void readable(struct client *client)
{
    ssize_t n = read(client->fd, client->answer + client->size, ANSWER_MAX - 1 - client->size);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        lost(client);
        return;
    }
    client->size += (size_t)n;
    int status = client->is_asking ? status_of(client) : -1;
    if (status > 0) {
        answered(client, status);
        ask_if_time(client);
    } else if (status < 0) {
        lost(client);
    }
}

static void connected(struct client *client)
{
    int error = 0;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof error });
    if (error) {
        errno = error;
        die("connect");
    }
    watch(client, EPOLL_CTL_MOD, EPOLLIN);
    open_clients++;
    if (end != 0)
        ask_if_time(client);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------ */

static void turn(int wait_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, wait_ms);
    for (int i = 0; i < n; i++) {
        struct client *client = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            connected(client);
        else
            readable(client);
    }
}

static void dial_all(void)
{
    for (int i = 0; i < n_clients; i++) {
        dial(&clients[i]);
        while (i + 1 - open_clients >= OPENING)
            turn(-1);
    }
    while (open_clients < n_clients)
        turn(-1);
}

/* Until all have posted once. */
static void begin(int64_t spread)
{
    int64_t start = now();
    for (int i = 0; i < n_clients; i++) {
        int64_t left;
        while ((left = start + spread * i / n_clients - now()) > 0)
            turn((int)(left / MS) + 1);
        if (!clients[i].is_asking)
            ask(&clients[i]);
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double quantile_ms(double q)
{
    if (n_times == 0)
        return 0;
    size_t i = (size_t)(q * (double)n_times);
    return times_us[i < n_times ? i : n_times - 1] / 1000.0;
}

static void report(double seconds)
{
    qsort(times_us, n_times, sizeof *times_us, by_size);
    printf("{\"answered\": %" PRIu64 ", \"in_time\": %" PRIu64 ", \"seconds\": %.3f, \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"max_ms\": %.3f, \"broken\": %" PRIu64 ", \"unanswered\": %d, \"others\": {", answers[201], in_time, seconds, quantile_ms(.5),
           quantile_ms(.9), quantile_ms(.99), quantile_ms(1), broken, asking);
    const char *comma = "";
    for (int status = 100; status < STATUSES; status++)
        if (status != 201 && answers[status]) {
            printf("%s\"%d\": %" PRIu64, comma, status, answers[status]);
            comma = ", ";
        }
    puts("}}");
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: load PORT CONNECTIONS WARM_UP_MS MEASURE_MS\n", stderr);
        return 2;
    }
    shop.sin_port = htons((uint16_t)atoi(argv[1]));
    shop.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    n_clients = atoi(argv[2]);
    clients = calloc((size_t)n_clients, sizeof *clients);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || epoll_fd < 0 || getrandom(&run, sizeof run, 0) != sizeof run)
        die("start");
    dial_all();
    warm = now() + atoi(argv[3]) * MS;
    end = warm + atoi(argv[4]) * MS;
    begin((warm - now()) / 2);
    while (now() < end)
        turn((int)((end - now()) / MS) + 1);
    int64_t drained = end + DRAIN_MS * MS;
    while (asking > 0 && now() < drained)
        turn(100);
    report(atoi(argv[4]) / 1000.0);
    return 0;
}
