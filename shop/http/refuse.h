/* refuse.h - which requests are refused before anybody sees them. */
#pragma once
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum refusal {
    REFUSAL_NONE,
    REFUSAL_HIDDEN, REFUSAL_METHOD, REFUSAL_TARGET, REFUSAL_NAME, REFUSAL_VALUE, REFUSAL_HOST, REFUSAL_LENGTHS, REFUSAL_LENGTH_AND_CODING,
    REFUSAL_CODINGS, REFUSAL_OLD_CODING, REFUSAL_CODING, REFUSAL_HEADER_BYTES, REFUSAL_HEADER_FIELDS, REFUSAL_BODY_BYTES,
    REFUSAL_COUNT
};
struct refuse_limits {
    uint32_t header_bytes, header_fields, body_bytes;
};
/* A request whose header is there, as the library hands it out. */
struct refuse_request {
    struct MHD_Connection *connection;
    const char *method, *target, *version;
    size_t target_size;             /* with its query: how long the text is at `target` that was parsed */
};

/* The target as sent: to be asked before the library has taken it apart. */
bool refuse_target(const char *target, size_t size);

/* What is wrong with the rest, or REFUSAL_NONE. Of a body that is announced, *ret_body_size is the size; 0: there is none, or it comes in
 * chunks. Bodies of any size are let through: REFUSAL_BODY_BYTES is for whoever takes them in. */
enum refusal refuse_header(const struct refuse_request *request, const struct refuse_limits *limits, uint64_t *ret_body_size);

/* Bytes of the header belong to nothing that the library hands out, although a parser elsewhere might have read them. */
bool refuse_hidden(const struct refuse_request *request);

/* The library's answer for it: an error in JSON, after which the connection closes. NULL: no memory. */
struct MHD_Response *refusal_response(enum refusal refusal);
int refusal_status(enum refusal refusal);
