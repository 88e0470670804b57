/* test_smtp.c - receipts by SMTP, at a server that does wrong what it is told to. */
#include "harness.h"
#include "mail_place.h"

#include "base/clock.h"
#include "mail/smtp_lines.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static long counted(struct place *place, const char *what)
{
    char answer[512], name[64];
    place_tell(place, "counts", answer, sizeof answer);
    snprintf(name, sizeof name, "\"%s\": ", what);
    const char *at = strstr(answer, name);
    ck_assert_msg(at, "%s", answer);
    return strtol(at + strlen(name), NULL, 10);
}

static void behave(struct place *place, const char *rules)
{
    char line[200];
    snprintf(line, sizeof line, "behave %s", rules);
    place_tell(place, line, NULL, 0);
}

START_TEST(each_receipt_is_taken_once_over_few_connections)
{
    struct place place;
    place_open(&place);
    place_serve(&place, NULL);
    place.opts.in_flight = 4;
    for (int i = 0; i < 100; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_count(place.store, RECEIPT_SENT, 100);
    for (int i = 1; i <= 100; i++) {
        struct double_receipt is = double_get(place.store, i);
        ck_assert_uint_eq(place_taken(&place, is.id), 1);
        ck_assert_uint_eq(is.handed, 1);
    }
    ck_assert_int_le(counted(&place, "connections"), 8);
    place_close(&place);
}
END_TEST

START_TEST(what_a_server_says_or_does_decides)
{
    static const struct { const char *rule; enum receipt_state state; const char *trouble; unsigned taken; } rows[] = {
        { "450@rcpt", RECEIPT_READY, "RCPT: 450", 0 },      { "550@rcpt", RECEIPT_DEAD, "RCPT: 550", 0 },
        { "451@mail", RECEIPT_READY, "MAIL: 451", 0 },      { "550@mail", RECEIPT_DEAD, "MAIL: 550", 0 },
        { "451@data", RECEIPT_READY, "DATA: 451", 0 },      { "554@data", RECEIPT_DEAD, "DATA: 554", 0 },
        { "452@dot", RECEIPT_READY, "452", 0 },             { "554@dot", RECEIPT_DEAD, "554", 0 },
        { "421@connect", RECEIPT_READY, "421", 0 },         { "554@connect", RECEIPT_READY, "554", 0 },
        { "530@mail", RECEIPT_READY, "MAIL: 530", 0 },      { "greylist", RECEIPT_READY, "RCPT: 451", 0 },
        { "drop@connect", RECEIPT_READY, "connecting", 0 }, { "drop@ehlo", RECEIPT_READY, "connecting", 0 },
        { "drop@mail", RECEIPT_READY, "MAIL", 0 },          { "reset@rcpt", RECEIPT_READY, "RCPT", 0 },
        { "drop@data", RECEIPT_READY, "DATA", 0 },          { "drop@dot", RECEIPT_UNCERTAIN, "end of the message", 0 },
        { "reset@dot", RECEIPT_UNCERTAIN, "end of", 0 },    { "taken", RECEIPT_UNCERTAIN, "end of the message", 1 },
        { "hang@connect", RECEIPT_READY, "in time", 0 },    { "hang@ehlo", RECEIPT_READY, "in time", 0 },
        { "hang@mail", RECEIPT_READY, "in time", 0 },       { "hang@rcpt", RECEIPT_READY, "in time", 0 },
        { "hang@data", RECEIPT_READY, "in time", 0 },       { "hang@dot", RECEIPT_UNCERTAIN, "in time", 0 },
        { "taken_hang", RECEIPT_UNCERTAIN, "in time", 1 },  { "ok_reset", RECEIPT_SENT, "", 1 } };
    struct place place;
    place_open(&place);
    place_serve(&place, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        behave(&place, rows[i].rule);
        place.opts.timeout_ms = strstr(rows[i].rule, "hang") ? (SANITIZED ? 1000 : 200) : 60000;
        int64_t id = place_add(&place, "ann@example.com");
        place_start(&place);
        double_wait(place.store, id, RECEIPT_LEASED);
        double_wait(place.store, id, rows[i].state);
        struct double_receipt is = double_get(place.store, id);
        ck_assert_msg(strstr(is.trouble, rows[i].trouble), "%s: %s", rows[i].rule, is.trouble);
        ck_assert_msg(place_taken(&place, is.id) == rows[i].taken, "%s", rows[i].rule);
        place_stop(&place, 10000);
    }
    place_close(&place);
}
END_TEST

START_TEST(greylisted_receipts_arrive_the_next_time)
{
    struct place place;
    place_open(&place);
    place_serve(&place, "--behave greylist");
    place.opts.backoff_ms = 1;
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_SENT);
    ck_assert_int_eq(double_get(place.store, id).tries, 2);
    place_close(&place);
}
END_TEST

