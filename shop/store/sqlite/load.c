/* load.c - rows to orders. */
#include "store/sqlite/db.h"

#include "base/trouble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_id(const void *id, const void *product)
{
    int64_t x = *(const int64_t *)id, y = (*(const struct product *const *)product)->id;
    return x < y ? -1 : x > y;
}

static int load_lines(const struct db *db, struct conn *conn, int64_t id, struct order_line *lines, uint32_t *ret_n)
{
    sqlite3_stmt *row = NULL;
    uint32_t n = 0;
    int r = sql_row(conn, SQL_LINES, &row, "i", id);
    for (; r == 1 && n < LINES_MAX; r = sql_next(conn, row)) {
        int64_t product_id = sqlite3_column_int64(row, 0);
        const struct product *const *product = bsearch(&product_id, db->by_id, db->catalogue.n, sizeof *db->by_id, compare_id);
        if (!product) {
            r = trouble_say(-EPROTO, "%s: order %lld is for a product that is not there", db->path, (long long)id);
            break;
        }
        lines[n++] = (struct order_line){ .product = *product, .qty = (uint32_t)sqlite3_column_int64(row, 1),
                                          .price_cents = sqlite3_column_int64(row, 2) };
    }
    if (row)
        sql_done(row);
    *ret_n = n;
    return r < 0 ? r : 0;
}

int load_order(const struct db *db, struct conn *conn, int64_t id, struct order **ret_order)
{
    struct order_line lines[LINES_MAX];
    uint32_t n_lines;
    sqlite3_stmt *row;
    int r = load_lines(db, conn, id, lines, &n_lines);
    if (r < 0)
        return r;
    r = sql_row(conn, SQL_ORDER, &row, "i", id);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    const struct order_texts texts = { .key = column_text(row, 5), .email = column_text(row, 8), .method = column_text(row, 9),
                                       .note = column_text(row, 10), .name = column_text(row, 11), .street = column_text(row, 12),
                                       .city = column_text(row, 13), .postcode = column_text(row, 14), .country = column_text(row, 15) };
    struct order *order = order_new(&texts, lines, n_lines, column_text(row, 4));
    if (order) {
        order->id = id;
        order->state = (enum order_state)sqlite3_column_int(row, 1);
        order->created_ms = sqlite3_column_int64(row, 2);
        order->total_cents = sqlite3_column_int64(row, 3);
        column_token(row, 0, &order->token);
        column_token(row, 6, &order->body_hash);
        column_token(row, 7, &order->charge_key);
        *ret_order = order;
    }
    sql_done(row);
    return order ? 0 : trouble_say(-ENOMEM, "out of memory");
}

int load_answer(struct conn *conn, int64_t id, struct store_answer *ret_answer)
{
    sqlite3_stmt *row;
    *ret_answer = (struct store_answer){ 0 };
    int r = sql_row(conn, SQL_FIND_ANSWER, &row, "i", id);
    if (r <= 0)
        return r;
    const size_t size = (size_t)sqlite3_column_bytes(row, 1);
    char *body = malloc(size + 1);
    if (body) {
        memcpy(body, size ? sqlite3_column_blob(row, 1) : "", size);
        body[size] = '\0';
        *ret_answer = (struct store_answer){ .status = sqlite3_column_int(row, 0), .body = body, .size = size };
    }
    sql_done(row);
    return body ? 0 : trouble_say(-ENOMEM, "out of memory");
}
