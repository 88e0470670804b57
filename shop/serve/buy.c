/* buy.c - a request becomes an order, waits as a customer of the flow, and is answered in its own language. */
#include "serve/buy.h"

#include "base/fail.h"
#include "order/request.h"
#include "serve/reply.h"
#include "serve/session.h"
#include "web/web.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct buyer {
    struct flow_customer customer;
    struct shop *shop;
    struct http_request *request;
};

static const char busy_text[] = "The shop is overloaded or its disk is full. Nothing was ordered by this request; please try again "
                                "with the same key.";
static const char in_progress_text[] = "Your payment is not confirmed yet. Ask again with the same key; you will not be charged twice.";
static const char reused_text[] = "This key belongs to another order. Use a new key for a new order.";

static const char *sold_out_text(const struct flow_end *end, char *buf, size_t size)
{
    const struct product *product = end->order->lines[end->line].product;
    if (end->left > 0)
        snprintf(buf, size, "Of %s there are only %" PRId64 " left. Nothing was ordered.", product->sku, end->left);
    else
        snprintf(buf, size, "%s is sold out. Nothing was ordered.", product->sku);
    return buf;
}

static const char *order_path(const struct token *token, char *buf, size_t size)
{
    char text[TOKEN_TEXT_SIZE];
    snprintf(buf, size, "/orders/%s", token_text(token, text));
    return buf;
}

/* ---- programs ------------------------------------------------------------------------------------------------------------ */

static void told_program(struct flow_customer *customer, const struct flow_end *end)
{
    struct buyer *buyer = (struct buyer *)customer;
    char path[64], text[160];
    fail_point("before-answer");
    switch (end->how) {
    case FLOW_ANSWERED:
        reply_json(buyer->request, end->status, end->body, end->size, order_path(&end->token, path, sizeof path));
        break;
    case FLOW_IN_PROGRESS:
        reply_error(buyer->request, 409, "in_progress", NULL, in_progress_text, RETRY_AFTER_S);
        break;
    case FLOW_KEY_REUSED:
        reply_error(buyer->request, 422, "key_reused", NULL, reused_text, 0);
        break;
    case FLOW_SOLD_OUT:
        snprintf(path, sizeof path, "items[%u].qty", end->line);
        reply_error(buyer->request, 409, "sold_out", path, sold_out_text(end, text, sizeof text), 0);
        break;
    case FLOW_BUSY:
        reply_error(buyer->request, 503, "overloaded", NULL, busy_text, RETRY_AFTER_S);
        break;
    }
    fail_point("after-answer");
    free(buyer);
}

static void take(struct shop *shop, struct http_request *request, struct order *order,
                 void (*told)(struct flow_customer *, const struct flow_end *))
{
    struct buyer *buyer = calloc(1, sizeof *buyer);
    if (!buyer) {
        order_free(order);
        reply_error(request, 503, "overloaded", NULL, busy_text, RETRY_AFTER_S);
        return;
    }
    *buyer = (struct buyer){ .customer.told = told, .shop = shop, .request = request };
    token_derive(store_secret(shop->store), "order", order->key, strlen(order->key), &order->token);
    flow_take(shop->flow, order, &buyer->customer);
}

/* "application/json", whatever follows. */
static bool is_of_type(const struct http_request *request, const char *type)
{
    const char *given = http_header(request, "Content-Type");
    size_t size = strlen(type);
    return given && strncasecmp(given, type, size) == 0 && strchr(" ;\t", given[size]);
}

void buy_by_json(struct shop *shop, struct http_request *request)
{
    const char *key = http_header(request, "Idempotency-Key");
    struct order *order;
    struct flaw flaw;
    size_t size;
    const char *body = http_body(request, &size);
    if (!is_of_type(request, "application/json"))
        reply_error(request, 415, "wrong_type", NULL, "Send the order as Content-Type: application/json.", 0);
    else if (!key || !request_key_is_good(key))
        reply_error(request, 400, key ? "out_of_range" : "missing", "Idempotency-Key",
                    "The header Idempotency-Key must be 1 to 255 printable ASCII characters without blanks, new for each order and the same "
                    "when you ask again. A random UUID is good.", 0);
    else {
        int r = request_from_json(store_catalogue(shop->store), key, body, size, &order, &flaw);
        if (r == 0)
            take(shop, request, order, told_program);
        else if (r == -EBADMSG)
            reply_error(request, 400, flaw.code, flaw.field, flaw.text, 0);
        else
            reply_error(request, 503, "overloaded", NULL, busy_text, RETRY_AFTER_S);
    }
}

/* ---- people -------------------------------------------------------------------------------------------------------------- */

