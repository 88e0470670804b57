/* shm.c - ways through memory that both processes have. Whose turn it is stands in one word for each direction, on a line of its own.
 *
 *     copy-spin, copy-futex, copy-spin-futex   copied in by the sender, out by the receiver; how it waits: it spins; it sleeps on a futex;
 *                                              it spins for 20 us, then sleeps
 *     once-spin                                copied in and out by the owner alone: one copy each way
 *     lines-spin                               not copied, each line touched by both
 *     pass-spin                                not copied, not touched
 *     vm-spin                                  copied by the kernel from private to private memory: process_vm_readv, process_vm_writev
 *     copy-eventfd                             as copy-futex, with an eventfd for each direction */
#include "pair.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SPIN_NS = 20000, SPINS_PER_LOOK = 16 };

struct bell {
    _Alignas(64) atomic_uint turn;      /* rounds that this side was rung for */
    atomic_uint sleeps;                 /* it may be asleep; for spin-futex */
};
static struct shared { struct bell bells[2]; } *shared;     /* [who waits there] */
static unsigned seen[2];                                    /* likewise: private to each side */
static int event_fds[2];
static char *area;
static pid_t owner_pid;

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void futex_wait(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);     /* whatever it says: the caller looks again */
}

static void futex_wake(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- waiting: each pair rings the other side, and waits until this side is rung ---------------------------------------------- */

static struct bell *other(enum side side)
{
    return &shared->bells[side == OWNER ? WORKER : OWNER];
}

static bool is_rung(enum side side)
{
    return atomic_load_explicit(&shared->bells[side].turn, memory_order_acquire) != seen[side];
}

/* One writer, so a store would do; but here it takes a quarter longer for the whole trip than an instruction that locks. */
static void ring_spin(enum side side)
{
    atomic_fetch_add_explicit(&other(side)->turn, 1, memory_order_release);
}

static void wait_spin(enum side side)
{
    while (!is_rung(side))
        relax();
    seen[side]++;
}

static void ring_futex(enum side side)
{
    ring_spin(side);
    futex_wake(&other(side)->turn);
}

static void wait_futex(enum side side)
{
    while (!is_rung(side))
        futex_wait(&shared->bells[side].turn, seen[side]);
    seen[side]++;
}

/* Sequentially consistent: either the ringer sees the sleeper's flag, or the sleeper sees the new turn. */
static void ring_spin_futex(enum side side)
{
    atomic_fetch_add(&other(side)->turn, 1);
    if (atomic_load(&other(side)->sleeps))
        futex_wake(&other(side)->turn);
}

static void wait_spin_futex(enum side side)
{
    struct bell *bell = &shared->bells[side];
    for (int64_t end = now_ns() + SPIN_NS; !is_rung(side) && now_ns() < end;)
        for (int i = 0; i < SPINS_PER_LOOK && !is_rung(side); i++)
            relax();
    if (!is_rung(side)) {
        atomic_store(&bell->sleeps, 1);
        while (atomic_load(&bell->turn) == seen[side])
            futex_wait(&bell->turn, seen[side]);
        atomic_store_explicit(&bell->sleeps, 0, memory_order_relaxed);
    }
    seen[side]++;
}

static void ring_eventfd(enum side side)
{
    if (eventfd_write(event_fds[side == OWNER ? WORKER : OWNER], 1) < 0)
        die("eventfd_write");
}

static void wait_eventfd(enum side side)
{
    eventfd_t value;
    if (eventfd_read(event_fds[side], &value) < 0)
        die("eventfd_read");
    if (value != 1)
        wrong("an eventfd was rung twice");
}

/* ---- the payload ------------------------------------------------------------------------------------------------------------- */

static void open_shared(size_t size)
{
    shared = shared_memory(sizeof *shared);
    area = shared_memory(size);
    owner_pid = getpid();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);      /* where a child may not look at its parent unasked */
    for (int i = 0; i < 2; i++)
        if ((event_fds[i] = eventfd(0, EFD_CLOEXEC)) < 0)
            die("eventfd");
}

static void *area_of(size_t size)
{
    (void)size;
    return area;
}

#define COPY_WAY(how) \
    static void send_copy_##how(enum side side, void *data, size_t size) { memcpy(area, data, size); ring_##how(side); } \
    static void *receive_copy_##how(enum side side, void *data, size_t size) { wait_##how(side); return memcpy(data, area, size); }
COPY_WAY(spin)
COPY_WAY(futex)
COPY_WAY(spin_futex)
COPY_WAY(eventfd)

static void send_once(enum side side, void *data, size_t size)
{
    if (side == OWNER)
        memcpy(area, data, size);
    ring_spin(side);
}

static void *receive_once(enum side side, void *data, size_t size)
{
    wait_spin(side);
    return side == OWNER ? memcpy(data, area, size) : area;
}

static void send_in_place(enum side side, void *data, size_t size)
{
    (void)data, (void)size;
    ring_spin(side);
}

static void *receive_in_place(enum side side, void *data, size_t size)
{
    (void)data, (void)size;
    wait_spin(side);
    return area;
}

/* The worker's payload has the owner's address: it was forked. */
static void send_vm(enum side side, void *data, size_t size)
{
    struct iovec whole = { data, size };
    if (side == WORKER && process_vm_writev(owner_pid, &whole, 1, &whole, 1, 0) != (ssize_t)size)
        die("process_vm_writev");
    ring_spin(side);
}

static void *receive_vm(enum side side, void *data, size_t size)
{
    struct iovec whole = { data, size };
    wait_spin(side);
    if (side == WORKER && process_vm_readv(owner_pid, &whole, 1, &whole, 1, 0) != (ssize_t)size)
        die("process_vm_readv");
    return data;
}

const struct way shm_ways[] = {
    { "copy-spin", STAMPS, 0, open_shared, NULL, send_copy_spin, receive_copy_spin },
    { "copy-futex", STAMPS, 0, open_shared, NULL, send_copy_futex, receive_copy_futex },
    { "copy-spin-futex", STAMPS, 0, open_shared, NULL, send_copy_spin_futex, receive_copy_spin_futex },
    { "copy-eventfd", STAMPS, 0, open_shared, NULL, send_copy_eventfd, receive_copy_eventfd },
    { "once-spin", STAMPS, 0, open_shared, NULL, send_once, receive_once },
    { "lines-spin", LINES, 0, open_shared, area_of, send_in_place, receive_in_place },
    { "pass-spin", NOTHING, 0, open_shared, area_of, send_in_place, receive_in_place },
    { "vm-spin", STAMPS, 0, open_shared, NULL, send_vm, receive_vm },
    { .name = NULL },
};
