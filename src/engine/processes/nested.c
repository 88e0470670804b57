/* A worker asks by message; the manager answers (inner.c is the other side). A WAIT is answered when a run that this worker submitted has ended. Until
 * then its task is AWAY: its place among the workers belongs to another link, and it gets one back before it goes on, from a worker that has nothing to do,
 * ahead of all runs that wait. So there are never more tasks that run than places, and who waits is in nobody's way, however deep. */
#include "engine/processes/nested.h"
#include "base/checked.h"
#include "base/error.h"
#include "core/engine.h"
#include "engine/processes/channel.h"
#include "engine/processes/processes.h"
#include "memory/segment.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a worker has asked for. */
struct request { struct pn_list link; struct pn_link *from; uint64_t worker; size_t size; int fd; union pn_message m; };

/* A run that a worker has submitted, and whose end it may want to know. */
struct nested { struct pn_list link; struct pn_link *from; prong_future *f; uint64_t run; bool ended; };

/* ---- hearing ---- */

bool pn_nested_hear(struct pn_link *l, const union pn_message *m, size_t got, int *fds)
{
    struct pn_processes *p = l->pool->state;
    size_t least = m->kind == PN_SUBMIT ? sizeof m->submit : sizeof m->ask;
    struct request *r = got >= least ? malloc(offsetof(struct request, m) + got) : NULL;
    if (!r)
        return false;
    r->from = l;
    r->worker = l->id;
    r->size = got;
    r->fd = fds[0];
    fds[0] = -1;
    memcpy(&r->m, m, got);
    pn_list_push_back(&p->requests, &r->link);
    pn_manager_wake(p);
    return true;
}

static void request_free(struct request *r)
{
    pn_close_fds(&r->fd, 1);
    free(r);
}

/* ---- saying; locked: the channel belongs to the worker that asked ---- */

static void say(struct pn_link *l, const struct iovec *parts, size_t n, const int *fds, size_t n_fds)
{
    if (l->channel >= 0)                       /* it has asked once, and gets one answer: there is room */
        (void)pn_channel_send(l->channel, parts, n, fds, n_fds, false);
}

static void answer(struct pn_link *l, int r, uint64_t value)
{
    struct pn_answer_msg msg = { .kind = PN_ANSWER, .r = r, .value = value };
    struct iovec part = { &msg, sizeof msg };
    if (r < 0)
        (void)memccpy(msg.text, prong_last_error(), '\0', sizeof msg.text - 1);
    say(l, &part, 1, NULL, 0);
}

static int segment_with(const void *mem, size_t size)
{
    int fd = pn_segment_new("prong-nested", size);
    void *at = fd < 0 ? NULL : pn_segment_map(fd, size, true);
    if (at)
        memcpy(at, mem, size);
    else
        pn_close_fds(&fd, 1);
    pn_segment_unmap(at, size);
    return fd;
}

static bool add_part(struct iovec *parts, size_t *n, int *fds, size_t *n_fds, void *mem, size_t size)
{
    if (size <= PN_NESTED_INLINE_MAX) {
        parts[(*n)++] = (struct iovec){ mem, size };
        return true;
    }
    fds[*n_fds] = segment_with(mem, size);
    return fds[*n_fds] >= 0 && ++*n_fds;
}

static void tell_end(struct pn_link *l, const struct nested *in)
{
    const prong_future *f = in->f;
    bool well = f->end.kind == PRONG_DONE || f->end.kind == PRONG_FAILED;
    struct pn_ended_inside_msg msg = { .kind = PN_ENDED_INSIDE, .run = in->run, .end = f->end, .size = well ? f->size : 0,
                                       .has_output = f->output.mem != NULL, .output_size = f->output.size };
    struct iovec parts[3] = { { &msg, sizeof msg } };
    size_t n = 1, n_fds = 0;
    int fds[2] = { -1, -1 };
    bool sent = !msg.size || add_part(parts, &n, fds, &n_fds, f->record, f->size);
    sent = sent && (!msg.has_output || add_part(parts, &n, fds, &n_fds, f->output.mem, f->output.size));
    if (!sent) {
        n = 1;
        n_fds = 0;
        msg.size = msg.has_output = 0;
        pn_end_set(&msg.end, PRONG_LIMIT, ENOMEM, "no memory to pass on a result of %zu bytes and %zu more", f->size, f->output.size);
    }
    say(l, parts, n, fds, n_fds);
    pn_close_fds(fds, 2);
}

