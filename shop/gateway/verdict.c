/* verdict.c - reads answers with jansson.
 *
 * A mistake here charges somebody twice, or ships what was not paid. So: PAID and DECLINED only on an answer that is whole, of the right
 * kind, and about this order, amount and currency. NOT_YET only on what a gateway answers before it runs a request. All else is UNKNOWN.
 *
 *   200 succeeded                        PAID
 *   200 requires_payment_method,         DECLINED: the attempt is over. To go on takes another card, or the customer with the intent's
 *       requires_action, canceled        client secret, which is never read here: nobody has it, so it need not be cancelled. (The request
 *                                        says error_on_requires_action, so that Stripe gives 402 rather than requires_action.)
 *   200 processing, requires_capture...  UNKNOWN: money may move. A replay repeats the first answer, so in the end only a lookup tells
 *   402 card_error                       DECLINED
 *   400, 404 about method or amount      DECLINED: another try will be no better
 *   400 idempotency_error                UNKNOWN: the key has run with other parameters, and maybe charged
 *   400, 401, 403, 404                   NOT_YET: the operator's to mend
 *   409, 429                             NOT_YET. 409: not by this request; but another one with its key is under way, and may charge
 *   3xx, 5xx, what is left               UNKNOWN */
#include "gateway/verdict.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Cut between characters; what is no printable text becomes a space. */
static void copy_text(char *to, size_t room, const char *from)
{
    size_t n = strnlen(from, room);
    if (n == room) {
        n--;
        while (n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80)
            n--;
    }
    for (size_t i = 0; i < n; i++)
        to[i] = iscntrl((unsigned char)from[i]) ? ' ' : from[i];
    to[n] = '\0';
}

void verdict_set(struct charge *charge, enum charge_outcome outcome, const char *code, const char *message)
{
    charge->outcome = outcome;
    copy_text(charge->code, sizeof charge->code, code);
    copy_text(charge->message, sizeof charge->message, message);
}

/* The member's text; "" if it is absent, null or something else. */
static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool is_text(const json_t *object, const char *name, const char *text)
{
    return strcmp(text_of(object, name), text) == 0;
}

static bool is_amount(const json_t *object, const char *name, int64_t amount)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) && json_integer_value(value) == amount;
}

/* A name of the gateway's, such as goes into paths and logs. */
static bool is_word(const char *text, size_t most)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n < most && text[n] == '\0';
}

/* ---- intents ---- */

/* False: it is no intent, or one about something else, and the verdict says which. */
static bool is_ours(struct charge *charge, const json_t *intent)
{
    const char *id = text_of(intent, "id");
    if (!is_text(intent, "object", "payment_intent") || strncmp(id, "pi_", 3) != 0 || !is_word(id, sizeof charge->intent)) {
        verdict_set(charge, CHARGE_UNKNOWN, "garbage", "the answer is no payment intent");
        return false;
    }
    memcpy(charge->intent, id, strlen(id) + 1);
    if (!is_text(json_object_get(intent, "metadata"), "order", charge->order)) {
        verdict_set(charge, CHARGE_UNKNOWN, "wrong_order", "the gateway's answer is about another order");
        return false;
    }
    if (!is_amount(intent, "amount", charge->amount_cents) || !is_text(intent, "currency", charge->currency)) {
        verdict_set(charge, CHARGE_UNKNOWN, "wrong_amount", "the gateway's answer tells another amount or currency than was asked for");
        return false;
    }
    return true;
}

static void judge_paid(struct charge *charge, const json_t *intent)
{
    if (is_amount(intent, "amount_received", charge->amount_cents))
        verdict_set(charge, CHARGE_PAID, "", "");
    else
        verdict_set(charge, CHARGE_UNKNOWN, "wrong_amount", "the gateway says that it received another amount than was asked for");
}

