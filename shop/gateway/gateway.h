/* gateway.h - charges cards at a gateway that speaks Stripe's payment intents (POST /v1/payment_intents, form-encoded, bearer key,
 * Idempotency-Key), with as many requests in flight as there are charges. One loop, one thread. */
#pragma once
#include <stdint.h>
#include <uv.h>

struct gateway;
struct gateway_opts {
    const char *url;            /* "https://api.example", "http://127.0.0.1:12111"; http only towards this machine (loopback) */
    const char *key;            /* bearer key; copied, never logged */
    const char *ca_file;        /* NULL: the system's */
    uint32_t connect_ms, total_ms;      /* 0: 3,000 and 20,000 */
    uint32_t idle_ms;           /* connections unused for so long, up to twice, are closed; 0: 30,000 */
    uint32_t connections;       /* at most so many, each with one charge under way; others wait in line. 0: 4,096 */
};
/* SIGPIPE must be ignored: TLS writes without asking. */
int gateway_open(uv_loop_t *loop, const struct gateway_opts *opts, struct gateway **ret_gateway);   /* -EINVAL: url; trouble_text() says why */
/* With no charge under way; its handles end in the loop later. */
void gateway_close(struct gateway *gateway);

enum charge_outcome {
    CHARGE_PAID,                /* charged, now or by an earlier request with this key */
    CHARGE_DECLINED,            /* certainly not charged, and asking again will not help: code and message say why */
    CHARGE_NOT_YET,             /* certainly not charged by this request: refused, too many, in progress, wrong bearer key: ask again later,
                                   with the same key. Says nothing about earlier requests, and with the code "in_progress" there is one
                                   under way that may charge: an order is given up only after a lookup, or if nothing was ever UNKNOWN */
    CHARGE_UNKNOWN,             /* may have been charged: no answer, half of one, 5xx, garbage: ask again, with the same key */
    CHARGE_ABSENT               /* gateway_lookup alone: the gateway knows no charge of this order */
};
struct charge {
    const char *key;            /* in: idempotency key: the same for every try */
    const char *order;          /* in: goes along as metadata[order], and is what lookup asks for: no two orders ever had the same */
    const char *method;         /* in: "pm_..." */
    const char *currency;       /* in: "eur" */
    int64_t amount_cents;       /* in */
    void (*done)(struct charge *charge);   /* on the loop, never from within gateway_charge() itself; may free the charge */
    enum charge_outcome outcome;/* out, and the rest */
    char intent[64];            /* the gateway's name of it; "" where it told none */
    char code[48];              /* of what went wrong: "card_declined", "connect", "timeout", "http_500", "garbage", ... */
    char message[160];          /* for people; for DECLINED fit for the customer, else for the operator */
    int64_t retry_after_ms;     /* as the gateway asked; 0: it did not */
    int http_status;            /* 0: none came */
    void *transfer;             /* the gateway's */
};
void gateway_charge(struct gateway *gateway, struct charge *charge);
/* Was this order ever charged? By metadata[order], over the last days: PAID, DECLINED (there, but not paid and cancelled), ABSENT or UNKNOWN. */
void gateway_lookup(struct gateway *gateway, struct charge *charge);
/* Ends it; done is not called. */
void gateway_abandon(struct gateway *gateway, struct charge *charge);
