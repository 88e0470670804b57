/* fuzz_reply.c - any bytes as what a worker does: to its half of a link's memory, in its messages, and in its death. The owner's end is the real
 * one, over memory that the input fills.
 *
 * The input is a list of steps of both sides. What must hold, whatever the worker writes: a run is taken once at most, and in order; its end is one
 * that can be; its record and output are those that the worker left in their places, of the sizes that were agreed on; a run that ended badly has its
 * record as submitted; what is taken back had not been begun; no descriptor that was sent stays open. */
#include "engine/engines.h"
#include "engine/processes/channel.h"
#include "engine/processes/nested.h"
#include "memory/heap.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { JOBS = 160, WORKER_PID = 4711, SMALL_SEGMENT = 65536, SENT_FDS = 10 };

enum where { NOWHERE, WITH_THE_WORKER, OVER };
struct job { prong_future run; enum where where; unsigned char filling; };

static struct {
    struct prong_pool pool;
    struct pn_processes processes;
    struct pn_link link;
    struct pn_calls *calls;
    struct pn_replies *replies;
    struct job job[JOBS];
    size_t jobs;
    int worker;                          /* its end of the channel */
    int fds[4];                          /* what it may send: a sound segment, one that may shrink, one without memory, a pipe */
    int lowest_free;                     /* before the first message */
    bool may_say, messages, heads_dirty, details_dirty;
    union pn_message buffer;
} w;

static void fail(int line)
{
    (void)fprintf(stderr, "fuzz_reply.c:%d does not hold\n", line);
    abort();
}
#define must(truth) ((truth) ? (void)0 : fail(__LINE__))

/* ---- the input: zeros, once it has ended ---- */

struct input { const uint8_t *at, *end; };

static uint8_t byte(struct input *in) { return in->at < in->end ? *in->at++ : 0; }

static void bytes(struct input *in, void *to, size_t n)
{
    size_t left = (size_t)(in->end - in->at);
    memset(to, 0, n);
    memcpy(to, in->at, n < left ? n : left);
    in->at += n < left ? n : left;
}

static uint64_t word(struct input *in)
{
    uint64_t value;
    bytes(in, &value, sizeof value);
    return value;
}

/* ---- the world: made once, and set back for each input ---- */

static int do_nothing(void *record)
{
    (void)record;
    return 0;
}

static int new_pipe(void)
{
    int ends[2];
    must(pipe(ends) == 0);
    return ends[1];
}

static int lowest_free(void)
{
    int fd = fcntl(w.fds[0], F_DUPFD, 0);
    (void)close(fd);
    return fd;
}

static void make_world(void)
{
    int ends[2];
    w.calls = aligned_alloc(4096, (sizeof *w.calls + 4095) / 4096 * 4096);
    w.replies = aligned_alloc(_Alignof(struct pn_replies), sizeof *w.replies);       /* to the byte: what lies behind is nobody's */
    must(w.calls && w.replies && pn_channel_pair(ends) == 0);
    memset(w.calls, 0, sizeof *w.calls);
    memset(w.replies, 0, sizeof *w.replies);
    w.link.channel = ends[0];
    w.worker = ends[1];
    w.fds[0] = pn_segment_new("sound", SMALL_SEGMENT);
    w.fds[1] = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    w.fds[2] = pn_segment_new_sparse("sparse", SMALL_SEGMENT);
    w.fds[3] = new_pipe();
    must(w.fds[0] >= 0 && w.fds[1] >= 0 && w.fds[2] >= 0 && ftruncate(w.fds[1], SMALL_SEGMENT) == 0);
    w.pool.engine = &pn_processes;
    w.pool.state = &w.processes;
    w.pool.workers = w.pool.workers_at_open = 2;
    w.processes.zygote = -1;
    pn_list_init(&w.processes.requests);
    pn_list_init(&w.processes.resuming);
    must(pn_heap_open(1 << 20, false, &w.pool.heap) == 0);
}