/* What was typed into the fields, to be shown again, also where it was too long. A line of the note ends in two bytes. */
enum { TYPED_FIELDS = 10, TYPED_SIZE = 2 * NOTE_MAX + 1 };

static const char *typed_field(const struct http_request *request, const char *name, char *buf, size_t size)
{
    size_t body_size;
    const char *body = http_body(request, &body_size);
    return request_form_field(body, body_size, name, buf, size) ? buf : NULL;
}

static void keep_typed(const struct http_request *request, char typed[][TYPED_SIZE], struct web_front *front)
{
    const struct {
        const char *name, **to;
    } fields[TYPED_FIELDS] = { { "email", &front->email }, { "sku", &front->sku }, { "qty", &front->qty }, { "note", &front->note },
                               { "payment_method", &front->method }, { "name", &front->name }, { "street", &front->street },
                               { "city", &front->city }, { "postcode", &front->postcode }, { "country", &front->country } };
    for (size_t i = 0; i < TYPED_FIELDS; i++)
        *fields[i].to = typed_field(request, fields[i].name, typed[i], TYPED_SIZE);
}

void buy_show(struct shop *shop, struct http_request *request, int status, const struct flaw *flaw)
{
    char csrf[TOKEN_TEXT_SIZE], cookie[SESSION_COOKIE_SIZE], key[TOKEN_TEXT_SIZE];
    const struct catalogue *catalogue = store_catalogue(shop->store);
    struct catalogue fresh = { .n = catalogue->n, .products = shop->stock };
    struct web_front front = { .catalogue = &fresh, .key = key, .csrf = csrf, .is_demo = shop->opts->is_demo };
    char typed[TYPED_FIELDS][TYPED_SIZE];
    struct token token;
    if (store_read_stock(shop->reader, shop->stock, catalogue->n) < 0) {
        reply_message_page(request, 503, "Closed for a moment", "The database cannot be read now. Please try again.");
        return;
    }
    memcpy(fresh.currency, catalogue->currency, sizeof fresh.currency);
    if (flaw) {
        front.flaw_field = flaw->field;
        front.flaw_text = flaw->text;
        keep_typed(request, typed, &front);
    }
    token_random(&token);
    token_text(&token, key);
    session_begin(shop, request, csrf, cookie);
    reply_page(request, status, web_front_page(&front), cookie, NULL);
}

static void told_person(struct flow_customer *customer, const struct flow_end *end)
{
    struct buyer *buyer = (struct buyer *)customer;
    char path[64];
    fail_point("before-answer");
    switch (end->how) {
    case FLOW_ANSWERED:
    case FLOW_IN_PROGRESS:      /* the page tells, and goes on telling */
        reply_see_other(buyer->request, order_path(&end->token, path, sizeof path));
        break;
    case FLOW_KEY_REUSED:
        reply_message_page(buyer->request, 422, "Ordered already", "This form was sent before with other contents. Please start again from the shop.");
        break;
    case FLOW_SOLD_OUT: {
        struct flaw flaw = { .field = "sku", .code = "sold_out" };
        sold_out_text(end, flaw.text, sizeof flaw.text);
        buy_show(buyer->shop, buyer->request, 409, &flaw);
        break;
    }
    case FLOW_BUSY:
        reply_message_page(buyer->request, 503, "Too busy", "The shop cannot take your order now. Nothing was charged by this try. Please go "
                           "back and send the form again.");
        break;
    }
    fail_point("after-answer");
    free(buyer);
}

void buy_by_form(struct shop *shop, struct http_request *request)
{
    char key[KEY_MAX + 1], csrf[TOKEN_TEXT_SIZE];
    struct order *order;
    struct flaw flaw;
    size_t size;
    const char *body = http_body(request, &size);
    if (!is_of_type(request, "application/x-www-form-urlencoded"))
        reply_message_page(request, 415, "Not understood", "This address takes the form of the shop's front page.");
    else if (!typed_field(request, "csrf", csrf, sizeof csrf) || !session_is_ours(shop, request, csrf))
        reply_message_page(request, 403, "Please start again", "This form did not come from this shop, or cookies are off. Nothing was ordered.");
    else if (!typed_field(request, "key", key, sizeof key) || !request_key_is_good(key))
        reply_message_page(request, 400, "Please start again", "The form has lost its key. Nothing was ordered.");
    else {
        int r = request_from_form(store_catalogue(shop->store), key, body, size, &order, &flaw);
        if (r == 0)
            take(shop, request, order, told_person);
        else if (r == -EBADMSG)
            buy_show(shop, request, 400, &flaw);
        else
            reply_message_page(request, 503, "Too busy", "The shop cannot take your order now. Nothing was ordered.");
    }
}
