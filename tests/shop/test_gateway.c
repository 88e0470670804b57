/* test_gateway.c - the client against the stand-in, and against servers that answer what no gateway should. */
#include "harness.h"
#include "base/trouble.h"

#include "canned.h"
#include "gateway/gateway.h"
#include "gateway/verdict.h"
#include "standin/standin.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
    uv_loop_t loop;
    struct standin *standin;
    struct canned canned;
    struct gateway *gateway;
    char url[64];
    uint32_t total_ms, idle_ms;
    const char *ca_file;
};

/* ---- the world ---- */

static void open_gateway(struct world *w, const char *scheme, uint16_t port)
{
    (void)snprintf(w->url, sizeof w->url, "%s://127.0.0.1:%u", scheme, port);
    struct gateway_opts opts = { .url = w->url, .key = "sk_test_1", .total_ms = w->total_ms, .idle_ms = w->idle_ms, .ca_file = w->ca_file };
    ck_assert_msg(gateway_open(&w->loop, &opts, &w->gateway) == 0, "%s", trouble_text());
}

static void begin(struct world *w)
{
    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(uv_loop_init(&w->loop), 0);
}

static void begin_standin(struct world *w, const char *behave, uint32_t delay_ms)
{
    struct standin_opts opts = { .address = "127.0.0.1", .behave = behave, .delay_ms = delay_ms };
    begin(w);
    ck_assert_msg(standin_open(&w->loop, &opts, &w->standin) == 0, "%s", trouble_text());
    open_gateway(w, "http", standin_port(w->standin));
}

static void begin_canned(struct world *w, const char *answer, bool closes)
{
    w->canned.answer = answer;
    w->canned.closes = closes;
    begin(w);
    canned_open(&w->canned, &w->loop);
    open_gateway(w, "http", w->canned.port);
}

static void end(struct world *w)
{
    gateway_close(w->gateway);
    standin_close(w->standin);
    if (w->canned.port)
        canned_close(&w->canned);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

/* ---- charges ---- */

struct one {
    struct charge charge;
    bool is_done;
};

static uv_loop_t *loop_of_case;

static void on_done(struct charge *charge)
{
    ((struct one *)charge)->is_done = true;
    uv_stop(loop_of_case);
}

static struct one one_of(const char *key, const char *order, const char *method)
{
    return (struct one){
        .charge = { .key = key, .order = order, .method = method, .currency = "eur", .amount_cents = 1990, .done = on_done },
    };
}

static void wait_for(struct world *w, struct one *one)
{
    loop_of_case = &w->loop;
    while (!one->is_done)
        uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_ptr_null(one->charge.transfer);
}

static struct charge charge(struct world *w, const char *key, const char *method)
{
    struct one one = one_of(key, "o1", method);
    gateway_charge(w->gateway, &one.charge);
    ck_assert(!one.is_done);
    wait_for(w, &one);
    return one.charge;
}

static struct charge lookup(struct world *w, const char *order)
{
    struct one one = one_of("", order, "");
    gateway_lookup(w->gateway, &one.charge);
    wait_for(w, &one);
    return one.charge;
}

static void expect(const struct charge *charge, enum charge_outcome outcome, const char *code)
{
    ck_assert_msg(charge->outcome == outcome && strcmp(charge->code, code) == 0, "outcome %d, code \"%s\" (%s), and not %d, \"%s\"",
                  charge->outcome, charge->code, charge->message, outcome, code);
}

/* ---- against the stand-in ---- */

START_TEST(a_card_is_charged_once_however_often_it_is_asked)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 0);
    struct charge first = charge(&w, "k1", "pm_card_visa"), again = charge(&w, "k1", "pm_card_visa");
    struct charge other = charge(&w, "k2", "pm_card_visa");
    expect(&first, CHARGE_PAID, "");
    expect(&again, CHARGE_PAID, "");
    expect(&other, CHARGE_PAID, "");
    ck_assert_str_eq(first.intent, again.intent);
    ck_assert_str_ne(first.intent, other.intent);
    ck_assert_int_eq(first.http_status, 200);
    end(&w);
}
END_TEST

START_TEST(a_declined_card_is_told_in_words_for_the_customer)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 0);
    for (int i = 0; i < 2; i++) {
        struct charge c = charge(&w, "k1", "pm_card_visa_chargeDeclinedInsufficientFunds");
        expect(&c, CHARGE_DECLINED, "card_declined");
        ck_assert_str_eq(c.message, "Your card has insufficient funds.");
        ck_assert_int_eq(c.http_status, 402);
        ck_assert_str_ne(c.intent, "");
    }
    struct charge c = charge(&w, "k2", "pm_nobody_knows");
    expect(&c, CHARGE_DECLINED, "payment_method_invalid");
    end(&w);
}
END_TEST

START_TEST(a_card_that_wants_its_holder_is_declined)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 0);
    struct charge c = charge(&w, "k1", "pm_card_authenticationRequired");
    expect(&c, CHARGE_DECLINED, "authentication_required");
    ck_assert_int_eq(c.http_status, 402);
    end(&w);
}
END_TEST

