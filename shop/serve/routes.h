/* routes.h - what the shop answers to which request. docs/shop.md has the table. */
#pragma once
#include "serve/shop.h"

void routes_handle(struct http_request *request, void *shop);
