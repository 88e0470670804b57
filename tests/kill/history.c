#include "history.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PIDS_MOST = 1 << 22, SENT_BACK_MOST = 3, COMPLAINTS_MOST = 20, DYING_MS = 2000, UNBEGUN_FEW = 8 };

struct story *stories;
struct history_counts counts;
static _Atomic uint32_t story_count;
static _Atomic int64_t *killed_at;               /* by pid: the last time. 0: never */
static _Atomic int64_t zygote_killed_at;

int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- memory: mapped, so that what the heap holds is prong's alone ---- */

static void *map(size_t size, int how)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return mem == MAP_FAILED ? NULL : mem;
}

bool history_open(void)
{
    cells = map(RUNS_MOST * sizeof *cells, MAP_SHARED);
    place = map(sizeof *place, MAP_SHARED);
    stories = map(RUNS_MOST * sizeof *stories, MAP_PRIVATE);
    killed_at = map(PIDS_MOST * sizeof *killed_at, MAP_PRIVATE);
    return cells && place && stories && killed_at;
}

void history_clear(void)
{
    (void)madvise(cells, RUNS_MOST * sizeof *cells, MADV_REMOVE);
    (void)madvise(stories, RUNS_MOST * sizeof *stories, MADV_DONTNEED);
    (void)madvise(killed_at, PIDS_MOST * sizeof *killed_at, MADV_DONTNEED);
    atomic_store(&story_count, 0);
    atomic_store(&zygote_killed_at, 0);
}

struct story *story_new(void)
{
    uint32_t i = atomic_load(&story_count);
    do
        if (i >= RUNS_MOST)
            return NULL;
    while (!atomic_compare_exchange_weak(&story_count, &i, i + 1));
    return &stories[i];
}

uint32_t story_index(const struct story *s) { return (uint32_t)(s - stories); }

/* ---- who has killed ---- */

void kill_begins(pid_t pid) { atomic_store(&killed_at[pid % PIDS_MOST], INT64_MAX); }       /* from now on it may die of it */
void kill_done(pid_t pid) { atomic_store(&killed_at[pid % PIDS_MOST], now_ns()); }
void kill_note_zygote(void) { atomic_store(&zygote_killed_at, now_ns()); }

static bool was_killed(const struct story *s, pid_t pid)
{
    return pid > 0 && atomic_load(&killed_at[pid % PIDS_MOST]) >= s->submitted_at;
}

/* Its workers die a moment after it, and may have been given runs until then. */
static bool lost_its_zygote(const struct story *s)
{
    int64_t at = atomic_load(&zygote_killed_at);
    return at != 0 && at >= s->submitted_at - (int64_t)DYING_MS * 1000000;
}

/* ---- telling ---- */

static void print_story(const struct story *s)
{
    static const char *const routes[ROUTES] = { "alone", "with on_end", "freed by on_end", "in a group", "in a group with on_end",
                                               "in a map" };
    static const char *const hows[] = { "if waiting", "ask", "kill" };
    const struct cell *c = &cells[story_index(s)];
    int64_t killed = s->end.pid > 0 ? atomic_load(&killed_at[s->end.pid % PIDS_MOST]) : 0;
    fprintf(stderr, "#   run %u: %s, %s, body %u, output %u, ask_ms %llu, kill_ms %llu, retries %u; submitted at %lld\n", story_index(s),
            conduct_names[s->conduct], routes[s->route], s->body_size, s->output_size, (unsigned long long)s->ask_ms,
            (unsigned long long)s->kill_ms, s->retries, (long long)s->submitted_at);
    if (s->how != NOT_CANCELLED)
        fprintf(stderr, "#   cancelled %s (%s): %s\n", s->by_group ? "by its group" : "by its handle", hows[s->how],
                strerror(-s->cancelled));
    fprintf(stderr, "#   told %u times, by on_end %u, by its group %u; first at %lld: kind %d, code %d, address %llx\n", s->told,
            s->on_ends, s->gives, (long long)s->told_at, s->end.kind, s->end.code, (unsigned long long)s->end.address);
    fprintf(stderr, "#   by worker %d, which %s %lld\n", s->end.pid, killed ? "we killed at" : "we did not kill:", (long long)killed);
    fprintf(stderr, "#   begun %u and ended %u then; %u and %u now\n", s->then.begun, s->then.ended, c->begun, c->ended);
}