/* What the client makes of it; and what comes of the next try with the same key. */
static const struct fault {
    const char *method;
    enum charge_outcome outcome;
    const char *code;
    bool is_charged;
} faults[] = {
    { "pm_behave_decline", CHARGE_DECLINED, "card_declined", false },
    { "pm_behave_drop", CHARGE_UNKNOWN, "no_answer", false },
    { "pm_behave_charge_drop", CHARGE_UNKNOWN, "no_answer", true },
    { "pm_behave_hang", CHARGE_UNKNOWN, "timeout", false },
    { "pm_behave_charge_hang", CHARGE_UNKNOWN, "timeout", true },
    { "pm_behave_500", CHARGE_UNKNOWN, "http_500", false },
    { "pm_behave_charge_500", CHARGE_UNKNOWN, "http_500", true },
    { "pm_behave_429", CHARGE_NOT_YET, "too_many", false },
    { "pm_behave_garbage", CHARGE_UNKNOWN, "garbage", false },
    { "pm_behave_charge_garbage", CHARGE_UNKNOWN, "garbage", true },
    { "pm_behave_half", CHARGE_UNKNOWN, "half", true },
    { "pm_behave_in_progress", CHARGE_NOT_YET, "in_progress", false },
};

START_TEST(a_fault_of_the_gateway_is_no_verdict_and_the_same_key_asks_again)
{
    struct world w = { .total_ms = 300 };
    begin_standin(&w, NULL, 0);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault *f = &faults[i];
        struct charge c = charge(&w, f->method, f->method);
        expect(&c, f->outcome, f->code);
        ck_assert_int_eq(c.retry_after_ms, strcmp(f->code, "too_many") == 0 ? 1000 : 0);
        c = charge(&w, f->method, f->method);
        expect(&c, f->is_charged ? CHARGE_PAID : f->outcome, f->is_charged ? "" : f->code);
    }
    end(&w);
}
END_TEST

START_TEST(a_dropped_request_on_a_connection_that_was_kept_is_asked_again_with_its_key)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 0);
    struct charge c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_PAID, "");
    c = charge(&w, "k2", "pm_behave_charge_drop");
    expect(&c, CHARGE_PAID, "");        /* libcurl has asked twice; the gateway charged once */
    end(&w);
}
END_TEST

START_TEST(a_key_with_other_parameters_is_no_answer_about_this_charge)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 0);
    (void)charge(&w, "k1", "pm_card_visa");
    struct charge c = charge(&w, "k1", "pm_card_mastercard");
    expect(&c, CHARGE_UNKNOWN, "key_reused");
    end(&w);
}
END_TEST

START_TEST(the_same_key_twice_at_once_is_in_progress_once)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 50);
    struct one a = one_of("k1", "o1", "pm_card_visa"), b = a;
    gateway_charge(w.gateway, &a.charge);
    gateway_charge(w.gateway, &b.charge);
    wait_for(&w, &a);
    wait_for(&w, &b);
    bool is_a = a.charge.outcome == CHARGE_PAID;
    expect(is_a ? &a.charge : &b.charge, CHARGE_PAID, "");
    expect(is_a ? &b.charge : &a.charge, CHARGE_NOT_YET, "in_progress");
    end(&w);
}
END_TEST

START_TEST(a_wrong_bearer_key_is_the_operators_affair)
{
    struct world w = { 0 };
    struct standin_opts opts = { .address = "127.0.0.1", .key = "sk_test_2" };
    begin(&w);
    ck_assert_int_eq(standin_open(&w.loop, &opts, &w.standin), 0);
    open_gateway(&w, "http", standin_port(w.standin));
    struct charge c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_NOT_YET, "http_401");
    c = lookup(&w, "o1");
    expect(&c, CHARGE_UNKNOWN, "http_401");
    end(&w);
}
END_TEST

enum { MANY = 600 };

/* More than may have connections, with answers that wait: so that all are under way at once. */
START_TEST(hundreds_are_under_way_at_once)
{
    struct world w = { 0 };
    static struct one many[MANY];
    static char key[MANY][16];
    begin_standin(&w, NULL, 20);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key[i], sizeof key[i], "k%d", i);
        many[i] = one_of(key[i], key[i], "pm_card_visa");
        gateway_charge(w.gateway, &many[i].charge);
    }
    for (int i = 0; i < MANY; i++)
        wait_for(&w, &many[i]);
    for (int i = 0; i < MANY; i++)
        expect(&many[i].charge, CHARGE_PAID, "");
    struct charge c = lookup(&w, "k599");
    expect(&c, CHARGE_PAID, "");
    ck_assert_str_eq(c.intent, many[599].charge.intent);
    end(&w);
}
END_TEST

