#include "core/run.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/engine.h"
#include "core/group.h"
#include "memory/heap.h"
#include "memory/segment.h"
#include "sync/futex.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- memory ---- */

static void *record_new(size_t size)
{
    size_t rounded;
    return pn_round_up(size ? size : 1, 64, &rounded) ? aligned_alloc(64, rounded) : NULL;
}

void *pn_record_copy(const void *record, size_t size)
{
    void *mem = record_new(size);
    if (mem && size)
        memcpy(mem, record, size);
    return mem;
}

bool pn_run_make_record(prong_future *run, const void *record, size_t size)
{
    if (size > PN_RECORD_INSIDE)
        run->record = record ? pn_record_copy(record, size) : record_new(size);
    else
        run->record = record && size ? memcpy(run->inside, record, size) : run->inside;
    run->size = size;
    return run->record;
}

static void record_free(prong_future *run)
{
    if (run->how == PN_RECORD_IN_PLACE || run->record == run->inside)
        return;
    if (run->mapped)
        pn_segment_unmap(run->record, run->mapped);
    else
        free(run->record);
}

void pn_run_replace_record(prong_future *run, void *mapping, size_t mapped)
{
    if (run->how == PN_RECORD_IN_PLACE) {
        memcpy(run->record, mapping, run->size);
        pn_segment_unmap(mapping, mapped);
        return;
    }
    record_free(run);
    run->record = mapping;
    run->mapped = mapped;
}

static void close_segment(prong_future *run)
{
    if (run->segment >= 0)
        (void)close(run->segment);
    run->segment = -1;
}

void pn_run_get(prong_future *run)
{
    (void)pn_add_relaxed(&run->refs, 1);       /* from another reference: nothing to order */
}

/* Releases this holder's reads to whoever frees the run, and acquires the others'. Who has the only reference is alone with it: nobody is there
 * who could make another. */
static bool was_last(prong_future *run) { return pn_load_acquire(&run->refs) == 1 || pn_sub_acq_rel(&run->refs, 1) == 1; }

/* The memory is left. */
static void run_fini(prong_future *run)
{
    record_free(run);
    close_segment(run);
    if (run->output.mem || run->output.fd >= 0)
        pn_output_free(&run->output);
    free(run->place);
}

static void give_memory(prong_pool *pool, struct pn_spares *s)
{
    size_t n = s->count;
    if (!n)
        return;
    pn_spares_give(pool, s);
    pn_pool_put_many(pool, n);
}

void pn_runs_put(prong_future *const runs[], size_t n)
{
    struct pn_spares freed = { 0 };
    prong_pool *pool = NULL;                   /* of those */
    for (size_t i = 0; i < n; i++) {
        prong_future *run = runs[i];
        if (!run || !was_last(run))
            continue;
        if (run->pool != pool)
            give_memory(pool, &freed);
        pool = run->pool;
        run_fini(run);
        pn_spares_add(&freed, run);
    }
    give_memory(pool, &freed);
}

void pn_run_put(prong_future *run) { pn_runs_put(&run, 1); }

/* ---- submitting ---- */

static int check(prong_pool *pool, const struct pn_submit *s, void **ret_place)
{
    const prong_run_opts *o = s->opts;
    if (!s->call.fn[0] || (s->call.kind == PN_CALL_SPAN && !s->call.fn[1]))
        return pn_error(-EINVAL, "no function to run");
    if (s->size > PRONG_RECORD_MAX)
        return pn_error(-EMSGSIZE, "a record of %zu bytes is over the limit of %zu (PRONG_RECORD_MAX)", s->size, PRONG_RECORD_MAX);
    if (s->size && !s->record && !s->in_place)
        return pn_error(-EINVAL, "no record, but a size of %zu bytes", s->size);
    if (o->kill_ms && !pn_promises(pool, PRONG_KILLS))
        return pn_error(-ENOTSUP, "engine %s cannot kill a run (kill_ms): use \"processes\", or ask_ms", pool->engine->name);
    if (o->group && pn_group_pool(o->group) != pool)
        return pn_error(-EINVAL, "the group is one of another pool");
    *ret_place = s->place;
    return pool->engine->check && !s->checked ? pool->engine->check(pool, &s->call, ret_place) : 0;
}

