/* Many runs at once: prong_map, prong_for, prong_reduce, prong_invoke. All are a batch: a group of runs of which only so many are in
 * flight, whose first bad end cancels the rest. */
#include "base/checked.h"
#include "base/error.h"
#include "core/engine.h"
#include "core/fold.h"
#include "core/group.h"
#include "core/run.h"
#include "core/wait.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct batch {
    prong_pool *pool;
    prong_group *group;
    size_t in_flight, window;
    bool keep_going;             /* a bad end cancels nothing */
    bool stopping;               /* a bad end has been seen, or a refusal: the rest is cancelled, and no more is submitted */
    int refused;                 /* why a run could not be submitted, and the words for it */
    char why[256];
    bool has_bad;
    prong_error bad;             /* of those that count, the one with the lowest tag */
    prong_error *ends;           /* in the order of submission, or NULL */
    prong_future **kept;         /* in the order of submission, to be freed by the caller, or NULL */
};

static int batch_open(struct batch *b, prong_pool *pool, size_t size, bool keep_going)
{
    *b = (struct batch){ .pool = pool, .keep_going = keep_going };
    int r = pn_pool_resolve(&b->pool);
    if (r == 0 && pn_in_callback())
        r = pn_error(-EDEADLK, "an on_end must not wait for runs");
    if (r == 0)
        r = prong_group_open(b->pool, &b->group);
    if (r < 0)
        return r;
    if (!keep_going)
        pn_group_stop_at_bad(b->group);
    uint32_t workers = prong_pool_workers(b->pool);
    /* Enough that no worker runs dry while the caller is away, but of large records no more than need be. */
    b->window = size > (1u << 20) ? workers + (size_t)2 : workers * (size_t)4 + 16;
    return 0;
}

/* A run could not be submitted. */
static void batch_refuse(struct batch *b, int r)
{
    b->refused = r;
    b->stopping = true;
    (void)memccpy(b->why, prong_last_error(), '\0', sizeof b->why - 1);
    pn_lock(&b->pool->lock);
    pn_group_stop(b->group);
    pn_unlock(&b->pool->lock);
}

/* What was cancelled because of another's bad end does not count as one. */
static void batch_note(struct batch *b, const prong_error *end)
{
    if (end->kind == PRONG_DONE || (end->kind == PRONG_CANCELLED && b->stopping))
        return;
    if (!b->has_bad || end->tag < b->bad.tag)
        b->bad = *end;
    b->has_bad = true;
    b->stopping |= !b->keep_going;
}

static void batch_took(struct batch *b, prong_future *run)
{
    b->in_flight--;
    if (b->ends)
        b->ends[run->group_index] = run->end;
    batch_note(b, &run->end);
    if (b->kept)
        b->kept[run->group_index] = run;
    else
        pn_run_put(run);
}

/* Takes what has ended by now, so that a bad end stops the rest soon. */
static void batch_look(struct batch *b)
{
    for (prong_future *run; (run = pn_group_try(b->group)) != NULL;)
        batch_took(b, run);
}

/* Waits for one more. false: none is left. */
static bool batch_take(struct batch *b)
{
    prong_future *run;
    if (pn_group_take(b->group, PRONG_NEVER, &run) < 0)
        return false;
    batch_took(b, run);
    return true;
}

/* false: no more, the batch is ending. */
static bool batch_submit(struct batch *b, struct pn_submit *s, uint64_t tag, prong_future **ret_run)
{
    prong_run_opts o = { .group = b->group, .tag = tag };
    batch_look(b);
    while (b->in_flight >= b->window && batch_take(b))
        ;
    if (b->stopping)
        return false;
    s->opts = &o;
    int r = pn_submit(b->pool, s, ret_run);
    if (r < 0)
        batch_refuse(b, r);
    b->in_flight += r == 0;
    return r == 0;
}

/* Waits for what is in flight and tells how it went: a negative errno, a bad kind, or 0. */
static int batch_close(struct batch *b, prong_error *ret_end)
{
    while (batch_take(b))
        ;
    (void)prong_group_close(b->group, PRONG_NEVER, NULL);
    if (b->refused)
        return pn_error(b->refused, "%s", b->why);
    if (ret_end)
        *ret_end = b->has_bad ? b->bad : (prong_error){ 0 };
    return b->has_bad ? b->bad.kind : 0;
}

