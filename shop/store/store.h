/* store.h - the database: one writer with group commit, any number of readers.
 *
 * Changes are ops: small structs that the caller owns until their `done` is called, posted from any thread, applied by the store's own
 * thread in the order posted, all that wait in one transaction. `done` is called on the loop of the op's port once they are on disk (or
 * failed). So what a `done` without error has told is durable, and in a crash an op happened wholly or not at all.
 *
 * Errors of ops (negative errno): -ENOSPC: the disk is full, nothing of this op happened, later ones may do better. -EBUSY: the database
 * was locked by someone else for longer than `busy_ms`, likewise. -EIO: reading, writing or syncing failed: from then on every op fails so (what a
 * failed sync has left on disk nobody knows), store_failed() is true, and the server must end and start again. -ESHUTDOWN: closing. -ENOMEM,
 * -EPROTO (a mistake of ours, or rows that were changed by hand): this op alone. */
#pragma once
#include "order/order.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct store;
struct store_port;      /* where the ops of one loop come back */
struct store_reader;    /* a connection for reading, of one thread */

struct store_opts {
    const char *path;           /* the file; made, with the demo catalogue, if it is not there (mode 0600) */
    bool to_serve;              /* hold the file against a second server, take back what an earlier one left, and write. Else the
                                   file must exist, and only readers, store_change_* and store_backup are for use */
    bool resend;                /* what an earlier server left HANDED becomes READY (the same Message-ID), not UNCERTAIN */
    uint32_t busy_ms;           /* 0: 5,000 */
};

/* 0; else -errno, and trouble_text() tells in words what and what to do: -EBUSY: another server has the file; -EUCLEAN: it is no
 * database of a shop, or damaged; -ENOTSUP: of a newer prong-shop; -ENOENT, -EACCES, -EROFS, -ENOSPC, -EIO, -ENOMEM. */
int store_open(const struct store_opts *opts, struct store **ret_store);
void store_close(struct store *store);              /* first commits what was posted. All ports and readers are closed before. NULL is fine */
bool store_failed(const struct store *store);       /* see -EIO above; any thread */
const struct secret *store_secret(const struct store *store);          /* random, made with the database; for tokens and CSRF */
const struct catalogue *store_catalogue(const struct store *store);    /* as it was at open */

struct store_stats {
    uint64_t ops, commits, failed_commits, checkpoints;
    uint64_t commit_ns;         /* all commits together */
    uint64_t wal_bytes;         /* of now */
    uint64_t queued;            /* ops posted and not done */
    int64_t oldest_ms;          /* for how long the oldest of these has waited; 0: none */
};
void store_stats(const struct store *store, struct store_stats *ret_stats);    /* any thread; for metrics, and to refuse in time */

/* ---- changes ------------------------------------------------------------------------------------------------------------- */

int store_port_open(struct store *store, uv_loop_t *loop, struct store_port **ret_port);    /* on the loop's thread */
void store_port_close(struct store_port *port);     /* there, with none of its ops under way; its handle ends in the loop later */

enum store_what { STORE_PLACE = 1, STORE_SETTLE, STORE_LEASE, STORE_MARK };
struct store_op {
    enum store_what what;                           /* which of the structs below it is the first member of */
    struct store_port *port;
    void (*done)(struct store_op *op, int error);   /* 0, or an error as above: then no out-member is set */
    struct store_op *next;                          /* the store's, and the next */
    int64_t posted_ms;
};
void store_post(struct store *store, struct store_op *op);     /* any thread */

/* An answer as it was given, kept for those who ask again. */
struct store_answer {
    int status;                 /* 201, 402; 0: none yet */
    char *body;                 /* malloc'd; the caller frees it; NULL: none */
    size_t size;
};

/* T1: the order, its lines, its stock and its charge key, in state CHARGING, all or nothing; or finds the one with the same token. */
enum store_placed { STORE_PLACED, STORE_KNOWN, STORE_SOLD_OUT };
struct store_place {
    struct store_op op;
    struct order *order;        /* in; PLACED sets its id */
    enum store_placed placed;   /* out */
    uint32_t sold_out_line;     /* out, with SOLD_OUT: which line there is too little of */
    int64_t left;               /*      and how many there are */
    int64_t known_id;           /* out, with KNOWN: the rest tells of the order that is there */
    struct token known_hash;
    enum order_state known_state;
    struct store_answer known_answer;
};

/* T2: ends an order that is CHARGING: state, answer, gateway's id; PAID makes the receipt's job (READY), DECLINED and CANCELLED give the stock back.
 * If it is not CHARGING (any more), nothing happens and held is false. */
