/* Test of sync/bell.h: one who sleeps in two places by turns, and two who ring. */
#pragma once
#include "sim/sim.h"
#include "sync/bell.h"
#include <string.h>

enum { RINGERS = 2 };
static struct {
    pn_u32 sleep;
    pn_u64 there[RINGERS];                /* what each has published: so many */
    uint64_t thing[RINGERS];              /* not atomic: the last of them */
    unsigned each;
    struct sim_counter a, b;              /* what who dozes A and B sleeps in */
} bell;

static void ring_the_bell(void *arg)
{
    unsigned me = *(const unsigned *)arg;
    uint32_t rung = 0;
    for (uint64_t n = 1; n <= bell.each; n++) {
        if (n == 1)
            sim_write(&bell.thing[me], 42);
        pn_store_seq_cst(&bell.there[me], n);
        uint32_t who = pn_bell_look(&bell.sleep, &rung);
        sim_check(who == PN_AWAKE || who == PN_DOZES_A || who == PN_DOZES_B, "%u is nobody", who);
        if (who != PN_AWAKE)
            sim_ring(who == PN_DOZES_A ? &bell.a : &bell.b);
    }
}

static bool all_is_there(void)
{
    bool all = true;
    for (unsigned k = 0; k < RINGERS; k++) {
        uint64_t n = pn_load_seq_cst(&bell.there[k]);
        sim_check(n == 0 || sim_read(&bell.thing[k]) == 42, "what was published is not there");
        all = all && n == bell.each;
    }
    return all;
}

static void sleep_in_turns(void *arg)
{
    (void)arg;
    uint32_t turn = 0;
    while (!all_is_there()) {
        uint32_t who = sim_random(2) ? PN_DOZES_A : PN_DOZES_B;
        pn_bell_doze(&bell.sleep, &turn, who);
        if (!all_is_there())
            (void)sim_sleep(who == PN_DOZES_A ? &bell.a : &bell.b);
        pn_bell_rise(&bell.sleep);
    }
}

static void bell_begin(void)
{
    static unsigned numbers[RINGERS] = { 0, 1 };
    static const char *const names[RINGERS] = { "ringer a", "ringer b" };
    memset(&bell, 0, sizeof bell);
    bell.each = 1 + sim_random(3);
    sim_name(&bell.sleep, sizeof bell.sleep, sizeof bell.sleep, "sleep", "");
    sim_name(bell.there, sizeof bell.there, sizeof *bell.there, "there", "");
    sim_name(bell.thing, sizeof bell.thing, sizeof *bell.thing, "thing", "");
    sim_name(&bell.a, sizeof bell.a, sizeof bell.a, "eventfd a", "");
    sim_name(&bell.b, sizeof bell.b, sizeof bell.b, "eventfd b", "");
    (void)sim_start("sleeper", sleep_in_turns, NULL, 0);
    for (unsigned k = 0; k < RINGERS; k++)
        (void)sim_start(names[k], ring_the_bell, &numbers[k], 0);
}

static const struct sim_test bell_test = { "bell", bell_begin, NULL };
