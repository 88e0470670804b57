/* memory.c - a program is weighed with one worker, then with eight more; it, its zygote and its workers together, so that a page which several
 * of them share counts once (PSS: each has its part of it).
 *
 * In a program of its own, since a thread leaves behind what the next one takes over: its stack and its part of the heap. While they are
 * weighed all workers are in a task, hence there, each in one of its own. */
#include "compare/costs/memory.h"

#include "compare/costs/trial.h"
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MORE = 8, ALL = 1 + MORE, ROUNDS = 6, LIMIT_MS = 10000 };

/* ---- a meeting of all workers -------------------------------------------------------------------------------------------- */

struct meeting {                /* in memory that all of them share */
    sem_t here, leave;
    struct seat { pid_t pid, parent; } seat[ALL];
};
struct invitation { struct meeting *meeting; uint32_t seat; };

static void open_meeting(struct meeting *meeting)
{
    (void)sem_init(&meeting->here, 1, 0);
    (void)sem_init(&meeting->leave, 1, 0);
}

static bool wait_for(sem_t *sem)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LIMIT_MS / 1000;
    int r;
    do
        r = sem_clockwait(sem, CLOCK_MONOTONIC, &until);
    while (r < 0 && errno == EINTR);
    return r == 0;
}

static int attend(void *record)
{
    struct invitation *invitation = record;
    struct meeting *meeting = invitation->meeting;
    meeting->seat[invitation->seat] = (struct seat){ getpid(), getppid() };
    (void)sem_post(&meeting->here);
    return wait_for(&meeting->leave) ? 0 : prong_fail(ETIMEDOUT, "nobody ended the meeting");
}

/* ---- weighing ------------------------------------------------------------------------------------------------------------ */

/* Negative: it cannot be read. */
static int64_t pss_bytes(pid_t pid)
{
    char line[256];
    int64_t kib = -1;
    snprintf(line, sizeof line, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(line, "re");
    if (!file)
        return -1;
    while (kib < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %" SCNd64, &kib) != 1)
            kib = -1;
    fclose(file);
    return kib < 0 ? -1 : kib * 1024;
}

/* A family's members, each once. */
static void add_member(pid_t family[], size_t *n, pid_t pid)
{
    for (size_t i = 0; i < *n; i++)
        if (family[i] == pid)
            return;
    family[(*n)++] = pid;
}

static int64_t weigh_family(const struct meeting *meeting, uint32_t workers)
{
    pid_t family[1 + 2 * ALL] = { getpid() };
    size_t n = 1;
    int64_t sum = 0;
    for (uint32_t i = 0; i < workers; i++)
        if (meeting->seat[i].pid != getpid()) {
            add_member(family, &n, meeting->seat[i].pid);
            add_member(family, &n, meeting->seat[i].parent);    /* the zygote */
        }
    for (size_t i = 0; i < n && sum >= 0; i++) {
        int64_t bytes = pss_bytes(family[i]);
        sum = bytes < 0 ? -1 : sum + bytes;
    }
    return sum;
}

/* Negative: somebody did not come, or nothing tells the weight. */
static int64_t weigh_when_here(struct meeting *meeting, uint32_t workers, uint32_t awaited)
{
    for (uint32_t i = 0; i < awaited; i++)
        if (!wait_for(&meeting->here))
            return -1;
    return weigh_family(meeting, workers);
}

static void let_go(struct meeting *meeting, uint32_t workers)
{
    for (uint32_t i = 0; i < workers; i++)
        (void)sem_post(&meeting->leave);
}

/* ---- the program that is weighed ----------------------------------------------------------------------------------------- */

static int64_t weigh_pool(prong_pool *pool, struct meeting *meeting, uint32_t workers)
{
    prong_future *runs[ALL];
    uint32_t n = 0;
    for (; n < workers; n++) {
        struct invitation invitation = { meeting, n };
        if (prong_submit(pool, attend, &invitation, sizeof invitation, NULL, &runs[n]) < 0)
            break;
    }
    int64_t bytes = n == workers ? weigh_when_here(meeting, n, n) : -1;
    let_go(meeting, n);
    if (prong_wait_all(runs, n, prong_in_ms(LIMIT_MS), NULL) != 0)
        bytes = -1;
    while (n-- > 0)
        prong_future_free(runs[n]);
    return bytes;
}

static void weigh_pools(const char *engine, int64_t ret_bytes[2])
{
    prong_pool *pool;
    if (prong_pool_open(&(prong_pool_opts){ .engine = engine, .workers = 1 }, &pool) < 0)
        return;
    struct meeting *meeting = prong_alloc(pool, sizeof *meeting, PRONG_WRITE);
    if (meeting) {
        open_meeting(meeting);
        ret_bytes[0] = weigh_pool(pool, meeting, 1);
        ret_bytes[1] = prong_pool_resize(pool, ALL) == 0 ? weigh_pool(pool, meeting, ALL) : -1;
        prong_free(pool, meeting);
    }
    (void)prong_pool_close(pool, prong_in_ms(LIMIT_MS));
}

static void weigh_forks(int64_t ret_bytes[2])
{
    uint32_t n = 0;
    struct meeting *meeting = mmap(NULL, sizeof *meeting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (meeting == MAP_FAILED)
        return;
    open_meeting(meeting);
    for (; n < ALL; n++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(attend(&(struct invitation){ meeting, n }));
        if (pid < 0)
            break;
        if (n == 0)
            ret_bytes[0] = weigh_when_here(meeting, 1, 1);
    }
    if (n == ALL)
        ret_bytes[1] = weigh_when_here(meeting, ALL, MORE);
    let_go(meeting, n);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    (void)munmap(meeting, sizeof *meeting);
}

int memory_trial(const char *engine)
{
    int64_t bytes[2] = { -1, -1 };      /* with one worker; with all */
    if (pss_bytes(getpid()) < 0) {
        trial_say_why("this kernel has no /proc/PID/smaps_rollup");
        return SAY_MISSING;
    }
    if (strcmp(engine, "fork") == 0)
        weigh_forks(bytes);
    else
        weigh_pools(engine, bytes);
    if (bytes[0] < 0 || bytes[1] < 0) {
        trial_say_why("nine workers could not be gathered and weighed");
        return SAY_MISSING;
    }
    printf("%" PRId64 "\n", (bytes[1] - bytes[0]) / MORE);
    return SAY_OK;
}

/* ---- the cost ------------------------------------------------------------------------------------------------------------ */

static int take(const struct way *way, double *ret_bytes, char ret_why[WHY_SIZE])
{
    char line[TRIAL_LINE];
    int r = trial_run("memory", way->engine, line, ret_why);
    if (r < 0)
        return r;
    if (sscanf(line, "%lf", ret_bytes) == 1)
        return 0;
    snprintf(ret_why, WHY_SIZE, "the trial said '%.80s'", line);
    return -1;
}

int memory_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs)
{
    struct series series = { .cost = "memory", .unit = "bytes", .doing = "weighing workers", .rounds = ROUNDS };
    if (contender_is_in(&contenders[C_THREADS]))
        series_add(&series, contenders[C_THREADS].engine, take);
    if (contender_is_in(&contenders[C_PROCESSES]))
        series_add(&series, contenders[C_PROCESSES].engine, take);
    if (!contenders[C_PROCESSES].is_left_out)
        series_add(&series, "fork", take);
    return series.n ? series_measure(&series, costs) : SAY_OK;
}
