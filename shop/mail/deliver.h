/* deliver.h - the ways a message can go, behind one table. All on one loop, by its thread.
 *
 *   start() ---> [hand() ---> go(held)] ---> done(outcome)
 *
 * Just before a way does what cannot be taken back (the final dot), it calls hand(), and goes on when it is told go(): by then the
 * store knows. A way that can do it again without harm never calls hand(). done() is called once, and may be called from within the
 * others; after it the delivery is no longer the way's. */
#pragma once
#include "mail/mailer.h"

enum outcome {
    OUTCOME_SENT,
    OUTCOME_LATER,              /* certainly not delivered; again later */
    OUTCOME_AWAY,               /* the same, and it is no fault of this message: nobody is there */
    OUTCOME_REFUSED,            /* certainly not delivered, and it never will be */
    OUTCOME_LOST                /* may have been delivered or not */
};

struct delivery {
    const char *from, *to;      /* addresses that mime_is_address() */
    const char *id;             /* the Message-ID, without its brackets; fit for a file's name */
    const char *message;        /* whole, with CRLF */
    size_t size;
    void (*hand)(struct delivery *delivery);
    void (*done)(struct delivery *delivery, enum outcome outcome, const char *trouble);    /* trouble: for people, good during the call */
    void *own;                  /* the way's, and the rest */
    struct delivery *prev, *next;
};

struct way {
    const struct way_ops *ops;
    uint32_t most;              /* under way at the same time, as it can be now; 0: no limit of its own */
};
struct way_ops {
    void (*start)(struct way *way, struct delivery *delivery);
    void (*go)(struct way *way, struct delivery *delivery);        /* after hand() */
    void (*stop)(struct way *way, struct delivery *delivery);      /* its time is over: done() follows soon */
    void (*tick)(struct way *way);                                 /* about once a second; NULL */
    void (*close)(struct way *way);                                /* with nothing under way; its handles end in the loop later */
};

/* What stands in opts->to, with the defaults filled in; of the texts nothing is kept but opts itself. */
int way_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way);

int smtp_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way);
int pipe_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way);
int folder_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way);
