/* metrics.c - figures of all parts, a family each. Names and units follow the OpenMetrics specification: seconds, bytes, _total. */
#include "serve/metrics.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void family(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# TYPE prong_shop_%s %s\n# HELP prong_shop_%s %s\n", name, type, name, help);
}

static void counter(FILE *to, const char *name, const char *help, uint64_t value)
{
    family(to, name, "counter", help);
    fprintf(to, "prong_shop_%s_total %" PRIu64 "\n", name, value);
}

static void gauge(FILE *to, const char *name, const char *help, double value)
{
    family(to, name, "gauge", help);
    fprintf(to, "prong_shop_%s %.15g\n", name, value);
}

struct labelled {
    const char *label;
    uint64_t value;
};

static void counters(FILE *to, const char *name, const char *help, const char *label, const struct labelled *values, size_t n)
{
    family(to, name, "counter", help);
    for (size_t i = 0; i < n; i++)
        fprintf(to, "prong_shop_%s_total{%s=\"%s\"} %" PRIu64 "\n", name, label, values[i].label, values[i].value);
}

static void write_waits(FILE *to, const struct flow_stats *flow)
{
    static const char name[] = "answer_seconds";
    uint64_t sum = 0;
    family(to, name, "histogram", "How long customers waited for the answer to an order.");
    for (int i = 0; i < FLOW_BUCKETS; i++) {
        sum += flow->waited[i];
        fprintf(to, "prong_shop_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, flow_bounds[i], sum);
    }
    sum += flow->waited[FLOW_BUCKETS];
    fprintf(to, "prong_shop_%s_bucket{le=\"+Inf\"} %" PRIu64 "\nprong_shop_%s_count %" PRIu64 "\nprong_shop_%s_sum %.3f\n", name, sum, name, sum,
            name, flow->waited_s);
}

static void write_flow(FILE *to, const struct shop *shop)
{
    struct flow_stats flow;
    flow_stats(shop->flow, &flow);
    const struct labelled ends[] = { { "paid", flow.paid }, { "declined", flow.declined }, { "cancelled", flow.cancelled }, { "review", flow.review } };
    counters(to, "orders", "Orders that ended.", "state", ends, 4);
    const struct labelled answers[] = { { "answered", flow.ends[FLOW_ANSWERED] }, { "in_progress", flow.ends[FLOW_IN_PROGRESS] },
                                        { "key_reused", flow.ends[FLOW_KEY_REUSED] }, { "sold_out", flow.ends[FLOW_SOLD_OUT] },
                                        { "overloaded", flow.ends[FLOW_BUSY] } };
    counters(to, "answers", "How customers were answered.", "how", answers, 5);
    write_waits(to, &flow);
    gauge(to, "orders_under_way", "Orders between the first and the last commit.", (double)flow.under_way);
    gauge(to, "gateway_requests_under_way", "Requests at the gateway.", (double)flow.at_gateway);
    counter(to, "gateway_requests", "Charges asked of the gateway.", flow.charges);
    const struct labelled again[] = { { "not_yet", flow.not_yet }, { "unknown", flow.unknown } };
    counters(to, "gateway_requests_again", "Those that must be asked again.", "why", again, 2);
    counter(to, "gateway_lookups", "Questions what became of a charge.", flow.lookups);
}

static void write_store(FILE *to, const struct shop *shop)
{
    struct store_stats store;
    struct store_counts counts;
    store_stats(shop->store, &store);
    counter(to, "store_changes", "Changes posted to the database.", store.ops);
    counter(to, "store_commits", "Transactions, each with all changes that waited.", store.commits);
    counter(to, "store_failed_commits", "Transactions that failed.", store.failed_commits);
    family(to, "store_commit_seconds", "counter", "Time spent in commits.");
    fprintf(to, "prong_shop_store_commit_seconds_total %.6f\n", (double)store.commit_ns / 1e9);
    counter(to, "store_checkpoints", "Checkpoints of the write-ahead log.", store.checkpoints);
    gauge(to, "store_log_bytes", "Size of the write-ahead log.", (double)store.wal_bytes);
    gauge(to, "store_queue", "Changes that wait for their commit.", (double)store.queued);
    gauge(to, "store_up", "1, or 0 once the database has failed.", !store_failed(shop->store));
    if (store_read_counts(shop->reader, false, &counts) < 0)
        return;
    family(to, "receipts", "gauge", "Receipts that are not sent yet.");
    static const enum receipt_state waiting[] = { RECEIPT_READY, RECEIPT_LEASED, RECEIPT_HANDED, RECEIPT_UNCERTAIN, RECEIPT_DEAD };
    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++)
        fprintf(to, "prong_shop_receipts{state=\"%s\"} %" PRId64 "\n", receipt_state_name(waiting[i]), counts.receipts[waiting[i]]);
}

static void write_rest(FILE *to, const struct shop *shop)
{
    struct mailer_stats mail;
    struct http_stats http;
    mailer_stats(shop->mailer, &mail);
    const struct labelled ends[] = { { "sent", mail.sent }, { "retried", mail.retried }, { "uncertain", mail.uncertain }, { "dead", mail.dead } };
    counters(to, "mails", "Tries to send a receipt.", "end", ends, 4);
    counter(to, "renders_lost", "Receipts whose rendering crashed or hung, in a process of its own.", mail.renders_lost);
    gauge(to, "mails_under_way", "Receipts being sent.", (double)mail.in_flight);
    http_stats(shop->http, &http);
    counter(to, "http_requests", "Requests.", http.requests);
    counter(to, "http_refused", "Requests that were malformed or over a limit.", http.refused);
    counter(to, "http_cut_off", "Connections that were too slow.", http.cut_off);
    gauge(to, "http_connections", "Open connections.", (double)http.connections);
    gauge(to, "http_waiting", "Requests that wait for their answer.", (double)http.waiting);
    gauge(to, "uptime_seconds", "Since the start.", (double)(clock_ms() - shop->started_ms) / 1000);
}

char *metrics_text(const struct shop *shop, size_t *ret_size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, ret_size);
    if (!to)
        return NULL;
    write_flow(to, shop);
    write_store(to, shop);
    write_rest(to, shop);
    fputs("# EOF\n", to);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}
