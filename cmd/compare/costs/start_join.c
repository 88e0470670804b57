/* start_join.c - a thread, a process by the zygote, and fork() for reference, which copies the page tables of all that the program holds. */
#include "compare/costs/start_join.h"

#include "compare/costs/room.h"
#include "compare/costs/series.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct load {
    const char *which;
    size_t bytes;
    uint32_t rounds;
} loads[] = {
    { "10MB", 10 << 20, 50 },
    { "1GB", 1 << 30, 20 },     /* of which fork() takes some ten milliseconds each */
};
enum { LOADS_N = sizeof loads / sizeof loads[0] };
static const uint64_t spare_bytes = 256 << 20;      /* is not taken from a machine that has no more */

/* ---- one worker ---------------------------------------------------------------------------------------------------------- */

static int do_nothing(void *record)
{
    (void)record;
    return 0;
}

static int take_solo(const struct way *way, double *ret_seconds, char ret_why[WHY_SIZE])
{
    prong_error end;
    prong_solo *solo;
    double start = measure_now();
    int r = prong_solo_start(&(prong_pool_opts){ .engine = way->engine }, do_nothing, NULL, 0, &solo);
    if (r < 0)
        return series_why(r, NULL, ret_why);
    r = prong_solo_join(solo, PRONG_NEVER, NULL, &end);
    prong_solo_free(solo);      /* within the time: only now is the worker gone */
    *ret_seconds = measure_now() - start;
    return r == 0 ? 0 : series_why(r, &end, ret_why);
}

static int take_fork(const struct way *way, double *ret_seconds, char ret_why[WHY_SIZE])
{
    (void)way;
    double start = measure_now();
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0) {
        snprintf(ret_why, WHY_SIZE, "fork: %s", strerror(errno));
        return -1;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *ret_seconds = measure_now() - start;
    return 0;
}

/* ---- the memory beside --------------------------------------------------------------------------------------------------- */

/* Memory with something in each page. NULL: there is not enough, and why. */
static void *hold(const struct load *load, char ret_why[WHY_SIZE])
{
    uint64_t room = room_bytes();
    if (load->bytes > spare_bytes && room < load->bytes + spare_bytes) {
        snprintf(ret_why, WHY_SIZE, "no %s to hold: %.0f MB are free on this machine or in its cgroup", load->which, (double)room / 1e6);
        return NULL;
    }
    char *memory = mmap(NULL, load->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        snprintf(ret_why, WHY_SIZE, "no %s to hold: %s", load->which, strerror(errno));
        return NULL;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < load->bytes; at += page)
        ((volatile char *)memory)[at] = 1;
    return memory;
}

static int measure_under(const struct load *load, const struct contender contenders[], struct costs *costs)
{
    char doing[64], why[WHY_SIZE] = "";
    struct series series = { .cost = "start_join", .which = load->which, .unit = "s", .doing = doing, .rounds = load->rounds };
    snprintf(doing, sizeof doing, "starting and joining one worker beside %s", load->which);
    if (contender_is_in(&contenders[C_THREADS]))
        series_add(&series, contenders[C_THREADS].engine, take_solo);
    if (contender_is_in(&contenders[C_PROCESSES]))
        series_add(&series, contenders[C_PROCESSES].engine, take_solo);
    if (!contenders[C_PROCESSES].is_left_out)
        series_add(&series, "fork", take_fork);
    if (!series.n)
        return SAY_OK;
    say_progress("filling %s", load->which);
    void *memory = hold(load, why);
    for (size_t i = 0; i < series.n; i++)
        memcpy(series.way[i].why, why, sizeof why);
    int status = series_measure(&series, costs);
    if (memory)
        (void)munmap(memory, load->bytes);
    return status;
}

int start_join_measure(const struct contender contenders[CONTENDERS_N], struct costs *costs)
{
    int status = SAY_OK;
    for (int i = 0; i < LOADS_N && status == SAY_OK; i++)
        status = measure_under(&loads[i], contenders, costs);
    return status;
}
