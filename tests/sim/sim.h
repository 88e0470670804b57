/* sim.h - threads and processes that are simulated: they do what they do in an order that a seed decides, and in the same order again
 * whenever that seed is asked for.
 *
 * An actor is a thread, or a process of one thread. Every access to a word (sync/atomic.h, or sim_read and sim_write for memory that
 * is not atomic) and every call of the kernel is a step, before which any other actor may go on, and any mortal one may be killed.
 *
 * Memory has two modes. TSO: an actor's stores wait in a buffer and leave it in order, at any time later; a sequentially consistent store
 * and every read-modify-write empty it first. That is x86. WEAK: stores to different words leave in any order, only a release store not
 * before those ahead of it; a sequentially consistent store waits there, too, until the actor's next sequentially consistent load. That
 * is close to arm64. In both an actor sees its own stores at once. What neither does: loads that are done early, as if the later one of
 * two came first. Instead every access to memory that is not atomic is checked to be ordered behind the last one by an acquire that has
 * seen a release: if not it is a race, and fails.
 *
 * It fails, too, when all actors sleep and one of those that have to come to an end has not, or when there is no end of steps. */
#pragma once
#include "sim/door.h"
#include <prong.h>

enum sim_mode { SIM_TSO, SIM_WEAK, SIM_MODES };
struct sim_test {
    const char *name;
    void (*begin)(void);              /* starts the actors */
    void (*end)(void);                /* looks at what they have left; may be NULL */
};
extern const struct sim_test *const sim_tests[];          /* what a program of tests has; the last is NULL */

/* ---- a run of a test ---- */

enum { SIM_WORDS = 300 };
/* False: it has failed, and ret_words says how. With `traced` every step is printed. */
bool sim_run(const struct sim_test *test, enum sim_mode mode, uint64_t seed, bool traced, char ret_words[SIM_WORDS]);
const char *sim_mode_name(enum sim_mode mode);

/* ---- for begin, end and the actors ---- */

uint32_t sim_random(uint32_t below);
void sim_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define sim_check(good, ...) ((good) ? (void)0 : sim_fail(__VA_ARGS__))
void sim_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));      /* into the trace */
/* Trace and failures call this memory by those words, and what lies in it by its index. */
void sim_name(const void *at, size_t size, size_t each, const char *whose, const char *what);

/* DAEMON: the run does not wait for its end. MORTAL: it may be killed anywhere, and all that it has stored is visible before its death
 * is told. */
enum { SIM_ACTORS = 12, SIM_DAEMON = 1, SIM_MORTAL = 2 };
int  sim_start(const char *name, void (*fn)(void *arg), void *arg, unsigned flags);      /* its number */
void sim_allow_kills(unsigned most);                      /* in this run */
void sim_pause(void);                                     /* lets others go on */

/* Memory that is not atomic. */
#define sim_read(p)     SIM_LOAD((p), SIM_PLAIN)
#define sim_write(p, v) SIM_STORE((p), (v), SIM_PLAIN)

/* ---- the kernel; sync/futex.h and base/clock.h are there, too ---- */

struct sim_stamp { uint32_t at[SIM_ACTORS]; };            /* how far of each actor's doing is known */
/* An eventfd; messages on a channel are as good as that. */
struct sim_counter { uint64_t n; struct sim_stamp stamp; };
void     sim_ring(struct sim_counter *c);                 /* one more */
uint64_t sim_take(struct sim_counter *c);                 /* what is there, 0 included; then it is 0 */
uint64_t sim_sleep(struct sim_counter *c);                /* the same, when it is not 0 */
/* Which of them are not 0, as bits, as soon as any is; 0: the deadline has passed. */
uint32_t sim_poll(struct sim_counter *const *c, unsigned n, prong_time deadline);
struct sim_counter *sim_death(int actor);                 /* a pidfd: not 0 once it is dead */
