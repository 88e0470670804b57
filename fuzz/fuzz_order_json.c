/* fuzz_order_json.c - any bytes as the body of POST /orders: a flaw of a field that has a place in an order, or an order that keeps what
 * order.h promises, whose answer is JSON; and which is the same when its body is written anew. */
#include "order_oracle.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By another way than the first: sorted, without blanks, and with escapes. */
static void check_rewritten(const char *body, size_t size, const struct order *order)
{
    struct order *again = NULL;
    struct flaw flaw = { 0 };
    json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
    must(root != NULL);
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    must(text && request_from_json(catalogue_demo(), "key", text, strlen(text), &again, &flaw) == 0);
    must(token_same(&order->body_hash, &again->body_hash));
    order_free(again);
    free(text);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct order *order = NULL;
    struct flaw flaw = { 0 };
    json_object_seed(1);
    char *body = copy_of(data, size);
    int r = request_from_json(catalogue_demo(), "key", body, size, &order, &flaw);
    check_outcome(r, order, &flaw, false);
    if (r == 0)
        check_rewritten(body, size, order);
    order_free(order);
    free(body);
    return 0;
}
