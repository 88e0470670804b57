/* zygote.pml - owner, zygote, stand-by and workers, any of which may die at any step.
 *
 * Models src/engine/processes/zygote_main.c (what a zygote and its stand-by do: starting, reaping, killing), zygote.c (burying, promoting),
 * manager.c and link.c (what the owner makes of STARTED, NOT_STARTED, ENDED and of a zygote's death).
 *
 * Abstracted: one pool with one link, and one run on it; opening a pool is a part of its first START; that a worker is ready is seen
 * when it has been told as started; what link.pml shows: a call is begun, and replied to, in one step each. A pidfd is a look at whether
 * that process is dead. A message that was sent is received, also if its sender has died since; what was sent to the dead is lost. A
 * worker may go on for a while after its zygote's death: the kernel's signal takes time. A stand-by whose end of the control channel
 * died with its maker leaves, and is buried by nobody.
 *
 * FAULTS is how many times something dies, is killed or cannot be forked, apart from the owner. That no order of steps goes on for ever
 * is searched for, too. */
#ifndef FAULTS
#define FAULTS 2
#endif
#define ZYGOTES (FAULTS + 2)
#define WORKERS (FAULTS + 1)
#define RETRIES 1
#define NONE 255

/* ---- what the kernel knows ---- */

#define UNBORN  0
#define STANDBY 1
#define ACTIVE  2
#define DEAD    3
#define YOUNG   4                               /* a worker that has not yet asked to die with its zygote */
#define ARMED   5
byte z[ZYGOTES], w[WORKERS], parent[WORKERS];
bit owner_dead;
byte z_born, w_born;
byte faults;
#define z_lives(g) (z[g] == STANDBY || z[g] == ACTIVE)
#define w_lives(i) (w[i] == YOUNG || w[i] == ARMED)

/* ---- messages ---- */

#define PROMOTE     1                           /* owner to stand-by, on its control channel */
#define TELL_STANDBY 2                          /* zygote to owner, on its control channel; with the new one's control end and pidfd */
#define START       3
#define KILL        4
#define STARTED     5
#define NOT_STARTED 6
#define ENDED       7
chan to_z[ZYGOTES] = [1] of { byte };
chan from_z[ZYGOTES] = [2] of { byte };
chan to_pool[ZYGOTES] = [2] of { byte, byte };
chan from_pool[ZYGOTES] = [3] of { byte, byte };

/* ---- a zygote's own ---- */

byte mate[ZYGOTES];                             /* its stand-by */
byte tell[ZYGOTES], tell_of[ZYGOTES];           /* what it is about to say */
bit hung_up[ZYGOTES];                           /* its control channel has ended: the other end was in a process that is gone */
byte zombies[ZYGOTES];                          /* its workers that are to be reaped, as bits */

/* ---- the owner's own ---- */

byte zygote, standby = NONE;
bit broken, buried[ZYGOTES];

#define ABSENT   0
#define STARTING 1
#define HERE     2
byte link, link_id;                             /* of which worker */
bit kill_asked[WORKERS], told_end[WORKERS];

#define WAITING 0
#define SENT    1
#define OVER    2
#define DONE    1
#define CRASHED 2
#define LOST    3
byte state, kind, retries = RETRIES;
bit is_there[WORKERS], begun[WORKERS], replied[WORKERS];      /* the link's memory, which each worker has anew */

/* ---- zygotes ---- */

inline dies(g) {
    if
    :: tell[g] == TELL_STANDBY -> hung_up[tell_of[g]] = 1
    :: else
    fi;
    z[g] = DEAD; zombies[g] = 0; tell[g] = 0; tell_of[g] = 0; mate[g] = NONE;
    k = 0;
    do
    :: to_z[g]?k
    :: to_pool[g]?k, _
    :: empty(to_z[g]) && empty(to_pool[g]) -> k = 0; break
    od
}

#define is_unreaped(g, i) (parent[i] == g && (w_lives(i) || (zombies[g] & (1 << i))))
#define idle (z[g] == ACTIVE && !tell[g] && !owner_dead)

inline w_dies(i) {
    w[i] = DEAD;
    if
    :: z[parent[i]] != DEAD -> zombies[parent[i]] = zombies[parent[i]] | (1 << i)
    :: else
    fi
}

