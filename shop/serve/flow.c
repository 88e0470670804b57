/* flow.c - runs of orders by their token, each a small state machine that store, gateway and clock move on. */
#include "serve/flow.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "order/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_FNV     /* the usual one falls through its cases, which clang warns of */
#include <uthash.h>
#include <utlist.h>

enum {
    TICK_MS = 50,               /* how exactly pauses and waits end */
    PAUSE_MS = 250, PAUSE_YOUNG_MS = 1000, PAUSE_MOST_MS = 30000,
    SETTLE_AGAIN_MS = 500,
    LOOKUP_AFTER_MS = 60000,    /* the gateway's search is behind by up to a minute */
    QUEUE_MOST_MS = 2000,       /* the store's oldest op: beyond, new orders are refused */
    RECOVER_BATCH = 256
};
static const int64_t KEY_LIFE_MS = INT64_C(23) * 3600 * 1000;     /* the gateway keeps keys for 24 hours at least */
static const int64_t MOVED_BACK_MS = 3600 * 1000;

const double flow_bounds[FLOW_BUCKETS] = { .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25 };

enum stage { PLACING, CHARGING, PAUSING, LOOKING, SETTLING, SETTLING_AGAIN };

struct flow_run {
    struct flow *flow;
    struct order *order;
    enum stage stage;
    uint32_t tries;
    bool looks_next;            /* instead of charging */
    int64_t again_ms;           /* PAUSING, SETTLING_AGAIN: when to go on */
    struct flow_customer *customers;
    union {                     /* one at a time */
        struct store_place place;
        struct charge charge;
        struct store_settle settle;
    };
    char *answer;               /* malloc'd; from SETTLING on */
    char id[24], key[TOKEN_TEXT_SIZE], intent[64];
    char reference[40];         /* what the gateway files it under */
    struct flow_run *pause_prev, *pause_next;
    UT_hash_handle hh;
};

struct flow {
    struct flow_opts opts;
    struct store_port *port;
    uv_timer_t tick;
    struct flow_run *runs;              /* by token */
    struct flow_run *pausing;           /* PAUSING and SETTLING_AGAIN */
    struct flow_customer *customers;    /* all, in order of until_ms */
    uint64_t in_store;                  /* ops under way */
    bool is_draining, is_abandoned, tick_is_on;
    uint64_t random;
    struct flow_stats stats;
};

static void ask_gateway(struct flow_run *run, enum stage stage);
static void settle(struct flow_run *run);
static void on_tick(uv_timer_t *timer);

/* ---- clock --------------------------------------------------------------------------------------------------------------- */

static void keep_ticking(struct flow *flow)
{
    bool needed = flow->customers || flow->pausing;
    if (needed && !flow->tick_is_on)
        (void)uv_timer_start(&flow->tick, on_tick, TICK_MS, TICK_MS);
    else if (!needed && flow->tick_is_on)
        (void)uv_timer_stop(&flow->tick);
    flow->tick_is_on = needed;
}

/* Half to all of it, so that those who failed together do not come back together. xorshift: nothing depends on its being good. */
static int64_t jitter(struct flow *flow, int64_t ms)
{
    flow->random ^= flow->random << 13;
    flow->random ^= flow->random >> 7;
    flow->random ^= flow->random << 17;
    return ms / 2 + (int64_t)(flow->random % (uint64_t)(ms / 2 + 1));
}

/* Doubling from PAUSE_MS, but no longer than a quarter of the order's age: it is worth asking often while its customer may still be there. */
static int64_t backoff(struct flow_run *run)
{
    int64_t ms = (int64_t)PAUSE_MS << (run->tries < 7 ? run->tries : 7), age = clock_ms() - run->order->created_ms;
    int64_t most = age / 4 > PAUSE_MOST_MS ? PAUSE_MOST_MS : age / 4 > PAUSE_YOUNG_MS ? age / 4 : PAUSE_YOUNG_MS;
    return jitter(run->flow, ms < most ? ms : most);
}

static void pause_run(struct flow_run *run, enum stage stage, int64_t ms)
{
    run->stage = stage;
    run->again_ms = clock_ms() + ms;
    DL_APPEND2(run->flow->pausing, run, pause_prev, pause_next);
    keep_ticking(run->flow);
}

