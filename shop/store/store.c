/* store.c - the writer: takes all ops that wait, applies them in one transaction, commits, and sends them home.
 *
 * Group commit: while one transaction is being synced, ops gather for the next. An op that comes to an idle writer is committed at once;
 * under load the writer waits a moment for more (gather()).
 *
 * Locks: `lock` guards the queue and the words beside it; a port's own lock guards its list of ops that are done. Neither is held while the
 * database works, and never both at once.
 *
 * Crash at any instruction: ops live in memory until their commit; what was committed before its done was called is found by whoever asks again
 * (a token, a state, an attempt that no longer fits). */
#include "store/store.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/trouble.h"
#include "store/backend.h"

#include <prong.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH_MOST = 1024, GATHER_FROM = 4, GATHER_MOST_NS = 1000000 };

struct store {
    const struct backend *backend;
    struct db *db;
    prong_solo *writer, *keeper;

    pthread_mutex_t lock;
    pthread_cond_t posted, kept;            /* the writer sleeps on the one, the keeper on the other */
    struct store_op *first, **last;         /* the queue */
    bool is_closing, writer_has_ended, wants_keeping, wants_catch_up, has_failed;
    struct store_stats stats;
    int64_t commit_mean_ns;                 /* of a transaction lately, without the waiting in it */
    uint64_t last_n;                        /* ops of the last batch */
    int64_t batch_posted_ms;                /* of the oldest op of the batch under way; 0: none */
};

struct store_port {
    struct store *store;
    uv_async_t async;
    pthread_mutex_t lock;
    struct store_op *first, **last;         /* done, with their error in posted_ms */
};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- ports --------------------------------------------------------------------------------------------------------------- */

static void on_done(uv_async_t *async)
{
    struct store_port *port = async->data;
    (void)pthread_mutex_lock(&port->lock);
    struct store_op *op = port->first, *next;
    port->first = NULL;
    port->last = &port->first;
    (void)pthread_mutex_unlock(&port->lock);
    for (; op; op = next) {
        next = op->next;
        op->done(op, (int)op->posted_ms);
    }
}

int store_port_open(struct store *store, uv_loop_t *loop, struct store_port **ret_port)
{
    struct store_port *port = calloc(1, sizeof *port);
    if (!port)
        return -ENOMEM;
    port->store = store;
    port->last = &port->first;
    (void)pthread_mutex_init(&port->lock, NULL);
    int r = uv_async_init(loop, &port->async, on_done);     /* libuv's errors are negative errnos, too */
    if (r < 0) {
        free(port);
        return r;
    }
    port->async.data = port;
    *ret_port = port;
    return 0;
}

static void on_port_closed(uv_handle_t *handle)
{
    struct store_port *port = handle->data;
    (void)pthread_mutex_destroy(&port->lock);
    free(port);
}

void store_port_close(struct store_port *port)
{
    if (port)
        uv_close((uv_handle_t *)&port->async, on_port_closed);
}

/* Neighbours in the list that go to the same port go together: one lock, one wake. */
static void send_home(struct store_op *op, int error)
{
    while (op) {
        struct store_port *port = op->port;
        (void)pthread_mutex_lock(&port->lock);
        for (; op && op->port == port; ) {
            struct store_op *next = op->next;
            op->posted_ms = error;
            op->next = NULL;
            *port->last = op;
            port->last = &op->next;
            op = next;
        }
        /* Before the unlock: from then on the port may end. */
        (void)uv_async_send(&port->async);
        (void)pthread_mutex_unlock(&port->lock);
    }
}

/* ---- the writer ---------------------------------------------------------------------------------------------------------- */

static int apply(struct store *store, struct store_op *op)
{
    const struct backend *b = store->backend;
    switch (op->what) {
    case STORE_PLACE: return b->place(store->db, (struct store_place *)op);
    case STORE_SETTLE: return b->settle(store->db, (struct store_settle *)op);
    case STORE_LEASE: return b->lease(store->db, (struct store_lease *)op);
    case STORE_MARK: return b->mark(store->db, (struct store_mark *)op);
    }
    return -EINVAL;
}

