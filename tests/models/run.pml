/* run.pml - the states of a run: it is sent, taken back, cancelled in three ways, killed for its time, and its worker may die.
 *
 *   WAITING --claim--> IN_HAND --> SENT --> ENDED        IN_HAND: its large record is copied, without the lock
 *      ^                  |         |
 *      `--no worker, taken back, died before it had begun, retry
 *
 * Models src/core/run.c (claim, unclaim, begin_again, pn_run_end_locked, the cancels), src/engine/processes/dispatch.c (send, take back,
 * large records), collect.c (pn_collect), processes.c (recall, ask, kill_run) and manager.c (first_has_ended, take_runs, kill_overdue).
 *
 * Abstracted: one worker at a time, with room for two calls; what link.pml shows: a recall is one step, and all that a worker stored
 * before it died is seen. Run 0 is cancelled, and has a kill_ms; run 1 is a bystander.
 *
 * Everything is bounded (retries, deaths, cancels), and that no order of steps goes round in circles is searched for, too; so a run that
 * never ends is an invalid end state. */
#define RUNS 2
#define RETRIES 1
#define SENT_BACK_MOST 1
#define DEATHS 2
#ifndef CANCELS
#define CANCELS 1
#endif
#define OVERDUE 1

#define WAITING 0
#define IN_HAND 1
#define SENT    2
#define ENDED   3

#define DONE      1
#define CRASHED   2
#define TIMEOUT   3
#define CANCELLED 4

typedef run_t {
    byte state, kind, sent_back;
    byte retries = RETRIES;
    bit asked, kill_wanted;
    bit cancelled, done;                        /* for the properties: somebody tried to; the task has come to its end */
    byte attempts
}
run_t runs[RUNS];

/* The link: calls, the oldest first. */
#define NOT_BEGUN 0
#define BEGUN     1
#define REPLIED   2
#define GAVE_WAY  3
byte flight[2], phase[2], count;
bit here = 1;                                   /* may be sent to */
byte killed;                                    /* why: TIMEOUT or CANCELLED */
bit kill_sent;
bit alive = 1, by_kill;
byte deaths;
bit lock;

#define over (runs[0].state == ENDED && runs[1].state == ENDED)

/* ---- owner; all locked ---- */

inline end_run(r, what) {
    d_step {
        assert(runs[r].state != ENDED);
        assert(runs[r].done == (what == DONE));
        assert(what != CANCELLED || runs[r].cancelled);
        assert(what != TIMEOUT || r == 0);
        runs[r].state = ENDED;
        runs[r].kind = what
    }
}

inline drop_first() {
    flight[0] = flight[1]; phase[0] = phase[1];
    flight[1] = 0; phase[1] = 0;
    count--
}
inline drop_newest() {
    count--;
    flight[count] = 0; phase[count] = 0
}

#ifndef BROKEN_CANCELLED_IS_BEGUN_AGAIN
#define is_wanted(r) (!runs[r].asked && !runs[r].kill_wanted)
#else
#define is_wanted(r) true
#endif

/* A bad end: begun again where that is allowed. */
inline end_badly(r, what) {
    if
    :: runs[r].retries > 0 && is_wanted(r) ->
#ifndef BROKEN_RETRIES_ARE_NOT_COUNTED
        runs[r].retries--;
#endif
        runs[r].state = WAITING
    :: else -> end_run(r, what)
    fi
}

inline collect() {
    do
    :: atomic {
            count > 0 && phase[0] == REPLIED ->
            end_run(flight[0], DONE);
            drop_first()
        }
    :: atomic {
            count > 0 && phase[0] == GAVE_WAY ->
            end_run(flight[0], CANCELLED);
            drop_first()
        }
    :: else -> break
    od
}

