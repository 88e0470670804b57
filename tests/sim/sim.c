/* The scheduler: before every step it is drawn who goes on, which stores leave their buffers, and who dies. */
#include "sim/inside.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STACK = 128 << 10 };
struct sim sim;
static char stacks[SIM_ACTORS][STACK] __attribute__((aligned(64)));

/* ---- chance ---- */

/* xorshift64* of Vigna: small and quick; the seed is stirred first, as seeds side by side are much alike. */
uint32_t sim_random(uint32_t below)
{
    sim.random ^= sim.random >> 12;
    sim.random ^= sim.random << 25;
    sim.random ^= sim.random >> 27;
    return (uint32_t)((sim.random * 0x2545f4914f6cdd1d >> 32) * below >> 32);
}

static uint64_t stirred(uint64_t seed)
{
    seed += 0x9e3779b97f4a7c15;
    seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9;
    seed = (seed ^ seed >> 27) * 0x94d049bb133111eb;
    return (seed ^ seed >> 31) | 1;
}

/* Some races need one side to stand still for long, others both to go hand in hand. */
static void draw_weather(void)
{
    static const uint32_t stay[] = { 0, 512, 896, 992 }, drain[] = { 512, 128, 16 }, kill[] = { 0, 32, 8, 8 }, wake[] = { 0, 0, 0, 64 };
    sim.stay = stay[sim_random(4)];
    sim.drain = drain[sim_random(3)];
    sim.kill = kill[sim_random(4)];
    sim.wake = wake[sim_random(4)];
}

/* ---- trace and failure ---- */

void sim_trace(const char *fmt, ...)
{
    va_list args;
    if (!sim.traced)
        return;
    printf("%6u  %-10s ", sim.steps, sim.self ? sim.self->name : "");
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

void sim_note(const char *fmt, ...)
{
    char words[SIM_WORDS];
    va_list args;
    if (!sim.traced)
        return;
    va_start(args, fmt);
    (void)vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    sim_trace("-- %s", words);
}

static void leave(void) __attribute__((noreturn));
static void leave(void)
{
    static struct fiber nowhere;
    if (!sim.self)
        _longjmp(sim.main.at, 1);
    sim.self = NULL;
    fiber_switch(&nowhere, &sim.main);
    __builtin_unreachable();
}

void sim_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int used = vsnprintf(sim.words, sizeof sim.words, fmt, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof sim.words)
        (void)snprintf(sim.words + used, sizeof sim.words - (size_t)used, " (step %u, %s)", sim.steps,
                       sim.self ? sim.self->name : "at the end");
    sim.failed = true;
    leave();
}

/* ---- who goes on ---- */

static void fail_as_all_sleep(void)
{
    char words[SIM_WORDS] = "";
    size_t used = 0;
    for (unsigned k = 0; k < sim.actors && used < sizeof words; k++)
        if (sim.actor[k].state == SIM_ASLEEP)
            used += (size_t)snprintf(words + used, sizeof words - used, " %s in %s", sim.actor[k].name,
                                     sim_name_of(sim.actor[k].futex ? sim.actor[k].futex : sim.actor[k].counters[0]));
    sim_fail("all sleep, and not all is done:%s", words);
}

static bool all_is_done(void)
{
    for (unsigned k = 0; k < sim.actors; k++)
        if (!(sim.actor[k].flags & SIM_DAEMON) && sim.actor[k].state <= SIM_ASLEEP)
            return false;
    return true;
}

static struct sim_actor *draw(const struct sim_actor *but)
{
    struct sim_actor *ready[SIM_ACTORS];
    unsigned n = 0;
    for (unsigned k = 0; k < sim.actors; k++)
        if (sim.actor[k].state == SIM_READY && &sim.actor[k] != but)
            ready[n++] = &sim.actor[k];
    return n ? ready[sim_random(n)] : NULL;
}

static void go_on(struct sim_actor *to)
{
    struct sim_actor *from = sim.self;
    if (to == from)
        return;
    sim.self = to;
    fiber_switch(from ? &from->fiber : &sim.main, &to->fiber);
}

