/* demo.c - `prong-shop demo`: the shop in the main thread, the gateway and the customers on one thread each. */
#include "command/command.h"
#include "command/demo/customers.h"
#include "command/demo/stand.h"
#include "command/signals.h"

#include "base/log.h"
#include "say.h"
#include "serve/address.h"
#include "serve/serve.h"

#include <prong.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ORDERS_USUAL = 6, ORDERS_MAX = 200, GATEWAY_MS = 300, SHOW_S = 5, FOLDER_SIZE = 1024 };

struct request {
    const char *listen, *folder;
    uint32_t orders;
    bool stop;
};

struct demo {
    const struct request *request;
    char folder[FOLDER_SIZE], db[FOLDER_SIZE + 16], receipts[FOLDER_SIZE + 16], ledger[FOLDER_SIZE + 16], gateway[64];
    uint32_t mails_per_second;
    prong_solo *customers;
    char url[128];              /* of the shop */
    int is_over;                /* relaxed: nothing else is told by it */
    int wrong;                  /* the customers'; read after their thread has ended */
};

/* ---- what is shown ------------------------------------------------------------------------------------------------------- */

static void show_head(const struct demo *d)
{
    printf("%u %s at the same time. The gateway takes %d ms for a charge; %u %s a second may be mailed.\n\n", d->request->orders,
           d->request->orders == 1 ? "customer orders" : "customers order", GATEWAY_MS, d->mails_per_second,
           d->mails_per_second == 1 ? "receipt" : "receipts");
    printf("  %-16s  %-8s  %-12s  %15s  %s\n", "ORDER", "CARD", "ANSWER", "CUSTOMER WAITED", "RECEIPT");
    (void)fflush(stdout);
}

static void show_customer(const struct customer *c, void *arg)
{
    (void)arg;
    char answer[40] = "none";
    if (c->status)
        snprintf(answer, sizeof answer, "%d %s", c->status, c->state);
    printf("  %-16s  %-8s  %-12s  %13.2f s  ", c->sku, c->wish, answer, c->waited_s);
    if (strcmp(c->receipt, "sent") == 0)
        printf("%.2f s after the answer\n", (double)c->receipt_after_ms / 1000);
    else
        puts(*c->receipt ? c->receipt : "unknown");
    (void)fflush(stdout);
}

static void show_places(const struct demo *d)
{
    bool is_kept = d->request->folder != NULL;
    if (d->request->orders)
        puts("\nEach waited for the charge, and nobody for the mail.\n");
    printf("  storefront  %s/      (no card is charged)\n", d->url);
    printf("  receipts    %s\n  charges     %s\n  database    %s\n\n", d->receipts, d->ledger, d->db);
    printf("Ctrl-C ends it%s.\n", is_kept ? "; the folder stays" : " and removes all of it (--folder DIR keeps it)");
    (void)fflush(stdout);
}

/* ---- the customers' thread ----------------------------------------------------------------------------------------------- */

static bool is_over(void *arg)
{
    struct demo *d = arg;
    return __atomic_load_n(&d->is_over, __ATOMIC_RELAXED) != 0;
}

static int run_customers(void *record)
{
    struct demo *d = *(struct demo *const *)record;
    const struct customers_opts opts = { .url = d->url, .orders = d->request->orders, .is_over = is_over, .told = show_customer, .arg = d };
    if (opts.orders) {
        show_head(d);
        d->wrong = customers_run(&opts);
    }
    if (d->request->stop)
        (void)kill(getpid(), SIGTERM);
    else if (!is_over(d))
        show_places(d);
    return 0;
}

/* From serve_run(), once it answers. */
static void on_ready(const char *url, void *arg)
{
    static const prong_pool_opts thread = { .engine = "threads", .name = "customers" };
    struct demo *d = arg;
    snprintf(d->url, sizeof d->url, "%s", url);
    if (prong_solo_start(&thread, run_customers, &d, sizeof(struct demo *), &d->customers) < 0)
        (void)say_error(SAY_MISSING, "the customers get no thread: %s", prong_last_error());
}