/* ---- places ---- */

/* Its place goes to a spare, or to a link whose worker has yet to be started. */
static void lend_place(struct pn_link *l)
{
    prong_pool *pool = l->pool;
    uint32_t index = l->index;
    if (index == PN_AWAY)
        return;
    pn_take_back(l, NULL);
    l->index = PN_AWAY;
    pn_give_place(pool, index);
    pn_manager_wake(pool->state);
}

/* A link that has a place, but nobody to use it: one whose worker is not there yet, or has nothing to do. */
static struct pn_link *find_place(const prong_pool *pool)
{
    const struct pn_processes *p = pool->state;
    struct pn_link *best = NULL;
    for (uint32_t i = 0; i < p->size; i++) {
        struct pn_link *l = p->link[i];
        bool free_now = l->state == PN_LINK_ABSENT || l->state == PN_LINK_STARTING || (l->state == PN_LINK_HERE && l->count == 0);
        if (l->index < pool->workers && free_now && (!best || l->state < best->state))
            best = l;
    }
    return best;
}

static struct nested *first_ended(const struct pn_link *l)
{
    PN_LIST_EACH(it, &l->nested)
        if (PN_OF(it, struct nested, link)->ended)
            return PN_OF(it, struct nested, link);
    return NULL;
}

/* It has a place: here is what it asked for. */
static void answer_wait(struct pn_link *l)
{
    struct nested *in = first_ended(l);
    l->wait = PN_WAITS_NOT;
    if (!in) {
        answer(l, 0, 0);
        return;
    }
    tell_end(l, in);
    pn_list_remove(&in->link);
    pn_run_put(in->f);                         /* the pool's memory has other holders: this is inside it */
    free(in);
}

void pn_nested_resume(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    struct pn_link *place;
    while (!pn_list_empty(&p->resuming) && (place = find_place(pool)) != NULL) {
        struct pn_link *l = PN_OF(p->resuming.next, struct pn_link, of_resuming);
        uint32_t index = place->index;
        pn_list_remove(&l->of_resuming);
        pn_list_remove(&place->listed);
        place->index = PN_SPARE;
        if (place->state != PN_LINK_ABSENT)
            pn_link_place(place, PN_SPARE);
        pn_link_place(l, index);
        answer_wait(l);
        pn_link_becomes_free(l);
    }
    pn_drop_spares(pool);
}

/* The wait is over, one way or the other. */
static void end_wait(struct pn_link *l)
{
    struct pn_processes *p = l->pool->state;
    if (l->wait != PN_WAITS)
        return;
    l->wait = PN_WAITS_FOR_A_PLACE;
    if (l->index != PN_AWAY) {
        answer_wait(l);
        return;
    }
    pn_list_push_back(&p->resuming, &l->of_resuming);
    pn_nested_resume(l->pool);
}

/* ---- runs ---- */

/* In whichever thread has ended it; the future is the entry's. */
static void nested_ended(prong_future *f, void *arg)
{
    struct nested *in = arg;
    prong_pool *pool = f->pool;
    pn_lock(&pool->lock);
    struct pn_link *l = in->from;
    in->ended = true;
    if (l)
        end_wait(l);
    pn_unlock(&pool->lock);
    if (!l) {
        free(in);
        prong_future_free(f);
    }
}

void pn_nested_orphan(struct pn_link *l)
{
    pn_list_remove(&l->of_resuming);
    l->wait = PN_WAITS_NOT;
    for (struct pn_list *it = l->nested.next, *next; it != &l->nested; it = next) {
        struct nested *in = PN_OF(it, struct nested, link);
        next = it->next;
        pn_list_remove(it);
        in->from = NULL;
        if (in->ended) {
            pn_run_put(in->f);
            free(in);
        }
    }
}

