/* reply.c - intents and errors in the shape that Stripe gives them. */
#include "standin/reply.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reply_begin(struct reply *reply, int status)
{
    *reply = (struct reply){ .status = status, .busy = BOOK_NONE, .body = reply->body, .room = reply->room };
}

static void add(struct reply *reply, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
static void add(struct reply *reply, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(reply->body + reply->size, reply->room - reply->size, fmt, args);
    if ((size_t)n >= reply->room - reply->size) {
        size_t room = (reply->size + (size_t)n + 1) * 2;
        char *wider = realloc(reply->body, room);
        if (wider) {
            reply->body = wider;
            reply->room = room;
            (void)vsnprintf(reply->body + reply->size, room - reply->size, fmt, again);
        } else {
            reply->is_broken = true;
            n = 0;
        }
    }
    reply->size += (size_t)n;
    va_end(again);
}

void reply_add(struct reply *reply, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add(reply, fmt, args);
    va_end(args);
}

/* ---- declines ---- */

struct decline {
    const char *method;         /* its name ends so */
    const char *code, *decline_code, *message;
};
static const struct decline declines[] = {
    { "chargeDeclined", "card_declined", "generic_decline", "Your card was declined." },
    { "chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "Your card has insufficient funds." },
    { "chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined." },
    { "chargeDeclinedExpiredCard", "expired_card", "expired_card", "Your card has expired." },
    { "chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect." },
    { "authenticationRequired", "authentication_required", "authentication_required",
      "Your card was declined. This transaction requires authentication." },
    { "chargeDeclinedProcessingError", "processing_error", "processing_error",
      "An error occurred while processing your card. Try again in a little bit." },
};

static const struct decline *decline_of(const char *method)
{
    size_t size = strlen(method);
    for (size_t i = 0; i < sizeof declines / sizeof declines[0]; i++) {
        size_t end = strlen(declines[i].method);
        if (size >= end && strcmp(method + size - end, declines[i].method) == 0)
            return &declines[i];
    }
    return NULL;
}

bool reply_declines(const char *method)
{
    return decline_of(method) != NULL;
}

static void add_decline(struct reply *reply, const struct decline *decline, const struct intent *intent, uint32_t i)
{
    char id[BOOK_ID_SIZE];
    reply_add(reply, "\"charge\":\"ch_%s\",\"code\":\"%s\",\"decline_code\":\"%s\",\"message\":\"%s\",\"type\":\"card_error\"",
              book_write_id(i, intent->salt, id) + 3, decline->code, decline->decline_code, decline->message);
}

/* ---- intents ---- */

static const char *const states[] = {
    [INTENT_PAID] = "succeeded", [INTENT_DECLINED] = "requires_payment_method", [INTENT_ACTION] = "requires_action",
    [INTENT_CANCELLED] = "canceled",
};

void reply_intent(struct reply *reply, const struct intent *intent, uint32_t i, enum intent_state state)
{
    char id[BOOK_ID_SIZE];
    bool is_paid = state == INTENT_PAID;
    book_write_id(i, intent->salt, id);
    reply_add(reply,
              "{\"id\":\"%s\",\"object\":\"payment_intent\",\"amount\":%" PRId64 ",\"amount_capturable\":0,\"amount_received\":%" PRId64 ","
              "\"canceled_at\":null,\"cancellation_reason\":null,\"capture_method\":\"automatic\",\"client_secret\":\"%s_secret_%08x\","
              "\"confirmation_method\":\"automatic\",\"created\":%" PRId64 ",\"currency\":\"%s\",\"customer\":null,\"description\":null,"
              "\"last_payment_error\":",
              id, intent->amount, is_paid ? intent->amount : 0, id, intent->salt, intent->at_ms / 1000, intent->currency);
    if (state == INTENT_DECLINED) {
        const struct decline *decline = decline_of(intent->method);
        reply_add(reply, "{");
        add_decline(reply, decline ? decline : &declines[0], intent, i);
        reply_add(reply, "}");
    } else
        reply_add(reply, "null");
    reply_add(reply, ",\"latest_charge\":");
    if (is_paid || state == INTENT_DECLINED)
        reply_add(reply, "\"ch_%s\"", id + 3);
    else
        reply_add(reply, "null");
    reply_add(reply, ",\"livemode\":false,\"metadata\":{");
    if (*intent->order)
        reply_add(reply, "\"order\":\"%s\"", intent->order);
    reply_add(reply, "},\"next_action\":%s,\"payment_method\":", state == INTENT_ACTION ? "{\"type\":\"use_stripe_sdk\"}" : "null");
    if (state == INTENT_DECLINED)
        reply_add(reply, "null");
    else
        reply_add(reply, "\"%s\"", intent->method);
    reply_add(reply, ",\"payment_method_types\":[\"card\"],\"receipt_email\":null,\"status\":\"%s\"}", states[state]);
}

void reply_decline(struct reply *reply, const struct intent *intent, uint32_t i)
{
    const struct decline *decline = decline_of(intent->method);
    reply_begin(reply, 402);
    reply_add(reply, "{\"error\":{");
    add_decline(reply, decline ? decline : &declines[0], intent, i);
    reply_add(reply, ",\"payment_intent\":");
    reply_intent(reply, intent, i, INTENT_DECLINED);
    reply_add(reply, "}}");
}

void reply_trouble(struct reply *reply, int status, const char *type, const char *code, const char *param, const char *fmt, ...)
{
    va_list args;
    reply_begin(reply, status);
    reply_add(reply, "{\"error\":{");
    if (code)
        reply_add(reply, "\"code\":\"%s\",\"doc_url\":\"https://stripe.com/docs/error-codes/%s\",", code, code);
    reply_add(reply, "\"message\":\"");
    va_start(args, fmt);
    add(reply, fmt, args);
    va_end(args);
    if (param)
        reply_add(reply, "\",\"param\":\"%s", param);
    reply_add(reply, "\",\"type\":\"%s\"}}", type);
}