/* From the newest back to `last`, as far as the worker has not begun them. */
inline take_back(last, and_last) {
    do
    :: atomic {
            count > 0 && phase[count - 1] == NOT_BEGUN && (and_last || flight[count - 1] != last) ->
            r = flight[count - 1];
            runs[r].state = WAITING;
            drop_newest();
            if
            :: r == last -> r = 0; break
            :: else -> r = 0
            fi
        }
    :: else -> break
    od
}

/* The kill must hit this run or none. What lay behind it has been taken back before; if some of that had begun, this one's reply is
 * there. */
inline kill_run(why) {
#ifndef BROKEN_KILL_DOES_NOT_COLLECT_FIRST
    collect();
#endif
    atomic {
        if
        :: runs[0].state == SENT ->
            assert(flight[0] == 0);
            if
            :: !killed -> killed = why
            :: else
            fi;
            here = 0;
            kill_sent = 1
        :: else
        fi
    }
}

inline send(r) {
    runs[r].state = SENT;
    flight[count] = r; phase[count] = NOT_BEGUN;
    count++
}

/* A run with a kill_ms has to begin when it is sent. */
#define has_room(r) (here && count < 2 && (r != 0 || count == 0))

inline hand_out(r) {
    if
    :: !is_wanted(r) -> end_run(r, CANCELLED)
    :: is_wanted(r) -> send(r)
    :: is_wanted(r) -> runs[r].state = IN_HAND
    fi
}

active proctype dispatcher() {
    do
    :: atomic { !lock && runs[0].state == WAITING && has_room(0) -> hand_out(0) }
    :: atomic { !lock && runs[1].state == WAITING && has_room(1) -> hand_out(1) }
    :: atomic { over -> break }
    od
}

/* Copies large records. */
inline copied(r) {
    if
#ifndef BROKEN_COPIED_AND_SENT_ALTHOUGH_CANCELLED
    :: runs[r].asked -> end_run(r, CANCELLED)
    :: !runs[r].asked && has_room(r) -> send(r)
    :: !runs[r].asked && !has_room(r) -> runs[r].state = WAITING
#else
    :: has_room(r) -> send(r)
    :: !has_room(r) -> runs[r].state = WAITING
#endif
    fi
}
active proctype copier() {
    do
    :: atomic { !lock && runs[0].state == IN_HAND && (runs[0].asked || has_room(0) || !here) -> copied(0) }
    :: atomic { !lock && runs[1].state == IN_HAND && (runs[1].asked || has_room(1) || !here) -> copied(1) }
    :: atomic { over -> break }
    od
}

active proctype collector() {
    do
    :: atomic { !lock && count > 0 && phase[0] >= REPLIED -> lock = 1 };
        collect();
        lock = 0
    :: atomic { over -> break }
    od
}

#define IF_WAITING 1
#define ASK        2
#define KILL       3

/* All three ways: what has not begun is taken out of the queue, or the ring, and ended. */
active proctype canceller() {
    byte calls, how, r;
    do
    :: calls < CANCELS ->
        calls++;
        if
        :: how = IF_WAITING
        :: how = ASK
        :: how = KILL
        fi;
        atomic { !lock -> lock = 1; runs[0].cancelled = runs[0].state != ENDED || runs[0].cancelled };
        if
#ifndef BROKEN_KILL_DOES_NOT_TAKE_BACK_FIRST
        :: runs[0].state == SENT -> take_back(0, 1)
#else
        :: runs[0].state == SENT && how != KILL -> take_back(0, 1)
#endif
        :: else
        fi;
#ifndef BROKEN_CANCEL_ENDS_WHAT_IT_COULD_NOT_TAKE_BACK
        if
        :: runs[0].state == WAITING -> end_run(0, CANCELLED)
#else
        if
        :: runs[0].state == WAITING || runs[0].state == SENT -> runs[0].state = ENDED; runs[0].kind = CANCELLED
#endif
        :: runs[0].state == ENDED              /* -EALREADY */
        :: runs[0].state == IN_HAND || runs[0].state == SENT ->
            assert(runs[0].state == IN_HAND || runs[0].attempts > 0);         /* IF_WAITING: -EBUSY */
            runs[0].asked = runs[0].asked || how != IF_WAITING;
            runs[0].kill_wanted = runs[0].kill_wanted || how == KILL;
            if
            :: runs[0].state == SENT && how == KILL -> kill_run(CANCELLED)
            :: else
            fi
        fi;
        how = 0;
        lock = 0
    :: break
    od
}