static void begin_world(struct input *in)
{
    uint8_t how = byte(in);
    uint64_t base = how & 1 ? 1000 + (word(in) >> 5) : how & 2 ? UINT64_MAX >> 4 : 1000;
    w.link = (struct pn_link){ .pool = &w.pool, .index = how >> 6, .state = how & 4 ? PN_LINK_STARTING : PN_LINK_HERE, .pid = WORKER_PID, .pidfd = -1,
                               .calls = w.calls, .replies = w.replies, .space_there = PN_SPACE, .details_there = true, .outputs_there = UINT64_MAX,
                               .channel = w.link.channel, .call_bell = -1, .reply_bell = -1, .next = base };
    pn_link_init_lists(&w.link);
    w.pool.flags = how & 8 ? PRONG_BILL : 0;
    w.jobs = 0;
    w.messages = false;
    if (w.heads_dirty)
        memset(w.replies->reply, 0, sizeof w.replies->reply);
    if (w.details_dirty)
        memset(w.replies->detail, 0, sizeof w.replies->detail);
    w.heads_dirty = w.details_dirty = false;
    memset(w.replies, 0, offsetof(struct pn_replies, cpu) + sizeof w.replies->cpu);
    pn_store_relaxed(&w.replies->begun, base);
    pn_store_relaxed(&w.calls->asked, 0);
}

static void free_job(struct job *job)
{
    prong_future *run = &job->run;
    if (run->mapped)
        pn_segment_unmap(run->record, run->mapped);
    else
        free(run->record);
    free(run->place);
    pn_output_free(&run->output);
}

static void end_world(void)
{
    pn_nested_fini(&w.pool);
    int fds[PN_CHANNEL_FDS];
    while (pn_link_drop_first(&w.link))
        ;
    for (size_t i = 0; i < w.jobs; i++)
        free_job(&w.job[i]);
    if (!w.messages)
        return;
    while (pn_channel_receive(w.link.channel, &w.buffer, sizeof w.buffer, fds, false) != -EAGAIN)
        pn_close_fds(fds, fds[0] == PN_FDS_LOST ? 0 : PN_CHANNEL_FDS);
    must(lowest_free() == w.lowest_free);
}

static struct job *job_of(prong_future *run) { return PN_OF(run, struct job, run); }

static struct pn_flight *any_flight(struct input *in) { return w.link.count ? pn_link_flight(&w.link, byte(in) % w.link.count) : NULL; }

static void must_be_sound(void)
{
    const struct pn_link *l = &w.link;
    must(l->count <= PN_RING_SLOTS && l->first < PN_RING_SLOTS);
    must(l->space_head - l->space_tail <= PN_SPACE && (l->count || !l->space_head));
    for (uint32_t i = 0; i < l->count; i++) {
        const struct pn_flight *f = pn_link_flight(&w.link, i);
        must(job_of(f->run)->where == WITH_THE_WORKER && f->call == l->next - l->count + i);
    }
}

/* ---- the owner ---- */

static struct pn_call any_call(struct input *in)
{
    switch (byte(in) % 4) {
    case 0:
        return (struct pn_call){ .kind = PN_CALL_RANGE, .fn = { (void (*)(void))do_nothing }, .lo = 3, .hi = 9 };
    case 1:
        return (struct pn_call){ .kind = PN_CALL_SPAN, .fn = { (void (*)(void))do_nothing, (void (*)(void))do_nothing }, .lo = 100, .hi = 1000,
                                 .leaf_size = 10, .first = 8, .count = 4 };
    default:
        return pn_call_task(do_nothing);
    }
}

/* Functions in a module: what it is does not matter here, but how much. */
static void *any_place(struct input *in)
{
    size_t more = byte(in);
    struct pn_places *place = calloc(1, sizeof *place + more);
    must(place != NULL);
    place->size = sizeof *place + more;
    return place;
}

