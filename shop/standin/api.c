/* api.c - payment intents as Stripe has them: what the shop and python3-stripe need of it.
 *
 * A key runs once. What is wrong with a request is told before, and not kept. What ran is kept, with its key, in the book, and a request
 * with the same key and parameters is answered from there, well, whatever the behaviours say: they are drawn for what would run. So an
 * answer that a fault kept from the client is there to be asked for, as from a gateway that has recovered ("charge_500" too: a faulty
 * machine in front of one that worked; Stripe itself would repeat its own 500 for a day). */
#include "standin/api.h"

#include "base/clock.h"
#include "standin/form.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 255, ORDER_MAX = 500, METHOD_MAX = 100, AMOUNT_MAX = 99999999 };

static void wrong(struct reply *reply, const char *code, const char *param, const char *what)
{
    reply_trouble(reply, 400, "invalid_request_error", code, param, "%s", what);
}

static void absent(struct reply *reply)
{
    reply_trouble(reply, 404, "invalid_request_error", "resource_missing", "intent", "No such payment_intent");
}

/* Goes into JSON as it is. */
static bool is_plain(const char *text, size_t most)
{
    size_t size = 0;
    for (; text[size]; size++)
        if (!isascii(text[size]) || !isprint((unsigned char)text[size]) || text[size] == '"' || text[size] == '\\' || size == most)
            return false;
    return true;
}

/* ---- POST /v1/payment_intents ---- */

struct order {
    struct intent intent;
    bool confirms, fails_on_action;     /* error_on_requires_action: what the bank wants to ask the customer is a decline */
};

static bool read_amount(const char *text, int64_t *ret_amount)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 8 || text[n] != '\0')
        return false;
    *ret_amount = strtoll(text, NULL, 10);
    return *ret_amount > 0 && *ret_amount <= AMOUNT_MAX;
}

static bool read_currency(const char *text, char currency[static 4])
{
    if (strlen(text) != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        if (!isalpha((unsigned char)text[i]))
            return false;
        currency[i] = (char)tolower((unsigned char)text[i]);
    }
    return true;
}

/* False: the reply says what is wrong. */
static bool take_field(struct order *order, const char *name, const char *value, struct reply *reply)
{
    if (strcmp(name, "amount") == 0 && !read_amount(value, &order->intent.amount)) {
        wrong(reply, "parameter_invalid_integer", "amount", "Invalid positive integer");
        return false;
    }
    if (strcmp(name, "currency") == 0 && !read_currency(value, order->intent.currency)) {
        wrong(reply, NULL, "currency", "Invalid currency");
        return false;
    }
    if (strcmp(name, "metadata[order]") == 0) {
        order->intent.order = value;
        if (!is_plain(value, ORDER_MAX)) {
            wrong(reply, NULL, "metadata[order]", "The stand-in takes up to 500 printable characters without quotes and backslashes");
            return false;
        }
    }
    if (strcmp(name, "payment_method") == 0)
        order->intent.method = value;
    if (strcmp(name, "confirm") == 0)
        order->confirms = strcasecmp(value, "true") == 0;
    if (strcmp(name, "error_on_requires_action") == 0)
        order->fails_on_action = strcasecmp(value, "true") == 0;
    return true;
}

/* "pm_behave_NAME", or -1. */
static int behaviour_of(const char *method)
{
    static const char prefix[] = "pm_behave_";
    size_t size = sizeof prefix - 1;
    return strncmp(method, prefix, size) == 0 ? behave_named(method + size, strlen(method + size)) : -1;
}

static bool knows_method(const char *method)
{
    return is_plain(method, METHOD_MAX) &&
           (strncmp(method, "pm_card_", 8) == 0 || strcmp(method, "pm_slow") == 0 || behaviour_of(method) >= 0);
}

static bool read_order(char *form, struct order *order, struct reply *reply)
{
    *order = (struct order){ .intent = { .key = "", .order = "", .method = "" } };
    char *name, *value;
    while (form_next(&form, &name, &value))
        if (!take_field(order, name, value, reply))
            return false;
    if (form)
        wrong(reply, NULL, NULL, "The body is no form");
    else if (order->intent.amount == 0)
        wrong(reply, "parameter_missing", "amount", "Missing required param: amount.");
    else if (!*order->intent.currency)
        wrong(reply, "parameter_missing", "currency", "Missing required param: currency.");
    else if (!knows_method(order->intent.method))
        wrong(reply, "resource_missing", "payment_method", "No such PaymentMethod");
    else if (!order->confirms)
        wrong(reply, NULL, "confirm", "The stand-in knows no intents that are confirmed later: confirm=true");
    else
        return true;
    return false;
}