/* Up to `most` ops from the queue's head, with the lock held. */
static struct store_op *take(struct store *store, uint64_t most, uint64_t *ret_n)
{
    struct store_op *taken = store->first, **end = &taken;
    uint64_t n = 0;
    for (; *end && n < most; n++)
        end = &(*end)->next;
    store->first = *end;
    if (!store->first)
        store->last = &store->first;
    *end = NULL;
    *ret_n = n;
    return taken;
}

/* Under load, waits until a part of what a commit takes has passed since `began`: those whose orders have just been answered or charged
 * are back by then, and share this commit instead of asking for one more. Measured with 32 customers: a quarter of the syncs, and more orders a
 * second. Gives who came. */
static struct store_op *gather(struct store *store, int64_t began_ns, uint64_t n, uint64_t *ret_more)
{
    int64_t wait_ns = store->commit_mean_ns * 3 / 4, until_ns = began_ns + (wait_ns < GATHER_MOST_NS ? wait_ns : GATHER_MOST_NS);
    const struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
    struct store_op *more = NULL;
    (void)pthread_mutex_lock(&store->lock);
    if (store->last_n >= GATHER_FROM) {
        while (!store->is_closing && pthread_cond_clockwait(&store->posted, &store->lock, CLOCK_MONOTONIC, &until) == 0)
            ;
        more = take(store, BATCH_MOST - n, ret_more);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return more;
}

static int apply_all(struct store *store, struct store_op *op)
{
    int r = 0;
    for (; op && r == 0; op = op->next)
        r = apply(store, op);
    return r;
}

/* The first are applied while more gather. */
static int transact(struct store *store, struct store_op *batch, uint64_t *n)
{
    int64_t began_ns = now_ns(), waited_ns = 0;
    int r = store->backend->begin(store->db);
    if (r < 0)
        return r;
    r = apply_all(store, batch);
    if (r == 0) {
        uint64_t more_n = 0;
        waited_ns = -now_ns();
        struct store_op *more = gather(store, began_ns, *n, &more_n), *end = batch;
        waited_ns += now_ns();
        while (end->next)
            end = end->next;
        end->next = more;
        *n += more_n;
        r = apply_all(store, more);
    }
    if (r == 0) {
        r = store->backend->commit(store->db);
        store->commit_mean_ns += (now_ns() - began_ns - waited_ns - store->commit_mean_ns) / 8;
    }
    if (r < 0)
        store->backend->rollback(store->db);
    return r;
}

/* What leased orders an op holds, when its transaction did not come about. */
static void take_back(struct store_op *op)
{
    for (; op; op = op->next) {
        if (op->what == STORE_PLACE) {
            struct store_place *place = (struct store_place *)op;
            place->order->id = 0;
            free(place->known_answer.body);
            place->known_answer = (struct store_answer){ 0 };
        } else if (op->what == STORE_LEASE) {
            struct store_lease *lease = (struct store_lease *)op;
            for (uint32_t i = 0; i < lease->n; i++)
                order_free(lease->jobs[i].order);
            free(lease->jobs);
            lease->jobs = NULL;
            lease->n = 0;
        }
    }
}

static void note_commit(struct store *store, int64_t ns, uint64_t n, int r)
{
    (void)pthread_mutex_lock(&store->lock);
    store->stats.commits += r == 0;
    store->last_n = n;
    store->stats.failed_commits += r < 0;
    store->stats.commit_ns += (uint64_t)ns;
    store->stats.queued -= n;
    store->batch_posted_ms = 0;
    if (r == -EIO)
        store->has_failed = true;
    if (store->backend->needs_keeping(store->db) && !store->wants_keeping) {
        store->wants_keeping = true;
        (void)pthread_cond_signal(&store->kept);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (r < 0)
        log_line(LOG_LEVEL_ERROR, "database: %s", trouble_text());
}

/* One op that breaks its batch by a mistake of ours must not fail the others: then each is tried alone. */
static void commit_batch(struct store *store, struct store_op *batch, uint64_t n)
{
    int64_t began = now_ns();
    int r = store_failed(store) ? -EIO : transact(store, batch, &n);
    if (r < 0)
        take_back(batch);
    if (r == -EPROTO && batch->next) {
        note_commit(store, now_ns() - began, 0, r);
        for (struct store_op *op = batch, *next; op; op = next) {
            next = op->next;
            op->next = NULL;
            commit_batch(store, op, 1);
        }
        return;
    }
    note_commit(store, now_ns() - began, n, r);
    send_home(batch, r);
}

static void catch_up(struct store *store)
{
    int r = store->backend->catch_up(store->db);
    (void)pthread_mutex_lock(&store->lock);
    store->wants_catch_up = false;
    store->stats.checkpoints++;
    if (r == -EIO)
        store->has_failed = true;
    (void)pthread_cond_signal(&store->kept);
    (void)pthread_mutex_unlock(&store->lock);
}

static int write_all(void *record)
{
    struct store *store = *(struct store **)record;
    (void)pthread_mutex_lock(&store->lock);
    while (!store->is_closing || store->first) {
        uint64_t n;
        bool is_behind = store->wants_catch_up;
        struct store_op *batch = take(store, BATCH_MOST, &n);
        store->batch_posted_ms = batch ? batch->posted_ms : 0;
        if (!batch && !is_behind) {
            (void)pthread_cond_wait(&store->posted, &store->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&store->lock);
        if (is_behind)
            catch_up(store);
        if (batch)
            commit_batch(store, batch, n);
        (void)pthread_mutex_lock(&store->lock);
    }
    store->writer_has_ended = true;
    (void)pthread_cond_signal(&store->kept);
    (void)pthread_mutex_unlock(&store->lock);
    return 0;
}

/* ---- the keeper ---------------------------------------------------------------------------------------------------------- */

static int keep(void *record)
{
    struct store *store = *(struct store **)record;
    (void)pthread_mutex_lock(&store->lock);
    while (!store->writer_has_ended) {
        if (!store->wants_keeping || store->wants_catch_up || store->has_failed) {
            (void)pthread_cond_wait(&store->kept, &store->lock);
            continue;
        }
        store->wants_keeping = false;
        (void)pthread_mutex_unlock(&store->lock);
        bool is_behind = false;
        int r = store->backend->keep_short(store->db, &is_behind);
        (void)pthread_mutex_lock(&store->lock);
        store->stats.checkpoints++;
        if (r == -EIO)
            store->has_failed = true;
        store->wants_catch_up = is_behind && !r;
        if (store->wants_catch_up)
            (void)pthread_cond_signal(&store->posted);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return 0;
}

/* ---- from open to close ------------------------------------------------------------------------------------------------- */

static int start(const char *name, prong_fn *fn, struct store *store, prong_solo **ret_solo)
{
    const prong_pool_opts opts = { .engine = "threads", .name = name };
    int r = prong_solo_start(&opts, fn, &store, sizeof store, ret_solo);
    return r < 0 ? trouble_say(r, "cannot start the database's thread: %s", prong_last_error()) : 0;
}

static void join(prong_solo *solo)
{
    if (solo)
        (void)prong_solo_join(solo, PRONG_NEVER, NULL, NULL);
    prong_solo_free(solo);
}

int store_open(const struct store_opts *opts, struct store **ret_store)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return trouble_say(-ENOMEM, "out of memory");
    store->backend = &sqlite_backend;
    store->last = &store->first;
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_cond_init(&store->posted, NULL);
    (void)pthread_cond_init(&store->kept, NULL);
    int r = store->backend->open(opts, &store->db);
    if (r == 0 && opts->to_serve) {
        r = start("shop-writer", write_all, store, &store->writer);
        if (r == 0)
            r = start("shop-keeper", keep, store, &store->keeper);
    }
    if (r < 0) {
        store_close(store);
        return r;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    (void)pthread_mutex_lock(&store->lock);
    store->is_closing = true;
    (void)pthread_cond_signal(&store->posted);
    (void)pthread_mutex_unlock(&store->lock);
    join(store->writer);
    join(store->keeper);
    store->backend->close(store->db);
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_cond_destroy(&store->posted);
    (void)pthread_cond_destroy(&store->kept);
    free(store);
}

void store_post(struct store *store, struct store_op *op)
{
    op->next = NULL;
    op->posted_ms = clock_ms();
    (void)pthread_mutex_lock(&store->lock);
    bool is_closing = store->is_closing;
    if (!is_closing) {
        *store->last = op;
        store->last = &op->next;
        store->stats.ops++;
        store->stats.queued++;
        if (store->first == op)
            (void)pthread_cond_signal(&store->posted);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (is_closing)
        send_home(op, -ESHUTDOWN);
}

bool store_failed(const struct store *store)
{
    struct store *s = (struct store *)(uintptr_t)store;
    (void)pthread_mutex_lock(&s->lock);
    bool has_failed = s->has_failed;
    (void)pthread_mutex_unlock(&s->lock);
    return has_failed;
}

void store_stats(const struct store *store, struct store_stats *ret_stats)
{
    struct store *s = (struct store *)(uintptr_t)store;
    (void)pthread_mutex_lock(&s->lock);
    *ret_stats = s->stats;
    int64_t oldest = s->batch_posted_ms ? s->batch_posted_ms : s->first ? s->first->posted_ms : 0;
    (void)pthread_mutex_unlock(&s->lock);
    ret_stats->oldest_ms = oldest ? clock_ms() - oldest : 0;
    ret_stats->wal_bytes = store->backend->log_bytes(store->db);
}

/* ---- what the database answers itself ------------------------------------------------------------------------------------ */

struct store_reader {
    const struct backend *backend;
    struct db_reader *reader;
};

const struct secret *store_secret(const struct store *store)
{
    return store->backend->secret(store->db);
}

const struct catalogue *store_catalogue(const struct store *store)
{
    return store->backend->catalogue(store->db);
}

int store_reader_open(struct store *store, struct store_reader **ret_reader)
{
    struct store_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return trouble_say(-ENOMEM, "out of memory");
    reader->backend = store->backend;
    int r = store->backend->reader_open(store->db, &reader->reader);
    if (r < 0) {
        free(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void store_reader_close(struct store_reader *reader)
{
    if (reader)
        reader->backend->reader_close(reader->reader);
    free(reader);
}

int store_read_order(struct store_reader *r, const struct token *token, struct store_view *ret_view)
{
    return r->backend->read_order(r->reader, token, ret_view);
}

int store_read_charging(struct store_reader *r, int64_t after, struct order **ret_orders, uint32_t most)
{
    return r->backend->read_charging(r->reader, after, ret_orders, most);
}

int store_read_stock(struct store_reader *r, struct product *products, size_t n)
{
    return r->backend->read_stock(r->reader, products, n);
}

int store_read_counts(struct store_reader *r, bool all, struct store_counts *ret_counts)
{
    return r->backend->read_counts(r->reader, all, ret_counts);
}

int store_read_jobs(struct store_reader *r, int (*tell)(const struct store_job_view *job, void *arg), void *arg)
{
    return r->backend->read_jobs(r->reader, tell, arg);
}

int store_change_resend(struct store *store, const struct token *token)
{
    return store->backend->change_resend(store->db, token);
}

int store_change_stock(struct store *store, const char *sku, int64_t stock)
{
    return store->backend->change_stock(store->db, sku, stock);
}

int store_backup(struct store *store, const char *to, int (*told)(int64_t pages_done, int64_t pages, void *arg), void *arg)
{
    return store->backend->backup(store->db, to, told, arg);
}
