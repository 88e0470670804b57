/* gateway.c - a charge is a transfer of libcurl; transfers are used again, warm, for other charges.
 *
 * Was anything sent? on_sending() is called by libcurl when a connection is there (and TLS is agreed) and before the request goes out:
 * what fails before the first of these calls has charged nobody, whatever the error is called. Later errors are CHARGE_UNKNOWN: also
 * where a connection that was kept alive has died and libcurl, by itself, asks again over a new one (with the same key) that fails. */
#include "gateway/gateway.h"

#include "gateway/multi.h"
#include "gateway/verdict.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 3000, TOTAL_MS = 20000, CONNECTIONS = 4096, BODY_MAX = 64 * 1024, BODY_ROOM = 4096, FORM_MAX = 2048, KEY_MAX = 255 };
static const char api_version[] = "Stripe-Version: 2023-10-16";
static const char key_header[] = "Idempotency-Key: ";
static const char intents_path[] = "/v1/payment_intents";

enum kind { KIND_NONE, KIND_CHARGE, KIND_LOOKUP };
struct transfer {
    struct transfer *next;              /* in gateway->all, always */
    struct transfer *free;              /* in gateway->free, at rest */
    struct gateway *gateway;
    struct charge *charge;              /* NULL: at rest */
    CURL *easy;
    enum kind kind;                     /* which the options of `easy` are for */
    bool was_sent, is_too_big;
    char *body;
    size_t size, room;
    struct curl_slist key;              /* the header that differs, before those that all have */
    char key_line[sizeof key_header + KEY_MAX], form[FORM_MAX], error[CURL_ERROR_SIZE];
};
struct gateway {
    struct multi multi;
    uv_timer_t soon;                    /* tells of charges that could not even begin */
    struct charge *refused;             /* linked by `transfer` */
    struct transfer *all, *free;
    struct curl_slist *headers, *post_headers;
    char *url, *ca_file;
    uint32_t connect_ms, total_ms, connections, open;
};

static _Thread_local char trouble[160];

const char *gateway_trouble(void)
{
    return trouble;
}

static int fail(int r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(int r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(trouble, sizeof trouble, fmt, args);
    va_end(args);
    return r;
}

/* ---- what libcurl calls ---- */

static size_t on_body(char *part, size_t one, size_t size, void *arg)
{
    struct transfer *transfer = arg;
    (void)one;
    if (size > BODY_MAX - transfer->size) {
        transfer->is_too_big = true;
        return 0;
    }
    if (size > transfer->room - transfer->size) {
        char *wider = realloc(transfer->body, BODY_MAX);
        if (!wider)
            return 0;
        transfer->body = wider;
        transfer->room = BODY_MAX;
    }
    memcpy(transfer->body + transfer->size, part, size);
    transfer->size += size;
    return size;
}

static int on_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct transfer *transfer = arg;
    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    transfer->was_sent = true;
    return CURL_PREREQFUNC_OK;
}

/* ---- transfers ---- */

static void set_options(struct transfer *transfer)
{
    const struct gateway *gateway = transfer->gateway;
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, strncmp(gateway->url, "https:", 6) == 0 ? "https" : "http");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);      /* a connection that dies takes one charge with it */
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (gateway->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, gateway->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);       /* without it the certificates are read once for all connections */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)gateway->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)gateway->total_ms);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "prong-shop");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
}

static struct transfer *transfer_new(struct gateway *gateway)
{
    struct transfer *transfer = gateway->free;
    if (transfer) {
        gateway->free = transfer->free;
        return transfer;
    }
    transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return NULL;
    transfer->gateway = gateway;
    transfer->easy = curl_easy_init();
    transfer->body = malloc(BODY_ROOM);
    if (!transfer->easy || !transfer->body) {
        curl_easy_cleanup(transfer->easy);
        free(transfer->body);
        free(transfer);
        return NULL;
    }
    transfer->room = BODY_ROOM;
    transfer->key = (struct curl_slist){ transfer->key_line, gateway->post_headers };
    set_options(transfer);
    multi_prepare(&gateway->multi, transfer->easy);
    transfer->next = gateway->all;
    gateway->all = transfer;
    return transfer;
}

static void transfer_rest(struct transfer *transfer)
{
    struct gateway *gateway = transfer->gateway;
    transfer->charge = NULL;
    if (transfer->room > BODY_ROOM) {
        char *smaller = realloc(transfer->body, BODY_ROOM);
        transfer->body = smaller ? smaller : transfer->body;
        transfer->room = BODY_ROOM;
    }
    transfer->free = gateway->free;
    gateway->free = transfer;
}

static void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    free(transfer->body);
    free(transfer);
}