static bool is_same(const struct intent *a, const struct intent *b)
{
    return a->amount == b->amount && strcmp(a->currency, b->currency) == 0 && strcmp(a->method, b->method) == 0 &&
           strcmp(a->order, b->order) == 0;
}

static void in_progress(struct reply *reply)
{
    reply_trouble(reply, 409, "idempotency_error", "idempotency_key_in_use", NULL,
                "There is currently another in-progress request using this idempotent key. Please try again later.");
}

static void first_answer(struct reply *reply, const struct intent *intent, uint32_t i)
{
    if (intent->first == INTENT_DECLINED) {
        reply_decline(reply, intent, i);
    } else {
        reply_begin(reply, 200);
        reply_intent(reply, intent, i, (enum intent_state)intent->first);
    }
}

static void replay(struct api *api, const struct intent *asked, uint32_t i, struct reply *reply)
{
    const struct intent *intent = book_intent(api->book, i);
    if (intent->is_busy) {
        in_progress(reply);
    } else if (!is_same(intent, asked)) {
        reply_trouble(reply, 400, "idempotency_error", NULL, NULL,
                    "Keys for idempotent requests can only be used with the same parameters they were "
                    "first used with. Try using a key other than '%s' if you meant to execute a different request.", asked->key);
    } else {
        first_answer(reply, intent, i);
        reply->is_replayed = true;
    }
}

static void out_of_order(struct reply *reply)
{
    reply_trouble(reply, 500, "api_error", NULL, NULL, "An unknown error occurred");
}

/* Makes the intent and tells the ledger; false: the reply says that it did not. */
static bool run(struct api *api, struct intent *intent, enum intent_state state, struct reply *reply)
{
    static const char *const events[] = { [INTENT_PAID] = "charge", [INTENT_DECLINED] = "decline", [INTENT_ACTION] = "action" };
    uint32_t i = book_count(api->book);
    intent->state = intent->first = (uint8_t)state;
    intent->at_ms = clock_wall_ms();
    intent->salt = book_next_salt(api->book);
    if (ledger_write(&api->ledger, events[state], intent, i, intent->at_ms) < 0 || book_add(api->book, intent) < 0) {
        out_of_order(reply);
        return false;
    }
    first_answer(reply, intent, i);
    return true;
}

/* The answer to what did not run, or not as it should. */
static void misbehave(enum behaviour behaviour, struct reply *reply)
{
    switch (behaviour) {
    case BEHAVE_DROP:
    case BEHAVE_CHARGE_DROP:
        reply->fault = FAULT_DROP;
        break;
    case BEHAVE_HANG:
    case BEHAVE_CHARGE_HANG:
        reply->fault = FAULT_HANG;
        break;
    case BEHAVE_HALF:
        reply->fault = FAULT_HALF;
        break;
    case BEHAVE_500:
    case BEHAVE_CHARGE_500:
        out_of_order(reply);
        break;
    case BEHAVE_429:
        reply_trouble(reply, 429, "invalid_request_error", "rate_limit", NULL, "Request rate limit exceeded.");
        reply->retry_after = "1";
        break;
    case BEHAVE_GARBAGE:
    case BEHAVE_CHARGE_GARBAGE:
        reply_begin(reply, 200);
        reply_add(reply, "<html><body>Welcome to nginx!</body></html>\n");
        break;
    case BEHAVE_IN_PROGRESS:
        in_progress(reply);
        break;
    default:
        break;
    }
}

static bool runs(enum behaviour behaviour)
{
    switch (behaviour) {
    case BEHAVE_DROP:
    case BEHAVE_HANG:
    case BEHAVE_500:
    case BEHAVE_429:
    case BEHAVE_GARBAGE:
    case BEHAVE_IN_PROGRESS:
        return false;
    default:
        return true;
    }
}