/* ---- customers and the end of a run -------------------------------------------------------------------------------------- */

static void count_wait(struct flow *flow, const struct flow_customer *customer)
{
    double waited = (double)(clock_ms() - (customer->until_ms - flow->opts.wait_ms)) / 1000;
    int i = 0;
    while (i < FLOW_BUCKETS && waited > flow_bounds[i])
        i++;
    flow->stats.waited[i]++;
    flow->stats.waited_s += waited;
}

static void tell(struct flow *flow, struct flow_customer *customer, const struct flow_end *end)
{
    if (customer->run)
        DL_DELETE2(customer->run->customers, customer, run_prev, run_next);
    DL_DELETE(flow->customers, customer);
    flow->stats.ends[end->how]++;
    count_wait(flow, customer);
    customer->told(customer, end);
}

static void tell_all(struct flow_run *run, const struct flow_end *end)
{
    struct flow_customer *customer, *next;
    DL_FOREACH_SAFE2(run->customers, customer, next, run_next)
        tell(run->flow, customer, end);
}

bool flow_is_idle(const struct flow *flow)
{
    return !flow->customers && !flow->in_store && !flow->stats.at_gateway;
}

static void end_run(struct flow_run *run)
{
    struct flow *flow = run->flow;
    HASH_DEL(flow->runs, run);
    flow->stats.under_way--;
    order_free(run->order);
    free(run->answer);
    free(run);
    keep_ticking(flow);
}

/* ---- T1: the order, its stock and its charge key ------------------------------------------------------------------------- */

static void placed_known(struct flow_run *run, const struct store_place *place)
{
    struct flow_end end = { .how = FLOW_ANSWERED, .token = run->order->token };
    if (!token_same(&place->known_hash, &run->order->body_hash))
        end.how = FLOW_KEY_REUSED;
    else if (!place->known_answer.status)
        end.how = FLOW_IN_PROGRESS;     /* all that is CHARGING has a run, and what ended has an answer: a later version's state */
    end.status = place->known_answer.status;
    end.body = place->known_answer.body;
    end.size = place->known_answer.size;
    tell_all(run, &end);
    free(place->known_answer.body);
}

/* The number alone would come again after a backup was restored, and a search could find another order's charge. */
static void name_run(struct flow_run *run)
{
    enum { OF_KEY = 8 };
    snprintf(run->id, sizeof run->id, "%" PRId64, run->order->id);
    snprintf(run->reference, sizeof run->reference, "%s-%.*s", run->id, OF_KEY, run->key);
}

static void on_placed(struct store_op *op, int error)
{
    struct flow_run *run = (struct flow_run *)((char *)op - offsetof(struct flow_run, place));
    struct flow *flow = run->flow;
    flow->in_store--;
    if (!error && run->place.placed == STORE_PLACED) {
        fail_point("after-intent");
        name_run(run);
        ask_gateway(run, CHARGING);
        return;
    }
    if (error) {
        log_line(LOG_LEVEL_ERROR, "an order could not be stored, its customer is told to come back: %s", strerror(-error));
        tell_all(run, &(struct flow_end){ .how = FLOW_BUSY });
    } else if (run->place.placed == STORE_SOLD_OUT)
        tell_all(run, &(struct flow_end){ .how = FLOW_SOLD_OUT, .order = run->order, .line = run->place.sold_out_line, .left = run->place.left });
    else
        placed_known(run, &run->place);
    end_run(run);
}

static struct flow_run *add_run(struct flow *flow, struct order *order)
{
    struct flow_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->flow = flow;
    run->order = order;
    token_text(&order->charge_key, run->key);
    name_run(run);
    HASH_ADD(hh, flow->runs, order->token, sizeof order->token, run);
    flow->stats.under_way++;
    return run;
}

static bool is_overloaded(struct flow *flow)
{
    if (flow->is_draining || flow->stats.under_way >= flow->opts.orders || store_failed(flow->opts.store))
        return true;
    struct store_stats store;
    store_stats(flow->opts.store, &store);
    return store.oldest_ms > QUEUE_MOST_MS;
}

