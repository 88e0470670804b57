/* link_reply.c - a reply is taken over into its run, after every check: all of it is the worker's word, and read once. */
#include "engine/processes/link_space.h"
#include "base/error.h"
#include "engine/processes/channel.h"
#include "memory/segment.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    } else if (run->size && pn_fits_slot(run)) {
        memcpy(run->record, s->bytes, run->size);
    } else if (pn_record_bytes(run)) {
        memcpy(run->record, l->replies->space + (f->space_to - pn_space_bytes(run)) % PN_SPACE, run->size);
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
    return pn_link_drop_first(l);
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
