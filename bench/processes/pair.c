/* pair.c - a payload to a forked process and back, one at a time: what can be had without prong.
 *
 *     pair WAY BYTES PLACE PAUSE_US SECONDS
 *
 * WAY: one of shm.c or fds.c; or `memcpy`, which copies the payload once, in one process. */
#include "pair.h"
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct way *way;
static size_t size;
static void *data, *copy;
static uint64_t round_no;

static const struct way *way_of(const char *name)
{
    for (const struct way *w = shm_ways; w->name; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    for (const struct way *w = fd_ways; w->name; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    return NULL;
}

static _Noreturn void serve(int cpu)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpu);
    for (;;) {
        void *got = way->receive(WORKER, data, size);
        if (way->touch == STAMPS)
            payload_answer(got, size);
        else if (way->touch == LINES)
            lines_touch(got, size);
        way->send(WORKER, got, size);
    }
}

/* Where the payload came back to. */
static void *trip(void)
{
    if (way->touch == STAMPS)
        payload_stamp(data, size, ++round_no);
    else if (way->touch == LINES)
        lines_touch(data, size);
    way->send(OWNER, data, size);
    return way->receive(OWNER, data, size);
}

static void trip_once(void *arg)
{
    (void)arg;
    void *got = trip();
    if (way->touch == STAMPS)
        payload_check(got, size, round_no);
    else
        round_no++;
}

static void check_all(void)
{
    if (way->touch == LINES)
        lines_check(data, size, 2 * round_no);
    if (way->touch != STAMPS)
        return;
    payload_fill(data, size);
    void *got = trip();
    payload_check_all(got, size, round_no);
}

static void copy_once(void *arg)
{
    (void)arg;
    payload_stamp(data, size, ++round_no);
    memcpy(copy, data, size);
    payload_answer(copy, size);
    payload_check(copy, size, round_no);
}

static struct times measure_it(void (*once)(void *arg), int64_t pause_us, double seconds)
{
    return pause_us ? measure_after_pause(once, NULL, pause_us, seconds) : measure(once, NULL, 1, seconds);
}

static struct times measure_memcpy(int64_t pause_us, double seconds)
{
    data = private_memory(size);
    copy = private_memory(size);
    payload_fill(data, size);
    struct times t = measure_it(copy_once, pause_us, seconds);
    payload_check_all(copy, size, round_no);
    return t;
}

static struct times measure_way(struct place place, int64_t pause_us, double seconds)
{
    way->open(size);
    data = way->buffer ? way->buffer(size) : private_memory(size);
    pid_t worker = fork();
    if (worker < 0)
        die("fork");
    if (worker == 0)
        serve(place.worker);
    pin(place.owner);
    if (way->touch == STAMPS)
        payload_fill(data, size);
    struct times t = measure_it(trip_once, pause_us, seconds);
    check_all();
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    return t;
}

int main(int argc, char **argv)
{
    bool is_memcpy = argc == 6 && strcmp(argv[1], "memcpy") == 0;
    way = argc == 6 ? way_of(argv[1]) : NULL;
    if (!way && !is_memcpy) {
        fputs("usage: pair WAY BYTES PLACE PAUSE_US SECONDS\n", stderr);
        return 2;
    }
    size = strtoul(argv[2], NULL, 10);
    if (way && way->most && size > way->most) {
        fprintf(stderr, "%s: at most %zu bytes at once\n", way->name, way->most);
        return 2;
    }
    struct place place = place_of(argv[3]);
    int64_t pause_us = atoll(argv[4]);
    double seconds = atof(argv[5]);
    print_times(is_memcpy ? measure_memcpy(pause_us, seconds) : measure_way(place, pause_us, seconds));
    return 0;
}
