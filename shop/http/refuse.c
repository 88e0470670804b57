/* refuse.c - what is refused, and why.
 *
 * A server and a proxy before it that read the same bytes as different requests let one customer speak in another's name ("request
 * smuggling"). So whatever has two readings is no request here, even where RFC 9112 would let a server choose one. libmicrohttpd 0.9.75
 * refuses little of that. It does by itself, with a page of its own: no or a wrong version, a line without a colon, a Content-Length that
 * is no number (where it sends the header of its answer twice), chunks that are none, and what does not fit into its memory. All that its
 * strict level adds are no Host (the header twice, too) and blanks in the target (closed without a word): better told here. Of later
 * releases the strict level is worth having.
 *
 * Some things it does not hand out at all: a NUL ends the value for it, and the rest of the line is gone; a line that begins with a blank
 * is glued to the *name* of the field before; a line may end with a bare LF. But it parses in place: names and values lie in one buffer in
 * the order in which they came, and each is followed by what parted it from the next. If there is more between two of them than that, then
 * something was passed over. This is how this release works, and no promise; so http_open() sends itself a sound request first, and
 * where that one looks odd, nothing is concluded from it (refuse_hidden() is not called). */
#include "http/refuse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct rule {
    int status;
    const char *body;
};
#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"
static const struct rule rules[REFUSAL_COUNT] = {
    [REFUSAL_HIDDEN] = { 400, ERROR("malformed", "The header has a NUL, a field without a name, a folded line, or a line that does not end with CR LF.") },
    [REFUSAL_METHOD] = { 400, ERROR("malformed", "The method is no token.") },
    [REFUSAL_TARGET] = { 400, ERROR("malformed", "The target does not begin with a slash, or has characters that do not belong there.") },
    [REFUSAL_NAME] = { 400, ERROR("malformed", "The name of a header field is no token.") },
    [REFUSAL_VALUE] = { 400, ERROR("malformed", "The value of a header field has a control character.") },
    [REFUSAL_HOST] = { 400, ERROR("malformed", "There is no Host, or more than one.") },
    [REFUSAL_LENGTHS] = { 400, ERROR("malformed", "There is more than one Content-Length.") },
    [REFUSAL_LENGTH_AND_CODING] = { 400, ERROR("malformed", "There is a Content-Length and a Transfer-Encoding.") },
    [REFUSAL_CODINGS] = { 400, ERROR("malformed", "There is more than one Transfer-Encoding.") },
    [REFUSAL_OLD_CODING] = { 400, ERROR("malformed", "HTTP/1.0 knows no Transfer-Encoding.") },
    [REFUSAL_CODING] = { 501, ERROR("not_implemented", "The only Transfer-Encoding is chunked.") },
    [REFUSAL_HEADER_BYTES] = { 431, ERROR("header_too_large", "The header is too large.") },
    [REFUSAL_HEADER_FIELDS] = { 431, ERROR("header_too_large", "The header has too many fields.") },
    [REFUSAL_BODY_BYTES] = { 413, ERROR("body_too_large", "The body is too large.") },
};

int refusal_status(enum refusal refusal)
{
    return rules[refusal].status;
}

struct MHD_Response *refusal_response(enum refusal refusal)
{
    static char empty[] = "";
    char *body = empty;
    const char *text = rules[refusal].body;
    memcpy(&body, &text, sizeof body);      /* the library takes it without const, and only reads it */
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return NULL;
    if (!MHD_add_response_header(response, "Content-Type", "application/json") || !MHD_add_response_header(response, "Connection", "close")) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

/* ---- characters ------------------------------------------------------------------------------------------------------------ */

/* RFC 9110, 5.6.2. A table would be faster, and longer than it is worth: a byte of most names ends at the first comparisons. */
static bool is_token_char(unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || (c >= '0' && c <= '9'))
        return true;
    return c && strchr("!#$%&'*+.^_`|~", c);
}

static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_token_char((unsigned char)text[i]))
            return false;
    return size > 0;
}

static bool is_value(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Bytes that are no ASCII are let through: browsers percent-encode them, and a path with them is simply not found. "http://host/path" is
 * not: whose host would hold, its or that of Host? */
bool refuse_target(const char *target, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)target[i] <= ' ' || target[i] == 0x7f)
            return true;
    return size == 0 || target[0] != '/';
}

/* ---- fields ---------------------------------------------------------------------------------------------------------------- */

