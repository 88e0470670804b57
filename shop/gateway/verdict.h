/* verdict.h - what an answer of the gateway says about the charge. Pure: no sockets, no clock. */
#pragma once
#include "gateway/gateway.h"

#include <stddef.h>

/* Of a whole answer to the request for `charge`: sets outcome, intent, code, message and http_status of it. */
void verdict_of_charge(struct charge *charge, int http_status, const char *body, size_t size);
/* Of a whole answer to a search for its order: never CHARGE_NOT_YET. */
void verdict_of_lookup(struct charge *charge, int http_status, const char *body, size_t size);

/* For whoever knows himself; texts are cut to fit and made printable. */
void verdict_set(struct charge *charge, enum charge_outcome outcome, const char *code, const char *message);
