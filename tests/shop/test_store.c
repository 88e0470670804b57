/* test_store.c - the database: what an op does and does not, what a crash leaves, what a bad disk does. */
#include "harness.h"

#include "base/clock.h"
#include "base/trouble.h"
#include "disk.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a database in a folder of its own, and ops that are waited for -------------------------------------------------------- */

static char folder[64], path[128];
static struct store *store;
static struct store_port *port;
static struct store_reader *reader;
static uv_loop_t loop;
static int done_n, last_error;

static void begin(void)
{
    ck_assert_int_eq(token_init(), 0);
    snprintf(folder, sizeof folder, "/tmp/prong-shop-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/shop.db", folder);
}

static void open_it(bool resend)
{
    const struct store_opts opts = { .path = path, .to_serve = true, .resend = resend, .busy_ms = 200 };
    ck_assert_msg(store_open(&opts, &store) == 0, "%s", trouble_text());
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(store_port_open(store, &loop, &port), 0);
    ck_assert_int_eq(store_reader_open(store, &reader), 0);
}

static void close_it(void)
{
    store_reader_close(reader);
    store_port_close(port);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    store_close(store);
}

static void end(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static void on_done(struct store_op *op, int error)
{
    (void)op;
    done_n++;
    last_error = error;
}

static void post(struct store_op *op, enum store_what what)
{
    op->what = what;
    op->port = port;
    op->done = on_done;
    store_post(store, op);
}

static void wait_for(int n)
{
    while (done_n < n)
        (void)uv_run(&loop, UV_RUN_ONCE);
    done_n = 0;
}

static int do_it(struct store_op *op, enum store_what what)
{
    post(op, what);
    wait_for(1);
    return last_error;
}

/* ---- orders -------------------------------------------------------------------------------------------------------------- */

static const struct product *shirt(const char *sku)
{
    const struct product *product = catalogue_find(store_catalogue(store), sku);
    ck_assert_ptr_nonnull(product);
    return product;
}

static struct order *order_of(const char *key, const char *sku, uint32_t qty)
{
    const struct order_texts texts = { .key = key, .email = "jane@example.org", .method = "pm_card_visa", .note = "for me", .name = "Jane" };
    const struct order_line line = { .product = shirt(sku), .price_cents = 1990, .qty = qty };
    struct order *order = order_new(&texts, &line, 1, "eur");
    ck_assert_ptr_nonnull(order);
    token_derive(store_secret(store), "order", key, strlen(key), &order->token);
    token_hash(sku, strlen(sku), &order->body_hash);
    token_random(&order->charge_key);
    order->created_ms = clock_ms();
    return order;
}

static enum store_placed place(struct order *order)
{
    struct store_place op = { .order = order };
    ck_assert_int_eq(do_it(&op.op, STORE_PLACE), 0);
    free(op.known_answer.body);
    return op.placed;
}

static bool settle(int64_t id, enum order_state state, const char *body)
{
    struct store_settle op = { .id = id, .state = state, .intent = "pi_1", .status = state == ORDER_PAID ? 201 : 402, .body = body,
                               .size = strlen(body) };
    ck_assert_int_eq(do_it(&op.op, STORE_SETTLE), 0);
    return op.held;
}

static int64_t pay(const char *key)
{
    struct order *order = order_of(key, "TSHIRT-RED-M", 1);
    ck_assert_int_eq(place(order), STORE_PLACED);
    int64_t id = order->id;
    ck_assert(settle(id, ORDER_PAID, "paid\n"));
    order_free(order);
    return id;
}

static void stock_is(const char *sku, int64_t stock)
{
    struct product products[PRODUCTS_MAX];
    const struct catalogue *c = store_catalogue(store);
    ck_assert_int_eq(store_read_stock(reader, products, c->n), 0);
    ck_assert_int_eq(products[shirt(sku) - c->products].stock, stock);
}

static struct store_view view_of(const struct token *token)
{
    struct store_view view;
    ck_assert_int_eq(store_read_order(reader, token, &view), 0);
    return view;
}

static void free_view(struct store_view *view)
{
    order_free(view->order);
    free(view->answer.body);
}

START_TEST(an_order_is_read_back_as_it_was_placed)
{
    begin();
    open_it(false);
    struct order *order = order_of("key-1", "TSHIRT-BLUE-L", 3);
    ck_assert_int_eq(place(order), STORE_PLACED);
    close_it();
    open_it(false);
    struct store_view view = view_of(&order->token);
    ck_assert_int_eq(view.order->id, order->id);
    ck_assert_int_eq(view.order->state, ORDER_CHARGING);
    ck_assert_int_eq(view.order->total_cents, 3 * 1990);
    ck_assert_int_eq(view.order->created_ms, order->created_ms);
    ck_assert_str_eq(view.order->key, "key-1");
    ck_assert_str_eq(view.order->email, "jane@example.org");
    ck_assert_str_eq(view.order->note, "for me");
    ck_assert_str_eq(view.order->city, "");
    ck_assert_str_eq(view.order->currency, "eur");
    ck_assert_uint_eq(view.order->n_lines, 1);
    ck_assert_str_eq(view.order->lines[0].product->sku, "TSHIRT-BLUE-L");
    ck_assert_uint_eq(view.order->lines[0].qty, 3);
    ck_assert(token_same(&view.order->charge_key, &order->charge_key) && token_same(&view.order->body_hash, &order->body_hash));
    ck_assert_int_eq(view.receipt, RECEIPT_NONE);
    ck_assert_int_eq(view.answer.status, 0);
    free_view(&view);
    order_free(order);
    close_it();
    end();
}
END_TEST

START_TEST(a_known_key_gives_the_stored_answer_byte_for_byte)
{
    begin();
    open_it(false);
    pay("key-1");
    close_it();
    open_it(false);
    struct order *again = order_of("key-1", "TSHIRT-RED-S", 2);
    struct store_place op = { .order = again };
    ck_assert_int_eq(do_it(&op.op, STORE_PLACE), 0);
    ck_assert_int_eq(op.placed, STORE_KNOWN);
    ck_assert_int_eq(op.known_state, ORDER_PAID);
    ck_assert_int_eq(op.known_answer.status, 201);
    ck_assert_uint_eq(op.known_answer.size, 5);
    ck_assert_str_eq(op.known_answer.body, "paid\n");
    ck_assert(!token_same(&op.known_hash, &again->body_hash));
    free(op.known_answer.body);
    order_free(again);
    close_it();
    end();
}
END_TEST

START_TEST(an_order_ends_once)
{
    begin();
    open_it(false);
    struct order *order = order_of("key-1", "TSHIRT-RED-M", 1);
    ck_assert_int_eq(place(order), STORE_PLACED);
    ck_assert(settle(order->id, ORDER_PAID, "paid\n"));
    ck_assert(!settle(order->id, ORDER_DECLINED, "declined\n"));
    ck_assert(!settle(order->id + 1, ORDER_PAID, "nobody's\n"));
    struct store_view view = view_of(&order->token);
    ck_assert_int_eq(view.order->state, ORDER_PAID);
    ck_assert_int_eq(view.receipt, RECEIPT_READY);
    ck_assert_str_eq(view.answer.body, "paid\n");
    free_view(&view);
    order_free(order);
    close_it();
    end();
}
END_TEST

START_TEST(the_last_shirt_is_sold_once_and_comes_back_after_a_decline)
{
    enum { BUYERS = 100 };
    static struct store_place ops[BUYERS];
    begin();
    open_it(false);
    ck_assert_int_eq(store_change_stock(store, "TSHIRT-RED-M", 1), 0);
    for (int i = 0; i < BUYERS; i++) {
        char key[16];
        snprintf(key, sizeof key, "buyer-%d", i);
        ops[i].order = order_of(key, "TSHIRT-RED-M", 1);
        post(&ops[i].op, STORE_PLACE);
    }
    wait_for(BUYERS);
    int placed = 0, sold_out = 0, winner = 0;
    for (int i = 0; i < BUYERS; i++) {
        placed += ops[i].placed == STORE_PLACED;
        sold_out += ops[i].placed == STORE_SOLD_OUT && ops[i].left == 0;
        if (ops[i].placed == STORE_PLACED)
            winner = i;
    }
    ck_assert_int_eq(placed, 1);
    ck_assert_int_eq(sold_out, BUYERS - 1);
    stock_is("TSHIRT-RED-M", 0);
    struct order *same = order_of(ops[winner].order->key, "TSHIRT-RED-M", 1);
    ck_assert_int_eq(place(same), STORE_KNOWN);     /* who bought it and asks again is no latecomer */
    ck_assert(settle(ops[winner].order->id, ORDER_DECLINED, "declined\n"));
    stock_is("TSHIRT-RED-M", 1);
    order_free(same);
    for (int i = 0; i < BUYERS; i++)
        order_free(ops[i].order);
    close_it();
    end();
}
END_TEST

START_TEST(lines_of_one_product_are_counted_together)
{
    begin();
    open_it(false);
    ck_assert_int_eq(store_change_stock(store, "TSHIRT-RED-M", 5), 0);
    const struct order_texts texts = { .key = "two-lines", .email = "a@b.c", .method = "pm_x" };
    const struct order_line lines[] = { { shirt("TSHIRT-RED-M"), 1990, 3 }, { shirt("TSHIRT-RED-S"), 1990, 1 }, { shirt("TSHIRT-RED-M"), 1990, 3 } };
    struct order *order = order_new(&texts, lines, 3, "eur");
    token_random(&order->token);
    struct store_place op = { .order = order };
    ck_assert_int_eq(do_it(&op.op, STORE_PLACE), 0);
    ck_assert_int_eq(op.placed, STORE_SOLD_OUT);
    ck_assert_int_eq(op.left, 5);
    order->lines[2].qty = 2;
    ck_assert_int_eq(place(order), STORE_PLACED);
    stock_is("TSHIRT-RED-M", 0);
    stock_is("TSHIRT-RED-S", UNLIMITED);
    ck_assert(settle(order->id, ORDER_CANCELLED, "too late\n"));
    stock_is("TSHIRT-RED-M", 5);
    stock_is("TSHIRT-RED-S", UNLIMITED);
    order_free(order);
    close_it();
    end();
}
END_TEST

/* ---- receipts ------------------------------------------------------------------------------------------------------------ */

static struct store_lease lease(uint32_t most)
{
    struct store_lease op = { .most = most };
    ck_assert_int_eq(do_it(&op.op, STORE_LEASE), 0);
    return op;
}

static void free_lease(struct store_lease *op)
{
    for (uint32_t i = 0; i < op->n; i++)
        order_free(op->jobs[i].order);
    free(op->jobs);
}

static bool mark(int64_t id, int64_t attempt, enum receipt_state state, int64_t at_ms)
{
    struct store_mark op = { .id = id, .attempt = attempt, .state = state, .at_ms = at_ms, .trouble = "as told" };
    ck_assert_int_eq(do_it(&op.op, STORE_MARK), 0);
    return op.held;
}

START_TEST(who_was_overtaken_marks_nothing)
{
    begin();
    open_it(false);
    int64_t id = pay("key-1");
    struct store_lease first = lease(10);
    ck_assert_uint_eq(first.n, 1);
    ck_assert_int_eq(first.jobs[0].order->id, id);
    ck_assert_int_eq(first.jobs[0].attempt, 1);
    ck_assert(mark(id, 1, RECEIPT_READY, clock_ms()));
    struct store_lease second = lease(10);
    ck_assert_int_eq(second.jobs[0].attempt, 2);
    ck_assert_int_eq(second.jobs[0].tries, 2);
    ck_assert(token_same(&first.jobs[0].message, &second.jobs[0].message));
    ck_assert(!mark(id, 1, RECEIPT_SENT, 0));
    ck_assert(!mark(id, 1, RECEIPT_DEAD, 0));
    ck_assert(mark(id, 2, RECEIPT_HANDED, 0));
    ck_assert(mark(id, 2, RECEIPT_SENT, 0));
    ck_assert(!mark(id, 2, RECEIPT_READY, 0));      /* SENT is the end */
    struct store_lease third = lease(10);
    ck_assert_uint_eq(third.n, 0);
    ck_assert_int_eq(third.next_ms, 0);
    free_lease(&first);
    free_lease(&second);
    free_lease(&third);
    close_it();
    end();
}
END_TEST

START_TEST(what_is_put_off_is_due_at_its_time)
{
    begin();
    open_it(false);
    int64_t id = pay("key-1"), at = clock_ms() + 600000;
    struct store_lease op = lease(1);
    ck_assert(mark(id, 1, RECEIPT_READY, at));
    struct store_lease none = lease(1);
    ck_assert_uint_eq(none.n, 0);
    ck_assert_int_eq(none.next_ms, at);
    free_lease(&op);
    free_lease(&none);
    close_it();
    end();
}
END_TEST

START_TEST(a_lease_takes_the_oldest_and_no_more_than_asked)
{
    begin();
    open_it(false);
    for (int i = 0; i < 5; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", i);
        pay(key);
    }
    struct store_lease a = lease(3), b = lease(3);
    ck_assert_uint_eq(a.n, 3);
    ck_assert_uint_eq(b.n, 2);
    free_lease(&a);
    free_lease(&b);
    close_it();
    end();
}
END_TEST

/* What a server leaves when it ends without a word. */
static void leave_leased_and_handed(struct token *ret_leased, struct token *ret_handed)
{
    int64_t leased = pay("leased"), handed = pay("handed");
    struct store_lease op = lease(2);
    ck_assert(mark(handed, 1, RECEIPT_HANDED, 0));
    for (uint32_t i = 0; i < 2; i++)
        *(op.jobs[i].order->id == leased ? ret_leased : ret_handed) = op.jobs[i].order->token;
    free_lease(&op);
    close_it();
}

static enum receipt_state receipt_of(const struct token *token)
{
    struct store_view view = view_of(token);
    enum receipt_state state = view.receipt;
    free_view(&view);
    return state;
}

START_TEST(the_next_server_takes_back_what_was_leased_and_doubts_what_was_handed)
{
    struct token leased, handed;
    for (int resend = 0; resend < 2; resend++) {
        begin();
        open_it(false);
        leave_leased_and_handed(&leased, &handed);
        open_it(resend);
        ck_assert_int_eq(receipt_of(&leased), RECEIPT_READY);
        ck_assert_int_eq(receipt_of(&handed), resend ? RECEIPT_READY : RECEIPT_UNCERTAIN);
        if (!resend) {
            ck_assert_int_eq(store_change_resend(store, &handed), 0);
            ck_assert_int_eq(store_change_resend(store, &handed), -EINVAL);
        }
        struct store_lease op = lease(10);
        ck_assert_uint_eq(op.n, 2);
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(op.jobs[i].attempt, 2);
        free_lease(&op);
        close_it();
        end();
    }
}
END_TEST

static int count_job(const struct store_job_view *job, void *arg)
{
    int *n = arg;
    n[job->receipt]++;
    return 0;
}

START_TEST(what_waits_is_listed_and_counted)
{
    begin();
    open_it(false);
    int64_t id = pay("dead");
    struct store_lease op = lease(1);
    ck_assert(mark(id, 1, RECEIPT_DEAD, 0));
    free_lease(&op);
    pay("ready");
    struct order *order = order_of("charging", "TSHIRT-RED-M", 1);
    ck_assert_int_eq(place(order), STORE_PLACED);
    int jobs[RECEIPT_DEAD + 1] = { 0 };
    ck_assert_int_eq(store_read_jobs(reader, count_job, jobs), 0);
    ck_assert_int_eq(jobs[RECEIPT_NONE], 1);
    ck_assert_int_eq(jobs[RECEIPT_READY], 1);
    ck_assert_int_eq(jobs[RECEIPT_DEAD], 1);
    struct store_counts counts;
    ck_assert_int_eq(store_read_counts(reader, true, &counts), 0);
    ck_assert_int_eq(counts.orders[ORDER_PAID], 2);
    ck_assert_int_eq(counts.orders[ORDER_CHARGING], 1);
    ck_assert_int_eq(counts.receipts[RECEIPT_DEAD], 1);
    struct order *orders[8];
    ck_assert_int_eq(store_read_charging(reader, 0, orders, 8), 1);
    ck_assert_str_eq(orders[0]->key, "charging");
    ck_assert_int_eq(store_read_charging(reader, orders[0]->id, orders + 1, 8), 0);
    order_free(orders[0]);
    order_free(order);
    close_it();
    end();
}
END_TEST

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static int try_open(const char *file, bool to_serve)
{
    const struct store_opts opts = { .path = file, .to_serve = to_serve };
    struct store *other;
    int r = store_open(&opts, &other);
    if (r == 0)
        store_close(other);
    return r;
}

START_TEST(one_server_alone_has_the_file)
{
    begin();
    open_it(false);
    ck_assert_int_eq(try_open(path, true), -EBUSY);
    ck_assert_ptr_nonnull(strstr(trouble_text(), "another prong-shop"));
    ck_assert_int_eq(try_open(path, false), 0);     /* who only looks may */
    pay("still-works");                             /* and has not dropped our locks */
    ck_assert_int_eq(try_open(path, true), -EBUSY);
    close_it();
    ck_assert_int_eq(try_open(path, true), 0);
    end();
}
END_TEST

static void write_file(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(what_is_no_database_of_a_shop_is_refused_in_words)
{
    char text[4096] = "not a database at all", command[256];
    begin();
    write_file(path, text, sizeof text);
    ck_assert_int_eq(try_open(path, true), -EUCLEAN);
    ck_assert(trouble_text()[0]);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(try_open(path, false), -ENOENT);
    ck_assert_int_eq(try_open("/nonexistent/folder/shop.db", true), -ENOENT);
    open_it(false);
    close_it();
    struct stat file;
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0600);
    sqlite3 *sqlite;
    ck_assert_int_eq(sqlite3_open(path, &sqlite), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(sqlite, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
    ck_assert_int_eq(try_open(path, true), -ENOTSUP);
    snprintf(command, sizeof command, "%s", trouble_text());
    ck_assert_ptr_nonnull(strstr(command, "newer"));
    end();
}
END_TEST

START_TEST(a_database_locked_by_somebody_else_is_waited_for_and_then_told)
{
    begin();
    open_it(false);
    sqlite3 *sqlite;
    ck_assert_int_eq(sqlite3_open(path, &sqlite), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct order *order = order_of("key-1", "TSHIRT-RED-M", 1);
    struct store_place op = { .order = order };
    ck_assert_int_eq(do_it(&op.op, STORE_PLACE), -EBUSY);
    ck_assert_int_eq(order->id, 0);
    ck_assert_int_eq(sqlite3_exec(sqlite, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
    ck_assert_int_eq(place(order), STORE_PLACED);
    order_free(order);
    close_it();
    end();
}
END_TEST

START_TEST(a_backup_is_whole_while_a_server_writes)
{
    char copy[128];
    begin();
    open_it(false);
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", i);
        pay(key);
    }
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    struct order *order = order_of("meanwhile", "TSHIRT-RED-M", 1);
    struct store_place op = { .order = order };
    post(&op.op, STORE_PLACE);
    ck_assert_msg(store_backup(store, copy, NULL, NULL) == 0, "%s", trouble_text());
    wait_for(1);
    ck_assert_int_eq(store_backup(store, copy, NULL, NULL), -EEXIST);
    order_free(order);
    close_it();
    snprintf(path, sizeof path, "%s", copy);
    open_it(false);
    struct store_counts counts;
    ck_assert_int_eq(store_read_counts(reader, true, &counts), 0);
    ck_assert_int_eq(counts.orders[ORDER_PAID], 50);
    close_it();
    end();
}
END_TEST

/* ---- crashes and bad disks ----------------------------------------------------------------------------------------------- */

/* In a child: orders without end, each told to the parent through shared memory only when its done has come. */
struct told {
    int64_t placed, paid;       /* the highest number whose done was called */
};

static void order_forever(struct told *told)
{
    open_it(false);
    for (int64_t i = 1;; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-%lld", (long long)i);
        struct order *order = order_of(key, "TSHIRT-RED-M", 1);
        ck_assert_int_eq(place(order), STORE_PLACED);
        __atomic_store_n(&told->placed, i, __ATOMIC_SEQ_CST);
        ck_assert(settle(order->id, ORDER_PAID, "paid\n"));
        __atomic_store_n(&told->paid, i, __ATOMIC_SEQ_CST);
        order_free(order);
    }
}

static void check_told(const struct told *told)
{
    open_it(false);
    for (int64_t i = 1; i <= told->placed; i++) {
        char key[32];
        struct token token;
        snprintf(key, sizeof key, "key-%lld", (long long)i);
        token_derive(store_secret(store), "order", key, strlen(key), &token);
        struct store_view view = view_of(&token);
        if (i <= told->paid) {
            ck_assert_int_eq(view.order->state, ORDER_PAID);
            ck_assert_int_eq(view.receipt, RECEIPT_READY);
            ck_assert_str_eq(view.answer.body, "paid\n");
        }
        /* Wholly or not at all. */
        ck_assert((view.order->state == ORDER_PAID) == (view.receipt != RECEIPT_NONE) && (view.answer.status == 201) == (view.receipt != RECEIPT_NONE));
        free_view(&view);
    }
    close_it();
}

START_TEST(what_was_told_done_is_there_after_a_kill)
{
    struct told *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int round = 1; round <= (SANITIZED ? 2 : 6); round++) {
        begin();
        *told = (struct told){ 0 };
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
            order_forever(told);
        while (__atomic_load_n(&told->placed, __ATOMIC_SEQ_CST) < round * 3) {
            ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);   /* it has not ended by itself */
            sched_yield();
        }
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        check_told(told);
        end();
    }
}
END_TEST

START_TEST(what_was_told_done_was_synced)
{
    char synced[128];
    begin();
    disk_watch();
    open_it(false);
    struct order *order = order_of("key-1", "TSHIRT-RED-M", 1);
    ck_assert_int_eq(place(order), STORE_PLACED);
    ck_assert(settle(order->id, ORDER_PAID, "paid\n"));
    snprintf(synced, sizeof synced, "%s/synced.db", folder);
    disk_copy_synced(path, synced);         /* as if the power had failed now */
    close_it();
    snprintf(path, sizeof path, "%s", synced);
    open_it(false);
    struct store_view view = view_of(&order->token);
    ck_assert_int_eq(view.order->state, ORDER_PAID);
    ck_assert_int_eq(view.receipt, RECEIPT_READY);
    free_view(&view);
    order_free(order);
    close_it();
    end();
}
END_TEST

START_TEST(ops_that_wait_share_a_sync)
{
    enum { N = 200 };
    static struct store_place ops[N];
    begin();
    disk_watch();
    open_it(false);
    for (int i = 0; i < N; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", i);
        ops[i].order = order_of(key, "TSHIRT-RED-M", 1);
    }
    uint64_t before = disk_syncs();
    for (int i = 0; i < N; i++)
        post(&ops[i].op, STORE_PLACE);
    wait_for(N);
    uint64_t syncs = disk_syncs() - before;
    ck_assert_msg(syncs >= 1 && syncs <= N / 4, "%llu syncs for %d ops", (unsigned long long)syncs, N);
    for (int i = 0; i < N; i++)
        order_free(ops[i].order);
    close_it();
    end();
}
END_TEST

START_TEST(a_full_disk_refuses_and_goes_on_when_there_is_room)
{
    begin();
    disk_watch();
    open_it(false);
    int64_t id = pay("before");
    disk_fail(DISK_FULL);
    struct order *order = order_of("key-1", "TSHIRT-RED-M", 1);
    struct store_place op = { .order = order };
    ck_assert_int_eq(do_it(&op.op, STORE_PLACE), -ENOSPC);
    ck_assert_int_eq(order->id, 0);
    ck_assert(!store_failed(store));
    disk_fail(DISK_GOOD);
    ck_assert_int_eq(place(order), STORE_PLACED);
    ck_assert_int_eq(order->id, id + 1);
    order_free(order);
    close_it();
    end();
}
END_TEST

START_TEST(after_a_failed_sync_nothing_is_taken_any_more)
{
    begin();
    disk_watch();
    open_it(false);
    pay("before");
    disk_fail(DISK_SYNC_FAILS);
    struct order *order = order_of("key-1", "TSHIRT-RED-M", 1);
    struct store_place op = { .order = order };
    ck_assert_int_eq(do_it(&op.op, STORE_PLACE), -EIO);
    ck_assert(store_failed(store));
    disk_fail(DISK_GOOD);
    ck_assert_int_eq(do_it(&op.op, STORE_PLACE), -EIO);
    close_it();
    order_free(order);
    open_it(false);             /* the next start finds what had been told */
    struct order *again = order_of("before", "TSHIRT-RED-M", 1);
    ck_assert_int_eq(place(again), STORE_KNOWN);
    order_free(again);
    close_it();
    end();
}
END_TEST

START_TEST(the_log_stays_short_under_load)
{
    enum { WAVE = 64, WAVES = SANITIZED ? 40 : 400 };
    static struct store_place ops[WAVE];
    begin();
    open_it(false);
    uint64_t most = 0;
    for (int wave = 0; wave < WAVES; wave++) {
        for (int i = 0; i < WAVE; i++) {
            char key[32];
            snprintf(key, sizeof key, "key-%d-%d", wave, i);
            ops[i] = (struct store_place){ .order = order_of(key, "TSHIRT-RED-M", 1) };
            post(&ops[i].op, STORE_PLACE);
        }
        wait_for(WAVE);
        struct store_stats stats;
        store_stats(store, &stats);
        most = stats.wal_bytes > most ? stats.wal_bytes : most;
        for (int i = 0; i < WAVE; i++)
            order_free(ops[i].order);
    }
    ck_assert_msg(most < 80u << 20, "the log grew to %llu bytes", (unsigned long long)most);
    close_it();
    end();
}
END_TEST

int main(int argc, char **argv)
{
    add_case(an_order_is_read_back_as_it_was_placed);
    add_case(a_known_key_gives_the_stored_answer_byte_for_byte);
    add_case(an_order_ends_once);
    add_case(the_last_shirt_is_sold_once_and_comes_back_after_a_decline);
    add_case(lines_of_one_product_are_counted_together);
    add_case(who_was_overtaken_marks_nothing);
    add_case(what_is_put_off_is_due_at_its_time);
    add_case(a_lease_takes_the_oldest_and_no_more_than_asked);
    add_case(the_next_server_takes_back_what_was_leased_and_doubts_what_was_handed);
    add_case(what_waits_is_listed_and_counted);
    add_case(one_server_alone_has_the_file);
    add_case(what_is_no_database_of_a_shop_is_refused_in_words);
    add_case(a_database_locked_by_somebody_else_is_waited_for_and_then_told);
    add_case(a_backup_is_whole_while_a_server_writes);
    add_case_for(NULL, what_was_told_done_is_there_after_a_kill, 0, 60);     /* as many syncs as the disk takes */
    add_case(what_was_told_done_was_synced);
    add_case(ops_that_wait_share_a_sync);
    add_case(a_full_disk_refuses_and_goes_on_when_there_is_room);
    add_case(after_a_failed_sync_nothing_is_taken_any_more);
    add_case_for(NULL, the_log_stays_short_under_load, 0, 60);
    return run_cases(argc, argv);
}
