#include "stream.h"
#include "chance.h"
#include "history.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BOUT_MOST = 12, WAIT_MS = 120000, BODY_SMALL = 600, BODY_MOST = 40 << 10, OUTPUT_SMALL = 600, OUTPUT_MOST = 100 << 10 };

/* ---- one run ---- */

/* Three of four end well; the others are bad, each in a way of its own. Where it is wanted, one of sixteen scribbles. */
static enum conduct pick_conduct(struct streams *all, struct chance *c)
{
    static const enum conduct bad[] = { FAILS, FAILS, EXITS, ABORTS, FAULTS, HANGS, GIVES_WAY, LINGERS };
    if (atomic_load(&all->scribbles) > 0 && chance_below(c, 16) == 0) {
        int32_t left = atomic_fetch_sub(&all->scribbles, 1);
        if (left == 1)
            (void)sem_post(all->over);
        if (left > 0)
            return SCRIBBLES;
    }
    return chance_below(c, 4) ? WELL : bad[chance_below(c, sizeof bad / sizeof *bad)];
}

static void end_round(struct streams *all, _Atomic bool *because)
{
    atomic_store(because, true);
    (void)sem_post(all->over);
}

static uint32_t pick_size(struct chance *c, uint32_t small, uint32_t most)
{
    return chance_below(c, 4) ? chance_below(c, small) : chance_below(c, most + 1);
}

static uint32_t pick_work(struct chance *c)
{
    return chance_below(c, 3) == 0 ? 0 : chance_below(c, 8) ? chance_below(c, 40) : chance_below(c, 3000);
}

static struct story *plan(struct streams *all, struct chance *c, enum route route)
{
    struct story *s = story_new();
    if (!s) {
        end_round(all, &all->full);
        return NULL;
    }
    s->key = chance_next(c);
    s->conduct = (uint8_t)pick_conduct(all, c);
    s->route = (uint8_t)route;
    s->how = NOT_CANCELLED;
    s->retries = s->conduct == SCRIBBLES ? 0 : (uint8_t)chance_below(c, 3);
    s->body_size = pick_size(c, BODY_SMALL, BODY_MOST);
    s->output_size = pick_size(c, OUTPUT_SMALL, OUTPUT_MOST);
    s->kill_ms = s->conduct == HANGS ? 1 + chance_below(c, 8) : 0;
    s->ask_ms = s->conduct == GIVES_WAY ? 1 + chance_below(c, 5) : 0;
    return s;
}

static void on_end(prong_future *f, void *arg)
{
    struct story *s = arg;
    atomic_fetch_add(&s->on_ends, 1);
    story_told(s, f);
    if (s->route == FREED_BY_ON_END)
        prong_future_free(f);
}

/* false: it was refused, as pools that break do. */
static bool submit(struct streams *all, struct chance *c, struct story *s, prong_group *group, prong_future **ret_future)
{
    prong_future *f = NULL;
    struct order *o = malloc(sizeof *o + s->body_size);
    if (!o)
        abort();
    *o = (struct order){ .key = s->key, .index = story_index(s), .conduct = s->conduct, .work_us = pick_work(c),
                         .output_size = s->output_size, .body_size = s->body_size, .block = all->block,
                         .may_be_asked = s->how != NOT_CANCELLED || s->ask_ms };
    order_fill(o);
    prong_run_opts opts = { .ask_ms = s->ask_ms, .kill_ms = s->kill_ms, .retries = s->retries, .priority = (int32_t)chance_below(c, 3) - 1,
                            .group = group, .tag = story_index(s) };
    s->submitted_at = now_ns();
    int r = prong_submit(all->pool, do_order, o, sizeof *o + s->body_size, &opts, s->route == IN_GROUP ? NULL : &f);
    free(o);
    if (r == -EPIPE && all->may_break) {
        end_round(all, &all->broken);
        return false;
    }
    if (r != 0) {
        complain(s, "submit is %d: %s", r, prong_last_error());
        end_round(all, &all->full);
        return false;
    }
    s->submitted = true;
    bool tells = s->route == WITH_ON_END || s->route == IN_GROUP_WITH_ON_END || s->route == FREED_BY_ON_END;
    if (tells && (r = prong_future_on_end(f, on_end, s)) != 0)
        complain(s, "on_end is %d: %s", r, prong_last_error());
    *ret_future = f;
    return true;
}

/* A run that has no end by now has been lost, and who would wait for it, too. */
static void give_up(const struct story *s, const char *what, int r)
{
    complain(s, "%s is %d after %d ms: %s", what, r, WAIT_MS, prong_last_error());
    (void)fflush(NULL);
    _exit(EXIT_FAILURE);
}

