#include "engines.h"
#include "proc.h"
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FULL = SANITIZED ? 0 : ON_EVERY | ON_THREADS, FULL_PROCESSES = SANITIZED ? 0 : ON_EVERY | ON_PROCESSES };

const struct engine_config engines[] = {
    { "serial", SERIAL, 1, ON_EVERY | ON_CROWDS | ON_ONE_EACH | ON_SINGLES },
    { "threads:1", THREADS, 1, ON_EVERY | ON_CROWDS | ON_SINGLES | ON_THREADS },
    { "threads:2", THREADS, 2, ON_EVERY | ON_CROWDS | ON_ONE_EACH | ON_THREADS },
    { "threads:7", THREADS, 7, ON_EVERY | ON_CROWDS | ON_THREADS },
    { "threads:64", THREADS, 64, ON_CROWDS | FULL },
    { "processes:1", PROCESSES, 1, ON_EVERY | ON_CROWDS | ON_SINGLES | ON_PROCESSES },
    { "processes:2", PROCESSES, 2, ON_EVERY | ON_CROWDS | ON_ONE_EACH | ON_PROCESSES },
    { "processes:7", PROCESSES, 7, ON_EVERY | ON_CROWDS | ON_PROCESSES },
    { "processes:64", PROCESSES, 64, ON_CROWDS | FULL_PROCESSES },
};

struct board *board;
static bool prepared;
static unsigned fds_before;

void add_case_on_for(unsigned scopes, const TTest *test, unsigned limit_s)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (engines[i].scopes & scopes)
            add_case_for(engines[i].name, test, (int)i, limit_s);
}

void add_case_on(unsigned scopes, const TTest *test)
{
    add_case_on_for(scopes, test, 0);
}

void board_log(uint32_t what)
{
    uint32_t at = atomic_fetch_add(&board->log_length.value, 1);
    if (at < BOARD_CELLS)
        board->log[at] = what;
}

void make_board(void)
{
    if (board)
        return;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(board, MAP_FAILED);
}

void prepare(int i)
{
    make_board();
    if (prepared)
        return;
    if (engines[i].kind == PROCESSES)
        ck_ok(prong_init());
    fds_before = open_fds();
    prepared = true;
}

prong_pool *begin_with(int i, prong_pool_opts opts)
{
    prong_pool *pool = NULL;
    prepare(i);
    opts.engine = engines[i].name;
    ck_ok(prong_pool_open(&opts, &pool));
    ck_assert_ptr_nonnull(pool);
    return pool;
}

prong_pool *begin(int i)
{
    return begin_with(i, (prong_pool_opts){ .workers = 0 });
}

void finish(prong_pool *pool)
{
    ck_ok(prong_pool_close(pool, PRONG_NEVER));
    ck_assert_uint_eq(open_fds(), fds_before);
}

prong_future *submit(prong_pool *pool, prong_fn *fn, const void *record, size_t size, const prong_run_opts *opts)
{
    prong_future *f = NULL;
    ck_ok(prong_submit(pool, fn, record, size, opts, &f));
    ck_assert_ptr_nonnull(f);
    return f;
}

prong_error end_of(prong_future *f)
{
    prong_error end = { .kind = -1 };
    int r = prong_wait(f, PRONG_NEVER, &end);
    ck_assert_msg(r >= 0, "prong_wait is %d: %s", r, prong_last_error());
    ck_assert_int_eq(r, end.kind);
    return end;
}

prong_error take_end(prong_future *f)
{
    prong_error end = end_of(f);
    prong_future_free(f);
    return end;
}

void await_state(const prong_future *f, enum prong_state state)
{
    while (prong_future_state(f) != state)
        (void)sched_yield();
}

int do_nothing(void *record)
{
    (void)record;
    return 0;
}

int do_increment(void *record)
{
    uint64_t *number = record;
    ++*number;
    return 0;
}

