/* customers.c - one libcurl multi for all of them: each has its order under way, then looks at its page every few milliseconds. */
#include "command/demo/customers.h"

#include "base/clock.h"
#include "base/token.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 20, HTTP_CREATED = 201, HTTP_PAYMENT_REQUIRED = 402, BODY_MAX = 16384 };
static const int64_t patience_ms = 60000;   /* for the receipt */

enum doing { ORDERING, PAUSING, LOOKING, DONE };

struct seat {
    struct customer customer;   /* what is told of it */
    enum doing doing;
    CURL *easy;
    struct curl_slist *headers;
    char order[512], body[BODY_MAX];
    size_t size;                /* of the body */
    char token[TOKEN_TEXT_SIZE];
    int64_t answered_ms, look_ms;
};

struct room {
    const struct customers_opts *opts;
    CURLM *multi;
    struct seat *seats;
    uint32_t told;
    int wrong;
};

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

static size_t on_bytes(char *bytes, size_t one, size_t n, void *arg)
{
    struct seat *seat = arg;
    if (one * n > BODY_MAX - 1 - seat->size)
        return 0;
    memcpy(seat->body + seat->size, bytes, one * n);
    seat->size += one * n;
    seat->body[seat->size] = '\0';
    return one * n;
}

static void send_request(struct room *room, struct seat *seat, const char *path, const char *body)
{
    char url[512];
    snprintf(url, sizeof url, "%s%s", room->opts->url, path);
    seat->size = 0;
    (void)curl_easy_setopt(seat->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(seat->easy, CURLOPT_PRIVATE, seat);
    (void)curl_easy_setopt(seat->easy, CURLOPT_HTTPHEADER, seat->headers);
    (void)curl_easy_setopt(seat->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(seat->easy, CURLOPT_WRITEDATA, seat);
    (void)curl_easy_setopt(seat->easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(seat->easy, CURLOPT_NOSIGNAL, 1L);
    if (body)
        (void)curl_easy_setopt(seat->easy, CURLOPT_POSTFIELDS, body);
    else
        (void)curl_easy_setopt(seat->easy, CURLOPT_HTTPGET, 1L);
    (void)curl_multi_add_handle(room->multi, seat->easy);
}

static void order(struct room *room, struct seat *seat, uint32_t i)
{
    static const char *const skus[] = { "TSHIRT-RED-M", "TSHIRT-BLUE-S", "TSHIRT-GREEN-XL", "TSHIRT-BLACK-L" };
    struct customer *c = &seat->customer;
    bool is_slow = i > 0 && i == room->opts->orders - 1, is_declined = i > 0 && i + 2 == room->opts->orders;
    c->sku = skus[i % 4];
    c->wish = is_slow ? "slow" : is_declined ? "declined" : "paid";
    snprintf(seat->order, sizeof seat->order,
             "{\"email\":\"customer-%u@example.org\",\"payment_method\":\"%s\",\"items\":[{\"sku\":\"%s\",\"qty\":1}]}", i + 1,
             is_slow ? "pm_slow" : is_declined ? "pm_card_chargeDeclined" : "pm_card_visa", c->sku);
    struct token key;
    char text[TOKEN_TEXT_SIZE], header[80];
    token_random(&key);
    snprintf(header, sizeof header, "Idempotency-Key: %s", token_text(&key, text));
    seat->headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), header);
    send_request(room, seat, "/orders", seat->order);
}

static void look(struct room *room, struct seat *seat)
{
    char path[64];
    snprintf(path, sizeof path, "/orders/%s", seat->token);
    seat->doing = LOOKING;
    send_request(room, seat, path, NULL);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------- */

/* order.NAME of the body, into buf; stays "" if it is not there. */
static void field(const json_t *body, const char *name, char *buf, size_t size)
{
    const char *text = json_string_value(json_object_get(json_object_get(body, "order"), name));
    snprintf(buf, size, "%s", text ? text : "");
}

static void read_order(struct seat *seat)
{
    json_t *body = json_loadb(seat->body, seat->size, JSON_REJECT_DUPLICATES, NULL);
    field(body, "state", seat->customer.state, sizeof seat->customer.state);
    field(body, "receipt", seat->customer.receipt, sizeof seat->customer.receipt);
    field(body, "token", seat->token, sizeof seat->token);
    json_decref(body);
}

static bool is_as_wished(const struct customer *c)
{
    if (strcmp(c->wish, "declined") == 0)
        return c->status == HTTP_PAYMENT_REQUIRED && strcmp(c->state, "declined") == 0 && strcmp(c->receipt, "none") == 0;
    return c->status == HTTP_CREATED && strcmp(c->state, "paid") == 0 && strcmp(c->receipt, "sent") == 0;
}

static void on_answer(const struct customers_opts *opts, struct seat *seat, CURLcode code)
{
    struct customer *c = &seat->customer;
    if (seat->doing == ORDERING) {
        long status = 0;
        (void)curl_easy_getinfo(seat->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(seat->easy, CURLINFO_TOTAL_TIME, &c->waited_s);
        c->status = code == CURLE_OK ? (int)status : 0;
        seat->answered_ms = clock_ms();
        curl_slist_free_all(seat->headers);
        seat->headers = curl_slist_append(NULL, "Accept: application/json");
    }
    if (code == CURLE_OK)
        read_order(seat);
    c->receipt_after_ms = clock_ms() - seat->answered_ms;
    seat->look_ms = clock_ms() + LOOK_MS + opts->orders;      /* the more there are, the less often each looks */
    bool is_on_its_way = strcmp(c->receipt, "ready") == 0 || strcmp(c->receipt, "leased") == 0 || strcmp(c->receipt, "handed") == 0;
    seat->doing = code == CURLE_OK && is_on_its_way && c->receipt_after_ms < patience_ms ? PAUSING : DONE;
}

/* ---- all together -------------------------------------------------------------------------------------------------------- */

static void take_answers(struct room *room)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(room->multi, &left)) != NULL;) {
        struct seat *seat = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &seat);
        (void)curl_multi_remove_handle(room->multi, seat->easy);
        on_answer(room->opts, seat, code);
    }
}

