#include "engine/processes/link.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/processes/channel.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- starting ---- */

static int make_board(struct pn_link *l)
{
    int fd = pn_segment_new_sparse("prong-board", sizeof *l->board);
    if (fd < 0)
        return fd;
    l->board = pn_segment_map(fd, sizeof *l->board, true);
    if (l->board)
        return fd;
    (void)close(fd);
    return -ENOMEM;
}

static int init_segment(const prong_pool *pool)
{
    int fd = pn_segment_new("prong-init", pool->init_size);
    void *mem = fd < 0 ? NULL : pn_segment_map(fd, pool->init_size, true);
    if (mem)
        memcpy(mem, pool->init_record, pool->init_size);
    else if (fd >= 0)
        (void)close(fd);
    pn_segment_unmap(mem, pool->init_size);
    return mem ? fd : fd < 0 ? fd : -ENOMEM;
}

/* Into the worker's channel before there is a worker to read it. */
static int send_hello(struct pn_link *l)
{
    const prong_pool *pool = l->pool;
    bool large = pool->init_size > PN_INLINE_MAX;
    struct pn_hello hello = { .kind = PN_HELLO, .slot = pn_worker_slot(pool, l->index), .init = pool->init, .init_size = pool->init_size };
    struct iovec parts[2] = { { &hello, sizeof hello }, { pool->init_record, pool->init_size } };
    int fds[PN_CHANNEL_FDS] = { -1, -1, -1, -1 };
    (void)snprintf(hello.name, sizeof hello.name, "%.10s:%u", pool->name, l->index % 10000);
    pn_heap_tell(pool->heap, &hello.heap, &fds[1]);
    fds[0] = make_board(l);
    if (large && fds[0] >= 0)
        fds[3] = init_segment(pool);
    int r = fds[0] < 0 ? fds[0] : large && fds[3] < 0 ? fds[3] : 0;
    if (r == 0)
        r = pn_channel_send(l->channel, parts, large || !pool->init_size ? 1 : 2, fds, large ? 4 : 3, false);
    pn_close_fds(&fds[0], 1);
    pn_close_fds(&fds[3], 1);                  /* the heap's stay with the heap */
    return r;
}

static int listen_to(struct pn_link *l)
{
    const struct pn_processes *p = l->pool->state;
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };
    return epoll_ctl(p->epoll, EPOLL_CTL_ADD, l->channel, &e) < 0 ? -errno : 0;
}

/* A child that the program forked may hold the channel, too, so closing alone would not end the listening. */
void pn_link_hang_up(struct pn_link *l)
{
    const struct pn_processes *p = l->pool->state;
    if (l->channel >= 0)
        (void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, l->channel, NULL);
    pn_close_fds(&l->channel, 1);
}

int pn_link_start(struct pn_link *l, uint64_t id, int zygote)
{
    int ends[2] = { -1, -1 };
    struct pn_zygote_msg msg = { .kind = PN_START, .worker = id };
    struct iovec part = { &msg, sizeof msg };
    l->why[0] = '\0';
    int r = pn_channel_pair(ends);
    l->channel = ends[0];
    if (r == 0)
        r = listen_to(l);
    if (r == 0)
        r = send_hello(l);
    if (r == 0)
        r = pn_channel_send(zygote, &part, 1, &ends[1], 1, true);
    pn_close_fds(&ends[1], 1);
    if (r < 0) {
        (void)snprintf(l->why, sizeof l->why, "cannot start a worker process: %s", strerror(-r));
        pn_link_clear(l);
        return r;
    }
    l->id = id;
    l->state = PN_LINK_STARTING;
    return 0;
}

/* ---- calling ---- */

int pn_link_segment(const prong_future *run, int *ret_fd, void **ret_segment)
{
    int fd = pn_segment_new("prong-record", run->size);
    if (fd < 0)
        return fd;
    void *mem = pn_segment_map(fd, run->size, true);
    if (!mem) {
        (void)close(fd);
        return -ENOMEM;
    }
    memcpy(mem, run->record, run->size);
    *ret_fd = fd;
    *ret_segment = mem;
    return 0;
}