START_TEST(more_than_there_may_be_connections_wait_in_line)
{
    struct world w = { 0 };
    struct gateway_opts opts = { .url = w.url, .key = "sk_test_1", .connections = 2 };
    struct one some[21];
    static char key[21][8];
    begin(&w);
    w.canned.answer = "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}";
    canned_open(&w.canned, &w.loop);
    (void)snprintf(w.url, sizeof w.url, "http://127.0.0.1:%u", w.canned.port);
    ck_assert_int_eq(gateway_open(&w.loop, &opts, &w.gateway), 0);
    for (int i = 0; i < 21; i++) {
        if (i == 20)
            gateway_abandon(w.gateway, &some[19].charge);       /* the last in line; another one comes behind it */
        (void)snprintf(key[i], sizeof key[i], "k%d", i);
        some[i] = one_of(key[i], "o1", "pm_card_visa");
        gateway_charge(w.gateway, &some[i].charge);
    }
    gateway_abandon(w.gateway, &some[10].charge);
    for (int i = 0; i < 21; i++)
        if (i != 10 && i != 19)
            wait_for(&w, &some[i]);
    ck_assert(!some[10].is_done && !some[19].is_done);
    ck_assert_uint_eq(w.canned.requests, 19);
    ck_assert_uint_eq(w.canned.connections, 2);
    end(&w);
}
END_TEST

START_TEST(a_charge_that_is_abandoned_is_never_told)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 0);
    struct one hangs = one_of("k1", "o1", "pm_behave_charge_hang");
    gateway_charge(w.gateway, &hangs.charge);
    struct charge c = charge(&w, "k2", "pm_card_visa");
    expect(&c, CHARGE_PAID, "");
    gateway_abandon(w.gateway, &hangs.charge);
    gateway_abandon(w.gateway, &hangs.charge);          /* no more under way: nothing happens */
    c = charge(&w, "k1", "pm_behave_charge_hang");      /* over a connection that is not the one of before */
    expect(&c, CHARGE_PAID, "");
    ck_assert(!hangs.is_done);
    end(&w);
}
END_TEST

START_TEST(a_lookup_finds_what_an_order_has_come_to)
{
    struct world w = { 0 };
    begin_standin(&w, NULL, 0);
    struct charge c = lookup(&w, "o1");
    expect(&c, CHARGE_ABSENT, "");
    (void)charge(&w, "k1", "pm_card_chargeDeclined");
    c = lookup(&w, "o1");
    expect(&c, CHARGE_DECLINED, "card_declined");
    (void)charge(&w, "k2", "pm_behave_charge_500");
    c = lookup(&w, "o1");
    expect(&c, CHARGE_PAID, "");
    (void)charge(&w, "k3", "pm_card_chargeDeclined");
    c = lookup(&w, "o1");
    expect(&c, CHARGE_PAID, "");
    (void)charge(&w, "k4", "pm_card_visa");
    c = lookup(&w, "o1");
    expect(&c, CHARGE_PAID, "paid_twice");
    c = lookup(&w, "o2");
    expect(&c, CHARGE_ABSENT, "");
    end(&w);
}
END_TEST

START_TEST(what_a_ledger_tells_is_replayed_after_a_restart)
{
    char path[] = "/tmp/prong-ledger-XXXXXX";
    struct charge first, again;
    ck_assert_int_ge(mkstemp(path), 0);
    for (int i = 0; i < 3; i++) {
        struct world w = { 0 };
        struct standin_opts opts = { .address = "127.0.0.1", .ledger = path };
        begin(&w);
        ck_assert_msg(standin_open(&w.loop, &opts, &w.standin) == 0, "%s", trouble_text());
        open_gateway(&w, "http", standin_port(w.standin));
        *(i == 0 ? &first : &again) = charge(&w, "k1", "pm_card_visa");
        struct charge c = charge(&w, "k2", "pm_card_chargeDeclined");
        expect(&c, CHARGE_DECLINED, "card_declined");
        c = charge(&w, i == 0 ? "k3" : i == 1 ? "k4" : "k5", "pm_card_visa");
        expect(&c, CHARGE_PAID, "");
        end(&w);
        FILE *file = fopen(path, "a");                  /* as if a kill had cut a line short */
        ck_assert_ptr_nonnull(file);
        fputs("{\"event\":\"charge\",\"inte", file);
        fclose(file);
    }
    (void)unlink(path);
    expect(&again, CHARGE_PAID, "");
    ck_assert_str_eq(first.intent, again.intent);
}
END_TEST

START_TEST(what_cannot_be_sent_is_refused_from_the_loop)
{
    struct world w = { 0 };
    char long_key[300];
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    begin_standin(&w, NULL, 0);
    struct charge c = charge(&w, "k1\r\nX-Evil: 1", "pm_card_visa");
    expect(&c, CHARGE_NOT_YET, "bad_request");
    c = charge(&w, long_key, "pm_card_visa");
    expect(&c, CHARGE_NOT_YET, "bad_request");
    c = charge(&w, "k1&amount=1", "pm_nobody&payment_method=pm_card_visa");      /* is one value, whatever is in it */
    expect(&c, CHARGE_DECLINED, "payment_method_invalid");
    struct one left = one_of("", "o1", "pm_card_visa");
    gateway_charge(w.gateway, &left.charge);
    gateway_abandon(w.gateway, &left.charge);
    c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_PAID, "");
    ck_assert(!left.is_done);
    end(&w);
}
END_TEST

/* ---- against what is no gateway ---- */

static uint16_t port_of_nobody(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);      /* bound, not listening: stays so until the case ends */
    ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    return ntohs(at.sin_port);
}

