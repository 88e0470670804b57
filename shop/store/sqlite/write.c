/* write.c - an order's two changes, inside the writer's transaction. Each looks before it writes, so one that is refused has written nothing. */
#include "store/sqlite/db.h"

#include "base/clock.h"
#include "base/trouble.h"

#include <errno.h>
#include <string.h>

int write_begin(struct db *db)
{
    return sql_run(&db->writer, SQL_BEGIN, "");
}

int write_commit(struct db *db)
{
    return sql_run(&db->writer, SQL_COMMIT, "");
}

void write_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->writer.sqlite))     /* a full disk has rolled back already */
        (void)sql_run(&db->writer, SQL_ROLLBACK, "");
}

int event_add(struct conn *conn, int64_t id, const char *what, const char *text)
{
    return sql_run(conn, SQL_ADD_EVENT, "iitt", id, clock_wall_ms(), what, text);
}

/* ---- T1 ------------------------------------------------------------------------------------------------------------------ */

/* How many of a line's product are wanted by the whole order; 0: an earlier line has spoken for this one. */
static int64_t wanted(const struct order *order, uint32_t line)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < order->n_lines; i++)
        if (order->lines[i].product == order->lines[line].product) {
            if (i < line)
                return 0;
            sum += order->lines[i].qty;
        }
    return sum;
}

static int read_stock_of(struct conn *conn, int64_t product_id, int64_t *ret_stock)
{
    sqlite3_stmt *row;
    int r = sql_row(conn, SQL_STOCK_OF, &row, "i", product_id);
    if (r <= 0)
        return r < 0 ? r : trouble_say(-EPROTO, "a product is gone from the database");
    *ret_stock = sqlite3_column_type(row, 0) == SQLITE_NULL ? UNLIMITED : sqlite3_column_int64(row, 0);
    sql_done(row);
    return 0;
}

/* Which lines are of a limited stock. 1: there is enough of all; 0: the op says of what there is not; or -errno. */
static int look_at_stock(struct conn *conn, struct store_place *op, bool *is_limited)
{
    for (uint32_t i = 0; i < op->order->n_lines; i++) {
        int64_t stock = 0;
        int r = read_stock_of(conn, op->order->lines[i].product->id, &stock);
        if (r < 0)
            return r;
        is_limited[i] = stock != UNLIMITED;
        if (is_limited[i] && stock < wanted(op->order, i)) {
            op->sold_out_line = i;
            op->left = stock;
            return 0;
        }
    }
    return 1;
}

/* 1: there is one with its token, told; 0: there is none. */
static int find_known(struct conn *conn, struct store_place *op)
{
    sqlite3_stmt *row;
    int r = sql_row(conn, SQL_FIND_TOKEN, &row, "b", &op->order->token);
    if (r <= 0)
        return r;
    op->placed = STORE_KNOWN;
    op->known_id = sqlite3_column_int64(row, 0);
    op->known_state = (enum order_state)sqlite3_column_int(row, 1);
    column_token(row, 2, &op->known_hash);
    sql_done(row);
    r = load_answer(conn, op->known_id, &op->known_answer);
    return r < 0 ? r : 1;
}

/* 1: added; 0: there is one with its token. */
static int add_order(struct conn *conn, struct order *o)
{
    int r = sql_run(conn, SQL_ADD_ORDER, "biittbbtttttttt", &o->token, o->created_ms, o->total_cents, o->currency, o->key, &o->body_hash,
                    &o->charge_key, o->email, o->method, o->note, o->name, o->street, o->city, o->postcode, o->country);
    if (r < 0 || !sqlite3_changes(conn->sqlite))
        return r;
    o->id = sqlite3_last_insert_rowid(conn->sqlite);
    return 1;
}

static int add_lines(struct conn *conn, const struct order *order, const bool *is_limited)
{
    int r = 0;
    for (uint32_t i = 0; i < order->n_lines && r == 0; i++) {
        const struct order_line *line = &order->lines[i];
        int64_t qty = line->qty, taken = is_limited[i] ? qty : 0;
        r = sql_run(conn, SQL_ADD_LINE, "iiiiii", order->id, (int64_t)i, line->product->id, qty, line->price_cents, taken);
        if (r == 0 && taken)
            r = sql_run(conn, SQL_TAKE_STOCK, "ii", line->product->id, taken);
    }
    return r;
}

int write_place(struct db *db, struct store_place *op)
{
    struct conn *conn = &db->writer;
    bool is_limited[LINES_MAX];
    int r = look_at_stock(conn, op, is_limited);
    if (r < 0)
        return r;
    if (r == 0) {       /* who bought the last one and asks again is no latecomer */
        op->placed = STORE_SOLD_OUT;
        r = find_known(conn, op);
        return r < 0 ? r : 0;
    }
    r = add_order(conn, op->order);
    if (r < 0)
        return r;
    if (r == 0) {
        r = find_known(conn, op);
        return r < 0 ? r : 0;
    }
    op->placed = STORE_PLACED;
    r = add_lines(conn, op->order, is_limited);
    return r < 0 ? r : event_add(conn, op->order->id, "placed", "");
}

/* ---- T2 ------------------------------------------------------------------------------------------------------------------ */

static int add_receipt(struct conn *conn, int64_t id)
{
    struct token message;
    token_random(&message);
    return sql_run(conn, SQL_ADD_RECEIPT, "iib", id, clock_ms(), &message);
}

int write_settle(struct db *db, struct store_settle *op)
{
    struct conn *conn = &db->writer;
    int r = sql_run(conn, SQL_END_ORDER, "ii", op->id, (int64_t)op->state);
    if (r < 0)
        return r;
    op->held = sqlite3_changes(conn->sqlite) == 1;
    if (!op->held)
        return 0;
    if (op->status)
        r = sql_run(conn, SQL_ADD_ANSWER, "iixt", op->id, (int64_t)op->status, op->body, op->size, op->intent);
    if (r == 0 && op->state == ORDER_PAID)
        r = add_receipt(conn, op->id);
    else if (r == 0 && op->state != ORDER_REVIEW)
        r = sql_run(conn, SQL_GIVE_BACK, "i", op->id);
    return r < 0 ? r : event_add(conn, op->id, order_state_name(op->state), op->intent);
}
