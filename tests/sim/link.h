/* link.h - one worker and the owner's end of it, after engine/processes/ring.h and sync/bell.h, with what both have to keep to.
 *
 * A run is what a call is about. Its fields are the truth that nobody of those simulated sees: the checks alone read them. */
#pragma once
#include "engine/processes/ring.h"
#include "sim/sim.h"
#include "sync/bell.h"
#include <string.h>

enum { RUNS = 6, WORDS_OF_CALL = 2 };
enum run_state { RUN_WAITING, RUN_SENT, RUN_DONE, RUN_CRASHED, RUN_CANCELLED };
struct run {
    uint64_t number;
    enum run_state state;
    unsigned ends, sent;                  /* how often */
    unsigned started, excused;            /* how often it was executed; and how often of these the worker has died of it */
    unsigned retries;                     /* left */
    const struct link *link;              /* while SENT, and as which call */
    uint64_t call;
};
static struct run runs[RUNS];

struct link {
    /* shared */
    pn_u64 call_turn[PN_RING_SLOTS], reply_turn[PN_RING_SLOTS], begun;
    pn_u32 sleep;
    uint64_t call[PN_RING_SLOTS][WORDS_OF_CALL], reply[PN_RING_SLOTS][WORDS_OF_CALL];
    pn_u32 *board;                        /* the owner's sleep word; NULL: it never sleeps */
    bool worker_sleeps;
    struct sim_counter bell;              /* what the worker sleeps in */
    struct sim_counter *channel, *reply_bell;

    /* the owner's */
    uint64_t first, next;                 /* the oldest call without reply, and the next to be sent */
    struct run *at[PN_RING_SLOTS];
    uint32_t rung_worker;
    int worker;

    /* the worker's */
    uint32_t turn, rung_owner;
    bool may_have_begun;                  /* it is claiming a call, or behind that */
};

static uint64_t word_of_call(const struct run *run, unsigned sending, unsigned k)
{
    return k == 0 ? run->number : run->number * 1000 + sending;
}

static uint64_t word_of_reply(const struct run *run, unsigned k)
{
    return run->number + 77 + k;
}

/* ---- worker ---- */

static void look_at_call(struct link *l, uint64_t i)
{
    uint64_t number = sim_read(&l->call[pn_ring_slot(i)][0]);
    sim_check(number < RUNS, "what was read is no call");
    struct run *run = &runs[number];
    uint64_t more = sim_read(&l->call[pn_ring_slot(i)][1]);
    sim_check(run->state == RUN_SENT && run->link == l && run->call == i, "run %d is executed, and is not this worker's", (int)number);
    sim_check(more == word_of_call(run, run->sent, 1), "the call of run %d is damaged", (int)number);
    sim_check(run->started == run->excused, "run %d is executed twice", (int)number);
    sim_note("executes run %d", (int)number);
    run->started++;
    for (unsigned k = 0; k < WORDS_OF_CALL; k++)
        sim_write(&l->reply[pn_ring_slot(i)][k], word_of_reply(run, k));
}

/* Who has just submitted may be about to look by itself: that is waited for a moment. */
static bool owner_rises_soon(const struct link *l)
{
    for (unsigned looks = sim_random(3); looks > 0; looks--)
        if (!(pn_load_relaxed(l->board) & PN_DOZE_BITS))
            return true;
    return false;
}

static void ring_owner(struct link *l)
{
    uint32_t rung = l->rung_owner;
    if (pn_bell_look(l->board, &rung) == PN_AWAKE || owner_rises_soon(l))
        return;
    uint32_t who = pn_bell_look(l->board, &l->rung_owner);
    if (who != PN_AWAKE)
        sim_ring(who == PN_DOZES_A ? l->channel : l->reply_bell);
}

static void execute(struct link *l, uint64_t i)
{
    look_at_call(l, i);
    pn_reply_publish(&l->reply_turn[pn_ring_slot(i)], i);
    if (l->board)
        ring_owner(l);
}

static enum pn_claim claim(struct link *l, uint64_t i)
{
    l->may_have_begun = true;
    enum pn_claim said = pn_call_claim(&l->call_turn[pn_ring_slot(i)], &l->begun, i);
    l->may_have_begun = said == PN_CLAIM_CALL;
    return said;
}

/* Until there may be something about call i. */
static enum pn_claim await_call(struct link *l, uint64_t i)
{
    enum pn_claim said;
    for (unsigned spins = sim_random(3); spins > 0; spins--) {
        sim_pause();
        if ((said = claim(l, i)) != PN_CLAIM_NOTHING)
            return said;
    }
    pn_bell_doze(&l->sleep, &l->turn, PN_DOZES_A);
    said = claim(l, i);
    if (said == PN_CLAIM_NOTHING)
        (void)sim_sleep(&l->bell);
    pn_bell_rise(&l->sleep);
    return said;
}

static void worker_main(void *arg)
{
    struct link *l = arg;
    for (uint64_t i = l->begun;;) {
        enum pn_claim said = claim(l, i);
        if (said == PN_CLAIM_NOTHING && l->worker_sleeps)
            said = await_call(l, i);
        if (said == PN_CLAIM_CALL)
            execute(l, i++);
        else
            sim_pause();
    }
}

/* ---- owner ---- */

