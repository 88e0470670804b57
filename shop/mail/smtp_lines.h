/* smtp_lines.h - connections to a mail server, made by libcurl: name, address, TLS, greeting, EHLO, STARTTLS and AUTH are its work; what is
 * said afterwards is the caller's. One loop, one thread.
 *
 * Why not all of it: libcurl waits for the answer to the final dot without giving the loop back (smtp_block_statemach in its smtp.c;
 * issue 8555 of curl/curl), which with one thread would be one message at a time; and it sends that dot when it likes. */
#pragma once
#include "mail/mailer.h"

#include <uv.h>

struct smtp_lines;
struct smtp_line {
    /* trouble NULL: it is there. Else it is not: `code` is the server's, or 0; the caller drops the line. */
    void (*made)(struct smtp_line *line, int code, const char *trouble);
    void (*heard)(struct smtp_line *line);      /* there is something to read (or the end) */
    void (*ready)(struct smtp_line *line);      /* can be written to again, after -EAGAIN */
    void *easy;                                 /* libcurl's, and the rest */
    struct smtp_lines *lines;
    uv_poll_t *poll;
};

/* Whether `url` is no more than scheme, host and port; *ret_local: of this machine. */
bool smtp_is_url(const char *url, bool *ret_local);

int smtp_lines_open(uv_loop_t *loop, const struct mailer_opts *opts, struct smtp_lines **ret_lines);
void smtp_lines_close(struct smtp_lines *lines);        /* with every line dropped; its handles end in the loop later */

int smtp_line_make(struct smtp_lines *lines, struct smtp_line *line);       /* 0: made() follows, on the loop */
/* How many bytes (read: 0 is the end), -EAGAIN, or -EIO. */
ssize_t smtp_line_read(struct smtp_line *line, char *buf, size_t size);
ssize_t smtp_line_write(struct smtp_line *line, const char *buf, size_t size);
void smtp_line_drop(struct smtp_line *line);            /* at once, at any time; its memory is the caller's again */