static void pause_up_to(struct chance *c, uint32_t us)
{
    struct timespec pause = { 0, (long)chance_below(c, us) * 1000 };
    (void)nanosleep(&pause, NULL);             /* a random instant, not an event */
}

/* ---- runs alone ---- */

static void await_each(prong_future **f, struct story **s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int r = prong_wait(f[i], prong_in_ms(WAIT_MS), NULL);
        if (r < 0)
            give_up(s[i], "wait", r);
    }
}

static void await_any(prong_future **f, struct story **s, uint32_t n)
{
    prong_future *left[BOUT_MOST];
    memcpy(left, f, n * sizeof *f);
    for (uint32_t i = n; i > 0; i--) {
        size_t which = i;
        int r = prong_wait_any(left, i, prong_in_ms(WAIT_MS), &which);
        if (r < 0 || which >= i)
            give_up(s[0], "wait_any", r);
        if (prong_future_state(left[which]) != PRONG_ENDED)
            complain(s[0], "wait_any gave one of its %u futures that has not ended", i);
        left[which] = left[i - 1];
    }
}

static void await_all(prong_future **f, struct story **s, uint32_t n)
{
    int r = prong_wait_all(f, n, prong_in_ms(WAIT_MS), NULL);
    if (r < 0)
        give_up(s[0], "wait_all", r);
}

static void bout_alone(struct streams *all, struct chance *c)
{
    prong_future *f[BOUT_MOST];
    struct story *s[BOUT_MOST];
    uint32_t n = 0, wanted = 1 + chance_below(c, BOUT_MOST);
    static void (*const await[])(prong_future **, struct story **, uint32_t) = { await_each, await_any, await_all };
    while (n < wanted) {
        if (!(s[n] = plan(all, c, chance_below(c, 2) ? ALONE : WITH_ON_END)))
            break;
        if (chance_below(c, 6) == 0)
            s[n]->how = (int8_t)chance_below(c, 3);
        if (!submit(all, c, s[n], NULL, &f[n]))
            break;
        n++;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (s[i]->how == NOT_CANCELLED)
            continue;
        if (chance_below(c, 2))
            pause_up_to(c, 1000);
        s[i]->cancelled = prong_future_cancel(f[i], (enum prong_how)s[i]->how);
    }
    if (n)
        await[chance_below(c, 3)](f, s, n);
    for (uint32_t i = 0; i < n; i++) {
        story_told(s[i], f[i]);
        prong_future_free(f[i]);
    }
}

static void bout_freed(struct streams *all, struct chance *c)
{
    prong_future *f;
    struct story *s;
    for (uint32_t n = chance_below(c, BOUT_MOST); n > 0; n--)
        if (!(s = plan(all, c, FREED_BY_ON_END)) || !submit(all, c, s, NULL, &f))
            return;
}

/* ---- groups ---- */

/* Returns how many were taken. */
static uint32_t take(prong_group *g, struct story *first, uint32_t most)
{
    for (uint32_t n = 0; n < most; n++) {
        prong_future *f;
        int r = prong_group_next(g, prong_in_ms(WAIT_MS), &f);
        if (r == -ENOENT)
            return n;
        if (r < 0)
            give_up(first, "group_next", r);
        struct story *s = &stories[prong_future_tag(f) % RUNS_MOST];
        atomic_fetch_add(&s->gives, 1);
        story_told(s, f);
        prong_future_free(f);
    }
    return most;
}

/* Closed before all are taken, with what is left told by on_end alone, or to nobody. Closing without time kills. */
static void close_early(prong_group *g, struct chance *c, uint32_t left)
{
    bool at_once = chance_below(c, 2);
    int r = prong_group_close(g, at_once ? PRONG_NOW : prong_in_ms(WAIT_MS), NULL);
    if (r < 0 && !(at_once && r == -ETIMEDOUT))
        complain(NULL, "group_close with %u left is %d: %s", left, r, prong_last_error());
}

