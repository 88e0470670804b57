/* refuse.c - requests that two readers could understand in two ways (RFC 9112, 6.3 and 11.2): a proxy in front and this server would then
 * disagree where the next request begins, which is how requests are smuggled. Refused with 400 and the end of the connection.
 *
 * libmicrohttpd itself refuses what is no HTTP, and a missing Host. It shows us neither a NUL in a value nor a header without a name: for
 * these there is nginx in front, packaging/nginx/. */
#include "http/inside.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct head {
    uint32_t fields, lengths, encodings, hosts;
    bool has_bad_name, is_chunked;
    const char *length;
};

/* RFC 9110, 5.6.2: no blank, no control character, no delimiter. */
static bool is_token(const char *name, size_t size)
{
    static const char delimiters[] = "\"(),/:;<=>?@[\\]{}";
    for (size_t i = 0; i < size; i++)
        if (name[i] <= ' ' || name[i] >= 127 || strchr(delimiters, name[i]))
            return false;
    return size > 0;
}

static enum MHD_Result look(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct head *head = arg;
    head->fields++;
    if (!is_token(name, strlen(name)))
        head->has_bad_name = true;
    else if (strcasecmp(name, "Content-Length") == 0) {
        head->lengths++;
        head->length = value ? value : "";
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        head->encodings++;
        head->is_chunked = value && strcasecmp(value, "chunked") == 0;
    } else if (strcasecmp(name, "Host") == 0)
        head->hosts++;
    return MHD_YES;
}

static int give(int status, const char *code, const char *text, const char **ret_code, const char **ret_text)
{
    *ret_code = code;
    *ret_text = text;
    return status;
}

static int check_size(const struct http *http, struct MHD_Connection *mhd, const struct head *head, const char **ret_code, const char **ret_text)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (head->fields > http->opts.header_fields)
        return give(431, "too_many_headers", "The request has too many header fields.", ret_code, ret_text);
    if (info && info->header_size > http->opts.header_bytes)
        return give(431, "header_too_large", "The header of the request is too large.", ret_code, ret_text);
    if (head->length && (strlen(head->length) > 18 || strtoull(head->length, NULL, 10) > http->opts.body_bytes))
        return give(413, "body_too_large", "The body of the request is too large.", ret_code, ret_text);
    return 0;
}

int refuse_head(struct http *http, struct MHD_Connection *mhd, const char *version, const char **ret_code, const char **ret_text)
{
    struct head head = { 0 };
    (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, look, &head);
    if (head.has_bad_name)
        return give(400, "bad_header", "A header field has a name with a blank or another character that no name may have.", ret_code, ret_text);
    if (head.lengths > 1)
        return give(400, "bad_length", "Content-Length is there more than once.", ret_code, ret_text);
    if (head.length && (!head.length[0] || head.length[strspn(head.length, "0123456789")]))
        return give(400, "bad_length", "Content-Length is no number.", ret_code, ret_text);
    if (head.lengths && head.encodings)
        return give(400, "bad_length", "Both Content-Length and Transfer-Encoding are there.", ret_code, ret_text);
    if (head.encodings && (head.encodings > 1 || !head.is_chunked))
        return give(501, "bad_encoding", "The only Transfer-Encoding known here is chunked.", ret_code, ret_text);
    if (head.encodings && strcmp(version, "HTTP/1.1") != 0)
        return give(400, "bad_encoding", "Transfer-Encoding needs HTTP/1.1.", ret_code, ret_text);
    if (head.hosts > 1)
        return give(400, "bad_host", "Host is there more than once.", ret_code, ret_text);
    return check_size(http, mhd, &head, ret_code, ret_text);
}
