/* db.h - what the files of sqlite/ share: a connection with its statements, and the database.
 *
 * A connection belongs to one thread at a time (SQLite's own locking of connections is off). */
#pragma once
#include "store/backend.h"

#include <sqlite3.h>

/* Every statement there is, by name; prepared when it is first used. statements.c has their text. */
enum sql {
    SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK,
    SQL_STOCK_OF, SQL_TAKE_STOCK, SQL_GIVE_BACK, SQL_ADD_ORDER, SQL_ADD_LINE, SQL_ADD_EVENT, SQL_FIND_TOKEN, SQL_FIND_ANSWER,
    SQL_END_ORDER, SQL_ADD_ANSWER, SQL_ADD_RECEIPT,
    SQL_DUE, SQL_NEXT_DUE, SQL_TAKE_RECEIPT, SQL_MARK_RECEIPT,
    SQL_ORDER, SQL_LINES, SQL_CHARGING, SQL_RECEIPT_OF, SQL_ALL_STOCK, SQL_PRODUCTS,
    SQL_COUNT_OPEN_ORDERS, SQL_COUNT_ORDERS, SQL_COUNT_OPEN_RECEIPTS, SQL_COUNT_RECEIPTS, SQL_JOBS,
    SQL_RESEND, SQL_SET_STOCK, SQL_META, SQL_SET_META, SQL_ADD_PRODUCT,
    SQL_FREE_LEASED, SQL_FREE_HANDED, SQL_DOUBT_HANDED, SQL_HASTEN,
    SQLS
};

struct conn {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[SQLS];
};
struct db {
    struct conn writer;         /* of the writer's thread; before it starts, of whoever opens */
    struct conn keeper;         /* of the keeper's */
    char *path;
    int lock_fd;                /* held by a server; -1 */
    uint32_t busy_ms;
    struct secret secret;
    struct catalogue catalogue;
    const struct product **by_id;   /* the catalogue's, sorted by id */
    int log_frames;             /* in the write-ahead log after the last commit, and of these written back; shared by writer and keeper */
    int kept_frames;
};
struct db_reader {
    struct db *db;
    struct conn conn;
};

/* conn.c. `flags` as of sqlite3_open_v2. */
int conn_open(struct conn *conn, const char *path, int flags, uint32_t busy_ms);
void conn_close(struct conn *conn);
int conn_trouble(struct conn *conn, int code, const char *what);        /* -errno for SQLite's code, with words; -EPROTO: a mistake of ours */
int conn_run(struct conn *conn, const char *sql);                       /* fixed text, for setting up */

/* A statement, reset and ready to be bound; NULL: conn_trouble() has been told, `*ret_error` is set. Whoever steps it calls
 * sql_done() at the end, which resets it: an open read keeps the log from being cut. */
sqlite3_stmt *sql_get(struct conn *conn, enum sql which, int *ret_error);
void sql_done(sqlite3_stmt *statement);
extern const char *const sql_texts[SQLS];

/* Binds by type, from 1 on: "i" int64_t, "t" const char *, "b" (16 bytes) const struct token *, "x" const void * and size_t; steps once; resets. 0, or
 * -errno. For statements that give no rows. */
int sql_run(struct conn *conn, enum sql which, const char *types, ...);
/* The same, but left at its first row: 1 and the statement, for sql_done(); 0: no row; or -errno. */
int sql_row(struct conn *conn, enum sql which, sqlite3_stmt **ret_statement, const char *types, ...);
/* The next row: 1; 0: there is none; or -errno. */
int sql_next(struct conn *conn, sqlite3_stmt *statement);

void column_token(sqlite3_stmt *statement, int i, struct token *ret_token);
const char *column_text(sqlite3_stmt *statement, int i);        /* never NULL */

/* schema.c */
int schema_make(struct db *db, bool may_create);        /* makes it where the file is empty; checks it where it is not; reads secret and catalogue */

/* load.c: an order with its lines. -ENOENT */
int load_order(const struct db *db, struct conn *conn, int64_t id, struct order **ret_order);
int load_answer(struct conn *conn, int64_t id, struct store_answer *ret_answer);

/* keep.c */
void keep_watch(struct db *db);         /* counts the log's frames from now on */
bool keep_is_due(const struct db *db);
int keep_short(struct db *db, bool *ret_wants_catch_up);
int keep_catch_up(struct db *db);
uint64_t keep_log_bytes(const struct db *db);

/* write.c */
int write_begin(struct db *db);
int write_commit(struct db *db);
void write_rollback(struct db *db);
int write_place(struct db *db, struct store_place *op);
int write_settle(struct db *db, struct store_settle *op);
/* receipt.c */
int receipt_lease(struct db *db, struct store_lease *op);
int receipt_mark(struct db *db, struct store_mark *op);
int receipt_recover(struct db *db, bool resend);        /* what an earlier server left */
int event_add(struct conn *conn, int64_t id, const char *what, const char *text);

/* read.c */
int reader_open(struct db *db, struct db_reader **ret_reader);
void reader_close(struct db_reader *reader);
int read_order(struct db_reader *reader, const struct token *token, struct store_view *ret_view);
int read_charging(struct db_reader *reader, int64_t after, struct order **ret_orders, uint32_t most);
int read_stock(struct db_reader *reader, struct product *products, size_t n);
int read_counts(struct db_reader *reader, bool all, struct store_counts *ret_counts);
int read_jobs(struct db_reader *reader, int (*tell)(const struct store_job_view *job, void *arg), void *arg);

/* change.c, backup.c */
int change_resend(struct db *db, const struct token *token);
int change_stock(struct db *db, const char *sku, int64_t stock);
int backup_to(struct db *db, const char *to, int (*told)(int64_t pages_done, int64_t pages, void *arg), void *arg);
