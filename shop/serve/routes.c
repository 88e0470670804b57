/* routes.c - finds the route, and gives all but buying its answer; buy.c has the two ways to buy. */
#include "serve/routes.h"

#include "serve/buy.h"
#include "serve/metrics.h"
#include "serve/reply.h"

#include "order/answer.h"
#include "web/web.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool wants_page(const struct http_request *request)
{
    const char *accept = http_header(request, "Accept");
    return accept && strstr(accept, "text/html");
}

static void reply_missing(struct http_request *request, const char *what)
{
    if (wants_page(request))
        reply_message_page(request, 404, "Not found", what);
    else
        reply_error(request, 404, "not_found", NULL, what, 0);
}

/* ---- an order ------------------------------------------------------------------------------------------------------------ */

/* Why it was declined, out of the stored answer; the caller frees the document it lies in. */
static const char *why_declined(const struct store_answer *answer, json_t **ret_document)
{
    *ret_document = answer->body ? json_loadb(answer->body, answer->size, 0, NULL) : NULL;
    return json_string_value(json_object_get(json_object_get(*ret_document, "error"), "message"));
}

static void reply_order_page(struct shop *shop, struct http_request *request, const struct store_view *view)
{
    json_t *document;
    struct web_order page = { .order = view->order, .receipt = view->receipt, .is_demo = shop->opts->is_demo,
                              .declined = why_declined(&view->answer, &document) };
    reply_page(request, 200, web_order_page(&page), NULL, web_refreshes(&page) ? "1" : NULL);
    json_decref(document);
}

static void show_order(struct shop *shop, struct http_request *request)
{
    struct token token;
    struct store_view view;
    int r = token_read(http_path(request) + strlen("/orders/"), &token) ? store_read_order(shop->reader, &token, &view) : -ENOENT;
    if (r == -ENOENT) {
        reply_missing(request, "There is no order at this address.");
        return;
    }
    if (r < 0) {
        reply_error(request, 503, "unavailable", NULL, "The database cannot be read now. Please try again.", RETRY_AFTER_S);
        return;
    }
    if (wants_page(request))
        reply_order_page(shop, request, &view);
    else {
        char *body = answer_order(view.order, view.receipt);
        if (body)
            reply_json(request, 200, body, strlen(body), NULL);
        else
            reply_error(request, 503, "unavailable", NULL, "Out of memory. Please try again.", RETRY_AFTER_S);
        free(body);
    }
    order_free(view.order);
    free(view.answer.body);
}

/* ---- the small ones ------------------------------------------------------------------------------------------------------ */

static void show_style(struct shop *shop, struct http_request *request)
{
    (void)shop;
    http_answer(request, &(struct http_answer){ .status = 200, .type = "text/css; charset=utf-8", .body = web_style, .size = strlen(web_style),
                                                .is_static = true, .headers = { "Cache-Control", "max-age=300" } });
}

static void show_health(struct shop *shop, struct http_request *request)
{
    const char *what = store_failed(shop->store) ? "the database has failed\n" : shop->is_draining ? "draining\n" : "ok\n";
    http_answer(request, &(struct http_answer){ .status = strcmp(what, "ok\n") == 0 ? 200 : 503, .type = "text/plain", .body = what,
                                                .size = strlen(what), .is_static = true, .headers = { "Cache-Control", "no-store" } });
}

static void show_metrics(struct shop *shop, struct http_request *request)
{
    size_t size;
    char *text = metrics_text(shop, &size);
    if (text)
        http_answer(request, &(struct http_answer){ .status = 200, .type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
                                                    .body = text, .size = size });
    else
        reply_error(request, 503, "unavailable", NULL, "Out of memory.", RETRY_AFTER_S);
    free(text);
}

static void show_front(struct shop *shop, struct http_request *request)
{
    buy_show(shop, request, 200, NULL);
}

/* ---- the table ----------------------------------------------------------------------------------------------------------- */

static const struct route {
    const char *path;           /* with a slash at its end: whatever follows */
    const char *method;         /* GET is HEAD, too */
    void (*handle)(struct shop *shop, struct http_request *request);
} routes[] = {
    { "/orders", "POST", buy_by_json },
    { "/orders/", "GET", show_order },
    { "/buy", "POST", buy_by_form },
    { "/", "GET", show_front },
    { "/style.css", "GET", show_style },
    { "/healthz", "GET", show_health },
    { "/metrics", "GET", show_metrics },
};

static bool path_matches(const struct route *route, const char *path)
{
    size_t size = strlen(route->path);
    return strcmp(path, route->path) == 0 || (size > 1 && route->path[size - 1] == '/' && strncmp(path, route->path, size) == 0);
}

void routes_handle(struct http_request *request, void *arg)
{
    const char *path = http_path(request), *method = http_method(request);
    const struct route *found = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (path_matches(&routes[i], path))
            found = &routes[i];
    if (!found)
        reply_missing(request, "There is nothing at this address.");
    else if (strcmp(method, found->method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(found->method, "GET") == 0))
        found->handle(arg, request);
    else
        http_answer(request, &(struct http_answer){ .status = 405, .headers = { "Allow", strcmp(found->method, "GET") ? "POST" : "GET, HEAD" } });
}
