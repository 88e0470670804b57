/* spin.c - threads that multiply, and count how often.
 *
 * A CPU's worth of work is what any of the threads got done in its best millisecond, while all were spinning: so a CPU that clocks
 * lower when its neighbours work as well is not taken for a busy one, as it would be against one thread that spins alone. A thread
 * that somebody else displaces, or whose virtual CPU is taken away, misses whole milliseconds of the window.
 *
 * Each multiplication waits for the one before, which leaves a CPU's units mostly idle: two hardware threads of one core get both
 * on at full speed, and count as two, as they do for the scheduler. */
#include "compare/machine/spin.h"

#include "compare/stats/measure.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>

enum { TRIES = 3, MULTIPLICATIONS = 2000 /* about 3 us */, STACK_SIZE = 256 << 10 };
static const double slice_s = 1e-3;
static const double settle_s = 0.01;    /* until the scheduler has spread the threads over the CPUs: two may wake up on the same */

/* For all threads. What is not a semaphore is written before `go` is posted. */
struct stage {
    sem_t ready, go;
    bool is_off;            /* not all threads could be started */
    double end[1 + TRIES];  /* of settling, then of each try */
};

struct spinner {
    struct stage *stage;
    pthread_t thread;
    uint64_t value;         /* so that the multiplications have an effect */
    double work[1 + TRIES]; /* in MULTIPLICATIONS */
    double best_rate;       /* work per second, of its best slice after settling */
};

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        ;                   /* a signal came */
}

static uint64_t multiply(uint64_t value)
{
    for (int i = 0; i < MULTIPLICATIONS; i++)
        value = value * 6364136223846793005u + 1442695040888963407u;
    return value;
}

/* From `begin` until `slice_s` later or `end`; gives the time it is then. What `end` has cut short may be too short for a rate. */
static double spin_slice(struct spinner *s, double begin, double end, double *work, double *best_rate)
{
    double now = begin, done = 0;
    uint64_t value = s->value;      /* the others' structs lie in the same cache line: not to be written all the time */
    if (begin + slice_s < end)
        end = begin + slice_s;
    for (; now < end; done++) {
        value = multiply(value);
        now = measure_now();
    }
    s->value = value;
    *work += done;
    if (now - begin >= slice_s && done / (now - begin) > *best_rate)
        *best_rate = done / (now - begin);
    return now;
}

static void *spin(void *arg)
{
    struct spinner *s = arg;
    double unused = 0;
    (void)sem_post(&s->stage->ready);
    await(&s->stage->go);
    double now = measure_now();
    for (int i = 0; i <= TRIES && !s->stage->is_off; i++)
        while (now < s->stage->end[i])
            now = spin_slice(s, now, s->stage->end[i], &s->work[i], i > 0 ? &s->best_rate : &unused);
    return NULL;
}

static void begin(struct stage *stage, uint32_t n, double seconds)
{
    for (uint32_t i = 0; i < n; i++)
        await(&stage->ready);
    stage->end[0] = measure_now() + settle_s;
    for (int i = 1; i <= TRIES; i++)
        stage->end[i] = stage->end[i - 1] + seconds;
    for (uint32_t i = 0; i < n; i++)
        (void)sem_post(&stage->go);
}

static uint32_t start_all(struct spinner spinners[], uint32_t n, struct stage *stage)
{
    pthread_attr_t attr;
    uint32_t started = 0;
    if (pthread_attr_init(&attr) != 0)
        return 0;
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    for (; started < n; started++) {
        spinners[started] = (struct spinner){ .stage = stage, .value = started };
        if (pthread_create(&spinners[started].thread, &attr, spin, &spinners[started]) != 0)
            break;
    }
    pthread_attr_destroy(&attr);
    return started;
}

static double cores_at_best(const struct spinner spinners[], uint32_t n, double seconds)
{
    double most = 0, best_rate = 0;
    for (int i = 1; i <= TRIES; i++) {
        double work = 0;
        for (uint32_t k = 0; k < n; k++)
            work += spinners[k].work[i];
        most = work > most ? work : most;
    }
    for (uint32_t k = 0; k < n; k++)
        best_rate = spinners[k].best_rate > best_rate ? spinners[k].best_rate : best_rate;
    double cores = best_rate > 0 ? most / (best_rate * seconds) : 0;
    return cores < n ? cores : n;
}

double spin_cores(uint32_t cpus, double seconds)
{
    struct stage stage = { .is_off = false };
    struct spinner *spinners = calloc(cpus, sizeof *spinners);
    if (!spinners)
        return 0;
    (void)sem_init(&stage.ready, 0, 0);
    (void)sem_init(&stage.go, 0, 0);
    uint32_t started = start_all(spinners, cpus, &stage);
    stage.is_off = started < cpus;
    begin(&stage, started, seconds);
    for (uint32_t i = 0; i < started; i++)
        (void)pthread_join(spinners[i].thread, NULL);
    double cores = started == cpus ? cores_at_best(spinners, cpus, seconds) : 0;
    (void)sem_destroy(&stage.go);
    (void)sem_destroy(&stage.ready);
    free(spinners);
    return cores;
}
