/* engine/processes/ring.h and sync/bell.h between real threads on one mapping, as an owner and its worker have it: so the thread sanitizer
 * sees both sides. Each case is a race of 100,000 calls, some of which are taken back before they are begun, and go again. */
#include "harness.h"
#include "engine/processes/ring.h"
#include "sync/bell.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CALLS = 100000, WORDS = 3 };

struct slot { pn_u64 turn; uint64_t word[WORDS]; };
struct area {
    struct slot call[PN_RING_SLOTS];      /* the owner's */
    pn_u32 board, leave;
    _Alignas(64) pn_u64 begun;            /* the worker's */
    pn_u32 sleep;
    struct slot reply[PN_RING_SLOTS];
    unsigned char executed[CALLS];        /* how often. Not atomic: the replies alone order it */
};

static struct {
    struct area *area;
    int call_bell, reply_bell;
    uint32_t spins;                       /* before either side dozes */
} both;

static uint64_t word_of_call(uint64_t run, int k) { return run * 8 + (uint64_t)k; }
static uint64_t word_of_reply(uint64_t run, int k) { return ~word_of_call(run, k); }

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 32) * below >> 32);
}

static void ring(int bell)
{
    uint64_t one = 1;
    if (write(bell, &one, sizeof one) != sizeof one)
        ck_abort_msg("write: %s", strerror(errno));
}

static void sleep_in(int bell)
{
    uint64_t count;
    if (read(bell, &count, sizeof count) != sizeof count)
        ck_abort_msg("read: %s", strerror(errno));
}

/* ---- worker ---- */

static void execute(struct area *a, uint64_t i, uint32_t *rung)
{
    struct slot *call = &a->call[pn_ring_slot(i)], *reply = &a->reply[pn_ring_slot(i)];
    uint64_t run = call->word[0] / 8;
    for (int k = 0; k < WORDS; k++) {
        if (run >= CALLS || call->word[k] != word_of_call(run, k))
            ck_abort_msg("call %d is damaged", (int)i);
        reply->word[k] = word_of_reply(run, k);
    }
    a->executed[run]++;
    pn_reply_publish(&reply->turn, i);
    if (pn_bell_look(&a->board, rung) != PN_AWAKE)
        ring(both.reply_bell);
}

static enum pn_claim await_call(struct area *a, uint64_t i, uint32_t *turn)
{
    const pn_u64 *call = &a->call[pn_ring_slot(i)].turn;
    enum pn_claim said;
    for (uint32_t spins = both.spins; spins > 0; spins--)
        if ((said = pn_call_claim(call, &a->begun, i)) != PN_CLAIM_NOTHING)
            return said;
    pn_bell_doze(&a->sleep, turn, PN_DOZES_A);
    said = pn_call_claim(call, &a->begun, i);
    if (said == PN_CLAIM_NOTHING && !pn_load_relaxed(&a->leave))
        sleep_in(both.call_bell);
    pn_bell_rise(&a->sleep);
    return said;
}

static void *work(void *arg)
{
    struct area *a = arg;
    uint32_t rung = 0, turn = 0;
    for (uint64_t i = 0; !pn_load_relaxed(&a->leave);)
        if (await_call(a, i, &turn) == PN_CLAIM_CALL)
            execute(a, i++, &rung);
    return NULL;
}

/* ---- owner ---- */

struct owner {
    struct area *area;
    uint64_t first, next;                 /* calls: the oldest without reply, and the next */
    uint64_t at[PN_RING_SLOTS];           /* their runs */
    uint64_t back[PN_RING_SLOTS];         /* runs that were taken back; the last goes first */
    uint64_t fresh;                       /* the next that was never sent */
    uint32_t backs, turn, rung, taken_back;
    uint64_t seed;
};

static bool can_send(const struct owner *o) { return o->next - o->first < PN_RING_SLOTS && (o->backs > 0 || o->fresh < CALLS); }