void flow_take(struct flow *flow, struct order *order, struct flow_customer *customer)
{
    struct flow_run *run;
    customer->run = NULL;
    customer->until_ms = clock_ms() + flow->opts.wait_ms;
    DL_APPEND(flow->customers, customer);
    HASH_FIND(hh, flow->runs, &order->token, sizeof order->token, run);
    if (run) {
        bool is_same = token_same(&run->order->body_hash, &order->body_hash);
        if (is_same) {
            customer->run = run;
            DL_APPEND2(run->customers, customer, run_prev, run_next);
        } else
            tell(flow, customer, &(struct flow_end){ .how = FLOW_KEY_REUSED, .token = order->token });
        order_free(order);
        keep_ticking(flow);
        return;
    }
    token_random(&order->charge_key);
    order->created_ms = clock_ms();
    run = is_overloaded(flow) ? NULL : add_run(flow, order);
    if (!run) {
        tell(flow, customer, &(struct flow_end){ .how = FLOW_BUSY });
        order_free(order);
        keep_ticking(flow);
        return;
    }
    customer->run = run;
    DL_APPEND2(run->customers, customer, run_prev, run_next);
    keep_ticking(flow);
    run->stage = PLACING;
    run->place = (struct store_place){ .op = { .what = STORE_PLACE, .port = flow->port, .done = on_placed }, .order = order };
    fail_point("before-intent");
    flow->in_store++;
    store_post(flow->opts.store, &run->place.op);
}

/* ---- the gateway --------------------------------------------------------------------------------------------------------- */

static int64_t age_of(const struct flow_run *run)
{
    return clock_ms() - run->order->created_ms;
}

static bool is_too_old(const struct flow_run *run)
{
    return age_of(run) > run->flow->opts.give_up_ms;
}

/* The clock was moved back across a restart: the gateway's memory of the key may be long or short. */
static bool is_of_unknown_age(const struct flow_run *run)
{
    return age_of(run) < -MOVED_BACK_MS;
}

/* The answer is made once and kept: whoever asks again gets the same bytes. code and message: why it was not PAID. */
static void end_charge(struct flow_run *run, enum order_state state, const char *code, const char *message)
{
    run->order->state = state;
    free(run->answer);
    run->answer = state == ORDER_PAID ? answer_order(run->order, RECEIPT_READY) : answer_error(code, NULL, message, run->order);
    if (run->answer)
        settle(run);
    else        /* no memory: asked again, the gateway tells the same */
        pause_run(run, PAUSING, SETTLE_AGAIN_MS);
}

static void ask_again(struct flow_run *run, const struct charge *charged)
{
    struct flow *flow = run->flow;
    int64_t pause = backoff(run);
    if (charged->retry_after_ms > pause)
        pause = charged->retry_after_ms;
    if (is_too_old(run) && run->stage == CHARGING)
        pause = LOOKUP_AFTER_MS < flow->opts.give_up_ms ? LOOKUP_AFTER_MS : flow->opts.give_up_ms;
    if (run->tries == 0 || run->tries == 6)
        log_line(LOG_LEVEL_WARNING, "order %s: the gateway %s (%s%s%s): asked again in %.1f s", run->id,
                 charged->outcome == CHARGE_NOT_YET ? "does not charge now" : "may have charged", charged->code, charged->message[0] ? ": " : "",
                 charged->message, (double)pause / 1000);
    run->tries++;
    /* The same POST would replay the same "being processed" for ever. */
    run->looks_next = strcmp(charged->code, "processing") == 0 || strcmp(charged->code, "requires_capture") == 0;
    pause_run(run, PAUSING, pause);
}

