/* ring.h - how calls go to a worker and replies come back, and how a call that has not been begun is taken back: functions on words.
 *
 * A link has PN_RING_SLOTS slots for calls, which the owner alone writes, and as many for replies, which the worker alone writes. Numbers of
 * calls follow each other from a random one that the owner has chosen, below 2^61; begun has it, too, before the first call. Call number i lies
 * in slot i % PN_RING_SLOTS, and its reply in the reply slot of the same number. The owner has at most PN_RING_SLOTS calls between the oldest
 * without reply and the next, so a slot is written again only after its reply has been taken, or its call taken back: no other word says what is
 * free. The worker takes calls in the order of their numbers, and there is no word that both sides write.
 *
 *   turn of a call's slot (owner)                              begun (worker)
 *     READY(i)     written, may be begun                         i + 1: call i and all before it have been begun
 *     RECALLED(i)  the owner is looking whether it has been
 *     EMPTY(i)     it was not; the next call gets this number
 *
 * Claim against recall: the worker stores begun = i + 1 and then loads the turn; the owner stores RECALLED and then loads begun; all four
 * sequentially consistent, so at least one sees the other. The owner decides: if it saw i + 1 the call is the worker's, and READY again, else it is
 * the owner's. A worker that sees RECALLED or EMPTY steps back (begun = i) and looks again; over RECALLED it must not go to sleep, as a call
 * that is READY again is not rung for. It reads what is in a slot only after it has seen READY behind its own claim: from then on every recall
 * fails, so nothing is written under its eyes; and what it reads is what was published last, whether the number had been taken back before or not.
 *
 * A worker that dies anywhere here leaves begun either at most i, and call i may go to another worker; or i + 1, and call i counts as begun,
 * also if it had not come to reading it. Nothing has to be repaired: the owner never waits for a word of the worker's.
 * Zero is no valid turn, so fresh memory says nothing. */
#pragma once
#include "sync/atomic.h"
#include <stdbool.h>

enum { PN_RING_SLOTS = 64 };
enum pn_turn { PN_TURN_READY = 1, PN_TURN_RECALLED = 2, PN_TURN_EMPTY = 3 };

static inline uint64_t pn_turn(uint64_t i, enum pn_turn what) { return i << 2 | (uint64_t)what; }
static inline uint32_t pn_ring_slot(uint64_t i) { return (uint32_t)(i % PN_RING_SLOTS); }

/* Owner: call i is written. Its release half pairs with the acquire half of the load in pn_call_claim; sequentially consistent for the bell. */
static inline void pn_call_publish(pn_u64 *turn, uint64_t i) { pn_store_seq_cst(turn, pn_turn(i, PN_TURN_READY)); }

/* Owner: true if call i is its own again, false if the worker has it. */
static inline bool pn_call_recall(pn_u64 *turn, const pn_u64 *begun, uint64_t i)
{
    pn_store_seq_cst(turn, pn_turn(i, PN_TURN_RECALLED));
    bool ours = i - pn_load_seq_cst(begun) <= PN_RING_SLOTS;       /* at most i, and no word that was spoilt */
    /* Release: what was written before READY is seen by a claim that reads this store instead of the first. */
    pn_store_release(turn, pn_turn(i, ours ? PN_TURN_EMPTY : PN_TURN_READY));
    return ours;
}

enum pn_claim { PN_CLAIM_NOTHING, PN_CLAIM_CALL, PN_CLAIM_AGAIN };

/* Worker: what there is to do about call i. NOTHING: it is not there yet. AGAIN: the owner is just deciding. */
static inline enum pn_claim pn_call_claim(const pn_u64 *turn, pn_u64 *begun, uint64_t i)
{
    uint64_t seen = pn_load_seq_cst(turn);
    if (seen != pn_turn(i, PN_TURN_READY))
        return seen == pn_turn(i, PN_TURN_RECALLED) ? PN_CLAIM_AGAIN : PN_CLAIM_NOTHING;
    pn_store_seq_cst(begun, i + 1);
    if (pn_load_seq_cst(turn) == pn_turn(i, PN_TURN_READY))
        return PN_CLAIM_CALL;
    pn_store_seq_cst(begun, i);                /* nothing was read */
    return PN_CLAIM_AGAIN;
}

/* Worker: reply i is written; sequentially consistent for the bell. */
static inline void pn_reply_publish(pn_u64 *turn, uint64_t i) { pn_store_seq_cst(turn, pn_turn(i, PN_TURN_READY)); }

/* Owner: whether reply i is there. The acquire pairs with the publish; what is read then has to be checked all the same. */
static inline bool pn_reply_is_there(const pn_u64 *turn, uint64_t i) { return pn_load_seq_cst(turn) == pn_turn(i, PN_TURN_READY); }
