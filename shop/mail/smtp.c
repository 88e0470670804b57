/* smtp.c - messages by SMTP (RFC 5321), each on a connection of its own, which then serves the next.
 *
 *   MAKING -> MAIL -> RCPT -> DATA -> BODY -> HELD -> DOT -> IDLE -> MAIL ...
 *
 * In HELD all has been sent but the final dot: it waits for go(). What goes wrong before DOT has certainly not been delivered, and the
 * connection is dropped: a server that sees it end without the dot throws the message away. In DOT a reply decides; without one nobody
 * knows. After anything but success a connection is not used again. One that was used before and ends without a word to MAIL was closed
 * by the server while it was idle: then a new one is made, and nothing has gone wrong.
 *
 * If no further connection can be made while there are others, the server wants no more: deliveries then wait for these, and every second a
 * few more are tried. Nor are more leased. */
#include "mail/deliver.h"

#include "base/clock.h"
#include "base/fail.h"
#include "mail/smtp_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { SERVED_MAX = 100, IDLE_MS = 5000 };      /* a connection is closed after so many messages, or idle for so long */

struct smtp {
    struct way way;             /* first */
    struct smtp_lines *lines;
    uint32_t most;              /* connections, as was asked for; way.most: as the server bears */
    uint32_t n, n_made;
    struct talk *idle;          /* list, the last used first */
    struct delivery *waiting;   /* list: for a connection */
};

enum step { MAKING, IDLE, MAIL, RCPT, DATA, BODY, HELD, DOT };
static const char *const step_names[] = { "connecting", "idle", "MAIL", "RCPT", "DATA", "the message", "the message",
                                          "the end of the message" };

/* One connection and who is served by it. */
struct talk {
    struct smtp_line line;      /* first */
    struct smtp *smtp;
    struct delivery *delivery;  /* NULL: idle */
    enum step step;
    uint32_t served;
    int64_t idle_ms;            /* since when */
    char in[1024];              /* what was heard of the line that is not whole yet */
    size_t n_in;
    char command[300];
    char *body;                 /* as it is sent: with its dots doubled */
    const char *out;            /* what is still to be sent */
    size_t n_out;
    struct talk *prev, *next;
};

static void start(struct way *way, struct delivery *delivery);
static void flush(struct talk *talk);

/* ---- connections --------------------------------------------------------------------------------------------------------- */

static void drop(struct talk *talk)
{
    struct smtp *smtp = talk->smtp;
    if (talk->step == IDLE) {
        DL_DELETE(smtp->idle, talk);
        (void)smtp_line_write(&talk->line, "QUIT\r\n", 6);
    }
    smtp->n--;
    smtp->n_made -= talk->step != MAKING;
    smtp_line_drop(&talk->line);
    free(talk->body);
    free(talk);
}

static void serve_waiting(struct smtp *smtp)
{
    while (smtp->waiting && (smtp->idle || smtp->n < smtp->way.most)) {
        struct delivery *delivery = smtp->waiting;
        DL_DELETE(smtp->waiting, delivery);
        start(&smtp->way, delivery);
    }
}

/* Drops the connection, too. */
static void fail(struct talk *talk, enum outcome outcome, const char *trouble)
{
    struct smtp *smtp = talk->smtp;
    struct delivery *delivery = talk->delivery;
    char text[256];
    snprintf(text, sizeof text, "%s: %s", step_names[talk->step], trouble);
    drop(talk);
    delivery->done(delivery, outcome, text);
    serve_waiting(smtp);
}

static void broken(struct talk *talk)
{
    struct smtp *smtp = talk->smtp;
    struct delivery *delivery = talk->delivery;
    if (talk->step == IDLE || (talk->step == MAIL && talk->served > 1)) {
        drop(talk);
        if (delivery)
            start(&smtp->way, delivery);
        return;
    }
    fail(talk, talk->step == DOT ? OUTCOME_LOST : OUTCOME_LATER, "the server closed the connection");
}

static void say(struct talk *talk, enum step step, const char *text, size_t size)
{
    talk->step = step;
    talk->out = text;
    talk->n_out = size;
    flush(talk);
}

static void say_command(struct talk *talk, enum step step, const char *begin, const char *address)
{
    int n = snprintf(talk->command, sizeof talk->command, "%s<%s>\r\n", begin, address);
    say(talk, step, talk->command, (size_t)n);
}

static void begin(struct talk *talk, struct delivery *delivery)
{
    talk->delivery = delivery;
    delivery->own = talk;
    talk->served++;
    say_command(talk, MAIL, "MAIL FROM:", delivery->from);
}