START_TEST(by_policy_what_is_uncertain_goes_again_with_the_same_name)
{
    struct place place;
    place_open(&place);
    place_serve(&place, "--behave taken*1");
    place.opts.resend = true;
    place.opts.backoff_ms = 1;
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_SENT);
    ck_assert_uint_eq(place_taken(&place, double_get(place.store, id).id), 2);
    place_close(&place);
}
END_TEST

START_TEST(the_last_dot_waits_for_the_mark)
{
    struct place place;
    place_open(&place);
    place_serve(&place, NULL);
    double_hold(place.store, RECEIPT_HANDED);
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_held(place.store, 1);
    ck_assert_uint_eq(place_taken(&place, double_get(place.store, id).id), 0);
    double_hold(place.store, RECEIPT_NONE);
    double_wait(place.store, id, RECEIPT_SENT);
    ck_assert_uint_eq(place_taken(&place, double_get(place.store, id).id), 1);
    place_close(&place);
}
END_TEST

START_TEST(without_the_mark_there_is_no_dot)
{
    struct place place;
    place_open(&place);
    place_serve(&place, NULL);
    double_hold(place.store, RECEIPT_HANDED);
    int64_t stolen = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_held(place.store, 1);
    double_steal(place.store, stolen);
    double_hold(place.store, RECEIPT_NONE);
    double_fail(place.store, STORE_MARK, RECEIPT_HANDED, -ENOSPC, 1);
    int64_t failed = place_add(&place, "bob@example.com"), good = 0;
    double_wait(place.store, failed, RECEIPT_LEASED);
    double_wait(place.store, failed, RECEIPT_READY);
    good = place_add(&place, "cid@example.com");
    double_wait(place.store, good, RECEIPT_SENT);
    ck_assert_uint_eq(place_taken(&place, double_get(place.store, stolen).id), 0);
    ck_assert_uint_eq(place_taken(&place, double_get(place.store, failed).id), 0);
    ck_assert_uint_eq(place_taken(&place, double_get(place.store, good).id), 1);
    place_close(&place);
}
END_TEST

