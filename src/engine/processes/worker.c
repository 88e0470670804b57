/* Greets, then takes one call after the other from its ring, runs it, and replies. Whatever it cannot do, it leaves; the zygote tells
 * the owner, which knows what to make of it. */
#include "engine/processes/worker.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "core/context.h"
#include "engine/processes/area.h"
#include "engine/processes/channel.h"
#include "engine/processes/fault.h"
#include "engine/processes/hear.h"
#include "engine/processes/inner.h"
#include "engine/processes/module.h"
#include "engine/processes/wire.h"
#include "memory/segment.h"
#include "sync/bell.h"
#include "sync/pause.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static struct {
    int channel, call_bell, reply_bell;
    const struct pn_calls *calls;
    struct pn_replies *replies;
    const struct pn_owner_board *board;
    uint64_t next;                /* the number of the next call */
    uint64_t call;                /* number + 1 of the one that runs, 0: none; read by the fault handler */
    uint32_t slot;                /* that it was last named after */
    char name[16];
    uint32_t rung;                /* the owner's turn of sleep that it was last rung for */
    uint32_t doze;                /* the turn of its own sleep */
    uint32_t epoch;
    uint64_t cpu_ms;              /* that a run may use; 0: no limit */
    size_t output_most;
    timer_t cpu_timer;
    bool has_cpu_timer;
} self;

/* The owner has hung up, or the task has closed what was not its own: there is nobody left to work for. */
static _Noreturn void leave(void) { _exit(0); }

/* ---- what the owner says in messages ---- */

static union pn_message message;

/* The segment with this serial: those before it were for calls that were taken back. */
static int take_segment(uint64_t serial)
{
    int fds[PN_CHANNEL_FDS];
    for (;;) {
        pn_hear(&message, sizeof message, fds);
        if (message.kind != PN_SEGMENT)
            leave();
        if (message.segment.serial == serial)
            return fds[0];
        pn_close_fds(fds, PN_CHANNEL_FDS);
    }
}

/* ---- rings ---- */

enum { GRACE_NS = 2000, SPIN_NS = 50000, LOOKS_AT_ONCE = 64 };

/* Spinning is for when the owner's thread is on another CPU. */
static bool owner_is_elsewhere(void)
{
    uint32_t here = (uint32_t)sched_getcpu();
    if (pn_load_relaxed(&self.replies->cpu) != here)
        pn_store_relaxed(&self.replies->cpu, here);
    return pn_load_relaxed(&self.board->cpu) != here;
}

static bool owner_dozes(void) { return pn_load_relaxed(&self.board->sleep) & PN_DOZE_BITS; }

/* A thread that has just submitted is often about to wait, and looks by itself then: a moment of patience spares the ring, and the switch to
 * a thread that has nothing to do. */
static bool owner_rises_soon(void)
{
    if (!owner_is_elsewhere())
        return false;
    for (prong_time until = pn_now() + GRACE_NS; owner_dozes(); pn_pause())
        if (pn_now() > until)
            return false;
    return true;
}

static void ring_owner(void)
{
    static const uint64_t one = 1;
    static const struct pn_wake wake = { .kind = PN_WAKE };
    struct iovec part = { .iov_base = (void *)(uintptr_t)&wake, .iov_len = sizeof wake };
    uint32_t rung = self.rung;
    uint64_t count;
    int r = 0;
    if (pn_bell_look(&self.board->sleep, &rung) == PN_AWAKE || owner_rises_soon())
        return;
    switch (pn_bell_look(&self.board->sleep, &self.rung)) {
    case PN_DOZES_A:
        r = pn_channel_send(self.channel, &part, 1, NULL, 0, false);
        break;
    case PN_DOZES_B:
        r = write(self.reply_bell, &one, sizeof one) < 0 ? -errno : 0;
        if (r == -EAGAIN) {                    /* a task has filled it, and only a change is seen */
            (void)!read(self.reply_bell, &count, sizeof count);
            r = write(self.reply_bell, &one, sizeof one) < 0 ? -errno : 0;
        }
    }
    if (r < 0 && r != -EAGAIN)                 /* EAGAIN: full of what wakes it already */
        leave();
}

