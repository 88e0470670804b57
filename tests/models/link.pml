/* link.pml - one link: calls go to a worker and replies come back, calls are taken back, both sides sleep, and the worker may be killed.
 *
 * Models src/engine/processes/ring.h (all of it), src/sync/bell.h (all of it), and who calls them: the worker's loop (worker.c),
 * pn_link_call, pn_link_recall and pn_link_take_reply (link.c), send (dispatch.c), the seat and the manager (collect.c, manager.c), and
 * how the runs of a dead worker are sorted (manager.c).
 *
 * Memory is weaker than on x86: stores wait in a buffer and may become visible in another order. A release store becomes visible behind
 * all that were made before it, and a sequentially consistent one at once, behind all others. Loads are not reordered, as all that
 * matter here are acquire or sequentially consistent.
 *
 * Abstracted: the pool's lock orders what the owner's threads store, so these share one buffer; a ring of 2 slots, a few runs and calls;
 * the content of a slot is one word, read twice; eventfds and epolls are bits; a turn of sleep has no number; a run that goes back after
 * a death is done with.
 *
 * What must hold is asserted where it matters; and nobody may wait for ever, which is an invalid end state. Defines: RECALLS, DIES (the
 * worker may), SEAT (a thread waits in it), CALLS. */
#ifndef RUNS
#define RUNS 2
#endif
#ifndef CALLS
#define CALLS 4
#endif
#ifndef SLOTS
#define SLOTS 2
#endif

/* ---- memory ---- */

#define TURN   0                                /* of a call's slot: owner writes */
#define CALL   2                                /* what is in it */
#define OSLEEP 4
#define BEGUN  5                                /* worker writes */
#define RTURN  6
#define REPLY  8
#define WSLEEP 10
byte mem[11];

#define BUFFERED 3
typedef store { byte where; byte value; bit behind_all }
store obuf[BUFFERED], wbuf[BUFFERED];
byte on, wn;

#define buffer(side, a, v, release) \
    atomic { \
        side##n < BUFFERED -> \
        side##buf[side##n].where = a; side##buf[side##n].value = v; side##buf[side##n].behind_all = release; \
        side##n++ \
    }
#define store_seq_cst(side, a, v) atomic { side##n == 0 -> mem[a] = v }

#define may_pass(side, k, j) (!side##buf[k].behind_all && side##buf[k].where != side##buf[j].where)