int pn_runs_new(prong_pool *pool, size_t n, prong_future *ret_runs[])
{
    if (!pn_spares_take(pool, PN_RUN_BYTES, (void **)ret_runs, n))
        return -ENOMEM;
    pn_pool_get_many(pool, n);
    for (size_t i = 0; i < n; i++) {
        prong_future *run = ret_runs[i];
        memset(run, 0, offsetof(struct prong_future, end));
        run->end.kind = PRONG_DONE;
        run->end.text[0] = '\0';
        run->pool = pool;
        pn_store_relaxed(&run->refs, 1);       /* not shared yet, here and below */
        run->segment = run->output.fd = -1;
        pn_list_init(&run->queued.link);
        pn_list_init(&run->of_pool);
        pn_list_init(&run->of_group);
        pn_list_init(&run->watches);
    }
    return 0;
}

static void prepare(prong_future *run, const struct pn_submit *s, bool has_handle)
{
    const prong_run_opts *o = s->opts;
    pn_store_relaxed(&run->refs, has_handle ? 2u : 1u);
    pn_store_relaxed(&run->state, PRONG_WAITING);
    run->call = s->call;
    run->tag = o->tag;
    run->ask_ms = o->ask_ms;
    run->kill_ms = o->kill_ms;
    run->retries = o->retries;
    if (o->retries)
        close_segment(run);                    /* what is submitted has to stay, so workers get copies */
    run->priority = o->priority;
    run->queued_at = run->pool->flags & PRONG_BILL ? pn_now() : PRONG_NEVER;
}

/* Whether a run may enter now: waits for room. Inside a task of the pool, or an on_end, room might never come, so none is needed.
 * Locked. */
static int admit(prong_pool *pool, const prong_run_opts *o, bool exempt)
{
    exempt |= pool->queue_limit == 0 || pn_inside(pool) || pn_in_callback();
    for (;;) {
        if (pool->broken)
            return pn_error(-EPIPE, "the pool is broken: %s", pool->why);
        if (pool->closing)
            return pn_error(-ESHUTDOWN, "the pool is closing");
        if (exempt || pool->queue.count + pool->ahead < pool->queue_limit)
            return 0;
        if (o->deadline == PRONG_NOW || pn_cond_wait(&pool->room, &pool->lock, o->deadline) == -ETIMEDOUT)
            return pn_error(-EAGAIN, "%u runs wait already (queue_limit), and none was begun before the deadline", pool->queue_limit);
    }
}

/* In the queue already. The handle is told before the run can end. */
static void enter(prong_pool *pool, prong_future *run, prong_group *group, prong_future **ret_run)
{
    pn_list_push_back(&pool->open, &run->of_pool);
    pool->open_count++;
    if (group)
        pn_group_add(group, run);
    if (ret_run)
        *ret_run = run;
}

/* Others have entered with it: this one does, too, and is over. Locked. */
static void enter_refused(prong_pool *pool, prong_future *run, const struct pn_submit *s, int r, prong_future **ret_run)
{
    struct pn_list later;
    pn_list_init(&later);
    enter(pool, run, s->opts->group, ret_run);
    (void)pn_run_claim_this(run);
    pn_end_set(&run->end, PRONG_LOST, -r, "%s", prong_last_error());
    pn_run_end_locked(run, &later);            /* nobody has given it a callback yet */
}

/* Only the first needs memory for the queue, so all get in or none. Locked. */
static int enter_all(prong_pool *pool, const struct pn_submit *s, prong_future *const runs[], size_t n, prong_future *ret_runs[])
{
    for (size_t i = 0; i < n; i++) {
        prong_future **ret_run = ret_runs ? &ret_runs[i] : NULL;
        if (!pn_queue_push(&pool->queue, &runs[i]->queued, runs[i]->priority, s->inside))
            return pn_error(-ENOMEM, "no memory for the queue");
        int r = pool->engine->admit ? pool->engine->admit(pool, runs[i]) : 0;
        if (r < 0 && i == 0) {
            pn_queue_remove(&pool->queue, &runs[i]->queued);
            return r;
        }
        if (r < 0)
            enter_refused(pool, runs[i], s, r, ret_run);
        else
            enter(pool, runs[i], s->opts->group, ret_run);
    }
    return 0;
}

