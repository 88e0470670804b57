#include "bench.h"
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    SAMPLES_MAX = 1 << 20, SAMPLES_MIN = 5,
    SAMPLE_NS = 20000,          /* a look at the clock takes some 30 ns */
    WARM_UP_SHARE = 5,          /* of the time, 1 of so many */
    LINE = 64
};

void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

void wrong(const char *what)
{
    fprintf(stderr, "wrong data: %s\n", what);
    exit(1);
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void *touched_memory(size_t size, int flags)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (mem == MAP_FAILED)
        die("mmap");
    return mem;
}

void *shared_memory(size_t size)
{
    return touched_memory(size, MAP_SHARED);
}

void *private_memory(size_t size)
{
    return touched_memory(size, MAP_PRIVATE);
}

void hold_memory(size_t mb)
{
    size_t size = mb << 20;
    char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        die("mmap");
    if (madvise(mem, size, MADV_NOHUGEPAGE) < 0 && errno != EINVAL)      /* EINVAL: a kernel that has none */
        die("madvise");
    for (size_t i = 0; i < size; i += 4096)
        mem[i] = 1;
}

/* ---- placement -------------------------------------------------------------------------------------------------------------- */

struct place place_of(const char *name)
{
    cpu_set_t may, two;
    int cpus[2], n = 0;
    if (sched_getaffinity(0, sizeof may, &may) < 0)
        die("sched_getaffinity");
    CPU_ZERO(&two);
    for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
        if (CPU_ISSET(cpu, &may)) {
            CPU_SET(cpu, &two);
            cpus[n++] = cpu;
        }
    if (sched_setaffinity(0, sizeof two, &two) < 0)
        die("sched_setaffinity");
    if (strcmp(name, "free") == 0)
        return (struct place){ -1, -1 };
    if (strcmp(name, "one") == 0)
        return (struct place){ cpus[0], cpus[0] };
    if (strcmp(name, "two") != 0 || n < 2) {
        fprintf(stderr, "%s: no such placement here\n", name);
        exit(2);
    }
    return (struct place){ cpus[0], cpus[1] };
}

static void pin_thread(int thread, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(thread, sizeof set, &set) < 0)
        die("sched_setaffinity");
}

void pin(int cpu)
{
    if (cpu >= 0)
        pin_thread(0, cpu);
}

void pin_all_threads(int cpu)
{
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        die("/proc/self/task");
    for (struct dirent *one; (one = readdir(tasks));)
        if (cpu >= 0 && one->d_name[0] != '.')
            pin_thread(atoi(one->d_name), cpu);
    closedir(tasks);
}

/* ---- measuring -------------------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

struct times times_of(int64_t *ns, size_t n)
{
    if (n == 0)
        return (struct times){ 0 };
    qsort(ns, n, sizeof *ns, by_size);
    return (struct times){ (double)ns[n / 2], (double)ns[n - 1 - n / 100], n };
}

static int64_t time_of(void (*once)(void *arg), void *arg, uint64_t calls)
{
    int64_t begin = now_ns();
    for (uint64_t i = 0; i < calls; i++)
        once(arg);
    return now_ns() - begin;
}

/* Also the warm-up. */
static uint64_t calls_per_sample(void (*once)(void *arg), void *arg, double seconds)
{
    int64_t end = now_ns() + (int64_t)(seconds * 1e9 / WARM_UP_SHARE);
    uint64_t calls = 1;
    do
        if (time_of(once, arg, calls) < SAMPLE_NS)
            calls *= 2;
    while (now_ns() < end);
    return calls;
}

static int64_t *samples(void)
{
    int64_t *ns = malloc(SAMPLES_MAX * sizeof *ns);
    if (!ns)
        die("malloc");
    return ns;
}

struct times measure(void (*once)(void *arg), void *arg, size_t works, double seconds)
{
    uint64_t calls = calls_per_sample(once, arg, seconds);
    int64_t *ns = samples(), end = now_ns() + (int64_t)(seconds * 1e9);
    size_t n = 0;
    while (n < SAMPLES_MAX && (now_ns() < end || n < SAMPLES_MIN))
        ns[n++] = time_of(once, arg, calls);
    struct times t = times_of(ns, n);
    free(ns);
    double share = (double)calls * (double)works;
    return (struct times){ t.median_ns / share, t.p99_ns / share, n };
}

struct times measure_after_pause(void (*once)(void *arg), void *arg, int64_t pause_us, double seconds)
{
    struct timespec pause = { .tv_sec = pause_us / 1000000, .tv_nsec = pause_us % 1000000 * 1000 };
    int64_t *ns = samples(), begin = now_ns(), end = begin + (int64_t)(seconds * 1e9), warm = begin + (end - begin) / WARM_UP_SHARE;
    size_t n = 0;
    while (n < SAMPLES_MAX && (now_ns() < end || n < SAMPLES_MIN)) {
        nanosleep(&pause, NULL);
        ns[n] = time_of(once, arg, 1);
        if (now_ns() > warm)
            n++;
    }
    struct times t = times_of(ns, n);
    free(ns);
    return t;
}

void print_times(struct times t)
{
    printf("{\"ns\": %.1f, \"p99_ns\": %.1f, \"n\": %zu}\n", t.median_ns, t.p99_ns, t.n);
}

/* ---- payloads --------------------------------------------------------------------------------------------------------------- */

static uint64_t pattern(size_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t stamp(uint64_t round, size_t i)
{
    return (round << 8) + i * 16;
}

static size_t stamp_at(size_t size, size_t i)
{
    size_t words = size / sizeof(uint64_t);
    return i == 0 ? 0 : i == 1 ? words / 2 : words - 1;
}

void payload_fill(void *data, size_t size)
{
    uint64_t *words = data;
    for (size_t i = 0; i < size / sizeof *words; i++)
        words[i] = pattern(i);
}

void payload_stamp(void *data, size_t size, uint64_t round)
{
    uint64_t *words = data;
    for (size_t i = 0; i < 3; i++)
        words[stamp_at(size, i)] = stamp(round, i);
}

void payload_answer(void *data, size_t size)
{
    uint64_t *words = data;
    for (size_t i = 0; i < 3; i++)
        words[stamp_at(size, i)]++;
}

void payload_check(const void *data, size_t size, uint64_t round)
{
    const uint64_t *words = data;
    for (size_t i = 0; i < 3; i++)
        if (words[stamp_at(size, i)] != stamp(round, i) + 1)
            wrong("a stamp is not of this round");
}

void payload_check_all(const void *data, size_t size, uint64_t round)
{
    const uint64_t *words = data;
    size_t middle = stamp_at(size, 1), last = stamp_at(size, 2);
    payload_check(data, size, round);
    for (size_t i = 1; i < last; i++)
        if (i != middle && words[i] != pattern(i))
            wrong("the payload is not what was sent");
}

void lines_touch(void *data, size_t size)
{
    volatile uint8_t *bytes = data;
    for (size_t i = 0; i < size; i += LINE)
        bytes[i]++;
}

void lines_check(const void *data, size_t size, uint64_t touches)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i += LINE)
        if (bytes[i] != (uint8_t)touches)
            wrong("a line was not touched by both");
}