/* Until there may be a call. Looks once more behind its doze: what comes later rings. */
static enum pn_claim await_call(const pn_u64 *turn)
{
    enum pn_claim claim;
    uint64_t count;
    prong_time until = PRONG_NEVER;
    while (owner_is_elsewhere() && !owner_dozes()) {
        for (int k = 0; k < LOOKS_AT_ONCE; k++, pn_pause())
            if ((claim = pn_call_claim(turn, &self.replies->begun, self.next)) != PN_CLAIM_NOTHING)
                return claim;
        prong_time now = pn_now();
        until = until == PRONG_NEVER ? now + SPIN_NS : until;
        if (now > until)
            break;
    }
    pn_bell_doze(&self.replies->sleep, &self.doze, PN_DOZES_A);
    claim = pn_call_claim(turn, &self.replies->begun, self.next);
    if (claim == PN_CLAIM_NOTHING && !pn_load_relaxed(&self.calls->leave) && read(self.call_bell, &count, sizeof count) < 0 && errno != EINTR)
        leave();
    pn_bell_rise(&self.replies->sleep);
    return claim;
}

/* ---- runs ---- */

struct record { void *mem; int segment; };

/* Functions of modules that this process was not forked with. false: not to be had, for the reason in *ret_end. */
static bool find_functions(struct pn_call *call, const struct pn_places *places, prong_error *ret_end)
{
    char why[160];
    for (int i = 0; i < PN_CALL_FUNCTIONS; i++) {
        const struct pn_module_ref *ref = pn_place_of(places, i);
        if (!ref)
            continue;
        call->fn[i] = pn_function_load(ref, why, sizeof why);
        if (!call->fn[i]) {
            pn_end_set(ret_end, PRONG_LOST, ENOEXEC, "a worker cannot load the module of the task: %s", why);
            return false;
        }
    }
    return true;
}

static struct pn_call read_call(const struct pn_call_slot *s, const char **ret_record)
{
    struct pn_call call = { .kind = s->head.kind, .fn = { (void (*)(void))(uintptr_t)s->head.fn } };
    *ret_record = s->bytes;
    if (s->head.flags & PN_HAS_SPAN) {
        struct pn_span span;
        memcpy(&span, s->bytes, sizeof span);
        call.fn[1] = (void (*)(void))(uintptr_t)span.fn1;
        call.lo = span.lo, call.hi = span.hi;
        call.leaf_size = span.leaf_size, call.first = span.first, call.count = span.count;
        *ret_record += sizeof span;
    }
    return call;
}

/* The task's own copy: of a small record in memory of ours, of a larger one where it goes back, and a large one is changed in place.
 * mem NULL: no memory. */
static struct record take_record(const struct pn_call_head *h, const char *inlined)
{
    static _Alignas(64) char small[PN_SLOT_BYTES];
    struct record r = { .mem = small, .segment = -1 };
    switch ((enum pn_place)h->place) {
    case PN_PLACE_NONE:
        break;
    case PN_PLACE_SLOT:
        memcpy(small, inlined, h->size);
        break;
    case PN_PLACE_SPACE:
        r.mem = memcpy(self.replies->space + h->offset, self.calls->space + h->offset, h->size);
        break;
    case PN_PLACE_SEGMENT:
        r.segment = take_segment(h->serial);
        r.mem = r.segment < 0 ? NULL : pn_segment_map(r.segment, h->size, true);
    }
    return r;
}

static void drop_record(struct record *r, size_t size)
{
    if (r->segment >= 0)
        pn_segment_unmap(r->mem, size);
    pn_close_fds(&r->segment, 1);
}

/* A segment goes as a message before the reply; a smaller output lies in its place already, or is put there. */
static void put_output(struct pn_reply_slot *s, const struct pn_output *o, uint32_t slot)
{
    s->head.has_output = o->mem != NULL;
    s->head.output_size = o->size;
    if (o->fd >= 0) {
        struct pn_output_msg msg = { .kind = PN_OUTPUT, .call = self.next, .size = o->size };
        struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
        if (pn_channel_send(self.channel, &part, 1, &o->fd, 1, true) < 0)
            leave();
    } else if (o->mem && o->size) {
        memcpy(self.replies->output[slot], o->mem, o->size);
    }
}

static void put_end(struct pn_reply_slot *s, const prong_error *end, const prong_bill *bill, uint32_t slot)
{
    struct pn_detail *d = &self.replies->detail[slot];
    s->head.kind = end->kind;
    s->head.code = end->code;
    s->head.piece = end->tag;
    s->head.has_detail = end->kind != PRONG_DONE || bill;
    if (end->kind != PRONG_DONE)
        memcpy(d->text, end->text, sizeof d->text);
    if (bill)
        d->bill = *bill;
}

