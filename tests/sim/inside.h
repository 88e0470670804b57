/* inside.h - what the parts of the simulator share: actors and the run they are in. */
#pragma once
#include "sim/fiber.h"
#include "sim/sim.h"

enum { SIM_BUFFER = 12, SIM_STEPS = 20000 };

/* A store on its way to memory. `stamp`: what is known to who sees a release store. */
struct sim_pending { void *word; uint64_t value; uint8_t size; bool release, seq_cst; struct sim_stamp stamp; };

enum sim_state { SIM_READY, SIM_ASLEEP, SIM_OVER, SIM_DEAD };
struct sim_actor {
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    unsigned flags, number;
    enum sim_state state;
    struct fiber fiber;
    struct sim_stamp stamp;
    struct sim_pending buffer[SIM_BUFFER];
    unsigned pending;
    struct sim_counter death;

    /* While it is asleep: in which counters or on which word. */
    struct sim_counter *const *counters;
    unsigned counter_count;
    const void *futex;
    prong_time deadline;
    bool timed_out;
};

struct sim {
    enum sim_mode mode;
    bool traced, failed;
    uint64_t random;
    uint32_t steps, run;                  /* run: counts, so that what an earlier one has left is known by it */
    prong_time now;
    unsigned actors, kills_left;
    struct sim_actor actor[SIM_ACTORS], *self;            /* self: NULL in begin and end */
    struct fiber main;
    /* How likely, of 1024, it is that an actor goes on alone, a store leaves, one dies, one is woken for nothing or by its deadline. */
    uint32_t stay, drain, kill, wake;
    char words[SIM_WORDS];
};
extern struct sim sim;

static inline bool sim_chance(uint32_t of_1024)
{
    return of_1024 && sim_random(1024) < of_1024;
}

/* ---- sim.c ---- */

void sim_step(void);                                      /* before every access and call of the kernel */
void sim_block(void);                                     /* until its state is READY again */
void sim_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- memory.c ---- */

void sim_memory_begin(void);
void sim_drain_one(void);                                 /* any store of any actor that may leave; none if there is none */
void sim_drain_all(struct sim_actor *a);
void sim_learn(struct sim_stamp *whose, const struct sim_stamp *more);
const char *sim_name_of(const void *word);                /* until the next call */

/* ---- kernel.c ---- */

void sim_tell(struct sim_counter *c);                     /* it is not 0 now: wakes who sleeps in it */
bool sim_time_passes(void);                               /* to the next deadline; false: there is none */
