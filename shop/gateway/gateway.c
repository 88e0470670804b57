/* gateway.c - a charge is a transfer of libcurl; transfers are used again, warm, for other charges.
 *
 * Was anything sent? on_sending() is called by libcurl when a connection is there (and TLS is agreed) and before the request goes out:
 * what fails before the first of these calls has charged nobody, whatever the error is called. Later errors are CHARGE_UNKNOWN: also
 * where a connection that was kept alive has died and libcurl, by itself, asks again over a new one (with the same key) that fails.
 *
 * How many at once: as many as may have connections; the others wait in line. While the gateway has not been reached, a few try for all
 * (each may cost a thread that resolves its name), and if one cannot get there, those in line learn that at once.
 *
 * libcurl looks for a connection that is free by going through all that there are. So transfers share them in groups: with 4,000 under
 * way that saves half of the processor time of a charge. The first group with a transfer at rest is the one that is used, so those behind
 * it fall idle when there is less to do. A group that has been idle for a while is closed, with its connections: their other side would
 * close them soon, and perhaps just when a charge is sent. */
#include "gateway/gateway.h"
#include "base/trouble.h"

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

enum { CONNECT_MS = 3000, TOTAL_MS = 20000, CONNECTIONS = 4096, IDLE_MS = 30000, SCOUTS = 16, GROUP = 64 };
enum { BODY_MAX = 64 * 1024, BODY_ROOM = 4096, FORM_MAX = 640, KEY_MAX = 255 };
static const char api_version[] = "Stripe-Version: 2023-10-16";
static const char key_header[] = "Idempotency-Key: ";
static const char intents_path[] = "/v1/payment_intents";

enum kind { KIND_NONE, KIND_CHARGE, KIND_LOOKUP, KINDS };
struct transfer {
    struct transfer *next;              /* of its group's that are at rest */
    struct gateway *gateway;
    struct group *group;
    struct charge *charge;              /* NULL: at rest */
    CURL *easy;
    enum kind kind;                     /* which the options of `easy` are for */
    bool was_sent, is_too_big;
    char *body;                         /* from its first byte to the end of the charge */
    size_t size, room;
    struct curl_slist key;              /* the header that differs, before those that all have */
    char key_line[sizeof key_header + KEY_MAX], form[FORM_MAX], error[CURL_ERROR_SIZE];
};
struct group {
    struct group *next;
    CURLSH *connections;
    struct transfer *rest;
    uint32_t running;
    bool was_used;                      /* since trim() last came by */
};
struct line {                           /* of charges, linked by their `transfer` */
    struct charge *first, *last;
};
struct gateway {
    struct multi multi;
    uv_timer_t idle;                    /* looks for idle groups */
    uv_timer_t soon;                    /* does what must not be done inside of a call: tells of those refused, lets those waiting begin */
    struct line refused, waiting[KINDS];
    struct group *groups;               /* in the order in which they were needed */
    uint32_t running;
    bool is_reached;
    char *spare;                        /* BODY_ROOM bytes for the next body; NULL: none */
    struct curl_slist *headers, *post_headers;
    char *url, *ca_file;
    uint32_t connect_ms, total_ms, idle_ms, connections;
    uint32_t open;                      /* handles of the loop; the last one frees this */
};

/* ---- what libcurl calls ---- */

/* Most answers fit into BODY_ROOM, and come and go at once: one spare piece of memory serves them all. */
static bool has_room(struct transfer *transfer, size_t size)
{
    struct gateway *gateway = transfer->gateway;
    if (size <= transfer->room - transfer->size)
        return true;
    if (!transfer->body && size <= BODY_ROOM) {
        transfer->body = gateway->spare ? gateway->spare : malloc(BODY_ROOM);
        gateway->spare = NULL;
        transfer->room = transfer->body ? BODY_ROOM : 0;
        return transfer->body;
    }
    char *wider = realloc(transfer->body, BODY_MAX);
    if (!wider)
        return false;
    transfer->body = wider;
    transfer->room = BODY_MAX;
    return true;
}

