/* Test of engine/processes/ring.h alone: one owner who never sleeps, and one worker that may, and may die. */
#pragma once
#include "sim/link.h"

enum { RING_KILLS = 2 };
static struct {
    struct link links[RING_KILLS + 1], *now;
    struct run *queue[RUNS];              /* what waits; [0] is next */
    unsigned waiting, open, runs;         /* open: have not ended */
    unsigned recalls;                     /* left: who takes back for ever hides a worker that has lost its way */
} ring;

static void put_first(struct run *run)
{
    memmove(ring.queue + 1, ring.queue, ring.waiting++ * sizeof *ring.queue);
    ring.queue[0] = run;
}

static struct run *take_first(void)
{
    struct run *run = ring.queue[0];
    memmove(ring.queue, ring.queue + 1, --ring.waiting * sizeof *ring.queue);
    return run;
}

static void end_one(struct run *run, enum run_state how)
{
    run_ends(run, how);
    ring.open--;
}

static void collect_all(void)
{
    for (struct run *run; (run = link_collect(ring.now));)
        end_one(run, RUN_DONE);
    check_is_no_nonsense(ring.now);
}

static void bury(void)
{
    collect_all();
    struct run *executing = link_executing(ring.now);
    for (struct run *run; (run = link_left(ring.now));)
        put_first(run);
    if (executing && executing->retries-- > 0) {
        executing->state = RUN_WAITING;
        put_first(executing);
    } else if (executing) {
        end_one(executing, RUN_CRASHED);
    }
    link_open(++ring.now, "new worker", NULL);
}

static void take_some_back(void)
{
    struct run *run;
    ring.recalls--;
    for (unsigned most = 1 + sim_random(3); most > 0 && (run = link_recall(ring.now)); most--)
        if (sim_random(4) == 0)
            end_one(run, RUN_CANCELLED);
        else
            put_first(run);
}

static void own(void *arg)
{
    (void)arg;
    struct sim_counter *death;
    while (ring.open > 0) {
        death = sim_death(ring.now->worker);
        if (death->n && sim_poll(&death, 1, PRONG_NEVER))
            bury();
        if (ring.waiting > 0 && link_has_room(ring.now))
            link_send(ring.now, take_first());
        if (ring.recalls > 0 && sim_random(4) == 0)
            take_some_back();
        if (sim_random(2) == 0)
            collect_all();
        if (ring.waiting == 0 || !link_has_room(ring.now))
            sim_pause();
    }
}

static void ring_begin(void)
{
    ring = (typeof(ring)){ .now = ring.links, .open = 2 + sim_random(RUNS - 1), .recalls = sim_random(6) };
    ring.runs = ring.open;
    runs_begin();
    for (unsigned k = ring.open; k-- > 0;)
        put_first(&runs[k]);
    sim_allow_kills(sim_random(RING_KILLS + 1));
    link_open(ring.now, "worker", NULL);
    (void)sim_start("owner", own, NULL, 0);
}

static void ring_end(void)
{
    check_runs(ring.runs);
}

static const struct sim_test ring_test = { "ring", ring_begin, ring_end };
