/* web.h - the shop's pages: plain HTML that works without JavaScript, in malloc'd text that the caller frees; NULL: no memory.
 *
 * All that comes from outside is escaped. One stylesheet at /style.css; the policy in web_headers() lets nothing else be loaded or run. */
#pragma once
#include "order/order.h"

/* The shop's name on every page: once, before the first; else it is "T-shirt shop". */
void web_init(const char *shop_name);

struct web_front {
    const struct catalogue *catalogue;  /* with fresh stock */
    const char *key;            /* a new idempotency key for the form */
    const char *csrf;
    bool is_demo;               /* offer the stand-in's payment tokens; else the method is a text field for the gateway's token */
    const char *flaw_field, *flaw_text;     /* of the last try; NULL: none */
    /* What was filled in then, as request_form_field() gives it; NULL: nothing. */
    const char *email, *sku, *qty, *note, *method, *name, *street, *city, *postcode, *country;
};
char *web_front_page(const struct web_front *front);

struct web_order {
    const struct order *order;
    enum receipt_state receipt;
    bool is_demo;
    const char *declined;       /* why, for the customer; NULL */
};
/* Should be loaded anew every second while payment or receipt is on its way: by a header "Refresh: 1" where web_refreshes(), which is so
 * in an order's first hour. */
char *web_order_page(const struct web_order *order);
bool web_refreshes(const struct web_order *order);

/* Errors, too; link: NULL, none. */
char *web_message_page(const char *heading, const char *text, const char *link, const char *link_text);

extern const char web_style[];  /* the stylesheet */
extern const char *const web_headers[];     /* four pairs "Name", "value", then NULL, for every page: what a browser may do with it */

/* "19.90 EUR" of 1990, "eur"; returns buf. */
const char *web_money(int64_t cents, const char *currency, char *buf, size_t size);