static void drop_body(struct transfer *transfer)
{
    struct gateway *gateway = transfer->gateway;
    if (transfer->room == BODY_ROOM && !gateway->spare)
        gateway->spare = transfer->body;
    else
        free(transfer->body);
    transfer->body = NULL;
    transfer->room = transfer->size = 0;
}

static size_t on_body(char *part, size_t one, size_t size, void *arg)
{
    struct transfer *transfer = arg;
    (void)one;
    transfer->is_too_big = size > BODY_MAX - transfer->size;
    if (transfer->is_too_big || !has_room(transfer, size))
        return 0;
    memcpy(transfer->body + transfer->size, part, size);
    transfer->size += size;
    return size;
}

static void on_soon(uv_timer_t *timer);

static int on_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct transfer *transfer = arg;
    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    struct gateway *gateway = transfer->gateway;
    transfer->was_sent = true;
    if (!gateway->is_reached)
        (void)uv_timer_start(&gateway->soon, on_soon, 0, 0);
    gateway->is_reached = true;
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
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 2048L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "prong-shop");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
}

static struct group *group_new(struct gateway *gateway)
{
    struct group *group = calloc(1, sizeof *group), **end = &gateway->groups;
    CURLSH *connections = group ? curl_share_init() : NULL;
    if (!connections) {
        free(group);
        return NULL;
    }
    curl_share_setopt(connections, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    group->connections = connections;
    while (*end)
        end = &(*end)->next;
    *end = group;
    return group;
}

/* With all of it at rest. */
static void group_free(struct group *group)
{
    for (struct transfer *transfer = group->rest, *next; transfer; transfer = next) {
        next = transfer->next;
        curl_easy_cleanup(transfer->easy);
        free(transfer);
    }
    (void)curl_share_cleanup(group->connections);
    free(group);
}

static struct transfer *transfer_new(struct gateway *gateway, struct group *group)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    CURL *easy = transfer ? curl_easy_init() : NULL;
    if (!easy) {
        free(transfer);
        return NULL;
    }
    transfer->gateway = gateway;
    transfer->group = group;
    transfer->easy = easy;
    transfer->key = (struct curl_slist){ transfer->key_line, gateway->post_headers };
    set_options(transfer);
    curl_easy_setopt(easy, CURLOPT_SHARE, group->connections);
    multi_prepare(&gateway->multi, easy);
    return transfer;
}

static struct transfer *transfer_take(struct gateway *gateway)
{
    struct group *group = gateway->groups;
    while (group && group->running == GROUP)
        group = group->next;
    if (!group)
        group = group_new(gateway);
    if (!group)
        return NULL;
    struct transfer *transfer = group->rest;
    if (transfer)
        group->rest = transfer->next;
    else
        transfer = transfer_new(gateway, group);
    if (transfer) {
        group->running++;
        group->was_used = true;
        gateway->running++;
    }
    return transfer;
}

static void transfer_rest(struct transfer *transfer)
{
    struct group *group = transfer->group;
    drop_body(transfer);
    transfer->charge = NULL;
    transfer->next = group->rest;
    group->rest = transfer;
    group->running--;
    transfer->gateway->running--;
}

static void trim(uv_timer_t *timer)
{
    struct gateway *gateway = timer->data;
    for (struct group **at = &gateway->groups, *group; (group = *at);) {
        if (group->running == 0 && !group->was_used) {
            *at = group->next;
            group_free(group);
        } else {
            group->was_used = false;
            at = &group->next;
        }
    }
}

/* ---- lines ---- */

static void line_add(struct line *line, struct charge *charge)
{
    charge->transfer = NULL;
    if (line->first)
        line->last->transfer = charge;
    else
        line->first = charge;
    line->last = charge;
}

static struct charge *line_take(struct line *line)
{
    struct charge *charge = line->first;
    if (charge) {
        line->first = charge->transfer;
        charge->transfer = NULL;
    }
    return charge;
}

