/* stock.c - `prong-shop stock`: how many there are of what, and how many there are from now on. */
#include "command/command.h"
#include "base/trouble.h"

#include "json.h"
#include "say.h"
#include "settings/settings.h"
#include "web/web.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *db, *config;
    bool json;
    struct words changes;       /* "SKU=N" */
};

static const struct option options[] = {
    COMMAND_DB_OPTIONS(struct request),
    { .group = "How to show it", .name = "--json", .kind = OPTION_FLAG, .at = offsetof(struct request, json),
      .help = "prong-shop.stock/1 on standard output, and nothing else there" },
    { 0 }
};

struct change {
    char sku[SKU_SIZE];
    int64_t stock;
};

/* ---- the list ------------------------------------------------------------------------------------------------------------ */

static void list_json(const struct catalogue *catalogue, const struct product *products)
{
    struct json w = { .to = stdout };
    json_begin(&w, NULL, '{');
    json_put_string(&w, "schema", "prong-shop.stock/1");
    json_put_string(&w, "currency", catalogue->currency);
    json_begin(&w, "products", '[');
    for (size_t i = 0; i < catalogue->n; i++) {
        json_begin_flat(&w, NULL, '{');
        json_put_string(&w, "sku", products[i].sku);
        json_put_count(&w, "price_cents", (uint64_t)products[i].price_cents);
        if (products[i].stock == UNLIMITED)
            json_put_null(&w, "stock");
        else
            json_put_count(&w, "stock", (uint64_t)products[i].stock);
        json_end(&w, '}');
    }
    json_end(&w, ']');
    json_end(&w, '}');
    putchar('\n');
}

static void list_table(const struct catalogue *catalogue, const struct product *products)
{
    printf("%-*s  %12s  %s\n", SKU_SIZE - 1, "SKU", "PRICE", "STOCK");
    for (size_t i = 0; i < catalogue->n; i++) {
        char price[32], stock[32] = "unlimited";
        if (products[i].stock != UNLIMITED)
            snprintf(stock, sizeof stock, "%" PRId64, products[i].stock);
        printf("%-*s  %12s  %s\n", SKU_SIZE - 1, products[i].sku,
               web_money(products[i].price_cents, catalogue->currency, price, sizeof price), stock);
    }
}

static int list(struct store *store, bool as_json)
{
    const struct catalogue *catalogue = store_catalogue(store);
    struct store_reader *reader = NULL;
    struct product *products = calloc(catalogue->n + 1, sizeof *products);
    if (!products)
        return say_error(SAY_MISSING, "out of memory");
    memcpy(products, catalogue->products, catalogue->n * sizeof *products);
    int status = SAY_OK;
    if (store_reader_open(store, &reader) < 0 || store_read_stock(reader, products, catalogue->n) < 0)
        status = say_error(SAY_MISSING, "%s", trouble_text());
    else if (as_json)
        list_json(catalogue, products);
    else
        list_table(catalogue, products);
    store_reader_close(reader);
    free(products);
    return status;
}

/* ---- changes ------------------------------------------------------------------------------------------------------------- */

static int change_read(const char *word, struct change *ret_change)
{
    const char *equals = strchr(word, '='), *number = equals ? equals + 1 : "";
    char *end;
    errno = 0;
    int64_t stock = strtoll(number, &end, 10);
    bool is_unlimited = strcmp(number, "unlimited") == 0;
    bool is_number = *number >= '0' && *number <= '9' && !*end && !errno && stock <= INT32_MAX;
    if ((!is_number && !is_unlimited) || equals == word || equals - word >= SKU_SIZE) {
        (void)say_error(SAY_USAGE, "'%s' is not SKU=NUMBER or SKU=unlimited", word);
        say_hint("as in TSHIRT-RED-M=100");
        return SAY_USAGE;
    }
    ret_change->stock = is_unlimited ? UNLIMITED : stock;
    snprintf(ret_change->sku, sizeof ret_change->sku, "%.*s", (int)(equals - word), word);
    return SAY_OK;
}

/* All words are looked at before anything is changed. */
static int change(struct store *store, const struct words *words)
{
    struct change one;
    int status = SAY_OK;
    for (size_t i = 0; i < words->n; i++) {
        (void)change_read(words->word[i], &one);
        if (!catalogue_find(store_catalogue(store), one.sku)) {
            (void)say_error(SAY_WRONG, "there is no %s in this shop; nothing is changed", one.sku);
            say_hint("`prong-shop stock` lists what there is");
            return SAY_WRONG;
        }
    }
    for (size_t i = 0; i < words->n && status == SAY_OK; i++) {
        (void)change_read(words->word[i], &one);
        if (store_change_stock(store, one.sku, one.stock) < 0)
            status = say_error(SAY_MISSING, "%s: %s", one.sku, trouble_text());
        else
            printf("%s\n", words->word[i]);
    }
    return status;
}

static int run_request(const struct request *request)
{
    struct store *store;
    struct change one;
    int status = SAY_OK;
    for (size_t i = 0; i < request->changes.n && status == SAY_OK; i++)
        status = change_read(request->changes.word[i], &one);
    if (status == SAY_OK)
        status = command_open_store(request->db, &store);
    if (status != SAY_OK)
        return status;
    status = request->changes.n ? change(store, &request->changes) : list(store, request->json);
    store_close(store);
    return status;
}

static int run_command(int argc, char *const argv[])
{
    struct request request = { 0 };
    struct settings settings;
    int status = settings_read(&stock_command, &serve_command, &request, sizeof request, argc, argv, &settings);
    if (status == SAY_OK)
        status = run_request(&request);
    words_free(&request.changes);
    settings_free(&settings);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

static const struct explained examples[] = {
    { "prong-shop stock --db shop.db", "how many there are of what" },
    { "prong-shop stock --db shop.db TSHIRT-RED-M=100 TSHIRT-BLUE-S=unlimited", "how many there are from now on" },
    { 0 }
};

const struct command stock_command = {
    .name = "stock",
    .summary = "shows and sets how many there are of each product",
    .about = "Without words: lists the products, their prices and how many are left. With words: sets how many there are, a number or "
             "`unlimited`. Works beside a server that runs, and without one; what is reserved by orders under way has been taken off "
             "already.",
    .options = options,
    .words = "SKU=N...",
    .words_at = offsetof(struct request, changes),
    .exits = command_exits,
    .environment = command_db_environment,
    .examples = examples,
    .run = run_command,
};