/* A store becomes visible. */
#define drain(side) \
    atomic { \
        if \
        :: side##n > 0 -> k = 0 \
        :: side##n > 1 && may_pass(side, 1, 0) -> k = 1 \
        :: side##n > 2 && may_pass(side, 2, 0) && may_pass(side, 2, 1) -> k = 2 \
        fi; \
        mem[side##buf[k].where] = side##buf[k].value; \
        do \
        :: k + 1 < side##n -> \
            side##buf[k].where = side##buf[k + 1].where; \
            side##buf[k].value = side##buf[k + 1].value; \
            side##buf[k].behind_all = side##buf[k + 1].behind_all; \
            k++ \
        :: else -> break \
        od; \
        side##n--; \
        side##buf[side##n].where = 0; side##buf[side##n].value = 0; side##buf[side##n].behind_all = 0; \
        k = 0 \
    }

/* ---- ring.h ---- */

#define READY    1
#define RECALLED 2
#define EMPTY    3
#define turn(i, what) (((i) << 2) | (what))
#define slot(i) ((i) % SLOTS)

#define NOTHING 0                               /* what a claim gives */
#define HAS     1
#define AGAIN   2

/* ---- bell.h ---- */

#define AWAKE   0
#define DOZES_A 1
#define DOZES_B 2
#define who(word) ((word) & 3)

/* Instead of the number of a turn: whether the ringer has rung for what is in memory. Each store of the sleeper's is a new turn, or
 * does not matter. */
#define RUNG 4
#ifndef BROKEN_DOZES_IN_THE_SAME_TURN
#define kept(word) 0
#else
#define kept(word) (mem[word] & RUNG)
#endif
#define has_to_ring(word) (who(mem[word]) != AWAKE && !(mem[word] & RUNG))

/* ---- what is not in memory ---- */

bit call_bell, reply_bell, kick, message;       /* eventfds; a message on the worker's channel */
bit leave, gone, buried;                        /* the worker: is to go, is no more, and its runs were taken from it */
chan death = [0] of { bool };

/* The owner's own, under its lock. */
bit lock, seat, seat_sleeps;
byte o_dozes;                                   /* what it wrote last */
byte calls, count, flight[3];                   /* so many were sent; those without a reply, the oldest first */
byte next, number[CALLS], run_of[CALLS];        /* a call that was taken back leaves its number to the next */
byte waiting = (1 << RUNS) - 1, ended;          /* runs, as bits */
#define ALL ((1 << RUNS) - 1)

/* For the properties, as bits. */
byte taken_back, started, replied;              /* calls; started: have been read */
byte executed;                                  /* runs */

inline acquire() { atomic { !lock -> lock = 1 } }
inline release() { lock = 0 }

/* ---- owner; all locked ---- */

inline o_doze(by) {
    o_dozes = by;
#ifndef BROKEN_OWNER_DOZES_WITH_RELEASE
    store_seq_cst(o, OSLEEP, by | kept(OSLEEP))
#else
    buffer(o, OSLEEP, by | kept(OSLEEP), 1)
#endif
}
inline o_rise() {
    if
    :: o_dozes != AWAKE ->
        o_dozes = AWAKE;
        buffer(o, OSLEEP, AWAKE | kept(OSLEEP), 0)
    :: else
    fi
}

inline end_run(r) {
    assert(!(ended & (1 << (r))));
    ended = ended | (1 << (r));
    kick = kick || seat_sleeps
}

inline drop_first() {
    flight[0] = flight[1]; flight[1] = flight[2]; flight[2] = 0; count--
}

/* pn_collect: takes the replies that are there. Reads the slot twice: nobody is to write it meanwhile. */
#define oldest number[flight[0]]

inline collect() {
    do
    :: count > 0 && mem[RTURN + slot(oldest)] == turn(oldest, READY) ->
        assert(mem[REPLY + slot(oldest)] == flight[0] + 1);
        atomic {
            assert(mem[REPLY + slot(oldest)] == flight[0] + 1);
            replied = replied & ~(1 << flight[0]);
            end_run(run_of[flight[0]]);
            drop_first()
        }
    :: else -> break
    od
}

#ifndef BROKEN_SLOT_IS_USED_BEFORE_ITS_REPLY_IS_TAKEN
#define has_room (count < SLOTS)
#else
#define has_room (count <= SLOTS)
#endif

inline send(r) {
#ifndef BROKEN_SENDS_WITH_NOBODY_LISTENING
    if
    :: !seat && o_dozes == AWAKE -> o_doze(DOZES_A)
    :: else
    fi;
#endif
    buffer(o, CALL + slot(next), calls + 1, 0);
    atomic {
        waiting = waiting & ~(1 << (r));
        run_of[calls] = r; number[calls] = next;
        flight[count] = calls;
        count++; calls++; next++
    }
#if defined(BROKEN_CALL_IS_PUBLISHED_RELAXED)
    buffer(o, TURN + slot(next - 1), turn(next - 1, READY), 0);
#elif defined(BROKEN_CALL_IS_PUBLISHED_WITH_RELEASE)
    buffer(o, TURN + slot(next - 1), turn(next - 1, READY), 1);
#else
    store_seq_cst(o, TURN + slot(next - 1), turn(next - 1, READY));
#endif
    atomic {                                    /* pn_bell_look loads once */
        if
        :: has_to_ring(WSLEEP) -> mem[WSLEEP] = mem[WSLEEP] | RUNG; call_bell = 1
        :: else
        fi
    }
}

#define newest number[flight[count - 1]]

inline recall() {
#ifndef BROKEN_RECALL_STORES_WITH_RELEASE
    store_seq_cst(o, TURN + slot(newest), turn(newest, RECALLED));
#else
    buffer(o, TURN + slot(newest), turn(newest, RECALLED), 1);
#endif
    if
#ifndef BROKEN_RECALL_DOES_NOT_LOOK
    :: mem[BEGUN] <= newest ->
#else
    :: true ->
#endif
        buffer(o, TURN + slot(newest), turn(newest, EMPTY), 1);
        atomic {
            taken_back = taken_back | (1 << flight[count - 1]);
            assert(!(started & (1 << flight[count - 1])));
            waiting = waiting | (1 << run_of[flight[count - 1]]);
#ifndef BROKEN_NUMBERS_ARE_NOT_USED_AGAIN
            next = newest;
#endif
            count--; flight[count] = 0
        }
    :: else ->
        buffer(o, TURN + slot(newest), turn(newest, READY), 1)
    fi
}

/* A thread that submits, and takes back as often as it likes; it may always stop that, so it hides nobody's sleep. */
active proctype submitter() {
    do
    :: atomic { !lock && waiting && has_room && calls < CALLS && !buried -> lock = 1 };
        if
        :: waiting & 1 -> send(0)
        :: waiting & 2 -> send(1)
        fi;
        release()
#ifdef RECALLS
        ;
        do
        :: atomic { !lock -> lock = 1 };
            if
            :: count > 0 && !buried ->
                recall();
                atomic {
                    if                          /* it was cancelled, or it is sent again, or the worker has it */
                    :: waiting & 1 -> waiting = waiting & ~1; end_run(0)
                    :: waiting & 2 -> waiting = waiting & ~2; end_run(1)
                    :: true
                    fi
                }
            :: else
            fi;
            release()
        :: break
        od
#endif
    :: atomic { !lock && waiting && (calls == CALLS || buried) ->      /* others have these */
            if
            :: waiting & 1 -> waiting = waiting & ~1; end_run(0)
            :: waiting & 2 -> waiting = waiting & ~2; end_run(1)
            fi
        }
    :: atomic { !lock && !waiting -> break }
    od
}

#define reached(goal) ((ended & (goal)) == (goal))

/* pn_attend: waits in the seat until the runs `goal` have ended; in a hurry, its deadline may pass at any time. It lets the lock go
 * only while it spins or sleeps. */
inline attend(goal) {
    acquire();
    seat = 1;
    o_rise();
    collect();
    do
    :: reached(goal) || hurry -> break
    :: !reached(goal) ->                        /* spins */
        release();
        acquire();
        collect()
    :: !reached(goal) ->
        o_doze(DOZES_B);
#ifndef BROKEN_SEAT_DOES_NOT_LOOK_AGAIN
        collect();
#endif
        if
        :: !reached(goal) ->
            seat_sleeps = 1;
            release();
            if
            :: atomic { reply_bell || kick -> reply_bell = 0; kick = 0 }
            :: hurry
            fi;
            acquire();
            seat_sleeps = 0
        :: else
        fi;
        o_rise();
        collect()
    od;
    seat = 0;
#ifndef BROKEN_SEAT_IS_LEFT_WITHOUT_A_WORD
    if
    :: count > 0 -> o_doze(DOZES_A); collect()
    :: else
    fi;
#endif
    release()
}

/* A thread that waits: for one run and then perhaps for all. */
#ifdef SEAT
active proctype waiter() {
    bit hurry;
    if
    :: hurry = 1
    :: true
    fi;
    attend(1);
    if
    :: hurry = 0; attend(ALL)
    :: hurry = 0
    fi
}

#endif

/* How the runs of a dead worker are sorted. */
inline bury() {
#ifndef BROKEN_REPLIES_OF_THE_DEAD_ARE_IGNORED
    collect();
#endif
    atomic {
        if
        :: count > 0 && mem[BEGUN] > oldest ->            /* it was executing */
            assert(mem[BEGUN] == oldest + 1);
            assert(!(replied & (1 << flight[0])));
            end_run(run_of[flight[0]]);
            drop_first()
        :: else
        fi;
        do
        :: count > 0 ->                         /* not begun */
            assert(!(started & (1 << flight[0])));
            end_run(run_of[flight[0]]);
            drop_first()
        :: else -> break
        od;
        buried = 1
    }
}

active proctype manager() {
    do
    :: atomic { message && !lock -> message = 0; lock = 1 };
#ifdef BROKEN_MANAGER_COLLECTS_BEFORE_IT_DOZES
        collect();
#endif
        if
        :: !seat && count > 0 -> o_doze(DOZES_A)
        :: !seat && count == 0 -> o_rise()
        :: else
        fi;
#ifndef BROKEN_MANAGER_COLLECTS_BEFORE_IT_DOZES
        collect();
#endif
        release()
    :: atomic { gone && !buried && !lock -> lock = 1 };
        bury();
        release()
    :: ended == ALL && !lock -> break
    od;
    leave = 1;
    call_bell = 1;
    assert(!replied)
}

/* ---- worker ---- */

#define seen mem[TURN + slot(i)]

inline claim() {
    if
    :: d_step { seen == turn(i, RECALLED) -> what = AGAIN }
    :: seen == turn(i, READY) ->
#ifndef BROKEN_CLAIM_STORES_WITH_RELEASE
        store_seq_cst(w, BEGUN, i + 1);
#else
        buffer(w, BEGUN, i + 1, 1);
#endif
        if
        :: d_step { seen == turn(i, READY) -> what = HAS }
#ifdef BROKEN_CLAIM_DOES_NOT_LOOK_AGAIN
        :: else -> what = HAS
#else
        :: else ->
            what = AGAIN;
#ifndef BROKEN_BEGUN_STAYS
            store_seq_cst(w, BEGUN, i)
#endif
#endif
        fi
    :: else -> what = NOTHING
    fi
}

/* A second claim, then sleep. */
inline doze() {
#ifndef BROKEN_WORKER_DOZES_WITH_RELEASE
    store_seq_cst(w, WSLEEP, DOZES_A | kept(WSLEEP));
#else
    buffer(w, WSLEEP, DOZES_A | kept(WSLEEP), 1);
#endif
#ifndef BROKEN_WORKER_DOES_NOT_LOOK_AGAIN
    claim();
#endif
    if
#ifndef BROKEN_WORKER_SLEEPS_OVER_AGAIN
    :: what == NOTHING ->
#else
    :: what == NOTHING || what == AGAIN ->
#endif
        assert(mem[BEGUN] == i || what == AGAIN);
        atomic { call_bell -> call_bell = 0 };
        if
        :: leave -> goto over
        :: else
        fi
    :: else
    fi;
    buffer(w, WSLEEP, AWAKE | kept(WSLEEP), 0)
}

/* What it reads is what was published last, and nobody writes it meanwhile. */
inline execute() {
    atomic {
        c = mem[CALL + slot(i)];
        assert(c > 0 && number[c - 1] == i);
        c--;
        assert(!(taken_back & (1 << c)));
        assert(!(executed & (1 << run_of[c])));
        executed = executed | (1 << run_of[c]);
        started = started | (1 << c)
    };
    assert(mem[CALL + slot(i)] == c + 1);
    buffer(w, REPLY + slot(i), c + 1, 0);
#if defined(BROKEN_REPLY_IS_PUBLISHED_RELAXED)
    buffer(w, RTURN + slot(i), turn(i, READY), 0);
#elif defined(BROKEN_REPLY_IS_PUBLISHED_WITH_RELEASE)
    buffer(w, RTURN + slot(i), turn(i, READY), 1);
#else
    atomic {
        store_seq_cst(w, RTURN + slot(i), turn(i, READY));
        replied = replied | (1 << c)
    };
#endif
    /* With patience: somebody may be about to look by himself. */
    if
    :: has_to_ring(OSLEEP) ->
        if
        :: who(mem[OSLEEP]) == AWAKE
        :: atomic {
                has_to_ring(OSLEEP) ->
                if
                :: who(mem[OSLEEP]) == DOZES_A -> message = 1
                :: who(mem[OSLEEP]) == DOZES_B -> reply_bell = 1
                fi;
                mem[OSLEEP] = mem[OSLEEP] | RUNG
            }
        fi
    :: else
    fi;
    c = 0;
    i++
}

active proctype worker() {
    byte i, c, what;
    {
        do
        :: claim();
            if
            :: what == NOTHING -> doze()
            :: else
            fi;
            if
            :: what == HAS -> execute()
            :: else                             /* NOTHING, AGAIN */
            fi;
            what = NOTHING
        od;
over:   skip
    } unless {
        atomic { death?true -> gone = 1 }
    }
}

/* What was stored by the dead is visible: the kernel tells of the death later. */
#ifdef DIES
active proctype killer() {
    if
    :: atomic {
            wn == 0 ->
end:        death!true
        }
    :: true
    fi
}
#endif

active proctype owner_cpu() { byte k; end: do :: drain(o) od }
active proctype worker_cpu() { byte k; end: do :: drain(w) od }
