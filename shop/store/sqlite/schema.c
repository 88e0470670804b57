/* schema.c - the tables. One random index alone, of tokens: a token is derived from the idempotency key, so this is the key's uniqueness, too. All else is
 * appended or lies in small indexes of what is under way, so that an order touches few pages however many there are. */
#include "store/sqlite/db.h"

#include "base/trouble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION "1886548840"        /* "prsh" */
enum { APPLICATION_ID = 1886548840, VERSION = 1 };

static const char schema[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, colour TEXT NOT NULL, size TEXT NOT NULL,"
    "  price_cents INTEGER NOT NULL CHECK (price_cents >= 0), stock INTEGER CHECK (stock >= 0));"           /* NULL: unlimited */
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, token BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    "  total_cents INTEGER NOT NULL, currency TEXT NOT NULL, key TEXT NOT NULL, body_hash BLOB NOT NULL, charge_key BLOB NOT NULL,"
    "  email TEXT NOT NULL, method TEXT NOT NULL, note TEXT NOT NULL, name TEXT NOT NULL, street TEXT NOT NULL, city TEXT NOT NULL,"
    "  postcode TEXT NOT NULL, country TEXT NOT NULL);"
    "CREATE INDEX orders_open ON orders (state, id) WHERE state IN (1, 5);"
    "CREATE TABLE order_lines (order_id INTEGER NOT NULL, line INTEGER NOT NULL, product_id INTEGER NOT NULL, qty INTEGER NOT NULL,"
    "  price_cents INTEGER NOT NULL, taken INTEGER NOT NULL, PRIMARY KEY (order_id, line)) WITHOUT ROWID;"  /* taken: from a limited stock */
    "CREATE TABLE answers (order_id INTEGER PRIMARY KEY, status INTEGER NOT NULL, body BLOB NOT NULL, intent TEXT NOT NULL);"
    "CREATE TABLE outbox (order_id INTEGER NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    "  tries INTEGER NOT NULL, first_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL, message BLOB NOT NULL, trouble TEXT NOT NULL,"
    "  PRIMARY KEY (order_id, kind)) WITHOUT ROWID;"
    "CREATE INDEX outbox_open ON outbox (state, next_ms) WHERE state <> 4;"
    "CREATE TABLE events (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, what TEXT NOT NULL, text TEXT NOT NULL);"
    "PRAGMA application_id = " APPLICATION ";"
    "PRAGMA user_version = 1";

static int read_number(struct conn *conn, const char *pragma, int64_t *ret_number)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(conn->sqlite, pragma, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return conn_trouble(conn, code, "database");
    code = sqlite3_step(statement);
    *ret_number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return code == SQLITE_ROW ? 0 : conn_trouble(conn, code, "database");
}

/* ---- making ---------------------------------------------------------------------------------------------------------------- */

static int add_demo(struct conn *conn)
{
    const struct catalogue *demo = catalogue_demo();
    struct secret secret;
    secret_random(&secret);
    int r = sql_run(conn, SQL_SET_META, "tx", "secret", secret.bytes, sizeof secret.bytes);
    if (r == 0)
        r = sql_run(conn, SQL_SET_META, "tt", "currency", demo->currency);
    for (size_t i = 0; i < demo->n && r == 0; i++) {
        const struct product *p = &demo->products[i];
        r = sql_run(conn, SQL_ADD_PRODUCT, "tttti", p->sku, p->name, p->colour, p->size, p->price_cents);
    }
    return r;
}

/* All or nothing: a crash leaves an empty database. */
static int make(struct conn *conn)
{
    int r = conn_run(conn, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE");
    if (r < 0)
        return r;
    int64_t version;
    r = read_number(conn, "PRAGMA user_version", &version);
    if (r == 0 && version == 0) {       /* nobody else was quicker */
        r = conn_run(conn, schema);
        if (r == 0)
            r = add_demo(conn);
    }
    if (r == 0)
        return conn_run(conn, "COMMIT");
    (void)sqlite3_exec(conn->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

/* ---- checking and reading -------------------------------------------------------------------------------------------------- */

static int load_secret(struct db *db)
{
    sqlite3_stmt *row;
    int r = sql_row(&db->writer, SQL_META, &row, "t", "secret");
    if (r <= 0)
        return r < 0 ? r : trouble_say(-EUCLEAN, "%s: the shop's secret is missing from it", db->path);
    bool is_good = sqlite3_column_bytes(row, 0) == SECRET_SIZE;
    if (is_good)
        memcpy(db->secret.bytes, sqlite3_column_blob(row, 0), SECRET_SIZE);
    sql_done(row);
    return is_good ? 0 : trouble_say(-EUCLEAN, "%s: the shop's secret in it is damaged", db->path);
}

static void copy_text(char *to, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);
    memcpy(to, text, n);
    to[n] = '\0';
}

static void read_product(sqlite3_stmt *row, struct product *p)
{
    p->id = sqlite3_column_int64(row, 0);
    copy_text(p->sku, sizeof p->sku, column_text(row, 1));
    copy_text(p->name, sizeof p->name, column_text(row, 2));
    copy_text(p->colour, sizeof p->colour, column_text(row, 3));
    copy_text(p->size, sizeof p->size, column_text(row, 4));
    p->price_cents = sqlite3_column_int64(row, 5);
    p->stock = sqlite3_column_type(row, 6) == SQLITE_NULL ? UNLIMITED : sqlite3_column_int64(row, 6);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = (*(const struct product *const *)a)->id, y = (*(const struct product *const *)b)->id;
    return x < y ? -1 : x > y;
}

static int load_catalogue(struct db *db)
{
    struct catalogue *c = &db->catalogue;
    sqlite3_stmt *row;
    c->products = calloc(PRODUCTS_MAX, sizeof *c->products);
    db->by_id = calloc(PRODUCTS_MAX, sizeof *db->by_id);
    if (!c->products || !db->by_id)
        return trouble_say(-ENOMEM, "out of memory");
    int r = sql_row(&db->writer, SQL_PRODUCTS, &row, "");
    while (r == 1 && c->n < PRODUCTS_MAX) {
        db->by_id[c->n] = &c->products[c->n];
        read_product(row, &c->products[c->n++]);
        r = sql_next(&db->writer, row);
    }
    if (c->n)
        sql_done(row);
    if (r == 0)
        qsort(db->by_id, c->n, sizeof *db->by_id, compare_ids);
    return r == 1 ? trouble_say(-EUCLEAN, "%s: more than %d products", db->path, PRODUCTS_MAX) : r;
}

static int load_currency(struct db *db)
{
    sqlite3_stmt *row;
    int r = sql_row(&db->writer, SQL_META, &row, "t", "currency");
    if (r <= 0)
        return r < 0 ? r : trouble_say(-EUCLEAN, "%s: the shop's currency is missing from it", db->path);
    copy_text(db->catalogue.currency, sizeof db->catalogue.currency, column_text(row, 0));
    sql_done(row);
    return 0;
}

static int check(struct db *db, int64_t *ret_version)
{
    int64_t application, tables;
    int r = read_number(&db->writer, "PRAGMA application_id", &application);
    if (r == 0)
        r = read_number(&db->writer, "PRAGMA user_version", ret_version);
    if (r == 0)
        r = read_number(&db->writer, "SELECT count(*) FROM sqlite_schema", &tables);
    if (r < 0)
        return r;
    if (tables && application != APPLICATION_ID)
        return trouble_say(-EUCLEAN, "%s is a database, but not of prong-shop", db->path);
    if (*ret_version > VERSION)
        return trouble_say(-ENOTSUP, "%s was made by a newer prong-shop (version %d of its tables; this one knows %d)", db->path, (int)*ret_version,
                         VERSION);
    return 0;
}

int schema_make(struct db *db, bool may_create)
{
    int64_t version;
    int r = check(db, &version);
    if (r == 0 && version == 0)
        r = may_create ? make(&db->writer) : trouble_say(-EUCLEAN, "%s is empty: no shop was ever served from it", db->path);
    if (r == 0)
        r = load_secret(db);
    if (r == 0)
        r = load_currency(db);
    return r == 0 ? load_catalogue(db) : r;
}