/* What the task has printed: a worker that is killed later would take it along. Other files are the task's own to flush, or wait until there
 * is nothing else to do. */
static void flush_output(void)
{
    if (__fpending(stdout))
        (void)fflush(stdout);
    if (__fpending(stderr))
        (void)fflush(stderr);
}

/* SIGXCPU ends the process once it has used so much more; 0: never. Without a timer the run is not begun. */
static bool limit_cpu(uint64_t ms)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGXCPU };
    struct itimerspec when = { .it_value = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 } };
    if (!self.cpu_ms)
        return true;
    if (!self.has_cpu_timer)
        self.has_cpu_timer = timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &self.cpu_timer) == 0;
    return self.has_cpu_timer && timer_settime(self.cpu_timer, 0, &when, NULL) == 0;
}

static void call_task(const struct pn_call_head *h, const struct pn_call *call, void *record, struct pn_context *c, prong_error *ret_end)
{
    if (!limit_cpu(self.cpu_ms)) {
        pn_end_set(ret_end, PRONG_LIMIT, errno, "cannot limit the CPU time of the run: %s", strerror(errno));
        return;
    }
    c->ask_at = h->ask_ms ? pn_after_ms(pn_now(), h->ask_ms) : PRONG_NEVER;
    pn_context_run(c, call, record, h->size, ret_end);
    (void)limit_cpu(0);
    if (pn_epoch() != self.epoch)
        leave();                  /* a child that the task has forked came back here, too: the reply is its parent's to give */
    flush_output();
}

/* As ps and top show it. A spare has no slot before its first run. */
static uint32_t take_slot(void)
{
    char name[16];
    uint32_t slot = pn_load_relaxed(&self.calls->slot);
    if (slot != self.slot) {
        self.slot = slot;
        if (slot == UINT32_MAX)
            (void)snprintf(name, sizeof name, "%.9s:spare", self.name);
        else
            (void)snprintf(name, sizeof name, "%.10s:%u", self.name, slot % 10000);
        (void)prctl(PR_SET_NAME, name);
    }
    return slot == UINT32_MAX ? 0 : slot;
}

static void run(void)
{
    uint32_t slot = pn_ring_slot(self.next);
    const struct pn_call_slot *in = &self.calls->call[slot];
    struct pn_reply_slot *out = &self.replies->reply[slot];
    prong_bill bill;
    prong_error end = { .tag = in->head.tag };
    const char *inlined;
    struct pn_call call = read_call(in, &inlined);
    pn_hear_news(in->head.news);
    struct record r = take_record(&in->head, inlined);
    struct pn_context c = { .slot = take_slot(), .asked = &self.calls->asked, .asked_value = self.next + 1,
                            .segment_from = PN_OUTPUT_MAX + 1, .output_most = self.output_most, .home = pn_inner_pool, .piece = &self.replies->piece,
                            .bill = in->head.flags & PN_WANTS_BILL ? &bill : NULL, .output.fd = -1 };
    const struct pn_places *places = in->head.flags & PN_HAS_PLACES ? (const void *)(self.calls->space + in->head.places) : NULL;
    self.call = self.next + 1;
    if (r.mem && !find_functions(&call, places, &end))
        c.bill = NULL;
    else if (r.mem)
        call_task(&in->head, &call, r.mem, &c, &end);
    else
        pn_end_set(&end, PRONG_LIMIT, ENOMEM, "no memory for a record of %zu bytes", (size_t)in->head.size);
    self.call = 0;
    bool well = end.kind == PRONG_DONE || end.kind == PRONG_FAILED;
    put_end(out, &end, r.mem ? c.bill : NULL, slot);
    put_output(out, &c.output, slot);
    if (well && in->head.place == PN_PLACE_SLOT)
        memcpy(out->bytes, r.mem, in->head.size);
    drop_record(&r, in->head.size);
    pn_output_free(&c.output);
    pn_reply_publish(&out->head.turn, self.next++);
    ring_owner();
}

