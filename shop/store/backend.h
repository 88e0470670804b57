/* backend.h - what a database must do for the store: the table that a second kind (PostgreSQL) would fill in.
 *
 * All return 0 or -errno as in store.h, with words in trouble_text(). begin to mark are called by the writer's thread alone; keep_short by the
 * keeper's; a reader's by the thread that opened it. */
#pragma once
#include "store/store.h"

struct db;          /* one database */
struct db_reader;

struct backend {
    /* Opens; with to_serve also locks, makes what is missing, and takes back what an earlier server held. */
    int (*open)(const struct store_opts *opts, struct db **ret_db);
    void (*close)(struct db *db);
    const struct secret *(*secret)(const struct db *db);
    const struct catalogue *(*catalogue)(const struct db *db);

    int (*begin)(struct db *db);
    int (*commit)(struct db *db);       /* on disk when it returns 0 */
    void (*rollback)(struct db *db);    /* fine without a transaction, too */
    /* Each all or nothing, within the transaction. */
    int (*place)(struct db *db, struct store_place *op);
    int (*settle)(struct db *db, struct store_settle *op);
    int (*lease)(struct db *db, struct store_lease *op);
    int (*mark)(struct db *db, struct store_mark *op);

    /* Housekeeping beside the writer, as long as there is any: called again and again by the keeper, woken after every commit that says
     * so; catch_up by the writer between two commits, if keep_short wanted it. */
    bool (*needs_keeping)(const struct db *db);
    int (*keep_short)(struct db *db, bool *ret_wants_catch_up);
    int (*catch_up)(struct db *db);
    uint64_t (*log_bytes)(const struct db *db);

    int (*reader_open)(struct db *db, struct db_reader **ret_reader);
    void (*reader_close)(struct db_reader *reader);
    int (*read_order)(struct db_reader *reader, const struct token *token, struct store_view *ret_view);
    int (*read_charging)(struct db_reader *reader, int64_t after, struct order **ret_orders, uint32_t most);
    int (*read_stock)(struct db_reader *reader, struct product *products, size_t n);
    int (*read_counts)(struct db_reader *reader, bool all, struct store_counts *ret_counts);
    int (*read_jobs)(struct db_reader *reader, int (*tell)(const struct store_job_view *job, void *arg), void *arg);

    int (*change_resend)(struct db *db, const struct token *token);
    int (*change_stock)(struct db *db, const char *sku, int64_t stock);
    int (*backup)(struct db *db, const char *to, int (*told)(int64_t pages_done, int64_t pages, void *arg), void *arg);
};
extern const struct backend sqlite_backend;