static void tell(struct room *room)
{
    for (; room->told < room->opts->orders && room->seats[room->told].doing == DONE; room->told++) {
        const struct customer *c = &room->seats[room->told].customer;
        room->wrong += !is_as_wished(c);
        room->opts->told(c, room->opts->arg);
    }
}

static void run(struct room *room)
{
    while (room->told < room->opts->orders && !room->opts->is_over(room->opts->arg)) {
        int running;
        if (curl_multi_perform(room->multi, &running) != CURLM_OK || curl_multi_poll(room->multi, NULL, 0, LOOK_MS, NULL) != CURLM_OK)
            return;
        take_answers(room);
        for (uint32_t i = 0; i < room->opts->orders; i++)
            if (room->seats[i].doing == PAUSING && clock_ms() >= room->seats[i].look_ms)
                look(room, &room->seats[i]);
        tell(room);
    }
}

static int sit_down(struct room *room)
{
    for (uint32_t i = 0; i < room->opts->orders; i++)
        if (!(room->seats[i].easy = curl_easy_init()))
            return -ENOMEM;
    for (uint32_t i = 0; i < room->opts->orders; i++)
        order(room, &room->seats[i], i);
    return 0;
}

int customers_run(const struct customers_opts *opts)
{
    struct room room = { .opts = opts, .multi = curl_multi_init(), .seats = calloc(opts->orders + 1, sizeof *room.seats) };
    int r = room.multi && room.seats ? sit_down(&room) : -ENOMEM;
    if (r == 0)
        run(&room);
    for (uint32_t i = 0; room.seats && i < opts->orders; i++) {
        if (room.multi && room.seats[i].easy)
            (void)curl_multi_remove_handle(room.multi, room.seats[i].easy);
        curl_easy_cleanup(room.seats[i].easy);
        curl_slist_free_all(room.seats[i].headers);
    }
    (void)curl_multi_cleanup(room.multi);
    free(room.seats);
    return r < 0 ? r : room.wrong + (int)(opts->orders - room.told);
}
