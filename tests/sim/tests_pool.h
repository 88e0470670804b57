/* Test of the whole: two workers that may die, a manager that sleeps, and two clients that submit, take back, cancel and wait.
 *
 * The owner's sleep word, `board`, is written under the lock alone. The client that has the seat looks for replies by itself: it dozes B.
 * Without it the manager is rung for: it dozes A. */
#pragma once
#include "sim/link.h"
#include "sync/lock.h"

enum { LINKS = 2, KILLS = 2, CLIENTS = 2 };
static struct {
    struct pn_lock lock;
    struct pn_cond ended;
    pn_u32 board;
    uint32_t turn;                        /* of its doze */
    struct link links[LINKS + KILLS], *link[LINKS];
    unsigned opened;
    struct sim_counter channel[LINKS], reply_bell[LINKS], kick;
    bool seat, seat_sleeps;
    struct run *queue[RUNS];
    unsigned waiting, runs;
} pool;

/* ---- under the lock ---- */

static void pool_put_first(struct run *run)
{
    memmove(pool.queue + 1, pool.queue, pool.waiting++ * sizeof *pool.queue);
    pool.queue[0] = run;
}

static struct run *pool_take(unsigned k)
{
    struct run *run = pool.queue[k];
    memmove(pool.queue + k, pool.queue + k + 1, (--pool.waiting - k) * sizeof *pool.queue);
    return run;
}

static void pool_end(struct run *run, enum run_state how)
{
    run_ends(run, how);
    pn_cond_broadcast(&pool.ended);
    if (pool.seat_sleeps)
        sim_ring(&pool.kick);
}

static bool dozes(void)
{
    return pn_load_relaxed(&pool.board) & PN_DOZE_BITS;
}

static struct link *link_for_next(void)
{
    unsigned k = sim_random(LINKS);
    return link_has_room(pool.link[k]) ? pool.link[k] : link_has_room(pool.link[1 - k]) ? pool.link[1 - k] : NULL;
}

static void hand_out(void)
{
    struct link *l;
    while (pool.waiting > 0 && (l = link_for_next())) {
        if (!pool.seat && !dozes())
            pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);        /* the manager takes what comes back */
        link_send(l, pool_take(0));
    }
}

static void pool_look(void)
{
    for (unsigned k = 0; k < LINKS; k++)
    {
        for (struct run *run; (run = link_collect(pool.link[k]));)
            pool_end(run, RUN_DONE);
        check_is_no_nonsense(pool.link[k]);
    }
    hand_out();
}

static bool any_in_flight(void)
{
    for (unsigned k = 0; k < LINKS; k++)
        if (!link_is_idle(pool.link[k]))
            return true;
    return false;
}

static void open_link(unsigned k)
{
    static const char *const names[LINKS + KILLS] = { "worker a", "worker b", "worker c", "worker d" };
    struct link *l = pool.link[k] = &pool.links[pool.opened];
    link_open(l, names[pool.opened++], &pool.board);
    l->channel = &pool.channel[k];
    l->reply_bell = &pool.reply_bell[k];
}

static void bury_link(unsigned k)
{
    struct link *l = pool.link[k];
    for (struct run *run; (run = link_collect(l));)
        pool_end(run, RUN_DONE);
    check_is_no_nonsense(l);
    struct run *executing = link_executing(l);
    for (struct run *run; (run = link_left(l));)
        pool_put_first(run);
    if (executing && executing->retries-- > 0) {
        executing->state = RUN_WAITING;
        pool_put_first(executing);
    } else if (executing) {
        pool_end(executing, RUN_CRASHED);
    }
    open_link(k);
}

/* ---- manager ---- */

/* Behind the messages that it has read: from its doze on, replies are rung for anew. */
static void manager_looks(void)
{
    if (!pool.seat && any_in_flight())
        pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);
    else if (!pool.seat)
        pn_bell_rise(&pool.board);
    pool_look();
}

static uint32_t sleep_as_manager(struct sim_counter *const death[LINKS])
{
    struct sim_counter *in[2 * LINKS];
    for (unsigned k = 0; k < LINKS; k++) {
        in[k] = death[k];
        in[LINKS + k] = &pool.channel[k];
    }
    uint32_t found = sim_poll(in, 2 * LINKS, PRONG_NEVER);
    for (unsigned k = LINKS; k < 2 * LINKS; k++)
        if (found & 1u << k)
            (void)sim_take(in[k]);
    return found;
}

static void manage(void *arg)
{
    (void)arg;
    pn_lock(&pool.lock);
    for (;;) {
        struct sim_counter *death[LINKS];
        for (unsigned k = 0; k < LINKS; k++)
            death[k] = sim_death(pool.link[k]->worker);
        pn_unlock(&pool.lock);
        uint32_t found = sleep_as_manager(death);
        pn_lock(&pool.lock);
        for (unsigned k = 0; k < LINKS; k++)
            if (found & 1u << k)
                bury_link(k);
        manager_looks();
    }
}

/* ---- clients ---- */

