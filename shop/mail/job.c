/* job.c - see the picture in job.h. */
#include "mail/job.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "mail/mime.h"
#include "mail/pace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { CRASHES_MAX = 5 };                           /* tries after which a receipt that loses its worker is not tried again */
static const int64_t tried_most_ms = 24 * 3600000;

enum job_state { RENDERING, DELIVERING, HANDING, MARKING };

struct job {
    struct delivery delivery;   /* first */
    struct store_mark mark;
    uv_timer_t timer;           /* of the delivery */
    struct desk *desk;
    struct store_job what;
    enum job_state state;
    bool over;                  /* while HANDING: the delivery has ended already */
    bool must_again;            /* while MARKING: the mark could not be written */
    bool away;
    prong_future *rendered;     /* the message lies in it */
    char id[TOKEN_TEXT_SIZE + EMAIL_MAX];
    char trouble[200];
    struct job *prev, *next;
};

static void hand(struct delivery *delivery);
static void delivered(struct delivery *delivery, enum outcome outcome, const char *trouble);

void desk_count(uint64_t *count, int by)
{
    (void)__atomic_add_fetch(count, (uint64_t)(int64_t)by, __ATOMIC_RELAXED);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

static void free_job(uv_handle_t *handle)
{
    struct job *job = handle->data;
    prong_future_free(job->rendered);
    order_free(job->what.order);
    free(job);
}

static void end_job(struct job *job)
{
    struct desk *desk = job->desk;
    DL_DELETE(desk->jobs, job);
    desk->n_jobs--;
    desk_count(&desk->stats.in_flight, -1);
    uv_close((uv_handle_t *)&job->timer, free_job);
    desk->ended(desk, job->away);
}

static void count_mark(struct desk *desk, enum receipt_state state)
{
    if (state == RECEIPT_SENT)
        desk_count(&desk->stats.sent, 1);
    else if (state == RECEIPT_READY)
        desk_count(&desk->stats.retried, 1);
    else if (state == RECEIPT_UNCERTAIN)
        desk_count(&desk->stats.uncertain, 1);
    else
        desk_count(&desk->stats.dead, 1);
}

/* Of the last mark. */
static void marked(struct store_op *op, int error)
{
    struct job *job = (struct job *)((char *)op - offsetof(struct job, mark));
    if (error < 0 && !job->desk->leaves && !store_failed(job->desk->store)) {
        job->must_again = true;
        return;
    }
    if (error == 0 && job->mark.held) {
        count_mark(job->desk, job->mark.state);
        if (job->mark.state == RECEIPT_SENT)
            fail_point("after-sent");
    }
    end_job(job);
}

static void post_mark(struct job *job, enum receipt_state state, int64_t at_ms, void (*done)(struct store_op *op, int error))
{
    job->mark = (struct store_mark){ .op = { .what = STORE_MARK, .port = job->desk->port, .done = done }, .id = job->what.order->id,
                                     .attempt = job->what.attempt, .state = state, .at_ms = at_ms, .trouble = job->trouble };
    store_post(job->desk->store, &job->mark.op);
}

static void finish(struct job *job, enum receipt_state state, int64_t at_ms)
{
    char masked[80];
    if (state == RECEIPT_DEAD || state == RECEIPT_UNCERTAIN)
        log_line(LOG_LEVEL_WARNING, "receipt of order %" PRId64 " to %s is %s: %s", job->what.order->id,
                 log_mask(job->what.order->email, masked, sizeof masked), receipt_state_name(state), job->trouble);
    job->state = MARKING;
    (void)uv_timer_stop(&job->timer);
    post_mark(job, state, at_ms, marked);
}

static void set_trouble(struct job *job, const char *trouble)
{
    snprintf(job->trouble, sizeof job->trouble, "%s", trouble);
    mime_clean(job->trouble, false);        /* parts of it may come from a server */
}

/* Again after a pause, unless it has been tried for long enough. */
static void try_later(struct job *job)
{
    int64_t now = clock_ms();
    if (job->desk->leaves)
        finish(job, RECEIPT_READY, now);
    else if (now - job->what.first_ms >= tried_most_ms)
        finish(job, RECEIPT_DEAD, 0);
    else
        finish(job, RECEIPT_READY, now + pace_backoff_ms(job->desk->opts->backoff_ms, job->what.tries));
}

void job_mark_again(struct desk *desk)
{
    struct job *job;
    DL_FOREACH(desk->jobs, job)
        if (job->must_again) {
            job->must_again = false;
            store_post(desk->store, &job->mark.op);
        }
}

/* ---- delivery ------------------------------------------------------------------------------------------------------------ */

static void out_of_time(uv_timer_t *timer)
{
    struct job *job = timer->data;
    job->desk->way->ops->stop(job->desk->way, &job->delivery);
}

static void deliver(struct job *job)
{
    job->state = DELIVERING;
    job->delivery.from = job->desk->opts->from;
    job->delivery.to = job->what.order->email;
    job->delivery.id = job->id;
    job->delivery.hand = hand;
    job->delivery.done = delivered;
    (void)uv_timer_start(&job->timer, out_of_time, job->desk->opts->timeout_ms, 0);
    job->desk->way->ops->start(job->desk->way, &job->delivery);
}

static void delivered(struct delivery *delivery, enum outcome outcome, const char *trouble)
{
    struct job *job = (struct job *)delivery;
    set_trouble(job, trouble);
    job->away = outcome == OUTCOME_AWAY;
    if (job->state == HANDING) {        /* the mark under way comes back first */
        job->over = true;
        (void)uv_timer_stop(&job->timer);
        return;
    }
    if (outcome == OUTCOME_SENT) {
        fail_point("after-delivery");
        finish(job, RECEIPT_SENT, 0);
    } else if (outcome == OUTCOME_REFUSED) {
        finish(job, RECEIPT_DEAD, 0);
    } else if (outcome == OUTCOME_LOST && !job->desk->opts->resend) {
        finish(job, RECEIPT_UNCERTAIN, 0);
    } else {
        try_later(job);
    }
}

static void handed(struct store_op *op, int error)
{
    struct job *job = (struct job *)((char *)op - offsetof(struct job, mark));
    struct way *way = job->desk->way;
    bool holds = error == 0 && job->mark.held;
    if (holds && !job->over && !job->desk->leaves) {
        fail_point("after-handed");
        job->state = DELIVERING;
        way->ops->go(way, &job->delivery);
        return;
    }
    if (!job->over)
        way->ops->stop(way, &job->delivery);        /* ends in delivered(), which leaves it to us as we are HANDING */
    if (error == 0 && !holds) {
        end_job(job);
        return;
    }
    if (error < 0)
        set_trouble(job, "the database did not take the mark before the final dot");
    job->away = false;
    try_later(job);
}

static void hand(struct delivery *delivery)
{
    struct job *job = (struct job *)delivery;
    fail_point("before-handed");
    job->state = HANDING;
    post_mark(job, RECEIPT_HANDED, 0, handed);
}

/* ---- rendering ----------------------------------------------------------------------------------------------------------- */

void job_rendered(void *whose, const struct rendered *how)
{
    struct job *job = whose;
    job->rendered = how->future;
    job->delivery.message = how->message;
    job->delivery.size = how->size;
    if (how->message && !job->desk->leaves) {
        deliver(job);
        return;
    }
    set_trouble(job, how->message ? "the server ends" : how->trouble);
    if (job->desk->leaves) {
        try_later(job);
        return;
    }
    desk_count(&job->desk->stats.renders_lost, 1);
    log_line(LOG_LEVEL_WARNING, "receipt of order %" PRId64 " could not be rendered: %s", job->what.order->id, job->trouble);
    if (how->refused || job->what.tries >= CRASHES_MAX)
        finish(job, RECEIPT_DEAD, 0);
    else
        try_later(job);
}

static int render(struct job *job)
{
    struct receipt_shop shop = { .from = job->desk->opts->from, .shop_name = job->desk->opts->shop_name,
                                 .public_url = job->desk->opts->public_url };
    size_t size;
    struct receipt *receipt = receipt_new(&shop, job->what.order, &job->what.message, &size);
    if (!receipt)
        return -ENOMEM;
    int r = renders_start(job->desk->renders, receipt, size, job);
    free(receipt);
    return r;
}

void job_start(struct desk *desk, const struct store_job *what)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {         /* it stays leased until the next server; with no memory for this, there soon is one */
        log_line(LOG_LEVEL_ERROR, "no memory for the receipt of order %" PRId64, what->order->id);
        order_free(what->order);
        return;
    }
    char text[TOKEN_TEXT_SIZE];
    job->desk = desk;
    job->what = *what;
    snprintf(job->id, sizeof job->id, "%s@%s", token_text(&what->message, text), desk->host);
    (void)uv_timer_init(desk->loop, &job->timer);
    job->timer.data = job;
    DL_APPEND(desk->jobs, job);
    desk->n_jobs++;
    desk_count(&desk->stats.in_flight, 1);
    if (desk->leaves) {
        try_later(job);
        return;
    }
    int r = render(job);
    if (r < 0) {
        set_trouble(job, r == -EAGAIN ? "no worker is free to render it" : prong_last_error());
        job->away = true;
        try_later(job);
    }
}

/* ---- the mailer ends ----------------------------------------------------------------------------------------------------- */

void job_leave_all(struct desk *desk)
{
    struct job *job, *next;
    desk->leaves = true;
    renders_cancel(desk->renders);
    DL_FOREACH_SAFE(desk->jobs, job, next) {
        if (job->state == DELIVERING) {
            desk->way->ops->stop(desk->way, &job->delivery);
        } else if (job->must_again) {       /* the last try */
            job->must_again = false;
            store_post(desk->store, &job->mark.op);
        }
    }
}
