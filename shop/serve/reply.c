/* reply.c - puts bodies and headers together. */
#include "serve/reply.h"

#include "order/answer.h"
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reply_json(struct http_request *request, int status, const char *body, size_t size, const char *location)
{
    struct http_answer answer = { .status = status, .type = "application/json", .body = body, .size = size,
                                  .headers = { "Cache-Control", "no-store", location ? "Location" : NULL, location } };
    http_answer(request, &answer);
}

void reply_error(struct http_request *request, int status, const char *code, const char *field, const char *message, int retry_s)
{
    char *body = answer_error(code, field, message, NULL), retry[16];
    snprintf(retry, sizeof retry, "%d", retry_s);
    struct http_answer answer = { .status = status, .type = "application/json", .body = body ? body : "{}\n", .size = body ? strlen(body) : 3,
                                  .headers = { "Cache-Control", "no-store", retry_s ? "Retry-After" : NULL, retry } };
    http_answer(request, &answer);
    free(body);
}

/* As many as there are free; each a name and a value that is not NULL. */
static void add_header(struct http_answer *answer, const char *name, const char *value)
{
    size_t i = 0;
    while (answer->headers[i])
        i += 2;
    answer->headers[i] = value ? name : NULL;
    answer->headers[i + 1] = value;
}

void reply_page(struct http_request *request, int status, char *page, const char *cookie, const char *refresh)
{
    static const char sorry[] = "The shop is short of memory. Please try again in a moment.\n";
    struct http_answer answer = { .status = page ? status : 503, .type = page ? "text/html; charset=utf-8" : "text/plain",
                                  .body = page ? page : sorry, .size = page ? strlen(page) : sizeof sorry - 1 };
    for (size_t i = 0; web_headers[i]; i += 2)
        add_header(&answer, web_headers[i], web_headers[i + 1]);
    add_header(&answer, "Set-Cookie", cookie);
    add_header(&answer, "Refresh", refresh);
    http_answer(request, &answer);
    free(page);
}

void reply_message_page(struct http_request *request, int status, const char *heading, const char *text)
{
    reply_page(request, status, web_message_page(heading, text, "/", "Back to the shop"), NULL, NULL);
}

void reply_see_other(struct http_request *request, const char *location)
{
    http_answer(request, &(struct http_answer){ .status = 303, .headers = { "Location", location, "Cache-Control", "no-store" } });
}
