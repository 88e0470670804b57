/* wish.h - an order on its way in: the checks that JSON and the form share. */
#pragma once
#include "order/request.h"

enum wish_text { WISH_EMAIL, WISH_METHOD, WISH_NOTE, WISH_NAME, WISH_STREET, WISH_CITY, WISH_POSTCODE, WISH_COUNTRY, WISH_TEXTS };
enum { TOTAL_MAX = 99999999 };      /* cents; the gateway takes no more digits */

struct wish {
    const struct catalogue *catalogue;
    struct flaw *flaw;
    bool is_form;
    const char *texts[WISH_TEXTS];  /* NULL: not given; they live as long as the body they came from */
    uint32_t n_lines;
    char note[NOTE_MAX + 1];        /* if it is not as it came */
    struct order_line lines[LINES_MAX];
};
void wish_init(struct wish *wish, const struct catalogue *catalogue, bool is_form, struct flaw *flaw);

/* Which text has this name in a form, or in JSON as a member of the body or, `in_address`, of the address; WISH_TEXTS: none. */
enum wish_text wish_find(const struct wish *wish, const char *name, bool in_address);
const char *wish_field(const struct wish *wish, enum wish_text which);      /* "address.city"; in a form: "city" */

/* These give 0, or -EBADMSG and the flaw. An empty text is none. `item` counts from 0. */
int wish_take_text(struct wish *wish, enum wish_text which, const char *text, size_t size);
int wish_take_line(struct wish *wish, uint32_t item, const char *sku, size_t sku_size, int64_t qty);

/* -EBADMSG, with the flaw filled in: "FIELD WORDS" for JSON, "LABEL WORDS" for people in front of the form. */
int wish_flaw(struct wish *wish, const char *field, const char *code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
int wish_missing(struct wish *wish, const char *field);
int wish_bad_card(struct wish *wish, const char *field);
int wish_bad_qty(struct wish *wish, const char *field, const char *code, const char *found);     /* found: "" or ", found 0" */

/* The order of all that was taken; 0, -EBADMSG, -ENOMEM. */
int wish_order(struct wish *wish, const char *key, struct order **ret_order);