START_TEST(a_gateway_that_is_not_there_charges_nobody)
{
    struct world w = { 0 };
    struct one some[40];
    begin(&w);
    open_gateway(&w, "http", port_of_nobody());
    for (int i = 0; i < 40; i++) {
        some[i] = one_of("k1", "o1", "pm_card_visa");
        gateway_charge(w.gateway, &some[i].charge);
    }
    for (int i = 0; i < 40; i++) {
        wait_for(&w, &some[i]);
        expect(&some[i].charge, CHARGE_NOT_YET, "connect");
    }
    end(&w);
}
END_TEST

/* The first answer is fine. The second request is read, and perhaps charged; then the server is gone, and libcurl's own second try finds
 * nobody: an error of connecting, but not one that proves anything. */
START_TEST(a_gateway_that_goes_with_a_request_may_have_charged)
{
    struct world w = { .canned.stops_after = 2 };
    begin_canned(&w, "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", false);
    struct charge c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_UNKNOWN, "http_500");
    c = charge(&w, "k2", "pm_card_visa");
    expect(&c, CHARGE_UNKNOWN, "connect");
    ck_assert_uint_eq(w.canned.connections, 1);
    c = charge(&w, "k3", "pm_card_visa");
    expect(&c, CHARGE_NOT_YET, "connect");
    end(&w);
}
END_TEST

START_TEST(a_connection_that_timed_out_is_not_used_again)
{
    struct world w = { .total_ms = 150 };
    begin_canned(&w, NULL, false);
    for (uint32_t i = 1; i <= 3; i++) {
        struct charge c = charge(&w, "k1", "pm_card_visa");
        expect(&c, CHARGE_UNKNOWN, "timeout");
        ck_assert_uint_eq(w.canned.connections, i);
    }
    end(&w);
}
END_TEST

START_TEST(connections_are_kept_and_used_again)
{
    struct world w = { 0 };
    begin_canned(&w, "HTTP/1.1 429 No\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\n{}", false);
    for (int i = 0; i < 5; i++) {
        struct charge c = charge(&w, "k1", "pm_card_visa");
        expect(&c, CHARGE_NOT_YET, "too_many");
        ck_assert_int_eq(c.retry_after_ms, 7000);
    }
    ck_assert_uint_eq(w.canned.connections, 1);
    end(&w);
}
END_TEST

static void wait_for_gone(struct world *w)
{
    for (bool any = true; any;) {
        uv_run(&w->loop, UV_RUN_ONCE);
        any = false;
        for (size_t i = 0; i < sizeof w->canned.client / sizeof w->canned.client[0]; i++)
            any = any || w->canned.client[i];
    }
}

/* More than a group of them. */
START_TEST(connections_that_nobody_uses_are_closed)
{
    struct world w = { .idle_ms = 20 };
    static struct one some[90];
    begin_canned(&w, "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", false);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 90; i++) {
            some[i] = one_of("k1", "o1", "pm_card_visa");
            gateway_charge(w.gateway, &some[i].charge);
        }
        for (int i = 0; i < 90; i++) {
            wait_for(&w, &some[i]);
            expect(&some[i].charge, CHARGE_UNKNOWN, "http_500");
        }
        wait_for_gone(&w);
    }
    ck_assert_uint_eq(w.canned.requests, 270);
    end(&w);
}
END_TEST

static void count_turn(uv_prepare_t *prepare)
{
    ++*(int *)prepare->data;
}

/* Of the loop, while the charge waits in vain for its answer and then lies with a connection that the other side has closed. */
START_TEST(who_waits_does_not_keep_the_loop_busy)
{
    struct world w = { .total_ms = 100 };
    struct one one = one_of("k1", "o1", "pm_card_visa"), waits = one_of("k2", "o1", "pm_card_visa");
    int turns = 0;
    uv_prepare_t prepare;
    begin_canned(&w, "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", true);
    uv_prepare_init(&w.loop, &prepare);
    prepare.data = &turns;
    gateway_charge(w.gateway, &one.charge);
    wait_for(&w, &one);
    struct canned silent = { .answer = NULL };
    struct gateway *other;
    char url[64];
    canned_open(&silent, &w.loop);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", silent.port);
    struct gateway_opts opts = { .url = url, .key = "sk_test_1", .total_ms = 100 };
    ck_assert_int_eq(gateway_open(&w.loop, &opts, &other), 0);
    uv_prepare_start(&prepare, count_turn);
    gateway_charge(other, &waits.charge);
    wait_for(&w, &waits);
    expect(&waits.charge, CHARGE_UNKNOWN, "timeout");
    ck_assert_int_lt(turns, 50);
    uv_close((uv_handle_t *)&prepare, NULL);
    gateway_close(other);
    canned_close(&silent);
    end(&w);
}
END_TEST

