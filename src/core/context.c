#include "core/context.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "memory/segment.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static _Thread_local struct pn_context *innermost;
static _Thread_local unsigned callbacks;

struct pn_context *pn_context(void) { return innermost; }
void pn_callback_begin(void) { callbacks++; }
void pn_callback_end(void) { callbacks--; }
bool pn_in_callback(void) { return callbacks > 0; }

bool pn_inside(const prong_pool *pool)
{
    for (const struct pn_context *c = innermost; c; c = c->outer)
        if (c->pool == pool)
            return true;
    return false;
}

/* ---- what a task may call ---- */

uint32_t prong_slot(void) { return innermost ? innermost->slot : 0; }

/* Relaxed is enough: nothing but the wish itself is told by the word. */
bool prong_cancelled(void)
{
    struct pn_context *c = innermost;
    if (!c)
        return false;
    if (c->gave_way == PN_WENT_ON) {
        if (c->asked && pn_load_relaxed(c->asked) == c->asked_value)
            c->gave_way = PN_GAVE_WAY_TO_CANCEL;
        else if (pn_passed(c->ask_at))
            c->gave_way = PN_GAVE_WAY_TO_TIME;
    }
    return c->gave_way != PN_WENT_ON;
}

int prong_fail(int code, const char *fmt, ...)
{
    struct pn_context *c = innermost;
    if (c) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(c->text, sizeof c->text, fmt, args);
        va_end(args);
        c->has_text = true;
    }
    return code ? code : -EINVAL;
}

void pn_output_free(struct pn_output *o)
{
    if (o->mapped)
        pn_segment_unmap(o->mem, o->size);
    else
        free(o->mem);
    if (o->fd >= 0)
        (void)close(o->fd);
    *o = (struct pn_output){ .fd = -1 };
}

static bool output_in_segment(struct pn_output *o)
{
    o->fd = pn_segment_new("prong-output", o->size);
    if (o->fd < 0)
        return false;
    o->mem = pn_segment_map(o->fd, o->size, true);
    o->mapped = o->mem != NULL;
    if (!o->mapped)
        (void)close(o->fd);
    return o->mapped;
}

void *prong_output_alloc(size_t size)
{
    struct pn_context *c = innermost;
    size_t rounded;
    if (!c) {
        (void)pn_error(-EINVAL, "prong_output_alloc outside a task");
        errno = EINVAL;
        return NULL;
    }
    struct pn_output o = { .size = size, .fd = -1 };
    bool well = pn_round_up(size ? size : 1, 64, &rounded);
    if (c->output_most && size > c->output_most)
        well = false;                          /* it would be beside what limits the process's memory */
    if (well && size >= c->segment_from)
        well = output_in_segment(&o);
    else if (well)
        well = (o.mem = aligned_alloc(64, rounded)) != NULL;
    if (!well) {
        (void)pn_error(-ENOMEM, "no memory for an output of %zu bytes", size);
        errno = ENOMEM;
        return NULL;
    }
    pn_output_free(&c->output);
    c->output = o;
    return o.mem;
}

/* ---- running one ---- */

struct meter { prong_time wall, cpu; long faults; };

/* In a worker process all that happens is the run's; in a shared one only what its thread does. */
static struct meter read_meter(const struct pn_context *c)
{
    struct rusage use;
    (void)getrusage(c->pool ? RUSAGE_THREAD : RUSAGE_SELF, &use);
    return (struct meter){ .wall = pn_now(), .cpu = pn_clock(c->pool ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID),
                           .faults = use.ru_minflt + use.ru_majflt };
}

static void fill_bill(const struct pn_context *c, const struct meter *before)
{
    struct meter now = read_meter(c);
    struct rusage use;
    c->bill->wall_ns = (uint64_t)(now.wall - before->wall);
    c->bill->cpu_ns = (uint64_t)(now.cpu - before->cpu);
    c->bill->faults = (uint64_t)(now.faults - before->faults);
    c->bill->slot = c->slot;
    if (!c->pool && getrusage(RUSAGE_SELF, &use) == 0)
        c->bill->peak_bytes = (uint64_t)use.ru_maxrss * 1024;
}

static void tell_end(const struct pn_context *c, const struct pn_call *call, int code, prong_error *ret_end)
{
    char name[64];
    if (c->gave_way == PN_WENT_ON && code == 0) {
        ret_end->kind = PRONG_DONE;
        ret_end->code = 0;
        ret_end->text[0] = '\0';
        return;
    }
    pn_call_name(call, name, sizeof name);
    if (c->gave_way == PN_GAVE_WAY_TO_CANCEL)
        pn_end_set(ret_end, PRONG_CANCELLED, ECANCELED, "task %s gave way when it was cancelled", name);
    else if (c->gave_way == PN_GAVE_WAY_TO_TIME)
        pn_end_set(ret_end, PRONG_TIMEOUT, ETIMEDOUT, "task %s gave way after its time", name);
    else if (c->has_text)
        pn_end_set(ret_end, PRONG_FAILED, code, "%s", c->text);
    else
        pn_end_set(ret_end, PRONG_FAILED, code, "task %s returned %d", name, code);
}

void pn_context_run(struct pn_context *c, const struct pn_call *call, void *record, size_t size, prong_error *ret_end)
{
    struct meter before = { 0 };
    pn_u64 own = ret_end->tag, *piece = c->piece ? c->piece : &own;
    c->output = (struct pn_output){ .fd = -1 };
    c->outer = innermost;
    innermost = c;
    if (c->bill)
        before = read_meter(c);
    int code = pn_call_here(call, record, size, piece);
    if (c->bill)
        fill_bill(c, &before);
    innermost = c->outer;
    tell_end(c, call, code, ret_end);
    if (ret_end->kind != PRONG_DONE && call->kind == PN_CALL_SPAN)
        ret_end->tag = pn_load_relaxed(piece);
    if (ret_end->kind != PRONG_DONE && ret_end->kind != PRONG_FAILED)
        pn_output_free(&c->output);
}
