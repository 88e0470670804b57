/* Calls, and what is said in messages. A link's beginning and end are in link_life.c, replies in link_reply.c. */
#include "engine/processes/link_space.h"
#include "base/clock.h"
#include "engine/processes/channel.h"
#include "engine/processes/nested.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"
#include "sync/bell.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- calling ---- */

/* Where so much could lie in the space next: its position, or UINT64_MAX. It does not wrap round inside. */
static uint64_t find_space(const struct pn_link *l, size_t size)
{
    uint64_t at = l->space_head;
    if (at % PN_SPACE + size > PN_SPACE)
        at += PN_SPACE - at % PN_SPACE;
    return at + size - l->space_tail <= PN_SPACE ? at : UINT64_MAX;
}

bool pn_link_has_room(const struct pn_link *l, const prong_future *run)
{
    return l->count < PN_RING_SLOTS && (!pn_space_bytes(run) || find_space(l, pn_space_bytes(run)) != UINT64_MAX);
}

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

/* So that neither our writing there nor our reading what comes back can fail. */
static int populate_space(struct pn_link *l, size_t end)
{
    enum { STEP = 65536 };
    while (l->space_there < end) {
        int r = pn_segment_populate(l->calls->space + l->space_there, STEP, true);
        if (r == 0)
            r = pn_segment_populate(l->replies->space + l->space_there, STEP, false);
        if (r < 0)
            return r;
        l->space_there += STEP;
    }
    return 0;
}

static int put_into_space(struct pn_link *l, struct pn_call_slot *s, struct pn_flight *f)
{
    const prong_future *run = f->run;
    uint64_t at = find_space(l, pn_space_bytes(run));
    int r = populate_space(l, at % PN_SPACE + pn_space_bytes(run));
    if (r < 0)
        return r;
    f->space_to = at + pn_space_bytes(run);
    s->head.offset = (uint32_t)(at % PN_SPACE);
    s->head.places = (uint32_t)(s->head.offset + pn_record_bytes(run));
    if (pn_record_bytes(run))
        memcpy(l->calls->space + s->head.offset, run->record, run->size);
    if (run->place)
        memcpy(l->calls->space + s->head.places, run->place, ((const struct pn_places *)run->place)->size);
    return 0;
}

static int put_record(struct pn_link *l, struct pn_call_slot *s, struct pn_flight *f)
{
    const prong_future *run = f->run;
    f->space_from = f->space_to = l->space_head;
    if (run->size > PN_SPACE_RECORD_MAX)
        s->head.place = PN_PLACE_SEGMENT;
    else if (pn_record_bytes(run))
        s->head.place = PN_PLACE_SPACE;
    else
        s->head.place = run->size ? PN_PLACE_SLOT : PN_PLACE_NONE;
    if (s->head.place == PN_PLACE_SLOT)
        memcpy(s->bytes + pn_span_bytes(run), run->record, run->size);
    return pn_space_bytes(run) ? put_into_space(l, s, f) : 0;
}

static void put_call(struct pn_call_slot *s, const struct pn_flight *f)
{
    const prong_future *run = f->run;
    const struct pn_call *c = &run->call;
    s->head.fn = (uintptr_t)c->fn[0];
    s->head.ask_ms = run->ask_ms;
    s->head.tag = run->tag;
    s->head.size = (uint32_t)run->size;
    s->head.kind = (uint8_t)c->kind;
    s->head.flags = (run->pool->flags & PRONG_BILL ? PN_WANTS_BILL : 0) | (pn_span_bytes(run) ? PN_HAS_SPAN : 0) | (run->place ? PN_HAS_PLACES : 0);
    if (pn_span_bytes(run)) {
        struct pn_span span = { .fn1 = (uintptr_t)c->fn[1], .lo = c->lo, .hi = c->hi, .leaf_size = c->leaf_size, .first = c->first, .count = c->count };
        memcpy(s->bytes, &span, sizeof span);
    }
}

static int send_segment(struct pn_link *l, struct pn_call_slot *s, int fd)
{
    struct pn_segment_msg msg = { .kind = PN_SEGMENT, .serial = ++l->segments };
    struct iovec part = { &msg, sizeof msg };
    s->head.serial = msg.serial;
    int r = pn_channel_send(l->channel, &part, 1, &fd, 1, false);
    return r == -EAGAIN || r == -ECONNRESET ? -EPIPE : r;
}

static void ring(struct pn_link *l)
{
    uint64_t one = 1;
    if (pn_bell_look(&l->replies->sleep, &l->rung) != PN_AWAKE)
        (void)!write(l->call_bell, &one, sizeof one);
}

int pn_link_call(struct pn_link *l, prong_future *run, int segment_fd, void *segment)
{
    struct pn_flight *f = pn_link_flight(l, l->count);
    struct pn_call_slot *s = &l->calls->call[pn_ring_slot(l->next)];
    *f = (struct pn_flight){ .run = run, .call = l->next, .segment = segment, .output_fd = -1 };
    int r = put_record(l, s, f);
    if (r == 0)
        r = pn_link_tell_news(l);
    s->head.news = l->news;
    if (r == 0 && segment_fd >= 0)
        r = send_segment(l, s, segment_fd);
    if (r < 0)
        return r;
    put_call(s, f);
    l->space_head = f->space_to;
    if (l->count++ == 0)
        l->kill_at = run->kill_ms ? pn_after_ms(pn_now(), run->kill_ms) : PRONG_NEVER;
    if (pn_load_relaxed(&run->asked))
        pn_link_ask(l, f->call);
    else if (pn_load_relaxed(&l->calls->asked) == f->call + 1)
        pn_store_relaxed(&l->calls->asked, 0);         /* it was for one that had this number before, and was taken back */
    l->next++;
    pn_call_publish(&s->head.turn, f->call);
    ring(l);
    return 0;
}