START_TEST(the_request_is_as_the_gateway_wants_it)
{
    struct world w = { 0 };
    begin_canned(&w, "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", false);
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    (void)charge(&w, "key-1", "pm_card_visa");
    static const char *const parts[] = {
        "POST /v1/payment_intents HTTP/1.1\r\n", "\r\nIdempotency-Key: key-1\r\n", "\r\nAuthorization: Bearer sk_test_1\r\n",
        "\r\nStripe-Version: 2023-10-16\r\n", "\r\nContent-Type: application/x-www-form-urlencoded\r\n", "confirm=true", "&amount=1990",
        "&currency=eur", "&payment_method=pm_card_visa", "&metadata[order]=o1", "&payment_method_types[]=card",
        "&error_on_requires_action=true",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(strstr(w.canned.last, parts[i]), "%s is not in %s", parts[i], w.canned.last);
    (void)lookup(&w, "o1");
    ck_assert_ptr_nonnull(strstr(w.canned.last, "GET /v1/payment_intents/search?query=metadata%5B%22order%22%5D%3A%22o1%22 HTTP/1.1\r\n"));
    ck_assert_ptr_null(strstr(w.canned.last, "Idempotency-Key"));
    (void)charge(&w, "key-2", "pm_card_visa");
    ck_assert_ptr_nonnull(strstr(w.canned.last, "\r\nIdempotency-Key: key-2\r\n"));
    end(&w);
}
END_TEST

static const struct odd {
    const char *answer, *code;
} odd[] = {
    { "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "http_302" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{", "half" },
    { "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"pi_1\"", "garbage" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id", "half" },
    { "HTTP/1.1 402 No\r\nContent-Length: 100\r\n\r\n{}", "half" },
    { "220 mail.example ESMTP\r\n", "garbage" },
    { "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}", "http_503" },
    { "", "no_answer" },
};

START_TEST(an_answer_that_is_none_is_no_verdict)
{
    struct world w = { 0 };
    begin_canned(&w, odd[_i].answer, true);
    struct charge c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_UNKNOWN, odd[_i].code);
    ck_assert_uint_eq(w.canned.connections, 1);
    end(&w);
}
END_TEST

START_TEST(an_answer_that_is_too_big_is_no_verdict)
{
    struct world w = { 0 };
    static char answer[100 * 1024];
    int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"");
    memset(answer + head, 'a', sizeof answer - (size_t)head - 1);
    begin_canned(&w, answer, true);
    struct charge c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_UNKNOWN, "too_big");
    end(&w);
}
END_TEST

/* ---- TLS ---- */

struct tls {
    pid_t pid;
    uint16_t port;
    char folder[32], ca[64];
};

static bool can_run(const char *command)
{
    return system(command) == 0;        /* NOLINT: texts of this file */
}

/* `openssl s_server`, with a certificate for `name` that it signed itself. */
static void tls_open(struct tls *tls, const char *name, const char *versions)
{
    char command[512];
    int ends[2];
    strcpy(tls->folder, "/tmp/prong-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(tls->folder));
    (void)snprintf(tls->ca, sizeof tls->ca, "%s/cert.pem", tls->folder);
    (void)snprintf(command, sizeof command, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                   "-days 2 -subj /CN=test -addext subjectAltName=%s -keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
                   name, tls->folder, tls->folder);
    if (!can_run(command))
        skip("no openssl program");
    (void)snprintf(command, sizeof command, "exec openssl s_server -accept 127.0.0.1:0 -www -cert %s/cert.pem -key %s/key.pem %s 2>&1",
                   tls->folder, tls->folder, versions);
    ck_assert_int_eq(pipe(ends), 0);
    tls->pid = fork();
    if (tls->pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(1);
    }
    (void)close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    char line[256];
    unsigned port = 0;
    while (port == 0 && fgets(line, sizeof line, said))
        (void)sscanf(line, "ACCEPT 127.0.0.1:%u", &port);
    ck_assert_uint_ne(port, 0);
    tls->port = (uint16_t)port;         /* the pipe stays open: it must be able to write */
}

static void tls_close(struct tls *tls)
{
    char path[64];
    (void)kill(tls->pid, SIGKILL);
    (void)waitpid(tls->pid, NULL, 0);
    (void)unlink(tls->ca);
    (void)snprintf(path, sizeof path, "%s/key.pem", tls->folder);
    (void)unlink(path);
    (void)rmdir(tls->folder);
}

START_TEST(a_certificate_of_the_ca_is_trusted_and_others_are_not)
{
    struct tls tls;
    tls_open(&tls, "IP:127.0.0.1", "");
    struct world w = { .ca_file = tls.ca };
    begin(&w);
    open_gateway(&w, "https", tls.port);
    struct charge c = lookup(&w, "o1");         /* s_server answers a GET, with a page */
    expect(&c, CHARGE_UNKNOWN, "garbage");
    ck_assert_int_eq(c.http_status, 200);
    end(&w);
    w = (struct world){ 0 };
    begin(&w);
    open_gateway(&w, "https", tls.port);
    c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_NOT_YET, "tls");
    end(&w);
    tls_close(&tls);
}
END_TEST

START_TEST(a_certificate_for_another_name_is_not_trusted)
{
    struct tls tls;
    tls_open(&tls, "DNS:gateway.example", "");
    struct world w = { .ca_file = tls.ca };
    begin(&w);
    open_gateway(&w, "https", tls.port);
    struct charge c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_NOT_YET, "tls");
    end(&w);
    tls_close(&tls);
}
END_TEST