/* Where each has to be told, it is held until then: it may have ended meanwhile. Locked. */
static void tell_ready(prong_pool *pool, prong_future *const runs[], size_t n)
{
    if (n > 1 && pool->engine->ready_many) {
        pool->engine->ready_many(pool, runs[0]);
        return;
    }
    if (n == 1) {
        pool->engine->ready(pool, runs[0]);
        return;
    }
    for (size_t i = 0; i < n; i++)
        pn_run_get(runs[i]);
    for (size_t i = 0; i < n; i++)
        pool->engine->ready(pool, runs[i]);
    pn_runs_put(runs, n);
}

int pn_submit_made(prong_pool *pool, const struct pn_submit *s, prong_future *const runs[], size_t n, prong_future *ret_runs[])
{
    for (size_t i = 0; i < n; i++) {
        prepare(runs[i], s, ret_runs || s->opts->group);
        runs[i]->tag += i;
    }
    pn_pool_get(pool);                         /* another thread may close it as soon as the run has ended */
    pn_lock(&pool->lock);
    int r = admit(pool, s->opts, s->inside);
    if (r == 0)
        r = enter_all(pool, s, runs, n, ret_runs);
    if (r == 0 && s->begin_here)
        (void)pn_run_claim_this(runs[0]);
    else if (r == 0)
        tell_ready(pool, runs, n);
    pn_unlock(&pool->lock);
    pn_pool_put(pool);
    return r;
}

int pn_submit_check(prong_pool *pool, const struct pn_submit *s, void **ret_place)
{
    *ret_place = NULL;
    return check(pool, s, ret_place);
}

static bool take_record(prong_future *run, const struct pn_submit *s)
{
    if (!s->in_place)
        return pn_run_make_record(run, s->record, s->size);
    run->how = PN_RECORD_IN_PLACE;
    run->record = s->in_place;
    run->size = s->size;
    return true;
}

int pn_submit(prong_pool *pool, const struct pn_submit *s, prong_future **ret_run)
{
    void *place;
    prong_future *run;
    int r = pn_submit_check(pool, s, &place);
    if (r < 0)
        return r;
    if (pn_runs_new(pool, 1, &run) < 0) {
        free(place);
        return pn_error(-ENOMEM, "no memory for a run");
    }
    run->place = place;
    if (!take_record(run, s))
        r = pn_error(-ENOMEM, "no memory for a run with a record of %zu bytes", s->size);
    if (r == 0)
        r = pn_submit_made(pool, s, &run, 1, ret_run);
    if (r < 0) {
        pn_store_relaxed(&run->refs, 1);       /* never shared */
        pn_run_put(run);
    }
    return r;
}

int prong_submit_v(prong_pool *pool, prong_fn *fn, const void *record, size_t size, const prong_run_opts *opts, size_t opts_size,
                   prong_future **ret_future)
{
    prong_run_opts o;
    struct pn_submit s = { .call = pn_call_task(fn), .record = record, .size = size, .opts = &o };
    int r = pn_opts_copy(&o, sizeof o, opts, opts_size);
    if (r == 0)
        r = pn_pool_resolve(&pool);
    return r < 0 ? r : pn_submit(pool, &s, ret_future);
}

/* ---- beginning ---- */

/* A run waits as long as it is in the queue. Locked. */
static bool dequeue(prong_future *run)
{
    if (!run->queued.level)
        return false;
    pn_queue_remove(&run->pool->queue, &run->queued);
    pn_cond_signal(&run->pool->room);
    return true;
}

bool pn_run_claim_this(prong_future *run)
{
    if (!dequeue(run))
        return false;
    pn_store_relaxed(&run->state, PRONG_RUNNING);      /* tells nothing but itself */
    run->bill.attempts++;
    if (run->queued_at != PRONG_NEVER)
        run->bill.queued_ns = (uint64_t)(pn_now() - run->queued_at);
    return true;
}

prong_future *pn_run_claim(prong_pool *pool)
{
    struct pn_queued *first = pn_queue_first(&pool->queue);
    prong_future *run = first ? PN_OF(first, prong_future, queued) : NULL;
    return run && pn_run_claim_this(run) ? run : NULL;
}

