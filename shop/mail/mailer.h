/* mailer.h - sends the receipts that the store says are due: renders each in a worker process, hands it over by SMTP, to a sendmail
 * program or into a directory, and marks what became of it. A thread of its own, with hundreds under way; orders never wait for it. */
#pragma once
#include "store/store.h"

#include <prong.h>

struct mailer;
struct mailer_opts {
    struct store *store;
    prong_pool *pool;           /* where receipts are rendered: engine "processes" (others work, and contain nothing) */
    const char *to;             /* "smtp://HOST:PORT", "smtps://HOST:PORT", "sendmail:/usr/sbin/sendmail", or a directory, made if missing */
    const char *from;           /* "shop@example.org" */
    const char *shop_name;      /* "prong-shop" */
    const char *public_url;     /* where customers see their orders: "http://127.0.0.1:8080" */
    const char *user, *password;/* SMTP; NULL: no authentication */
    const char *ca_file;        /* NULL: the system's */
    const char *starttls;       /* "require", "try", "no"; NULL: "require", and "no" towards this machine */
    bool resend;                /* policy of the uncertain window: again, with the same Message-ID; else UNCERTAIN */
    uint32_t in_flight;         /* 0: 500 */
    uint32_t per_second;        /* rate limit towards the host; 0: none */
    uint32_t timeout_ms;        /* of one delivery; 0: 60,000 */
    uint32_t backoff_ms;        /* first pause after a temporary refusal; doubles with jitter up to 1 h, for 24 h; 0: 15,000 */
    prong_fn *render;           /* NULL: receipt_render(); for tests, what becomes of a receipt whose renderer crashes */
};
int mailer_open(const struct mailer_opts *opts, struct mailer **ret_mailer);    /* -EINVAL: trouble_text() says why, with the option */
void mailer_wake(struct mailer *mailer);        /* there is a new receipt; any thread; cheap; never waits */
/* Takes no new ones; waits for those under way until the deadline, then gives their leases back (or to the next server). NULL is fine. */
void mailer_close(struct mailer *mailer, prong_time deadline);

struct mailer_stats {
    uint64_t sent, retried, uncertain, dead, renders_lost;
    uint64_t in_flight;
};
void mailer_stats(const struct mailer *mailer, struct mailer_stats *ret_stats);     /* any thread */
