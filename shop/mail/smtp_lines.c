/* smtp_lines.c - libcurl's multi interface on libuv's loop: CURLOPT_CONNECT_ONLY makes a line, curl_easy_send and curl_easy_recv use it.
 *
 * A socket has one watcher at a time: libcurl's while it connects, ours afterwards. A line's handle stays in the multi handle, which holds
 * its connection, until it is dropped. Lines are dropped from within libcurl's callbacks never, as made() is told outside of them. */
#include "mail/smtp_lines.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_SIZE = 4096 };        /* each line's, for the server's answers */

struct smtp_lines {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    uint32_t open_handles;          /* the timer and the watchers */
    bool closing;
    const struct mailer_opts *opts;
    char url[512];
    long tls;
};
struct watcher {
    uv_poll_t poll;                 /* first: freed as one */
    struct smtp_lines *lines;
    struct smtp_line *line;         /* ours; NULL: libcurl's */
    curl_socket_t fd;
};

/* ---- watchers ------------------------------------------------------------------------------------------------------------ */

static void free_lines_at_last(struct smtp_lines *lines)
{
    if (--lines->open_handles > 0)
        return;
    free(lines);
}

static void free_watcher(uv_handle_t *handle)
{
    struct watcher *watcher = (struct watcher *)handle;
    free_lines_at_last(watcher->lines);
    free(watcher);
}

static void close_watcher(struct watcher *watcher)
{
    uv_close((uv_handle_t *)&watcher->poll, free_watcher);
}

static struct watcher *new_watcher(struct smtp_lines *lines, struct smtp_line *line, curl_socket_t fd)
{
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return NULL;
    watcher->lines = lines;
    watcher->line = line;
    watcher->fd = fd;
    if (uv_poll_init_socket(lines->loop, &watcher->poll, fd) < 0) {
        free(watcher);
        return NULL;
    }
    lines->open_handles++;
    return watcher;
}

/* ---- libcurl's part ------------------------------------------------------------------------------------------------------ */

static void line_stirs(uv_poll_t *poll, int status, int events)
{
    struct smtp_line *line = ((struct watcher *)poll)->line;
    if (events & UV_WRITABLE) {
        (void)uv_poll_start(poll, UV_READABLE, line_stirs);
        line->ready(line);
    } else if (events & UV_READABLE || status < 0) {
        line->heard(line);
    }
}

/* The connection is the caller's to use from here. */
static const char *take_over(struct smtp_line *line)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(line->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
        return "the connection is gone";
    struct watcher *watcher = new_watcher(line->lines, line, fd);
    if (!watcher)
        return "no memory";
    line->poll = &watcher->poll;
    (void)uv_poll_start(line->poll, UV_READABLE, line_stirs);
    return NULL;
}

static void tell_made(CURL *easy, CURLcode result)
{
    struct smtp_line *line = NULL;
    long code = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &line);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    const char *trouble = result == CURLE_OK ? take_over(line) : curl_easy_strerror(result);
    line->made(line, result == CURLE_OK ? 0 : (int)code, trouble);
}

static void look(struct smtp_lines *lines)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(lines->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            tell_made(message->easy_handle, message->data.result);
}

static void socket_stirs(uv_poll_t *poll, int status, int events)
{
    struct watcher *watcher = (struct watcher *)poll;
    struct smtp_lines *lines = watcher->lines;
    int running, what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(lines->multi, watcher->fd, status < 0 ? CURL_CSELECT_ERR : what, &running);
    look(lines);
}

static void time_is_up(uv_timer_t *timer)
{
    struct smtp_lines *lines = timer->data;
    int running;
    (void)curl_multi_socket_action(lines->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look(lines);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct smtp_lines *lines = arg;
    (void)multi;
    if (lines->closing)
        return 0;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&lines->timer);
    else
        (void)uv_timer_start(&lines->timer, time_is_up, (uint64_t)timeout_ms, 0);
    return 0;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct smtp_lines *lines = arg;
    struct watcher *watcher = socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watcher) {
            (void)curl_multi_assign(lines->multi, fd, NULL);
            close_watcher(watcher);
        }
        return 0;
    }
    if (!watcher) {
        watcher = new_watcher(lines, NULL, fd);
        if (!watcher)
            return -1;
        (void)curl_multi_assign(lines->multi, fd, watcher);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    (void)uv_poll_start(&watcher->poll, events, socket_stirs);
    return 0;
}

/* ---- lines --------------------------------------------------------------------------------------------------------------- */