struct store_settle {
    struct store_op op;
    int64_t id;                 /* in */
    enum order_state state;     /* in: PAID, DECLINED, CANCELLED or REVIEW */
    const char *intent;         /* in: the gateway's name for the charge; "" */
    int status;                 /* in: the answer; 0: none */
    const char *body;
    size_t size;
    bool held;                  /* out */
};

/* Takes up to `most` receipts that are READY and due, oldest first: each becomes LEASED with attempt + 1. The pair (order, attempt) is
 * the fencing token: whoever took it later than you has a higher one, and your marks no longer hold. */
struct store_job {
    struct order *order;        /* the caller's */
    int64_t attempt;            /* from 1; the fence: every lease gets a new one */
    int64_t tries;              /* how many of them the receipt has had since it was last asked for, from 1; for backoff */
    int64_t first_ms;           /* when that was; clock_ms() */
    struct token message;       /* for the Message-ID; the same for life */
};
struct store_lease {
    struct store_op op;
    uint32_t most;              /* in; at most 256 */
    uint32_t n;                 /* out */
    struct store_job *jobs;     /* out: malloc'd array; the caller frees it and the orders in it */
    int64_t next_ms;            /* out: when the next is due that is not due yet, clock_ms(); 0: none */
};

/* Moves a leased receipt on; only if it is LEASED or HANDED with just this attempt: else nothing happens and held is false.
 * READY: to be tried again, not before at_ms. */
struct store_mark {
    struct store_op op;
    int64_t id, attempt;        /* in: of the order; of the lease */
    enum receipt_state state;   /* in: HANDED, SENT, READY, UNCERTAIN or DEAD */
    int64_t at_ms;              /* in, with READY; clock_ms() */
    const char *trouble;        /* in: what went wrong, for people; "" */
    bool held;                  /* out */
};

/* ---- reading: on the calling thread, of what is committed ------------------------------------------------------------------ */

int store_reader_open(struct store *store, struct store_reader **ret_reader);
void store_reader_close(struct store_reader *reader);       /* NULL is fine */

struct store_view {
    struct order *order;        /* the caller's */
    enum receipt_state receipt;
    int64_t receipt_at_ms;      /* when it will be tried next, or was sent; 0: neither */
    struct store_answer answer; /* the caller's */
};
int store_read_order(struct store_reader *reader, const struct token *token, struct store_view *ret_view);     /* -ENOENT */
/* Orders that are CHARGING with ids above `after`, in order; up to `most`; the caller frees each. Gives how many, or -errno. */
int store_read_charging(struct store_reader *reader, int64_t after, struct order **ret_orders, uint32_t most);
/* Fresh stock into n products, which are the catalogue's in its order. */
int store_read_stock(struct store_reader *reader, struct product *products, size_t n);

struct store_counts {
    int64_t orders[ORDER_REVIEW + 1];           /* by state; only CHARGING and REVIEW are cheap, the others are counted if all is true */
    int64_t receipts[RECEIPT_DEAD + 1];         /* the same: READY, LEASED, HANDED, UNCERTAIN and DEAD are cheap */
};
int store_read_counts(struct store_reader *reader, bool all, struct store_counts *ret_counts);

/* Receipts and orders that wait for something: for `prong-shop jobs`. Called once for each, oldest first; texts are good until the next. */
struct store_job_view {
    int64_t id, attempt, at_ms, total_cents;
    struct token token;
    enum order_state state;     /* CHARGING and REVIEW are told, too, with receipt NONE */
    enum receipt_state receipt;
    const char *email, *trouble, *currency;
};
int store_read_jobs(struct store_reader *reader, int (*tell)(const struct store_job_view *job, void *arg), void *arg);  /* a result of tell other than 0 ends it */

/* ---- by hand: from a command beside a running server, or without one; each is a transaction of its own ----------------------- */

/* An UNCERTAIN, DEAD or SENT receipt is to be sent (again): READY now, tries from 1. -ENOENT: no such order; -EINVAL: it is on its way already, or not paid. */
int store_change_resend(struct store *store, const struct token *token);
int store_change_stock(struct store *store, const char *sku, int64_t stock);   /* UNLIMITED, or from 0. -ENOENT: no such SKU */
/* A whole and consistent copy into a new file, also while a server writes; synced. -EEXIST. told (may be NULL) is called now and then,
 * and with a result other than 0 ends it: -ECANCELED, and the new file is gone. */
int store_backup(struct store *store, const char *to, int (*told)(int64_t pages_done, int64_t pages, void *arg), void *arg);