static _Noreturn void take_calls(void)
{
    for (;;) {
        const pn_u64 *turn = &self.calls->call[pn_ring_slot(self.next)].head.turn;
        enum pn_claim claim = pn_call_claim(turn, &self.replies->begun, self.next);
        if (claim == PN_CLAIM_NOTHING) {
            (void)fflush(NULL);
            claim = await_call(turn);
        }
        if (claim == PN_CLAIM_CALL)
            run();
        else if (claim == PN_CLAIM_NOTHING && pn_load_relaxed(&self.calls->leave))
            leave();
    }
}

/* ---- beginning ---- */

static bool join_owner(const struct pn_hello *hello, int fds[PN_CHANNEL_FDS])
{
    void *area = pn_segment_map(fds[PN_FD_AREA], PN_AREA_BYTES, true);
    memcpy(self.name, hello->name, sizeof self.name);
    self.cpu_ms = hello->cpu_ms;
    self.output_most = hello->memory_bytes ? hello->memory_bytes : SIZE_MAX;
    pn_fault_watch(self.channel, &self.call, hello->memory_bytes != 0);
    self.slot = UINT32_MAX - 1;                /* none yet */
    if (!area || !pn_segment_map_at(area, fds[PN_FD_AREA], PN_CALLS_BYTES, false))      /* the owner's half: to read only */
        return false;
    self.calls = area;
    self.replies = (void *)((char *)area + PN_CALLS_BYTES);
    self.board = pn_segment_map(fds[PN_FD_BOARD], PN_BOARD_BYTES, false);
    self.call_bell = fds[PN_FD_CALL_BELL];
    self.reply_bell = fds[PN_FD_REPLY_BELL];
    fds[PN_FD_CALL_BELL] = fds[PN_FD_REPLY_BELL] = -1;
    self.next = self.calls->base;
    self.doze = (uint32_t)self.calls->base & ~(uint32_t)PN_DOZE_BITS;      /* turns that no spoilt word looks like */
    pn_store_relaxed(&self.replies->begun, self.next);         /* the owner looks after READY has come */
    (void)take_slot();
    pn_inner_begin(self.channel, self.calls, self.board);
    pn_hear_begin(self.channel, &hello->heap);
    return self.board != NULL;
}

static void *init_record(const struct pn_hello *hello, int segment)
{
    if (segment >= 0)
        return pn_segment_map(segment, hello->init_size, true);
    void *record = aligned_alloc(64, (hello->init_size / 64 + 1) * 64);
    if (record && hello->init_size)
        memcpy(record, (const char *)(hello + 1) + hello->places_size, hello->init_size);
    return record;
}

static void run_init(const struct pn_hello *hello, int segment, prong_error *ret_end)
{
    struct pn_context c = { .slot = take_slot(), .segment_from = SIZE_MAX, .output_most = SIZE_MAX };
    struct pn_call init = hello->init;
    if (!find_functions(&init, hello->places_size ? (const void *)(hello + 1) : NULL, ret_end))
        return;
    void *record = init_record(hello, segment);
    if (!record) {
        pn_end_set(ret_end, PRONG_LIMIT, ENOMEM, "no memory for an init record of %zu bytes", (size_t)hello->init_size);
        return;
    }
    pn_context_run(&c, &init, record, hello->init_size, ret_end);
    (void)fflush(NULL);
    pn_output_free(&c.output);
    if (segment >= 0)
        pn_segment_unmap(record, hello->init_size);
    else
        free(record);
}

static void greet(const struct pn_hello *hello, int fds[PN_CHANNEL_FDS])
{
    struct pn_ready ready = { .kind = PN_READY };
    struct iovec part = { .iov_base = &ready, .iov_len = sizeof ready };
    if (!join_owner(hello, fds))
        pn_end_set(&ready.end, PRONG_LOST, errno, "a worker cannot map its shared memory: %s", strerror(errno));
    else
        pn_hear_news(self.calls->news);
    if (ready.end.kind == PRONG_DONE && hello->init.kind)
        run_init(hello, fds[PN_FD_INIT], &ready.end);
    if (pn_channel_send(self.channel, &part, 1, NULL, 0, true) < 0 || ready.end.kind != PRONG_DONE)
        leave();
}

_Noreturn void pn_worker_main(int channel)
{
    int fds[PN_CHANNEL_FDS];
    self.channel = channel;
    self.epoch = pn_epoch();
    if (pn_channel_receive(channel, &message, sizeof message, fds, true) <= 0 || message.kind != PN_HELLO)
        leave();
    greet(&message.hello, fds);
    pn_close_fds(fds, PN_CHANNEL_FDS);
    take_calls();
}
