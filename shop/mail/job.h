/* job.h - one receipt on its way, from its lease to its last mark. On the mailer's loop, by its thread.
 *
 *   RENDERING --> DELIVERING --> HANDING --> DELIVERING --> MARKING --> gone
 *        |             |            |            |             ^
 *        `-------------+------------+------------+-------------'
 * HANDING waits for the mark HANDED to be on disk; what ends before it has certainly not been delivered. MARKING repeats the last mark
 * until it is on disk, or known not to hold: a receipt that stayed LEASED would wait for the next server. A mark that does not hold ends
 * the job: somebody else has it. */
#pragma once
#include "mail/deliver.h"
#include "mail/renders.h"

/* What all jobs share. */
struct desk {
    uv_loop_t *loop;
    struct store *store;
    struct store_port *port;
    struct renders *renders;
    struct way *way;
    const struct mailer_opts *opts;         /* with the defaults filled in */
    const char *host;                       /* of opts->from: the right part of Message-IDs */
    struct mailer_stats stats;              /* written by this thread alone, read by any: see desk_count() */
    struct job *jobs;                       /* list */
    uint32_t n_jobs;
    bool leaves;                            /* no time is left: every job ends by one mark */
    void (*ended)(struct desk *desk, bool was_away);    /* a job has; was_away: nobody is there to deliver to */
};

void desk_count(uint64_t *count, int by);   /* relaxed: nothing else is told by it */

void job_start(struct desk *desk, const struct store_job *what);       /* takes its order */
void job_mark_again(struct desk *desk);     /* those whose last mark could not be written: call it about once a second */
void job_leave_all(struct desk *desk);      /* sets leaves; jobs not handed over are given back */

void job_rendered(void *job, const struct rendered *how);      /* what renders tell */