static void rest(struct talk *talk)
{
    talk->delivery = NULL;
    talk->step = IDLE;
    talk->idle_ms = clock_ms();
    DL_PREPEND(talk->smtp->idle, talk);
    if (talk->served >= SERVED_MAX)
        drop(talk);
}

static void made(struct smtp_line *line, int code, const char *trouble)
{
    struct talk *talk = (struct talk *)line;
    struct smtp *smtp = talk->smtp;
    struct delivery *delivery = talk->delivery;
    char text[128];
    if (!trouble) {
        talk->step = IDLE;
        smtp->n_made++;
        begin(talk, delivery);
    } else if (smtp->n_made > 0 && (code == 0 || code == 421)) {
        smtp->way.most = smtp->n_made;
        drop(talk);
        delivery->own = NULL;
        DL_PREPEND(smtp->waiting, delivery);
        serve_waiting(smtp);
    } else {
        snprintf(text, sizeof text, code ? "%s (%d)" : "%s", trouble, code);
        fail(talk, OUTCOME_AWAY, text);
    }
}

/* ---- what is said -------------------------------------------------------------------------------------------------------- */

/* RFC 5321, 4.5.2: a dot at the beginning of a line is doubled; and the last line is ended. */
static char *stuff(const char *message, size_t size, size_t *ret_size)
{
    char *body = malloc(2 * size + 2), *to = body;
    if (!body)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        if (message[i] == '.' && (i == 0 || message[i - 1] == '\n'))
            *to++ = '.';
        *to++ = message[i];
    }
    if (size < 2 || memcmp(message + size - 2, "\r\n", 2) != 0) {
        *to++ = '\r';
        *to++ = '\n';
    }
    *ret_size = (size_t)(to - body);
    return body;
}

static void say_message(struct talk *talk)
{
    size_t size;
    talk->body = stuff(talk->delivery->message, talk->delivery->size, &size);
    if (talk->body)
        say(talk, BODY, talk->body, size);
    else
        fail(talk, OUTCOME_AWAY, "no memory");
}

static void flush(struct talk *talk)
{
    while (talk->n_out > 0) {
        ssize_t n = smtp_line_write(&talk->line, talk->out, talk->n_out);
        if (n == -EAGAIN)
            return;
        if (n < 0) {
            broken(talk);
            return;
        }
        talk->out += n;
        talk->n_out -= (size_t)n;
    }
    if (talk->step != BODY)
        return;
    free(talk->body);
    talk->body = NULL;
    talk->step = HELD;
    talk->delivery->hand(talk->delivery);
}

static void ready(struct smtp_line *line)
{
    flush((struct talk *)line);
}

/* ---- what is heard ------------------------------------------------------------------------------------------------------- */