static void on_looked_up(struct flow_run *run, const struct charge *found)
{
    bool is_absent = found->outcome == CHARGE_ABSENT;
    if (found->outcome == CHARGE_PAID)
        end_charge(run, ORDER_PAID, NULL, NULL);
    else if (is_absent && is_of_unknown_age(run)) {     /* so a charge is the first: by a living key, or after a dead one's */
        run->order->created_ms = clock_ms();
        ask_gateway(run, CHARGING);
    } else if (is_absent && !is_too_old(run))           /* the search lags behind what is in process */
        ask_again(run, found);
    else if (is_absent || found->outcome == CHARGE_DECLINED) {
        log_line(LOG_LEVEL_WARNING, "order %s: cancelled, the gateway knows no charge of it", run->id);
        end_charge(run, ORDER_CANCELLED, "cancelled", "The payment could not be made in time. You have not been charged; please order again.");
    } else if (age_of(run) > KEY_LIFE_MS) {
        log_line(LOG_LEVEL_ERROR, "order %s: in review: nobody can tell whether it was charged; ask the gateway's dashboard for %s", run->id, run->key);
        end_charge(run, ORDER_REVIEW, "in_review", "We could not find out whether your card was charged. We look into it; please do not order again.");
    } else
        ask_again(run, found);
}

static void on_charged(struct charge *charged)
{
    struct flow_run *run = (struct flow_run *)((char *)charged - offsetof(struct flow_run, charge));
    struct flow *flow = run->flow;
    struct charge end = *charged;       /* what comes next takes its place */
    flow->stats.at_gateway--;
    memcpy(run->intent, end.intent, sizeof run->intent);
    if (run->stage == LOOKING)
        on_looked_up(run, &end);
    else if (end.outcome == CHARGE_PAID) {
        fail_point("after-charge");
        end_charge(run, ORDER_PAID, NULL, NULL);
    } else if (end.outcome == CHARGE_DECLINED)
        end_charge(run, ORDER_DECLINED, end.code, end.message);
    else {
        if (end.outcome == CHARGE_NOT_YET)
            flow->stats.not_yet++;
        else
            flow->stats.unknown++;
        ask_again(run, &end);
    }
    keep_ticking(flow);
}

static void ask_gateway(struct flow_run *run, enum stage stage)
{
    struct flow *flow = run->flow;
    run->stage = stage;
    run->charge = (struct charge){ .key = run->key, .order = run->reference, .method = run->order->method, .currency = run->order->currency,
                                   .amount_cents = run->order->total_cents, .done = on_charged };
    flow->stats.at_gateway++;
    if (stage == LOOKING) {
        flow->stats.lookups++;
        gateway_lookup(flow->opts.gateway, &run->charge);
    } else {
        flow->stats.charges++;
        gateway_charge(flow->opts.gateway, &run->charge);
    }
}

/* ---- T2: how it ended, the answer, the receipt's job --------------------------------------------------------------------- */

static void on_settled(struct store_op *op, int error)
{
    struct flow_run *run = (struct flow_run *)((char *)op - offsetof(struct flow_run, settle));
    struct flow *flow = run->flow;
    const struct store_settle end = run->settle;
    flow->in_store--;
    if (error == -EIO || error == -ESHUTDOWN) {
        log_line(LOG_LEVEL_ERROR, "order %s: %s, but that could not be stored: the next start asks the gateway again", run->id,
                 order_state_name(end.state));
        tell_all(run, &(struct flow_end){ .how = FLOW_BUSY });
        end_run(run);
        return;
    }
    if (error) {        /* it must be stored: the disk may get room, the lock free */
        pause_run(run, SETTLING_AGAIN, SETTLE_AGAIN_MS);
        return;
    }
    if (end.state == ORDER_PAID) {
        fail_point("after-paid");
        mailer_wake(flow->opts.mailer);
    }
    uint64_t *const counts[] = { [ORDER_PAID] = &flow->stats.paid, [ORDER_DECLINED] = &flow->stats.declined,
                                 [ORDER_CANCELLED] = &flow->stats.cancelled, [ORDER_REVIEW] = &flow->stats.review };
    *counts[end.state] += end.held;
    if (!end.held)
        log_line(LOG_LEVEL_ERROR, "order %s had ended already: somebody else has changed the database", run->id);
    tell_all(run, end.held ? &(struct flow_end){ .how = FLOW_ANSWERED, .status = end.status, .body = end.body, .size = end.size,
                                                 .token = run->order->token }
                           : &(struct flow_end){ .how = FLOW_IN_PROGRESS, .token = run->order->token });
    end_run(run);
}

static int status_of(enum order_state state)
{
    return state == ORDER_PAID ? 201 : state == ORDER_REVIEW ? 409 : 402;
}

