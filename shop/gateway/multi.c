/* multi.c - a uv_poll for each connection, a timer for all.
 *
 * libcurl takes its hand off a socket whenever a transfer ends, and lays it on again when the connection is used for the next one. To
 * follow that would cost two system calls a transfer. So a socket stays watched between transfers. Only if something happens to it then
 * (the other side closes) is the watching stopped, until libcurl asks for it again; and before libcurl closes it, on_close() ends it.
 *
 * That holds for connections, which on_open() marks. The descriptor on which a resolver's thread tells that it has the address is closed
 * without a word to us: it is let go when libcurl takes its hand off. */
#include "gateway/multi.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct multi_watch {
    uv_poll_t poll;
    struct multi *multi;
    curl_socket_t fd;
    bool is_connection;
    int wanted, armed;          /* UV_READABLE, UV_WRITABLE: by libcurl; in the loop */
};

static void tell_done(struct multi *multi)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(multi->handle, &left))) {
        CURL *easy = msg->easy_handle;
        CURLcode result = msg->data.result;
        (void)curl_multi_remove_handle(multi->handle, easy);
        multi->done(easy, result, multi->arg);
    }
}

/* ---- sockets ---- */

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct multi_watch *watch = poll->data;
    struct multi *multi = watch->multi;
    int left, mask = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    if (watch->wanted == 0) {
        (void)uv_poll_stop(poll);
        watch->armed = 0;
        return;
    }
    (void)curl_multi_socket_action(multi->handle, watch->fd, status < 0 ? CURL_CSELECT_ERR : mask, &left);
    tell_done(multi);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct multi_watch *watch = handle->data;
    struct multi *multi = watch->multi;
    free(watch);
    if (--multi->open == 0)
        multi->closed(multi->arg);
}

static struct multi_watch *watch_new(struct multi *multi, curl_socket_t fd)
{
    if ((uint32_t)fd >= multi->room) {
        uint32_t room = (uint32_t)fd * 2 + 64;
        struct multi_watch **wider = realloc(multi->watch, room * sizeof(struct multi_watch *));
        if (!wider)
            return NULL;
        memset(wider + multi->room, 0, (room - multi->room) * sizeof(struct multi_watch *));
        multi->watch = wider;
        multi->room = room;
    }
    struct multi_watch *watch = calloc(1, sizeof *watch);
    if (!watch || uv_poll_init(multi->loop, &watch->poll, fd) < 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->multi = multi;
    watch->fd = fd;
    multi->watch[fd] = watch;
    multi->open++;
    return watch;
}

static struct multi_watch *watch_of(struct multi *multi, curl_socket_t fd)
{
    return (uint32_t)fd < multi->room ? multi->watch[fd] : NULL;
}

static void unwatch(struct multi *multi, curl_socket_t fd)
{
    struct multi_watch *watch = watch_of(multi, fd);
    if (!watch)
        return;
    multi->watch[fd] = NULL;
    (void)uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void let_go(struct multi *multi, struct multi_watch *watch)
{
    watch->wanted = 0;
    if (!watch->is_connection)
        unwatch(multi, watch->fd);
}

static int on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct multi *multi = arg;
    struct multi_watch *watch = watch_of(multi, fd);
    (void)easy;
    (void)socket_arg;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            let_go(multi, watch);
        return 0;
    }
    if (!watch)
        watch = watch_new(multi, fd);
    if (!watch)
        return -1;
    watch->wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    bool is_too_wide = (watch->armed & ~watch->wanted & UV_WRITABLE) != 0;      /* it is nearly always writable */
    if ((watch->wanted & ~watch->armed) == 0 && !is_too_wide)
        return 0;
    watch->armed = watch->wanted;
    return uv_poll_start(&watch->poll, watch->wanted, on_event) < 0 ? -1 : 0;
}

static int on_open(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    struct multi *multi = arg;
    (void)purpose;
    unwatch(multi, fd);
    struct multi_watch *watch = watch_new(multi, fd);
    if (!watch)
        return CURL_SOCKOPT_ERROR;
    watch->is_connection = true;
    return CURL_SOCKOPT_OK;
}

static int on_close(void *arg, curl_socket_t fd)
{
    unwatch(arg, fd);
    return close(fd);
}

/* ---- time ---- */

static void on_time(uv_timer_t *timer)
{
    struct multi *multi = timer->data;
    int left;
    (void)curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &left);
    tell_done(multi);
}

static int on_timer_wish(CURLM *handle, long ms, void *arg)
{
    struct multi *multi = arg;
    (void)handle;
    if (ms < 0)
        return uv_timer_stop(&multi->timer);
    return uv_timer_start(&multi->timer, on_time, (uint64_t)ms, 0);
}

/* ---- opening and closing ---- */

int multi_open(struct multi *multi, uv_loop_t *loop)
{
    multi->handle = curl_multi_init();
    if (!multi->handle)
        return -ENOMEM;
    multi->loop = loop;
    multi->watch = NULL;
    multi->room = 0;
    multi->open = 1;
    (void)uv_timer_init(loop, &multi->timer);
    multi->timer.data = multi;
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_interest);
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct multi *multi = handle->data;
    if (--multi->open == 0)
        multi->closed(multi->arg);
}

void multi_close(struct multi *multi)
{
    (void)curl_multi_cleanup(multi->handle);
    for (uint32_t fd = 0; fd < multi->room; fd++)
        unwatch(multi, (curl_socket_t)fd);
    free(multi->watch);
    multi->watch = NULL;
    multi->room = 0;
    uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
}

void multi_prepare(struct multi *multi, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, multi);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi);
}

int multi_add(struct multi *multi, CURL *easy)
{
    return curl_multi_add_handle(multi->handle, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void multi_remove(struct multi *multi, CURL *easy)
{
    (void)curl_multi_remove_handle(multi->handle, easy);
}