/* The largest are rare, as they take the most time. */
static size_t any_size(struct input *in)
{
    static const size_t small[] = { 0, 1, 8, PN_IN_SLOT - sizeof(struct pn_span), PN_IN_SLOT - sizeof(struct pn_span) + 1, PN_IN_SLOT, PN_IN_SLOT + 1, 1000 };
    static const size_t large[] = { 4096, 40000, PN_SPACE_RECORD_MAX, PN_SPACE_RECORD_MAX + 1 };
    uint8_t which = byte(in);
    if (which < 252)
        return small[which % 8];
    return large[which == 255 && !w.may_say ? 0 : which - 252];
}

static void make_job(struct job *job, struct input *in)
{
    uint8_t how = byte(in);
    *job = (struct job){ .filling = (unsigned char)w.jobs, .run = { .pool = &w.pool, .call = any_call(in), .size = any_size(in), .tag = how, .segment = -1, .output.fd = -1 } };
    job->run.ask_ms = how & 1;
    job->run.asked = how >> 1 & 1;
    job->run.kill_ms = how >> 2 & 1;
    job->run.place = (how & 24) == 24 ? any_place(in) : NULL;
    job->run.record = malloc(job->run.size);
    must(job->run.record != NULL);
    memset(job->run.record, job->filling, job->run.size);
}

static void call(struct input *in)
{
    struct job *job = &w.job[w.jobs];
    int fd = -1, fds[PN_CHANNEL_FDS];
    void *segment = NULL;
    if (w.jobs == JOBS)
        return;
    make_job(job, in);
    w.jobs++;
    if (!pn_link_has_room(&w.link, &job->run))
        return;
    if (job->run.size > PN_SPACE_RECORD_MAX)
        must(pn_link_segment(&job->run, &fd, &segment) == 0);
    must(pn_link_call(&w.link, &job->run, fd, segment) == 0);
    job->where = WITH_THE_WORKER;
    if (!segment)
        return;
    must(pn_channel_receive(w.worker, &w.buffer, sizeof w.buffer, fds, false) > 0);
    pn_close_fds(fds, PN_CHANNEL_FDS);
    pn_close_fds(&fd, 1);
}

static void recall(void)
{
    uint32_t n = w.link.count;
    prong_future *newest = n ? pn_link_flight(&w.link, n - 1)->run : NULL, *run = pn_link_recall(&w.link);
    must(!run || (run == newest && job_of(run)->where == WITH_THE_WORKER && w.link.count == n - 1));
    if (!run)
        return;
    must(pn_load_relaxed(&w.replies->begun) <= w.link.next);
    job_of(run)->where = NOWHERE;
}

static void ask(struct input *in)
{
    struct pn_flight *f = any_flight(in);
    if (!f)
        return;
    pn_store_relaxed(&f->run->asked, 1);
    pn_link_ask(&w.link, f->call);
}

static bool is_well(const prong_error *end) { return end->kind == PRONG_DONE || end->kind == PRONG_FAILED; }

static void must_be_possible(const prong_future *run, const prong_error *end)
{
    must(end->pid == WORKER_PID && memchr(end->text, '\0', sizeof end->text));
    must(end->kind != PRONG_DONE || end->code == 0);
    must(end->kind == PRONG_DONE || end->kind == PRONG_CANCELLED || end->kind == PRONG_EXITED || end->kind == PRONG_TIMEOUT || end->code != 0);
    if (end->kind == PRONG_DONE || run->call.kind != PN_CALL_SPAN)
        must(end->tag == run->tag);
    else
        must(end->tag == run->tag || (end->tag >= 180 && end->tag < 220 && end->tag % 10 == 0));
}

