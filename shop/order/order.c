/* order.c - one allocation: the struct, its lines, then its texts. */
#include "order/order.h"

#include <stdlib.h>
#include <string.h>

const char *order_state_name(enum order_state state)
{
    static const char *const names[] = { [ORDER_CHARGING] = "charging", [ORDER_PAID] = "paid", [ORDER_DECLINED] = "declined",
                                         [ORDER_CANCELLED] = "cancelled", [ORDER_REVIEW] = "review" };
    return state >= ORDER_CHARGING && state <= ORDER_REVIEW ? names[state] : "unknown";
}

const char *receipt_state_name(enum receipt_state state)
{
    static const char *const names[] = { [RECEIPT_NONE] = "none", [RECEIPT_READY] = "ready", [RECEIPT_LEASED] = "leased",
                                         [RECEIPT_HANDED] = "handed", [RECEIPT_SENT] = "sent", [RECEIPT_UNCERTAIN] = "uncertain",
                                         [RECEIPT_DEAD] = "dead" };
    return state >= RECEIPT_NONE && state <= RECEIPT_DEAD ? names[state] : "unknown";
}

struct order *order_new(const struct order_texts *t, const struct order_line *lines, uint32_t n_lines, const char *currency)
{
    const char *const texts[] = { t->key, t->email, t->method, t->note, t->name, t->street, t->city, t->postcode, t->country };
    enum { N = sizeof texts / sizeof texts[0] };
    size_t sizes[N], size = sizeof(struct order) + n_lines * sizeof *lines;
    for (size_t i = 0; i < N; i++) {
        sizes[i] = texts[i] ? strlen(texts[i]) + 1 : 1;
        size += sizes[i];
    }
    struct order *order = calloc(1, size);
    if (!order)
        return NULL;
    order->lines = (struct order_line *)(order + 1);
    char *at = (char *)(order->lines + n_lines);
    const char **const fields[N] = { &order->key, &order->email, &order->method, &order->note, &order->name, &order->street, &order->city,
                                     &order->postcode, &order->country };
    for (size_t i = 0; i < N; i++) {
        if (texts[i])
            memcpy(at, texts[i], sizes[i]);
        *fields[i] = at;
        at += sizes[i];
    }
    order->n_lines = n_lines;
    for (uint32_t i = 0; i < n_lines; i++) {
        order->lines[i] = lines[i];
        order->total_cents += lines[i].price_cents * lines[i].qty;
    }
    order->state = ORDER_CHARGING;
    memcpy(order->currency, currency, strnlen(currency, sizeof order->currency - 1));
    return order;
}

void order_free(struct order *order)
{
    free(order);
}