int pn_link_call(struct pn_link *l, prong_future *run, int segment_fd, void *segment)
{
    struct pn_call_msg msg = { .kind = PN_CALL, .wants_bill = l->pool->flags & PRONG_BILL, .seq = l->seq + 1, .call = run->call,
                               .size = run->size, .ask_ms = run->ask_ms, .tag = run->tag };
    struct iovec parts[2] = { { &msg, sizeof msg }, { run->record, run->size } };
    int r = pn_channel_send(l->channel, parts, segment || !run->size ? 1 : 2, &segment_fd, segment ? 1 : 0, false);
    if (r < 0)
        return r == -EAGAIN || r == -ECONNRESET ? -EPIPE : r;
    l->state = PN_LINK_BUSY;
    l->run = run;
    l->seq++;
    l->segment = segment;
    l->kill_at = run->kill_ms ? pn_after_ms(pn_now(), run->kill_ms) : PRONG_NEVER;
    if (pn_load_relaxed(&run->asked))
        pn_store_relaxed(&l->board->asked, l->seq);
    return 0;
}

/* ---- listening ---- */

/* What the manager knows of a worker at the moment its message is looked at: others give it runs, under the lock. */
struct seen { enum pn_link_state state; prong_future *run; uint64_t seq; };

static struct seen look(struct pn_link *l)
{
    pn_lock(&l->pool->lock);
    struct seen now = { .state = l->state, .run = l->run, .seq = l->seq };
    pn_unlock(&l->pool->lock);
    return now;
}

static bool is_possible_end(const prong_future *run, const prong_error *end)
{
    switch (end->kind) {
    case PRONG_DONE:
        return end->code == 0;
    case PRONG_FAILED:
    case PRONG_LIMIT:
        return end->code != 0;
    case PRONG_CANCELLED:
        return pn_load_relaxed(&run->asked);
    case PRONG_TIMEOUT:
        return run->ask_ms != 0;
    default:
        return false;
    }
}

/* Every length that the worker tells must add up to what came. */
static bool is_sound(const struct pn_link *l, const struct seen *now, const struct pn_reply *r, size_t got, int segment)
{
    if (got < sizeof *r || !now->run || r->seq != now->seq || !is_possible_end(now->run, &r->end))
        return false;
    bool well = r->end.kind == PRONG_DONE || r->end.kind == PRONG_FAILED;
    size_t inlined = well && !l->segment ? now->run->size : 0;
    if (r->has_output > 1 || (r->has_output && !well) || (!r->has_output && (r->output_size || segment != -1)))
        return false;
    if (segment == -1)
        return r->output_size <= PN_INLINE_MAX && got == sizeof *r + inlined + r->output_size;
    bool sound = segment == PN_FDS_LOST || pn_segment_is_sound(segment, r->output_size);
    return got == sizeof *r + inlined && r->output_size > PN_INLINE_MAX && sound;
}

static bool take_output(prong_future *run, const struct pn_reply *r, const char *inlined, int segment)
{
    struct pn_output o = { .size = r->output_size, .fd = -1 };
    if (!r->has_output)
        return true;
    o.mapped = segment >= 0;
    o.mem = o.mapped ? pn_segment_map(segment, o.size, true) : aligned_alloc(64, (o.size / 64 + 1) * 64);
    if (!o.mem)
        return false;
    if (!o.mapped)
        memcpy(o.mem, inlined, o.size);
    run->output = o;
    return true;
}

static void take_bill(const struct pn_link *l, prong_future *run, const struct pn_reply *r, bool well)
{
    prong_bill bill = r->bill;
    bill.queued_ns = run->bill.queued_ns;
    bill.attempts = run->bill.attempts;
    bill.slot = pn_worker_slot(l->pool, l->index);
    bill.moved_bytes = run->size * (well ? 2 : 1) + r->output_size;
    run->bill = bill;
    run->has_bill = true;
}