proctype zygote_process(byte g) {
    byte k, id;
end:
    do
    :: atomic { z_lives(g) && !owner_dead && faults < FAULTS -> faults++; dies(g) }
#ifndef BROKEN_STANDBY_DOES_NOT_WATCH_THE_OWNER
    :: atomic { z_lives(g) && owner_dead -> dies(g) }
#else
    :: atomic { z[g] == ACTIVE && owner_dead -> dies(g) }
#endif
#ifndef BROKEN_STANDBY_THAT_NOBODY_KNOWS_STAYS
    :: atomic { z[g] == STANDBY && hung_up[g] -> dies(g) }
#endif
    :: atomic {
            z[g] == STANDBY && nempty(to_z[g]) ->
            to_z[g]?_;
            k = 0;
            do
            :: k < ZYGOTES -> assert(z[k] != ACTIVE); k++
            :: else -> k = 0; break
            od;
            z[g] = ACTIVE
        }
    /* A stand-by where there is none. */
#ifndef BROKEN_PROMOTED_HAS_NO_STANDBY
    :: atomic { idle && mate[g] == NONE && z_born < ZYGOTES ->
#else
    :: atomic { idle && mate[g] == NONE && z_born < ZYGOTES && g == 0 ->
#endif
            z[z_born] = STANDBY; mate[g] = z_born;
            tell[g] = TELL_STANDBY; tell_of[g] = z_born;
            z_born++
        }
#ifndef BROKEN_STANDBY_IS_NOT_REPLACED
    :: atomic { idle && mate[g] != NONE && z[mate[g]] == DEAD -> mate[g] = NONE }
#endif
    :: atomic { z[g] == ACTIVE && tell[g] == TELL_STANDBY && nfull(from_z[g]) -> from_z[g]!tell_of[g]; tell[g] = 0; tell_of[g] = 0 }
    :: atomic {
            z[g] == ACTIVE && tell[g] > TELL_STANDBY && nfull(from_pool[g]) ->
            from_pool[g]!tell[g], tell_of[g];
            tell[g] = 0; tell_of[g] = 0
        }
    :: atomic {
            idle && to_pool[g]?[START, _] ->
            to_pool[g]?START, id;
            if
            :: w[id] = YOUNG; parent[id] = g; w_born = id + 1; tell[g] = STARTED
            :: faults < FAULTS -> faults++; tell[g] = NOT_STARTED
            fi;
            tell_of[g] = id; id = 0
        }
    /* Only its own child that it has not reaped: another may have that pid by now. */
    :: atomic {
            idle && to_pool[g]?[KILL, _] ->
            to_pool[g]?KILL, id;
            if
#ifndef BROKEN_KILL_OF_WHO_WAS_REAPED
            :: is_unreaped(g, id) ->
#else
            :: true ->
#endif
                assert(is_unreaped(g, id) && kill_asked[id]);
                if
                :: w_lives(id) -> w_dies(id)
                :: else
                fi
            :: else
            fi;
            id = 0
        }
    :: atomic {
            idle && zombies[g] ->
            k = 0;
            do
            :: zombies[g] & (1 << k) -> break
            :: else -> k++
            od;
#ifndef BROKEN_ENDED_IS_TOLD_TWICE
            zombies[g] = zombies[g] & ~(1 << k);
#else
            zombies[g] = (told_end[k] -> 0 : zombies[g]);
#endif
            tell[g] = ENDED; tell_of[g] = k; k = 0
        }
    od
}

/* ---- workers ---- */

/* Nobody else has that run. */
#define is_at_work(i) (link == HERE && link_id == i && state == SENT)

proctype worker_process(byte i) {
    bit warned;                                 /* will be killed with its parent: no signal comes for one that had died before */
end:
    do
    :: atomic {
            w[i] == YOUNG ->
            if
#ifndef BROKEN_WORKER_DOES_NOT_LOOK_FOR_ITS_PARENT
            :: z[parent[i]] == DEAD -> w[i] = DEAD
            :: else -> w[i] = ARMED; warned = 1
#else
            :: w[i] = ARMED; warned = (z[parent[i]] != DEAD)
#endif
            fi
        }
    :: atomic { w[i] == ARMED && warned && z[parent[i]] == DEAD -> w[i] = DEAD }
    :: atomic { w[i] == ARMED && is_there[i] && !begun[i] -> assert(is_at_work(i)); begun[i] = 1 }
    :: atomic { w[i] == ARMED && begun[i] && !replied[i] -> assert(is_at_work(i)); replied[i] = 1 }
    :: atomic { w_lives(i) && faults < FAULTS && !owner_dead -> faults++; w_dies(i) }
    od
}

/* ---- owner ---- */

inline bury(g) {
    assert(z[g] == DEAD && !buried[g]);
    buried[g] = 1
}

inline end_run(what) {
    assert(state != OVER);
    assert(link == ABSENT || replied[link_id] == (what == DONE));
    state = OVER; kind = what
}

inline forget(i) { is_there[i] = 0; begun[i] = 0; replied[i] = 0 }

/* The worker is dead: what was there is taken, what was not begun waits again. */
inline clear_link(what) {
    if
#ifndef BROKEN_REPLIES_OF_THE_DEAD_ARE_IGNORED
    :: state == SENT && replied[link_id] -> end_run(DONE)
    :: state == SENT && begun[link_id] && !replied[link_id] ->
#else
    :: state == SENT && begun[link_id] ->
#endif
        if
        :: retries > 0 -> retries--; state = WAITING
        :: else -> end_run(what)
        fi
    :: state == SENT && !begun[link_id] -> state = WAITING
    :: else
    fi;
    link = ABSENT;
    if
    :: !w_lives(link_id) -> forget(link_id)     /* only so that there are fewer states */
    :: else
    fi
}

inline hear(what, id) {
    assert(what != ENDED || !told_end[id]);
    told_end[id] = told_end[id] || what == ENDED;
    if
    :: id == link_id && link == STARTING && what == STARTED -> link = HERE
    :: id == link_id && link != ABSENT && what == NOT_STARTED -> link = ABSENT
    :: id == link_id && link != ABSENT && what == ENDED -> clear_link(CRASHED)
    :: else
    fi
}

inline hear_standby() {
    if
#ifndef BROKEN_DEAD_STANDBY_IS_NOT_BURIED
    :: standby != NONE -> bury(standby)
#endif
    :: else
    fi;
    standby = id
}

/* All of it that can be read before it is buried, too. */
inline zygote_ended() {
    atomic {
#ifndef BROKEN_LAST_WORDS_ARE_NOT_HEARD
        do
        :: from_z[zygote]?id -> hear_standby(); id = 0
        :: empty(from_z[zygote]) -> break
        od;
#endif
        do
        :: from_pool[zygote]?what, id -> hear(what, id); what = 0; id = 0
        :: empty(from_pool[zygote]) -> break
        od
    };
    /* Its workers die a little later than it does; only then is their memory what it is. One that was not told as started has no run. */
#ifndef BROKEN_WORKERS_OF_A_DEAD_ZYGOTE_ARE_NOT_WAITED_FOR
    link != HERE || !w_lives(link_id);
#endif
    atomic {
        if
#ifndef BROKEN_STARTS_WITHOUT_AN_ANSWER_ARE_FORGOTTEN
        :: link != ABSENT -> clear_link(LOST)
#else
        :: link == HERE -> clear_link(LOST)
#endif
        :: else
        fi;
        bury(zygote);
        if
        :: standby != NONE ->
            zygote = standby; standby = NONE;
            if
            :: z_lives(zygote) -> to_z[zygote]!PROMOTE
            :: else                             /* will be seen */
            fi
        :: else ->
#ifndef BROKEN_NO_ZYGOTE_IS_NO_MATTER
            broken = 1;
            if
            :: state != OVER -> end_run(LOST)
            :: else
            fi
#endif
            zygote = NONE
        fi
    }
}

#define ready (!owner_dead && zygote != NONE)

proctype owner() {
    byte what, id, next_id;
    bit killed;
end:
    do
    :: atomic { ready && nempty(from_z[zygote]) -> from_z[zygote]?id; hear_standby(); id = 0 }
    :: atomic { ready && nempty(from_pool[zygote]) -> from_pool[zygote]?what, id; hear(what, id); what = 0; id = 0 }
#ifndef BROKEN_DEAD_STANDBY_IS_NOT_BURIED
    :: atomic { ready && standby != NONE && z[standby] == DEAD -> bury(standby); standby = NONE }
#endif
    :: ready && z[zygote] == DEAD -> zygote_ended()
    :: atomic { ready && state == SENT && replied[link_id] -> end_run(DONE); forget(link_id) }
    :: atomic {
            ready && z_lives(zygote) && link == ABSENT && state != OVER && nfull(to_pool[zygote]) ->
            assert(next_id < WORKERS);
            link = STARTING; link_id = next_id;
            to_pool[zygote]!START, next_id;
            next_id++
        }
    :: atomic { ready && link == HERE && w[link_id] == ARMED && state == WAITING -> is_there[link_id] = 1; state = SENT }
    :: atomic {
            ready && z_lives(zygote) && link == HERE && !killed && faults < FAULTS && nfull(to_pool[zygote]) ->
            faults++; killed = 1;
            kill_asked[link_id] = 1;
            to_pool[zygote]!KILL, link_id
        }
    :: owner_dead -> break
    od
}

/* ---- the end ---- */

inline all_are_well() {
    d_step {
        assert(state == OVER);
        assert(link != STARTING);
        assert(broken == (zygote == NONE));
        assert(!broken || standby == NONE);
        assert(broken || (z[zygote] == ACTIVE && standby != NONE && z[standby] == STANDBY));
        k = 0;
        do
        :: k < ZYGOTES ->
            assert(!z_lives(k) || k == zygote || k == standby);
            assert(z[k] != DEAD || buried[k] || hung_up[k]);
            k++
        :: else -> break
        od;
        k = 0
    }
}

inline nobody_remains() {
    d_step {
        k = 0;
        do
        :: k < ZYGOTES -> assert(!z_lives(k)); k++
        :: else -> break
        od;
        k = 0;
        do
        :: k < WORKERS -> assert(w[k] == UNBORN || w[k] == DEAD); k++
        :: else -> break
        od;
        k = 0
    }
}

/* The owner dies when all are waiting for something to happen, or at any other time. */
proctype owners_end() {
    byte k;
    if
    :: true ->
        faults = FAULTS;                        /* there were fewer */
        timeout -> all_are_well()
    :: true
    fi;
    owner_dead = 1;
    timeout -> nobody_remains()
}

init {
    byte k;
    atomic {
        do
        :: k < ZYGOTES -> mate[k] = NONE; run zygote_process(k); k++
        :: else -> break
        od;
        k = 0;
        do
        :: k < WORKERS -> run worker_process(k); k++
        :: else -> break
        od;
        k = 0;
        z[0] = ACTIVE; z_born = 1;
        run owner();
        run owners_end()
    }
}