static void link_open(struct link *l, const char *name, pn_u32 *board)
{
    memset(l, 0, sizeof *l);
    l->board = board;
    l->first = l->next = l->begun = sim_random(1000);     /* before there is a worker */
    l->worker_sleeps = board || sim_random(2);
    sim_name(l->call_turn, sizeof l->call_turn, sizeof *l->call_turn, name, ".call_turn");
    sim_name(l->reply_turn, sizeof l->reply_turn, sizeof *l->reply_turn, name, ".reply_turn");
    sim_name(&l->begun, sizeof l->begun, sizeof l->begun, name, ".begun");
    sim_name(&l->sleep, sizeof l->sleep, sizeof l->sleep, name, ".sleep");
    sim_name(l->call, sizeof l->call, sizeof *l->call, name, ".call");
    sim_name(l->reply, sizeof l->reply, sizeof *l->reply, name, ".reply");
    sim_name(&l->bell, sizeof l->bell, sizeof l->bell, name, ".bell");
    l->worker = sim_start(name, worker_main, l, SIM_DAEMON | SIM_MORTAL);
}

static bool link_has_room(const struct link *l)
{
    return l->next - l->first < PN_RING_SLOTS;
}

static bool link_is_idle(const struct link *l)
{
    return l->next == l->first;
}

static void link_ring(struct link *l)
{
    if (pn_bell_look(&l->sleep, &l->rung_worker) != PN_AWAKE)
        sim_ring(&l->bell);
}

static void link_send(struct link *l, struct run *run)
{
    uint64_t i = l->next++;
    uint32_t slot = pn_ring_slot(i);
    sim_note("sends run %d as call %d", (int)run->number, (int)i);
    run->state = RUN_SENT;
    run->link = l;
    run->call = i;
    run->sent++;
    l->at[slot] = run;
    for (unsigned k = 0; k < WORDS_OF_CALL; k++)
        sim_write(&l->call[slot][k], word_of_call(run, run->sent, k));
    pn_call_publish(&l->call_turn[slot], i);
    if (l->worker_sleeps)
        link_ring(l);
}

/* The oldest call, if its reply is there; NULL: it is not. */
static struct run *link_collect(struct link *l)
{
    uint32_t slot = pn_ring_slot(l->first);
    if (link_is_idle(l) || !pn_reply_is_there(&l->reply_turn[slot], l->first))
        return NULL;
    struct run *run = l->at[slot];
    for (unsigned k = 0; k < WORDS_OF_CALL; k++)
        sim_check(sim_read(&l->reply[slot][k]) == word_of_reply(run, k), "the reply of run %d is damaged", (int)run->number);
    sim_check(run->started == run->excused + 1, "run %d was executed %u times", (int)run->number, run->started - run->excused);
    l->first++;
    return run;
}

/* What the owner takes a worker for a liar by must never be true of one that is not. */
static void check_is_no_nonsense(const struct link *l)
{
    if (link_is_idle(l))
        return;
    uint64_t begun = pn_load_seq_cst(&l->begun);
    bool behind = begun > l->first + 1;
    sim_check(begun >= l->first && begun <= l->next,
              "begun is %d, with calls from %d to before %d", (int)begun, (int)l->first, (int)l->next);
    for (uint64_t i = l->first + 1; i < l->next && !behind; i++)
        behind = pn_reply_is_there(&l->reply_turn[pn_ring_slot(i)], i);
    sim_check(!behind || pn_reply_is_there(&l->reply_turn[pn_ring_slot(l->first)], l->first),
              "a call behind %d is ahead of it", (int)l->first);
}

static void take_over(struct run *run)
{
    sim_check(run->started == run->excused, "run %d was taken back and is executed", (int)run->number);
    run->state = RUN_WAITING;
}

/* The newest call, whose number the next one gets; NULL: there is none, or the worker has it. */
static struct run *link_recall(struct link *l)
{
    uint32_t slot = pn_ring_slot(l->next - 1);
    if (link_is_idle(l) || !pn_call_recall(&l->call_turn[slot], &l->begun, l->next - 1))
        return NULL;
    struct run *run = l->at[slot];
    l->next--;
    sim_note("has taken run %d back", (int)run->number);
    take_over(run);
    for (unsigned k = 0; k < WORDS_OF_CALL; k++)
        sim_write(&l->call[slot][k], RUNS + 1);           /* nobody reads it any more */
    return run;
}

/* The worker is dead, and its replies have been collected: the run that it was executing, NULL if none. */
static struct run *link_executing(struct link *l)
{
    uint64_t begun = pn_load_acquire(&l->begun);
    sim_check(begun <= l->first + 1, "begun is %d, and call %d has no reply", (int)begun, (int)l->first);
    if (link_is_idle(l) || begun != l->first + 1)
        return NULL;
    struct run *run = l->at[pn_ring_slot(l->first++)];
    sim_check(l->may_have_begun, "run %d counts as begun, and was not", (int)run->number);
    uint64_t replied = pn_load_relaxed(&l->reply_turn[pn_ring_slot(run->call)]);
    sim_check(replied != pn_turn(run->call, PN_TURN_READY), "run %d has a reply", (int)run->number);
    sim_note("has lost run %d", (int)run->number);
    run->excused = run->started;
    return run;
}

/* Then the others, from the newest; NULL: that was all. */
static struct run *link_left(struct link *l)
{
    if (link_is_idle(l))
        return NULL;
    struct run *run = l->at[pn_ring_slot(--l->next)];
    take_over(run);
    return run;
}

/* ---- runs ---- */

static void run_ends(struct run *run, enum run_state how)
{
    sim_check(++run->ends == 1, "run %d ends twice", (int)run->number);
    sim_note("run %d ends", (int)run->number);
    run->state = how;
}

static void runs_begin(void)
{
    for (unsigned k = 0; k < RUNS; k++)
        runs[k] = (struct run){ .number = k, .retries = sim_random(2) };
}

static void check_runs(unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        const struct run *run = &runs[k];
        unsigned executed = run->started - run->excused;
        sim_check(run->ends == 1, "run %u has ended %u times", k, run->ends);
        sim_check(executed == (run->state == RUN_DONE), "run %u was executed %u times, and its state is %d", k, executed, (int)run->state);
    }
}