/* False: it is not in. */
static bool line_leave(struct line *line, struct charge *charge)
{
    for (struct charge *at = line->first, *before = NULL; at; before = at, at = at->transfer)
        if (at == charge) {
            if (before)
                before->transfer = charge->transfer;
            else
                line->first = charge->transfer;
            if (line->last == charge)
                line->last = before;
            charge->transfer = NULL;
            return true;
        }
    return false;
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

static void serve_waiting(struct gateway *gateway);
static void refuse_waiting(struct gateway *gateway, const struct charge *why);

static void on_done(CURL *easy, CURLcode result, void *arg)
{
    char *slot;
    (void)arg;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
    struct transfer *transfer = (struct transfer *)(void *)slot;
    struct gateway *gateway = transfer->gateway;
    struct charge *charge = transfer->charge;
    judge(transfer, result);
    if (!transfer->was_sent) {
        gateway->is_reached = false;
        refuse_waiting(gateway, charge);
    }
    charge->transfer = NULL;
    transfer_rest(transfer);
    charge->done(charge);
    serve_waiting(gateway);
}

/* ---- the beginning ---- */

static void on_soon(uv_timer_t *timer)
{
    struct gateway *gateway = timer->data;
    struct charge *charge;
    while ((charge = line_take(&gateway->refused)))
        charge->done(charge);
    serve_waiting(gateway);
}

/* Tells it from the loop, in order. */
static void refuse(struct gateway *gateway, struct charge *charge, enum charge_outcome outcome, const char *code, const char *message)
{
    verdict_set(charge, outcome, code, message);
    line_add(&gateway->refused, charge);
    (void)uv_timer_start(&gateway->soon, on_soon, 0, 0);
}

/* What has been found out by one of them is true for all. */
static void refuse_waiting(struct gateway *gateway, const struct charge *why)
{
    for (int kind = KIND_CHARGE; kind < KINDS; kind++) {
        struct charge *charge;
        while ((charge = line_take(&gateway->waiting[kind])))
            refuse(gateway, charge, kind == KIND_LOOKUP ? CHARGE_UNKNOWN : CHARGE_NOT_YET, why->code, why->message);
    }
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
        !add_pair(url, &size, sizeof url, "/search?query=", "metadata[\"order\"]:\"") ||
        !add_pair(url, &size, sizeof url, "", charge->order) ||
        !add_pair(url, &size, sizeof url, "", "\""))
        return false;
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->gateway->headers);
    transfer->kind = KIND_LOOKUP;
    return true;
}

