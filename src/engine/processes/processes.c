/* processes - workers forked from the zygote: what the core asks of them. processes.h says who does what. */
#include "engine/processes/processes.h"
#include "base/error.h"
#include "base/process.h"
#include "core/engine.h"
#include "engine/engines.h"
#include "engine/processes/channel.h"
#include "engine/processes/module.h"
#include "engine/processes/nested.h"
#include "engine/processes/zygote.h"
#include "memory/heap.h"
#include "memory/segment.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

struct pn_link *pn_link_new(prong_pool *pool, uint32_t index)
{
    struct pn_processes *p = pool->state;
    if (p->size == p->room_for) {
        uint32_t room_for = p->room_for ? p->room_for * 2 : 8;
        struct pn_link **more = realloc(p->link, room_for * sizeof *more);
        if (!more)
            return NULL;
        p->link = more;
        p->room_for = room_for;
    }
    struct pn_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    *l = (struct pn_link){ .pool = pool, .index = index, .channel = -1, .call_bell = -1, .call_bell_end = -1, .reply_bell = -1, .pidfd = -1 };
    pn_link_init_lists(l);
    p->link[p->size++] = l;
    return l;
}

int pn_links_make_room(prong_pool *pool, uint32_t places)
{
    struct pn_processes *p = pool->state;
    while (p->places < places && pn_link_new(pool, p->places))
        p->places++;
    if (pool->has_spare && p->size == p->places)
        (void)pn_link_new(pool, PN_SPARE);
    return p->places < places ? pn_error(-ENOMEM, "no memory for %u workers", places) : 0;
}

static void fini(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    pn_nested_fini(pool);
    for (uint32_t i = 0; i < p->size; i++) {
        pn_link_fini(p->link[i]);
        free(p->link[i]);
    }
    pn_segment_unmap(p->board, PN_BOARD_BYTES);
    pn_close_fds(&p->board_fd, 1);
    pn_close_fds(&p->bells, 1);
    pn_close_fds(&p->kick, 1);
    pn_close_fds(&p->wake, 1);
    pn_close_fds(&p->zygote_pidfd, 1);
    pn_close_fds(&p->epoll, 1);
    pn_close_fds(p->around, PN_SURROUNDINGS_FDS);
    free(p->init_places);
    free(p->link);
    free(p);
}

static bool listen_to(int epoll, int *fd, uint32_t how)
{
    struct epoll_event e = { .events = how, .data.ptr = fd };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, *fd, &e) == 0;
}

/* What workers read of the owner, and what a waiting thread sleeps in. */
static int open_seat(struct pn_processes *p)
{
    p->board_fd = pn_segment_new("prong-board", PN_BOARD_BYTES);
    if (p->board_fd < 0)
        return pn_error(p->board_fd, "cannot make memory that workers read: %s", strerror(-p->board_fd));
    p->board = pn_segment_map(p->board_fd, PN_BOARD_BYTES, true);
    if (!p->board)
        return pn_error(-ENOMEM, "cannot map memory that workers read: %s", strerror(errno));
    (void)madvise(p->board, PN_BOARD_BYTES, MADV_DONTFORK);
    p->kick = pn_fd_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    p->bells = p->kick < 0 ? -1 : pn_fd_up(epoll_create1(EPOLL_CLOEXEC));
    if (p->bells < 0 || !listen_to(p->bells, &p->kick, EPOLLIN | EPOLLET))
        return pn_error(-errno, "cannot make what a waiting thread sleeps in: %s", strerror(errno));
    return 0;
}

/* The zygote first, while the program may still have one thread; the manager last. */
static int open_parts(prong_pool *pool, struct pn_processes *p)
{
    int r = pn_surroundings_read(pool->memory_bytes, pool->files, &p->surroundings, p->around);
    if (r == 0)
        r = pn_zygote_open_pool(&p->surroundings, p->around, &p->zygote, &p->zygote_pidfd);
    if (r == 0 && pool->init.kind)
        r = pn_functions_find(pool->init.fn, &p->init_places);
    if (r == 0)
        r = pn_heap_open(pool->heap_bytes, true, &pool->heap);
    if (r == 0)
        r = pn_links_make_room(pool, pool->workers);
    if (r == 0)
        r = open_seat(p);
    p->wake = r == 0 ? pn_fd_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) : -1;
    if (r == 0 && p->wake < 0)
        r = pn_error(-errno, "cannot make an event descriptor: %s", strerror(errno));
    p->epoll = r == 0 ? pn_fd_up(epoll_create1(EPOLL_CLOEXEC)) : -1;
    bool listens = r == 0 && p->epoll >= 0 && listen_to(p->epoll, &p->zygote, EPOLLIN) &&
                   listen_to(p->epoll, &p->zygote_pidfd, EPOLLIN) && listen_to(p->epoll, &p->wake, EPOLLIN);
    if (r == 0 && !listens)
        r = pn_error(-errno, "cannot make what the manager listens with: %s", strerror(errno));
    return r;
}

/* What a task is told of its pool. */
static void tell_numbers(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    pn_store_relaxed(&p->board->workers, pool->workers);
    pn_store_relaxed(&p->board->slots, pool->workers_most);
}

static int start_workers(prong_pool *pool, struct pn_processes *p)
{
    tell_numbers(pool);
    pn_fill_up(pool);
    for (uint32_t i = 0; i < p->size && i < PN_STARTS_AT_ONCE; i++)
        if (p->link[i]->state == PN_LINK_ABSENT && p->link[i]->index < PN_AWAY)
            return pn_error(-EAGAIN, "worker %u of %u: %s", p->link[i]->index + 1, pool->workers, p->link[i]->why);
    pool->users++;
    pn_pool_get(pool);
    char name[64];
    (void)snprintf(name, sizeof name, "%.8s-mgr", pool->name);
    int r = pn_thread_start(&p->manager, pn_manager_main, pool, name);
    if (r < 0) {
        pool->users--;
        pn_pool_put(pool);
        return pn_error(r, "cannot start the manager thread: %s", strerror(-r));
    }
    return 0;
}