static bool wants_login(int code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

static void refused(struct talk *talk, int code)
{
    enum outcome outcome = OUTCOME_LATER;
    if (code >= 500 && code < 600)
        outcome = wants_login(code) ? OUTCOME_AWAY : OUTCOME_REFUSED;       /* a wrong password is no fault of the message */
    else if (talk->step == DOT && (code < 400 || code >= 600))
        outcome = OUTCOME_LOST;
    char text[200];
    snprintf(text, sizeof text, "%.180s", talk->in);
    fail(talk, outcome, text);
}

static void delivered(struct talk *talk)
{
    struct smtp *smtp = talk->smtp;
    struct delivery *delivery = talk->delivery;
    rest(talk);
    delivery->done(delivery, OUTCOME_SENT, "");
    serve_waiting(smtp);
}

/* A whole reply; the last line of it lies in `in`, ended by NUL. */
static void replied(struct talk *talk, int code)
{
    if (talk->step == MAIL && code == 250)
        say_command(talk, RCPT, "RCPT TO:", talk->delivery->to);
    else if (talk->step == RCPT && (code == 250 || code == 251))
        say(talk, DATA, "DATA\r\n", 6);
    else if (talk->step == DATA && code == 354)
        say_message(talk);
    else if (talk->step == DOT && code >= 200 && code < 300)
        delivered(talk);
    else
        refused(talk, code);
}

static bool is_last_line(const char *line, int *ret_code)
{
    bool is_reply = strspn(line, "0123456789") == 3 && line[0] >= '2' && line[0] <= '5';
    *ret_code = is_reply ? atoi(line) : 0;
    return !is_reply || line[3] != '-';     /* what is no reply is an answer, too: none that could be trusted */
}

enum heard { NOTHING, LINE, REPLY };        /* after a REPLY the connection may be gone */

/* Takes one line out of what was read. */
static enum heard hear_line(struct talk *talk)
{
    int code;
    char *end = memchr(talk->in, '\n', talk->n_in);
    if (!end && talk->n_in < sizeof talk->in)
        return NOTHING;
    size_t used = end ? (size_t)(end - talk->in) + 1 : talk->n_in;
    talk->in[used - 1] = '\0';
    talk->in[strcspn(talk->in, "\r")] = '\0';
    if (!is_last_line(talk->in, &code) && end) {
        memmove(talk->in, talk->in + used, talk->n_in - used);
        talk->n_in -= used;
        return LINE;
    }
    /* A line without end, or more than was asked for: what it means nobody knows. After the last dot it is said to the connection alone. */
    if (!end || (talk->n_in > used && talk->step != DOT))
        code = 0;
    if (talk->n_in > used)
        talk->served = SERVED_MAX;
    talk->n_in = 0;
    replied(talk, code);
    return REPLY;
}

/* Until there is nothing more: what TLS has read ahead the loop does not see. */
static void heard(struct smtp_line *line)
{
    struct talk *talk = (struct talk *)line;
    enum heard what = NOTHING;
    while (what != REPLY) {
        ssize_t n = smtp_line_read(line, talk->in + talk->n_in, sizeof talk->in - talk->n_in);
        if (n == -EAGAIN)
            return;
        if (n <= 0 || talk->step == IDLE) {
            broken(talk);
            return;
        }
        talk->n_in += (size_t)n;
        while ((what = hear_line(talk)) == LINE)
            ;
    }
}

/* ---- the table ----------------------------------------------------------------------------------------------------------- */

static void make(struct smtp *smtp, struct delivery *delivery)
{
    struct talk *talk = calloc(1, sizeof *talk);
    if (!talk) {
        delivery->done(delivery, OUTCOME_AWAY, "no memory");
        return;
    }
    talk->line = (struct smtp_line){ .made = made, .heard = heard, .ready = ready };
    talk->smtp = smtp;
    talk->delivery = delivery;
    delivery->own = talk;
    if (smtp_line_make(smtp->lines, &talk->line) < 0) {
        free(talk);
        delivery->done(delivery, OUTCOME_AWAY, "no memory");
        return;
    }
    smtp->n++;
}

static void start(struct way *way, struct delivery *delivery)
{
    struct smtp *smtp = (struct smtp *)way;
    struct talk *talk = smtp->idle;
    delivery->own = NULL;
    if (talk) {
        DL_DELETE(smtp->idle, talk);
        begin(talk, delivery);
    } else if (smtp->n < smtp->way.most) {
        make(smtp, delivery);
    } else {
        DL_APPEND(smtp->waiting, delivery);
    }
}

static void go(struct way *way, struct delivery *delivery)
{
    (void)way;
    fail_point("before-dot");
    say(delivery->own, DOT, ".\r\n", 3);
}

static void stop(struct way *way, struct delivery *delivery)
{
    struct smtp *smtp = (struct smtp *)way;
    struct talk *talk = delivery->own;
    if (talk) {
        fail(talk, talk->step == DOT ? OUTCOME_LOST : talk->step == MAKING ? OUTCOME_AWAY : OUTCOME_LATER, "no answer in time");
        return;
    }
    DL_DELETE(smtp->waiting, delivery);
    delivery->done(delivery, OUTCOME_LATER, "no connection was free in time");
}

static void tick(struct way *way)
{
    struct smtp *smtp = (struct smtp *)way;
    struct talk *talk, *next;
    int64_t now = clock_ms();
    DL_FOREACH_SAFE(smtp->idle, talk, next)
        if (now - talk->idle_ms >= IDLE_MS)
            drop(talk);
    uint32_t more = smtp->way.most + smtp->way.most / 8 + 1;
    smtp->way.most = more < smtp->most ? more : smtp->most;
    serve_waiting(smtp);
}

static void close_smtp(struct way *way)
{
    struct smtp *smtp = (struct smtp *)way;
    while (smtp->idle)
        drop(smtp->idle);
    smtp_lines_close(smtp->lines);
    free(smtp);
}

int smtp_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way)
{
    static const struct way_ops ops = { .start = start, .go = go, .stop = stop, .tick = tick, .close = close_smtp };
    struct smtp *smtp = calloc(1, sizeof *smtp);
    if (!smtp)
        return -ENOMEM;
    smtp->way.ops = &ops;
    smtp->most = smtp->way.most = opts->in_flight;
    int r = smtp_lines_open(loop, opts, &smtp->lines);
    if (r < 0) {
        free(smtp);
        return r;
    }
    *ret_way = &smtp->way;
    return 0;
}