/* The worker's word for how it ended and for the text; the rest we know better. */
static void take_end(const struct pn_link *l, const prong_future *run, const prong_error *said, prong_error *ret_end)
{
    bool well = said->kind == PRONG_DONE;
    *ret_end = (prong_error){ .kind = said->kind, .code = said->code, .pid = l->pid, .tag = run->tag };
    if (run->call.kind == PN_CALL_SPAN && !well)
        ret_end->tag = pn_call_piece(&run->call, said->tag);
    if (!well)
        (void)memccpy(ret_end->text, said->text, '\0', sizeof ret_end->text - 1);
}

/* The run is RUNNING, so its record is ours to change without the lock. */
static void take_reply(struct pn_link *l, prong_future *run, const struct pn_reply *r, int segment, prong_error *ret_end)
{
    const char *behind = (const char *)(r + 1);
    bool well = r->end.kind == PRONG_DONE || r->end.kind == PRONG_FAILED;
    take_end(l, run, &r->end, ret_end);
    if (segment == PN_FDS_LOST) {
        pn_end_set(ret_end, PRONG_LIMIT, EMFILE, "no descriptor left to take over an output of %zu bytes", (size_t)r->output_size);
        well = false;
    } else if (!take_output(run, r, behind + (l->segment ? 0 : run->size), segment)) {
        pn_end_set(ret_end, PRONG_LIMIT, ENOMEM, "no memory to take over an output of %zu bytes", (size_t)r->output_size);
        well = false;
    }
    if (well && l->segment) {
        pn_run_replace_record(run, l->segment, run->size);
        l->segment = NULL;
    } else if (well && run->size) {
        memcpy(run->record, behind, run->size);
    }
    if (run->pool->flags & PRONG_BILL)
        take_bill(l, run, r, well);
}

static enum pn_said take_ready(struct pn_link *l, const struct seen *now, struct pn_ready *r, size_t got)
{
    if (got != sizeof *r || now->state != PN_LINK_STARTING || l->ready || l->why[0])
        return PN_SAID_NONSENSE;
    r->end.text[sizeof r->end.text - 1] = '\0';
    if (r->end.kind != PRONG_DONE) {
        (void)snprintf(l->why, sizeof l->why, "its init failed: %.140s", r->end.text);
        return PN_SAID_NOTHING;                /* it leaves now */
    }
    return PN_SAID_READY;
}

static enum pn_said take_message(struct pn_link *l, union pn_message *m, size_t got, int segment, prong_error *ret_end)
{
    struct seen now = look(l);
    switch ((enum pn_wire_kind)(got >= sizeof m->kind ? m->kind : 0)) {
    case PN_READY:
        return take_ready(l, &now, &m->ready, got);
    case PN_FAULT:
        if (got != sizeof m->fault)
            return PN_SAID_NONSENSE;
        l->fault = m->fault;
        return PN_SAID_NOTHING;
    case PN_REPLY:
        if (!is_sound(l, &now, &m->reply, got, segment))
            return PN_SAID_NONSENSE;
        take_reply(l, now.run, &m->reply, segment, ret_end);
        return PN_SAID_REPLY;
    default:
        return PN_SAID_NONSENSE;
    }
}

enum { MESSAGES_AT_ONCE = 16 };                /* honest workers say less; what others say must not keep us from everybody else */

enum pn_said pn_link_listen(struct pn_link *l, union pn_message *buffer, prong_error *ret_end)
{
    enum pn_said said = PN_SAID_NOTHING;
    int fds[PN_CHANNEL_FDS];
    for (int n = 0; said == PN_SAID_NOTHING && n < MESSAGES_AT_ONCE; n++) {
        ssize_t got = pn_channel_receive(l->channel, buffer, sizeof *buffer, fds, false);
        if (got == -EAGAIN)
            return PN_SAID_NOTHING;
        if (got <= 0)
            return got == 0 || got == -EPIPE ? PN_SAID_END : PN_SAID_NONSENSE;
        said = take_message(l, buffer, (size_t)got, fds[0], ret_end);
        pn_close_fds(fds, PN_CHANNEL_FDS);
    }
    return said;
}