/* The one that called cannot go on. */
static void let_another(void)
{
    struct sim_actor *to;
    if (all_is_done())
        leave();
    while (!(to = draw(NULL)))
        if (!sim_time_passes())
            fail_as_all_sleep();
    go_on(to);
}

/* ---- deaths ---- */

static void kill(struct sim_actor *a)
{
    sim.kills_left--;
    sim_trace("-- %s is killed", a->name);
    sim_drain_all(a);
    a->state = SIM_DEAD;
    a->death.n = 1;
    a->death.stamp = a->stamp;
    sim_tell(&a->death);
    if (a == sim.self)
        let_another();
}

static void kill_one(void)
{
    struct sim_actor *mortal[SIM_ACTORS];
    unsigned n = 0;
    for (unsigned k = 0; k < sim.actors; k++)
        if (sim.actor[k].flags & SIM_MORTAL && sim.actor[k].state <= SIM_ASLEEP)
            mortal[n++] = &sim.actor[k];
    if (n)
        kill(mortal[sim_random(n)]);
}

void sim_allow_kills(unsigned most)
{
    sim.kills_left = most;
}

struct sim_counter *sim_death(int actor)
{
    return &sim.actor[actor].death;
}

/* ---- steps ---- */

void sim_step(void)
{
    if (!sim.self)
        return;
    if (++sim.steps > SIM_STEPS)
        sim_fail("it comes to no end");
    while (sim_chance(sim.drain))
        sim_drain_one();
    if (sim.kills_left && sim_chance(sim.kill))
        kill_one();
    if (sim_chance(sim.wake / 4))
        (void)sim_time_passes();
    if (!sim_chance(sim.stay))
        go_on(draw(NULL));
}

void sim_pause(void)
{
    sim_step();
    struct sim_actor *other = draw(sim.self);
    if (other)
        go_on(other);
}

void sim_block(void)
{
    let_another();
}

/* ---- actors ---- */

static void live(void)
{
    struct sim_actor *a = sim.self;
    a->fn(a->arg);
    sim_drain_all(a);
    sim_trace("-- has come to its end");
    a->state = SIM_OVER;
    let_another();
}

int sim_start(const char *name, void (*fn)(void *), void *arg, unsigned flags)
{
    sim_step();
    if (sim.actors == SIM_ACTORS)
        sim_fail("too many actors");
    unsigned number = sim.actors++;
    struct sim_actor *a = &sim.actor[number];
    *a = (struct sim_actor){ .name = name, .fn = fn, .arg = arg, .flags = flags, .number = number };
    if (sim.self) {
        sim_drain_all(sim.self);
        sim_learn(&a->stamp, &sim.self->stamp);
        sim.self->stamp.at[sim.self->number]++;
    }
    a->stamp.at[number] = 1;
    fiber_make(&a->fiber, live, stacks[number], STACK);
    sim_trace("-- %s begins", name);
    return (int)number;
}

/* ---- a run ---- */

const char *sim_mode_name(enum sim_mode mode)
{
    return mode == SIM_TSO ? "tso" : "weak";
}

bool sim_run(const struct sim_test *test, enum sim_mode mode, uint64_t seed, bool traced, char ret_words[SIM_WORDS])
{
    sim.mode = mode;
    sim.traced = traced;
    sim.failed = false;
    sim.random = stirred(seed * SIM_MODES + mode);
    sim.steps = 0;
    sim.run++;
    sim.now = 1000000000;
    sim.actors = sim.kills_left = 0;
    sim.self = NULL;
    sim_memory_begin();
    draw_weather();
    if (_setjmp(sim.main.at) == 0) {
        test->begin();
        let_another();
    }
    if (!sim.failed && test->end && _setjmp(sim.main.at) == 0)
        test->end();
    if (sim.failed)
        memcpy(ret_words, sim.words, sizeof sim.words);
    return !sim.failed;
}
