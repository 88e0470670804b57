/* read.c - readers: connections that see what is committed and keep nobody waiting. */
#include "store/sqlite/db.h"

#include "base/trouble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int reader_open(struct db *db, struct db_reader **ret_reader)
{
    struct db_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return trouble_say(-ENOMEM, "out of memory");
    reader->db = db;
    int r = conn_open(&reader->conn, db->path, SQLITE_OPEN_READWRITE, db->busy_ms);
    if (r == 0)
        r = conn_run(&reader->conn, "PRAGMA query_only = 1");
    if (r < 0) {
        reader_close(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void reader_close(struct db_reader *reader)
{
    if (reader)
        conn_close(&reader->conn);
    free(reader);
}

static int read_receipt(struct conn *conn, int64_t id, struct store_view *view)
{
    sqlite3_stmt *row;
    int r = sql_row(conn, SQL_RECEIPT_OF, &row, "i", id);
    if (r <= 0)
        return r;
    view->receipt = (enum receipt_state)sqlite3_column_int(row, 0);
    view->receipt_at_ms = sqlite3_column_int64(row, 1);
    sql_done(row);
    return 0;
}

/* Within one transaction of SQLite's, so that all of it is of one moment. */
static int read_whole_order(struct db_reader *reader, const struct token *token, struct store_view *view)
{
    struct conn *conn = &reader->conn;
    sqlite3_stmt *row;
    int r = sql_row(conn, SQL_FIND_TOKEN, &row, "b", token);
    if (r <= 0)
        return r < 0 ? r : trouble_say(-ENOENT, "no such order");
    int64_t id = sqlite3_column_int64(row, 0);
    r = load_order(reader->db, conn, id, &view->order);
    if (r == 0)
        r = read_receipt(conn, id, view);
    if (r == 0)
        r = load_answer(conn, id, &view->answer);
    sql_done(row);          /* the last to be closed: until then the moment stands still */
    return r;
}

int read_order(struct db_reader *reader, const struct token *token, struct store_view *ret_view)
{
    struct store_view view = { 0 };
    int r = read_whole_order(reader, token, &view);
    if (r < 0) {
        order_free(view.order);
        free(view.answer.body);
        return r;
    }
    *ret_view = view;
    return 0;
}

int read_charging(struct db_reader *reader, int64_t after, struct order **ret_orders, uint32_t most)
{
    sqlite3_stmt *row = NULL;
    int n = 0, r = sql_row(&reader->conn, SQL_CHARGING, &row, "ii", after, (int64_t)most);
    for (; r == 1; r = sql_next(&reader->conn, row)) {
        r = load_order(reader->db, &reader->conn, sqlite3_column_int64(row, 0), &ret_orders[n]);
        if (r < 0)
            break;
        n++;
    }
    if (row)
        sql_done(row);
    while (r < 0 && n)
        order_free(ret_orders[--n]);
    return r < 0 ? r : n;
}

int read_stock(struct db_reader *reader, struct product *products, size_t n)
{
    sqlite3_stmt *row = NULL;
    size_t i = 0;
    int r = sql_row(&reader->conn, SQL_ALL_STOCK, &row, "");
    memcpy(products, reader->db->catalogue.products, n * sizeof *products);
    for (; r == 1 && i < n; r = sql_next(&reader->conn, row))
        products[i++].stock = sqlite3_column_type(row, 0) == SQLITE_NULL ? UNLIMITED : sqlite3_column_int64(row, 0);
    if (row)
        sql_done(row);
    return r < 0 ? r : 0;
}

static int count(struct conn *conn, enum sql which, int64_t *counts, int last)
{
    sqlite3_stmt *row = NULL;
    int r = sql_row(conn, which, &row, "");
    for (; r == 1; r = sql_next(conn, row)) {
        int state = sqlite3_column_int(row, 0);
        if (state >= 0 && state <= last)
            counts[state] = sqlite3_column_int64(row, 1);
    }
    if (row)
        sql_done(row);
    return r;
}

int read_counts(struct db_reader *reader, bool all, struct store_counts *ret_counts)
{
    struct store_counts counts = { 0 };
    int r = count(&reader->conn, all ? SQL_COUNT_ORDERS : SQL_COUNT_OPEN_ORDERS, counts.orders, ORDER_REVIEW);
    if (r == 0)
        r = count(&reader->conn, all ? SQL_COUNT_RECEIPTS : SQL_COUNT_OPEN_RECEIPTS, counts.receipts, RECEIPT_DEAD);
    if (r == 0)
        *ret_counts = counts;
    return r;
}

int read_jobs(struct db_reader *reader, int (*tell)(const struct store_job_view *job, void *arg), void *arg)
{
    sqlite3_stmt *row = NULL;
    int told = 0, r = sql_row(&reader->conn, SQL_JOBS, &row, "");
    for (; r == 1 && !told; r = told ? r : sql_next(&reader->conn, row)) {
        struct store_job_view job = { .id = sqlite3_column_int64(row, 0), .state = (enum order_state)sqlite3_column_int(row, 2),
                                      .receipt = (enum receipt_state)sqlite3_column_int(row, 3), .attempt = sqlite3_column_int64(row, 4),
                                      .at_ms = sqlite3_column_int64(row, 5), .email = column_text(row, 6), .trouble = column_text(row, 7),
                                      .total_cents = sqlite3_column_int64(row, 8), .currency = column_text(row, 9) };
        column_token(row, 1, &job.token);
        told = tell(&job, arg);
    }
    if (row)
        sql_done(row);
    return r < 0 ? r : told;
}