static void start(struct gateway *gateway, struct charge *charge, enum kind kind)
{
    enum charge_outcome nothing = kind == KIND_LOOKUP ? CHARGE_UNKNOWN : CHARGE_NOT_YET;
    struct transfer *transfer = transfer_take(gateway);
    if (!transfer) {
        refuse(gateway, charge, nothing, "memory", "out of memory");
        return;
    }
    transfer->was_sent = transfer->is_too_big = false;
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

static bool may_start(const struct gateway *gateway)
{
    uint32_t most = gateway->is_reached || gateway->connections < SCOUTS ? gateway->connections : (uint32_t)SCOUTS;
    return gateway->running < most;
}

static void serve_waiting(struct gateway *gateway)
{
    for (enum kind kind = KIND_CHARGE; kind < KINDS; kind++) {
        struct charge *charge;
        while (may_start(gateway) && (charge = line_take(&gateway->waiting[kind])))
            start(gateway, charge, kind);
    }
}

static void begin(struct gateway *gateway, struct charge *charge, enum kind kind)
{
    charge->intent[0] = '\0';
    charge->http_status = 0;
    charge->retry_after_ms = 0;
    if (may_start(gateway) && !gateway->waiting[kind].first)
        start(gateway, charge, kind);
    else
        line_add(&gateway->waiting[kind], charge);
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
    if (line_leave(&gateway->refused, charge))
        return;
    for (enum kind kind = KIND_CHARGE; kind < KINDS; kind++)
        if (line_leave(&gateway->waiting[kind], charge))
            return;
    struct transfer *transfer = charge->transfer;
    if (!transfer)
        return;
    charge->transfer = NULL;
    multi_remove(&gateway->multi, transfer->easy);
    transfer_rest(transfer);
    serve_waiting(gateway);
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
        return trouble_say(-ENOMEM, "out of memory");
    int r = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK ? 0 : trouble_say(-EINVAL, "%.80s is no URL", text);
    if (r == 0) {
        char *scheme = part_of(url, CURLUPART_SCHEME), *host = part_of(url, CURLUPART_HOST), *user = part_of(url, CURLUPART_USER);
        char *query = part_of(url, CURLUPART_QUERY), *fragment = part_of(url, CURLUPART_FRAGMENT);
        bool is_https = scheme && strcmp(scheme, "https") == 0, is_http = scheme && strcmp(scheme, "http") == 0;
        if (!is_https && !is_http)
            r = trouble_say(-EINVAL, "the gateway's URL begins with https://, or with http:// for one on this machine");
        else if (is_http && !is_loopback(host))
            r = trouble_say(-EINVAL, "%.80s: http is for a gateway on this machine; elsewhere it is https", text);
        else if (user || query || fragment)
            r = trouble_say(-EINVAL, "the gateway's URL has no user, no ? and no #");
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
    return gateway->headers && gateway->headers->next ? 0 : trouble_say(-ENOMEM, "out of memory");
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
    gateway->idle_ms = opts->idle_ms ? opts->idle_ms : IDLE_MS;
    gateway->connections = opts->connections ? opts->connections : CONNECTIONS;
    if (!gateway->url || (opts->ca_file && !gateway->ca_file))
        return trouble_say(-ENOMEM, "out of memory");
    return make_headers(gateway, opts->key);
}

int gateway_open(uv_loop_t *loop, const struct gateway_opts *opts, struct gateway **ret_gateway)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return trouble_say(-ENOMEM, "libcurl does not start");
    int r = check_url(opts->url);
    if (r == 0 && !is_visible(opts->key, KEY_MAX))
        r = trouble_say(-EINVAL, "the gateway's key is empty, too long or has characters that no key has");
    if (r == 0 && strlen(opts->url) > 512)
        r = trouble_say(-EINVAL, "the gateway's URL is too long");
    if (r < 0) {
        curl_global_cleanup();
        return r;
    }
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (!gateway) {
        curl_global_cleanup();
        return trouble_say(-ENOMEM, "out of memory");
    }
    r = copy_options(gateway, opts);
    gateway->multi = (struct multi){ .done = on_done, .closed = on_closed, .arg = gateway };
    if (r == 0 && multi_open(&gateway->multi, loop) < 0)
        r = trouble_say(-ENOMEM, "out of memory");
    if (r < 0) {
        wipe(gateway);
        return r;
    }
    curl_multi_setopt(gateway->multi.handle, CURLMOPT_MAXCONNECTS, (long)gateway->connections);
    (void)uv_timer_init(loop, &gateway->soon);
    (void)uv_timer_init(loop, &gateway->idle);
    gateway->soon.data = gateway->idle.data = gateway;
    gateway->open = 3;
    (void)uv_timer_start(&gateway->idle, trim, gateway->idle_ms, gateway->idle_ms);
    uv_unref((uv_handle_t *)&gateway->idle);
    *ret_gateway = gateway;
    return 0;
}

void gateway_close(struct gateway *gateway)
{
    if (!gateway)
        return;
    for (struct group *group = gateway->groups, *next; group; group = next) {
        next = group->next;
        group_free(group);
    }
    free(gateway->spare);
    uv_close((uv_handle_t *)&gateway->soon, on_timer_closed);
    uv_close((uv_handle_t *)&gateway->idle, on_timer_closed);
    multi_close(&gateway->multi);
}