static void sleep_in_seat(void)
{
    struct sim_counter *in[LINKS + 1] = { [LINKS] = &pool.kick };
    for (unsigned k = 0; k < LINKS; k++)
        in[k] = &pool.reply_bell[k];
    uint32_t found = sim_poll(in, LINKS + 1, PRONG_NEVER);
    for (unsigned k = 0; k <= LINKS; k++)
        if (found & 1u << k)
            (void)sim_take(in[k]);
}

/* What is out is the manager's from now on. */
static void leave_seat(void)
{
    pool.seat = false;
    if (!any_in_flight())
        return;
    pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);
    pool_look();
}

static void spin_in_seat(const struct run *run)
{
    for (unsigned spins = sim_random(3); spins > 0 && !run->ends; spins--) {
        pn_unlock(&pool.lock);
        sim_pause();
        pn_lock(&pool.lock);
        pool_look();
    }
}

static void doze_in_seat(const struct run *run)
{
    pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_B);
    pool_look();
    if (!run->ends) {
        pool.seat_sleeps = true;
        pn_unlock(&pool.lock);
        sleep_in_seat();
        pn_lock(&pool.lock);
        pool.seat_sleeps = false;
    }
    pn_bell_rise(&pool.board);
    pool_look();
}

static void sit_until_ended(const struct run *run)
{
    pool.seat = true;
    pn_bell_rise(&pool.board);
    pool_look();
    while (!run->ends) {
        spin_in_seat(run);
        if (!run->ends)
            doze_in_seat(run);
    }
    leave_seat();
}

/* Some wait in other ways, and never take the seat. */
static void wait_for_run(struct run *run)
{
    bool would_sit = sim_random(2);
    pn_lock(&pool.lock);
    while (!run->ends)
        if (pool.seat || !would_sit)
            (void)pn_cond_wait(&pool.ended, &pool.lock, PRONG_NEVER);
        else
            sit_until_ended(run);
    pn_unlock(&pool.lock);
}

static void submit(struct run *run)
{
    pn_lock(&pool.lock);
    pool.queue[pool.waiting++] = run;
    hand_out();
    pn_unlock(&pool.lock);
}

/* What was taken back goes to the front of the queue, from the newest on. */
static void take_back_some(struct link *l, unsigned most, const struct run *until)
{
    struct run *run;
    for (; most > 0 && (run = link_recall(l)); most--) {
        pool_put_first(run);
        if (run == until)
            return;
    }
}

static void rebalance(void)
{
    pn_lock(&pool.lock);
    take_back_some(pool.link[sim_random(LINKS)], 1 + sim_random(3), NULL);
    hand_out();
    pn_unlock(&pool.lock);
}

static void cancel_if_waiting(struct run *run)
{
    pn_lock(&pool.lock);
    for (unsigned k = 0; k < LINKS; k++)
        if (run->state == RUN_SENT && run->link == pool.link[k])
            take_back_some(pool.link[k], RUNS, run);
    for (unsigned k = 0; k < pool.waiting; k++)
        if (pool.queue[k] == run)
            pool_end(pool_take(k), RUN_CANCELLED);
    hand_out();
    pn_unlock(&pool.lock);
}

static void do_anything(struct run *run)
{
    switch (sim_random(6)) {
    case 0: wait_for_run(run); break;
    case 1: cancel_if_waiting(run); break;
    case 2: rebalance(); break;
    case 3: sim_pause(); break;
    default: break;
    }
}

static void be_client(void *arg)
{
    unsigned me = *(const unsigned *)arg;
    for (unsigned k = me; k < pool.runs; k += CLIENTS) {
        submit(&runs[k]);
        do_anything(&runs[k]);
    }
    for (unsigned k = me; k < pool.runs; k += CLIENTS)
        wait_for_run(&runs[k]);
}

/* ---- test ---- */

static void name_pool(void)
{
    sim_name(&pool.lock, sizeof pool.lock, sizeof pool.lock, "the lock", "");
    sim_name(&pool.ended, sizeof pool.ended, sizeof pool.ended, "ended", "");
    sim_name(&pool.board, sizeof pool.board, sizeof pool.board, "board", "");
    sim_name(pool.channel, sizeof pool.channel, sizeof *pool.channel, "channel", "");
    sim_name(pool.reply_bell, sizeof pool.reply_bell, sizeof *pool.reply_bell, "reply_bell", "");
    sim_name(&pool.kick, sizeof pool.kick, sizeof pool.kick, "kick", "");
}

static void pool_begin(void)
{
    static unsigned numbers[CLIENTS] = { 0, 1 };
    static const char *const names[CLIENTS] = { "client a", "client b" };
    memset(&pool, 0, sizeof pool);
    name_pool();
    pool.runs = 2 + sim_random(RUNS - 1);
    runs_begin();
    sim_allow_kills(sim_random(KILLS + 1));
    for (unsigned k = 0; k < LINKS; k++)
        open_link(k);
    (void)sim_start("manager", manage, NULL, SIM_DAEMON);
    for (unsigned k = 0; k < CLIENTS; k++)
        (void)sim_start(names[k], be_client, &numbers[k], 0);
}

static void pool_end_of_test(void)
{
    check_runs(pool.runs);
}

static const struct sim_test pool_test = { "pool", pool_begin, pool_end_of_test };