static void bout_group(struct streams *all, struct chance *c)
{
    prong_group *g;
    prong_future *f;
    struct story *s[BOUT_MOST] = { NULL };
    uint32_t n = 0, wanted = 1 + chance_below(c, BOUT_MOST);
    bool early = chance_below(c, 4) == 0, cancels = chance_below(c, 4) == 0;
    enum prong_how how = chance_below(c, 3);
    int r = prong_group_open(all->pool, &g);
    if (r < 0) {
        complain(NULL, "group_open is %d: %s", r, prong_last_error());
        return;
    }
    while (n < wanted && (s[n] = plan(all, c, chance_below(c, 2) ? IN_GROUP : IN_GROUP_WITH_ON_END)) != NULL) {
        s[n]->untold = early;                  /* the first few will be told all the same */
        s[n]->by_group = early || cancels;
        s[n]->how = cancels ? (int8_t)how : early ? PRONG_KILL : NOT_CANCELLED;
        if (!submit(all, c, s[n], g, &f))
            break;
        n++;
    }
    if (cancels) {
        pause_up_to(c, 1000);
        r = prong_group_cancel(g, how);
        if (r < 0 && r != -EBUSY && r != -EINPROGRESS)
            complain(s[0], "group_cancel is %d: %s", r, prong_last_error());
    }
    uint32_t taken = take(g, s[0], early ? chance_below(c, n + 1) : n + 1);
    if (!early && taken != n)
        complain(s[0], "the group gave %u runs of %u", taken, n);
    if (early)
        close_early(g, c, n - taken);
    else if ((r = prong_group_close(g, PRONG_NOW, NULL)) != 0)
        complain(s[0], "group_close of an empty group is %d: %s", r, prong_last_error());
}

/* ---- a map: all its records are of one size, and there are no outputs, retries or cancels ---- */

static bool plan_map(struct streams *all, struct chance *c, struct story *s[BOUT_MOST], char *records, size_t size, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct order *o = (struct order *)(void *)(records + i * size);
        if (!(s[i] = plan(all, c, IN_MAP)))
            return false;
        s[i]->conduct = s[i]->conduct == HANGS || s[i]->conduct == GIVES_WAY ? WELL : s[i]->conduct;
        s[i]->retries = 0;
        s[i]->kill_ms = s[i]->ask_ms = 0;
        s[i]->output_size = 0;
        s[i]->body_size = (uint32_t)(size - sizeof *o);
        *o = (struct order){ .key = s[i]->key, .index = story_index(s[i]), .conduct = s[i]->conduct, .work_us = pick_work(c),
                             .body_size = s[i]->body_size };
        order_fill(o);
        s[i]->submitted_at = now_ns();
    }
    return true;
}

static void bout_map(struct streams *all, struct chance *c)
{
    struct story *s[BOUT_MOST];
    prong_error ends[BOUT_MOST];
    uint32_t n = 1 + chance_below(c, BOUT_MOST);
    size_t size = sizeof(struct order) + pick_size(c, BODY_SMALL, BODY_MOST) / 8 * 8;
    char *records = malloc(n * size);
    if (!records)
        abort();
    if (plan_map(all, c, s, records, size, n)) {
        int r = prong_map(all->pool, do_order, records, n, size, ends, NULL);
        if (r == -EPIPE && all->may_break)
            end_round(all, &all->broken);
        else if (r < 0)
            complain(s[0], "map is %d: %s", r, prong_last_error());
        for (uint32_t i = 0; r >= 0 && i < n; i++) {
            s[i]->submitted = true;
            story_told_by_map(s[i], &ends[i], (struct order *)(void *)(records + i * size), i);
        }
    }
    free(records);
}

/* ---- threads ---- */

static void *stream_main(void *arg)
{
    struct stream *me = arg;
    struct streams *all = me->all;
    struct chance c = { all->seed + me->number * UINT64_C(0x1234567) };
    while (!atomic_load(&all->stop) && !atomic_load(&all->full) && !atomic_load(&all->broken)) {
        switch (chance_below(&c, 8)) {
        case 0:
            bout_freed(all, &c);
            break;
        case 1:
            bout_map(all, &c);
            break;
        case 2:
        case 3:
        case 4:
            bout_group(all, &c);
            break;
        default:
            bout_alone(all, &c);
        }
    }
    return NULL;
}

void streams_start(struct streams *s)
{
    for (uint32_t i = 0; i < STREAMS; i++) {
        s->each[i] = (struct stream){ .all = s, .number = i };
        if (pthread_create(&s->each[i].thread, NULL, stream_main, &s->each[i]) != 0)
            abort();
    }
}

void streams_stop(struct streams *s)
{
    atomic_store(&s->stop, true);
    for (uint32_t i = 0; i < STREAMS; i++)
        (void)pthread_join(s->each[i].thread, NULL);
}

bool workers_meet(prong_pool *pool)
{
    prong_future *f[64];
    uint32_t n = prong_pool_workers(pool), sent = 0;
    prong_run_opts last = { .priority = -1000, .retries = 3 };      /* the first may still meet a worker that was just killed */
    int r = 0;
    atomic_store(&place->met, 0);
    while (r == 0 && sent < n && sent < 64)
        if ((r = prong_submit(pool, do_meet, &n, sizeof n, &last, &f[sent])) == 0)
            sent++;
    if (r == 0)
        r = prong_wait_all(f, sent, prong_in_ms(WAIT_MS), NULL);
    for (uint32_t i = 0; i < sent; i++)
        prong_future_free(f[i]);
    return r == 0;
}
