/* door.h - what stands behind sync/atomic.h in a simulated build: plain words, and functions that are told the order of every access. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t pn_u32;
typedef uint64_t pn_u64;

/* PLAIN: of memory that is not atomic. */
enum sim_order { SIM_PLAIN, SIM_RELAXED, SIM_ACQUIRE, SIM_RELEASE, SIM_ACQ_REL, SIM_SEQ_CST };
enum sim_change { SIM_SWAP, SIM_ADD, SIM_SUB };

/* `where`: the function that does it, for the trace. */
uint64_t sim_load(const void *word, size_t size, enum sim_order order, const char *where);
void     sim_store(void *word, size_t size, uint64_t value, enum sim_order order, const char *where);
uint64_t sim_change(void *word, size_t size, enum sim_change how, uint64_t value, enum sim_order order, const char *where);
bool     sim_cas(void *word, void *expected, size_t size, uint64_t value, enum sim_order order, const char *where);

#define SIM_LOAD(p, order)             ((__typeof__(*(p) + 0))sim_load((p), sizeof *(p), (order), __func__))
#define SIM_STORE(p, v, order)         sim_store((p), sizeof *(p), (uint64_t)(v), (order), __func__)
#define SIM_CHANGE(p, how, v, order)   ((__typeof__(*(p) + 0))sim_change((p), sizeof *(p), (how), (uint64_t)(v), (order), __func__))

#define pn_load_relaxed(p)             SIM_LOAD((p), SIM_RELAXED)
#define pn_load_acquire(p)             SIM_LOAD((p), SIM_ACQUIRE)
#define pn_load_seq_cst(p)             SIM_LOAD((p), SIM_SEQ_CST)
#define pn_store_relaxed(p, v)         SIM_STORE((p), (v), SIM_RELAXED)
#define pn_store_release(p, v)         SIM_STORE((p), (v), SIM_RELEASE)
#define pn_store_seq_cst(p, v)         SIM_STORE((p), (v), SIM_SEQ_CST)
#define pn_swap_relaxed(p, v)          SIM_CHANGE((p), SIM_SWAP, (v), SIM_RELAXED)      /* broken variants alone */
#define pn_swap_acquire(p, v)          SIM_CHANGE((p), SIM_SWAP, (v), SIM_ACQUIRE)
#define pn_swap_release(p, v)          SIM_CHANGE((p), SIM_SWAP, (v), SIM_RELEASE)
#define pn_add_relaxed(p, v)           SIM_CHANGE((p), SIM_ADD, (v), SIM_RELAXED)
#define pn_sub_acq_rel(p, v)           SIM_CHANGE((p), SIM_SUB, (v), SIM_ACQ_REL)
#define pn_cas_acquire(p, expected, v) sim_cas((p), (expected), sizeof *(p), (uint64_t)(v), SIM_ACQUIRE, __func__)
