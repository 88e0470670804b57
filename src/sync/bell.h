/* bell.h - one side sleeps, the other wakes it when there is something to look at: no wake-up is lost, and none is sent to who is awake.
 *
 * The word is written by the sleeper alone; what it sleeps in is a kernel object that counts (an eventfd), so that a ring between its last
 * look and its sleep is not lost either.
 *
 *   sleeper                                   ringer
 *     word = dozing, in a new turn  (W1)        something to look at = there   (W2)
 *     looks again                   (R2)        word dozing, and not rung in this turn?   (R1)
 *     sleeps, if there is nothing               rings
 *     word = awake
 *
 * W1 and R1, W2 and R2 are sequentially consistent (the callers' publish and look, too), so R1 sees W1 or R2 sees W2: either the ringer rings,
 * or the sleeper finds what there is. Each turn has a number of its own, so that one ring for it is enough, whoever else comes along. */
#pragma once
#include "sync/atomic.h"
#include <stdbool.h>

/* Who dozes: the low bits of the word. Who can be woken in one way only uses PN_DOZES_A. */
enum { PN_AWAKE = 0, PN_DOZES_A = 1, PN_DOZES_B = 2, PN_DOZE_BITS = 3, PN_DOZE_TURN = 4 };

/* Sleeper: from here on it will be rung for; now it looks again, and only then sleeps. *turn is its own, and lies where nobody else writes: a
 * turn that came twice would not be rung for. */
static inline void pn_bell_doze(pn_u32 *word, uint32_t *turn, uint32_t who)
{
    *turn += PN_DOZE_TURN;
    pn_store_seq_cst(word, *turn | who);
}

/* Sleeper: it looks by itself again. Relaxed: a ring too many is harmless. */
static inline void pn_bell_rise(pn_u32 *word) { pn_store_relaxed(word, PN_AWAKE); }

/* Ringer, after it has published (sequentially consistent): who has to be rung, or PN_AWAKE. *rung is the ringer's own. */
static inline uint32_t pn_bell_look(const pn_u32 *word, uint32_t *rung)
{
    uint32_t seen = pn_load_seq_cst(word);
    if (!(seen & PN_DOZE_BITS) || seen == *rung)
        return PN_AWAKE;
    *rung = seen;
    return seen & PN_DOZE_BITS;
}
