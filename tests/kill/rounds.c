/* rounds.c - a round is a pool's life: opened, run, killed or scribbled upon, closed, judged. */
#include "campaign.h"
#include "chance.h"
#include "history.h"
#include "killer.h"
#include "stream.h"
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

enum { KILLS_A_ROUND = 200, ZYGOTE_KILLS_A_ROUND = 20, BREAKING_KILLS_A_ROUND = 25, SCRIBBLES_A_ROUND = 30 };
enum { CLOSE_MS = 120000, ROUNDS_TO_COMPARE = 4 };

static prong_pool *open_pool(const struct campaign *c, struct chance *chance)
{
    prong_pool *pool = NULL;
    prong_pool_opts opts = { .engine = "processes", .name = "kill", .workers = c->workers, .queue_limit = 4 + chance_below(chance, 60),
                             .runs_per_worker = chance_below(chance, 3) ? 0 : 20, .flags = chance_below(chance, 2) ? PRONG_BILL : 0 };
    int r = prong_pool_open(&opts, &pool);
    if (r == 0)
        return pool;
    complain(NULL, "a pool cannot be opened: %d: %s", r, prong_last_error());
    return NULL;
}

/* Until the killer has done its work, or the scribblers theirs, or no run fits into the history any more, or the time is over. */
static void await_the_work(const struct campaign *c, sem_t *over)
{
    struct timespec until = { c->deadline / 1000000000, c->deadline % 1000000000 };
    while (sem_clockwait(over, CLOCK_MONOTONIC, &until) < 0 && errno == EINTR)
        ;
}

static uint32_t share(uint32_t all, uint32_t done, uint32_t most) { return all - done < most ? all - done : most; }

static uint32_t kills_of_round(const struct campaign *c)
{
    bool workers_alone = c->who == KILL_WORKERS, breaks = (c->who & KILL_ZYGOTE) && !c->takes_over;
    uint32_t most = workers_alone ? KILLS_A_ROUND : !breaks ? ZYGOTE_KILLS_A_ROUND : c->who & KILL_WORKERS ? BREAKING_KILLS_A_ROUND : 1;
    return share(c->kills, c->killed, most);
}

static void *make_block(prong_pool *pool)
{
    void *block = prong_alloc(pool, BLOCK_SIZE, PRONG_READ);
    if (block)
        chance_fill(block, BLOCK_SIZE, BLOCK_KEY);
    else
        complain(NULL, "no memory of a pool: %s", strerror(errno));
    return block;
}

/* Runs and kills. Returns how many there were of these. */
static uint32_t play(struct campaign *c, struct chance *chance, prong_pool *pool)
{
    sem_t over;
    struct room first = fullness_now(), last;
    uint32_t scribbles = share(c->scribbles, c->scribbled, SCRIBBLES_A_ROUND);
    struct killer k = { .token = c->token, .seed = chance_next(chance), .who = c->who, .takes_over = c->takes_over, .stops = !c->no_stops,
                        .wanted = kills_of_round(c), .over = &over };
    struct streams s = { .pool = pool, .seed = chance_next(chance), .may_break = (c->who & KILL_ZYGOTE) && !c->takes_over,
                         .scribbles = (int32_t)scribbles, .block = make_block(pool), .over = &over };
    (void)sem_init(&over, 0, 0);
    streams_start(&s);
    killer_start(&k);
    await_the_work(c, &over);
    killer_stop(&k);
    streams_stop(&s);
    if (!chance_filled(s.block, BLOCK_SIZE, BLOCK_KEY))
        complain(NULL, "the pool's memory is spoilt");
    bool broken = k.zygotes > 0 && !c->takes_over;
    if (!broken && !workers_meet(pool))
        complain(NULL, "the workers do not come together after the kills: %s", prong_last_error());
    last = fullness_now();
    if (!broken)
        compare_fullness(&first, &last, c->workers);
    prong_free(pool, s.block);
    (void)sem_destroy(&over);
    c->killed += k.kills;
    c->killed_workers += k.workers;
    c->killed_zygotes += k.zygotes;
    c->killed_standbys += k.standbys;
    c->scribbled += scribbles - (uint32_t)(s.scribbles > 0 ? s.scribbles : 0);
    return k.kills;
}

static void one_round(struct campaign *c, struct chance *chance)
{
    history_clear();
    prong_pool *pool = open_pool(c, chance);
    if (!pool)
        return;
    if (!workers_meet(pool))
        complain(NULL, "the workers of a new pool do not come together: %s", prong_last_error());
    uint32_t others = c->killed_zygotes + c->killed_standbys, kills = play(c, chance, pool);
    int r = prong_pool_close(pool, prong_in_ms(CLOSE_MS));
    if (r != 0)
        complain(NULL, "pool_close is %d: %s", r, prong_last_error());
    look_for_processes(c->token, c->killed_zygotes + c->killed_standbys > others);
    history_judge(kills);
    c->after = room_now();
    compare_rooms(&c->before, &c->after);
    c->rounds++;
}

static bool goes_on(const struct campaign *c)
{
    bool timed = c->kills == 0 && c->scribbles == 0;
    return counts.failures == 0 && now_ns() < c->deadline && (timed || c->killed < c->kills || c->scribbled < c->scribbles);
}

void run_rounds(struct campaign *c)
{
    struct chance chance = { c->seed };
    if (!history_open() || prong_init() != 0) {
        complain(NULL, "cannot begin: %s", prong_last_error());
        return;
    }
    c->before = room_now();
    while (goes_on(c)) {
        bool in_first_half = c->killed * 2 <= c->kills && c->scribbled * 2 <= c->scribbles;
        one_round(c, &chance);
        if (in_first_half)
            c->halfway = c->after;
    }
    if (c->rounds >= ROUNDS_TO_COMPARE)
        compare_memory(&c->halfway, &c->after);
}