/* ---- map ---- */

int prong_map(prong_pool *pool, prong_fn *fn, void *records, size_t n, size_t size, prong_error *ret_ends, prong_error *ret_end)
{
    struct batch b;
    struct pn_submit s = { .call = pn_call_task(fn), .size = size };
    char none[64];                             /* records of no size still have an address */
    int r = batch_open(&b, pool, size, ret_ends != NULL);
    if (r < 0)
        return r;
    b.ends = ret_ends;
    for (size_t i = 0; i < n; i++) {
        s.in_place = size ? (char *)records + i * size : none;
        if (!batch_submit(&b, &s, i, NULL))
            break;
    }
    return batch_close(&b, ret_end);
}

/* ---- for ---- */

static uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

static int check_range(uint64_t lo, uint64_t hi)
{
    return hi < lo ? pn_error(-EINVAL, "the range ends (%llu) before it begins (%llu)", (unsigned long long)hi, (unsigned long long)lo) : 0;
}

int prong_for(prong_pool *pool, uint64_t lo, uint64_t hi, prong_range_fn *fn, const void *record, size_t size, prong_error *ret_end)
{
    struct batch b;
    struct pn_submit s = { .record = record, .size = size };
    int r = check_range(lo, hi);
    if (r == 0)
        r = batch_open(&b, pool, size, false);
    if (r < 0)
        return r;
    /* A dozen pieces for each worker even out what takes longer than the rest; more would only cost. */
    uint64_t pieces = min_u64(hi - lo, (uint64_t)prong_pool_workers(b.pool) * 12);
    uint64_t each = pieces ? (hi - lo) / pieces : 0, longer = pieces ? (hi - lo) % pieces : 0;
    for (uint64_t from = lo, i = 0; i < pieces; i++) {
        uint64_t to = from + each + (i < longer);
        s.call = pn_call_range(fn, from, to);
        if (!batch_submit(&b, &s, from, NULL))
            break;
        from = to;
    }
    return batch_close(&b, ret_end);
}

/* ---- reduce ---- */

/* The leaves travel in spans: blocks of 2^k leaves at multiples of 2^k, each a node of the tree whose value comes back (fold.h). Several
 * for each worker, so that nobody waits long for the last one. */
static uint64_t span_leaves(uint64_t leaves, uint32_t workers)
{
    uint64_t span = 1;
    while (leaves / span > (uint64_t)workers * 8)
        span *= 2;
    return span;
}

struct reduce {
    uint64_t lo, hi, leaf_size, leaves, span, spans;
    prong_range_fn *fn;
    prong_fold_fn *fold;
    const void *identity;
    size_t size;
};

static void submit_spans(struct batch *b, const struct reduce *d)
{
    for (uint64_t i = 0; i < d->spans; i++) {
        uint64_t first = i * d->span, count = min_u64(d->span, d->leaves - first);
        struct pn_submit s = { .call = pn_call_span(d->fn, d->fold, d->lo, d->hi, d->leaf_size, first, count),
                               .record = d->identity, .size = d->size };
        if (!batch_submit(b, &s, d->lo + first * d->leaf_size, NULL))
            break;
    }
}

/* Nothing is written to ret_result before all is known to be well. */
static int fold_spans(const struct reduce *d, prong_future *const *spans, void *ret_result)
{
    struct pn_fold f;
    if (pn_fold_init(&f, d->fold, d->leaves, d->spans, d->size) < 0)
        return pn_error(-ENOMEM, "no memory for the values of a reduce (%zu bytes each)", d->size);
    for (uint64_t i = 0; i < d->spans; i++) {
        memcpy(pn_fold_next(&f), spans[i]->record, d->size);
        pn_fold_push(&f, i * d->span, min_u64(d->span, d->leaves - i * d->span));
    }
    memcpy(ret_result, pn_fold_root(&f), d->size);
    pn_fold_fini(&f);
    return 0;
}