static bool is_possible_call(const struct pn_call *c)
{
    bool range = c->kind == PN_CALL_RANGE || c->kind == PN_CALL_SPAN;
    if (!c->fn[0] || (!range && c->kind != PN_CALL_TASK) || (range && c->hi < c->lo))
        return false;
    return c->kind != PN_CALL_SPAN || (c->fn[1] && c->leaf_size && c->count && c->first <= (c->hi - c->lo) / c->leaf_size);
}

/* Of what it says nothing is believed that cannot be so. *ret_record is part of the message, or a mapping. */
static int read_submit(struct request *r, struct pn_submit *ret, void **ret_mapped)
{
    const struct pn_submit_msg *m = &r->m.submit;
    const char *behind = (const char *)(m + 1);
    size_t rest = r->size - sizeof *m;
    bool large = m->size > PN_NESTED_INLINE_MAX;
    if (!is_possible_call(&m->call) || m->size > PRONG_RECORD_MAX || m->places_size > rest || rest - m->places_size != (large ? 0 : m->size))
        return -EINVAL;
    *ret = (struct pn_submit){ .call = m->call, .size = m->size, .record = behind + m->places_size, .inside = true, .checked = true };
    if (large && !pn_segment_is_sound(r->fd, m->size))
        return -EINVAL;
    if (large)
        ret->record = *ret_mapped = pn_segment_map(r->fd, m->size, false);
    if (large && !ret->record)
        return -ENOMEM;
    if (!m->places_size)
        return 0;
    ret->place = m->places_size >= sizeof(struct pn_places) ? malloc(m->places_size) : NULL;
    if (!ret->place)
        return -ENOMEM;
    memcpy(ret->place, behind, m->places_size);
    ((struct pn_places *)ret->place)->size = m->places_size;
    return 0;
}

/* Not locked. */
static int submit(prong_pool *pool, struct request *r, struct nested *in)
{
    const struct pn_submit_msg *m = &r->m.submit;
    prong_run_opts opts = { .ask_ms = m->ask_ms, .kill_ms = m->kill_ms, .retries = m->retries, .priority = m->priority, .tag = m->tag };
    struct pn_submit s = { 0 };
    void *mapped = NULL;
    int e = read_submit(r, &s, &mapped);
    s.opts = &opts;
    if (e == 0)
        e = pn_submit(pool, &s, in ? &in->f : NULL);
    else
        e = pn_error(e, "the run that worker %d submits cannot be taken over", r->from->pid);
    pn_segment_unmap(mapped, m->size);
    return e;
}

static void handle_submit(prong_pool *pool, struct request *r)
{
    bool wanted = r->m.submit.run != 0;
    struct nested *in = wanted ? calloc(1, sizeof *in) : NULL;
    int e = wanted && !in ? pn_error(-ENOMEM, "no memory for a nested run") : submit(pool, r, in);
    pn_lock(&pool->lock);
    bool there = r->from->id == r->worker && r->from->state != PN_LINK_ABSENT;
    if (e == 0 && in) {
        in->run = r->m.submit.run;
        in->from = there ? r->from : NULL;
        if (there)
            pn_list_push_back(&r->from->nested, &in->link);
        else
            pn_list_init(&in->link);
    }
    if (there)
        answer(r->from, e, 0);
    pn_unlock(&pool->lock);
    if (e == 0 && in)
        (void)prong_future_on_end(in->f, nested_ended, in);
    else
        free(in);
}

/* ---- questions ---- */

static prong_future *future_of(const struct pn_link *l, uint64_t run)
{
    PN_LIST_EACH(it, &l->nested)
        if (PN_OF(it, struct nested, link)->run == run)
            return PN_OF(it, struct nested, link)->f;
    return NULL;
}

/* A run that was cancelled before it began has ended here and there: nobody is told again. */
static void forget(struct pn_link *l, uint64_t run)
{
    PN_LIST_EACH(it, &l->nested) {
        struct nested *in = PN_OF(it, struct nested, link);
        if (in->run != run || !in->ended)
            continue;
        pn_list_remove(&in->link);
        pn_run_put(in->f);
        free(in);
        return;
    }
}