/* ---- the end of a charge ---- */

static void judge_failure(struct transfer *transfer, CURLcode result)
{
    static const struct name {
        CURLcode result;
        const char *code;
    } names[] = {
        { CURLE_COULDNT_RESOLVE_HOST, "resolve" }, { CURLE_COULDNT_CONNECT, "connect" }, { CURLE_OPERATION_TIMEDOUT, "timeout" },
        { CURLE_SSL_CONNECT_ERROR, "tls" }, { CURLE_PEER_FAILED_VERIFICATION, "tls" }, { CURLE_SSL_CACERT_BADFILE, "ca_file" },
        { CURLE_PARTIAL_FILE, "half" }, { CURLE_GOT_NOTHING, "no_answer" }, { CURLE_RECV_ERROR, "reset" }, { CURLE_SEND_ERROR, "reset" },
        { CURLE_WEIRD_SERVER_REPLY, "garbage" }, { CURLE_UNSUPPORTED_PROTOCOL, "garbage" },
    };
    const char *code = transfer->is_too_big ? "too_big" : "transport";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].result == result)
            code = names[i].code;
    verdict_set(transfer->charge, transfer->was_sent ? CHARGE_UNKNOWN : CHARGE_NOT_YET, code,
                transfer->is_too_big ? "the gateway's answer is too big" : *transfer->error ? transfer->error : curl_easy_strerror(result));
}

static void judge(struct transfer *transfer, CURLcode result)
{
    struct charge *charge = transfer->charge;
    long status = 0;
    curl_off_t retry_after = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    charge->http_status = (int)status;
    if (result != CURLE_OK)
        judge_failure(transfer, result);
    else if (transfer->kind == KIND_LOOKUP)
        verdict_of_lookup(charge, (int)status, transfer->body, transfer->size);
    else
        verdict_of_charge(charge, (int)status, transfer->body, transfer->size);
    if (transfer->kind == KIND_LOOKUP && charge->outcome == CHARGE_NOT_YET)
        charge->outcome = CHARGE_UNKNOWN;
    if (status >= 400)
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    charge->retry_after_ms = (int64_t)retry_after * 1000;
}

static void on_done(CURL *easy, CURLcode result, void *arg)
{
    char *slot;
    (void)arg;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
    struct transfer *transfer = (struct transfer *)(void *)slot;
    struct charge *charge = transfer->charge;
    judge(transfer, result);
    charge->transfer = NULL;
    transfer_rest(transfer);
    charge->done(charge);
}

/* ---- the beginning ---- */

static void on_soon(uv_timer_t *timer)
{
    struct gateway *gateway = timer->data;
    while (gateway->refused) {
        struct charge *charge = gateway->refused;
        gateway->refused = charge->transfer;
        charge->transfer = NULL;
        charge->done(charge);
    }
}

/* Tells it from the loop, in order. */
static void refuse(struct gateway *gateway, struct charge *charge, enum charge_outcome outcome, const char *code, const char *message)
{
    struct charge *last = gateway->refused;
    while (last && last->transfer)
        last = last->transfer;
    if (last)
        last->transfer = charge;
    else
        gateway->refused = charge;
    charge->transfer = NULL;
    verdict_set(charge, outcome, code, message);
    (void)uv_timer_start(&gateway->soon, on_soon, 0, 0);
}

static bool is_visible(const char *text, size_t most)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (n == most || !isascii(text[n]) || !isgraph((unsigned char)text[n]))
            return false;
    return n > 0;
}

/* Adds text with everything but letters and figures as %XX; false: no room. */
static bool add_encoded(char *form, size_t *size, size_t room, const char *text)
{
    static const char figures[] = "0123456789ABCDEF";
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (room - *size < 4)
            return false;
        if (isascii(c) && (isalnum(c) || c == '_' || c == '-')) {
            form[(*size)++] = (char)c;
        } else {
            form[(*size)++] = '%';
            form[(*size)++] = figures[c >> 4];
            form[(*size)++] = figures[c & 15];
        }
    }
    form[*size] = '\0';
    return true;
}

/* `head` as it is, then `text` encoded. */
static bool add_pair(char *form, size_t *size, size_t room, const char *head, const char *text)
{
    size_t n = strlen(head);
    if (n >= room - *size)
        return false;
    memcpy(form + *size, head, n + 1);
    *size += n;
    return add_encoded(form, size, room, text);
}

