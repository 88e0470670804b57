/* engines.h - the engine configurations that each contract case runs on, and what the cases have in common.
 *
 * A case is written once and registered with a scope; its loop index _i then says which configuration it is to open. */
#pragma once
#include "harness.h"
#include "tally.h"
#include <prong.h>

enum engine_kind { SERIAL, THREADS, PROCESSES };
struct engine_config { const char *name; enum engine_kind kind; uint32_t workers; unsigned scopes; };
extern const struct engine_config engines[];

enum scope {
    ON_EVERY = 1,      /* all of them; without 64 workers under a sanitizer */
    ON_CROWDS = 2,     /* all of them, always */
    ON_ONE_EACH = 4,   /* one configuration per engine, with 2 workers where there may be more than one */
    ON_SINGLES = 8,    /* one worker: what happens in between is in one order */
    ON_THREADS = 16,   /* of these engines those that ON_EVERY would take */
    ON_PROCESSES = 32,
};
void add_case_on(unsigned scopes, const TTest *test);
void add_case_on_for(unsigned scopes, const TTest *test, unsigned limit_s);

/* What the host and all workers of any engine see alike: it is there before prong_init, and stays shared. Fresh in each case. */
enum { BOARD_CELLS = 1 << 16 };
struct board {
    struct tally here, go, done;          /* who holds arrives here, and is held until go */
    struct tally spare[8];
    struct tally log_length;
    uint32_t log[BOARD_CELLS];
    _Atomic uint32_t cell[BOARD_CELLS];
};
extern struct board *board;
void board_log(uint32_t what);            /* in the order of the calls */

void make_board(void);                    /* once in a case, for what is done before prepare; later calls do nothing */
/* The board, and prong_init where the configuration needs it: once in a case, before anything else of it. */
void prepare(int i);
/* prepare, and a pool of the configuration. opts->engine and workers are filled in. */
prong_pool *begin(int i);
prong_pool *begin_with(int i, prong_pool_opts opts);
/* Closes it with all its runs well, and no descriptor more than there was at prepare. */
void finish(prong_pool *pool);

/* A call that must succeed, and says why it did not. */
#define ck_ok(call) do { int ok_ = (call); ck_assert_msg(ok_ == 0, "%s is %d: %s", #call, ok_, prong_last_error()); } while (0)
/* A call that must be refused with this errno, in words. */
#define ck_refused(call, errno_) do { \
    int refused_ = (call); \
    ck_assert_msg(refused_ == -(errno_), "%s is %d, not -%s: %s", #call, refused_, #errno_, prong_last_error()); \
    ck_assert_msg(prong_last_error()[0] != '\0', "%s tells no reason", #call); \
} while (0)

prong_future *submit(prong_pool *pool, prong_fn *fn, const void *record, size_t size, const prong_run_opts *opts);
/* Waits for the end, whatever it is. */
prong_error end_of(prong_future *f);
/* The same, and frees the future. */
prong_error take_end(prong_future *f);
/* Waits for a moment that only the state tells. */
void await_state(const prong_future *f, enum prong_state state);

/* ---- tasks ---- */

int do_nothing(void *record);
int do_increment(void *record);           /* of a uint64_t */
int do_return(void *record);              /* the int it is given */
int do_hold(void *record);                /* is here, and waits until go is the uint32_t it is given */
int do_hold_and_log(void *record);        /* the uint32_t it is given, once go is 1 */
int do_until_told(void *record);          /* is here, and stays until prong_cancelled */
int do_stay(void *record);                /* is here, and never returns */
int do_mark(void *record);                /* adds to done */

/* Spoils its record, makes an output, is here until prong_cancelled, and fails with the code: none of which is to be seen. */
struct telling { int32_t code, spoilt; };
int  do_give_way(void *record);
/* Waits for such a run, checks that it left no trace, and frees it. */
void expect_gave_way(prong_future *f, enum prong_kind kind, int code);

/* Fills `n` workers with do_hold, and returns when all are here. release opens the gate, waits for them, and frees them. */
struct held { prong_future *f[64]; uint32_t n; };
struct held hold_workers(prong_pool *pool, uint32_t n);
void release_workers(struct held *h);

void leave_no_core(void);                 /* of this process and those that begin as a copy of it: they die on purpose */
int64_t now_ns(void);

/* ---- the processes behind "processes" ---- */

pid_t zygote(void);                      /* of this program */
pid_t standby(void);                     /* its stand-by; 0: there is none now */
size_t workers_of(pid_t zygote, pid_t *ret_pids, size_t most);       /* spares included */
