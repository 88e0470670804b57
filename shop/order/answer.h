/* answer.h - what POST /orders and GET /orders/TOKEN say, as JSON, in malloc'd text that the caller frees; NULL: no memory.
 *
 * An order: {"order": {"token", "url", "state", "total_cents", "currency", "items": [{"sku", "qty", "price_cents"}], "receipt",
 * "created"}}; an error: {"error": {"code", "message", "field" (if one is wrong)}}, with "order" beside it once there is one. One line,
 * ended by a newline. E-mail and address are not repeated: who has the address of the page need not know them. */
#pragma once
#include "order/order.h"

char *answer_order(const struct order *order, enum receipt_state receipt);
/* `order` and `field` may be NULL. */
char *answer_error(const char *code, const char *field, const char *message, const struct order *order);
