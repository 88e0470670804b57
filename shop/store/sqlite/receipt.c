/* receipt.c - the outbox: leases and what becomes of them. The attempt is the fence: every lease raises it, every mark names it.
 *
 * A lease has no time: the file is one server's, so what is LEASED or HANDED when a server opens it was an earlier one's, which is gone. */
#include "store/sqlite/db.h"

#include "base/clock.h"
#include "base/trouble.h"

#include <errno.h>
#include <stdlib.h>

enum { LEASE_MOST = 256 };
static const int64_t LATEST_MS = 3600 * 1000;   /* no pause is longer: what is due later was stored under a clock that was ahead, and is due now */

/* Their ids and what the lease must know; the updates come after, when this statement is closed. */
static int find_due(struct conn *conn, struct store_lease *op, int64_t now, int64_t *ids)
{
    sqlite3_stmt *row = NULL;
    int64_t most = op->most < LEASE_MOST ? op->most : LEASE_MOST;
    int r = sql_row(conn, SQL_DUE, &row, "ii", now, most);
    for (; r == 1; r = sql_next(conn, row)) {
        struct store_job *job = &op->jobs[op->n];
        ids[op->n++] = sqlite3_column_int64(row, 0);
        job->attempt = sqlite3_column_int64(row, 1) + 1;
        job->tries = sqlite3_column_int64(row, 2) + 1;
        job->first_ms = sqlite3_column_int64(row, 3);
        column_token(row, 4, &job->message);
    }
    if (row)
        sql_done(row);
    return r;
}

static int find_next(struct conn *conn, int64_t now, int64_t *ret_ms)
{
    sqlite3_stmt *row;
    int r = sql_row(conn, SQL_NEXT_DUE, &row, "i", now);
    if (r <= 0)
        return r;
    *ret_ms = sqlite3_column_int64(row, 0);     /* NULL, where there is none, is 0 */
    sql_done(row);
    return 0;
}

int receipt_lease(struct db *db, struct store_lease *op)
{
    int64_t ids[LEASE_MOST], now = clock_ms();
    op->n = 0;
    op->jobs = calloc(op->most ? op->most : 1, sizeof *op->jobs);
    if (!op->jobs)
        return trouble_say(-ENOMEM, "out of memory");
    int r = find_due(&db->writer, op, now, ids);
    for (uint32_t i = 0; i < op->n && r == 0; i++) {
        r = sql_run(&db->writer, SQL_TAKE_RECEIPT, "i", ids[i]);
        if (r == 0)
            r = load_order(db, &db->writer, ids[i], &op->jobs[i].order);
    }
    return r < 0 ? r : find_next(&db->writer, now, &op->next_ms);
}

static const char *event_of(enum receipt_state state)
{
    return state == RECEIPT_SENT ? "receipt sent" : state == RECEIPT_READY ? "receipt put off" : state == RECEIPT_UNCERTAIN ? "receipt uncertain"
                                                                                                                          : "receipt dead";
}

int receipt_mark(struct db *db, struct store_mark *op)
{
    int64_t at = op->state == RECEIPT_READY ? op->at_ms : clock_ms();
    int r = sql_run(&db->writer, SQL_MARK_RECEIPT, "iiiit", op->id, op->attempt, (int64_t)op->state, at, op->trouble ? op->trouble : "");
    op->held = r == 0 && sqlite3_changes(db->writer.sqlite) == 1;
    if (!op->held || op->state == RECEIPT_HANDED)       /* HANDED is soon followed by what came of it */
        return r;
    return event_add(&db->writer, op->id, event_of(op->state), op->trouble ? op->trouble : "");
}

int receipt_recover(struct db *db, bool resend)
{
    int64_t now = clock_ms();
    int r = write_begin(db);
    if (r < 0)
        return r;
    r = sql_run(&db->writer, SQL_FREE_LEASED, "i", now);
    if (r == 0)
        r = sql_run(&db->writer, resend ? SQL_FREE_HANDED : SQL_DOUBT_HANDED, "i", now);
    if (r == 0)
        r = sql_run(&db->writer, SQL_HASTEN, "ii", now, now + LATEST_MS);
    if (r == 0)
        r = write_commit(db);
    if (r < 0)
        write_rollback(db);
    return r;
}