/* ---- ending ---- */

void pn_link_kill(struct pn_link *l, enum pn_kill_why why)
{
    const struct pn_processes *p = l->pool->state;
    struct pn_zygote_msg msg = { .kind = PN_KILL_WORKER, .worker = l->id };
    struct iovec part = { &msg, sizeof msg };
    if (l->killed == PN_NOT_KILLED)
        l->killed = why;
    l->kill_sent = p->zygote < 0 || pn_channel_send(p->zygote, &part, 1, NULL, 0, false) != -EAGAIN;
    l->kill_at = PRONG_NEVER;
    l->state = PN_LINK_ENDING;
}

void pn_link_retire(struct pn_link *l)
{
    (void)shutdown(l->channel, SHUT_RDWR);
    l->state = PN_LINK_ENDING;
}

/* The word is the worker's to write: only the number of this run says that it has begun. */
bool pn_link_had_begun(const struct pn_link *l)
{
    return pn_load_relaxed(&l->board->begun) == l->seq;
}

static void tell_crash(const struct pn_link *l, const char *name, int signo, prong_error *end)
{
    char where[32] = "";
    if (l->fault.kind && l->fault.signo == signo && l->fault.seq == l->seq) {
        end->address = l->fault.address;
        (void)snprintf(where, sizeof where, " at 0x%llx", (unsigned long long)end->address);
    }
    pn_end_set(end, PRONG_CRASHED, signo, "task %s crashed: %s%s (worker %d)", name, pn_signal_name(signo), where, l->pid);
}

prong_error pn_link_death(const struct pn_link *l, const struct pn_zygote_msg *ended)
{
    prong_error end = { .tag = l->run->tag, .pid = l->pid };
    bool by_kill = ended->how != CLD_EXITED && ended->status == SIGKILL;
    char name[64];
    pn_call_name(&l->run->call, name, sizeof name);
    if (l->run->call.kind == PN_CALL_SPAN && pn_link_had_begun(l))
        end.tag = pn_call_piece(&l->run->call, pn_load_relaxed(&l->board->piece));
    if (by_kill && l->killed == PN_KILLED_BY_TIME)
        pn_end_set(&end, PRONG_TIMEOUT, ETIMEDOUT, "task %s was killed after %llu ms (worker %d)", name,
                   (unsigned long long)l->run->kill_ms, l->pid);
    else if (by_kill && l->killed == PN_KILLED_BY_CANCEL)
        pn_end_set(&end, PRONG_CANCELLED, ECANCELED, "task %s was cancelled, and its worker %d killed", name, l->pid);
    else if (l->killed == PN_KILLED_FOR_LYING)
        pn_end_set(&end, PRONG_LOST, EPROTO, "the worker %d of task %s sent what cannot be a reply, and was killed", l->pid, name);
    else if (by_kill && l->killed == PN_KILLED_AS_UNWELL)
        pn_end_set(&end, PRONG_LOST, EPIPE, "the worker %d of task %s could not be spoken to, and was killed", l->pid, name);
    else if (ended->how == CLD_EXITED)
        pn_end_set(&end, PRONG_EXITED, ended->status, "task %s left its worker %d with exit status %d", name, l->pid, ended->status);
    else
        tell_crash(l, name, ended->status, &end);
    return end;
}

void pn_link_clear(struct pn_link *l)
{
    if (l->segment && l->run)
        pn_segment_unmap(l->segment, l->run->size);
    pn_segment_unmap(l->board, sizeof *l->board);
    pn_link_hang_up(l);
    struct pn_link keep = *l;
    *l = (struct pn_link){ .pool = keep.pool, .index = keep.index, .channel = -1,
                             .failed_starts = keep.failed_starts, .failed_inits = keep.failed_inits, .retry_at = keep.retry_at };
    memcpy(l->why, keep.why, sizeof l->why);
}
