/* ring.c - empty tasks, many at a time, to a forked worker: what can be had without prong. Each is a function, called by the worker, with a
 * number that it brings back one higher.
 *
 *     ring HOW-N PLACE SECONDS
 *
 *     plain-N    a ring of 64-byte slots for each direction; both sides spin; N tasks are put in, then N replies are taken
 *     window-N   the same; at most N are under way, and as many go in as replies were found
 *     cached-N   as plain, and each side looks at the other's counter only where its own copy of it says "full" or "empty"
 *     pipe-N     messages of 64 bytes through pipes: at most N are under way; a read takes all that is there
 *     stream-N   likewise through a unix stream */
#include "bench.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 1024, MOST = 1024 };

struct task { int (*fn)(void *record); uint64_t record[7]; };
_Static_assert(sizeof(struct task) == 64, "one line");

struct ring {
    _Alignas(64) atomic_size_t put;         /* tasks ever put in; the writer's */
    _Alignas(64) atomic_size_t taken;       /* the reader's */
    _Alignas(64) struct task slots[SLOTS];
};
struct end { struct ring *ring; size_t mine, others; };     /* a side's own counter, and its copy of the other's */

static struct end out, in;          /* of this process */
static bool caches;
static int fd_in, fd_out;
static size_t n;
static uint64_t sent, received;

static int empty(void *record)
{
    ++*(uint64_t *)record;
    return 0;
}

static void check(const struct task *t)
{
    if (t->record[0] != ++received)
        wrong("a reply is not the next one");
}

/* ---- rings ------------------------------------------------------------------------------------------------------------------ */

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool put(struct end *end, const struct task *t)
{
    if (!caches || end->mine - end->others == SLOTS)
        end->others = atomic_load_explicit(&end->ring->taken, memory_order_acquire);
    if (end->mine - end->others == SLOTS)
        return false;
    end->ring->slots[end->mine++ % SLOTS] = *t;
    atomic_store_explicit(&end->ring->put, end->mine, memory_order_release);
    return true;
}

static bool take(struct end *end, struct task *ret_task)
{
    if (!caches || end->mine == end->others)
        end->others = atomic_load_explicit(&end->ring->put, memory_order_acquire);
    if (end->mine == end->others)
        return false;
    *ret_task = end->ring->slots[end->mine++ % SLOTS];
    atomic_store_explicit(&end->ring->taken, end->mine, memory_order_release);
    return true;
}

static _Noreturn void serve_ring(void)
{
    for (struct task t;;) {
        while (!take(&in, &t))
            relax();
        t.fn(t.record);
        while (!put(&out, &t))
            relax();
    }
}

static void ring_put(void)
{
    struct task t = { .fn = empty, .record = { sent } };
    while (!put(&out, &t))
        relax();
    sent++;
}

static bool ring_take(void)
{
    struct task t;
    if (!take(&in, &t))
        return false;
    check(&t);
    return true;
}

static void batch_once(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        ring_put();
    for (size_t i = 0; i < n;)
        if (ring_take())
            i++;
        else
            relax();
}

static void window_once(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        while (sent - received == n)
            if (!ring_take())
                relax();
        ring_put();
        while (ring_take())
            ;
    }
}

static void open_rings(void)
{
    out.ring = shared_memory(sizeof(struct ring));
    in.ring = shared_memory(sizeof(struct ring));
}

static void turn_rings(void)
{
    struct end end = out;
    out = in;
    in = end;
}

/* ---- descriptors ------------------------------------------------------------------------------------------------------------ */

static void write_all(const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(fd_out, (const char *)data + done, size - done);
        if (wrote <= 0)
            die("write");
        done += (size_t)wrote;
    }
}

/* All that is there, in whole messages; how many. */
static size_t read_some(struct task *tasks)
{
    size_t got = 0;
    do {
        ssize_t n_read = read(fd_in, (char *)tasks + got, MOST * sizeof *tasks - got);
        if (n_read <= 0)
            die("read");
        got += (size_t)n_read;
    } while (got % sizeof *tasks != 0);
    return got / sizeof *tasks;
}

static _Noreturn void serve_fds(void)
{
    for (struct task tasks[MOST];;) {
        size_t got = read_some(tasks);
        for (size_t i = 0; i < got; i++)
            tasks[i].fn(tasks[i].record);
        write_all(tasks, got * sizeof *tasks);
    }
}

static void fds_once(void *arg)
{
    (void)arg;
    struct task tasks[MOST];
    for (size_t i = 0; i < n; i++) {
        if (sent - received == n)
            for (size_t got = read_some(tasks), j = 0; j < got; j++)
                check(&tasks[j]);
        write_all(&(struct task){ .fn = empty, .record = { sent++ } }, sizeof(struct task));
    }
}

static int back_in, back_out;       /* the worker's */

static void open_pipes(void)
{
    int there[2], back[2];
    if (pipe(there) < 0 || pipe(back) < 0)
        die("pipe");
    fd_out = there[1], back_in = there[0];
    fd_in = back[0], back_out = back[1];
}

static void open_stream(void)
{
    int both[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, both) < 0)
        die("socketpair");
    fd_in = fd_out = both[0];
    back_in = back_out = both[1];
}

static void turn_fds(void)
{
    fd_in = back_in;
    fd_out = back_out;
}

/* ---- from the top ----------------------------------------------------------------------------------------------------------- */

static const struct way {
    const char *prefix;
    bool caches;
    void (*open)(void), (*turn)(void), (*serve)(void), (*once)(void *arg);
} ways[] = {
    { "plain-", false, open_rings, turn_rings, serve_ring, batch_once },
    { "window-", false, open_rings, turn_rings, serve_ring, window_once },
    { "cached-", true, open_rings, turn_rings, serve_ring, batch_once },
    { "pipe-", false, open_pipes, turn_fds, serve_fds, fds_once },
    { "stream-", false, open_stream, turn_fds, serve_fds, fds_once },
};

static pid_t start_worker(const struct way *way, int cpu)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpu);
    way->turn();
    way->serve();
    _exit(1);
}

int main(int argc, char **argv)
{
    const struct way *way = NULL;
    for (size_t i = 0; argc == 4 && i < sizeof ways / sizeof *ways; i++)
        if (strncmp(argv[1], ways[i].prefix, strlen(ways[i].prefix)) == 0)
            way = &ways[i];
    n = way ? strtoul(argv[1] + strlen(way->prefix), NULL, 10) : 0;
    if (n < 1 || n > MOST) {
        fputs("usage: ring plain-N|window-N|cached-N|pipe-N|stream-N PLACE SECONDS\n", stderr);
        return 2;
    }
    struct place place = place_of(argv[2]);
    caches = way->caches;
    way->open();
    pid_t worker = start_worker(way, place.worker);
    pin(place.owner);
    print_times(measure(way->once, NULL, n, atof(argv[3])));
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    return 0;
}
