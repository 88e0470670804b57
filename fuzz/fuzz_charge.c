/* fuzz_charge.c - any bytes as the answer of a payment gateway: paid or declined are only answers that say so about this very order.
 *
 * The first three bytes choose a status, whether it is a lookup, and where the others are laid over an answer that is good; so that what
 * is nearly right comes up often. */
#include "gateway/verdict.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char intent[] =
    "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"amount\":1990,\"amount_received\":1990,\"currency\":\"eur\",\"metadata\":{\"order\":\"o1\"},"
    "\"status\":\"succeeded\"}";
static const char decline[] = "{\"error\":{\"type\":\"card_error\",\"code\":\"card_declined\",\"message\":\"No.\",\"param\":\"\"}}";
static const char list[] =
    "{\"object\":\"search_result\",\"has_more\":false,\"data\":[{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"amount\":1990,"
    "\"amount_received\":1990,\"currency\":\"eur\",\"metadata\":{\"order\":\"o1\"},\"status\":\"succeeded\"}]}";
static const int statuses[] = { 200, 402, 400, 401, 403, 404, 409, 429, 500, 302, 201, 0 };

static void must(bool truth)
{
    if (!truth)
        abort();
}

static bool is_text(json_t *object, const char *name, const char *text)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value && strcmp(value, text) == 0;
}

static bool is_paid(json_t *one)
{
    return is_text(one, "object", "payment_intent") && is_text(one, "status", "succeeded") && is_text(one, "currency", "eur") &&
           json_integer_value(json_object_get(one, "amount")) == 1990 && json_integer_value(json_object_get(one, "amount_received")) == 1990 &&
           is_text(json_object_get(one, "metadata"), "order", "o1");
}

static void check(const struct charge *c, bool is_lookup, int status, const char *body, size_t size)
{
    json_t *root = json_loadb(body, size, 0, NULL), *data = json_object_get(root, "data"), *one;
    bool any_paid = false;
    size_t i;
    json_array_foreach(data, i, one)
        any_paid = any_paid || is_paid(one);
    must(c->http_status == status);
    must(memchr(c->code, '\0', sizeof c->code) && memchr(c->message, '\0', sizeof c->message) && memchr(c->intent, '\0', sizeof c->intent));
    if (c->outcome == CHARGE_PAID)
        must(status == 200 && (is_lookup ? any_paid : is_paid(root)));
    if (c->outcome == CHARGE_DECLINED)
        must(root && (is_lookup ? status == 200 && !any_paid : (status == 200 || status == 400 || status == 402 || status == 404) && !is_paid(root)));
    if (c->outcome == CHARGE_NOT_YET)
        must(!is_lookup && status >= 400 && status < 500 && status != 402);
    if (c->outcome == CHARGE_ABSENT)
        must(is_lookup && status == 200 && json_is_array(data) && json_array_size(data) == 0);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    int status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
    bool is_lookup = data[1] & 1;
    const char *base = is_lookup ? list : status == 200 ? intent : decline;
    size_t base_size = data[1] & 2 ? 0 : strlen(base), at = base_size ? data[2] % base_size : 0, n = size - 3;
    size_t whole = base_size > at + n ? base_size : at + n;
    char *body = malloc(whole + 1);
    must(body != NULL);
    memcpy(body, base, base_size);
    memcpy(body + at, data + 3, n);
    struct charge charge = { .key = "k1", .order = "o1", .method = "pm_card_visa", .currency = "eur", .amount_cents = 1990 };
    (is_lookup ? verdict_of_lookup : verdict_of_charge)(&charge, status, body, whole);
    check(&charge, is_lookup, status, body, whole);
    free(body);
    return 0;
}