/* What a reply may say, and only of a run of which it can be so. By us: its descriptors were too many to be taken. */
static void must_be_a_reply(const prong_future *run, const prong_error *end, const struct pn_reply_head *said, bool by_us)
{
    must_be_possible(run, end);
    must(by_us ? end->kind == PRONG_LIMIT && end->code == EMFILE : end->kind == said->kind && end->code == said->code);
    must(is_well(end) || end->kind == PRONG_LIMIT || (end->kind == PRONG_CANCELLED && pn_load_relaxed(&run->asked)) ||
         (end->kind == PRONG_TIMEOUT && run->ask_ms) || (end->kind == PRONG_LOST && run->place));
}

static void must_be_the_output(const prong_future *run, const struct pn_reply_head *said, uint32_t slot)
{
    const struct pn_output *o = &run->output;
    must((o->mem != NULL) == (said->has_output && is_well(&run->end)));
    if (!o->mem)
        return;
    must(o->size == said->output_size && o->mapped == (o->size > PN_OUTPUT_MAX) && (uintptr_t)o->mem % 64 == 0);
    if (!o->mapped)
        must(memcmp(o->mem, w.replies->output[slot], o->size) == 0);
    else
        must(((const volatile char *)o->mem)[0] == 0 && ((const volatile char *)o->mem)[o->size - 1] == 0);      /* all of it is there */
}

static void must_be_filled(const struct job *job)
{
    const unsigned char *record = job->run.record;
    size_t size = job->run.size;
    if (size)
        must(record[0] == job->filling && memcmp(record, record + 1, size - 1) == 0);
}

static void must_be_the_record(const struct job *job, const struct pn_flight *f, uint32_t slot)
{
    const struct pn_call_head *sent = &w.calls->call[slot].head;
    const prong_future *run = &job->run;
    if (!is_well(&run->end) || f->segment)
        must_be_filled(job);
    else if (sent->place == PN_PLACE_SPACE)
        must(memcmp(run->record, w.replies->space + sent->offset, run->size) == 0);
    else
        must(memcmp(run->record, w.replies->reply[slot].bytes, run->size) == 0);
}

/* false: it is no reply. */
static bool take(void)
{
    struct pn_flight f = w.link.flight[w.link.first];
    uint32_t slot = pn_ring_slot(f.call), n = w.link.count;
    struct pn_reply_head said;
    memcpy(&said, (const void *)&w.replies->reply[slot].head, sizeof said);
    prong_future *run = pn_link_take_reply(&w.link, &w.buffer);
    if (!run) {
        must(w.link.count == n && w.link.flight[w.link.first].run == f.run && !f.run->output.mem);
        must_be_filled(job_of(f.run));
        return false;
    }
    struct job *job = job_of(run);
    must(run == f.run && job->where == WITH_THE_WORKER && w.link.count == n - 1);
    job->where = OVER;
    bool by_us = said.has_output && !run->output.mem;
    must_be_a_reply(run, &run->end, &said, by_us);
    must_be_the_output(run, &said, slot);
    must_be_the_record(job, &f, slot);
    must(!run->has_bill || w.pool.flags & PRONG_BILL);
    return true;
}

/* As the owner does it: what lies is not asked again. */
static void collect(void)
{
    while (w.link.killed != PN_KILLED_FOR_LYING && pn_link_has_reply(&w.link))
        if (!take())
            w.link.killed = PN_KILLED_FOR_LYING;
}

static void look_for_nonsense(void)
{
    bool nonsense = pn_link_is_nonsense(&w.link);
    uint64_t first = w.link.next - w.link.count, begun = pn_load_relaxed(&w.replies->begun);
    if (!w.link.count)
        must(!nonsense);
    else if (begun < first || begun > w.link.next)
        must(nonsense);
    else if (pn_link_has_reply(&w.link))
        must(!nonsense);
}

static void listen_once(void)
{
    enum pn_said said = pn_link_listen(&w.link, &w.buffer);
    must(said != PN_SAID_READY || (w.link.state == PN_LINK_STARTING && !w.link.ready));
    w.link.ready |= said == PN_SAID_READY;
    must(memchr(w.link.why, '\0', sizeof w.link.why));
}