struct fields {
    enum refusal flaw;              /* the first that was found */
    unsigned n, hosts, lengths, codings;
    const char *coding, *length;
};

static bool is_named(const char *name, size_t size, const char *what)
{
    return size == strlen(what) && strncasecmp(name, what, size) == 0;
}

static enum MHD_Result look_at_field(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
    size_t value_size)
{
    struct fields *fields = arg;
    (void)kind;
    fields->n++;
    if (!is_token(name, name_size))
        fields->flaw = REFUSAL_NAME;
    else if (!is_value(value, value_size))
        fields->flaw = REFUSAL_VALUE;
    else if (is_named(name, name_size, "Host"))
        fields->hosts++;
    else if (is_named(name, name_size, "Content-Length")) {
        fields->lengths++;
        fields->length = value;
    } else if (is_named(name, name_size, "Transfer-Encoding")) {
        fields->codings++;
        fields->coding = value;
    }
    return fields->flaw ? MHD_NO : MHD_YES;
}

/* How long the body is can be told in one way alone, by one field. Two lengths, also equal ones: a proxy that joins them makes "5, 5" of
 * it, another takes the first. A length beside a coding: RFC 9112, 6.1, names it as an attempt at smuggling. Codings other than chunked:
 * the library would wait for a body that never ends; "chunked" with a blank behind it counts as such. HTTP/1.0 has no codings, so what is
 * before us may have taken the chunks for the next request. Hosts are counted, too: with two, each may be believed by somebody. */
static enum refusal look_at_numbers(const struct fields *fields, const char *version)
{
    bool is_old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    if (fields->hosts > 1 || (fields->hosts == 0 && !is_old))
        return REFUSAL_HOST;
    if (fields->lengths > 1)
        return REFUSAL_LENGTHS;
    if (fields->codings == 0)
        return REFUSAL_NONE;
    if (fields->lengths)
        return REFUSAL_LENGTH_AND_CODING;
    if (fields->codings > 1)
        return REFUSAL_CODINGS;
    if (is_old)
        return REFUSAL_OLD_CODING;
    return strcasecmp(fields->coding, "chunked") == 0 ? REFUSAL_NONE : REFUSAL_CODING;
}

static size_t header_size(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
}

enum refusal refuse_header(const struct refuse_request *request, const struct refuse_limits *limits, uint64_t *ret_body_size)
{
    struct fields fields = { 0 };
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, look_at_field, &fields);
    if (fields.flaw)
        return fields.flaw;
    if (!is_token(request->method, strlen(request->method)))
        return REFUSAL_METHOD;
    if (header_size(request->connection) > limits->header_bytes)
        return REFUSAL_HEADER_BYTES;
    if (fields.n > limits->header_fields)
        return REFUSAL_HEADER_FIELDS;
    *ret_body_size = fields.length ? strtoull(fields.length, NULL, 10) : 0;     /* digits, and no overflow: the library has looked */
    return look_at_numbers(&fields, request->version);
}

/* ---- what is not handed out ------------------------------------------------------------------------------------------------- */

/* As numbers: that the pieces are of one array is what is to be found out. */
static uintptr_t place(const char *text)
{
    return (uintptr_t)text;
}

struct walk {
    uintptr_t at;                   /* where the next name must begin; 0: it did not */
};

enum { CRLF_SIZE = 2 };

static enum MHD_Result step(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value, size_t value_size)
{
    struct walk *walk = arg;
    (void)kind;
    uintptr_t colon = place(name) + name_size;
    bool follows = place(name) == walk->at && place(value) > colon;
    /* Between them the colon, which is NUL now, and blanks. */
    for (uintptr_t at = colon + 1; follows && at < place(value); at++) {
        char c = name[at - place(name)];
        follows = c == ' ' || c == '\t';
    }
    walk->at = follows ? place(value) + value_size + CRLF_SIZE : 0;
    return follows ? MHD_YES : MHD_NO;
}

bool refuse_hidden(const struct refuse_request *request)
{
    const char *method = request->method, *version = request->version;
    if (place(request->target) != place(method) + strlen(method) + 1 || place(version) != place(request->target) + request->target_size + 1)
        return true;
    struct walk walk = { place(version) + strlen(version) + CRLF_SIZE };
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, step, &walk);
    return walk.at + CRLF_SIZE != place(method) + header_size(request->connection);
}