/* error_on_requires_action: an intent that waits for the customer is no use to us; it shall be a decline. */
static bool write_form(struct transfer *transfer, const struct charge *charge)
{
    char amount[24], *form = transfer->form;
    size_t size = 0;
    (void)snprintf(amount, sizeof amount, "%lld", (long long)charge->amount_cents);
    if (!add_pair(form, &size, FORM_MAX, "confirm=true&error_on_requires_action=true&payment_method_types[]=card&amount=", amount) ||
        !add_pair(form, &size, FORM_MAX, "&currency=", charge->currency) ||
        !add_pair(form, &size, FORM_MAX, "&payment_method=", charge->method) ||
        !add_pair(form, &size, FORM_MAX, "&metadata[order]=", charge->order))
        return false;
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)size);
    return true;
}

static bool prepare_charge(struct transfer *transfer, const struct charge *charge)
{
    if (transfer->kind != KIND_CHARGE) {
        char url[1024];
        (void)snprintf(url, sizeof url, "%s%s", transfer->gateway->url, intents_path);
        curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
        curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->form);
        curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, &transfer->key);
        transfer->kind = KIND_CHARGE;
    }
    if (!is_visible(charge->key, KEY_MAX))
        return false;
    (void)snprintf(transfer->key_line, sizeof transfer->key_line, "%s%s", key_header, charge->key);
    return write_form(transfer, charge);
}

static bool prepare_lookup(struct transfer *transfer, const struct charge *charge)
{
    char url[4096];
    size_t size = 0;
    if (!add_pair(url, &size, sizeof url, transfer->gateway->url, "") || !add_pair(url, &size, sizeof url, intents_path, "") ||
        !add_pair(url, &size, sizeof url, "/search?query=", "metadata[\"order\"]:\"") || !add_pair(url, &size, sizeof url, "", charge->order) ||
        !add_pair(url, &size, sizeof url, "", "\""))
        return false;
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->gateway->headers);
    transfer->kind = KIND_LOOKUP;
    return true;
}

static void begin(struct gateway *gateway, struct charge *charge, enum kind kind)
{
    enum charge_outcome nothing = kind == KIND_LOOKUP ? CHARGE_UNKNOWN : CHARGE_NOT_YET;
    charge->intent[0] = '\0';
    charge->http_status = 0;
    charge->retry_after_ms = 0;
    struct transfer *transfer = transfer_new(gateway);
    if (!transfer) {
        refuse(gateway, charge, nothing, "memory", "out of memory");
        return;
    }
    transfer->was_sent = transfer->is_too_big = false;
    transfer->size = 0;
    transfer->error[0] = '\0';
    if (!(kind == KIND_CHARGE ? prepare_charge : prepare_lookup)(transfer, charge)) {
        transfer_rest(transfer);
        refuse(gateway, charge, nothing, "bad_request", "the key or a text of the charge is too long or not printable");
    } else if (multi_add(&gateway->multi, transfer->easy) < 0) {
        transfer_rest(transfer);
        refuse(gateway, charge, nothing, "memory", "out of memory");
    } else {
        transfer->charge = charge;
        charge->transfer = transfer;
    }
}

void gateway_charge(struct gateway *gateway, struct charge *charge)
{
    begin(gateway, charge, KIND_CHARGE);
}

void gateway_lookup(struct gateway *gateway, struct charge *charge)
{
    begin(gateway, charge, KIND_LOOKUP);
}

void gateway_abandon(struct gateway *gateway, struct charge *charge)
{
    for (struct charge *at = gateway->refused, *before = NULL; at; before = at, at = at->transfer)
        if (at == charge) {
            if (before)
                before->transfer = charge->transfer;
            else
                gateway->refused = charge->transfer;
            charge->transfer = NULL;
            return;
        }
    struct transfer *transfer = charge->transfer;
    if (!transfer)
        return;
    charge->transfer = NULL;
    multi_remove(&gateway->multi, transfer->easy);
    transfer_rest(transfer);
}

/* ---- opening and closing ---- */

static bool is_loopback(const char *host)
{
    struct sockaddr_in v4;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (uv_ip4_addr(host, 0, &v4) == 0 && (ntohl(v4.sin_addr.s_addr) >> 24) == 127);
}