/* The ends of what was with it, as told by the zygote. */
static void die(struct input *in)
{
    static const struct pn_zygote_msg ways[] = { { .how = CLD_KILLED, .status = SIGKILL }, { .how = CLD_DUMPED, .status = SIGSEGV },
                                                 { .how = CLD_EXITED, .status = 3 }, { .how = CLD_KILLED, .status = 64 } };
    const struct pn_zygote_msg *ended = &ways[byte(in) % 4];
    if (w.link.killed == PN_NOT_KILLED)
        w.link.killed = (enum pn_kill_why)(byte(in) % (PN_KILLED_AS_UNWELL + 1));
    for (uint32_t i = 0; i < w.link.count; i++) {
        prong_error end;
        prong_future *run = pn_link_flight(&w.link, i)->run;
        (void)pn_link_had_begun(&w.link, pn_link_flight(&w.link, i)->call);
        pn_link_death(&w.link, pn_link_flight(&w.link, i), ended, &end);
        must_be_possible(run, &end);
        must(end.kind >= PRONG_CRASHED && end.kind <= PRONG_LOST && end.kind != PRONG_LIMIT && end.text[0]);
    }
    for (prong_future *run; (run = pn_link_drop_first(&w.link)) != NULL;)
        job_of(run)->where = OVER;
}

/* ---- the worker ---- */

static uint64_t near(struct input *in, uint64_t number, uint64_t other)
{
    switch (byte(in) % 8) {
    case 0: return number + 1;
    case 1: return other;
    case 2: return number - 1;
    case 3: return other + 1;
    case 4: return word(in);
    case 5: return number + byte(in);
    default: return number;
    }
}

static void begin(struct input *in)
{
    uint64_t first = w.link.next - w.link.count;
    pn_store_relaxed(&w.replies->begun, near(in, first, w.link.next));
}

static uint64_t any_output_size(struct input *in)
{
    static const uint64_t sizes[] = { 0, 1, 64, 1000, PN_OUTPUT_MAX, PN_OUTPUT_MAX + 1, SMALL_SEGMENT, SMALL_SEGMENT + 1, UINT64_MAX };
    uint8_t which = byte(in);
    return which < 200 ? sizes[which % (sizeof sizes / sizeof *sizes)] : word(in);
}

/* Mostly what could be a reply. */
static void reply(struct input *in)
{
    struct pn_flight *f = any_flight(in);
    if (!f)
        return;
    struct pn_reply_head *head = &w.replies->reply[pn_ring_slot(f->call)].head;
    uint8_t how = byte(in);
    *head = (struct pn_reply_head){ .kind = byte(in) % 10 - 1, .code = how & 1 ? (int32_t)word(in) : 0, .has_output = how >> 1 & 1, .has_detail = how >> 2 & 1 };
    head->output_size = head->has_output ? any_output_size(in) : 0;
    head->piece = how & 8 ? near(in, 180, 200) : 0;
    if (how & 16)
        head->has_output = byte(in), head->has_detail = byte(in), head->place = byte(in);
    pn_store_relaxed(&head->turn, pn_turn(how & 32 ? near(in, f->call, w.link.next) : f->call, how & 64 ? byte(in) % 4 : PN_TURN_READY));
    w.heads_dirty = true;
}

/* Anything anywhere, mostly where it is read. */
static void scribble(struct input *in)
{
    struct pn_flight *f = any_flight(in);
    uint32_t slot = f ? pn_ring_slot(f->call) : 0;
    uint8_t where = byte(in), n = byte(in) % 128;
    size_t at = f && where & 8 ? w.calls->call[slot].head.offset : (size_t)word(in) % (PN_SPACE - 128);
    switch (where % 5) {
    case 0:
        bytes(in, &w.replies->reply[slot], n);
        w.heads_dirty = true;
        return;
    case 1:
        bytes(in, (char *)&w.replies->detail[slot] + at % (sizeof(struct pn_detail) - 128), n);
        w.details_dirty = true;
        return;
    case 2:
        memset(&w.replies->detail[slot], 'x', sizeof(struct pn_detail));
        w.details_dirty = true;
        return;
    case 3:
        bytes(in, w.replies->space + at, n);
        return;
    case 4:
        bytes(in, w.replies->output[slot], n);
    }
}