static void send(struct owner *o)
{
    uint64_t run = o->backs > 0 ? o->back[--o->backs] : o->fresh++;
    struct slot *call = &o->area->call[pn_ring_slot(o->next)];
    o->at[pn_ring_slot(o->next)] = run;
    for (int k = 0; k < WORDS; k++)
        call->word[k] = word_of_call(run, k);
    pn_call_publish(&call->turn, o->next++);
    if (pn_bell_look(&o->area->sleep, &o->rung) != PN_AWAKE)
        ring(both.call_bell);
}

/* What is written there now is seen by nobody, or the call that was taken back is read. */
static void take_back(struct owner *o, uint32_t most)
{
    for (; most > 0 && o->next > o->first; most--) {
        struct slot *call = &o->area->call[pn_ring_slot(o->next - 1)];
        if (!pn_call_recall(&call->turn, &o->area->begun, o->next - 1))
            return;
        o->back[o->backs++] = o->at[pn_ring_slot(--o->next)];
        o->taken_back++;
        memset(call->word, 0xff, sizeof call->word);
    }
}

static bool collect(struct owner *o)
{
    uint64_t before = o->first;
    for (; o->first < o->next; o->first++) {
        const struct slot *reply = &o->area->reply[pn_ring_slot(o->first)];
        uint64_t run = o->at[pn_ring_slot(o->first)];
        if (!pn_reply_is_there(&reply->turn, o->first))
            break;
        for (int k = 0; k < WORDS; k++)
            if (reply->word[k] != word_of_reply(run, k))
                ck_abort_msg("reply %d is damaged", (int)o->first);
        if (o->area->executed[run] != 1)
            ck_abort_msg("run %d was executed %d times", (int)run, o->area->executed[run]);
    }
    return o->first > before;
}

static void await_reply(struct owner *o)
{
    for (uint32_t spins = both.spins; spins > 0; spins--)
        if (collect(o))
            return;
    pn_bell_doze(&o->area->board, &o->turn, PN_DOZES_A);
    if (!collect(o))
        sleep_in(both.reply_bell);
    pn_bell_rise(&o->area->board);
}

static void own(struct owner *o)
{
    while (o->first < o->next || can_send(o)) {
        for (uint32_t burst = draw(&o->seed, PN_RING_SLOTS + 8); burst > 0 && can_send(o); burst--)
            send(o);
        if (draw(&o->seed, 3) == 0)
            take_back(o, 1 + draw(&o->seed, PN_RING_SLOTS));
        if (!collect(o) && o->first < o->next)
            await_reply(o);
    }
}

/* ---- cases ---- */

static void run_all(uint32_t spins)
{
    pthread_t worker;
    struct owner o = { .seed = 7 };
    o.area = mmap(NULL, sizeof *o.area, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(o.area, MAP_FAILED);
    both = (typeof(both)){ .area = o.area, .call_bell = eventfd(0, EFD_CLOEXEC), .reply_bell = eventfd(0, EFD_CLOEXEC), .spins = spins };
    ck_assert_int_eq(pthread_create(&worker, NULL, work, o.area), 0);
    own(&o);
    pn_store_relaxed(&o.area->leave, 1);
    ring(both.call_bell);
    ck_assert_int_eq(pthread_join(worker, NULL), 0);
    ck_assert_uint_eq(o.fresh, CALLS);
    ck_assert_uint_gt(o.taken_back, 0);
    (void)munmap(o.area, sizeof *o.area);
    (void)close(both.call_bell);
    (void)close(both.reply_bell);
}

START_TEST(a_call_is_executed_once_and_whole_by_a_worker_that_spins) { run_all(200); }
END_TEST

START_TEST(a_call_is_executed_once_and_whole_by_a_worker_that_sleeps) { run_all(0); }
END_TEST

int main(int argc, char **argv)
{
    add_case(a_call_is_executed_once_and_whole_by_a_worker_that_spins);
    add_case(a_call_is_executed_once_and_whole_by_a_worker_that_sleeps);
    return run_cases(argc, argv);
}
