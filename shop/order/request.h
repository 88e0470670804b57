/* request.h - makes an order of what a customer sent, or says what is wrong with it.
 *
 * JSON for POST /orders: {"email", "payment_method", "items": [{"sku", "qty"}], "address": {"name", "street", "city", "postcode",
 * "country"} (optional), "note" (optional)}; other members are refused by name, so are repeated ones. Urlencoded for POST /buy: email,
 * payment_method, sku, qty, and optionally note, name, street, city, postcode, country; csrf and key are the caller's, other fields are
 * refused. Everything is UTF-8 without control characters (a note may have newlines); no field may hold what looks like a card number
 * (13 to 19 digits, the first of them 2 to 6, blanks and dashes among them, that satisfy Luhn's check). An empty text is one that was not
 * given. An address needs street, city and country; a name may stand alone. Prices come from the catalogue alone.
 *
 * The same wishes have the same body_hash, by JSON or by form: neither the order of members or items counts, nor whether a thing is one
 * item or two, nor how lines of a note end. */
#pragma once
#include "order/order.h"

struct flaw {
    char field[64];             /* "items[2].qty"; "" : the body as a whole */
    char code[32];              /* "missing", "wrong_type", "unknown_field", "unknown_sku", "out_of_range", "too_long", "bad_json",
                                   "bad_form", "bad_email", "bad_text", "card_number", "repeated" */
    char text[160];             /* for people; never repeats what looks like a card number */
};

/* 0: *ret_order is the caller's, with texts, lines, total and body_hash; token and charge_key are still zero. -EBADMSG: *ret_flaw says
 * why. -ENOMEM. `key` is checked before, by request_key_is_good(). */
int request_from_json(const struct catalogue *catalogue, const char *key, const char *body, size_t size, struct order **ret_order,
                      struct flaw *ret_flaw);
int request_from_form(const struct catalogue *catalogue, const char *key, const char *body, size_t size, struct order **ret_order,
                      struct flaw *ret_flaw);

/* 1 to KEY_MAX printable ASCII characters, no blanks, no card number. */
bool request_key_is_good(const char *key);

/* One field of an urlencoded body, decoded, into buf; false: not there, more than once, not decodable, or too long. */
bool request_form_field(const char *body, size_t size, const char *name, char *buf, size_t buf_size);

/* What looks like a card number stands in the text. */
bool text_has_card_number(const char *text);
/* local@domain as in RFC 5321, 4.1.2, in plain ASCII, without quoted parts and address literals; no more than EMAIL_MAX. */
bool text_is_email(const char *text);