static void send_message(const void *message, size_t size, size_t n_fds, uint8_t which)
{
    union { struct cmsghdr head; char bytes[CMSG_SPACE(SENT_FDS * sizeof(int))]; } control = { .bytes = { 0 } };
    struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = size };
    struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(n_fds * sizeof(int)) };
    int fds[SENT_FDS];
    for (size_t i = 0; i < n_fds; i++)
        fds[i] = w.fds[(which + i) % 4];
    control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
    memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
    if (!n_fds)
        msg.msg_control = NULL, msg.msg_controllen = 0;
    if (!w.messages)
        w.lowest_free = lowest_free();
    w.messages = true;
    (void)sendmsg(w.worker, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static size_t any_message(struct input *in, union pn_message *m, struct pn_flight *f)
{
    m->kind = 0;
    switch (byte(in) % 6) {
    case 0:
        m->output = (struct pn_output_msg){ .kind = PN_OUTPUT, .call = f ? near(in, f->call, w.link.next) : word(in), .size = any_output_size(in) };
        return sizeof m->output;
    case 1:
        m->fault = (struct pn_fault){ .kind = PN_FAULT, .signo = byte(in), .call = f ? near(in, f->call + 1, w.link.next) : word(in), .address = word(in) };
        return sizeof m->fault;
    case 2:
        m->wake = (struct pn_wake){ .kind = PN_WAKE };
        return sizeof m->wake;
    case 3:
        bytes(in, &m->ready, 80);
        m->ready.kind = PN_READY;
        memset(m->ready.end.text, 'y', sizeof m->ready.end.text);
        return sizeof m->ready;
    case 4:
        bytes(in, m, 40);
        return byte(in) % 40;
    default:
        bytes(in, m, 40);
        return byte(in) * sizeof *m / 200;         /* also more than has room */
    }
}

static void say(struct input *in)
{
    static union { union pn_message m; char more[2 * sizeof(union pn_message)]; } message;
    uint8_t how = byte(in);
    size_t size = any_message(in, &message.m, any_flight(in));
    send_message(&message, size, how & 64 ? how % (SENT_FDS + 1) : how & 1, how >> 1);
}

/* ---- the steps ---- */

/* Calls of the kernel take most of the time, so they are for one input in sixteen, whatever the fuzzer would like best. */
static bool is_slow(const uint8_t *data, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += data[i];
    return sum % 16 == 0;
}

static void step(struct input *in)
{
    switch (byte(in) % 16) {
    case 0:
    case 1:
    case 2:
        call(in);
        return;
    case 3:
        begin(in);
        return;
    case 4:
    case 5:
    case 6:
        reply(in);
        return;
    case 7:
        scribble(in);
        return;
    case 8:
    case 9:
        collect();
        return;
    case 10:
        recall();
        return;
    case 11:
        look_for_nonsense();
        return;
    case 12:
        ask(in);
        return;
    case 13:
        if (w.may_say)
            say(in);
        return;
    case 14:
        if (w.messages)
            listen_once();
        return;
    case 15:
        pn_store_relaxed(&w.replies->piece, near(in, 180, 200));
        if (byte(in) == 255)
            die(in);
        else if (byte(in) > 250 && w.may_say)
            pn_store_relaxed(&w.replies->sleep, (uint32_t)word(in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };
    if (!w.calls)
        make_world();
    begin_world(&in);
    w.may_say = is_slow(data, size);
    while (in.at < in.end) {
        step(&in);
        must_be_sound();
    }
    collect();
    end_world();
    return 0;
}
