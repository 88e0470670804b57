#include "engine/processes/link.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "engine/processes/channel.h"
#include "engine/processes/nested.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"
#include "sync/bell.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- its memory ---- */

/* Addresses for the area: taken once, then kept. */
static int take_addresses(struct pn_link *l)
{
    if (l->calls)
        return 0;
    void *at = mmap(NULL, PN_AREA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return -ENOMEM;
    l->calls = at;
    l->replies = (const void *)((char *)at + PN_CALLS_BYTES);
    return 0;
}

/* Nobody is behind them: zeros, which are no valid turn. */
static void cover_addresses(struct pn_link *l)
{
    if (l->calls)
        (void)mmap(l->calls, PN_AREA_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static int map_area(struct pn_link *l, int fd)
{
    const void *replies = (char *)l->calls + PN_CALLS_BYTES;
    void *at = mmap(l->calls, PN_CALLS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (at == MAP_FAILED || mmap((void *)(uintptr_t)replies, PN_REPLIES_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PN_CALLS_BYTES) == MAP_FAILED)
        return -errno;
    (void)madvise(l->calls, PN_AREA_BYTES, MADV_DONTFORK);
    int r = pn_segment_populate(l->calls, offsetof(struct pn_calls, space), true);
    return r < 0 ? r : pn_segment_populate(replies, offsetof(struct pn_replies, detail), false);
}

static int make_area(struct pn_link *l)
{
    int r = take_addresses(l);
    int fd = r < 0 ? r : pn_segment_new_sparse("prong-link", PN_AREA_BYTES);
    if (fd < 0)
        return fd;
    r = map_area(l, fd);
    if (r == 0)
        return fd;
    (void)close(fd);
    cover_addresses(l);
    return r;
}

/* ---- starting ---- */

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

static int send_news(struct pn_link *l, const struct pn_news_msg *msg)
{
    struct iovec part = { (void *)(uintptr_t)msg, sizeof *msg };
    int fds[PN_NEWS_MOST], n = 0;
    for (uint32_t i = 0; i < msg->count; i++)
        if (msg->news[i].fd >= 0)
            fds[n++] = msg->news[i].fd;
    int r = pn_channel_send(l->channel, &part, 1, fds, (size_t)n, false);
    l->news += r == 0;
    return r;
}

int pn_link_tell_news(struct pn_link *l)
{
    enum { MESSAGES_MOST = 16 };
    struct pn_heap *heap = l->pool->heap;
    int r = 0;
    for (int i = 0; i < MESSAGES_MOST && r == 0 && l->heap_known < pn_heap_generation(heap); i++) {
        struct pn_news_msg msg = { .kind = PN_NEWS };
        uint64_t generation = l->heap_known;
        pn_heap_hold(heap);                    /* the descriptors stay */
        msg.count = (uint32_t)pn_heap_news(heap, l->heap_known, msg.news, PN_NEWS_MOST, &generation);
        r = msg.count ? send_news(l, &msg) : 0;
        pn_heap_release(heap);
        l->heap_known = r == 0 ? generation : l->heap_known;
    }
    return r < 0 ? -EPIPE : 0;
}

/* Without the kernel's randomness the clock's will do: it is against accidents. */
static uint64_t random_base(void)
{
    uint64_t base;
    if (getrandom(&base, sizeof base, GRND_NONBLOCK) != sizeof base)
        base = (uint64_t)pn_now() * UINT64_C(0x9e3779b97f4a7c15);
    return base >> 4;
}

/* Into the worker's channel before there is a worker to read it. */
static int send_hello(struct pn_link *l)
{
    const prong_pool *pool = l->pool;
    const struct pn_processes *p = pool->state;
    bool large = pool->init_size > PN_INIT_INLINE_MAX;
    struct pn_hello hello = { .kind = PN_HELLO, .init = pool->init, .init_size = pool->init_size, .cpu_ms = pool->cpu_ms,
                              .memory_bytes = pool->memory_bytes, .places_size = p->init_places ? p->init_places->size : 0 };
    struct iovec parts[3] = { { &hello, sizeof hello }, { p->init_places, hello.places_size }, { pool->init_record, pool->init_size } };
    int fds[PN_HELLO_FDS] = { [PN_FD_BOARD] = p->board_fd, [PN_FD_CALL_BELL] = l->call_bell_end, [PN_FD_REPLY_BELL] = l->reply_bell, [PN_FD_INIT] = -1 };
    (void)snprintf(hello.name, sizeof hello.name, "%.10s", pool->name);
    hello.heap = pn_heap_range(pool->heap);
    fds[PN_FD_AREA] = make_area(l);
    if (fds[PN_FD_AREA] >= 0) {
        l->calls->base = l->next = random_base();
        pn_link_place(l, l->index);
    }
    int r = fds[PN_FD_AREA] < 0 ? fds[PN_FD_AREA] : 0;
    if (r == 0 && large)
        r = fds[PN_FD_INIT] = init_segment(pool);
    if (r >= 0)
        r = pn_channel_send(l->channel, parts, large || !pool->init_size ? 2 : 3, fds, large ? PN_HELLO_FDS : PN_FD_INIT, false);
    if (r >= 0)
        r = pn_link_tell_news(l);
    if (r >= 0)
        l->calls->news = l->news;
    pn_close_fds(&fds[PN_FD_AREA], 1);
    pn_close_fds(&fds[PN_FD_INIT], 1);
    return r;
}

static int listen_to(int epoll, int fd, uint32_t how, struct pn_link *l)
{
    struct epoll_event e = { .events = how, .data.ptr = l };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* The worker's bell is a pipe, whose ends are two descriptions: whatever the worker does to its end, ours never waits. We keep both, so that a
 * ring without a worker raises no SIGPIPE. */
static int make_call_bell(struct pn_link *l)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    l->call_bell_end = pn_fd_up(ends[0]);
    l->call_bell = pn_fd_up(ends[1]);
    if (l->call_bell_end < 0 || l->call_bell < 0 || fcntl(l->call_bell, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

/* The other is never read: it makes an edge in `bells` with every ring. */
static int make_bells(struct pn_link *l)
{
    const struct pn_processes *p = l->pool->state;
    int r = make_call_bell(l);
    if (r < 0)
        return r;
    l->reply_bell = pn_fd_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (l->reply_bell < 0)
        return -errno;
    return listen_to(p->bells, l->reply_bell, EPOLLIN | EPOLLET, l);
}

/* A child that the program forked may hold the descriptors, too, so closing alone would not end the listening. */
static void unlisten(int epoll, int *fd)
{
    if (*fd >= 0)
        (void)epoll_ctl(epoll, EPOLL_CTL_DEL, *fd, NULL);
    pn_close_fds(fd, 1);
}

void pn_link_hang_up(struct pn_link *l)
{
    const struct pn_processes *p = l->pool->state;
    unlisten(p->epoll, &l->channel);
}

/* The publish of its next call orders it; the hello, for the first. */
void pn_link_place(struct pn_link *l, uint32_t index)
{
    l->index = index;
    pn_store_relaxed(&l->calls->slot, index >= PN_AWAY ? PN_SPARE : pn_worker_slot(l->pool, index));
}

int pn_link_start(struct pn_link *l, uint64_t id, int zygote)
{
    const struct pn_processes *p = l->pool->state;
    int ends[2] = { -1, -1 };
    struct pn_zygote_msg msg = { .kind = PN_START, .worker = id };
    struct iovec part = { &msg, sizeof msg };
    l->why[0] = '\0';
    int r = pn_channel_pair(ends);
    l->channel = ends[0];
    if (r == 0)
        r = listen_to(p->epoll, l->channel, EPOLLIN, l);
    if (r == 0)
        r = make_bells(l);
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
    l->ahead_most = 1;
    l->state = PN_LINK_STARTING;
    return 0;
}

/* ---- calling ---- */

static size_t span_bytes(const prong_future *run) { return run->call.kind == PN_CALL_TASK ? 0 : sizeof(struct pn_span); }
static bool fits_slot(const prong_future *run) { return span_bytes(run) + run->size <= PN_IN_SLOT; }
static size_t round_64(size_t size) { return (size + 63) / 64 * 64; }
static size_t places_bytes(const prong_future *run) { return run->place ? round_64(((const struct pn_places *)run->place)->size) : 0; }
static size_t record_bytes(const prong_future *run) { return !fits_slot(run) && run->size <= PN_SPACE_RECORD_MAX ? round_64(run->size) : 0; }
/* The record, and behind it where its functions are, as far as they do not lie elsewhere. */
static size_t space_bytes(const prong_future *run) { return record_bytes(run) + places_bytes(run); }

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
    return l->count < PN_RING_SLOTS && (!space_bytes(run) || find_space(l, space_bytes(run)) != UINT64_MAX);
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
    uint64_t at = find_space(l, space_bytes(run));
    int r = populate_space(l, at % PN_SPACE + space_bytes(run));
    if (r < 0)
        return r;
    f->space_to = at + space_bytes(run);
    s->head.offset = (uint32_t)(at % PN_SPACE);
    s->head.places = (uint32_t)(s->head.offset + record_bytes(run));
    if (record_bytes(run))
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
    else if (record_bytes(run))
        s->head.place = PN_PLACE_SPACE;
    else
        s->head.place = run->size ? PN_PLACE_SLOT : PN_PLACE_NONE;
    if (s->head.place == PN_PLACE_SLOT)
        memcpy(s->bytes + span_bytes(run), run->record, run->size);
    return space_bytes(run) ? put_into_space(l, s, f) : 0;
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
    s->head.flags = (run->pool->flags & PRONG_BILL ? PN_WANTS_BILL : 0) | (span_bytes(run) ? PN_HAS_SPAN : 0) | (run->place ? PN_HAS_PLACES : 0);
    if (span_bytes(run)) {
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

/* ---- taking replies ---- */

static bool is_possible_end(const prong_future *run, int32_t kind, int32_t code)
{
    switch (kind) {
    case PRONG_DONE:
        return code == 0;
    case PRONG_FAILED:
    case PRONG_LIMIT:
        return code != 0;
    case PRONG_CANCELLED:
        return pn_load_relaxed(&run->asked);
    case PRONG_TIMEOUT:
        return run->ask_ms != 0;
    case PRONG_LOST:
        return run->place && code != 0;        /* the module could not be loaded */
    default:
        return false;
    }
}

/* Of what the worker says nothing is believed that cannot be so. */
static bool is_sound(const struct pn_flight *f, const struct pn_reply_head *r)
{
    bool well = r->kind == PRONG_DONE || r->kind == PRONG_FAILED;
    if (!is_possible_end(f->run, r->kind, r->code) || r->has_output > 1 || r->has_detail > 1 || (r->has_output && !well))
        return false;
    if (!r->has_output)
        return true;
    if (r->output_size <= PN_OUTPUT_MAX)
        return true;
    bool came = f->output_fd != -1 && f->output_size == r->output_size;
    return came && (f->output_fd == PN_FDS_LOST || pn_segment_is_sound(f->output_fd, r->output_size));
}

static bool output_is_there(struct pn_link *l, uint32_t slot)
{
    if (!(l->outputs_there & UINT64_C(1) << slot) && pn_segment_populate(l->replies->output[slot], PN_OUTPUT_MAX, false) == 0)
        l->outputs_there |= UINT64_C(1) << slot;
    return l->outputs_there & UINT64_C(1) << slot;
}

/* 0 or a negative errno: -EMFILE, -ENOMEM. */
static int take_output(struct pn_link *l, const struct pn_flight *f, const struct pn_reply_head *r, uint32_t slot)
{
    struct pn_output o = { .size = r->output_size, .fd = -1 };
    if (r->output_size > PN_OUTPUT_MAX) {
        if (f->output_fd == PN_FDS_LOST)
            return -EMFILE;
        o.mapped = true;
        o.mem = pn_segment_map(f->output_fd, o.size, true);
    } else if (output_is_there(l, slot)) {
        o.mem = aligned_alloc(64, (o.size / 64 + 1) * 64);
    }
    if (!o.mem)
        return -ENOMEM;
    if (!o.mapped)
        memcpy(o.mem, l->replies->output[slot], o.size);
    f->run->output = o;
    return 0;
}

static void take_record(struct pn_link *l, struct pn_flight *f, const struct pn_reply_slot *s)
{
    prong_future *run = f->run;
    if (f->segment) {
        pn_run_replace_record(run, f->segment, run->size);
        f->segment = NULL;
    } else if (run->size && fits_slot(run)) {
        memcpy(run->record, s->bytes, run->size);
    } else if (record_bytes(run)) {
        memcpy(run->record, l->replies->space + (f->space_to - space_bytes(run)) % PN_SPACE, run->size);
    }
}

static const struct pn_detail *detail_of(struct pn_link *l, uint32_t slot)
{
    if (!l->details_there)
        l->details_there = pn_segment_populate(l->replies->detail, sizeof l->replies->detail, false) == 0;
    return l->details_there ? &l->replies->detail[slot] : NULL;
}

static void take_bill(const struct pn_link *l, prong_future *run, const struct pn_detail *d, const struct pn_reply_head *r, bool well)
{
    prong_bill bill = d->bill;
    bill.queued_ns = run->bill.queued_ns;
    bill.attempts = run->bill.attempts;
    bill.slot = pn_worker_slot(l->pool, l->index);
    bill.moved_bytes = run->size * (well ? 2 : 1) + (r->has_output ? r->output_size : 0);
    run->bill = bill;
    run->has_bill = true;
}

/* The worker's word for how it ended and for the text; the rest we know better. */
static void take_end(const struct pn_link *l, prong_future *run, const struct pn_reply_head *r, const struct pn_detail *d)
{
    prong_error *end = &run->end;
    end->kind = r->kind;
    end->code = r->code;
    end->tag = run->tag;
    end->address = 0;
    end->pid = l->pid;
    end->text[0] = '\0';
    if (r->kind == PRONG_DONE)
        return;
    if (run->call.kind == PN_CALL_SPAN)
        end->tag = pn_call_piece(&run->call, r->piece);
    if (d && !memccpy(end->text, d->text, '\0', sizeof end->text))
        end->text[sizeof end->text - 1] = '\0';
}

static void take_over(struct pn_link *l, struct pn_flight *f, const struct pn_reply_slot *s, const struct pn_reply_head *r)
{
    prong_future *run = f->run;
    uint32_t slot = pn_ring_slot(f->call);
    bool well = r->kind == PRONG_DONE || r->kind == PRONG_FAILED;
    const struct pn_detail *d = r->has_detail ? detail_of(l, slot) : NULL;
    take_end(l, run, r, d);
    int e = r->has_output ? take_output(l, f, r, slot) : 0;
    if (e < 0)
        pn_end_set(&run->end, PRONG_LIMIT, -e, "no %s left to take over an output of %zu bytes", e == -EMFILE ? "descriptor" : "memory",
                   (size_t)r->output_size);
    if (well && e == 0)
        take_record(l, f, s);
    if (d && run->pool->flags & PRONG_BILL)
        take_bill(l, run, d, r, well);
}

prong_future *pn_link_take_reply(struct pn_link *l, union pn_message *buffer)
{
    struct pn_flight *f = &l->flight[l->first];
    const struct pn_reply_slot *s = &l->replies->reply[pn_ring_slot(f->call)];
    struct pn_reply_head r;
    memcpy(&r, (const char *)&s->head, sizeof r);              /* once: it may change under our eyes */
    if (r.has_output && r.output_size > PN_OUTPUT_MAX && f->output_fd == -1)
        (void)pn_link_listen(l, buffer);                       /* it was sent before the reply */
    bool sound = is_sound(f, &r);
    if (sound)
        take_over(l, f, s, &r);
    if (!sound)
        return NULL;
    l->runs++;
    return drop_first(l);
}

/* A worker publishes a reply before it begins the next call, so who sees that begun sees the reply: loaded in this order. A task that has written
 * wildly may have spoilt replies of runs before it. */
bool pn_link_is_nonsense(const struct pn_link *l)
{
    if (!l->count)
        return false;
    uint64_t first = l->flight[l->first].call, begun = pn_load_seq_cst(&l->replies->begun);
    bool possible = begun >= first && begun <= l->next, behind = begun > first + 1;
    for (uint32_t i = 1; i < l->count && !behind; i++)
        behind = pn_reply_is_there(&l->replies->reply[pn_ring_slot(first + i)].head.turn, first + i);
    return !possible || (behind && !pn_link_has_reply(l));
}

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

static bool is_of(const struct pn_fault *fault, const struct pn_flight *in, int signo)
{
    return fault->kind && fault->signo == signo && fault->call == in->call + 1;
}

/* The library's own code, where it is not part of the program: above the task there is nothing else. */
static bool is_below_the_task(uintptr_t address, const struct pn_call *call)
{
    Dl_info in, own, task;
    bool known = dladdr((void *)address, &in) && dladdr((void *)(uintptr_t)pn_link_death, &own) && dladdr((void *)(uintptr_t)call->fn[0], &task);
    return known && in.dli_fbase == own.dli_fbase && task.dli_fbase != own.dli_fbase;
}

/* " in a < b < c": names as far as the owner has the code at the same address. Where a call returns to may be the beginning of what follows. */
static void name_frames(const struct pn_fault *fault, const struct pn_call *call, char *ret, size_t size)
{
    char name[64];
    size_t at = 0;
    ret[0] = '\0';
    for (uint32_t i = 0; i < fault->frames && i < PN_FRAMES_MOST && at < size; i++) {
        uintptr_t address = (uintptr_t)fault->frame[i] - (i > 0);
        if (is_below_the_task(address, call))
            return;
        pn_address_name(address, name, sizeof name);
        at += (size_t)snprintf(ret + at, size - at, "%s%s", i ? " < " : " in ", name);
    }
}

static void tell_crash(const struct pn_link *l, const struct pn_flight *in, const char *name, int signo, prong_error *end)
{
    char where[32] = "", frames[128] = "";
    if (is_of(&l->fault, in, signo)) {
        end->address = l->fault.address;
        if (end->address)
            (void)snprintf(where, sizeof where, " at 0x%llx", (unsigned long long)end->address);
        name_frames(&l->fault, &in->run->call, frames, sizeof frames);
    }
    pn_end_set(end, PRONG_CRASHED, signo, "task %s crashed: %s%s%s (worker %d)", name, pn_signal_name(signo), where, frames, l->pid);
}

/* A signal that stands for a limit, or a crash for want of memory. */
static bool tell_limit(const struct pn_link *l, const struct pn_flight *in, const char *name, int signo, prong_error *end)
{
    const prong_pool *pool = l->pool;
    if (signo == SIGXCPU && pool->cpu_ms)
        pn_end_set(end, PRONG_LIMIT, ETIME, "task %s used up its %llu ms of CPU time (worker %d)", name, (unsigned long long)pool->cpu_ms, l->pid);
    else if (signo == SIGXCPU)
        pn_end_set(end, PRONG_LIMIT, ETIME, "task %s used up its worker's CPU time (worker %d)", name, l->pid);
    else if (signo == SIGXFSZ)
        pn_end_set(end, PRONG_LIMIT, EFBIG, "task %s wrote a file beyond its largest size (worker %d)", name, l->pid);
    else if (is_of(&l->fault, in, signo) && l->fault.memory_is_out && pool->memory_bytes)
        pn_end_set(end, PRONG_LIMIT, ENOMEM, "task %s had no memory left of its worker's %llu bytes: %s (worker %d)", name,
                   (unsigned long long)pool->memory_bytes, pn_signal_name(signo), l->pid);
    else
        return false;
    return true;
}

void pn_link_death(const struct pn_link *l, const struct pn_flight *in, const struct pn_zygote_msg *ended, prong_error *end)
{
    const prong_future *run = in->run;
    bool by_kill = ended->how != CLD_EXITED && ended->status == SIGKILL;
    char name[64];
    *end = (prong_error){ .tag = run->tag, .pid = l->pid };
    pn_call_name(&run->call, name, sizeof name);
    if (run->call.kind == PN_CALL_SPAN && pn_link_had_begun(l, in->call))
        end->tag = pn_call_piece(&run->call, pn_load_relaxed(&l->replies->piece));
    if (l->killed == PN_KILLED_FOR_LYING)
        pn_end_set(end, PRONG_LOST, EPROTO, "the worker %d of task %s sent what cannot be a reply, and was killed", l->pid, name);
    else if (by_kill && l->killed == PN_KILLED_BY_TIME)
        pn_end_set(end, PRONG_TIMEOUT, ETIMEDOUT, "task %s was killed after %llu ms (worker %d)", name, (unsigned long long)run->kill_ms, l->pid);
    else if (by_kill && l->killed == PN_KILLED_BY_CANCEL)
        pn_end_set(end, PRONG_CANCELLED, ECANCELED, "task %s was cancelled, and its worker %d killed", name, l->pid);
    else if (by_kill && l->killed == PN_KILLED_AS_UNWELL)
        pn_end_set(end, PRONG_LOST, EPIPE, "the worker %d of task %s could not be spoken to, and was killed", l->pid, name);
    else if (ended->how == CLD_EXITED)
        pn_end_set(end, PRONG_EXITED, ended->status, "task %s left its worker %d with exit status %d", name, l->pid, ended->status);
    else if (!tell_limit(l, in, name, ended->status, end))
        tell_crash(l, in, name, ended->status, end);
}

/* Until the kernel has let go of it its number, which is that of its group, too, is nobody else's: a dead one is first reaped by whoever has
 * inherited it, so the group goes first. */
void pn_link_end_orphan(struct pn_link *l)
{
    struct pollfd p = { .fd = l->pidfd, .events = POLLIN };
    if (l->pidfd < 0)
        return;
    if (syscall(SYS_pidfd_send_signal, l->pidfd, SIGKILL, NULL, 0) == 0)
        (void)kill(-l->pid, SIGKILL);
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
}

void pn_link_init_lists(struct pn_link *l)
{
    pn_list_init(&l->listed);
    pn_list_init(&l->nested);
    pn_list_init(&l->of_resuming);
}

void pn_link_clear(struct pn_link *l)
{
    const struct pn_processes *p = l->pool->state;
    while (l->count)
        (void)drop_first(l);
    pn_link_hang_up(l);
    unlisten(p->bells, &l->reply_bell);
    pn_close_fds(&l->call_bell, 1);
    pn_close_fds(&l->call_bell_end, 1);
    pn_close_fds(&l->pidfd, 1);
    pn_list_remove(&l->listed);
    pn_nested_orphan(l);
    cover_addresses(l);
    struct pn_link keep = *l;
    memset(l, 0, sizeof *l);
    l->pool = keep.pool;
    l->index = keep.index;
    l->calls = keep.calls;
    l->replies = keep.replies;
    l->channel = l->call_bell = l->call_bell_end = l->reply_bell = l->pidfd = -1;
    l->failed_starts = keep.failed_starts;
    l->failed_inits = keep.failed_inits;
    l->retry_at = keep.retry_at;
    memcpy(l->why, keep.why, sizeof l->why);
    pn_link_init_lists(l);
}

void pn_link_fini(struct pn_link *l)
{
    if (l->calls)
        (void)munmap(l->calls, PN_AREA_BYTES);
}
