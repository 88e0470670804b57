/* link_space.h - where a run's record, and what tells where its functions are, lie in a link's memory. */
#pragma once
#include "engine/processes/link.h"
#include "engine/processes/module.h"

static inline size_t pn_span_bytes(const prong_future *run) { return run->call.kind == PN_CALL_TASK ? 0 : sizeof(struct pn_span); }
static inline bool pn_fits_slot(const prong_future *run) { return pn_span_bytes(run) + run->size <= PN_IN_SLOT; }
static inline size_t pn_round_64(size_t size) { return (size + 63) / 64 * 64; }
static inline size_t pn_places_bytes(const prong_future *run) { return run->place ? pn_round_64(((const struct pn_places *)run->place)->size) : 0; }
static inline size_t pn_record_bytes(const prong_future *run) { return !pn_fits_slot(run) && run->size <= PN_SPACE_RECORD_MAX ? pn_round_64(run->size) : 0; }
/* The record, and behind it where its functions are, as far as they do not lie elsewhere. */
static inline size_t pn_space_bytes(const prong_future *run) { return pn_record_bytes(run) + pn_places_bytes(run); }

