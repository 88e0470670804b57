#!/usr/bin/env python3
"""Broken variants of the library and of the actors: each must be found by the simulated tests.

    break.py --list                       their names, one a line
    break.py --tell                       names and what is wrong with each
    break.py NAME ROOT ALL_C OUTPUT       writes the tests as one file, with that variant's parts in it

All have rings of two slots, so that slots are used again soon; the variant `small` has nothing else. An edit whose text is not there, or
there more than once, is an error: a variant must not be sound unnoticed.
"""
import os
import re
import sys

RING, BELL, LOCK = "engine/processes/ring.h", "sync/bell.h", "sync/lock.c"
LINK, POOL = "sim/link.h", "sim/tests_pool.h"
PARTS = {RING, BELL, LOCK, LINK, POOL, "sim/tests_ring.h", "sim/tests_bell.h", "sim/tests_lock.h"}

SMALL = (RING, "enum { PN_RING_SLOTS = 64 };", "enum { PN_RING_SLOTS = 2 };")

CALL = "pn_call_publish(pn_u64 *turn, uint64_t i) { pn_store_seq_cst("
REPLY = "pn_reply_publish(pn_u64 *turn, uint64_t i) { pn_store_seq_cst("

# Name: what is wrong, and the edits.
VARIANTS = {
    "small": ("nothing", []),
    # ring.h
    "call_release": ("a call's publish is a release store", [(RING, CALL, CALL.replace("seq_cst", "release"))]),
    "call_relaxed": ("a call's publish is relaxed", [(RING, CALL, CALL.replace("seq_cst", "relaxed"))]),
    "reply_release": ("a reply's publish is a release store", [(RING, REPLY, REPLY.replace("seq_cst", "release"))]),
    "reply_relaxed": ("a reply's publish is relaxed", [(RING, REPLY, REPLY.replace("seq_cst", "relaxed"))]),
    "reply_look_relaxed": ("the owner's look for a reply is relaxed", [
        (RING, "{ return pn_load_seq_cst(turn) == pn_turn(i, PN_TURN_READY); }",
         "{ return pn_load_relaxed(turn) == pn_turn(i, PN_TURN_READY); }")]),
    "claim_release": ("claim's store of begun is a release store", [
        (RING, "pn_store_seq_cst(begun, i + 1);", "pn_store_release(begun, i + 1);")]),
    "claim_acquire": ("claim's second load is an acquire", [
        (RING, "if (pn_load_seq_cst(turn) == pn_turn(i, PN_TURN_READY))", "if (pn_load_acquire(turn) == pn_turn(i, PN_TURN_READY))")]),
    "claim_looks_once": ("claim does not look again behind its store of begun", [
        (RING, "if (pn_load_seq_cst(turn) == pn_turn(i, PN_TURN_READY))", "if (true)")]),
    "claim_keeps_begun": ("claim does not step back", [(RING, "pn_store_seq_cst(begun, i);", "(void)begun;")]),
    "again_is_nothing": ("a worker goes to sleep over a recall that is being decided", [
        (RING, "seen == pn_turn(i, PN_TURN_RECALLED) ? PN_CLAIM_AGAIN : PN_CLAIM_NOTHING", "PN_CLAIM_NOTHING")]),
    "recall_release": ("recall's store of RECALLED is a release store", [
        (RING, "pn_store_seq_cst(turn, pn_turn(i, PN_TURN_RECALLED))", "pn_store_release(turn, pn_turn(i, PN_TURN_RECALLED))")]),
    "recall_acquire": ("recall's load of begun is an acquire", [
        (RING, "pn_load_seq_cst(begun) <= PN_RING_SLOTS", "pn_load_acquire(begun) <= PN_RING_SLOTS")]),
    "recall_one_off": ("recall takes a call that has been begun", [
        (RING, "bool ours = i - pn_load", "bool ours = i + 1 - pn_load")]),
    "ready_again_relaxed": ("a call is made READY again by a relaxed store", [
        (RING, "pn_store_release(turn, pn_turn(i, ours ?", "pn_store_relaxed(turn, pn_turn(i, ours ?")]),
    "recall_unasked": ("recall does not look at begun", [
        (RING, "bool ours = i - pn_load_seq_cst(begun) <= PN_RING_SLOTS;", "bool ours = begun != NULL;")]),
    "numbers_skipped": ("the number of a call that was taken back is skipped, and its slot used again", [
        (RING, "seen == pn_turn(i, PN_TURN_RECALLED) ? PN_CLAIM_AGAIN : PN_CLAIM_NOTHING",
         "seen == pn_turn(i, PN_TURN_EMPTY) ? (enum pn_claim)9 : seen == pn_turn(i, PN_TURN_RECALLED) ? PN_CLAIM_AGAIN : PN_CLAIM_NOTHING"),
        (LINK, "        else\n            sim_pause();\n    }",
         "        else if (said == (enum pn_claim)9)\n            i++;\n        else\n            sim_pause();\n    }"),
        (LINK, "    l->next--;\n", "    if (l->first == l->next - 1)\n        l->first++;\n    else\n        l->next--;\n")]),
    # bell.h
    "doze_release": ("doze is a release store", [(BELL, "pn_store_seq_cst(word, *turn | who);", "pn_store_release(word, *turn | who);")]),
    "doze_same_turn": ("doze does not begin a new turn", [(BELL, "    *turn += PN_DOZE_TURN;\n", "")]),
    "turn_from_word": ("doze takes its turn from the word, where rise has left none", [
        (BELL, "*turn += PN_DOZE_TURN;", "*turn = (pn_load_relaxed(word) & ~(uint32_t)PN_DOZE_BITS) + PN_DOZE_TURN;")]),
    "look_acquire": ("the ringer's look is an acquire", [
        (BELL, "uint32_t seen = pn_load_seq_cst(word);", "uint32_t seen = pn_load_acquire(word);")]),
    "rings_who_is_awake": ("the bell is rung only for who is awake", [
        (BELL, "if (!(seen & PN_DOZE_BITS) ||", "if (seen & PN_DOZE_BITS ||")]),
    "rings_once": ("whoever was rung for once is not again", [(BELL, "seen == *rung)", "*rung)")]),
    # lock.c
    "lock_not_wanted": ("who has slept takes the lock as if nobody else did", [
        (LOCK, "WANTED, PRONG_NEVER);\n", "WANTED, PRONG_NEVER);\n    pn_store_relaxed(&l->word, HELD);\n")]),
    "unlock_silent": ("unlock wakes nobody", [(LOCK, "FREE) == WANTED)", "FREE) == FREE)")]),
    "lock_relaxed": ("who has slept takes the lock by a relaxed swap", [
        (LOCK, "pn_swap_acquire(&l->word, WANTED)", "pn_swap_relaxed(&l->word, WANTED)")]),
    "unlock_relaxed": ("unlock is relaxed", [(LOCK, "pn_swap_release(&l->word, FREE)", "pn_swap_relaxed(&l->word, FREE)")]),
    "cond_same_turn": ("a signal does not change the turn", [(LOCK, "    (void)pn_add_relaxed(&c->turn, 1);\n", "")]),
    "cond_turn_late": ("a waiter reads the turn when it has let the lock go", [
        (LOCK, "    pn_unlock(l);\n    int r = pn_futex_wait(&c->turn, turn, deadline);",
         "    pn_unlock(l);\n    turn = pn_load_relaxed(&c->turn);\n    int r = pn_futex_wait(&c->turn, turn, deadline);")]),
    # what worker and owner make of them
    "slot_too_early": ("a slot is used again one call too early", [
        (LINK, "l->next - l->first < PN_RING_SLOTS", "l->next - l->first <= PN_RING_SLOTS")]),
    "worker_looks_once": ("a worker does not look again behind its doze", [
        (LINK, "    said = claim(l, i);\n    if (said == PN_CLAIM_NOTHING)\n",
         "    said = PN_CLAIM_NOTHING;\n    if (said == PN_CLAIM_NOTHING)\n")]),
    "rung_is_kept": ("the owner takes the first sleep of a new worker for the last one's, that it has rung for", [
        (LINK, "    l->board = board;\n", "    l->board = board;\n    l->rung_worker = PN_DOZE_TURN | PN_DOZES_A;\n")]),
    "rings_then_publishes": ("a worker rings before its reply is there", [
        (LINK, "    pn_reply_publish(&l->reply_turn[pn_ring_slot(i)], i);\n    if (l->board)\n        ring_owner(l);\n",
         "    if (l->board)\n        ring_owner(l);\n    pn_reply_publish(&l->reply_turn[pn_ring_slot(i)], i);\n")]),
    "patience_counts_as_rung": ("a worker that waits a moment takes the turn for rung", [
        (LINK, "pn_bell_look(l->board, &rung) == PN_AWAKE", "pn_bell_look(l->board, &l->rung_owner) == PN_AWAKE"),
        (LINK, "    uint32_t rung = l->rung_owner;\n", "")]),
    "begun_is_stale": ("the dead worker's begun is what it was before its last call", [
        (LINK, "uint64_t begun = pn_load_acquire(&l->begun);", "uint64_t begun = l->first;")]),
    "begun_is_all": ("the oldest call counts as begun, whatever the dead worker's begun says", [
        (LINK, "if (link_is_idle(l) || begun != l->first + 1)", "if (link_is_idle(l))")]),
    "death_before_replies": ("what a dead worker has replied is not taken", [
        (POOL, "    for (struct run *run; (run = link_collect(l));)\n        pool_end(run, RUN_DONE);\n"
         "    check_is_no_nonsense(l);\n    struct run *executing",
         "    struct run *executing")]),
    "manager_looks_first": ("the manager looks before it dozes", [
        (POOL, "    if (!pool.seat && any_in_flight())\n        pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);\n    else if",
         "    pool_look();\n    if (!pool.seat && any_in_flight())\n"
         "        pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);\n    else if"),
        (POOL, "        pn_bell_rise(&pool.board);\n    pool_look();\n}\n\nstatic uint32_t sleep_as_manager",
         "        pn_bell_rise(&pool.board);\n}\n\nstatic uint32_t sleep_as_manager")]),
    "manager_same_turn": ("the manager goes on in the turn that it was rung for", [
        (POOL, "    if (!pool.seat && any_in_flight())\n", "    if (!pool.seat && any_in_flight() && !dozes())\n")]),
    "manager_reads_late": ("the manager reads its messages behind its look", [
        (POOL, "    for (unsigned k = LINKS; k < 2 * LINKS; k++)\n        if (found & 1u << k)\n            (void)sim_take(in[k]);\n"
         "    return found;",
         "    return found;"),
        (POOL, "        manager_looks();\n",
         "        manager_looks();\n        for (unsigned k = 0; k < LINKS; k++)\n            (void)sim_take(&pool.channel[k]);\n")]),
    "nobody_listens": ("a call is sent while nobody would be rung for", [
        (POOL, "        if (!pool.seat && !dozes())\n            pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);",
         "        if (false && dozes())\n            pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);")]),
    "seat_leaves_awake": ("who leaves the seat does not hand over to the manager", [
        (POOL, "    pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);\n    pool_look();\n}\n\nstatic void spin",
         "    pool_look();\n}\n\nstatic void spin")]),
    "seat_leaves_blind": ("who leaves the seat does not look again behind its doze", [
        (POOL, "    pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);\n    pool_look();\n}\n\nstatic void spin",
         "    pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_A);\n}\n\nstatic void spin")]),
    "seat_looks_once": ("who has the seat does not look again behind its doze", [
        (POOL, "    pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_B);\n    pool_look();\n",
         "    pn_bell_doze(&pool.board, &pool.turn, PN_DOZES_B);\n")]),
    "seat_not_kicked": ("who sleeps in the seat is not told that its run has ended", [
        (POOL, "    if (pool.seat_sleeps)\n", "    if (false)\n")]),
    "seat_empties_bells": ("who has the seat empties its bells behind its look", [
        (POOL, "    uint32_t found = sim_poll(in, LINKS + 1, PRONG_NEVER);",
         "    for (unsigned k = 0; k < LINKS; k++)\n        (void)sim_take(in[k]);\n"
         "    uint32_t found = sim_poll(in, LINKS + 1, PRONG_NEVER);")]),
}

