/* waiting.c - who should wait for the gateway: one loop, or a thread for each charge?
 *
 *     waiting URL IN_FLIGHT SECONDS loop|threads
 *
 * Keeps IN_FLIGHT charges under way at a gateway stand-in, by shop/gateway/ on one loop, or by a prong pool of as many threads, each with
 * a connection of its own that it keeps, and libcurl's blocking call. Prints charges a second, CPU per charge, peak memory. */
#include "gateway/gateway.h"
#include "base/trouble.h"

#include <prong.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double end_s;
static uint64_t number;         /* of charges begun; keys are made of it */

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char *next_key(char *buf, size_t size)
{
    snprintf(buf, size, "w-%d-%" PRIu64, (int)getpid(), __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED));
    return buf;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "waiting: %s\n", what);
    exit(1);
}

/* ---- the loop -------------------------------------------------------------------------------------------------------------- */

struct waiter {
    struct charge charge;
    struct gateway *gateway;
    char key[48];
    uint64_t paid;
};

static void begin(struct waiter *w);

static void on_done(struct charge *charge)
{
    struct waiter *w = (struct waiter *)charge;
    if (charge->outcome != CHARGE_PAID)
        die(charge->message);
    w->paid++;
    if (now_s() < end_s)
        begin(w);
}

static void begin(struct waiter *w)
{
    const char *key = next_key(w->key, sizeof w->key);
    w->charge = (struct charge){ .key = key, .order = key, .method = "pm_card_visa", .currency = "eur", .amount_cents = 1990, .done = on_done };
    gateway_charge(w->gateway, &w->charge);
}

static uint64_t run_loop(const char *url, uint32_t n)
{
    uv_loop_t *loop = uv_default_loop();
    struct gateway *gateway;
    struct waiter *waiters = calloc(n, sizeof *waiters);
    if (!waiters || gateway_open(loop, &(struct gateway_opts){ .url = url, .key = "sk_test_waiting", .connections = n }, &gateway) < 0)
        die(trouble_text());
    for (uint32_t i = 0; i < n; i++) {
        waiters[i].gateway = gateway;
        begin(&waiters[i]);
    }
    uint64_t paid = 0;
    while (now_s() < end_s)
        (void)uv_run(loop, UV_RUN_ONCE);
    for (uint32_t i = 0; i < n; i++)
        paid += waiters[i].paid;
    return paid;
}

/* ---- threads --------------------------------------------------------------------------------------------------------------- */

struct task {
    const char *url;
    uint64_t paid;
};

static size_t drop(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    return size * n;
}

static int charge_all(void *record)
{
    struct task *task = record;
    char url[256], key[48], header[96], body[256];
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "%s/v1/payment_intents", task->url);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    (void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 1024L);
    while (now_s() < end_s) {
        long status = 0;
        struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer sk_test_waiting");
        snprintf(header, sizeof header, "Idempotency-Key: %s", next_key(key, sizeof key));
        headers = curl_slist_append(headers, header);
        snprintf(body, sizeof body, "amount=1990&currency=eur&payment_method=pm_card_visa&confirm=true&metadata[order]=%s", key);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        bool is_well = curl_easy_perform(curl) == CURLE_OK && curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
        curl_slist_free_all(headers);
        if (!is_well)
            return prong_fail(1, "the gateway answered %ld", status);
        task->paid++;
    }
    curl_easy_cleanup(curl);
    return 0;
}

static uint64_t run_threads(const char *url, uint32_t n)
{
    prong_pool *pool;
    prong_error end;
    struct task *tasks = calloc(n, sizeof *tasks);
    if (!tasks || prong_pool_open(&(prong_pool_opts){ .engine = "threads", .workers = n }, &pool) < 0)
        die(prong_last_error());
    for (uint32_t i = 0; i < n; i++)
        tasks[i].url = url;
    if (prong_map(pool, charge_all, tasks, n, sizeof *tasks, NULL, &end) != 0)
        die(end.text);
    uint64_t paid = 0;
    for (uint32_t i = 0; i < n; i++)
        paid += tasks[i].paid;
    (void)prong_pool_close(pool, PRONG_NEVER);
    return paid;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("URL IN_FLIGHT SECONDS loop|threads");
    uint32_t n = (uint32_t)strtoul(argv[2], NULL, 10);
    struct rlimit files;
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    double began = now_s();
    end_s = began + strtod(argv[3], NULL);
    uint64_t paid = strcmp(argv[4], "loop") == 0 ? run_loop(argv[1], n) : run_threads(argv[1], n);
    double took = now_s() - began;
    struct rusage use;
    (void)getrusage(RUSAGE_SELF, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    printf("%-8s %5u in flight  %7.0f charges/s  %6.1f us CPU each  %6.1f MB\n", argv[4], n, (double)paid / took, cpu * 1e6 / (double)paid,
           (double)use.ru_maxrss / 1024);
    return 0;
}