void pn_link_ask(struct pn_link *l, uint64_t call) { pn_store_relaxed(&l->calls->asked, call + 1); }

static void forget_space_if_empty(struct pn_link *l)
{
    if (!l->count)
        l->space_head = l->space_tail = 0;
}

prong_future *pn_link_recall(struct pn_link *l)
{
    struct pn_flight *f = l->count ? pn_link_flight(l, l->count - 1) : NULL;
    if (!f || !pn_call_recall(&l->calls->call[pn_ring_slot(f->call)].head.turn, &l->replies->begun, f->call))
        return NULL;
    if (f->segment)
        pn_segment_unmap(f->segment, f->run->size);
    pn_close_fds(&f->output_fd, 1);            /* a liar's: nothing comes of what was not begun */
    l->space_head = f->space_from;
    l->next = f->call;
    l->count--;
    forget_space_if_empty(l);
    return f->run;
}

/* The oldest has ended, or is given up. */
static prong_future *drop_first(struct pn_link *l)
{
    struct pn_flight *f = &l->flight[l->first];
    prong_future *run = f->run;
    if (f->segment)
        pn_segment_unmap(f->segment, run->size);
    pn_close_fds(&f->output_fd, 1);
    l->space_tail = f->space_to;
    l->first = (l->first + 1) % PN_RING_SLOTS;
    l->count--;
    l->kill_at = PRONG_NEVER;
    forget_space_if_empty(l);
    return run;
}

prong_future *pn_link_drop_first(struct pn_link *l) { return l->count ? drop_first(l) : NULL; }

/* ---- listening ---- */

static enum pn_said take_ready(struct pn_link *l, struct pn_ready *r, size_t got)
{
    if (got != sizeof *r || l->state != PN_LINK_STARTING || l->ready || l->why[0])
        return PN_SAID_NONSENSE;
    r->end.text[sizeof r->end.text - 1] = '\0';
    if (r->end.kind != PRONG_DONE) {
        (void)snprintf(l->why, sizeof l->why, "its init failed: %.140s", r->end.text);
        return PN_SAID_NOTHING;                /* it leaves now */
    }
    return PN_SAID_READY;
}

static enum pn_said take_output_fd(struct pn_link *l, const struct pn_output_msg *m, size_t got, int *fd)
{
    uint64_t behind = l->count && got == sizeof *m ? m->call - l->flight[l->first].call : UINT64_MAX;
    struct pn_flight *f = behind < l->count ? pn_link_flight(l, (uint32_t)behind) : NULL;
    if (!f || *fd == -1 || f->output_fd != -1)
        return PN_SAID_NONSENSE;
    f->output_fd = *fd;
    f->output_size = m->size;
    *fd = -1;
    return PN_SAID_NOTHING;
}

static enum pn_said take_message(struct pn_link *l, union pn_message *m, size_t got, int *fd)
{
    switch ((enum pn_wire_kind)(got >= sizeof m->kind ? m->kind : 0)) {
    case PN_READY:
        return take_ready(l, &m->ready, got);
    case PN_WAKE:
        return got == sizeof m->wake ? PN_SAID_NOTHING : PN_SAID_NONSENSE;
    case PN_OUTPUT:
        return take_output_fd(l, &m->output, got, fd);
    case PN_FAULT:
        if (got != sizeof m->fault)
            return PN_SAID_NONSENSE;
        l->fault = m->fault;
        return PN_SAID_NOTHING;
    case PN_SUBMIT:
    case PN_WAIT:
    case PN_UNWAIT:
    case PN_CANCEL:
    case PN_STATE:
    case PN_ALLOC:
    case PN_FREE:
    case PN_NEWS_PLEASE:
        return pn_nested_hear(l, m, got, fd) ? PN_SAID_NOTHING : PN_SAID_NONSENSE;
    default:
        return PN_SAID_NONSENSE;
    }
}

enum { MESSAGES_AT_ONCE = 16 };                /* honest workers say less; what others say must not keep us from everybody else */

enum pn_said pn_link_listen(struct pn_link *l, union pn_message *buffer)
{
    enum pn_said said = PN_SAID_NOTHING;
    int fds[PN_CHANNEL_FDS];
    for (int n = 0; said == PN_SAID_NOTHING && n < MESSAGES_AT_ONCE && l->channel >= 0; n++) {
        ssize_t got = pn_channel_receive(l->channel, buffer, sizeof *buffer, fds, false);
        if (got == -EAGAIN)
            return PN_SAID_NOTHING;
        if (got == 0)
            pn_close_fds(fds, PN_CHANNEL_FDS);     /* an empty message may have had some, too */
        if (got <= 0)
            return got == 0 || got == -EPIPE ? PN_SAID_END : PN_SAID_NONSENSE;
        said = take_message(l, buffer, (size_t)got, &fds[0]);
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
    pn_list_remove(&l->listed);
}

void pn_link_retire(struct pn_link *l)
{
    uint64_t one = 1;
    pn_store_relaxed(&l->calls->leave, 1);     /* the write orders it: the worker looks after its read */
    (void)!write(l->call_bell, &one, sizeof one);
    if (l->channel >= 0)
        (void)shutdown(l->channel, SHUT_RDWR);
    l->state = PN_LINK_ENDING;
    pn_list_remove(&l->listed);
}
