/* store_double.c - applies an op when it is posted, under a lock, and tells its end on its port's loop. */
#include "store_double.h"

#include "base/clock.h"
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WEAK __attribute__((weak))

/* Not check's: it is for programs that are no test, too. */
static void must(bool good)
{
    if (!good)
        abort();
}

struct receipt_row {
    struct double_receipt is;
    struct order *order;
    struct token message;
};
struct ended {                  /* an op and how it ended */
    struct store_op *op;
    int error;
};
struct store_port {
    uv_async_t async;           /* first: freed as one */
    struct store *store;
};
struct store {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct receipt_row *rows;
    size_t n;
    struct store_port *port;    /* the one there is */
    struct ended *ended;        /* to be told */
    size_t n_ended, n_told;
    struct store_op *held[4096];
    unsigned n_held;
    enum receipt_state holds;
    enum store_what fails;
    enum receipt_state fails_state;
    int error, times;
    bool failed;
};

static struct product shirt = { .id = 1, .sku = "TSHIRT-RED-M", .name = "T-shirt", .colour = "Red", .size = "M", .price_cents = 1990 };

struct store *double_open(void)
{
    struct store *store = calloc(1, sizeof *store);
    must(store != NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&store->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&store->lock, NULL);
    return store;
}

void double_close(struct store *store)
{
    for (size_t i = 0; i < store->n; i++)
        order_free(store->rows[i].order);
    free(store->rows);
    free(store->ended);
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static struct order *copy_order(const struct order *from)
{
    struct order_texts texts = { .key = from->key, .email = from->email, .method = from->method, .note = from->note, .name = from->name,
                                 .street = from->street, .city = from->city, .postcode = from->postcode, .country = from->country };
    struct order *order = order_new(&texts, from->lines, from->n_lines, from->currency);
    must(order != NULL);
    order->id = from->id;
    order->token = from->token;
    order->created_ms = from->created_ms;
    order->state = ORDER_PAID;
    return order;
}

int64_t double_add(struct store *store, const struct order_texts *texts)
{
    struct order_line line = { .product = &shirt, .price_cents = shirt.price_cents, .qty = 2 };
    struct receipt_row row = { .is = { .state = RECEIPT_READY, .first_ms = clock_ms() } };
    row.order = order_new(texts, &line, 1, "eur");
    must(row.order != NULL);
    token_random(&row.order->token);
    token_random(&row.message);
    token_text(&row.message, row.is.id);
    row.order->created_ms = clock_ms();
    pthread_mutex_lock(&store->lock);
    store->rows = realloc(store->rows, (store->n + 1) * sizeof *store->rows);
    must(store->rows != NULL);
    row.order->id = (int64_t)store->n + 1;
    store->rows[store->n++] = row;
    pthread_mutex_unlock(&store->lock);
    return row.order->id;
}

struct double_receipt double_get(struct store *store, int64_t id)
{
    pthread_mutex_lock(&store->lock);
    struct double_receipt is = store->rows[id - 1].is;
    pthread_mutex_unlock(&store->lock);
    return is;
}

void double_set(struct store *store, int64_t id, int64_t tries, int64_t first_ms)
{
    pthread_mutex_lock(&store->lock);
    store->rows[id - 1].is.tries = tries;
    store->rows[id - 1].is.first_ms = first_ms;
    pthread_mutex_unlock(&store->lock);
}

void double_make_due(struct store *store, int64_t id)
{
    pthread_mutex_lock(&store->lock);
    store->rows[id - 1].is.state = RECEIPT_READY;
    store->rows[id - 1].is.at_ms = 0;
    pthread_mutex_unlock(&store->lock);
}

void double_steal(struct store *store, int64_t id)
{
    pthread_mutex_lock(&store->lock);
    store->rows[id - 1].is.attempt++;
    store->rows[id - 1].is.state = RECEIPT_SENT;
    pthread_mutex_unlock(&store->lock);
}

/* ---- waiting ------------------------------------------------------------------------------------------------------------- */

static struct timespec in_30_s(void)
{
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += SANITIZED ? 120 : 30;
    return limit;
}

static void wait_change(struct store *store, const struct timespec *limit, const char *what)
{
    if (pthread_cond_timedwait(&store->changed, &store->lock, limit) != ETIMEDOUT)
        return;
    for (size_t i = 0; i < store->n && i < 8; i++)
        fprintf(stderr, "receipt %zu: %s, attempt %lld, %s\n", i + 1, receipt_state_name(store->rows[i].is.state),
                (long long)store->rows[i].is.attempt, store->rows[i].is.trouble);
    fprintf(stderr, "did not come to pass: %s\n", what);
    abort();
}

void double_wait(struct store *store, int64_t id, enum receipt_state state)
{
    struct timespec limit = in_30_s();
    pthread_mutex_lock(&store->lock);
    while (store->rows[id - 1].is.state != state)
        wait_change(store, &limit, receipt_state_name(state));
    pthread_mutex_unlock(&store->lock);
}

static unsigned count(const struct store *store, enum receipt_state state)
{
    unsigned n = 0;
    for (size_t i = 0; i < store->n; i++)
        n += store->rows[i].is.state == state;
    return n;
}

void double_wait_count(struct store *store, enum receipt_state state, unsigned n)
{
    struct timespec limit = in_30_s();
    pthread_mutex_lock(&store->lock);
    while (count(store, state) != n)
        wait_change(store, &limit, receipt_state_name(state));
    pthread_mutex_unlock(&store->lock);
}

void double_wait_rest(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    while (count(store, RECEIPT_SENT) + count(store, RECEIPT_UNCERTAIN) + count(store, RECEIPT_DEAD) != store->n)
        pthread_cond_wait(&store->changed, &store->lock);
    pthread_mutex_unlock(&store->lock);
}

void double_wait_held(struct store *store, unsigned n)
{
    struct timespec limit = in_30_s();
    pthread_mutex_lock(&store->lock);
    while (store->n_held != n)
        wait_change(store, &limit, "marks are held");
    pthread_mutex_unlock(&store->lock);
}

/* ---- ops, under the lock ------------------------------------------------------------------------------------------------- */

static void end_op(struct store *store, struct store_op *op, int error)
{
    store->ended = realloc(store->ended, (store->n_ended + 1) * sizeof *store->ended);
    must(store->ended != NULL);
    store->ended[store->n_ended++] = (struct ended){ op, error };
    uv_async_send(&store->port->async);
    pthread_cond_broadcast(&store->changed);
}

static void lease(struct store *store, struct store_lease *lease)
{
    int64_t now = clock_ms();
    lease->n = 0;
    lease->next_ms = 0;
    lease->jobs = calloc(lease->most, sizeof *lease->jobs);
    must(lease->jobs != NULL);
    for (size_t i = 0; i < store->n; i++) {
        struct receipt_row *row = &store->rows[i];
        if (row->is.state != RECEIPT_READY)
            continue;
        if (row->is.at_ms > now) {
            lease->next_ms = lease->next_ms == 0 || row->is.at_ms < lease->next_ms ? row->is.at_ms : lease->next_ms;
        } else if (lease->n < lease->most) {
            row->is.state = RECEIPT_LEASED;
            row->is.attempt++;
            row->is.tries++;
            lease->jobs[lease->n++] = (struct store_job){ .order = copy_order(row->order), .attempt = row->is.attempt,
                                                          .tries = row->is.tries, .first_ms = row->is.first_ms, .message = row->message };
        }
    }
}

static void mark(struct store *store, struct store_mark *mark)
{
    struct receipt_row *row = &store->rows[mark->id - 1];
    mark->held = (row->is.state == RECEIPT_LEASED || row->is.state == RECEIPT_HANDED) && row->is.attempt == mark->attempt;
    if (!mark->held)
        return;
    row->is.state = mark->state;
    row->is.at_ms = mark->state == RECEIPT_READY ? mark->at_ms : 0;
    row->is.handed += mark->state == RECEIPT_HANDED;
    snprintf(row->is.trouble, sizeof row->is.trouble, "%s", mark->trouble);
}

static bool is_to_fail(struct store *store, const struct store_op *op)
{
    if (store->times == 0 || op->what != store->fails)
        return false;
    if (op->what == STORE_MARK && store->fails_state != 0 && ((const struct store_mark *)op)->state != store->fails_state)
        return false;
    store->times--;
    return true;
}

static void apply(struct store *store, struct store_op *op)
{
    int error = is_to_fail(store, op) ? store->error : 0;
    store->failed = store->failed || error == -EIO;
    error = store->failed ? -EIO : error;
    if (error == 0 && op->what == STORE_LEASE)
        lease(store, (struct store_lease *)op);
    else if (error == 0)
        mark(store, (struct store_mark *)op);
    end_op(store, op, error);
}

void double_fail(struct store *store, enum store_what what, enum receipt_state state, int error, int times)
{
    pthread_mutex_lock(&store->lock);
    store->fails = what;
    store->fails_state = state;
    store->error = error;
    store->times = times;
    pthread_mutex_unlock(&store->lock);
}

void double_hold(struct store *store, enum receipt_state state)
{
    pthread_mutex_lock(&store->lock);
    store->holds = state;
    for (unsigned i = 0; state == RECEIPT_NONE && i < store->n_held; i++)
        apply(store, store->held[i]);
    store->n_held = state == RECEIPT_NONE ? 0 : store->n_held;
    pthread_mutex_unlock(&store->lock);
}

/* ---- what the mailer calls ----------------------------------------------------------------------------------------------- */

WEAK void store_post(struct store *store, struct store_op *op)
{
    pthread_mutex_lock(&store->lock);
    if (op->what == STORE_MARK && store->holds != RECEIPT_NONE && ((struct store_mark *)op)->state == store->holds) {
        store->held[store->n_held++ % 4096] = op;
        pthread_cond_broadcast(&store->changed);
    } else {
        apply(store, op);
    }
    pthread_mutex_unlock(&store->lock);
}

static bool take_ended(struct store *store, struct ended *ret_ended)
{
    pthread_mutex_lock(&store->lock);
    bool there = store->n_told < store->n_ended;
    if (there)
        *ret_ended = store->ended[store->n_told++];
    else
        store->n_told = store->n_ended = 0;
    pthread_mutex_unlock(&store->lock);
    return there;
}

static void tell(uv_async_t *async)
{
    struct ended ended;
    while (take_ended(((struct store_port *)async)->store, &ended))
        ended.op->done(ended.op, ended.error);
}

WEAK int store_port_open(struct store *store, uv_loop_t *loop, struct store_port **ret_port)
{
    struct store_port *port = calloc(1, sizeof *port);
    must(port != NULL);
    port->store = store;
    store->port = port;
    must(uv_async_init(loop, &port->async, tell) == 0);
    *ret_port = port;
    return 0;
}

static void free_port(uv_handle_t *handle)
{
    free(handle);
}

WEAK void store_port_close(struct store_port *port)
{
    uv_close((uv_handle_t *)&port->async, free_port);
}

WEAK bool store_failed(const struct store *store)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&store->lock;
    pthread_mutex_lock(lock);
    bool failed = store->failed;
    pthread_mutex_unlock(lock);
    return failed;
}