INCLUDE = re.compile(r'^#include "([^"]+)"$', re.M)


def source(root, name):
    path = os.path.join(root, "tests" if name.startswith("sim/") else "src", name)
    with open(path, encoding="utf-8") as file:
        return file.read()


def edited(text, name, edits):
    for of, old, new in edits:
        if of == name:
            if text.count(old) != 1:
                sys.exit(f"break.py: in {name} this is there {text.count(old)} times, not once:\n{old}")
            text = text.replace(old, new)
    return text


def flat(root, text, edits, seen):
    """The text, with the parts that it includes in their place, each once."""
    def part(found):
        name = found.group(1)
        if name not in PARTS:
            return found.group(0)
        if name in seen:
            return ""
        seen.add(name)
        return flat(root, edited(source(root, name), name, edits).replace("#pragma once\n", ""), edits, seen)
    return INCLUDE.sub(part, text)


def main():
    if sys.argv[1] == "--list":
        print("\n".join(VARIANTS))
    elif sys.argv[1] == "--tell":
        print("\n".join(f"{name}\t{wrong}" for name, (wrong, _) in VARIANTS.items()))
    else:
        name, root, all_c, output = sys.argv[1:]
        edits = VARIANTS[name][1] + [SMALL]
        with open(all_c, encoding="utf-8") as file:
            text = flat(root, file.read(), edits, set())
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
