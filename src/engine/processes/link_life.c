/* link_life.c - how a link begins, with its memory, bells and channel, and how it ends. */
#include "engine/processes/link.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "engine/processes/channel.h"
#include "engine/processes/nested.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
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

/* ---- ending ---- */

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
        (void)pn_link_drop_first(l);
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