static int handle_cancel(prong_pool *pool, struct pn_link *l, const struct pn_ask_msg *m)
{
    pn_lock(&pool->lock);
    prong_future *f = future_of(l, m->run);
    if (f)
        pn_run_get(f);
    pn_unlock(&pool->lock);
    if (!f)
        return pn_error(-EALREADY, "the run had ended");
    int r = prong_future_cancel(f, m->value == PRONG_IF_WAITING || m->value == PRONG_KILL ? (enum prong_how)m->value : PRONG_ASK);
    pn_lock(&pool->lock);
    if (r == 0)
        forget(l, m->run);
    pn_unlock(&pool->lock);
    pn_run_put(f);
    return r;
}

static uint64_t state_of(prong_pool *pool, struct pn_link *l, uint64_t run)
{
    pn_lock(&pool->lock);
    prong_future *f = future_of(l, run);
    if (f)
        pn_run_get(f);
    pn_unlock(&pool->lock);
    uint64_t state = f ? (uint64_t)prong_future_state(f) : PRONG_ENDED;
    if (f)
        pn_run_put(f);
    return state;
}

/* What a task allocates is its run's until that has ended well. Locked. */
static int handle_alloc(prong_pool *pool, struct pn_link *l, const struct pn_ask_msg *m, uint64_t *ret_at)
{
    if (m->access != PRONG_WRITE)
        return pn_error(-EACCES, "a task of processes allocates with PRONG_WRITE only: nobody could fill in what is PRONG_READ");
    prong_future *run = l->count ? l->flight[l->first].run : NULL;
    void *at = m->value <= SIZE_MAX && run ? pn_heap_alloc(pool->heap, m->value, PRONG_WRITE, run) : NULL;
    if (!at)
        return pn_error(-ENOMEM, "the pool's heap has no %llu bytes left", (unsigned long long)m->value);
    run->allocated = true;
    *ret_at = (uintptr_t)at;
    return pn_link_tell_news(l);
}

static void handle_wait(struct pn_link *l, bool now)
{
    if (l->wait != PN_WAITS_NOT)
        return;
    l->wait = PN_WAITS;
    if (now || first_ended(l))
        end_wait(l);
    else
        lend_place(l);
}

static void handle_question(prong_pool *pool, struct pn_link *l, const struct pn_ask_msg *m)
{
    uint64_t value = 0;
    int r = 0;
    if (m->kind == PN_CANCEL)
        r = handle_cancel(pool, l, m);
    else if (m->kind == PN_STATE)
        value = state_of(pool, l, m->run);
    pn_lock(&pool->lock);
    if (m->kind == PN_ALLOC)
        r = handle_alloc(pool, l, m, &value);
    else if (m->kind == PN_FREE)
        r = pn_heap_free(pool->heap, (void *)(uintptr_t)m->value) ? 0 : pn_error(-EINVAL, "no memory of this pool");
    else if (m->kind == PN_NEWS_PLEASE)
        r = pn_link_tell_news(l);
    if (m->kind == PN_WAIT)
        handle_wait(l, m->value);
    else if (m->kind == PN_UNWAIT)
        end_wait(l);
    else
        answer(l, r, value);
    pn_unlock(&pool->lock);
}

void pn_nested_answer(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    for (;;) {
        pn_lock(&pool->lock);
        struct request *r = pn_list_empty(&p->requests) ? NULL : PN_OF(p->requests.next, struct request, link);
        bool there = r && r->from->id == r->worker && r->from->state != PN_LINK_ABSENT;
        if (r)
            pn_list_remove(&r->link);
        pn_unlock(&pool->lock);
        if (!r)
            return;
        if (there && r->m.kind == PN_SUBMIT)
            handle_submit(pool, r);
        else if (there)
            handle_question(pool, r->from, &r->m.ask);
        request_free(r);
    }
}

void pn_nested_fini(prong_pool *pool)
{
    struct pn_processes *p = pool->state;
    while (!pn_list_empty(&p->requests)) {
        struct request *r = PN_OF(p->requests.next, struct request, link);
        pn_list_remove(&r->link);
        request_free(r);
    }
}