/* Of two clocks the delivery's is the first. */
static CURL *new_easy(struct smtp_lines *lines, struct smtp_line *line)
{
    const struct mailer_opts *opts = lines->opts;
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    bool good = curl_easy_setopt(easy, CURLOPT_URL, lines->url) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PRIVATE, line) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 2L * opts->timeout_ms) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_USE_SSL, lines->tls) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
                (!opts->ca_file || curl_easy_setopt(easy, CURLOPT_CAINFO, opts->ca_file) == CURLE_OK) &&
                (!opts->user || curl_easy_setopt(easy, CURLOPT_USERNAME, opts->user) == CURLE_OK) &&
                (!opts->password || curl_easy_setopt(easy, CURLOPT_PASSWORD, opts->password) == CURLE_OK);
    if (good)
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

int smtp_line_make(struct smtp_lines *lines, struct smtp_line *line)
{
    line->lines = lines;
    line->poll = NULL;
    line->easy = new_easy(lines, line);
    if (!line->easy)
        return -ENOMEM;
    if (curl_multi_add_handle(lines->multi, line->easy) == CURLM_OK)
        return 0;
    curl_easy_cleanup(line->easy);
    return -ENOMEM;
}

void smtp_line_drop(struct smtp_line *line)
{
    if (line->poll)
        close_watcher((struct watcher *)line->poll);
    (void)curl_multi_remove_handle(line->lines->multi, line->easy);     /* closes the connection, and asks nobody */
    curl_easy_cleanup(line->easy);
}

ssize_t smtp_line_read(struct smtp_line *line, char *buf, size_t size)
{
    size_t n = 0;
    CURLcode result = curl_easy_recv(line->easy, buf, size, &n);
    return result == CURLE_OK ? (ssize_t)n : result == CURLE_AGAIN ? -EAGAIN : -EIO;
}

ssize_t smtp_line_write(struct smtp_line *line, const char *buf, size_t size)
{
    size_t n = 0;
    CURLcode result = curl_easy_send(line->easy, buf, size, &n);
    if (result != CURLE_OK && result != CURLE_AGAIN)
        return -EIO;
    if (n > 0)
        return (ssize_t)n;
    (void)uv_poll_start(line->poll, UV_READABLE | UV_WRITABLE, line_stirs);
    return -EAGAIN;
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

static bool is_local(const char *host)
{
    struct in_addr address;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && inet_pton(AF_INET, host, &address) == 1);
}

/* Name and password would be seen by whoever sees the command line. */
static bool has_part(CURLU *parts, CURLUPart which)
{
    char *part = NULL;
    bool has = curl_url_get(parts, which, &part, 0) == CURLUE_OK && strcmp(part, "/") != 0;
    curl_free(part);
    return has;
}

bool smtp_is_url(const char *url, bool *ret_local)
{
    char *host = NULL;
    CURLU *parts = curl_url();
    bool good = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK && !has_part(parts, CURLUPART_USER) &&
                !has_part(parts, CURLUPART_PATH) && !has_part(parts, CURLUPART_QUERY) && !has_part(parts, CURLUPART_FRAGMENT) &&
                curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host;
    if (good)
        *ret_local = is_local(host);
    curl_free(host);
    curl_url_cleanup(parts);
    return good;
}

static long tls_of(const char *starttls)
{
    return strcmp(starttls, "require") == 0 ? CURLUSESSL_ALL : strcmp(starttls, "try") == 0 ? CURLUSESSL_TRY : CURLUSESSL_NONE;
}

int smtp_lines_open(uv_loop_t *loop, const struct mailer_opts *opts, struct smtp_lines **ret_lines)
{
    struct smtp_lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return -ENOMEM;
    lines->loop = loop;
    lines->opts = opts;
    lines->tls = tls_of(opts->starttls);
    /* The path is what we call ourselves in EHLO. */
    size_t size = strlen(opts->to);
    size -= opts->to[size - 1] == '/';
    snprintf(lines->url, sizeof lines->url, "%.*s/%s", (int)size, opts->to, strchr(opts->from, '@') + 1);
    lines->multi = curl_multi_init();
    if (!lines->multi) {
        free(lines);
        return -ENOMEM;
    }
    (void)uv_timer_init(loop, &lines->timer);
    lines->timer.data = lines;
    lines->open_handles = 1;
    (void)curl_multi_setopt(lines->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    (void)curl_multi_setopt(lines->multi, CURLMOPT_SOCKETDATA, lines);
    (void)curl_multi_setopt(lines->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    (void)curl_multi_setopt(lines->multi, CURLMOPT_TIMERDATA, lines);
    (void)curl_multi_setopt(lines->multi, CURLMOPT_MAXCONNECTS, (long)opts->in_flight + 16);
    *ret_lines = lines;
    return 0;
}

static void timer_closed(uv_handle_t *handle)
{
    free_lines_at_last(handle->data);
}

void smtp_lines_close(struct smtp_lines *lines)
{
    lines->closing = true;
    (void)curl_multi_cleanup(lines->multi);
    uv_close((uv_handle_t *)&lines->timer, timer_closed);
}
