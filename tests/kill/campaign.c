/* campaign.c - kills processes of "processes" again and again while runs of all kinds go on, and looks for what is lost, twice, or left.
 *
 *     kill_campaign [--kills N] [--seed S] [--workers W] [--who worker,zygote,standby | owner] [--take-over] [--scribble N]
 *                   [--seconds MAX] [--grace-ms N] [--no-stops] [--json]
 *
 * It goes in rounds. Each opens a pool, lets threads submit to it (stream.c) while another kills (killer.c) or some of the runs scribble
 * over all shared memory (scribble.c), closes the pool, and judges the history of its runs (history.c) and what is left of processes,
 * descriptors, mappings and memory. The same seed makes the same plans; the instants are the machine's.
 *
 * --take-over: a stand-by takes over from a killed zygote, and pools go on. Without, a zygote takes its pools along, at the end of a round.
 * --who owner: kills whole programs, each this one again (owners.c). --no-stops: nothing is stopped before it is killed. Exit status: 0,
 * or 1 if anything was wrong. */
#include "chance.h"
#include "family.h"
#include "history.h"
#include "killer.h"
#include "owners.h"
#include "proc.h"
#include "stream.h"
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { KILLS_A_ROUND = 200, ZYGOTE_KILLS_A_ROUND = 20, BREAKING_KILLS_A_ROUND = 25, SCRIBBLES_A_ROUND = 30, CLOSE_MS = 120000, THREADS_MS = 10000,
       DYING_MS = 30000 };

struct campaign {
    const char *token, *program;
    uint64_t seed;
    uint32_t kills, scribbles, workers, grace_ms;
    unsigned who;
    bool owners, takes_over, no_stops, json;
    int64_t begun_at, deadline;
    uint32_t killed, killed_workers, killed_zygotes, killed_standbys, scribbled, rounds;
    struct room { unsigned fds, segments, threads; size_t heap, resident; } before, halfway, after;
    struct owners of_owners;
};

/* ---- what a program may not gather ---- */

static size_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        (void)!fscanf(f, "%*u %lu", &pages);
        (void)fclose(f);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct room room_now(void)
{
    (void)malloc_trim(0);
    unsigned threads = await_threads(1, THREADS_MS);     /* joined ones linger in /proc for a moment */
    return (struct room){ open_fds(), mapped_segments(), threads, mallinfo2().uordblks, resident_bytes() };
}

/* Before the first pool and after another. */
static void compare_rooms(const struct room *before, const struct room *after)
{
    if (after->fds > before->fds)                        /* fewer: the zygote has been killed */
        complain(NULL, "%u descriptors are open after the pool's end, %u before", after->fds, before->fds);
    if (after->segments != before->segments)
        complain(NULL, "%u mappings of shared memory after the pool's end, %u before", after->segments, before->segments);
    if (after->threads != before->threads)
        complain(NULL, "%u threads after the pool's end, %u before", after->threads, before->threads);
}

/* In the middle of a pool's life, all workers there and idle: what one killed worker leaves behind shows when two hundred have. */
static void compare_fullness(const struct room *first, const struct room *last, uint32_t workers)
{
    unsigned slack = 4 * workers + 8;
    if (last->fds > first->fds + slack)
        complain(NULL, "a pool gathers descriptors: %u open when it was new, %u after its kills", first->fds, last->fds);
    if (last->segments > first->segments + slack)
        complain(NULL, "a pool gathers shared memory: %u mappings when it was new, %u after its kills", first->segments, last->segments);
}

/* Bounds. Heap: malloc counts to the byte what is in use, and between rounds that goes up and down by less than 1 KiB (stdio, arenas); if
 * each of the 1,000 kills in the second half of the smallest campaign left the smallest block that there is, it would be 32 KiB. Resident
 * memory is coarser, as libc keeps arenas and the stacks of joined threads: 200 to 300 KiB were seen. One page for each of these kills,
 * such as a mapping that malloc knows nothing of, would be 4,000 KiB. */
enum { HEAP_BOUND = 6 << 10, RESIDENT_BOUND = 2 << 20 };

