/* Greets, then takes one call after the other from its channel, runs it, and replies. Whatever it cannot do, it leaves; the zygote tells
 * the owner, which knows what to make of it. */
#include "engine/processes/worker.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "core/context.h"
#include "engine/processes/channel.h"
#include "engine/processes/wire.h"
#include "memory/segment.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct {
    int channel;
    struct pn_board *board;
    uint32_t slot;
    uint64_t seq;                 /* of the run that is on; read by the fault handler */
} self;

/* The owner has hung up, or the task has closed what was not its own: there is nobody left to work for. */
static _Noreturn void leave(void) { _exit(0); }

/* ---- faults ---- */

/* Tells where the fault was and lets it happen again, now with its default: the death itself is the zygote's to tell. Only calls that
 * are safe in a signal handler. */
static void on_fault(int signo, siginfo_t *in, void *context)
{
    (void)context;
    struct pn_fault msg = { .kind = PN_FAULT, .signo = signo, .seq = self.seq,
                            .address = in->si_code > 0 ? (uint64_t)(uintptr_t)in->si_addr : 0 };
    struct iovec part = { .iov_base = &msg, .iov_len = sizeof msg };
    (void)pn_channel_send(self.channel, &part, 1, NULL, 0, false);
    if (in->si_code <= 0)
        (void)raise(signo);       /* it was sent, and will not come again by itself */
}

static void watch_faults(void)
{
    static _Alignas(64) char stack[32768];     /* of its own, as the task's may be what has run out */
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND };
    (void)sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        (void)sigaction(faults[i], &action, NULL);
}

/* ---- runs ---- */

/* A record as it came: in the message, as a private copy, or in a segment, to be changed in place. */
static void *take_record(const void *inlined, size_t size, int segment)
{
    size_t rounded;
    if (segment >= 0)
        return pn_segment_map(segment, size, true);
    if (!pn_round_up(size ? size : 1, 64, &rounded))
        return NULL;
    void *record = aligned_alloc(64, rounded);
    if (record && size)
        memcpy(record, inlined, size);
    return record;
}

static void drop_record(void *record, size_t size, int segment)
{
    if (segment >= 0)
        pn_segment_unmap(record, size);
    else
        free(record);
}

static void send_reply(struct pn_reply *reply, const void *record, size_t inline_size, const struct pn_output *output)
{
    bool well = reply->end.kind == PRONG_DONE || reply->end.kind == PRONG_FAILED;
    reply->has_output = output->mem != NULL;
    reply->output_size = output->size;
    struct iovec parts[3] = { { .iov_base = reply, .iov_len = sizeof *reply } };
    size_t n = 1;
    if (well && inline_size)
        parts[n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)record, .iov_len = inline_size };
    if (output->mem && output->fd < 0 && output->size)
        parts[n++] = (struct iovec){ .iov_base = output->mem, .iov_len = output->size };
    if (pn_channel_send(self.channel, parts, n, &output->fd, output->fd >= 0, true) < 0)
        leave();
}

static void run(const struct pn_call_msg *call, int segment)
{
    struct pn_reply reply = { .kind = PN_REPLY, .seq = call->seq, .end.tag = call->tag };
    struct pn_context c = { .slot = self.slot, .asked = &self.board->asked, .asked_value = call->seq, .segment_from = PN_INLINE_MAX + 1,
                            .piece = &self.board->piece,
                            .bill = call->wants_bill ? &reply.bill : NULL, .output.fd = -1 };
    void *record = take_record(call + 1, call->size, segment);
    uint32_t epoch = pn_epoch();
    pn_store_relaxed(&self.board->begun, call->seq);
    self.seq = call->seq;
    if (record) {
        c.ask_at = call->ask_ms ? pn_after_ms(pn_now(), call->ask_ms) : PRONG_NEVER;
        pn_context_run(&c, &call->call, record, call->size, &reply.end);
    } else {
        pn_end_set(&reply.end, PRONG_LIMIT, ENOMEM, "no memory for a record of %zu bytes", (size_t)call->size);
    }
    if (pn_epoch() != epoch)
        leave();                  /* a child that the task has forked came back here, too: the reply is its parent's to give */
    (void)fflush(NULL);           /* what the task has printed: a worker that is killed later would take it along */
    self.seq = 0;
    send_reply(&reply, record, segment < 0 ? call->size : 0, &c.output);
    pn_output_free(&c.output);
    drop_record(record, call->size, segment);
}

/* ---- beginning ---- */

static bool join_owner(const struct pn_hello *hello, int fds[PN_CHANNEL_FDS])
{
    self.slot = hello->slot;
    (void)prctl(PR_SET_NAME, hello->name);
    self.board = pn_segment_map(fds[0], sizeof *self.board, true);
    if (!self.board || !pn_segment_map_at(self.board, fds[0], PN_BOARD_HALF, false))      /* the owner's half: to read only */
        return false;
    return pn_heap_join(&hello->heap, &fds[1]) == 0;
}

static void run_init(const struct pn_hello *hello, int segment, prong_error *ret_end)
{
    struct pn_context c = { .slot = self.slot, .segment_from = SIZE_MAX };
    void *record = take_record(hello + 1, hello->init_size, segment);
    if (record)
        pn_context_run(&c, &hello->init, record, hello->init_size, ret_end);
    else
        pn_end_set(ret_end, PRONG_LIMIT, ENOMEM, "no memory for an init record of %zu bytes", (size_t)hello->init_size);
    (void)fflush(NULL);
    if (record)
        pn_output_free(&c.output);
    drop_record(record, hello->init_size, segment);
}

static void greet(const struct pn_hello *hello, int fds[PN_CHANNEL_FDS])
{
    struct pn_ready ready = { .kind = PN_READY };
    struct iovec part = { .iov_base = &ready, .iov_len = sizeof ready };
    if (!join_owner(hello, fds))
        pn_end_set(&ready.end, PRONG_LOST, errno, "a worker cannot map its shared memory: %s", strerror(errno));
    else if (hello->init.kind)
        run_init(hello, fds[3], &ready.end);
    if (pn_channel_send(self.channel, &part, 1, NULL, 0, true) < 0 || ready.end.kind != PRONG_DONE)
        leave();
}

_Noreturn void pn_worker_main(int channel)
{
    static _Alignas(64) union pn_message message;
    int fds[PN_CHANNEL_FDS];
    self.channel = channel;
    watch_faults();
    for (;;) {
        if (pn_channel_receive(channel, &message, sizeof message, fds, true) <= 0)
            leave();
        if (message.kind == PN_HELLO)
            greet(&message.hello, fds);
        else if (message.kind == PN_CALL)
            run(&message.call, fds[0]);
        pn_close_fds(fds, PN_CHANNEL_FDS);
    }
}
