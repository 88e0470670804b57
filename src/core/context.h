/* context.h - what a task can ask of its own run, wherever it runs: kept per thread, around the call.
 *
 * Contexts stack up: a task that waits on "threads" may run another one inside. */
#pragma once
#include "core/call.h"
#include "sync/atomic.h"
#include <prong.h>
#include <stdbool.h>

/* A result beside the record. With a segment it can go to another process as it is. */
struct pn_output { void *mem; size_t size; bool mapped; int fd; };   /* mapped, or malloc'ed; fd -1: no segment to send. mem NULL: none */
void pn_output_free(struct pn_output *o);

enum pn_gave_way { PN_WENT_ON, PN_GAVE_WAY_TO_CANCEL, PN_GAVE_WAY_TO_TIME };

struct pn_context {
    struct pn_context *outer;
    prong_pool *pool;                 /* NULL in a worker process: `home` makes it there when it is asked for */
    int (*home)(prong_pool **ret_pool);
    prong_future *run;                /* NULL in a worker process */
    uint32_t slot;
    prong_time ask_at;                /* PRONG_NEVER: no limit */
    const pn_u64 *asked;              /* the run is asked to give way once this holds `asked_value` */
    uint64_t asked_value;
    size_t segment_from;              /* outputs of this size and more go into a segment; SIZE_MAX: none does */
    size_t output_most;               /* the largest segment; 0: as SIZE_MAX */
    pn_u64 *piece;                    /* where a reduce tells which piece it is at; NULL: nobody looks */
    prong_bill *bill;                 /* NULL: nobody wants to know */
    enum pn_gave_way gave_way;
    struct pn_output output;
    bool has_text;
    char text[sizeof ((prong_error *)0)->text];
};

struct pn_context *pn_context(void);                            /* this thread's innermost; NULL: outside any task */
bool pn_inside(const prong_pool *pool);                         /* this thread runs one of its tasks, at any depth */

/* Runs the call in a new innermost context and tells how it ended: DONE, FAILED, CANCELLED or TIMEOUT. ret_end->tag is changed only
 * where the call knows better. The output is in c->output, the caller's to keep or free. */
void pn_context_run(struct pn_context *c, const struct pn_call *call, void *record, size_t size, prong_error *ret_end);

/* Around a callback: what would wait there is refused. */
void pn_callback_begin(void);
void pn_callback_end(void);
bool pn_in_callback(void);
