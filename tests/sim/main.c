/* A program of simulated tests: many seeds, or one again.
 *
 *     campaign                      20,000 seeds of every test in every mode, told as TAP
 *     campaign --seeds N [--first S] [--test NAME] [--mode tso|weak]
 *     campaign --test NAME --mode tso|weak --seed S [--trace]
 *     campaign --find --seeds N     one line about the first failure: TEST MODE SEED WORDS
 *
 * Exit status 1: something has failed. */
#include "sim/sim.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wish { const char *program, *test, *mode; uint64_t first, seeds; bool find, traced; };

static bool is_wanted(const struct wish *w, const struct sim_test *t, enum sim_mode mode)
{
    return (!w->test || strcmp(w->test, t->name) == 0) && (!w->mode || strcmp(w->mode, sim_mode_name(mode)) == 0);
}

/* One seed of all that is wanted. */
static bool fails_at(const struct wish *w, uint64_t seed, const struct sim_test **ret_test, enum sim_mode *ret_mode, char *ret_words)
{
    for (const struct sim_test *const *t = sim_tests; *t; t++)
        for (enum sim_mode mode = 0; mode < SIM_MODES; mode++)
            if (is_wanted(w, *t, mode) && !sim_run(*t, mode, seed, false, ret_words)) {
                *ret_test = *t;
                *ret_mode = mode;
                return true;
            }
    return false;
}

static int find(const struct wish *w)
{
    const struct sim_test *test;
    enum sim_mode mode;
    char words[SIM_WORDS];
    for (uint64_t seed = w->first; seed < w->first + w->seeds; seed++)
        if (fails_at(w, seed, &test, &mode, words)) {
            printf("%s %s %llu %s\n", test->name, sim_mode_name(mode), (unsigned long long)seed, words);
            return EXIT_FAILURE;
        }
    return EXIT_SUCCESS;
}

/* Returns whether it has failed, having told so. */
static bool fails(const struct wish *w, const struct sim_test *t, enum sim_mode mode)
{
    char words[SIM_WORDS];
    for (uint64_t seed = w->first; seed < w->first + w->seeds; seed++)
        if (!sim_run(t, mode, seed, w->traced, words)) {
            printf("# %s, %s, seed %llu: %s\n", t->name, sim_mode_name(mode), (unsigned long long)seed, words);
            printf("# again: %s --test %s --mode %s --seed %llu --trace\n", w->program, t->name, sim_mode_name(mode),
                   (unsigned long long)seed);
            return true;
        }
    return false;
}

static int tell(const struct wish *w)
{
    unsigned number = 0, failed = 0;
    for (const struct sim_test *const *t = sim_tests; *t; t++)
        for (enum sim_mode mode = 0; mode < SIM_MODES; mode++)
            if (is_wanted(w, *t, mode)) {
                bool bad = fails(w, *t, mode);
                failed += bad;
                printf("%sok %u - %s, %s: nothing fails in %llu seeds\n", bad ? "not " : "", ++number, (*t)->name, sim_mode_name(mode),
                       (unsigned long long)w->seeds);
                (void)fflush(stdout);
            }
    printf("1..%u\n", number);
    return failed || !number ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "seeds", required_argument, NULL, 'n' }, { "first", required_argument, NULL, 'f' }, { "seed", required_argument, NULL, 's' },
        { "test", required_argument, NULL, 't' }, { "mode", required_argument, NULL, 'm' }, { "find", no_argument, NULL, 'F' },
        { "trace", no_argument, NULL, 'T' }, { NULL, 0, NULL, 0 },
    };
    struct wish w = { .program = argv[0], .first = 1, .seeds = 20000 };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'n': w.seeds = strtoull(optarg, NULL, 10); break;
        case 'f': w.first = strtoull(optarg, NULL, 10); break;
        case 's': w.first = strtoull(optarg, NULL, 10); w.seeds = 1; break;
        case 't': w.test = optarg; break;
        case 'm': w.mode = optarg; break;
        case 'F': w.find = true; break;
        case 'T': w.traced = true; break;
        default: return EXIT_FAILURE;
        }
    return w.find ? find(&w) : tell(&w);
}