static void compare_halves(const struct campaign *c)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)c;                                             /* their allocators keep what is freed; leaks they tell themselves */
#else
    if (c->rounds < 4)
        return;
    if (c->after.heap > c->halfway.heap + HEAP_BOUND)
        complain(NULL, "the heap grows: %zu bytes in use after half of the rounds, %zu after all", c->halfway.heap, c->after.heap);
    if (c->after.resident > c->halfway.resident + RESIDENT_BOUND)
        complain(NULL, "memory grows: %zu bytes resident after half of the rounds, %zu after all", c->halfway.resident, c->after.resident);
#endif
}

/* ---- processes that are left ---- */

/* Dead workers are the zygote's to reap before it says that the pool is over; ours would be zygotes, and the engine buries them. One that
 * was killed when nobody looked any more lies there until the next pool is opened. */
static void look_for_zombies(pid_t parent, const char *what, size_t most)
{
    size_t n = zombies_of(parent);
    if (n > most)
        complain(NULL, "%s has %zu dead children that it has not reaped", what, n);
}

/* Workers that followed a dead zygote have been told to die by the kernel, and nobody waits for them: they may take a moment. */
static void look_for_processes(const struct campaign *c, bool zygote_died)
{
    pid_t pids[FAMILY_MOST];
    size_t n = family_of(c->token, getpid(), pids);
    for (size_t i = 0; i < n && i < FAMILY_MOST; i++) {
        char name[16];
        name_of(pids[i], name);
        bool may_stay = strcmp(name, "prong-zygote") == 0 || strcmp(name, "prong-standby") == 0;
        if (may_stay)
            look_for_zombies(pids[i], name, 0);
        else if (zygote_died ? !await_death(pids[i], DYING_MS) : is_alive(pids[i]))
            complain(NULL, "process %d, %s, outlives its pool", (int)pids[i], name);
    }
    look_for_zombies(getpid(), "this program", zygote_died ? 1 : 0);
}

/* ---- rounds ---- */

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

static struct room fullness(void) { return (struct room){ .fds = open_fds(), .segments = mapped_segments() }; }

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
    struct room first = fullness(), last;
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
    last = fullness();
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
    uint32_t zygotes = c->killed_zygotes, kills = play(c, chance, pool);
    int r = prong_pool_close(pool, prong_in_ms(CLOSE_MS));
    if (r != 0)
        complain(NULL, "pool_close is %d: %s", r, prong_last_error());
    look_for_processes(c, c->killed_zygotes > zygotes);
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

static void run_rounds(struct campaign *c)
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
    compare_halves(c);
}

/* ---- the command ---- */

static void tell_seed(const struct campaign *c)
{
    fprintf(stderr, "# seed %llu, %u kills, %u scribbles, %u workers\n", (unsigned long long)c->seed, c->kills, c->scribbles, c->workers);
}

static void tell(const struct campaign *c)
{
    static const char *const names[] = { "done", "failed", "crashed", "exited", "timeout", "limit", "cancelled", "lost" };
    const struct owners *o = &c->of_owners;
    double seconds = (double)(now_ns() - c->begun_at) / 1e9;
    if (c->json)
        printf("{\"seed\": %llu, \"seconds\": %.3f, \"wrong\": %llu, \"kills\": %u, \"workers\": %u, \"zygotes\": %u, \"standbys\": %u, \"scribbles\": %u, "
               "\"owners\": %u, \"owners_with_memory\": %u, \"owner_longest_ms\": %.3f, \"rounds\": %u, \"runs\": %llu, \"begun_again\": %llu, \"unbegun\": %llu",
               (unsigned long long)c->seed, seconds, (unsigned long long)counts.failures, c->killed, c->killed_workers, c->killed_zygotes,
               c->killed_standbys, c->scribbled, o->done, o->with_segments, (double)o->longest_ns / 1e6, c->rounds,
               (unsigned long long)counts.runs, (unsigned long long)counts.again, (unsigned long long)counts.unbegun);
    else
        printf("%u kills (%u workers, %u zygotes, %u stand-bys, %u owners), %u scribbles, %llu runs in %u rounds, %.1f s, seed %llu: %llu wrong\n",
               c->killed + o->done, c->killed_workers, c->killed_zygotes, c->killed_standbys, o->done, c->scribbled, (unsigned long long)counts.runs,
               c->rounds, seconds, (unsigned long long)c->seed, (unsigned long long)counts.failures);
    for (size_t i = 0; i <= PRONG_LOST; i++)
        printf(c->json ? ", \"%s\": %llu" : "%12s %llu\n", names[i], (unsigned long long)counts.ends[i]);
    if (c->json)
        printf(", \"heap_halfway\": %zu, \"heap\": %zu, \"resident_halfway\": %zu, \"resident\": %zu}\n", c->halfway.heap, c->after.heap,
               c->halfway.resident, c->after.resident);
    else
        printf("%12s %llu\n%12s %llu\n%12s %zu then %zu, resident %zu then %zu\n%12s %.1f ms\n", "begun again", (unsigned long long)counts.again,
               "not begun", (unsigned long long)counts.unbegun, "heap", c->halfway.heap, c->after.heap, c->halfway.resident, c->after.resident,
               "owner gone", (double)o->longest_ns / 1e6);
}

