/* buy.h - the two ways to order: JSON for programs, a form for people. */
#pragma once
#include "serve/shop.h"

void buy_by_json(struct shop *shop, struct http_request *request);
void buy_by_form(struct shop *shop, struct http_request *request);

/* The storefront; flaw: what was wrong with the form just posted, which is kept; NULL: nothing. */
struct flaw;
void buy_show(struct shop *shop, struct http_request *request, int status, const struct flaw *flaw);