/* false: no memory for the queue. */
static bool requeue(prong_future *run)
{
    if (!pn_queue_push(&run->pool->queue, &run->queued, run->priority, true))
        return false;
    pn_store_relaxed(&run->state, PRONG_WAITING);
    if (run->queued_at != PRONG_NEVER)
        run->queued_at = pn_now();
    return true;
}

bool pn_run_unclaim(prong_future *run)
{
    run->bill.attempts--;
    return requeue(run);
}

/* ---- running it here ---- */

void pn_cancelled_before(const prong_future *run, prong_error *ret_end)
{
    *ret_end = (prong_error){ .tag = run->tag };
    pn_end_set(ret_end, PRONG_CANCELLED, ECANCELED, "cancelled before it began");
}

void pn_run_here(prong_future *run, uint32_t slot)
{
    prong_pool *pool = run->pool;
    struct pn_context c = { .pool = pool, .run = run, .slot = slot, .asked = &run->asked, .asked_value = 1, .segment_from = SIZE_MAX,
                            .bill = pool->flags & PRONG_BILL ? &run->bill : NULL };
    prong_error end = { .tag = run->tag };
    if (pn_load_relaxed(&run->asked)) {        /* while it was on its way here */
        pn_cancelled_before(run, &end);
        pn_run_end(run, &end);
        return;
    }
    /* The task works on a copy, so that what was submitted is still there if it gives way or has to begin again. */
    _Alignas(64) char small[PN_RECORD_INSIDE];
    bool inside = run->record == run->inside;
    void *work = inside ? memcpy(small, run->record, run->size) : run->how == PN_RECORD_COPY ? pn_record_copy(run->record, run->size) : run->record;
    if (!work) {
        pn_end_set(&end, PRONG_LIMIT, ENOMEM, "no memory for a copy of the record (%zu bytes)", run->size);
        pn_run_end(run, &end);
        return;
    }
    c.ask_at = run->ask_ms ? pn_after_ms(pn_now(), run->ask_ms) : PRONG_NEVER;
    pn_context_run(&c, &run->call, work, run->size, &end);
    run->output = c.output;
    run->has_bill = c.bill != NULL;
    run->bill.moved_bytes = run->how == PN_RECORD_COPY ? run->size : 0;
    bool keep = end.kind == PRONG_DONE || end.kind == PRONG_FAILED;
    if (inside && keep) {
        memcpy(run->inside, work, run->size);
    } else if (!inside && run->how == PN_RECORD_COPY) {
        free(keep ? run->record : work);
        run->record = keep ? work : run->record;
    }
    pn_run_end(run, &end);
}

static void init_once(prong_pool *pool, uint32_t slot, prong_error *ret_end)
{
    struct pn_context c = { .pool = pool, .slot = slot, .segment_from = SIZE_MAX };
    void *work = pn_record_copy(pool->init_record, pool->init_size);
    if (!work) {
        pn_end_set(ret_end, PRONG_LIMIT, ENOMEM, "no memory for a copy of the init record (%zu bytes)", pool->init_size);
        return;
    }
    pn_context_run(&c, &pool->init, work, pool->init_size, ret_end);
    pn_output_free(&c.output);
    free(work);
}

void pn_run_init_here(prong_pool *pool, uint32_t slot)
{
    prong_error end = { .kind = PRONG_FAILED };
    for (int tries = 0; tries < PN_INIT_TRIES && end.kind != PRONG_DONE; tries++)
        init_once(pool, slot, &end);
    if (end.kind != PRONG_DONE)
        pn_pool_break(pool, "its init failed %d times in a row: %s", PN_INIT_TRIES, end.text);
}

/* ---- ending ---- */

/* A run that nobody wants any more is not begun again. Locked. */
static bool begin_again(prong_future *run, enum prong_kind kind)
{
    bool another_chance = kind == PRONG_CRASHED || kind == PRONG_EXITED || kind == PRONG_TIMEOUT || kind == PRONG_LOST;
    bool unwanted = pn_load_relaxed(&run->asked) || run->kill_wanted || run->pool->cancelling || run->pool->broken;
    if (!another_chance || unwanted || run->retries == 0 || !requeue(run))
        return false;
    run->retries--;
    return true;
}