static int reduce(prong_pool *pool, const struct reduce *d, void *ret_result, prong_error *ret_end)
{
    struct batch b;
    int r = batch_open(&b, pool, d->size, false);
    if (r < 0)
        return r;
    b.kept = calloc(d->spans, sizeof *b.kept);
    if (b.kept)
        submit_spans(&b, d);
    else
        batch_refuse(&b, pn_error(-ENOMEM, "no memory for %llu spans", (unsigned long long)d->spans));
    prong_future **kept = b.kept;
    r = batch_close(&b, ret_end);
    if (r == 0)
        r = fold_spans(d, kept, ret_result);
    for (uint64_t i = 0; kept && i < d->spans; i++)
        prong_future_free(kept[i]);
    free(kept);
    return r;
}

int prong_reduce(prong_pool *pool, uint64_t lo, uint64_t hi, uint64_t grain, prong_range_fn *fn, prong_fold_fn *fold,
                 const void *identity, size_t size, void *ret_result, prong_error *ret_end)
{
    int r = check_range(lo, hi);
    if (r == 0)
        r = pn_pool_resolve(&pool);
    if (r == 0 && size > PRONG_RECORD_MAX)
        r = pn_error(-EMSGSIZE, "a value of %zu bytes is over the limit of %zu (PRONG_RECORD_MAX)", size, PRONG_RECORD_MAX);
    if (r < 0)
        return r;
    if (hi == lo) {
        memcpy(ret_result, identity, size);
        if (ret_end)
            *ret_end = (prong_error){ 0 };
        return 0;
    }
    struct reduce d = { .lo = lo, .hi = hi, .fn = fn, .fold = fold, .identity = identity, .size = size };
    d.leaf_size = pn_leaf_size(hi - lo, grain);
    d.leaves = pn_leaf_count(hi - lo, d.leaf_size);
    d.span = span_leaves(d.leaves, prong_pool_workers(pool));
    d.spans = pn_leaf_count(d.leaves, d.span);
    return reduce(pool, &d, ret_result, ret_end);
}

/* ---- invoke ---- */

/* The last part, in this thread if it may run one: claimed before anybody else sees it. */
static void submit_last(struct batch *b, struct pn_submit *s, uint64_t tag)
{
    struct pn_slot slot;
    prong_future *run = NULL;
    pn_lock(&b->pool->lock);
    s->begin_here = pn_slot_take(b->pool, &slot);
    pn_unlock(&b->pool->lock);
    if (batch_submit(b, s, tag, &run) && s->begin_here)
        pn_run_nested(run, slot.number);
    pn_lock(&b->pool->lock);
    if (s->begin_here)
        pn_slot_return(b->pool, &slot);
    pn_unlock(&b->pool->lock);
}

/* Helps with those that nobody has begun, the last one first: the pool takes them from the front. */
static void help_with(struct batch *b, prong_future *const *runs, size_t n)
{
    while (n-- > 0) {
        pn_lock(&b->pool->lock);
        if (runs[n])
            (void)pn_help_locked(runs[n], PRONG_NEVER);
        pn_unlock(&b->pool->lock);
    }
}

int prong_invoke(prong_pool *pool, const prong_part *parts, size_t n, prong_error *ret_end)
{
    struct batch b;
    char none[64];
    int r = batch_open(&b, pool, 0, false);
    if (r < 0)
        return r;
    b.window = SIZE_MAX;
    b.kept = calloc(n ? n : 1, sizeof *b.kept);
    prong_future **runs = calloc(n ? n : 1, sizeof *runs);
    if (!b.kept || !runs)
        batch_refuse(&b, pn_error(-ENOMEM, "no memory for %zu parts", n));
    for (size_t i = 0; i < n && !b.stopping; i++) {
        struct pn_submit s = { .call = pn_call_task(parts[i].fn), .in_place = parts[i].size ? parts[i].record : none,
                               .size = parts[i].size };
        if (i == n - 1)
            submit_last(&b, &s, i);
        else if (!batch_submit(&b, &s, i, &runs[i]))
            break;
    }
    if (runs)
        help_with(&b, runs, n);
    prong_future **kept = b.kept;
    r = batch_close(&b, ret_end);
    for (size_t i = 0; kept && i < n; i++)
        prong_future_free(kept[i]);
    free(kept);
    free(runs);
    return r;
}