static enum intent_state outcome(enum behaviour behaviour, const struct order *order)
{
    if (behaviour != BEHAVE_DECLINE && strstr(order->intent.method, "authenticationRequired") && !order->fails_on_action)
        return INTENT_ACTION;
    return behaviour == BEHAVE_DECLINE || reply_declines(order->intent.method) ? INTENT_DECLINED : INTENT_PAID;
}

static void create(struct api *api, struct api_call *call, struct reply *reply)
{
    struct order order;
    if (call->key && !is_plain(call->key, KEY_MAX)) {
        wrong(reply, NULL, NULL, "The stand-in takes idempotency keys of up to 255 printable characters without quotes and backslashes");
        return;
    }
    if (!read_order(call->form, &order, reply))
        return;
    order.intent.key = call->key ? call->key : "";
    uint32_t i = book_by_key(api->book, order.intent.key);
    if (i != BOOK_NONE) {
        replay(api, &order.intent, i, reply);
        reply->delay_ms = api->delay_ms;
        return;
    }
    int own = behaviour_of(order.intent.method);
    enum behaviour behaviour = own >= 0 ? (enum behaviour)own : behave_draw(&api->behave, &api->seed);
    i = book_count(api->book);
    if (runs(behaviour) && !run(api, &order.intent, outcome(behaviour, &order), reply))
        return;
    misbehave(behaviour, reply);
    bool is_slow = behaviour == BEHAVE_SLOW || strcmp(order.intent.method, "pm_slow") == 0;
    reply->delay_ms = api->delay_ms + (is_slow ? SLOW_MS : 0);
    if (runs(behaviour) && reply->fault == FAULT_NONE && reply->delay_ms > 0) {
        book_intent(api->book, i)->is_busy = true;
        reply->busy = i;
    }
}

void api_answered(struct api *api, uint32_t intent)
{
    book_intent(api->book, intent)->is_busy = false;
}

/* ---- the other requests ---- */

static void cancel(struct api *api, uint32_t i, struct reply *reply)
{
    struct intent *intent = book_intent(api->book, i);
    if (intent->state == INTENT_PAID || intent->state == INTENT_CANCELLED) {
        reply_trouble(reply, 400, "invalid_request_error", "payment_intent_unexpected_state", NULL,
                    "You cannot cancel this PaymentIntent because it has a status of %s.",
                    intent->state == INTENT_PAID ? "succeeded" : "canceled");
    } else if (ledger_write(&api->ledger, "cancel", intent, i, clock_wall_ms()) < 0) {
        out_of_order(reply);
    } else {
        intent->state = INTENT_CANCELLED;
        reply_begin(reply, 200);
        reply_intent(reply, intent, i, INTENT_CANCELLED);
    }
}

/* /v1/payment_intents/ID or, of a POST, /v1/payment_intents/ID/cancel */
static void one(struct api *api, const char *rest, bool is_post, struct reply *reply)
{
    char id[64];
    size_t size = strcspn(rest, "/");
    if (strcmp(rest + size, is_post ? "/cancel" : "") != 0 || size >= sizeof id) {
        absent(reply);
        return;
    }
    memcpy(id, rest, size);
    id[size] = '\0';
    uint32_t i = book_by_id(api->book, id);
    if (i == BOOK_NONE) {
        absent(reply);
    } else if (is_post) {
        cancel(api, i, reply);
    } else {
        reply_begin(reply, 200);
        reply_intent(reply, book_intent(api->book, i), i, (enum intent_state)book_intent(api->book, i)->state);
    }
}

static uint32_t limit_of(const char *text)
{
    unsigned long limit = text ? strtoul(text, NULL, 10) : 10;
    return limit >= 1 && limit <= 100 ? (uint32_t)limit : 10;
}

/* From i on, back in time: all, or those of its order. */
static void list(struct api *api, uint32_t i, uint32_t limit, bool of_order, const char *head, struct reply *reply)
{
    reply_begin(reply, 200);
    reply_add(reply, "{%s,\"data\":[", head);
    for (const char *comma = ""; i != BOOK_NONE && limit > 0; limit--, comma = ",") {
        const struct intent *intent = book_intent(api->book, i);
        reply_add(reply, "%s", comma);
        reply_intent(reply, intent, i, (enum intent_state)intent->state);
        i = of_order ? intent->before : i - 1;      /* 0 - 1 is BOOK_NONE */
    }
    reply_add(reply, "],\"has_more\":%s}", i == BOOK_NONE ? "false" : "true");
}

