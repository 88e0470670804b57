/* atomic.h - the one door to atomics: words with the order of every access in its name. */
#pragma once
#include <stdint.h>
#ifdef PRONG_SIM
#include PRONG_SIM      /* a simulated build names the header that stands behind this door: tests/sim/door.h */
#else
#include <stdatomic.h>

typedef _Atomic uint32_t pn_u32;
typedef _Atomic uint64_t pn_u64;

#define pn_load_relaxed(p)             atomic_load_explicit((p), memory_order_relaxed)
#define pn_load_acquire(p)             atomic_load_explicit((p), memory_order_acquire)
#define pn_store_relaxed(p, v)         atomic_store_explicit((p), (v), memory_order_relaxed)
#define pn_store_release(p, v)         atomic_store_explicit((p), (v), memory_order_release)
#define pn_swap_acquire(p, v)          atomic_exchange_explicit((p), (v), memory_order_acquire)
#define pn_swap_release(p, v)          atomic_exchange_explicit((p), (v), memory_order_release)
/* Sequentially consistent: of two sides that each store one word and then load the other's, at least one sees what the other stored. */
#define pn_load_seq_cst(p)             atomic_load_explicit((p), memory_order_seq_cst)
#define pn_store_seq_cst(p, v)         atomic_store_explicit((p), (v), memory_order_seq_cst)
#define pn_add_relaxed(p, v)           atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define pn_sub_acq_rel(p, v)           atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel)
/* *p from *expected to v; false: *expected holds what was there. */
#define pn_cas_release(p, expected, v) \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_release, memory_order_relaxed)
#define pn_cas_acquire(p, expected, v) \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acquire, memory_order_relaxed)
#endif