void complain(const struct story *s, const char *fmt, ...)
{
    char text[512];
    va_list args;
    if (atomic_fetch_add(&counts.failures, 1) >= COMPLAINTS_MOST)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "# WRONG at %lld: %s\n", (long long)now_ns(), text);
    if (s)
        print_story(s);
}

/* ---- whether an end may be ---- */

static bool may_end(const struct story *s, const prong_error *end)
{
    switch ((enum prong_kind)end->kind) {
    case PRONG_DONE:
        return end->code == 0 && (s->conduct == WELL || s->conduct == LINGERS || s->conduct == SCRIBBLES);
    case PRONG_FAILED:
        return s->conduct == FAILS && end->code == ORDER_CODE;
    case PRONG_CRASHED:
        return (end->code == SIGKILL && was_killed(s, end->pid)) || (end->code == SIGABRT && s->conduct == ABORTS) ||
            (end->code == SIGSEGV && s->conduct == FAULTS && end->address == fault_address(story_index(s)));
    case PRONG_EXITED:
        return s->conduct == EXITS && end->code == ORDER_STATUS;
    case PRONG_TIMEOUT:
        return (s->kill_ms || s->ask_ms) && end->code == ETIMEDOUT;
    case PRONG_CANCELLED:
        return s->how != NOT_CANCELLED && end->code == ECANCELED;
    case PRONG_LOST:
        return lost_its_zygote(s);
    case PRONG_LIMIT:
    default:
        return false;
    }
}

/* What a cancel has said of a run of which it alone decided. */
static bool keeps_its_word(const struct story *s)
{
    if (s->how == NOT_CANCELLED || s->by_group)
        return true;
    switch (s->cancelled) {
    case 0:
        return s->end.kind == PRONG_CANCELLED;
    case -EBUSY:
        return s->how == PRONG_IF_WAITING && s->end.kind != PRONG_CANCELLED;
    case -EALREADY:
        return s->end.kind != PRONG_CANCELLED;
    case -EINPROGRESS:
        return s->how != PRONG_IF_WAITING;
    default:
        return false;
    }
}

struct result { const struct order *record; const void *output; size_t output_size; };

static const char *wrong_with_result(const struct story *s, const struct result *r, const prong_error *end)
{
    if (!r->record)
        return "it has no record";
    if (end->kind != PRONG_DONE && end->kind != PRONG_FAILED)
        return r->output ? "it has an output, but ended badly"
            : order_is_untouched(r->record, s->key) ? NULL : "its record is not as submitted";
    if (!order_is_done(r->record, s->key))
        return "its record is not as the task left it";
    if (r->output_size != s->output_size || (s->output_size > 0 && !r->output))
        return "its output is of another size";
    return output_is_right(r->output, s->output_size, s->key) ? NULL : "its output is wrong";
}

static const char *wrong_with_counts(const struct story *s)
{
    bool well = s->end.kind == PRONG_DONE || s->end.kind == PRONG_FAILED;
    if (well && (s->then.begun == 0 || s->then.ended == 0))
        return "it ended well, but its task did not";
    if (well && s->retries == 0 && s->then.begun != 1)
        return "it was not begun once";
    return s->then.begun > 1u + s->retries ? "it was begun too often" : NULL;
}

/* It scribbles, or shared a worker with one that did: replies that nobody has taken yet, and calls that have not been begun, are that worker's to
 * spoil. */
static bool had_a_scribbler(const struct story *s, const prong_error *end)
{
    const struct cell *c = &cells[story_index(s)];
    return s->conduct == SCRIBBLES || has_scribbled(end->pid) || has_scribbled(atomic_load(&c->first)) || has_scribbled(atomic_load(&c->last));
}

static void judge_end(const struct story *s, const struct result *r, const prong_error *end)
{
    const char *wrong = NULL;
    if (had_a_scribbler(s, end)) {               /* ends in some way; its worker's word may say that it has not begun */
        if (s->then.begun > 1u + s->retries + SENT_BACK_MOST)
            complain(s, "run %u: it was begun too often", story_index(s));
        return;
    }
    if (!may_end(s, end))
        wrong = "it must not end like that";
    if (!wrong)
        wrong = wrong_with_counts(s);
    if (!wrong)
        wrong = wrong_with_result(s, r, end);
    if (wrong)
        complain(s, "run %u: %s (%s)", story_index(s), wrong, end->text);
}

