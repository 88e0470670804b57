/* call.h - what a run calls: a task on its record, a piece of a range, or a span of the leaves of a reduce.
 *
 * Plain data, so that an engine can send it elsewhere; the functions stand apart, as their addresses may mean something else there. */
#pragma once
#include "sync/atomic.h"
#include <prong.h>
#include <stddef.h>
#include <stdint.h>

enum pn_call_kind { PN_CALL_TASK = 1, PN_CALL_RANGE, PN_CALL_SPAN };
enum { PN_CALL_FUNCTIONS = 2 };

struct pn_call {
    uint32_t kind;
    void (*fn[PN_CALL_FUNCTIONS])(void);     /* the task; the range function; the range function and the fold */
    uint64_t lo, hi;                         /* of the piece, or of the whole reduce */
    uint64_t leaf_size, first, count;        /* the span's leaves */
};

struct pn_call pn_call_task(prong_fn *fn);
struct pn_call pn_call_range(prong_range_fn *fn, uint64_t lo, uint64_t hi);
/* The record is the identity before, and the span's folded value after; the span is a node of the tree (fold.h). */
struct pn_call pn_call_span(prong_range_fn *fn, prong_fold_fn *fold, uint64_t lo, uint64_t hi, uint64_t leaf_size, uint64_t first,
                            uint64_t count);

/* Calls it here. What the function returned. On a span *ret_piece is the first element of the piece that it is at, or failed in; relaxed,
 * as whoever reads it while this goes on may be told of any. */
int pn_call_here(const struct pn_call *call, void *record, size_t size, pn_u64 *ret_piece);
/* The piece that this element begins, or else the call's first: for an element that a worker tells, who may tell anything. */
uint64_t pn_call_piece(const struct pn_call *call, uint64_t element);

/* "total_price", or "shop+0x1234" where the function's name is not known. */
/* What is there, for people: a function, or a place in a module. */
void pn_address_name(uintptr_t address, char *ret_name, size_t size);
void pn_call_name(const struct pn_call *call, char *ret_name, size_t size);