START_TEST(tls_before_1_2_is_refused)
{
    struct tls tls;
    tls_open(&tls, "IP:127.0.0.1", "-tls1_1 -cipher DEFAULT@SECLEVEL=0");
    struct world w = { .ca_file = tls.ca };
    begin(&w);
    open_gateway(&w, "https", tls.port);
    struct charge c = charge(&w, "k1", "pm_card_visa");
    expect(&c, CHARGE_NOT_YET, "tls");
    end(&w);
    tls_close(&tls);
}
END_TEST

/* Stands before the C library's: "gateway.test" is this machine. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name && strcmp(name, "gateway.test") == 0 ? "127.0.0.1" : name, service, hints, found);
}

/* A thread of libcurl resolves it, and tells by a descriptor whose number then comes back as that of a connection. */
START_TEST(a_name_is_resolved_beside_the_loop)
{
    struct tls tls;
    tls_open(&tls, "DNS:gateway.test", "");
    for (int i = 0; i < 5; i++) {
        struct world w = { 0 };
        struct gateway_opts opts = { .url = w.url, .key = "sk_test_1", .ca_file = tls.ca };
        begin(&w);
        (void)snprintf(w.url, sizeof w.url, "https://gateway.test:%u", tls.port);
        ck_assert_int_eq(gateway_open(&w.loop, &opts, &w.gateway), 0);
        struct charge c = lookup(&w, "o1");
        expect(&c, CHARGE_UNKNOWN, "garbage");
        ck_assert_int_eq(c.http_status, 200);
        end(&w);
    }
    tls_close(&tls);
}
END_TEST

/* ---- URLs ---- */

static const struct url {
    const char *url;
    bool is_good;
} urls[] = {
    { "https://api.example", true }, { "https://api.example/", true }, { "https://api.example:8443/base", true },
    { "http://127.0.0.1:1", true }, { "http://localhost:1", true }, { "http://[::1]:1", true },
    { "http://api.example", false }, { "http://127.0.0.1.example", false }, { "http://localhost.example", false },
    { "https://user:secret@api.example", false }, { "https://api.example?x=1", false }, { "ftp://127.0.0.1", false },
    { "file:///etc", false }, { "api.example", false }, { "", false }, { "http://10.0.0.1", false },
};

