/* flow.h - the way of an order: stored, charged, stored as paid, answered. One loop, one thread.
 *
 *     PLACING --committed--> CHARGING --paid, declined--> SETTLING --committed--> told
 *        |                    ^    |                        ^
 *        | known, sold out,   |    | not yet, unknown       | paid after all, absent
 *        v disk               |    v                        |
 *       told                  `- PAUSING --too old--> LOOKING
 *
 * Every order that is CHARGING in the store has its run here, from flow_recover() on, so there is one place only that charges for it, and
 * whoever asks with the same key joins it. Crash anywhere: what is committed is found again by flow_recover(), and the gateway is asked
 * again with the key that was committed before it was asked first, so that it charges at most once. */
#pragma once
#include "gateway/gateway.h"
#include "mail/mailer.h"
#include "store/store.h"

struct flow;
struct flow_opts {
    uv_loop_t *loop;
    struct store *store;
    struct gateway *gateway;
    struct mailer *mailer;
    uint32_t orders;            /* under way at most; beyond, new ones are BUSY */
    uint32_t wait_ms, give_up_ms;
};
int flow_open(const struct flow_opts *opts, struct flow **ret_flow);
/* Ends what an earlier server left CHARGING. Once, before the first order. Gives how many, or -errno. */
int64_t flow_recover(struct flow *flow, struct store_reader *reader);

enum flow_how {
    FLOW_ANSWERED,              /* status and body are the order's answer, the same for all who ask */
    FLOW_IN_PROGRESS,           /* waited too long: ask again with the same key */
    FLOW_KEY_REUSED,            /* the key belongs to another order */
    FLOW_SOLD_OUT,              /* nothing was ordered */
    FLOW_BUSY                   /* nothing was ordered: too much under way, or the disk is full; or it was, and the disk has failed: either
                                   way asking again with the same key is right */
};
struct flow_end {
    enum flow_how how;
    int status;
    const char *body;           /* good during the call */
    size_t size;
    const struct order *order;  /* with SOLD_OUT: of which `line` there are only `left` */
    uint32_t line;
    int64_t left;
    struct token token;         /* of the order; not with BUSY and SOLD_OUT */
};

/* Somebody who waits for an answer: the caller's, until told. */
struct flow_customer {
    void (*told)(struct flow_customer *customer, const struct flow_end *end);
    int64_t until_ms;           /* these are the flow's */
    struct flow_run *run;
    struct flow_customer *run_prev, *run_next, *prev, *next;
};

/* Takes the order over, whose token, key and body_hash are set. The customer is told once, perhaps here and now. */
void flow_take(struct flow *flow, struct order *order, struct flow_customer *customer);

/* No new ones (BUSY). What is under way goes on as long as somebody waits for it. */
void flow_drain(struct flow *flow);
/* Tells all who still wait that it is IN_PROGRESS, and gives up what is at the gateway: the next server goes on. Ops of the store come
 * back later. */
void flow_abandon(struct flow *flow);
bool flow_is_idle(const struct flow *flow);     /* nobody waits, and nothing is at the gateway or in the store */
void flow_close(struct flow *flow);     /* idle, or abandoned with no op in the store; its handles end in the loop later */

enum { FLOW_BUCKETS = 12 };
extern const double flow_bounds[FLOW_BUCKETS];      /* seconds */
struct flow_stats {
    uint64_t ends[FLOW_BUSY + 1];                   /* how customers were answered, by flow_how */
    uint64_t paid, declined, cancelled, review;     /* orders that ended so */
    uint64_t charges, not_yet, unknown, lookups;    /* requests to the gateway, and those that must be asked again */
    uint64_t under_way, at_gateway;                 /* now */
    uint64_t waited[FLOW_BUCKETS + 1];              /* customers by how long they waited, the last beyond all bounds */
    double waited_s;                                /* all of them together */
};
void flow_stats(const struct flow *flow, struct flow_stats *ret_stats);