/* ---- the folder ---------------------------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

static int open_folder(struct demo *d)
{
    const char *tmp = getenv("TMPDIR");
    if (d->request->folder)
        snprintf(d->folder, sizeof d->folder, "%s", d->request->folder);
    else
        snprintf(d->folder, sizeof d->folder, "%s/prong-shop-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    bool is_there = d->request->folder ? mkdir(d->folder, 0700) == 0 || errno == EEXIST : mkdtemp(d->folder) != NULL;
    if (!is_there)
        return say_error(SAY_MISSING, "%s: %s", d->folder, strerror(errno));
    snprintf(d->db, sizeof d->db, "%s/shop.db", d->folder);
    snprintf(d->receipts, sizeof d->receipts, "%s/receipts", d->folder);
    snprintf(d->ledger, sizeof d->ledger, "%s/charges.jsonl", d->folder);
    return SAY_OK;
}

static void close_folder(const struct demo *d)
{
    if (!d->request->folder)
        (void)nftw(d->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

static int serve(struct demo *d)
{
    const struct serve_opts opts = { .listen = d->request->listen, .db = d->db, .gateway = d->gateway, .mail = d->receipts,
                                     .gateway_key = "sk_test_demo", .mail_from = "shop@example.org", .shop_name = "prong-shop",
                                     .uncertain = "once", .is_demo = true, .mails_per_second = d->mails_per_second,
                                     .drain_ms = 1000 * SHOW_S, .ready = on_ready, .arg = d };
    int status = serve_run(&opts);
    if (status == SAY_MISSING && !d->url[0])
        say_hint("is the port taken? --listen 127.0.0.1:0 takes any free one");
    __atomic_store_n(&d->is_over, 1, __ATOMIC_RELAXED);
    if (d->customers) {
        (void)prong_solo_join(d->customers, PRONG_NEVER, NULL, NULL);
        prong_solo_free(d->customers);
    }
    return status;
}

static int run_demo(const struct request *request)
{
    struct demo d = { .request = request, .mails_per_second = 1 + request->orders / (SHOW_S + 2) };
    int status = open_folder(&d);
    if (status != SAY_OK)
        return status;
    const struct standin_opts opts = { .address = "127.0.0.1", .ledger = d.ledger, .delay_ms = GATEWAY_MS };
    struct stand *stand = stand_open(&opts);
    if (stand) {
        snprintf(d.gateway, sizeof d.gateway, "http://127.0.0.1:%u", stand_port(stand));
        status = serve(&d);
    } else
        status = SAY_MISSING;
    stand_close(stand);
    close_folder(&d);
    if (status == SAY_OK && request->stop && d.wrong)
        status = say_error(SAY_WRONG, "not all orders went as they should");
    return status;
}

static int run_request(const struct request *request)
{
    char address[ADDRESS_SIZE];
    uint16_t port;
    if (address_read(request->listen, address, &port) < 0) {
        (void)say_error(SAY_USAGE, "--listen: '%s' is no address with a port", request->listen);
        say_hint("as in 127.0.0.1:8080");
        return SAY_USAGE;
    }
    if (request->folder && strlen(request->folder) >= FOLDER_SIZE)
        return say_error(SAY_USAGE, "--folder: the name is too long");
    if (token_init() < 0)
        return say_error(SAY_MISSING, "this machine gives no random numbers");
    signals_end();
    log_init(LOG_LEVEL_WARNING);
    return run_demo(request);
}

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    { .name = "--listen", .value = "ADDRESS:PORT", .kind = OPTION_TEXT, .at = AT(listen),
      .help = "where the storefront is (default: 127.0.0.1:8080); port 0 is any free one" },
    { .name = "--folder", .value = "DIR", .kind = OPTION_FILE, .at = AT(folder),
      .help = "where to put the database, the receipts and the charges, and keep them (default: a temporary one, removed at the end)" },
    { .name = "--orders", .value = "N", .kind = OPTION_COUNT, .zero = true, .most = ORDERS_MAX, .at = AT(orders),
      .help = "orders to place at the same time (default: 6); of several the last has a slow card, the one before it a bad one" },
    { .name = "--stop", .kind = OPTION_FLAG, .at = AT(stop), .help = "end after these orders" },
    { 0 }
};
#undef AT

static int run_command(int argc, char *const argv[])
{
    struct request request = { .listen = "127.0.0.1:8080", .orders = ORDERS_USUAL };
    int status = options_read(&demo_command, &request, argc, argv);
    if (status == OPTIONS_SHOWN)
        return SAY_OK;
    return status == SAY_OK ? run_request(&request) : status;
}

static const struct explained exits[] = {
    { "0", "ended by Ctrl-C or SIGTERM; or by --stop, and all orders went as they should" },
    { "1", "with --stop: one of them did not" },
    { "2", "wrong usage" },
    { "3", "the port is taken, or a file cannot be written" },
    { 0 }
};

static const struct explained environment[] = {
    { "TMPDIR", "where the temporary folder is made; default: `/tmp`" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong-shop demo", "then buy a shirt at http://127.0.0.1:8080/" },
    { "prong-shop demo --folder demo --orders 100", "more of it, and to keep" },
    { "prong-shop demo --listen 127.0.0.1:0 --stop", "a look at it" },
    { 0 }
};

const struct command demo_command = {
    .name = "demo",
    .summary = "gateway, shop and mail together, to try it: charges nobody",
    .about = "Starts a stand-in gateway, the shop, and mail into a folder; places orders, and shows that customers wait for the charge "
             "and not for the mail. Then the storefront stays open until Ctrl-C.",
    .options = options,
    .exits = exits,
    .environment = environment,
    .examples = examples,
    .run = run_command,
};
