/* history.h - what happened to each run of a round, and whether it may have.
 *
 * Who submits the run plans its story before, and writes `submitted` and `cancelled` after; who first learns its end (by `told`) writes
 * that. history_judge reads it all when the threads are gone. */
#pragma once
#include "order.h"
#include <prong.h>
#include <sys/types.h>

enum route { ALONE, WITH_ON_END, FREED_BY_ON_END, IN_GROUP, IN_GROUP_WITH_ON_END, IN_MAP, ROUTES };
enum cancel { NOT_CANCELLED = -1 };              /* else an enum prong_how */

struct story {
    uint64_t key;
    uint8_t  conduct, route, retries;
    int8_t   how;                                /* it was cancelled; by its group: its answer is not its own */
    bool     by_group, untold;                   /* untold: its group was closed before it was taken */
    bool     submitted;
    uint32_t body_size, output_size;
    uint64_t ask_ms, kill_ms;
    int      cancelled;                          /* what the cancel returned */
    int64_t  submitted_at, told_at;
    _Atomic uint32_t told, on_ends, gives;
    struct { int32_t kind, code, pid; uint64_t address; } end;
    struct { uint32_t begun, ended; } then;      /* what its task had told when its end was */
};

enum { RUNS_MOST = 1 << 15 };                    /* in a round */
extern struct story *stories;
extern struct history_counts {
    _Atomic uint64_t runs, ends[PRONG_LOST + 1], failures;
    _Atomic uint64_t again, unbegun;             /* begun more than once; attempts that died before their task */
} counts;

/* Once, before prong_init. */
bool history_open(void);
/* A new round: no run, and no memory used. */
void history_clear(void);

/* The next run's, or NULL: the round is full. */
struct story *story_new(void);
uint32_t story_index(const struct story *s);

/* The end has come to be known, in whichever way; `f` has ended. Any thread. */
void story_told(struct story *s, prong_future *f);
/* The same for a run of a map, whose end has the tag `index`. */
void story_told_by_map(struct story *s, const prong_error *end, const struct order *record, uint64_t index);
/* All is over, and the pool closed after so many kills: every run has exactly one end, and nothing has happened since. */
void history_judge(uint32_t kills);

/* Who has killed a run: told by the killer before and after it kills a worker, and so for the zygote. */
void kill_begins(pid_t pid);
void kill_done(pid_t pid);
void kill_note_zygote(void);

/* Prints what is wrong, with the story if there is one; counts it. */
void complain(const struct story *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int64_t now_ns(void);