static void settle(struct flow_run *run)
{
    struct flow *flow = run->flow;
    const enum order_state state = run->order->state;
    run->stage = SETTLING;
    run->settle = (struct store_settle){ .op = { .what = STORE_SETTLE, .port = flow->port, .done = on_settled }, .id = run->order->id,
                                         .state = state, .intent = run->intent, .status = status_of(state), .body = run->answer,
                                         .size = strlen(run->answer) };
    if (state == ORDER_PAID)
        fail_point("before-paid");
    flow->in_store++;
    store_post(flow->opts.store, &run->settle.op);
}

/* ---- what time brings ---------------------------------------------------------------------------------------------------- */

static void go_on(struct flow_run *run)
{
    DL_DELETE2(run->flow->pausing, run, pause_prev, pause_next);
    if (run->stage == SETTLING_AGAIN)
        settle(run);
    else
        ask_gateway(run, run->looks_next || is_too_old(run) ? LOOKING : CHARGING);
}

static void on_tick(uv_timer_t *timer)
{
    struct flow *flow = timer->data;
    int64_t now = clock_ms();
    while (flow->customers && flow->customers->until_ms <= now) {
        struct flow_end end = { .how = FLOW_IN_PROGRESS };
        if (flow->customers->run)
            end.token = flow->customers->run->order->token;
        tell(flow, flow->customers, &end);
    }
    struct flow_run *run, *next;
    DL_FOREACH_SAFE2(flow->pausing, run, next, pause_next)
        if (run->again_ms <= now && !flow->is_abandoned && (!flow->is_draining || run->customers || run->stage == SETTLING_AGAIN))
            go_on(run);
    keep_ticking(flow);
}

/* ---- from start to end --------------------------------------------------------------------------------------------------- */

int64_t flow_recover(struct flow *flow, struct store_reader *reader)
{
    struct order *orders[RECOVER_BATCH];
    int64_t found = 0, after = 0;
    int n;
    while ((n = store_read_charging(reader, after, orders, RECOVER_BATCH)) > 0)
        for (int i = 0; i < n; i++) {
            after = orders[i]->id;
            struct flow_run *run = add_run(flow, orders[i]);
            if (!run)
                return -ENOMEM;
            found++;
            ask_gateway(run, is_too_old(run) || is_of_unknown_age(run) ? LOOKING : CHARGING);
        }
    return n < 0 ? n : found;
}

int flow_open(const struct flow_opts *opts, struct flow **ret_flow)
{
    struct flow *flow = calloc(1, sizeof *flow);
    if (!flow)
        return -ENOMEM;
    flow->opts = *opts;
    flow->random = (uint64_t)clock_ms() | 1;
    int r = store_port_open(opts->store, opts->loop, &flow->port);
    if (r < 0) {
        free(flow);
        return r;
    }
    (void)uv_timer_init(opts->loop, &flow->tick);
    flow->tick.data = flow;
    *ret_flow = flow;
    return 0;
}

void flow_drain(struct flow *flow)
{
    flow->is_draining = true;
}

void flow_abandon(struct flow *flow)
{
    flow->is_draining = flow->is_abandoned = true;
    struct flow_run *run, *next;
    HASH_ITER(hh, flow->runs, run, next) {
        tell_all(run, &(struct flow_end){ .how = FLOW_IN_PROGRESS, .token = run->order->token });
        if (run->stage == CHARGING || run->stage == LOOKING) {
            gateway_abandon(flow->opts.gateway, &run->charge);
            flow->stats.at_gateway--;
            pause_run(run, PAUSING, INT32_MAX);
        }
    }
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void flow_close(struct flow *flow)
{
    if (!flow)
        return;
    struct flow_run *run, *next;
    HASH_ITER(hh, flow->runs, run, next) {
        HASH_DEL(flow->runs, run);
        order_free(run->order);
        free(run->answer);
        free(run);
    }
    store_port_close(flow->port);
    uv_close((uv_handle_t *)&flow->tick, on_closed);
}

void flow_stats(const struct flow *flow, struct flow_stats *ret_stats)
{
    *ret_stats = flow->stats;
}
