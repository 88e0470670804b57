/* mailer.c - a thread with a loop: leases what is due, as many as may be under way and as fast as is allowed, and starts a job for each.
 *
 * One lease is asked for at a time: when somebody woke us, when the time has come that the last lease told, when a job has ended and there
 * was more than could be taken, and every second anyway: another process may have asked for a receipt to be sent again. While nobody is
 * there to deliver to, leases pause, longer each time. */
#include "mail/mailer.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/trouble.h"
#include "mail/job.h"
#include "mail/options.h"
#include "mail/pace.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    LEASE_MAX = 256, TICK_MS = 1000, PAUSE_FIRST_MS = 500, PAUSE_MAX_MS = 15000,
    NICE = 10                   /* orders come first */
};

struct mailer {
    struct mailer_opts opts;    /* its texts lie in `texts` */
    void *texts;
    struct desk desk;
    uv_loop_t loop;
    uv_async_t wake;            /* open before the thread begins and until it ends */
    uv_timer_t tick, timer;     /* every second; when the next lease is due */
    uv_timer_t end;             /* the deadline of mailer_close() */
    prong_solo *thread;
    uv_sem_t begun;
    int error;                  /* of its beginning, */
    const char *opens;          /* and the option it came from */
    struct pace pace;
    struct store_lease lease;
    bool leasing, due, stopped; /* due: there may be receipts to take; stopped: the store has failed */
    int64_t next_ms;            /* when the next will be due; 0: unknown */
    int64_t pause_ms, paused_until_ms;
    bool is_ending, ended;
    int64_t deadline_ns;        /* of mailer_close(); atomic; 0: it has not been called */
};

/* ---- leases -------------------------------------------------------------------------------------------------------------- */

static void look(struct mailer *mailer);

static void look_later(uv_timer_t *timer)
{
    look(timer->data);
}

static void look_in_ms(struct mailer *mailer, int64_t ms)
{
    (void)uv_timer_start(&mailer->timer, look_later, ms > 0 ? (uint64_t)ms : 0, 0);
}

static void stop(struct mailer *mailer)
{
    if (!mailer->stopped)
        log_line(LOG_LEVEL_ERROR, "the database failed: no more receipts are sent");
    mailer->stopped = true;
}

static void leased(struct store_op *op, int error)
{
    struct store_lease *lease = (struct store_lease *)op;
    struct mailer *mailer = (struct mailer *)((char *)lease - offsetof(struct mailer, lease));
    mailer->leasing = false;
    if (error == -EIO) {
        stop(mailer);
    } else if (error < 0) {
        mailer->paused_until_ms = clock_ms() + TICK_MS;     /* a full disk, a lock: the tick asks again */
    } else {
        if (lease->n > 0)
            fail_point("after-lease");
        pace_took(&mailer->pace, lease->n);
        mailer->due = mailer->due || lease->n == lease->most;
        mailer->next_ms = lease->next_ms;
        for (uint32_t i = 0; i < lease->n; i++)
            job_start(&mailer->desk, &lease->jobs[i]);
        free(lease->jobs);
    }
    look(mailer);
}

static void ask(struct mailer *mailer, uint32_t most)
{
    mailer->due = false;
    mailer->leasing = true;
    mailer->lease = (struct store_lease){ .op = { .what = STORE_LEASE, .port = mailer->desk.port, .done = leased }, .most = most };
    store_post(mailer->opts.store, &mailer->lease.op);
}

/* For so many more jobs; 0, too, where it is little: each lease costs the database something. */
static uint32_t room(const struct mailer *mailer)
{
    uint32_t busy = mailer->desk.n_jobs, most = mailer->opts.in_flight, of_way = mailer->desk.way->most;
    most = of_way > 0 && of_way < most ? of_way : most;
    uint32_t left = busy < most ? most - busy : 0;
    return busy > 0 && left < most / 32 ? 0 : left;
}

static void end_if_done(struct mailer *mailer);

