/* order_double.c - until the order module is there. */
#include "order/order.h"
#include <stdlib.h>
#include <string.h>
__attribute__((weak)) const char *receipt_state_name(enum receipt_state state)
{
    static const char *const names[] = { "none", "ready", "leased", "handed", "sent", "uncertain", "dead" };
    return names[state];
}
__attribute__((weak)) struct order *order_new(const struct order_texts *t, const struct order_line *lines, uint32_t n_lines, const char *currency)
{
    struct order *o = calloc(1, sizeof *o);
    const char *in[] = { t->key, t->email, t->method, t->note, t->name, t->street, t->city, t->postcode, t->country };
    const char **out[] = { &o->key, &o->email, &o->method, &o->note, &o->name, &o->street, &o->city, &o->postcode, &o->country };
    for (int i = 0; i < 9; i++)
        *out[i] = strdup(in[i] ? in[i] : "");
    o->lines = malloc(n_lines * sizeof *lines);
    memcpy(o->lines, lines, n_lines * sizeof *lines);
    o->n_lines = n_lines;
    for (uint32_t i = 0; i < n_lines; i++)
        o->total_cents += lines[i].qty * lines[i].price_cents;
    strcpy(o->currency, currency);
    return o;
}
__attribute__((weak)) void order_free(struct order *o)
{
    if (!o)
        return;
    const char *out[] = { o->key, o->email, o->method, o->note, o->name, o->street, o->city, o->postcode, o->country };
    for (int i = 0; i < 9; i++)
        free((void *)(uintptr_t)out[i]);
    free(o->lines);
    free(o);
}