static bool take_who(struct campaign *c, char *text)
{
    for (char *save = NULL, *word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        c->who |= strcmp(word, "worker") == 0 ? KILL_WORKERS : strcmp(word, "zygote") == 0 ? KILL_ZYGOTE : strcmp(word, "standby") == 0 ? KILL_STANDBY : 0;
        c->owners |= strcmp(word, "owner") == 0;
    }
    return c->owners ? c->who == 0 : c->who != 0;
}

static bool take_options(struct campaign *c, int argc, char **argv)
{
    static const struct option known[] = {
        { "kills", required_argument, NULL, 'k' }, { "seed", required_argument, NULL, 's' }, { "workers", required_argument, NULL, 'w' },
        { "who", required_argument, NULL, 'o' }, { "seconds", required_argument, NULL, 't' }, { "scribble", required_argument, NULL, 'x' },
        { "grace-ms", required_argument, NULL, 'g' }, { "take-over", no_argument, NULL, 'T' }, { "no-stops", no_argument, NULL, 'S' }, { "json", no_argument, NULL, 'j' }, { 0 } };
    bool well = true;
    for (int o; well && (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        unsigned long long n = optarg && o != 'o' ? strtoull(optarg, NULL, 10) : 0;
        switch (o) {
        case 'k': c->kills = (uint32_t)n; break;
        case 's': c->seed = n; break;
        case 'w': c->workers = (uint32_t)n; well = n > 0 && n <= 64; break;
        case 't': c->deadline = now_ns() + (int64_t)n * 1000000000; break;
        case 'x': c->scribbles = (uint32_t)n; break;
        case 'g': c->grace_ms = (uint32_t)n; break;
        case 'o': well = take_who(c, optarg); break;
        case 'T': c->takes_over = true; break;
        case 'S': c->no_stops = true; break;
        case 'j': c->json = true; break;
        default: well = false;
        }
    }
    return well && optind == argc;
}

/* Executed again with a token that all processes of it carry. */
static const char *get_token(const char *program, char **argv)
{
    char text[64];
    const char *token = getenv(TOKEN_NAME);
    if (token)
        return token;
    (void)snprintf(text, sizeof text, "%d-%lld", (int)getpid(), (long long)now_ns());
    (void)setenv(TOKEN_NAME, text, 1);
    (void)execv(program, argv);
    return NULL;
}

static const char *own_program(void)
{
    static char path[4096];
    ssize_t got = readlink("/proc/self/exe", path, sizeof path - 1);
    return got > 0 ? path : "/proc/self/exe";
}

int main(int argc, char **argv)
{
    const char *program = own_program();
    struct campaign c = { .token = get_token(program, argv), .program = program, .seed = (uint64_t)now_ns() % 1000000007, .workers = 3,
                          .grace_ms = 1000, .begun_at = now_ns(), .deadline = INT64_MAX };
    if (!c.token || !take_options(&c, argc, argv)) {
        fprintf(stderr, "usage: %s [--kills N] [--seed S] [--workers W] [--who worker,zygote,standby|owner] [--take-over] [--scribble N]\n"
                "       [--seconds MAX] [--grace-ms N] [--no-stops] [--json]\n", argv[0]);
        return 2;
    }
    if (!c.who)
        c.who = KILL_WORKERS;
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });       /* who crashes here does so on purpose */
    tell_seed(&c);
    if (c.owners) {
        c.of_owners = (struct owners){ .program = c.program, .kills = c.kills, .workers = c.workers, .seed = c.seed, .grace_ms = c.grace_ms };
        owners_kill(&c.of_owners, c.deadline);
    } else {
        run_rounds(&c);
    }
    tell(&c);
    return counts.failures != 0;
}
