#include "order.h"
#include "chance.h"
#include "scribble.h"
#include <prong.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINGER_MS = 3, SPUN_US = 50 };

const char *const conduct_names[CONDUCTS] = { "well", "fails", "exits", "aborts", "faults", "hangs", "gives way", "lingers", "scribbles" };

struct cell *cells;
struct place *place;

void order_fill(struct order *o) { chance_fill(o->body, o->body_size, o->key); }
bool order_is_untouched(const struct order *o, uint64_t key) { return o->key == key && chance_filled(o->body, o->body_size, key); }
bool order_is_done(const struct order *o, uint64_t key) { return o->key == key && chance_filled(o->body, o->body_size, ~key); }
bool output_is_right(const void *output, size_t size, uint64_t key) { return chance_filled(output, size, key ^ 0x6f75); }
uint64_t fault_address(uint32_t index) { return 16 + index % 200 * 16; }

/* ---- in the worker ---- */

static void work(uint32_t us)
{
    struct timespec pause = { us / 1000000, us % 1000000 * 1000 };
    if (us >= SPUN_US) {
        (void)nanosleep(&pause, NULL);
        return;
    }
    for (volatile uint32_t i = 0; i < us * 100; i++)
        ;
}

static void linger(void)
{
    struct timespec now, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += LINGER_MS * 1000000;
    do {
        (void)sched_yield();
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!prong_cancelled() && (now.tv_sec - end.tv_sec) * 1000000000 + now.tv_nsec - end.tv_nsec < 0);
}

/* Returns only if the conduct lets the task go on. */
static void misbehave(const struct order *o)
{
    switch ((enum conduct)o->conduct) {
    case EXITS:
        o->key % 2 ? exit(ORDER_STATUS) : _exit(ORDER_STATUS);
    case ABORTS:
        abort();
    case FAULTS:
        *(volatile int *)(uintptr_t)fault_address(o->index) = 1;
        return;
    case HANGS:
        for (;;)
            (void)pause();
    case GIVES_WAY:
        while (!prong_cancelled())
            (void)sched_yield();
        return;
    case LINGERS:
        linger();
        return;
    case SCRIBBLES:
        atomic_store(&place->scribbler[atomic_fetch_add(&place->scribblers, 1) % SCRIBBLERS_MOST], getpid());
        scribble(o->key);
        return;
    default:
        return;
    }
}

bool has_scribbled(int pid)
{
    uint32_t n = atomic_load(&place->scribblers);
    for (uint32_t i = 0; pid && i < n && i < SCRIBBLERS_MOST; i++)
        if (atomic_load(&place->scribbler[i]) == pid)
            return true;
    return false;
}

int do_order(void *record)
{
    struct order *o = record;
    const struct order asked = *o;              /* a scribbler may spoil its own */
    struct cell *c = &cells[asked.index];
    if (atomic_fetch_add(&c->begun, 1) == 0)
        atomic_store(&c->first, getpid());
    atomic_store(&c->last, getpid());
    atomic_fetch_add(&place->begun, 1);
    if (!order_is_untouched(o, asked.key))
        return prong_fail(WRONG_RECORD, "order %u came with a wrong record", asked.index);
    if (asked.block && !chance_filled(asked.block, BLOCK_SIZE, BLOCK_KEY))
        return prong_fail(WRONG_BLOCK, "order %u finds its pool's memory spoilt", asked.index);
    work(asked.work_us);
    misbehave(&asked);
    if (!asked.may_be_asked && prong_cancelled())
        return prong_fail(WRONGLY_ASKED, "order %u was asked to give way", asked.index);
    unsigned char *output = asked.output_size ? prong_output_alloc(asked.output_size) : NULL;
    if (asked.output_size && !output)
        return prong_fail(NO_OUTPUT, "order %u got no output", asked.index);
    chance_fill(output, asked.output_size, asked.key ^ 0x6f75);
    chance_fill(o->body, asked.body_size, ~asked.key);
    atomic_fetch_add(&c->ended, 1);
    return asked.conduct == FAILS ? prong_fail(ORDER_CODE, "order %u fails", asked.index) : 0;
}

int do_meet(void *record)
{
    const uint32_t *wanted = record;
    atomic_fetch_add(&place->met, 1);
    while (atomic_load(&place->met) < *wanted)
        (void)sched_yield();
    return 0;
}
