/* A pool like any other to the core, whose engine has no workers: it sends runs to the owner, where they become runs of the real pool, and is told
 * their ends when it asks for them. Every message has one answer, so neither side ever has more to say than the channel holds.
 *
 * A task that waits for the end of any of its runs lends its place to another worker meanwhile; the answer comes when it has one again. */
#include "engine/processes/inner.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/engine.h"
#include "core/run.h"
#include "engine/processes/channel.h"
#include "engine/processes/hear.h"
#include "engine/processes/module.h"
#include "engine/processes/wire.h"
#include "memory/segment.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct pn_engine inner_engine;

static struct {
    int channel;
    const struct pn_calls *calls;
    const struct pn_owner_board *board;
    prong_pool *pool;
    union pn_message message;
} inner;

void pn_inner_begin(int channel, const struct pn_calls *calls, const struct pn_owner_board *board)
{
    inner.channel = channel;
    inner.calls = calls;
    inner.board = board;
}

int pn_inner_pool(prong_pool **ret_pool)
{
    prong_pool_opts opts = { .engine = "processes" };
    int r = inner.pool ? 0 : pn_pool_open(&inner_engine, &opts, 1, false, &inner.pool);
    if (r < 0)
        return r;
    inner.pool->workers = pn_load_relaxed(&inner.board->workers);
    inner.pool->workers_most = pn_load_relaxed(&inner.board->slots);
    *ret_pool = inner.pool;
    return 0;
}

/* ---- asking ---- */

/* What the owner says next, with its descriptors. */
static const union pn_message *hear(int fds[PN_CHANNEL_FDS])
{
    pn_hear(&inner.message, sizeof inner.message, fds);
    return &inner.message;
}

static void say(const struct iovec *parts, size_t n, int fd)
{
    if (pn_channel_send(inner.channel, parts, n, &fd, fd >= 0, true) < 0)
        _exit(0);
}

/* What the owner's own call has returned, its words in prong_last_error. */
static int answer(uint64_t *ret_value)
{
    int fds[PN_CHANNEL_FDS];
    const union pn_message *m = hear(fds);
    pn_close_fds(fds, PN_CHANNEL_FDS);
    if (m->kind != PN_ANSWER)
        return pn_error(-EPROTO, "the owner of the pool does not answer");
    if (ret_value)
        *ret_value = m->answer.value;
    return m->answer.text[0] ? pn_error(m->answer.r, "%s", m->answer.text) : m->answer.r;
}

static int ask(enum pn_wire_kind kind, const prong_future *run, uint64_t value, uint32_t access, uint64_t *ret_value)
{
    struct pn_ask_msg msg = { .kind = kind, .run = (uintptr_t)run, .value = value, .access = access };
    struct iovec part = { &msg, sizeof msg };
    say(&part, 1, -1);
    return answer(ret_value);
}

/* ---- submitting ---- */

static bool is_wanted(const prong_future *run) { return pn_load_relaxed(&run->refs) > 1; }

static int segment_of(const prong_future *run)
{
    int fd = pn_segment_new("prong-nested", run->size);
    void *mem = fd < 0 ? NULL : pn_segment_map(fd, run->size, true);
    if (mem)
        memcpy(mem, run->record, run->size);
    else if (fd >= 0)
        pn_close_fds(&fd, 1);
    pn_segment_unmap(mem, run->size);
    return fd;
}

static int check(prong_pool *pool, const struct pn_call *call, void **ret_place)
{
    struct pn_places *places;
    (void)pool;
    int r = pn_functions_find(call->fn, &places);
    *ret_place = places;
    return r;
}

/* Locked. It becomes a run of the real pool, or is refused there. */
static int admit(prong_pool *pool, prong_future *run)
{
    const struct pn_places *places = run->place;
    struct pn_submit_msg msg = { .kind = PN_SUBMIT, .run = is_wanted(run) ? (uintptr_t)run : 0, .call = run->call, .size = run->size, .ask_ms = run->ask_ms,
                                 .kill_ms = run->kill_ms, .retries = run->retries, .priority = run->priority, .tag = run->tag,
                                 .places_size = places ? places->size : 0 };
    struct iovec parts[3] = { { &msg, sizeof msg }, { run->place, msg.places_size }, { run->record, run->size } };
    bool large = run->size > PN_NESTED_INLINE_MAX;
    int fd = large ? segment_of(run) : -1;
    (void)pool;
    if (large && fd < 0)
        return pn_error(-ENOMEM, "no memory to send a record of %zu bytes", run->size);
    say(parts, large || !run->size ? 2 : 3, fd);
    pn_close_fds(&fd, 1);
    return answer(NULL);
}

/* It is with the owner already. What nobody will ask for is over, as far as this process goes. Locked. */
static void ready(prong_pool *pool, prong_future *run)
{
    struct pn_list later;
    (void)pool;
    pn_list_init(&later);
    bool wanted = is_wanted(run);
    if (pn_run_claim_this(run) && !wanted) {
        run->end = (prong_error){ .tag = run->tag };
        pn_run_end_locked(run, &later);
    }
}

/* ---- ends ---- */

/* A part of the answer: inline, or the next segment. NULL: there is none, or no memory for it. */
static void *take_part(const char **inlined, size_t size, int **fds, bool *ret_mapped)
{
    void *mem;
    *ret_mapped = size > PN_NESTED_INLINE_MAX;
    if (*ret_mapped)
        return pn_segment_map(*(*fds)++, size, true);
    mem = aligned_alloc(64, (size / 64 + 1) * 64);
    if (mem)
        memcpy(mem, *inlined, size);
    *inlined += size;
    return mem;
}

