/* campaign.c - kills processes of "processes" again and again while runs of all kinds go on, and looks for what is lost, twice, or left.
 *
 *     kill_campaign [--kills N] [--seed S] [--workers W] [--who worker,zygote,standby | owner] [--take-over] [--scribble N]
 *                   [--seconds MAX] [--grace-ms N] [--no-stops] [--json] [--quiet]
 *
 * It goes in rounds. Each opens a pool, lets threads submit to it (stream.c) while another kills (killer.c) or some of the runs scribble
 * over all shared memory (scribble.c), closes the pool, and judges the history of its runs (history.c) and what is left of processes,
 * descriptors, mappings and memory. The same seed makes the same plans; the instants are the machine's.
 *
 * --take-over: a stand-by takes over from a killed zygote, and pools go on. Without, a zygote takes its pools along, at the end of a round.
 * --who owner: kills whole programs, each this one again (owners.c). --no-stops: nothing is stopped before it is killed. --quiet:
 * the seed is told at the end alone. Exit status: 0, or 1 if anything was wrong. */
#include "campaign.h"
#include "family.h"
#include "history.h"
#include "killer.h"
#include <errno.h>
#include <getopt.h>
#include <prong.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void tell_seed(const struct campaign *c)
{
    fprintf(stderr, "# seed %llu, %u kills, %u scribbles, %u workers\n", (unsigned long long)c->seed, c->kills, c->scribbles, c->workers);
}

struct fact { const char *name; double value; };

static size_t gather_facts(const struct campaign *c, struct fact *ret)
{
    static const char *const ends[] = { "done", "failed", "crashed", "exited", "timeout", "limit", "cancelled", "lost" };
    const struct owners *o = &c->of_owners;
    const struct fact facts[] = {
        { "seed", (double)c->seed }, { "seconds", (double)(now_ns() - c->begun_at) / 1e9 }, { "wrong", (double)counts.failures },
        { "kills", c->killed + o->done }, { "workers", c->killed_workers }, { "zygotes", c->killed_zygotes },
        { "standbys", c->killed_standbys }, { "owners", o->done }, { "owners_with_memory", o->with_segments },
        { "owner_longest_ms", (double)o->longest_ns / 1e6 },
        { "scribbles", c->scribbled }, { "rounds", c->rounds }, { "runs", (double)counts.runs }, { "begun_again", (double)counts.again },
        { "attempts_unbegun", (double)counts.unbegun }, { "heap_halfway", (double)c->halfway.heap }, { "heap", (double)c->after.heap },
        { "resident_halfway", (double)c->halfway.resident }, { "resident", (double)c->after.resident } };
    size_t n = sizeof facts / sizeof *facts;
    memcpy(ret, facts, sizeof facts);
    for (size_t i = 0; i <= PRONG_LOST; i++)
        ret[n++] = (struct fact){ ends[i], (double)counts.ends[i] };
    return n;
}

static void tell(const struct campaign *c)
{
    struct fact facts[32];
    size_t n = gather_facts(c, facts);
    for (size_t i = 0; i < n; i++)
        printf(c->json ? "%s\"%s\": %.15g" : "%s%18s  %.15g\n", !c->json ? "" : i ? ", " : "{", facts[i].name, facts[i].value);
    if (c->json)
        printf("}\n");
}

static bool take_who(struct campaign *c, char *text)
{
    for (char *save = NULL, *word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        c->who |= strcmp(word, "worker") == 0 ? KILL_WORKERS : 0;
        c->who |= strcmp(word, "zygote") == 0 ? KILL_ZYGOTE : 0;
        c->who |= strcmp(word, "standby") == 0 ? KILL_STANDBY : 0;
        c->owners |= strcmp(word, "owner") == 0;
    }
    return c->owners ? c->who == 0 : c->who != 0;
}

static bool take_options(struct campaign *c, int argc, char **argv)
{
    static const struct option known[] = {
        { "kills", required_argument, NULL, 'k' }, { "seed", required_argument, NULL, 's' }, { "workers", required_argument, NULL, 'w' },
        { "who", required_argument, NULL, 'o' }, { "seconds", required_argument, NULL, 't' }, { "scribble", required_argument, NULL, 'x' },
        { "grace-ms", required_argument, NULL, 'g' }, { "take-over", no_argument, NULL, 'T' }, { "no-stops", no_argument, NULL, 'S' },
        { "json", no_argument, NULL, 'j' }, { "quiet", no_argument, NULL, 'q' }, { 0 } };
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
        case 'q': c->quiet = true; break;
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
    struct campaign c = { .token = get_token(program, argv), .seed = (uint64_t)now_ns() % 1000000007, .workers = 3,
                          .grace_ms = 1000, .begun_at = now_ns(), .deadline = INT64_MAX };
    if (!c.token || !take_options(&c, argc, argv)) {
        fprintf(stderr, "usage: %s [--kills N] [--seed S] [--workers W] [--who worker,zygote,standby|owner] [--take-over] [--scribble N]\n"
                "       [--seconds MAX] [--grace-ms N] [--no-stops] [--json] [--quiet]\n", argv[0]);
        return 2;
    }
    if (!c.who)
        c.who = KILL_WORKERS;
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });       /* who crashes here does so on purpose */
    if (!c.quiet)
        tell_seed(&c);
    if (c.owners) {
        c.of_owners = (struct owners){ .program = program, .kills = c.kills, .workers = c.workers, .seed = c.seed, .grace_ms = c.grace_ms };
        owners_kill(&c.of_owners, c.deadline);
    } else {
        run_rounds(&c);
    }
    tell(&c);
    return counts.failures != 0;
}