static int open_processes(prong_pool *pool)
{
    struct pn_processes *p = calloc(1, sizeof *p);
    if (!p)
        return pn_error(-ENOMEM, "no memory for a pool");
    pool->state = p;
    p->around[0] = p->around[1] = -1;
    p->zygote = p->zygote_pidfd = p->wake = p->epoll = p->board_fd = p->bells = p->kick = -1;
    p->next_id = 1;
    p->cpus = prong_cpus();
    pn_list_init(&p->idle);
    pn_list_init(&p->room);
    pn_list_init(&p->requests);
    pn_list_init(&p->resuming);
    int r = open_parts(pool, p);
    if (r == 0)
        r = start_workers(pool, p);
    if (r < 0) {
        pn_end_workers(p);
        for (uint32_t i = 0; i < p->size; i++)
            pn_link_clear(p->link[i]);
        fini(pool);
    }
    return r;
}

static int check(prong_pool *pool, const struct pn_call *call, void **ret_place)
{
    struct pn_places *places;
    (void)pool;
    int r = pn_functions_find(call->fn, &places);
    *ret_place = places;
    return r;
}

/* Without a descriptor, or where files may not be so large, it is copied for the worker when its turn comes. */
static int reserve(size_t size, int *ret_fd, void **ret_mem)
{
    if (size <= PN_SPACE_RECORD_MAX)
        return 0;
    int fd = pn_segment_new("prong-record", size);
    if (fd < 0)
        return fd == -ENOMEM ? fd : 0;
    void *mem = pn_segment_map(fd, size, true);
    if (!mem) {
        (void)close(fd);
        return -ENOMEM;
    }
    *ret_fd = fd;
    *ret_mem = mem;
    return 0;
}

/* What is left is large: the manager's to copy. */
static void hand_out(prong_pool *pool, void (*to_workers)(prong_pool *pool))
{
    struct pn_processes *p = pool->state;
    to_workers(pool);
    if (pool->queue.count && !pn_list_empty(&p->idle))
        pn_manager_wake(p);
}

static void ready(prong_pool *pool, prong_future *run)
{
    (void)run;                                 /* the first that waits goes first */
    hand_out(pool, pn_hand_out_small);
}

static void ready_many(prong_pool *pool, prong_future *first)
{
    (void)first;
    hand_out(pool, pn_hand_out_batch);
}

/* What lies ahead goes back to the queue, and has been asked: it ends there. */
static void ask(prong_pool *pool, prong_future *run)
{
    struct pn_flight *f;
    struct pn_link *l = pn_link_of(pool->state, run, &f);
    if (!l)
        return;
    if (f->call != l->flight[l->first].call)
        pn_take_back(l, run);
    if (run->queued.level)
        pn_manager_wake(pool->state);
    else
        pn_link_ask(l, f->call);
}

static void kill_run(prong_pool *pool, prong_future *run)
{
    struct pn_flight *f;
    struct pn_link *l = pn_link_of(pool->state, run, &f);
    if (l)
        pn_kill_only(l, run, PN_KILLED_BY_CANCEL);
    pn_manager_wake(pool->state);              /* others may have come back */
}

static bool recall(prong_pool *pool, prong_future *run)
{
    struct pn_flight *f;
    struct pn_link *l = pn_link_of(pool->state, run, &f);
    if (!l)
        return false;
    pn_take_back(l, run);
    pn_manager_wake(pool->state);              /* others may have come back with it */
    return run->queued.level != NULL;
}

static bool begun(prong_pool *pool, const prong_future *run)
{
    struct pn_flight *f;
    struct pn_link *l = pn_link_of(pool->state, run, &f);
    return l && pn_link_had_begun(l, f->call);
}

static int resize(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    for (uint32_t i = 0; i < p->size; i++) {
        p->link[i]->failed_starts = p->link[i]->failed_inits = 0;
        p->link[i]->retry_at = PRONG_NEVER;
        if (p->link[i]->state == PN_LINK_HERE && p->link[i]->index < PN_AWAY) {
            if (pn_link_is_surplus(p->link[i]))
                pn_take_back(p->link[i], NULL);
            pn_link_becomes_free(p->link[i]);
        }
    }
    tell_numbers(pool);
    pn_manager_wake(p);
    return 0;
}

static void stop(prong_pool *pool) { pn_manager_wake(pool->state); }
static void join(prong_pool *pool) { pn_thread_join(((struct pn_processes *)pool->state)->manager); }
static void leave(prong_pool *pool) { pn_thread_leave(((struct pn_processes *)pool->state)->manager); }

const struct pn_engine pn_processes = {
    .name = "processes",
    .promises = 1u << PRONG_SHARES_HEAP | 1u << PRONG_CONTAINS_CRASHES | 1u << PRONG_KILLS | 1u << PRONG_LIMITS_MEMORY,
    .most_workers = 1u << 14,
    .open = open_processes,
    .check = check,
    .reserve = reserve,
    .ready = ready,
    .ready_many = ready_many,
    .ask = ask,
    .kill = kill_run,
    .recall = recall,
    .recall_all = pn_take_all_back,
    .begun = begun,
    .attend = pn_attend,
    .linger = pn_linger,
    .ended = pn_kick_seat,
    .resize = resize,
    .stop = stop,
    .join = join,
    .leave = leave,
    .fini = fini,
};
