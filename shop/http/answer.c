/* answer.c - from a struct http_answer to what the library sends. */
#include "http/server.h"

#include <assert.h>
#include <string.h>

enum { HEADERS_MAX = sizeof ((struct http_answer *)0)->headers / sizeof (char *) };

static bool add_headers(struct MHD_Response *response, const struct http_answer *answer, bool closes)
{
    if (answer->type && !MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type))
        return false;
    for (size_t i = 0; i < HEADERS_MAX && answer->headers[i]; i += 2)
        if (!MHD_add_response_header(response, answer->headers[i], answer->headers[i + 1]))
            return false;
    return !closes || MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* NULL: no memory, or a header that is none; then the connection is closed without an answer. */
static struct MHD_Response *make_response(const struct http_answer *answer, bool closes)
{
    char *body;
    memcpy(&body, &answer->body, sizeof body);      /* the library takes it without const, and only reads it */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->size, body, answer->is_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    if (!response)
        return NULL;
    if (add_headers(response, answer, closes))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    struct http *http = request->client->http;
    assert(!request->is_answered);
    request->response = make_response(answer, answer->closes || http->is_stopped);
    request->status = answer->status;
    request->is_answered = true;
    http->stats.waiting--;
    if (request->is_handling)
        return;
    MHD_resume_connection(request->connection);
    http_wake(http);
}
