/* serve.c - opens the parts from the bottom up, runs the loop, and closes them the other way round.
 *
 * Threads: this one (HTTP, gateway, pages), the store's writer and its checkpointer, the mailer; and processes for what works on
 * customers' texts. The end, by SIGTERM, SIGINT or a disk that has failed:
 *
 *     serving --> draining: no new connections, whoever waits is answered --> all answered, or the limit --> closing
 *                                                                     limit: the rest is told to ask again */
#include "serve/serve.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/trouble.h"
#include "say.h"
#include "serve/address.h"
#include "serve/routes.h"
#include "serve/shop.h"
#include "web/web.h"

#include <prong.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { SECOND_MS = 1000, DRAIN_TICK_MS = 10, FLUSH_MS = 1000 };

struct server {
    struct shop shop;           /* what the handlers see */
    struct serve_opts opts;     /* with the defaults filled in */
    prong_pool *renderers;
    uv_signal_t signals[2];
    uv_timer_t second, drain, watchdog;
    int64_t drain_until_ms;
    int status;
};

/* ---- opening ------------------------------------------------------------------------------------------------------------- */

static void fill_in(struct serve_opts *o)
{
    static const uint32_t orders = 4096, wait_ms = 25000, give_up_ms = 15 * 60 * 1000, drain_ms = 30000, workers = 2;
    o->orders_in_flight = o->orders_in_flight ? o->orders_in_flight : orders;
    o->wait_ms = o->wait_ms ? o->wait_ms : wait_ms;
    o->give_up_ms = o->give_up_ms ? o->give_up_ms : give_up_ms;
    o->drain_ms = o->drain_ms ? o->drain_ms : drain_ms;
    o->mail_workers = o->mail_workers ? o->mail_workers : workers;
}

static int open_store(struct server *server)
{
    struct shop *shop = &server->shop;
    const struct store_opts opts = { .path = server->opts.db, .to_serve = true,
                                     .resend = server->opts.uncertain && strcmp(server->opts.uncertain, "resend") == 0 };
    int r = store_open(&opts, &shop->store);
    if (r == 0)
        r = store_reader_open(shop->store, &shop->reader);
    if (r < 0)
        return say_error(SAY_MISSING, "%s", trouble_text());
    shop->stock = calloc(store_catalogue(shop->store)->n, sizeof *shop->stock);
    if (!shop->stock)
        return say_error(SAY_MISSING, "out of memory");
    return SAY_OK;
}

static int open_gateway(struct server *server)
{
    const struct gateway_opts opts = { .url = server->opts.gateway, .key = server->opts.gateway_key, .ca_file = server->opts.gateway_ca,
                                       .connections = server->opts.orders_in_flight };
    if (gateway_open(&server->shop.loop, &opts, &server->shop.gateway) == 0)
        return SAY_OK;
    return say_error(SAY_USAGE, "--gateway: %s", trouble_text());
}

static int open_mailer(struct server *server)
{
    const struct serve_opts *o = &server->opts;
    const prong_pool_opts pool = { .engine = "processes", .name = "receipts", .workers = o->mail_workers };
    if (prong_pool_open(&pool, &server->renderers) < 0)
        return say_error(SAY_MISSING, "cannot start the processes that render receipts: %s", prong_last_error());
    const struct mailer_opts opts = { .store = server->shop.store, .pool = server->renderers, .to = o->mail, .from = o->mail_from,
                                      .shop_name = o->shop_name, .public_url = server->shop.public_url, .user = o->mail_user,
                                      .password = o->mail_password, .ca_file = o->mail_ca, .starttls = o->mail_starttls,
                                      .resend = o->uncertain && strcmp(o->uncertain, "resend") == 0, .in_flight = o->mails_in_flight,
                                      .per_second = o->mails_per_second, .backoff_ms = o->mail_backoff_ms };
    if (mailer_open(&opts, &server->shop.mailer) == 0)
        return SAY_OK;
    return say_error(SAY_USAGE, "--mail: %s", trouble_text());
}

/* What an earlier server left is on its way before the first new order comes. */
static int open_flow(struct server *server)
{
    struct shop *shop = &server->shop;
    const struct flow_opts opts = { .loop = &shop->loop, .store = shop->store, .gateway = shop->gateway, .mailer = shop->mailer,
                                    .orders = server->opts.orders_in_flight, .wait_ms = server->opts.wait_ms,
                                    .give_up_ms = server->opts.give_up_ms };
    int r = flow_open(&opts, &shop->flow);
    int64_t found = r < 0 ? r : flow_recover(shop->flow, shop->reader);
    if (found < 0)
        return say_error(SAY_MISSING, "cannot go on with the orders of the last run: %s", strerror((int)-found));
    if (found)
        log_line(LOG_LEVEL_INFO, "%" PRId64 " orders were being charged when the last run ended: asking the gateway again", found);
    return SAY_OK;
}

static int activated_socket(void)
{
    return sd_listen_fds(0) >= 1 ? SD_LISTEN_FDS_START : -1;
}