/* Who comes second says nothing: `told` may be seen before what the first has written. */
static void learn(struct story *s, const struct result *r, const prong_error *end)
{
    const struct cell *c = &cells[story_index(s)];
    if (atomic_fetch_add(&s->told, 1) > 0)
        return;
    s->told_at = now_ns();
    s->then.begun = atomic_load(&c->begun);
    s->then.ended = atomic_load(&c->ended);
    s->end.kind = end->kind, s->end.code = end->code, s->end.pid = end->pid, s->end.address = end->address;
    judge_end(s, r, end);
}

void story_told(struct story *s, prong_future *f)
{
    prong_error end;
    int r = prong_wait(f, PRONG_NOW, &end);
    if (r < 0 || r != end.kind || prong_future_state(f) != PRONG_ENDED)
        complain(s, "run %u has ended, and a wait for it says %d", story_index(s), r);
    if (r < 0)
        return;
    if (end.tag != story_index(s))
        complain(s, "run %u has the tag of %llu", story_index(s), (unsigned long long)end.tag);
    struct result result = { .record = prong_future_record(f) };
    result.output = prong_future_output(f, &result.output_size);
    learn(s, &result, &end);
}

void story_told_by_map(struct story *s, const prong_error *end, const struct order *record, uint64_t index)
{
    struct result result = { .record = record };
    if (end->tag != index)
        complain(s, "the end of record %llu of a map has the tag %llu", (unsigned long long)index, (unsigned long long)end->tag);
    learn(s, &result, end);
}

/* ---- when all is over ---- */

static const char *wrong_at_last(const struct story *s)
{
    const struct cell *c = &cells[story_index(s)];
    bool has_on_end = s->route == WITH_ON_END || s->route == FREED_BY_ON_END || s->route == IN_GROUP_WITH_ON_END;
    bool has_group = s->route == IN_GROUP || s->route == IN_GROUP_WITH_ON_END;
    if (s->on_ends != (has_on_end ? 1u : 0u))
        return "its on_end was not called once";
    if (s->untold ? s->gives > 1 : s->gives != (has_group ? 1u : 0u))
        return "its group did not give it once";
    if (s->told == 0)
        return s->untold ? NULL : "its end was never told";
    if (s->end.kind != PRONG_LOST && (c->begun != s->then.begun || c->ended != s->then.ended))
        return "its task went on after its end";
    return s->conduct == SCRIBBLES || keeps_its_word(s) ? NULL : "its cancel said otherwise";
}

static void count(const struct story *s)
{
    counts.runs++;
    if (s->told)
        counts.ends[s->end.kind <= PRONG_LOST ? s->end.kind : PRONG_LOST]++;
    counts.again += s->then.begun > 1;
}

/* Attempts of a run that ended badly whose task was never there. Between the engine's own mark that it has begun and the first line of
 * the task lie a few microseconds: few kills fall there, one of 400 where nothing else runs. A kill before that mark is to cost no attempt,
 * and all attempts are to be made. */
static uint32_t unbegun_attempts(const struct story *s)
{
    bool tried = s->end.kind == PRONG_CRASHED || s->end.kind == PRONG_EXITED || s->end.kind == PRONG_TIMEOUT;
    if (!s->told || !tried || s->how != NOT_CANCELLED || s->conduct == SCRIBBLES || lost_its_zygote(s) || s->then.begun > s->retries)
        return 0;
    return 1u + s->retries - s->then.begun;
}

void history_judge(uint32_t kills)
{
    uint32_t n = atomic_load(&story_count), unbegun = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct story *s = &stories[i];
        if (!s->submitted)
            continue;
        const char *wrong = wrong_at_last(s);
        if (wrong)
            complain(s, "run %u: %s", i, wrong);
        unbegun += unbegun_attempts(s);
        count(s);
    }
    counts.unbegun += unbegun;
    if (unbegun > UNBEGUN_FEW + kills / 20)
        complain(NULL, "%u attempts were never made, with %u kills of workers", unbegun, kills);
}