START_TEST(a_gateway_is_reached_by_https_or_is_on_this_machine)
{
    uv_loop_t loop;
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct gateway *gateway;
        struct gateway_opts opts = { .url = urls[i].url, .key = "sk_test_1" };
        int r = gateway_open(&loop, &opts, &gateway);
        ck_assert_msg(r == (urls[i].is_good ? 0 : -EINVAL), "%s: %d", urls[i].url, r);
        if (r == 0)
            gateway_close(gateway);
    }
    struct gateway *gateway;
    struct gateway_opts opts = { .url = "https://api.example", .key = "sk\r\nX: y" };
    ck_assert_int_eq(gateway_open(&loop, &opts, &gateway), -EINVAL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

/* ---- verdicts ---- */

#define INTENT(id, amount, received, currency, order, status)                                                                     \
    "{\"id\":\"" id "\",\"object\":\"payment_intent\",\"amount\":" amount ",\"amount_received\":" received ",\"currency\":\"" currency \
    "\",\"metadata\":{\"order\":\"" order "\"},\"status\":\"" status "\"}"
#define ERROR(type, more) "{\"error\":{\"type\":\"" type "\"" more "}}"
#define OURS(status) INTENT("pi_1", "1990", "1990", "eur", "o1", status)

static const struct verdict {
    int http_status;
    const char *body;
    enum charge_outcome outcome;
    const char *code;
} verdicts[] = {
    { 200, OURS("succeeded"), CHARGE_PAID, "" },
    { 200, INTENT("pi_1", "1991", "1991", "eur", "o1", "succeeded"), CHARGE_UNKNOWN, "wrong_amount" },
    { 200, INTENT("pi_1", "1990", "1000", "eur", "o1", "succeeded"), CHARGE_UNKNOWN, "wrong_amount" },
    { 200, INTENT("pi_1", "1990.0", "1990", "eur", "o1", "succeeded"), CHARGE_UNKNOWN, "wrong_amount" },
    { 200, INTENT("pi_1", "\"1990\"", "1990", "eur", "o1", "succeeded"), CHARGE_UNKNOWN, "wrong_amount" },
    { 200, INTENT("pi_1", "1990", "1990", "usd", "o1", "succeeded"), CHARGE_UNKNOWN, "wrong_amount" },
    { 200, INTENT("pi_1", "1990", "1990", "eur", "o2", "succeeded"), CHARGE_UNKNOWN, "wrong_order" },
    { 200, INTENT("pi_1", "1990", "1990", "eur", "o2", "canceled"), CHARGE_UNKNOWN, "wrong_order" },
    { 200, INTENT("pi_/../x", "1990", "1990", "eur", "o1", "succeeded"), CHARGE_UNKNOWN, "garbage" },
    { 200, INTENT("ch_1", "1990", "1990", "eur", "o1", "succeeded"), CHARGE_UNKNOWN, "garbage" },
    { 200, OURS("requires_payment_method"), CHARGE_DECLINED, "card_declined" },
    { 200, OURS("requires_action"), CHARGE_DECLINED, "authentication_required" },
    { 200, OURS("canceled"), CHARGE_DECLINED, "canceled" },
    { 200, OURS("processing"), CHARGE_UNKNOWN, "processing" },
    { 200, OURS("requires_capture"), CHARGE_UNKNOWN, "requires_capture" },
    { 200, OURS("requires_confirmation"), CHARGE_UNKNOWN, "requires_confirmation" },
    { 200, OURS("of another \\n kind"), CHARGE_UNKNOWN, "garbage" },
    { 200, OURS("succeeded") "x", CHARGE_UNKNOWN, "garbage" },
    { 200, OURS("canceled\",\"status\":\"succeeded"), CHARGE_UNKNOWN, "garbage" },
    { 200, "", CHARGE_UNKNOWN, "garbage" },
    { 200, "[]", CHARGE_UNKNOWN, "garbage" },
    { 200, "{}", CHARGE_UNKNOWN, "garbage" },
    { 200, "null", CHARGE_UNKNOWN, "garbage" },
    { 200, ERROR("card_error", ""), CHARGE_UNKNOWN, "garbage" },
    { 201, OURS("succeeded"), CHARGE_UNKNOWN, "http_201" },
    { 204, "", CHARGE_UNKNOWN, "http_204" },
    { 302, OURS("succeeded"), CHARGE_UNKNOWN, "http_302" },
    { 400, ERROR("invalid_request_error", ",\"param\":\"amount\""), CHARGE_NOT_YET, "http_400" },
    { 400, ERROR("invalid_request_error", ",\"code\":\"amount_too_small\",\"param\":\"amount\""), CHARGE_DECLINED, "amount_too_small" },
    { 400, ERROR("invalid_request_error", ",\"code\":\"resource_missing\",\"param\":\"payment_method\""), CHARGE_DECLINED,
      "payment_method_invalid" },
    { 400, ERROR("invalid_request_error", ",\"code\":\"payment_method_unactivated\""), CHARGE_DECLINED, "payment_method_unactivated" },
    { 400, ERROR("idempotency_error", ",\"param\":\"payment_method\""), CHARGE_UNKNOWN, "key_reused" },
    { 400, "<html>", CHARGE_NOT_YET, "http_400" },
    { 401, ERROR("invalid_request_error", ""), CHARGE_NOT_YET, "http_401" },
    { 402, ERROR("card_error", ",\"code\":\"expired_card\",\"message\":\"Your card has expired.\""), CHARGE_DECLINED, "expired_card" },
    { 402, ERROR("card_error", ",\"code\":17"), CHARGE_DECLINED, "card_declined" },
    { 402, ERROR("card_error", ",\"code\":\"card_declined\",\"payment_intent\":" OURS("requires_payment_method")), CHARGE_DECLINED,
      "card_declined" },
    { 402, ERROR("card_error", ",\"code\":\"card_declined\",\"payment_intent\":" OURS("succeeded")), CHARGE_UNKNOWN, "contradiction" },
    { 402, ERROR("card_error", ",\"code\":\"card_declined\",\"payment_intent\":" OURS("processing")), CHARGE_UNKNOWN, "processing" },
    { 402, ERROR("card_error", ",\"payment_intent\":" INTENT("pi_1", "1990", "0", "eur", "o2", "canceled")), CHARGE_UNKNOWN,
      "wrong_order" },
    { 402, ERROR("api_error", ""), CHARGE_UNKNOWN, "http_402" },
    { 402, "<html>", CHARGE_UNKNOWN, "garbage" },
    { 403, "", CHARGE_NOT_YET, "http_403" },
    { 404, "", CHARGE_NOT_YET, "http_404" },
    { 405, "", CHARGE_UNKNOWN, "http_405" },
    { 408, "", CHARGE_UNKNOWN, "http_408" },
    { 409, ERROR("idempotency_error", ",\"code\":\"idempotency_key_in_use\""), CHARGE_NOT_YET, "in_progress" },
    { 424, "", CHARGE_UNKNOWN, "http_424" },
    { 429, ERROR("invalid_request_error", ",\"code\":\"lock_timeout\""), CHARGE_NOT_YET, "too_many" },
    { 500, ERROR("api_error", ""), CHARGE_UNKNOWN, "http_500" },
    { 500, OURS("succeeded"), CHARGE_UNKNOWN, "http_500" },
    { 502, "<html>", CHARGE_UNKNOWN, "http_502" },
    { 0, "", CHARGE_UNKNOWN, "http_0" },
};

START_TEST(an_answer_is_judged_by_all_that_it_says)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        const struct verdict *v = &verdicts[i];
        struct charge c = one_of("k1", "o1", "pm_card_visa").charge;
        verdict_of_charge(&c, v->http_status, v->body, strlen(v->body));
        ck_assert_msg(c.outcome == v->outcome && strcmp(c.code, v->code) == 0 && c.http_status == v->http_status,
                      "%d %s: outcome %d, code \"%s\"", v->http_status, v->body, c.outcome, c.code);
    }
}
END_TEST

