/* order.h - one order: what somebody wants, and how far it has come. */
#pragma once
#include "base/token.h"
#include "order/catalogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEY_MAX = 255,              /* bytes of an idempotency key, printable ASCII without blanks */
    EMAIL_MAX = 254,            /* RFC 5321, 4.5.3.1 */
    METHOD_MAX = 128,           /* bytes of a payment method's token, "pm_..." */
    NOTE_MAX = 500,             /* bytes of UTF-8 */
    ADDRESS_MAX = 200,          /* bytes of each line of an address */
    LINES_MAX = 100,            /* items of an order */
    QTY_MAX = 99
};

/* The numbers lie in the store: never renumber. */
enum order_state {
    ORDER_CHARGING = 1,         /* committed with its stock and its charge key; perhaps sent to the gateway, perhaps charged */
    ORDER_PAID = 2,             /* final here: charged, the answer stored, the receipt's job stored */
    ORDER_DECLINED = 3,         /* final: not charged, stock given back, the answer stored */
    ORDER_CANCELLED = 4,        /* final: could not be charged in time, stock given back, the answer stored */
    ORDER_REVIEW = 5            /* nobody can tell any more whether it was charged: a person must look. Stock stays taken */
};
const char *order_state_name(enum order_state state);       /* "charging", "paid", ... */

enum receipt_state {
    RECEIPT_NONE = 0,           /* no job: not paid */
    RECEIPT_READY = 1,          /* to be sent, now or at its time */
    RECEIPT_LEASED = 2,         /* a mailer has it */
    RECEIPT_HANDED = 3,         /* all but the final dot has been sent: from here it may have arrived */
    RECEIPT_SENT = 4,           /* final */
    RECEIPT_UNCERTAIN = 5,      /* may have arrived or not; waits for a person (policy "once") */
    RECEIPT_DEAD = 6            /* refused for good, or tried for too long; waits for a person */
};
const char *receipt_state_name(enum receipt_state state);   /* "none", "ready", "leased", ... */

struct order_line {
    const struct product *product;      /* of the catalogue */
    int64_t price_cents;                /* of one, when it was ordered */
    uint32_t qty;
};

/* Texts are never NULL; what was not given is "". One allocation, with its texts and lines behind it: order_free(). */
struct order {
    int64_t id;                         /* the store's, from 1; 0: not stored yet */
    struct token token;                 /* names the order to its customer; derived from the idempotency key */
    struct token charge_key;            /* the gateway's idempotency key, random, made before it is first stored */
    struct token body_hash;             /* of what was asked for; the same for the same wishes, however they were spelt */
    enum order_state state;
    int64_t created_ms;                 /* clock_ms() */
    int64_t total_cents;
    char currency[4];
    const char *key, *email, *method, *note;
    const char *name, *street, *city, *postcode, *country;  /* the address; all "": none was given */
    uint32_t n_lines;
    struct order_line *lines;
};

struct order_texts {
    const char *key, *email, *method, *note, *name, *street, *city, *postcode, *country;    /* NULL is "" */
};
/* Copies; token, charge_key, body_hash are zero, state CHARGING, total the lines' sum. NULL: no memory. */
struct order *order_new(const struct order_texts *texts, const struct order_line *lines, uint32_t n_lines, const char *currency);
void order_free(struct order *order);   /* NULL is fine */