/* Takes more, if there is more, room and leave for it. */
static void look(struct mailer *mailer)
{
    int64_t now = clock_ms();
    if (mailer->is_ending) {
        end_if_done(mailer);
        return;
    }
    if (mailer->leasing || mailer->stopped)
        return;
    if (mailer->next_ms != 0 && mailer->next_ms <= now)
        mailer->due = true;
    if (!mailer->due) {
        if (mailer->next_ms != 0)
            look_in_ms(mailer, mailer->next_ms - now);
        return;
    }
    if (now < mailer->paused_until_ms) {
        look_in_ms(mailer, mailer->paused_until_ms - now);
        return;
    }
    uint32_t free_places = room(mailer);
    if (free_places == 0)
        return;
    uint32_t may = pace_may(&mailer->pace, free_places < LEASE_MAX ? free_places : LEASE_MAX, now);
    if (may > 0)
        ask(mailer, may);
    else
        look_in_ms(mailer, pace_wait_ms(&mailer->pace));
}

static void job_ended(struct desk *desk, bool was_away)
{
    struct mailer *mailer = (struct mailer *)((char *)desk - offsetof(struct mailer, desk));
    if (!was_away) {
        mailer->pause_ms = 0;
    } else if (clock_ms() >= mailer->paused_until_ms) {
        int64_t longer = mailer->pause_ms == 0 ? PAUSE_FIRST_MS : mailer->pause_ms * 2;
        mailer->pause_ms = longer < PAUSE_MAX_MS ? longer : PAUSE_MAX_MS;
        mailer->paused_until_ms = clock_ms() + mailer->pause_ms;
    }
    look(mailer);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

static void close_all(uv_timer_t *timer)
{
    struct mailer *mailer = timer->data;
    renders_close(mailer->desk.renders);
    mailer->desk.way->ops->close(mailer->desk.way);
    store_port_close(mailer->desk.port);
    uv_close((uv_handle_t *)&mailer->tick, NULL);
    uv_close((uv_handle_t *)&mailer->timer, NULL);
    uv_close((uv_handle_t *)&mailer->end, NULL);
    uv_close((uv_handle_t *)&mailer->wake, NULL);
}

static void end_if_done(struct mailer *mailer)
{
    if (mailer->ended || mailer->leasing || mailer->desk.n_jobs > 0)
        return;
    mailer->ended = true;
    (void)uv_timer_start(&mailer->timer, close_all, 0, 0);     /* we may be within a callback of what is closed */
}

static void leave(uv_timer_t *timer)
{
    struct mailer *mailer = timer->data;
    job_leave_all(&mailer->desk);
}

static void begin_end(struct mailer *mailer, int64_t deadline_ns)
{
    mailer->is_ending = true;
    int64_t left_ms = (deadline_ns - prong_in_ms(1)) / 1000000 + 1;
    (void)uv_timer_start(&mailer->end, leave, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
    end_if_done(mailer);
}

static void woken(uv_async_t *wake)
{
    struct mailer *mailer = wake->data;
    /* Acquire pairs with the release in mailer_close(): nothing but the deadline is passed. */
    int64_t deadline_ns = __atomic_load_n(&mailer->deadline_ns, __ATOMIC_ACQUIRE);
    if (deadline_ns != 0 && !mailer->is_ending) {
        begin_end(mailer, deadline_ns);
        return;
    }
    mailer->due = true;
    look(mailer);
}

static void ticked(uv_timer_t *tick)
{
    struct mailer *mailer = tick->data;
    if (store_failed(mailer->opts.store))
        stop(mailer);
    if (mailer->desk.way->ops->tick)
        mailer->desk.way->ops->tick(mailer->desk.way);
    job_mark_again(&mailer->desk);
    mailer->due = true;
    look(mailer);
}

/* ---- the thread ---------------------------------------------------------------------------------------------------------- */

static int open_desk(struct mailer *mailer)
{
    struct desk *desk = &mailer->desk;
    const struct mailer_opts *opts = &mailer->opts;
    *desk = (struct desk){ .loop = &mailer->loop, .store = opts->store, .opts = opts, .host = strchr(opts->from, '@') + 1,
                           .ended = job_ended };
    mailer->opens = "to";
    int r = way_open(&mailer->loop, opts, &desk->way);
    if (r < 0)
        return r;
    mailer->opens = "pool";
    r = renders_open(&mailer->loop, opts->pool, opts->render, job_rendered, &desk->renders);
    if (r < 0)
        goto close_way;
    mailer->opens = "store";
    r = store_port_open(opts->store, &mailer->loop, &desk->port);
    if (r < 0)
        goto close_renders;
    return 0;
close_renders:
    renders_close(desk->renders);
close_way:
    desk->way->ops->close(desk->way);
    return r;
}

/* A library that writes to a closed connection must not end the program. */
static void block_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int run(void *record)
{
    struct mailer *mailer = *(struct mailer **)record;
    block_sigpipe();
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);      /* Linux: of this thread alone */
    mailer->error = open_desk(mailer);
    int r = mailer->error;
    if (r < 0) {
        uv_close((uv_handle_t *)&mailer->wake, NULL);
    } else {
        (void)uv_timer_init(&mailer->loop, &mailer->tick);
        (void)uv_timer_init(&mailer->loop, &mailer->timer);
        (void)uv_timer_init(&mailer->loop, &mailer->end);
        mailer->tick.data = mailer->timer.data = mailer->end.data = mailer;
        (void)uv_timer_start(&mailer->tick, ticked, TICK_MS, TICK_MS);
        mailer->due = true;
        look(mailer);
    }
    uv_sem_post(&mailer->begun);        /* after it `mailer` is its opener's alone where r < 0, once the thread is joined */
    (void)uv_run(&mailer->loop, UV_RUN_DEFAULT);
    return r;
}

/* ---- from outside -------------------------------------------------------------------------------------------------------- */

/* The thread has begun its work, or ended. */
static int start_thread(struct mailer *mailer)
{
    prong_pool_opts opts = { .engine = "threads", .name = "mailer" };
    int r = prong_solo_start(&opts, run, &mailer, sizeof(struct mailer *), &mailer->thread);
    if (r < 0)
        return trouble_say(r, "no thread for the mailer: %s", prong_last_error());
    uv_sem_wait(&mailer->begun);
    r = mailer->error;
    if (r == 0)
        return 0;
    (void)prong_solo_join(mailer->thread, PRONG_NEVER, NULL, NULL);
    prong_solo_free(mailer->thread);
    return trouble_say(r, "%s: cannot be used: %s", mailer->opens, strerror(-r));
}

static void free_mailer(struct mailer *mailer)
{
    uv_sem_destroy(&mailer->begun);
    free(mailer->texts);
    free(mailer);
}

int mailer_open(const struct mailer_opts *opts, struct mailer **ret_mailer)
{
    struct mailer *mailer = calloc(1, sizeof *mailer);
    if (!mailer)
        return -ENOMEM;
    (void)uv_sem_init(&mailer->begun, 0);
    int r = options_take(opts, &mailer->opts, &mailer->texts);
    if (r < 0)
        goto free_mailer;
    r = uv_loop_init(&mailer->loop);
    if (r < 0)
        goto free_mailer;
    pace_init(&mailer->pace, mailer->opts.per_second, clock_ms());
    (void)uv_async_init(&mailer->loop, &mailer->wake, woken);
    mailer->wake.data = mailer;
    r = start_thread(mailer);
    if (r < 0)
        goto close_loop;
    *ret_mailer = mailer;
    return 0;
close_loop:
    (void)uv_loop_close(&mailer->loop);
free_mailer:
    free_mailer(mailer);
    return r;
}

void mailer_wake(struct mailer *mailer)
{
    (void)uv_async_send(&mailer->wake);
}

void mailer_close(struct mailer *mailer, prong_time deadline)
{
    if (!mailer)
        return;
    __atomic_store_n(&mailer->deadline_ns, deadline == PRONG_NEVER ? INT64_MAX : deadline, __ATOMIC_RELEASE);
    (void)uv_async_send(&mailer->wake);
    (void)prong_solo_join(mailer->thread, PRONG_NEVER, NULL, NULL);
    prong_solo_free(mailer->thread);
    (void)uv_loop_close(&mailer->loop);
    free_mailer(mailer);
}

void mailer_stats(const struct mailer *mailer, struct mailer_stats *ret_stats)
{
    /* Relaxed: each number for itself. */
    const struct mailer_stats *stats = &mailer->desk.stats;
    ret_stats->sent = __atomic_load_n(&stats->sent, __ATOMIC_RELAXED);
    ret_stats->retried = __atomic_load_n(&stats->retried, __ATOMIC_RELAXED);
    ret_stats->uncertain = __atomic_load_n(&stats->uncertain, __ATOMIC_RELAXED);
    ret_stats->dead = __atomic_load_n(&stats->dead, __ATOMIC_RELAXED);
    ret_stats->renders_lost = __atomic_load_n(&stats->renders_lost, __ATOMIC_RELAXED);
    ret_stats->in_flight = __atomic_load_n(&stats->in_flight, __ATOMIC_RELAXED);
}