/* Makes the end known: from the release on, who sees ENDED sees all of it. Watchers are woken under the lock, as the words they sleep
 * on are on their stacks, which they do not leave without it. Locked. */
static void publish_end(prong_future *run, const prong_error *end)
{
    prong_pool *pool = run->pool;
    if (end != &run->end)
        run->end = *end;
    pn_list_remove(&run->of_pool);
    pool->open_count--;
    close_segment(run);
    pn_store_release(&run->state, PRONG_ENDED);
    while (!pn_list_empty(&run->watches)) {
        struct pn_watch *w = PN_OF(run->watches.next, struct pn_watch, link);
        pn_list_remove(&w->link);
        pn_store_release(w->fired, 1);         /* pairs with the acquire in wait.c */
        pn_futex_wake(w->fired, 1);
    }
    if (run->group)
        pn_group_ended(run->group, run);
    if (pool->engine->ended)
        pool->engine->ended(pool);
    if (pool->closing) {
        pn_cond_broadcast(&pool->gone);
        if (pool->open_count == 0)
            pool->engine->stop(pool);
    }
}

static void call_on_end(prong_future *run, void (*fn)(prong_future *f, void *arg), void *arg)
{
    pn_callback_begin();
    fn(run, arg);
    pn_callback_end();
}

/* Begins locked. The last that its pool has to do with the run. */
static void end_and_unlock(prong_future *run, const prong_error *end)
{
    publish_end(run, end);
    void (*fn)(prong_future *f, void *arg) = run->on_end;
    void *arg = run->on_end_arg;
    pn_unlock(&run->pool->lock);
    if (fn)
        call_on_end(run, fn, arg);
    pn_run_put(run);
}

void pn_run_end(prong_future *run, const prong_error *end)
{
    prong_pool *pool = run->pool;
    if (run->allocated) {
        pn_heap_settle(pool->heap, run, end->kind == PRONG_DONE);
        run->allocated = false;
    }
    pn_lock(&pool->lock);
    if (begin_again(run, (enum prong_kind)end->kind)) {
        pool->engine->ready(pool, run);
        pn_unlock(&pool->lock);
        return;
    }
    end_and_unlock(run, end);
}

void pn_run_end_locked(prong_future *run, struct pn_list *later)
{
    prong_pool *pool = run->pool;
    if (run->allocated) {
        pn_heap_settle(pool->heap, run, run->end.kind == PRONG_DONE);
        run->allocated = false;
    }
    if (begin_again(run, (enum prong_kind)run->end.kind)) {
        pool->engine->ready(pool, run);
        return;
    }
    publish_end(run, &run->end);
    if (run->on_end)
        pn_list_push_back(later, &run->of_pool);      /* it is no longer among the pool's open ones */
    else
        pn_run_put(run);
}

void pn_run_tell_later(struct pn_list *later)
{
    while (!pn_list_empty(later)) {
        prong_future *run = PN_OF(later->next, prong_future, of_pool);
        pn_list_remove(&run->of_pool);
        call_on_end(run, run->on_end, run->on_end_arg);
        pn_run_put(run);
    }
}

bool pn_run_end_waiting(prong_pool *pool, const prong_error *end)
{
    pn_lock(&pool->lock);
    struct pn_queued *first = pn_queue_first(&pool->queue);
    if (!first) {
        pn_unlock(&pool->lock);
        return false;
    }
    prong_future *run = PN_OF(first, prong_future, queued);
    prong_error own = *end;
    own.tag = run->tag;
    (void)dequeue(run);
    end_and_unlock(run, &own);
    return true;
}

bool pn_run_cancel_waiting(prong_future *run)
{
    prong_error end;
    const struct pn_engine *engine = run->pool->engine;
    bool out = !run->queued.level && !pn_run_ended(run);
    if (out && engine->recall)
        (void)engine->recall(run->pool, run);
    if (!dequeue(run))
        return false;
    pn_cancelled_before(run, &end);
    end_and_unlock(run, &end);
    return true;
}

/* ---- the future's own calls ---- */

