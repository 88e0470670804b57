/* reply.h - answers of the usual kinds. Each ends the request. */
#pragma once
#include "serve/shop.h"

enum { RETRY_AFTER_S = 2 };

/* Errors as JSON; field may be NULL; retry_s 0: no Retry-After. */
void reply_error(struct http_request *request, int status, const char *code, const char *field, const char *message, int retry_s);
/* JSON that is there already. location: a path, or NULL. */
void reply_json(struct http_request *request, int status, const char *body, size_t size, const char *location);
/* A page, freed here; NULL: no memory, 503. cookie, refresh: may be NULL. */
void reply_page(struct http_request *request, int status, char *page, const char *cookie, const char *refresh);
void reply_message_page(struct http_request *request, int status, const char *heading, const char *text);
void reply_see_other(struct http_request *request, const char *location);