#define FOUND(more, list) "{\"object\":\"search_result\",\"has_more\":" more ",\"data\":[" list "]}"
static const struct verdict found[] = {
    { 200, FOUND("false", ""), CHARGE_ABSENT, "" },
    { 200, FOUND("true", ""), CHARGE_UNKNOWN, "garbage" },
    { 200, "{\"object\":\"search_result\",\"data\":[]}", CHARGE_UNKNOWN, "garbage" },
    { 200, "{\"object\":\"list\",\"has_more\":false,\"data\":[]}", CHARGE_UNKNOWN, "garbage" },
    { 200, FOUND("false", OURS("succeeded")), CHARGE_PAID, "" },
    { 200, FOUND("false", OURS("canceled") "," OURS("succeeded")), CHARGE_PAID, "" },
    { 200, FOUND("false", OURS("canceled") "," OURS("processing")), CHARGE_UNKNOWN, "processing" },
    { 200, FOUND("false", OURS("processing") "," OURS("canceled")), CHARGE_UNKNOWN, "processing" },
    { 200, FOUND("false", OURS("processing") "," OURS("succeeded")), CHARGE_PAID, "" },
    { 200, FOUND("false", OURS("succeeded") "," OURS("succeeded")), CHARGE_PAID, "paid_twice" },
    { 200, FOUND("false", "17"), CHARGE_UNKNOWN, "garbage" },
    { 200, FOUND("false", INTENT("pi_1", "1", "1", "eur", "o1", "succeeded")), CHARGE_UNKNOWN, "wrong_amount" },
    { 404, "", CHARGE_UNKNOWN, "http_404" },
    { 429, "", CHARGE_UNKNOWN, "http_429" },
};

START_TEST(what_a_lookup_finds_is_judged_together)
{
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        struct charge c = one_of("k1", "o1", "pm_card_visa").charge;
        verdict_of_lookup(&c, found[i].http_status, found[i].body, strlen(found[i].body));
        ck_assert_msg(c.outcome == found[i].outcome && strcmp(c.code, found[i].code) == 0, "%s: outcome %d, code \"%s\"", found[i].body,
                      c.outcome, c.code);
    }
}
END_TEST

START_TEST(a_message_is_cut_between_characters_and_is_one_line)
{
    char text[400] = "a\nb";
    for (size_t i = 3; i < sizeof text - 3; i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    struct charge c;
    verdict_set(&c, CHARGE_UNKNOWN, "code", text);
    ck_assert_str_eq(c.code, "code");
    ck_assert(memcmp(c.message, "a b", 3) == 0);
    ck_assert_uint_eq(strlen(c.message), sizeof c.message - 1);
    verdict_set(&c, CHARGE_UNKNOWN, "code", text + 2);
    ck_assert_uint_eq(strlen(c.message), sizeof c.message - 1);
    verdict_set(&c, CHARGE_UNKNOWN, "code", text + 1);
    ck_assert_uint_eq(strlen(c.message), sizeof c.message - 2);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_card_is_charged_once_however_often_it_is_asked);
    add_case(a_declined_card_is_told_in_words_for_the_customer);
    add_case(a_card_that_wants_its_holder_is_declined);
    add_case(a_fault_of_the_gateway_is_no_verdict_and_the_same_key_asks_again);
    add_case(a_dropped_request_on_a_connection_that_was_kept_is_asked_again_with_its_key);
    add_case(a_key_with_other_parameters_is_no_answer_about_this_charge);
    add_case(the_same_key_twice_at_once_is_in_progress_once);
    add_case(a_wrong_bearer_key_is_the_operators_affair);
    add_case(hundreds_are_under_way_at_once);
    add_case(more_than_there_may_be_connections_wait_in_line);
    add_case(a_charge_that_is_abandoned_is_never_told);
    add_case(a_lookup_finds_what_an_order_has_come_to);
    add_case(what_a_ledger_tells_is_replayed_after_a_restart);
    add_case(what_cannot_be_sent_is_refused_from_the_loop);
    add_case(a_gateway_that_is_not_there_charges_nobody);
    add_case(a_gateway_that_goes_with_a_request_may_have_charged);
    add_case(a_connection_that_timed_out_is_not_used_again);
    add_case(connections_are_kept_and_used_again);
    add_case(connections_that_nobody_uses_are_closed);
    add_case(who_waits_does_not_keep_the_loop_busy);
    add_case(the_request_is_as_the_gateway_wants_it);
    for (int i = 0; i < (int)(sizeof odd / sizeof odd[0]); i++)
        add_case_for(odd[i].code, an_answer_that_is_none_is_no_verdict, i, 0);
    add_case(an_answer_that_is_too_big_is_no_verdict);
    add_case(a_certificate_of_the_ca_is_trusted_and_others_are_not);
    add_case(a_certificate_for_another_name_is_not_trusted);
    add_case(tls_before_1_2_is_refused);
    add_case(a_name_is_resolved_beside_the_loop);
    add_case(a_gateway_is_reached_by_https_or_is_on_this_machine);
    add_case(an_answer_is_judged_by_all_that_it_says);
    add_case(what_a_lookup_finds_is_judged_together);
    add_case(a_message_is_cut_between_characters_and_is_one_line);
    return run_cases(argc, argv);
}