static char *part_of(CURLU *url, CURLUPart part)
{
    char *text;
    return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

/* What may be charged at: a scheme, a host, perhaps a port and a path. */
static int check_url(const char *text)
{
    CURLU *url = curl_url();
    if (!url)
        return fail(-ENOMEM, "out of memory");
    int r = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK ? 0 : fail(-EINVAL, "%.80s is no URL", text);
    if (r == 0) {
        char *scheme = part_of(url, CURLUPART_SCHEME), *host = part_of(url, CURLUPART_HOST), *user = part_of(url, CURLUPART_USER);
        char *query = part_of(url, CURLUPART_QUERY), *fragment = part_of(url, CURLUPART_FRAGMENT);
        bool is_https = scheme && strcmp(scheme, "https") == 0, is_http = scheme && strcmp(scheme, "http") == 0;
        if (!is_https && !is_http)
            r = fail(-EINVAL, "the gateway's URL begins with https://, or with http:// for one on this machine");
        else if (is_http && !is_loopback(host))
            r = fail(-EINVAL, "%.80s: http is for a gateway on this machine; elsewhere it is https", text);
        else if (user || query || fragment)
            r = fail(-EINVAL, "the gateway's URL has no user, no ? and no #");
        curl_free(scheme);
        curl_free(host);
        curl_free(user);
        curl_free(query);
        curl_free(fragment);
    }
    curl_url_cleanup(url);
    return r;
}

/* post_headers: those of all requests, behind one of its own. The key stands in one line, which wipe() finds. */
static int make_headers(struct gateway *gateway, const char *key)
{
    char line[sizeof "Authorization: Bearer " + KEY_MAX];
    (void)snprintf(line, sizeof line, "Authorization: Bearer %s", key);
    const char *const lines[] = { "Content-Type: application/x-www-form-urlencoded", line, api_version };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *more = curl_slist_append(gateway->post_headers, lines[i]);
        if (!more)
            break;
        gateway->post_headers = more;
    }
    sodium_memzero(line, sizeof line);
    gateway->headers = gateway->post_headers ? gateway->post_headers->next : NULL;
    return gateway->headers && gateway->headers->next ? 0 : fail(-ENOMEM, "out of memory");
}

static void wipe(struct gateway *gateway)
{
    if (gateway->headers)
        sodium_memzero(gateway->headers->data, strlen(gateway->headers->data));
    curl_slist_free_all(gateway->post_headers);
    free(gateway->url);
    free(gateway->ca_file);
    free(gateway);
    curl_global_cleanup();
}

static void on_closed(void *arg)
{
    struct gateway *gateway = arg;
    if (--gateway->open == 0)
        wipe(gateway);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_closed(handle->data);
}

static int copy_options(struct gateway *gateway, const struct gateway_opts *opts)
{
    size_t size = strlen(opts->url);
    while (size > 0 && opts->url[size - 1] == '/')
        size--;
    gateway->url = strndup(opts->url, size);
    gateway->ca_file = opts->ca_file ? strdup(opts->ca_file) : NULL;
    gateway->connect_ms = opts->connect_ms ? opts->connect_ms : CONNECT_MS;
    gateway->total_ms = opts->total_ms ? opts->total_ms : TOTAL_MS;
    gateway->connections = opts->connections ? opts->connections : CONNECTIONS;
    if (!gateway->url || (opts->ca_file && !gateway->ca_file))
        return fail(-ENOMEM, "out of memory");
    return make_headers(gateway, opts->key);
}

int gateway_open(uv_loop_t *loop, const struct gateway_opts *opts, struct gateway **ret_gateway)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fail(-ENOMEM, "libcurl does not start");
    int r = check_url(opts->url);
    if (r == 0 && !is_visible(opts->key, KEY_MAX))
        r = fail(-EINVAL, "the gateway's key is empty, too long or has characters that no key has");
    if (r == 0 && strlen(opts->url) > 512)
        r = fail(-EINVAL, "the gateway's URL is too long");
    if (r < 0) {
        curl_global_cleanup();
        return r;
    }
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (!gateway) {
        curl_global_cleanup();
        return fail(-ENOMEM, "out of memory");
    }
    r = copy_options(gateway, opts);
    gateway->multi = (struct multi){ .done = on_done, .closed = on_closed, .arg = gateway };
    if (r == 0 && multi_open(&gateway->multi, loop) < 0)
        r = fail(-ENOMEM, "out of memory");
    if (r < 0) {
        wipe(gateway);
        return r;
    }
    curl_multi_setopt(gateway->multi.handle, CURLMOPT_MAX_HOST_CONNECTIONS, (long)gateway->connections);
    curl_multi_setopt(gateway->multi.handle, CURLMOPT_MAXCONNECTS, (long)gateway->connections);
    (void)uv_timer_init(loop, &gateway->soon);
    gateway->soon.data = gateway;
    gateway->open = 2;
    *ret_gateway = gateway;
    return 0;
}

void gateway_close(struct gateway *gateway)
{
    if (!gateway)
        return;
    for (struct transfer *transfer = gateway->all, *next; transfer; transfer = next) {
        next = transfer->next;
        transfer_free(transfer);
    }
    uv_close((uv_handle_t *)&gateway->soon, on_timer_closed);
    multi_close(&gateway->multi);
}
