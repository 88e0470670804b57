/* statements.c - all SQL that runs after the schema is made. States are numbers of order.h: orders 1 CHARGING, 5 REVIEW; receipts 1 READY,
 * 2 LEASED, 3 HANDED, 4 SENT, 5 UNCERTAIN, 6 DEAD. A partial index is used only where its own condition is repeated. */
#include "store/sqlite/db.h"

const char *const sql_texts[SQLS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",

    [SQL_STOCK_OF] = "SELECT stock FROM products WHERE id = ?1",
    [SQL_TAKE_STOCK] = "UPDATE products SET stock = stock - ?2 WHERE id = ?1",
    [SQL_GIVE_BACK] = "UPDATE products SET stock = stock + (SELECT sum(taken) FROM order_lines WHERE order_id = ?1 AND product_id = products.id) "
                      "WHERE stock IS NOT NULL AND id IN (SELECT product_id FROM order_lines WHERE order_id = ?1 AND taken > 0)",
    [SQL_ADD_ORDER] = "INSERT INTO orders (token, state, created_ms, total_cents, currency, key, body_hash, charge_key, email, method, note, name, "
                      "street, city, postcode, country) VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) "
                      "ON CONFLICT (token) DO NOTHING",
    [SQL_ADD_LINE] = "INSERT INTO order_lines (order_id, line, product_id, qty, price_cents, taken) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_ADD_EVENT] = "INSERT INTO events (order_id, at_ms, what, text) VALUES (?1, ?2, ?3, ?4)",
    [SQL_FIND_TOKEN] = "SELECT id, state, body_hash FROM orders WHERE token = ?1",
    [SQL_FIND_ANSWER] = "SELECT status, body FROM answers WHERE order_id = ?1",

    [SQL_END_ORDER] = "UPDATE orders SET state = ?2 WHERE id = ?1 AND state = 1",
    [SQL_ADD_ANSWER] = "INSERT INTO answers (order_id, status, body, intent) VALUES (?1, ?2, ?3, ?4)",
    [SQL_ADD_RECEIPT] = "INSERT INTO outbox (order_id, kind, state, attempt, tries, first_ms, next_ms, message, trouble) "
                        "VALUES (?1, 1, 1, 0, 0, ?2, ?2, ?3, '')",

    [SQL_DUE] = "SELECT order_id, attempt, tries, first_ms, message FROM outbox WHERE state <> 4 AND state = 1 AND next_ms <= ?1 "
                "ORDER BY next_ms LIMIT ?2",
    [SQL_NEXT_DUE] = "SELECT min(next_ms) FROM outbox WHERE state <> 4 AND state = 1 AND next_ms > ?1",
    [SQL_TAKE_RECEIPT] = "UPDATE outbox SET state = 2, attempt = attempt + 1, tries = tries + 1 WHERE order_id = ?1 AND kind = 1",
    [SQL_MARK_RECEIPT] = "UPDATE outbox SET state = ?3, next_ms = ?4, trouble = ?5 WHERE order_id = ?1 AND kind = 1 AND attempt = ?2 "
                         "AND state IN (2, 3)",

    [SQL_ORDER] = "SELECT token, state, created_ms, total_cents, currency, key, body_hash, charge_key, email, method, note, name, street, city, "
                  "postcode, country FROM orders WHERE id = ?1",
    [SQL_LINES] = "SELECT product_id, qty, price_cents FROM order_lines WHERE order_id = ?1 ORDER BY line",
    [SQL_CHARGING] = "SELECT id FROM orders WHERE state IN (1, 5) AND state = 1 AND id > ?1 ORDER BY id LIMIT ?2",
    [SQL_RECEIPT_OF] = "SELECT state, next_ms FROM outbox WHERE order_id = ?1 AND kind = 1",
    [SQL_ALL_STOCK] = "SELECT stock FROM products ORDER BY sku",
    [SQL_PRODUCTS] = "SELECT id, sku, name, colour, size, price_cents, stock FROM products ORDER BY sku",

    [SQL_COUNT_OPEN_ORDERS] = "SELECT state, count(*) FROM orders WHERE state IN (1, 5) GROUP BY state",
    [SQL_COUNT_ORDERS] = "SELECT state, count(*) FROM orders GROUP BY state",
    [SQL_COUNT_OPEN_RECEIPTS] = "SELECT state, count(*) FROM outbox WHERE state <> 4 GROUP BY state",
    [SQL_COUNT_RECEIPTS] = "SELECT state, count(*) FROM outbox WHERE kind = 1 GROUP BY state",
    [SQL_JOBS] = "SELECT o.id, o.token, o.state, 0, 0, o.created_ms, o.email, '', o.total_cents, o.currency FROM orders o WHERE o.state IN (1, 5) "
                 "UNION ALL SELECT o.id, o.token, o.state, r.state, r.attempt, r.next_ms, o.email, r.trouble, o.total_cents, o.currency "
                 "FROM outbox r JOIN orders o ON o.id = r.order_id WHERE r.state <> 4 ORDER BY 1",

    [SQL_RESEND] = "UPDATE outbox SET state = 1, tries = 0, first_ms = ?2, next_ms = ?2, trouble = '' WHERE order_id = ?1 AND kind = 1 "
                   "AND state IN (4, 5, 6)",
    [SQL_SET_STOCK] = "UPDATE products SET stock = ?2 WHERE sku = ?1",
    [SQL_META] = "SELECT value FROM meta WHERE name = ?1",
    [SQL_SET_META] = "INSERT INTO meta (name, value) VALUES (?1, ?2)",
    [SQL_ADD_PRODUCT] = "INSERT INTO products (sku, name, colour, size, price_cents, stock) VALUES (?1, ?2, ?3, ?4, ?5, NULL)",

    [SQL_FREE_LEASED] = "UPDATE outbox SET state = 1, next_ms = ?1 WHERE state <> 4 AND state = 2",
    [SQL_FREE_HANDED] = "UPDATE outbox SET state = 1, next_ms = ?1 WHERE state <> 4 AND state = 3",
    [SQL_DOUBT_HANDED] = "UPDATE outbox SET state = 5, next_ms = ?1, trouble = 'the server ended between the last byte and the mail host''s answer' "
                         "WHERE state <> 4 AND state = 3",
    [SQL_HASTEN] = "UPDATE outbox SET next_ms = ?1 WHERE state <> 4 AND state = 1 AND next_ms > ?2",
};