/* Before the others, which need its address; nothing is handled until the loop runs. */
static int open_http(struct server *server)
{
    struct shop *shop = &server->shop;
    char address[ADDRESS_SIZE];
    uint16_t port;
    (void)address_read(server->opts.listen, address, &port);     /* has been checked */
    const struct http_opts opts = { .address = address, .port = port, .fd = activated_socket(), .connections = server->opts.connections,
                                    .per_address = server->opts.per_address, .handle = routes_handle, .arg = shop };
    if (http_open(&shop->loop, &opts, &shop->http) < 0)
        return say_error(SAY_MISSING, "--listen %s: %s", server->opts.listen, trouble_text());
    const char *colon = strrchr(server->opts.listen, ':');
    snprintf(shop->url, sizeof shop->url, "http://%.*s:%u", (int)(colon - server->opts.listen), server->opts.listen, http_port(shop->http));
    shop->public_url = server->opts.public_url ? server->opts.public_url : shop->url;
    return SAY_OK;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

static bool all_is_answered(const struct server *server)
{
    struct http_stats http;
    http_stats(server->shop.http, &http);
    return flow_is_idle(server->shop.flow) && !http.waiting && !http.connections;
}

static void on_drain(uv_timer_t *timer)
{
    struct server *server = timer->data;
    int64_t left = server->drain_until_ms - clock_ms();
    if (left <= 0)
        flow_abandon(server->shop.flow);
    /* After the limit there is a moment more for the last answers to go out. */
    if (all_is_answered(server) || left <= -FLUSH_MS)
        uv_stop(&server->shop.loop);
}

static void begin_drain(struct server *server, const char *why)
{
    if (server->shop.is_draining)
        return;
    log_line(LOG_LEVEL_INFO, "%s: no new orders; those under way have %u s", why, server->opts.drain_ms / SECOND_MS);
    (void)sd_notify(0, "STOPPING=1");
    server->shop.is_draining = true;
    server->drain_until_ms = clock_ms() + server->opts.drain_ms;
    http_stop(server->shop.http);
    flow_drain(server->shop.flow);
    (void)uv_timer_start(&server->drain, on_drain, 0, DRAIN_TICK_MS);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    if (server->shop.is_draining)
        server->drain_until_ms = clock_ms();        /* a second one means it */
    else
        begin_drain(server, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_second(uv_timer_t *timer)
{
    struct server *server = timer->data;
    mailer_wake(server->shop.mailer);       /* for what another process has changed: `prong-shop jobs --resend` */
    if (store_failed(server->shop.store) && !server->shop.is_draining) {
        server->status = say_error(SAY_MISSING, "the database %s cannot be written: what is on disk is safe; see to the disk, then start again",
                                   server->opts.db);
        begin_drain(server, "the disk has failed");
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    (void)sd_notify(0, "WATCHDOG=1");
}

/* ---- running ------------------------------------------------------------------------------------------------------------- */

static void start_timer(struct server *server, uv_timer_t *timer, void (*fn)(uv_timer_t *), uint64_t every_ms)
{
    (void)uv_timer_init(&server->shop.loop, timer);
    timer->data = server;
    if (every_ms)
        (void)uv_timer_start(timer, fn, every_ms, every_ms);
}

static void watch(struct server *server)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < 2; i++) {
        (void)uv_signal_init(&server->shop.loop, &server->signals[i]);
        server->signals[i].data = server;
        (void)uv_signal_start(&server->signals[i], on_signal, numbers[i]);
    }
    uint64_t watchdog_us = 0;
    bool is_watched = sd_watchdog_enabled(0, &watchdog_us) > 0;
    start_timer(server, &server->second, on_second, SECOND_MS);
    start_timer(server, &server->drain, on_drain, 0);
    start_timer(server, &server->watchdog, on_watchdog, is_watched ? watchdog_us / 2000 : 0);
}

static void unwatch(struct server *server)
{
    uv_handle_t *const handles[] = { (uv_handle_t *)&server->signals[0], (uv_handle_t *)&server->signals[1], (uv_handle_t *)&server->second,
                                     (uv_handle_t *)&server->drain, (uv_handle_t *)&server->watchdog };
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
        uv_close(handles[i], NULL);
}

static void announce(struct server *server)
{
    if (server->opts.ready)
        server->opts.ready(server->shop.url, server->opts.arg);
    (void)sd_notifyf(0, "READY=1\nSTATUS=listening on %s", server->shop.url);
}

static int open_all(struct server *server)
{
    static int (*const open[])(struct server *) = { open_store, open_http, open_gateway, open_mailer, open_flow };
    int status = SAY_OK;
    for (size_t i = 0; i < sizeof open / sizeof open[0] && status == SAY_OK; i++)
        status = open[i](server);
    return status;
}

static void close_all(struct server *server)
{
    struct shop *shop = &server->shop;
    prong_time deadline = prong_in_ms(server->opts.drain_ms);
    if (shop->flow)
        flow_abandon(shop->flow);       /* whoever still waits is told, as long as there is a server to tell by */
    if (shop->http)
        http_close(shop->http);
    if (shop->flow) {
        while (!flow_is_idle(shop->flow))
            (void)uv_run(&shop->loop, UV_RUN_ONCE);
        flow_close(shop->flow);
    }
    if (shop->gateway)
        gateway_close(shop->gateway);
    (void)uv_run(&shop->loop, UV_RUN_DEFAULT);      /* until every handle is closed */
    (void)uv_loop_close(&shop->loop);
    mailer_close(shop->mailer, deadline);
    (void)prong_pool_close(server->renderers, deadline);
    store_reader_close(shop->reader);
    store_close(shop->store);
    free(shop->stock);
}

int serve_run(const struct serve_opts *opts)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return say_error(SAY_MISSING, "out of memory");
    server->opts = *opts;
    fill_in(&server->opts);
    if (opts->shop_name)
        web_init(opts->shop_name);
    server->shop.opts = &server->opts;
    server->shop.started_ms = clock_ms();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)uv_loop_init(&server->shop.loop);
    int status = open_all(server);
    if (status == SAY_OK) {
        watch(server);
        announce(server);
        (void)uv_run(&server->shop.loop, UV_RUN_DEFAULT);
        log_line(LOG_LEVEL_INFO, "closing");
        unwatch(server);
        status = server->status;
    }
    close_all(server);
    free(server);
    return status;
}