/* metadata['order']:'ID', with either kind of quotes. */
static bool order_of(const char *query, char *order, size_t size)
{
    static const char *const forms[] = { "metadata['order']:'", "metadata[\"order\"]:\"", "metadata['order']:\"", "metadata[\"order\"]:'" };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t head = strlen(forms[i]);
        if (strncmp(query, forms[i], head) != 0)
            continue;
        const char quote[] = { forms[i][head - 1], '\0' };
        size_t n = strcspn(query + head, quote);
        if (strcmp(query + head + n, quote) != 0 || n >= size)
            return false;
        memcpy(order, query + head, n);
        order[n] = '\0';
        return true;
    }
    return false;
}

static void search(struct api *api, const struct api_call *call, struct reply *reply)
{
    char order[ORDER_MAX + 1];
    if (!call->query || !order_of(call->query, order, sizeof order))
        wrong(reply, NULL, "query", "The stand-in searches for metadata['order']:'...' alone");
    else
        list(api, book_by_order(api->book, order), limit_of(call->limit), true,
             "\"object\":\"search_result\",\"url\":\"/v1/payment_intents/search\"", reply);
}

static void all(struct api *api, struct api_call *call, struct reply *reply)
{
    uint32_t i = book_count(api->book);
    if (call->starting_after)
        i = book_by_id(api->book, call->starting_after);
    if (i == BOOK_NONE)
        absent(reply);
    else
        list(api, i - 1, limit_of(call->limit), false, "\"object\":\"list\",\"url\":\"/v1/payment_intents\"", reply);
}

static void behave(struct api *api, struct api_call *call, struct reply *reply)
{
    struct behave wanted = api->behave;
    uint32_t delay_ms = api->delay_ms;
    char *form = call->form, *name, *value;
    bool good = true;
    while (form_next(&form, &name, &value)) {
        size_t figures = strspn(value, "0123456789");
        if (strcmp(name, "behave") == 0)
            good = good && behave_read(value, &wanted) == 0;
        else if (strcmp(name, "delay_ms") == 0 && figures > 0 && figures < 8 && value[figures] == '\0')
            delay_ms = (uint32_t)strtoul(value, NULL, 10);
        else
            good = false;
    }
    if (form || !good) {
        wrong(reply, NULL, NULL, "behave=NAME[:PERCENT][,...] and delay_ms=N are understood");
        return;
    }
    api->behave = wanted;
    api->delay_ms = delay_ms;
    reply_begin(reply, 200);
    reply_add(reply, "{\"delay_ms\":%u}\n", delay_ms);
}

static bool may_ask(const struct api *api, const char *authorization)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return false;
    return api->key ? strcmp(authorization + 7, api->key) == 0 : strncmp(authorization + 7, "sk_", 3) == 0;
}

static void unknown(const struct api_call *call, struct reply *reply)
{
    bool can_tell = is_plain(call->path, 200) && is_plain(call->method, 20);
    reply_trouble(reply, 404, "invalid_request_error", NULL, NULL, "Unrecognized request URL (%s: %s).", can_tell ? call->method : "...",
                can_tell ? call->path : "...");
}

void api_answer(struct api *api, struct api_call *call, struct reply *reply)
{
    static const char intents[] = "/v1/payment_intents";
    bool is_post = strcmp(call->method, "POST") == 0, is_get = strcmp(call->method, "GET") == 0;
    size_t head = sizeof intents - 1;
    reply_begin(reply, 200);
    if (is_post && strcmp(call->path, "/stand-in/behave") == 0)
        behave(api, call, reply);
    else if (is_get && strcmp(call->path, "/stand-in/ledger") == 0)
        reply->is_ledger = true;
    else if (!may_ask(api, call->authorization))
        reply_trouble(reply, 401, "invalid_request_error", NULL, NULL, "Invalid API Key provided");
    else if ((!is_post && !is_get) || strncmp(call->path, intents, head) != 0)
        unknown(call, reply);
    else if (call->path[head] == '\0')
        (is_post ? create : all)(api, call, reply);
    else if (is_get && strcmp(call->path + head, "/search") == 0)
        search(api, call, reply);
    else if (call->path[head] == '/')
        one(api, call->path + head + 1, is_post, reply);
    else
        unknown(call, reply);
}