/* What lies ahead of a worker has not begun. */
enum prong_state prong_future_state(const prong_future *f)
{
    enum prong_state state = (enum prong_state)pn_load_acquire(&f->state);
    if (state != PRONG_RUNNING || !f->pool->engine->begun || !pn_pool_is_ours(f->pool))
        return state;
    pn_lock(&f->pool->lock);
    state = (enum prong_state)pn_load_relaxed(&f->state);
    if (state == PRONG_RUNNING && !f->pool->engine->begun(f->pool, f))
        state = PRONG_WAITING;
    pn_unlock(&f->pool->lock);
    return state;
}

uint64_t prong_future_tag(const prong_future *f) { return f->tag; }

void *prong_future_record(prong_future *f)
{
    return pn_pool_is_ours(f->pool) && pn_run_ended(f) ? f->record : NULL;
}

void *prong_future_output(prong_future *f, size_t *ret_size)
{
    if (!pn_pool_is_ours(f->pool) || !pn_run_ended(f) || !f->output.mem)
        return NULL;
    if (ret_size)
        *ret_size = f->output.size;
    return f->output.mem;
}

int prong_future_bill_v(const prong_future *f, prong_bill *ret_bill, size_t bill_size)
{
    if (!pn_pool_is_ours(f->pool))
        return pn_not_ours("future");
    if (!pn_run_ended(f))
        return pn_error(-EAGAIN, "the run has not ended");
    if (!f->has_bill)
        return pn_error(-ENODATA, "no bill: its pool was opened without PRONG_BILL, or it never ran to an end");
    memset(ret_bill, 0, bill_size);
    memcpy(ret_bill, &f->bill, bill_size < sizeof f->bill ? bill_size : sizeof f->bill);
    return 0;
}

int prong_future_on_end(prong_future *f, void (*fn)(prong_future *f, void *arg), void *arg)
{
    if (!pn_pool_is_ours(f->pool))
        return pn_not_ours("future");
    if (!fn)
        return pn_error(-EINVAL, "no function to call");
    pn_lock(&f->pool->lock);
    bool taken = f->on_end != NULL;
    bool ended = pn_run_ended(f);
    if (!taken) {
        f->on_end = fn;
        f->on_end_arg = arg;
    }
    pn_unlock(&f->pool->lock);
    if (taken)
        return pn_error(-EEXIST, "the future has an on_end already");
    if (ended)
        call_on_end(f, fn, arg);
    return 0;
}

int pn_run_cancel_running(prong_future *f, enum prong_how how)
{
    const struct pn_engine *engine = f->pool->engine;
    if (pn_run_ended(f))
        return -EALREADY;
    if (how == PRONG_IF_WAITING)
        return -EBUSY;
    if (how == PRONG_KILL && !engine->kill)
        return -ENOTSUP;
    pn_store_relaxed(&f->asked, 1);
    f->kill_wanted |= how == PRONG_KILL;
    if (how == PRONG_KILL)
        engine->kill(f->pool, f);
    else if (engine->ask)
        engine->ask(f->pool, f);
    return -EINPROGRESS;
}

int pn_cancel_words(const prong_pool *pool, int r)
{
    switch (r) {
    case -EALREADY:
        return pn_error(r, "the run had ended");
    case -EBUSY:
        return pn_error(r, "the run has begun: cancel it with PRONG_ASK or PRONG_KILL");
    case -ENOTSUP:
        return pn_error(r, "engine %s cannot kill a run that has begun: use PRONG_ASK", pool->engine->name);
    case -EINPROGRESS:
        return pn_error(r, "the run was asked to give way, or killed: it ends soon");
    default:
        return r;
    }
}

int prong_future_cancel(prong_future *f, enum prong_how how)
{
    if (!pn_pool_is_ours(f->pool))
        return pn_not_ours("future");
    pn_lock(&f->pool->lock);
    if (pn_run_cancel_waiting(f))
        return 0;
    int r = pn_run_cancel_running(f, how);
    pn_unlock(&f->pool->lock);
    return pn_cancel_words(f->pool, r);
}

void prong_future_free(prong_future *f)
{
    if (f && pn_pool_is_ours(f->pool))
        pn_run_put(f);
}
