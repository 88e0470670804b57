/* The kernel: what an actor sleeps in and is woken by, and the time. What is checked before a sleep and the sleep itself are one step. */
#include "base/clock.h"
#include "sim/inside.h"
#include "sync/futex.h"
#include <errno.h>

static void wake(struct sim_actor *a, bool timed_out)
{
    a->state = SIM_READY;
    a->futex = NULL;
    a->counter_count = 0;
    a->timed_out = timed_out;
}

static void sleep_until(prong_time deadline)
{
    sim.self->deadline = deadline;
    sim.self->state = SIM_ASLEEP;
    sim_block();
}

/* ---- time ---- */

bool sim_time_passes(void)
{
    struct sim_actor *first = NULL;
    for (unsigned k = 0; k < sim.actors; k++)
        if (sim.actor[k].state == SIM_ASLEEP && sim.actor[k].deadline != PRONG_NEVER && (!first || sim.actor[k].deadline < first->deadline))
            first = &sim.actor[k];
    if (!first)
        return false;
    if (sim.now < first->deadline)
        sim.now = first->deadline;
    sim_trace("-- it is %lld ns", (long long)sim.now);
    wake(first, true);
    return true;
}

prong_time pn_clock(clockid_t id)
{
    (void)id;
    sim_step();
    return sim.now;
}

/* ---- counters ---- */

void sim_tell(struct sim_counter *c)
{
    for (unsigned k = 0; k < sim.actors; k++)
        for (unsigned m = 0; m < sim.actor[k].counter_count; m++)
            if (sim.actor[k].state == SIM_ASLEEP && sim.actor[k].counters[m] == c)
                wake(&sim.actor[k], false);
}

/* What was stored before is visible to who finds the counter changed; that it is ordered, too, is not built on: it carries no stamp. */
void sim_ring(struct sim_counter *c)
{
    sim_step();
    if (sim.self)
        sim_drain_all(sim.self);
    c->n++;
    sim_trace("rings %s", sim_name_of(c));
    sim_tell(c);
}

uint64_t sim_take(struct sim_counter *c)
{
    sim_step();
    uint64_t n = c->n;
    c->n = 0;
    sim_trace("takes %llu from %s", (unsigned long long)n, sim_name_of(c));
    return n;
}

static uint32_t look(struct sim_counter *const *c, unsigned n)
{
    uint32_t found = 0;
    for (unsigned k = 0; k < n; k++)
        if (c[k]->n) {
            found |= 1u << k;
            sim_learn(&sim.self->stamp, &c[k]->stamp);
        }
    return found;
}

uint32_t sim_poll(struct sim_counter *const *c, unsigned n, prong_time deadline)
{
    uint32_t found;
    sim_step();
    while (!(found = look(c, n))) {
        if (deadline != PRONG_NEVER && sim.now >= deadline)
            return 0;
        sim_trace("sleeps in %s%s", sim_name_of(c[0]), n > 1 ? ", ..." : "");
        sim.self->counters = c;
        sim.self->counter_count = n;
        sleep_until(deadline);
    }
    sim_trace("is awake: %s%s", sim_name_of(c[__builtin_ctz(found)]), found & (found - 1) ? ", ..." : "");
    return found;
}

uint64_t sim_sleep(struct sim_counter *c)
{
    (void)sim_poll(&c, 1, PRONG_NEVER);
    uint64_t n = c->n;
    c->n = 0;
    return n;
}

/* ---- futex ---- */

/* The kernel has a full barrier on both sides. */
int pn_futex_wait(pn_u32 *word, uint32_t expected, prong_time deadline)
{
    sim_step();
    sim_drain_all(sim.self);
    if (deadline < 0 || (deadline != PRONG_NEVER && sim.now >= deadline))
        return -ETIMEDOUT;
    if (*word != expected || sim_chance(sim.wake))
        return 0;
    sim_trace("sleeps on %s, which is %u", sim_name_of(word), expected);
    sim.self->futex = word;
    sleep_until(deadline);
    return sim.self->timed_out ? -ETIMEDOUT : 0;
}

void pn_futex_wake(pn_u32 *word, int count)
{
    sim_step();
    sim_drain_all(sim.self);
    unsigned first = sim_random(sim.actors);
    for (unsigned k = 0; k < sim.actors && count > 0; k++) {
        struct sim_actor *a = &sim.actor[(first + k) % sim.actors];
        if (a->state == SIM_ASLEEP && a->futex == word) {
            sim_trace("wakes %s, who sleeps on %s", a->name, sim_name_of(word));
            wake(a, false);
            count--;
        }
    }
}