static void judge_intent(struct charge *charge, const json_t *intent)
{
    static const struct end {
        const char *status, *code, *message;
    } ends[] = {
        { "requires_payment_method", "card_declined", "The card was declined." },
        { "requires_action", "authentication_required",
          "The bank wants the card holder to confirm the payment, which cannot be done here." },
        { "canceled", "canceled", "The payment was cancelled." },
    };
    if (!is_ours(charge, intent))
        return;
    const char *status = text_of(intent, "status");
    if (strcmp(status, "succeeded") == 0) {
        judge_paid(charge, intent);
        return;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (strcmp(status, ends[i].status) == 0) {
            verdict_set(charge, CHARGE_DECLINED, ends[i].code, ends[i].message);
            return;
        }
    verdict_set(charge, CHARGE_UNKNOWN, is_word(status, sizeof charge->code) ? status : "garbage",
                "the payment is neither made nor refused");
}

/* ---- errors ---- */

struct trouble {
    const char *type, *code, *param, *message;
    const json_t *intent;       /* NULL: none */
};

static struct trouble trouble_of(const json_t *root)
{
    const json_t *error = json_object_get(root, "error"), *intent = json_object_get(error, "payment_intent");
    return (struct trouble){ text_of(error, "type"), text_of(error, "code"), text_of(error, "param"), text_of(error, "message"),
                             json_is_object(intent) ? intent : NULL };
}

/* A decline comes with its intent: one that is not paid, and ours. */
static void judge_decline(struct charge *charge, const struct trouble *trouble)
{
    if (strcmp(trouble->type, "card_error") != 0) {
        verdict_set(charge, CHARGE_UNKNOWN, "http_402", *trouble->message ? trouble->message : "402, and no error of a card");
        return;
    }
    if (trouble->intent) {
        judge_intent(charge, trouble->intent);
        if (charge->outcome == CHARGE_PAID)
            verdict_set(charge, CHARGE_UNKNOWN, "contradiction", "the gateway says that the card was declined, and the payment made");
        if (charge->outcome != CHARGE_DECLINED)
            return;
    }
    verdict_set(charge, CHARGE_DECLINED, is_word(trouble->code, sizeof charge->code) ? trouble->code : "card_declined",
                *trouble->message ? trouble->message : "The card was declined.");
}

/* What the customer chose will not do. */
static bool is_choice(const struct trouble *trouble, const char **ret_code, const char **ret_message)
{
    if (strcmp(trouble->code, "amount_too_small") == 0 || strcmp(trouble->code, "amount_too_large") == 0) {
        *ret_code = trouble->code;
        *ret_message = "The amount cannot be paid by card.";
        return true;
    }
    if (strcmp(trouble->param, "payment_method") == 0 || strncmp(trouble->code, "payment_method_", 15) == 0) {
        *ret_code = strncmp(trouble->code, "payment_method_", 15) == 0 ? trouble->code : "payment_method_invalid";
        *ret_message = "This payment method cannot be used.";
        return true;
    }
    return false;
}

static void judge_refusal(struct charge *charge, int status, const struct trouble *trouble)
{
    const char *code, *message;
    char by_status[16];
    (void)snprintf(by_status, sizeof by_status, "http_%d", status);
    if (strcmp(trouble->type, "idempotency_error") == 0)
        verdict_set(charge, CHARGE_UNKNOWN, "key_reused", "the gateway has had this key with other parameters");
    else if (is_choice(trouble, &code, &message))
        verdict_set(charge, CHARGE_DECLINED, code, message);
    else
        verdict_set(charge, CHARGE_NOT_YET, is_word(trouble->code, sizeof charge->code) ? trouble->code : by_status,
                    *trouble->message ? trouble->message : "the gateway refuses the request");
}

static void judge_other(struct charge *charge, int status, const struct trouble *trouble)
{
    char code[16], message[64];
    (void)snprintf(code, sizeof code, "http_%d", status);
    (void)snprintf(message, sizeof message, "the gateway answered %d", status);
    verdict_set(charge, CHARGE_UNKNOWN, code, *trouble->message ? trouble->message : message);
}

static json_t *read_body(const char *body, size_t size)
{
    json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
    if (root && !json_is_object(root)) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

static void begin(struct charge *charge, int http_status)
{
    charge->intent[0] = '\0';
    charge->http_status = http_status;
}

void verdict_of_charge(struct charge *charge, int http_status, const char *body, size_t size)
{
    json_t *root = read_body(body, size);
    struct trouble trouble = trouble_of(root);
    begin(charge, http_status);
    switch (http_status) {
    case 200:
    case 402:
        if (!root)
            verdict_set(charge, CHARGE_UNKNOWN, "garbage", "the answer is no JSON");
        else if (http_status == 200)
            judge_intent(charge, root);
        else
            judge_decline(charge, &trouble);
        break;
    case 400:
    case 401:
    case 403:
    case 404:
        judge_refusal(charge, http_status, &trouble);
        break;
    case 409:
        verdict_set(charge, CHARGE_NOT_YET, "in_progress", "the gateway is at work on another request with this key");
        break;
    case 429:
        verdict_set(charge, CHARGE_NOT_YET, "too_many", "the gateway takes no more requests for now");
        break;
    default:
        judge_other(charge, http_status, &trouble);
    }
    json_decref(root);
}

/* ---- lookup ---- */

/* What several intents of one order say together: one that is paid, or may be, outweighs those that are not. */
static void judge_all(struct charge *charge, const json_t *data)
{
    struct charge sum = *charge, one = *charge;
    size_t i, n_paid = 0;
    const json_t *intent;
    verdict_set(&sum, CHARGE_ABSENT, "", "");
    json_array_foreach(data, i, intent) {
        judge_intent(&one, intent);
        n_paid += one.outcome == CHARGE_PAID;
        if (one.outcome == CHARGE_PAID || sum.outcome == CHARGE_ABSENT || (one.outcome == CHARGE_UNKNOWN && sum.outcome == CHARGE_DECLINED))
            sum = one;
    }
    *charge = sum;
    if (n_paid > 1)
        verdict_set(charge, CHARGE_PAID, "paid_twice", "the gateway has more than one payment of this order");
}

void verdict_of_lookup(struct charge *charge, int http_status, const char *body, size_t size)
{
    json_t *root = read_body(body, size);
    const json_t *data = json_object_get(root, "data");
    struct trouble trouble = trouble_of(root);
    begin(charge, http_status);
    if (http_status != 200)
        judge_other(charge, http_status, &trouble);
    else if (!is_text(root, "object", "search_result") || !json_is_array(data) || !json_is_false(json_object_get(root, "has_more")))
        verdict_set(charge, CHARGE_UNKNOWN, "garbage", "the answer is no list, or one that is too long");
    else
        judge_all(charge, data);
    json_decref(root);
}