/* kill_ms: the oldest run's time has passed. */
active proctype timer() {
    byte times, r;
    do
    :: atomic { !lock && times < OVERDUE && count > 0 && flight[0] == 0 && here -> lock = 1; times++ };
#ifndef BROKEN_TIMEOUT_LEAVES_OTHERS_BEHIND
        take_back(0, 0);
#endif
        kill_run(TIMEOUT);
        lock = 0
    :: break
    od
}

/* The oldest run of a dead worker, without a reply. */
inline first_of_dead() {
    if
#ifndef BROKEN_WHAT_WAS_BEGUN_IS_SENT_AGAIN
    :: phase[0] == BEGUN ->
#else
    :: phase[0] == BEGUN && runs[flight[0]].sent_back == SENT_BACK_MOST ->
#endif
        end_badly(flight[0], how)
    :: else ->
        if
#ifndef BROKEN_SENT_BACK_WITHOUT_LIMIT
        :: runs[flight[0]].sent_back < SENT_BACK_MOST && !runs[flight[0]].asked ->
#else
        :: !runs[flight[0]].asked ->
#endif
            runs[flight[0]].sent_back++;
            assert(runs[flight[0]].sent_back <= SENT_BACK_MOST);
            runs[flight[0]].state = WAITING
        :: else -> end_badly(flight[0], how)
        fi
    fi;
    drop_first()
}

/* Told of the death by the zygote; then there is another worker. */
active proctype manager() {
    byte how;
    do
    :: atomic { !alive && !lock -> lock = 1 };
#ifndef BROKEN_REPLIES_OF_THE_DEAD_ARE_IGNORED
        collect();
#endif
        atomic {
            if
            :: by_kill -> how = killed
            :: else -> how = CRASHED
            fi;
            if
            :: count > 0 -> first_of_dead()
            :: else
            fi;
            do
            :: count > 0 ->
#ifndef BROKEN_OTHERS_OF_THE_DEAD_ARE_FORGOTTEN
                runs[flight[0]].state = WAITING;
#endif
                drop_first()
            :: else -> break
            od;
            here = 1; alive = 1; killed = 0; kill_sent = 0; by_kill = 0;
            how = 0;
            lock = 0
        }
    :: atomic { over -> break }
    od
}

/* ---- worker: takes the oldest call without a reply; there is none behind one it is in the middle of ---- */

#define at (count > 1 && phase[0] >= REPLIED)
#define busy (alive && count > at)

/* The index is kept: one that depends on what is assigned would lead the search astray when it steps back. */
active proctype worker() {
    byte k;
end:
    do
    :: atomic {
            busy && phase[at] == NOT_BEGUN ->
            k = at;
            runs[flight[k]].attempts++;
            assert(runs[flight[k]].attempts <= RETRIES + 1);
            assert(!runs[flight[k]].asked && !runs[flight[k]].kill_wanted);
            phase[k] = BEGUN;
            k = 0
        }
    :: atomic { busy && phase[at] == BEGUN -> k = at; runs[flight[k]].done = 1; phase[k] = REPLIED; k = 0 }
    :: atomic { busy && phase[at] == BEGUN && runs[flight[at]].asked -> k = at; phase[k] = GAVE_WAY; k = 0 }
    :: atomic { alive && !over && deaths < DEATHS -> deaths++; alive = 0 }
    :: atomic { alive && kill_sent -> by_kill = 1; alive = 0 }
    od
}
