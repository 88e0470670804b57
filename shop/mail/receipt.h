/* receipt.h - one receipt, from a flat record to a whole message (RFC 5322), by a task for any engine.
 *
 * The message depends on the record alone, so made again it is the same, byte for byte. */
#pragma once
#include "order/order.h"

enum { SHOP_NAME_MAX = 100, URL_MAX = 200 };

struct receipt_line {
    char sku[SKU_SIZE], name[64], colour[16], size[8];
    int64_t price_cents;
    uint32_t qty;
};
/* Trivially copyable: texts lie inside, the lines behind. */
struct receipt {
    char order[TOKEN_TEXT_SIZE], message[TOKEN_TEXT_SIZE];      /* tokens; Message-ID is <message@host of from> */
    char from[EMAIL_MAX + 1], shop_name[SHOP_NAME_MAX + 1], url[URL_MAX + 1];      /* url: of the order's page */
    char email[EMAIL_MAX + 1], note[NOTE_MAX + 1], currency[4];
    char name[ADDRESS_MAX + 1], street[ADDRESS_MAX + 1], city[ADDRESS_MAX + 1], postcode[ADDRESS_MAX + 1], country[ADDRESS_MAX + 1];
    int64_t created_ms, total_cents;
    uint32_t n_lines;
    struct receipt_line lines[];
};

struct receipt_shop {
    const char *from, *shop_name, *public_url;
};
/* In malloc'd memory, *ret_size bytes; NULL: no memory. */
struct receipt *receipt_new(const struct receipt_shop *shop, const struct order *order, const struct token *message, size_t *ret_size);

/* The task. Its output is the message; it fails (-EBADMSG) where the record has no business in a mail: an address that is none. */
int receipt_render(void *record);