static void take_record(prong_future *run, const struct pn_ended_inside_msg *m, const char **inlined, int **fds)
{
    bool mapped;
    if (m->size != run->size || !m->size)
        return;
    if (m->size <= PN_NESTED_INLINE_MAX) {
        memcpy(run->record, *inlined, m->size);
        *inlined += m->size;
        return;
    }
    void *mem = take_part(inlined, m->size, fds, &mapped);
    if (mem)
        pn_run_replace_record(run, mem, m->size);
    else
        pn_end_set(&run->end, PRONG_LIMIT, ENOMEM, "no memory to take over a record of %zu bytes", run->size);
}

static void take_end(const struct pn_ended_inside_msg *m, int *fds, struct pn_list *later)
{
    prong_future *run = (prong_future *)(uintptr_t)m->run;
    const char *inlined = (const char *)(m + 1);
    run->end = m->end;
    run->bill.attempts = 1;
    take_record(run, m, &inlined, &fds);
    if (m->has_output) {
        run->output = (struct pn_output){ .size = m->output_size, .fd = -1 };
        run->output.mem = take_part(&inlined, m->output_size, &fds, &run->output.mapped);
    }
    run->retries = 0;                          /* they were the owner's to use */
    pn_run_end_locked(run, later);
}

/* One question, one answer. false: none has ended, and the time is over. Locked; lets the lock go. */
static bool wait_for_one(prong_pool *pool, prong_time deadline, struct pn_list *later)
{
    struct pn_ask_msg msg = { .kind = PN_WAIT, .value = pn_passed(deadline) };
    struct iovec part = { &msg, sizeof msg };
    struct pollfd p = { .fd = inner.channel, .events = POLLIN };
    int fds[PN_CHANNEL_FDS], r;
    pn_unlock(&pool->lock);
    say(&part, 1, -1);
    while (!msg.value && (r = poll(&p, 1, pn_poll_ms(deadline))) <= 0) {
        if (r == 0) {                          /* the answer is on its way now, one or the other */
            msg.kind = PN_UNWAIT;
            say(&part, 1, -1);
            break;
        }
    }
    const union pn_message *m = hear(fds);
    pn_lock(&pool->lock);
    bool ended = m->kind == PN_ENDED_INSIDE;
    if (ended)
        take_end(&m->ended, fds, later);
    pn_close_fds(fds, PN_CHANNEL_FDS);
    struct pn_context *c = pn_context();
    if (c)
        c->slot = pn_load_relaxed(&inner.calls->slot);         /* of the place that it has now: written before the answer */
    return ended;
}

/* What is there already comes at once, one by one: so many as end before `done` says so. */
static bool attend(prong_pool *pool, bool (*done)(const void *what), const void *what, prong_time deadline)
{
    struct pn_list later;
    pn_list_init(&later);
    bool more = true;
    while (more && !done(what)) {
        more = wait_for_one(pool, deadline, &later);
        if (pn_list_empty(&later))
            continue;
        pn_unlock(&pool->lock);
        pn_run_tell_later(&later);
        pn_lock(&pool->lock);
    }
    return true;
}

/* ---- questions about one run; locked ---- */

static void ask_run(prong_pool *pool, prong_future *run)
{
    (void)pool;
    (void)ask(PN_CANCEL, run, PRONG_ASK, 0, NULL);
}

static void kill_run(prong_pool *pool, prong_future *run)
{
    (void)pool;
    (void)ask(PN_CANCEL, run, PRONG_KILL, 0, NULL);
}

/* Taken back from the owner's pool, it waits here, to be ended by who asked. */
static bool recall(prong_pool *pool, prong_future *run)
{
    (void)pool;
    return ask(PN_CANCEL, run, PRONG_IF_WAITING, 0, NULL) == 0 && pn_run_unclaim(run);
}

static bool begun(prong_pool *pool, const prong_future *run)
{
    uint64_t state = PRONG_WAITING;
    (void)pool;
    (void)ask(PN_STATE, run, 0, 0, &state);
    return state != PRONG_WAITING;
}

/* ---- memory ---- */

static void *alloc(prong_pool *pool, size_t size, enum prong_access access)
{
    uint64_t at = 0;
    (void)pool;
    int r = ask(PN_ALLOC, NULL, size, (uint32_t)access, &at);
    errno = -r;
    return r < 0 ? NULL : (void *)(uintptr_t)at;
}

static bool free_memory(prong_pool *pool, void *mem)
{
    (void)pool;
    return ask(PN_FREE, NULL, (uintptr_t)mem, 0, NULL) == 0;
}

/* ---- what the core asks of an engine besides ---- */

static int open_inner(prong_pool *pool)
{
    (void)pool;
    return 0;
}

static void stop(prong_pool *pool) { (void)pool; }

static int resize(prong_pool *pool)
{
    (void)pool;
    return pn_error(-ENOTSUP, "a pool of processes cannot be resized by one of its tasks");
}

static const struct pn_engine inner_engine = {
    .name = "processes",
    .promises = 1u << PRONG_SHARES_HEAP | 1u << PRONG_CONTAINS_CRASHES | 1u << PRONG_KILLS | 1u << PRONG_LIMITS_MEMORY,
    .most_workers = 1u << 14,
    .tells_no_fd = true,
    .open = open_inner,
    .check = check,
    .admit = admit,
    .ready = ready,
    .ask = ask_run,
    .kill = kill_run,
    .recall = recall,
    .begun = begun,
    .attend = attend,
    .alloc = alloc,
    .free = free_memory,
    .resize = resize,
    .stop = stop,
};