int do_return(void *record)
{
    const int *code = record;
    return *code;
}

int do_hold(void *record)
{
    const uint32_t *turn = record;
    tally_add(&board->here, 1);
    tally_await(&board->go, *turn);
    return 0;
}

int do_hold_and_log(void *record)
{
    const uint32_t *what = record;
    tally_await(&board->go, 1);
    board_log(*what);
    return 0;
}

/* Nothing tells a task that it is asked to give way but prong_cancelled itself, so this looks again and again. */
int do_until_told(void *record)
{
    (void)record;
    tally_add(&board->here, 1);
    while (!prong_cancelled())
        (void)tally_glance(&board->spare[0], 1);
    return 0;
}

int do_stay(void *record)
{
    (void)record;
    tally_add(&board->here, 1);
    for (;;)
        (void)pause();
}

int do_mark(void *record)
{
    (void)record;
    tally_add(&board->done, 1);
    return 0;
}

int do_give_way(void *record)
{
    struct telling *t = record;
    t->spoilt = 1;
    if (!prong_output_alloc(10))
        return 1;
    (void)do_until_told(NULL);
    return prong_fail(t->code, "this is not heard");
}

void expect_gave_way(prong_future *f, enum prong_kind kind, int code)
{
    prong_error end = end_of(f);
    ck_assert_int_eq(end.kind, kind);
    ck_assert_int_eq(end.code, code);
    ck_assert_str_ne(end.text, "");
    ck_assert_int_eq(((struct telling *)prong_future_record(f))->spoilt, 0);
    ck_assert_ptr_null(prong_future_output(f, NULL));
    prong_future_free(f);
}

struct held hold_workers(prong_pool *pool, uint32_t n)
{
    struct held h = { .n = n };
    uint32_t before = tally_read(&board->here), turn = tally_read(&board->go) + 1;
    for (uint32_t i = 0; i < n; i++)
        h.f[i] = submit(pool, do_hold, &turn, sizeof turn, NULL);
    tally_await(&board->here, before + n);
    return h;
}

void release_workers(struct held *h)
{
    tally_add(&board->go, 1);
    for (uint32_t i = 0; i < h->n; i++)
        ck_assert_int_eq(take_end(h->f[i]).kind, PRONG_DONE);
}

void leave_no_core(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the processes behind "processes" ---- */

static bool is_named(pid_t pid, const char *name)
{
    char path[64], text[32] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *f = fopen(path, "re");
    if (f && !fgets(text, sizeof text, f))
        text[0] = '\0';
    if (f)
        (void)fclose(f);
    text[strcspn(text, "\n")] = '\0';
    return strcmp(text, name) == 0;
}

/* Under the thread sanitizer a stand-by is the zygote's child, and later that of the harness, which inherits it; that has one case at a time. */
static pid_t descendant_named(const char *name)
{
    pid_t pids[256];
    size_t n = descendants_of(SANITIZED_THREAD ? getppid() : getpid(), pids, 256);
    for (size_t k = 0; k < n && k < 256; k++)
        if (is_named(pids[k], name) && is_alive(pids[k]))
            return pids[k];
    return 0;
}

/* One that has just been promoted may not bear the name yet, and nothing tells when it does. */
pid_t zygote(void)
{
    pid_t pid;
    while ((pid = descendant_named("prong-zygote")) == 0)
        (void)sched_yield();
    return pid;
}

pid_t standby(void) { return descendant_named("prong-standby"); }

size_t workers_of(pid_t parent, pid_t *ret_pids, size_t most)
{
    pid_t pids[256];
    size_t n = children_of(parent, pids, 256), workers = 0;
    for (size_t k = 0; k < n && k < 256; k++) {
        if (is_named(pids[k], "prong-standby"))        /* under the thread sanitizer a child like others */
            continue;
        if (workers++ < most)
            ret_pids[workers - 1] = pids[k];
    }
    return workers;
}