START_TEST(hundreds_wait_for_their_answers_at_the_same_time)
{
    enum { N = ROUNDS(300) };
    struct place place;
    place_open(&place);
    place_serve(&place, "--behave hang@dot");
    for (int i = 0; i < N; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_count(place.store, RECEIPT_HANDED, N);
    place_stop(&place, 0);
    double_wait_count(place.store, RECEIPT_UNCERTAIN, N);
    place_close(&place);
}
END_TEST

START_TEST(what_is_under_way_before_the_dot_is_given_back_at_the_end)
{
    struct place place;
    place_open(&place);
    place_serve(&place, "--behave hang@rcpt");
    for (int i = 0; i < 10; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    while (counted(&place, "rules") < 10)
        ;
    place_stop(&place, 0);
    double_wait_count(place.store, RECEIPT_READY, 10);
    ck_assert_int_le(double_get(place.store, 1).at_ms, clock_ms());
    place_close(&place);
}
END_TEST

START_TEST(a_server_that_takes_few_connections_gets_no_more)
{
    struct place place;
    place_open(&place);
    place_serve(&place, "--connections 3");
    place.opts.in_flight = 20;
    place.opts.backoff_ms = 1;
    for (int i = 0; i < 60; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_count(place.store, RECEIPT_SENT, 60);
    place_close(&place);
}
END_TEST

START_TEST(a_connection_that_was_closed_while_idle_costs_no_try)
{
    struct place place;
    place_open(&place);
    place_serve(&place, NULL);
    place_start(&place);
    double_wait(place.store, place_add(&place, "ann@example.com"), RECEIPT_SENT);
    behave(&place, "drop@mail*1");
    int64_t id = place_add(&place, "bob@example.com");
    double_wait(place.store, id, RECEIPT_SENT);
    ck_assert_int_eq(double_get(place.store, id).tries, 1);
    ck_assert_int_eq(counted(&place, "rules"), 1);
    place_close(&place);
}
END_TEST

/* A port that is taken, where nobody listens. */
static int take_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

START_TEST(where_nobody_listens_receipts_wait)
{
    struct place place;
    char to[80];
    place_open(&place);
    snprintf(to, sizeof to, "smtp://127.0.0.1:%d", take_port());
    place.opts.to = to;
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_LEASED);
    double_wait(place.store, id, RECEIPT_READY);
    ck_assert_msg(strstr(double_get(place.store, id).trouble, "connect"), "%s", double_get(place.store, id).trouble);
    place_close(&place);
}
END_TEST

START_TEST(this_machine_is_told_from_others)
{
    static const struct { const char *url; bool is_local; } rows[] = {
        { "smtp://localhost", true }, { "smtp://127.0.0.1:25", true }, { "smtps://[::1]:465/", true }, { "smtp://mail.example.org", false },
        { "smtp://localhost.example.org", false }, { "smtp://127.example.org", false }, { "smtp://128.0.0.1", false } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_local;
        ck_assert_msg(smtp_is_url(rows[i].url, &is_local), "%s", rows[i].url);
        ck_assert_msg(is_local == rows[i].is_local, "%s", rows[i].url);
    }
}
END_TEST

/* ---- TLS ----------------------------------------------------------------------------------------------------------------- */

/* A server with a certificate of its own making, and these further arguments. */
static void serve_tls(struct place *place, const char *args)
{
    static char ca[100];
    char command[600];
    snprintf(ca, sizeof ca, "%s/cert", place->folder);
    snprintf(command, sizeof command, "cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 "
             "-subj /CN=sink -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert 2>/dev/null", place->folder);
    if (system(command) != 0)
        skip("no certificate could be made (Debian: openssl)");
    snprintf(command, sizeof command, "--tls '%s' '%s/key' %s", ca, place->folder, args);
    place_serve(place, command);
    place->opts.ca_file = ca;
}

START_TEST(starttls_and_a_password_are_used_where_they_are_asked_for)
{
    struct place place;
    place_open(&place);
    serve_tls(&place, "--require-starttls --auth me:secret");
    place.opts.starttls = "require";
    place.opts.user = "me";
    place.opts.password = "secret";
    place.opts.in_flight = 3;
    for (int i = 0; i < 20; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_count(place.store, RECEIPT_SENT, 20);
    place_close(&place);
}
END_TEST

START_TEST(without_trust_no_receipt_goes)
{
    struct place place;
    place_open(&place);
    serve_tls(&place, "--auth me:secret");
    const char *ca_file = place.opts.ca_file;
    place.opts.user = "me";
    static const struct { bool trusts; const char *password, *starttls, *trouble; } rows[] = {
        { true, "wrong", "require", "ogin denied" }, { false, "secret", "require", "certificate" },
        { false, "secret", "try", "certificate" },
        { true, "secret", "require", "" } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        place.opts.ca_file = rows[i].trusts ? ca_file : NULL;
        place.opts.password = rows[i].password;
        place.opts.starttls = rows[i].starttls;
        int64_t id = place_add(&place, "ann@example.com");
        place_start(&place);
        double_wait(place.store, id, RECEIPT_LEASED);
        double_wait(place.store, id, rows[i].trouble[0] ? RECEIPT_READY : RECEIPT_SENT);
        place_stop(&place, 10000);
        struct double_receipt is = double_get(place.store, id);
        ck_assert_msg(strstr(is.trouble, rows[i].trouble), "%s", is.trouble);
    }
    place_close(&place);
}
END_TEST

START_TEST(a_server_without_tls_gets_nothing_where_tls_is_required)
{
    struct place place;
    place_open(&place);
    place_serve(&place, NULL);
    place.opts.starttls = "require";
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_LEASED);
    double_wait(place.store, id, RECEIPT_READY);
    ck_assert_msg(strstr(double_get(place.store, id).trouble, "SSL"), "%s", double_get(place.store, id).trouble);
    place_close(&place);
}
END_TEST

START_TEST(tls_from_the_first_byte_works_too)
{
    struct place place;
    char to[80];
    place_open(&place);
    serve_tls(&place, "--smtps");
    snprintf(to, sizeof to, "smtps%s", strchr(place.opts.to, ':'));
    place.opts.to = to;
    for (int i = 0; i < 10; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_count(place.store, RECEIPT_SENT, 10);
    place_close(&place);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(each_receipt_is_taken_once_over_few_connections);
    add_case(what_a_server_says_or_does_decides);
    add_case(greylisted_receipts_arrive_the_next_time);
    add_case(by_policy_what_is_uncertain_goes_again_with_the_same_name);
    add_case(the_last_dot_waits_for_the_mark);
    add_case(without_the_mark_there_is_no_dot);
    add_case(hundreds_wait_for_their_answers_at_the_same_time);
    add_case(what_is_under_way_before_the_dot_is_given_back_at_the_end);
    add_case(a_server_that_takes_few_connections_gets_no_more);
    add_case(a_connection_that_was_closed_while_idle_costs_no_try);
    add_case(where_nobody_listens_receipts_wait);
    add_case(this_machine_is_told_from_others);
    add_case(starttls_and_a_password_are_used_where_they_are_asked_for);
    add_case(without_trust_no_receipt_goes);
    add_case(a_server_without_tls_gets_nothing_where_tls_is_required);
    add_case(tls_from_the_first_byte_works_too);
    return run_cases(argc, argv);
}
