/* change.c - by hand, from a process of its own: one short transaction each. A server beside it waits for the lock like anybody. */
#include "store/sqlite/db.h"

#include "base/clock.h"
#include "base/trouble.h"

#include <errno.h>

static int resend(struct db *db, const struct token *token)
{
    sqlite3_stmt *row;
    int r = sql_row(&db->writer, SQL_FIND_TOKEN, &row, "b", token);
    if (r <= 0)
        return r < 0 ? r : trouble_say(-ENOENT, "there is no order with this token");
    int64_t id = sqlite3_column_int64(row, 0);
    sql_done(row);
    r = sql_run(&db->writer, SQL_RESEND, "ii", id, clock_ms());
    if (r < 0)
        return r;
    if (!sqlite3_changes(db->writer.sqlite))
        return trouble_say(-EINVAL, "its receipt is on its way already, or it is not paid");
    return event_add(&db->writer, id, "receipt asked for again", "");
}

static int set_stock(struct db *db, const char *sku, int64_t stock)
{
    int r = stock == UNLIMITED ? sql_run(&db->writer, SQL_SET_STOCK, "t", sku) : sql_run(&db->writer, SQL_SET_STOCK, "ti", sku, stock);
    if (r < 0)
        return r;
    return sqlite3_changes(db->writer.sqlite) ? 0 : trouble_say(-ENOENT, "there is no product '%s'", sku);
}

static int finish(struct db *db, int r)
{
    if (r == 0)
        r = write_commit(db);
    if (r < 0)
        write_rollback(db);
    return r;
}

int change_resend(struct db *db, const struct token *token)
{
    int r = write_begin(db);
    return r < 0 ? r : finish(db, resend(db, token));
}

int change_stock(struct db *db, const char *sku, int64_t stock)
{
    int r = write_begin(db);
    return r < 0 ? r : finish(db, set_stock(db, sku, stock));
}
