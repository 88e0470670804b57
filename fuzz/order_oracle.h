/* order_oracle.h - what must be true of an order, or of the flaw that was found instead, whatever the body was. */
#pragma once
#include "order/answer.h"
#include "order/request.h"
#include "order/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* Exactly as large, so that the sanitizer sees one byte too many read. */
static char *copy_of(const uint8_t *data, size_t size)
{
    char *body = malloc(size ? size : 1);
    must(body != NULL);
    if (size > 0)
        memcpy(body, data, size);
    return body;
}

static void check_text(const char *text, size_t most, bool has_lines)
{
    must(strlen(text) <= most && text_is_plain(text, strlen(text), has_lines) && !text_is_card_token(text));
}

static void check_order(const struct order *order)
{
    int64_t total = 0;
    check_text(order->email, EMAIL_MAX, false);
    check_text(order->method, METHOD_MAX, false);
    check_text(order->note, NOTE_MAX, true);
    const char *const address[] = { order->name, order->street, order->city, order->postcode, order->country };
    for (size_t i = 0; i < sizeof address / sizeof address[0]; i++)
        check_text(address[i], ADDRESS_MAX, false);
    must(text_is_email(order->email) && order->method[0] && strcmp(order->key, "key") == 0);
    must(order->n_lines >= 1 && order->n_lines <= LINES_MAX && order->state == ORDER_CHARGING);
    for (uint32_t i = 0; i < order->n_lines; i++) {
        const struct order_line *line = &order->lines[i];
        must(catalogue_find(catalogue_demo(), line->product->sku) == line->product);
        must(line->qty >= 1 && line->qty <= QTY_MAX && line->price_cents == line->product->price_cents);
        total += line->price_cents * line->qty;
    }
    must(total == order->total_cents);
}

static void check_json(char *text, const char *member)
{
    json_t *root = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    must(root && json_is_object(json_object_get(root, member)));
    json_decref(root);
    free(text);
}

/* "items[12].qty" to "items.qty"; all that is told, an unknown one excepted, has a place in an order. */
static bool is_field(const char *field, bool is_form)
{
    static const char *const by_json[] = { "", "email", "payment_method", "note", "items", "items.sku", "items.qty", "address",
                                           "address.name", "address.street", "address.city", "address.postcode", "address.country", NULL };
    static const char *const by_form[] = { "", "email", "payment_method", "note", "sku", "qty", "name",
                                           "street", "city", "postcode", "country", NULL };
    char plain[sizeof((struct flaw *)0)->field];
    size_t n = 0;
    for (const char *p = field; *p; p++) {
        if (*p == '[')
            p += strcspn(p, "]");
        else
            plain[n++] = *p;
    }
    plain[n] = '\0';
    for (const char *const *known = is_form ? by_form : by_json; *known; known++)
        if (strcmp(*known, plain) == 0)
            return true;
    return false;
}

static void check_flaw(const struct flaw *flaw, bool is_form)
{
    static const char *const anywhere[] = { "unknown_field", "repeated", "out_of_range" };     /* JSON's may lie in what has no place */
    bool may_be_anywhere = false;
    for (size_t i = 0; i < (is_form ? 1 : sizeof anywhere / sizeof anywhere[0]); i++)
        may_be_anywhere |= strcmp(flaw->code, anywhere[i]) == 0;
    must(flaw->code[0] && flaw->text[0] && (may_be_anywhere || is_field(flaw->field, is_form)));
    must(text_is_plain(flaw->text, strlen(flaw->text), false) && !text_has_card_number(flaw->text));
    must(text_is_plain(flaw->field, strlen(flaw->field), false) && !text_has_card_number(flaw->field));
    check_json(answer_error(flaw->code, flaw->field, flaw->text, NULL), "error");
}

static void check_outcome(int r, const struct order *order, const struct flaw *flaw, bool is_form)
{
    must(r == 0 || r == -EBADMSG);
    if (r < 0) {
        must(order == NULL);
        check_flaw(flaw, is_form);
        return;
    }
    check_order(order);
    check_json(answer_order(order, RECEIPT_NONE), "order");
}
