/* area.h - the memory of one link, shared by the owner and one worker, and the board that all workers of a pool may read.
 *
 * Two halves of one segment. The owner writes the first, which the worker maps to read only; the worker writes the second, which the owner
 * maps to read only. Slot for slot the same numbers serve on both sides (ring.h), and the same offset of `space` holds a record on its way out
 * and on its way back. All words of the worker's half are the worker's to spoil: the owner reads each once, and checks it.
 *
 * Memory is there before it is written or read by the owner (populate), so no access of its own can fail for want of memory. */
#pragma once
#include "core/call.h"
#include "engine/processes/ring.h"
#include <prong.h>
#include <stddef.h>

enum { PN_SLOT_BYTES = 128, PN_SPACE = 1 << 18, PN_SPACE_RECORD_MAX = 1 << 16, PN_OUTPUT_MAX = 1 << 14 };

/* Where a record lies, or a reply's record and output. */
enum pn_place { PN_PLACE_NONE = 1, PN_PLACE_SLOT, PN_PLACE_SPACE, PN_PLACE_SEGMENT };

enum pn_call_flags { PN_WANTS_BILL = 1, PN_HAS_SPAN = 2, PN_HAS_PLACES = 4 };

/* What a range or a reduce has beside the function: in front of the record. */
struct pn_span { uint64_t fn1, lo, hi, leaf_size, first, count; };

struct pn_call_head {
    pn_u64   turn;                       /* ring.h */
    uint64_t fn;                         /* an address, if no place tells */
    uint64_t ask_ms, tag;
    uint32_t size;                       /* of the record */
    uint32_t offset;                     /* in `space`, where it lies there */
    uint32_t serial;                     /* of the segment that it is in: numbers of calls are used again after a recall, these are not */
    uint8_t  kind, place, flags, pad;
    uint32_t news;                       /* so many NEWS of the heap, since the link began, come before it */
    uint32_t places;                     /* with HAS_PLACES: where in `space` the functions' lie (module.h) */
};
enum { PN_IN_SLOT = PN_SLOT_BYTES - sizeof(struct pn_call_head) };
struct pn_call_slot { struct pn_call_head head; char bytes[PN_IN_SLOT]; };

struct pn_reply_head {
    pn_u64   turn;                       /* ring.h */
    int32_t  kind, code;                 /* of the end: DONE, FAILED, CANCELLED, TIMEOUT, or LIMIT before it could begin */
    uint64_t output_size;
    uint8_t  has_output, has_detail, place, pad;       /* detail: words and bill, in `detail` */
    uint32_t pad2;
    uint64_t piece;                      /* of a reduce: the first element of the piece it ended in */
};
struct pn_reply_slot { struct pn_reply_head head; char bytes[PN_SLOT_BYTES - sizeof(struct pn_reply_head)]; };
_Static_assert(sizeof(struct pn_call_slot) == PN_SLOT_BYTES && sizeof(struct pn_reply_slot) == PN_SLOT_BYTES, "two cache lines each");
_Static_assert(sizeof(struct pn_reply_head) <= sizeof(struct pn_call_head), "a record that came in a slot fits into one on its way back");

struct pn_detail { _Alignas(512) prong_bill bill; char text[sizeof ((prong_error *)0)->text]; };

/* The owner's half. */
struct pn_calls {
    pn_u32 leave;                        /* the worker goes when it has nothing to do; relaxed: a wish, with a ring behind it */
    pn_u32 slot;                         /* what prong_slot says. Written while no call is there; the publish orders it */
    uint64_t base;                       /* number of the first call: random, so that no word that is spoilt looks like one that is not */
    uint32_t news;                       /* so many NEWS of the heap come before READY is said */
    char pad[64 - 3 * sizeof(pn_u32) - sizeof(uint64_t) - 4];
    pn_u64 asked;                        /* call number + 1 that is asked to give way; relaxed: a wish */
    char pad2[4096 - 64 - sizeof(pn_u64)];
    struct pn_call_slot call[PN_RING_SLOTS];
    char space[PN_SPACE];
};

/* The worker's half. */
struct pn_replies {
    pn_u64 begun;                        /* ring.h */
    pn_u64 piece;                        /* the first element of the piece of a reduce that it is at; relaxed, read after a death */
    char pad[64 - 2 * sizeof(pn_u64)];
    pn_u32 sleep;                        /* bell.h */
    pn_u32 cpu;                          /* where it ran when it last looked; relaxed: a hint for spinning */
    char pad2[4096 - 64 - 2 * sizeof(pn_u32)];
    struct pn_reply_slot reply[PN_RING_SLOTS];
    struct pn_detail detail[PN_RING_SLOTS];
    char space[PN_SPACE];
    char output[PN_RING_SLOTS][PN_OUTPUT_MAX];
};

enum { PN_HALF_ALIGN = 65536 };          /* a whole number of pages, however large these are */
#define PN_HALF(size) (((size) + PN_HALF_ALIGN - 1) / PN_HALF_ALIGN * PN_HALF_ALIGN)
enum { PN_CALLS_BYTES = PN_HALF(sizeof(struct pn_calls)), PN_REPLIES_BYTES = PN_HALF(sizeof(struct pn_replies)) };
enum { PN_AREA_BYTES = PN_CALLS_BYTES + PN_REPLIES_BYTES };

/* One for a pool; written by the owner alone. */
struct pn_owner_board {
    pn_u32 sleep;                        /* bell.h: DOZES_A the manager, by its channel; DOZES_B who waits, by the reply bell */
    pn_u32 cpu;                          /* where the owner's thread that looks for replies ran last; relaxed: a hint for spinning */
    pn_u32 workers, slots;               /* of the pool; relaxed: what prong_pool_workers says may be old when it is said */
};
enum { PN_BOARD_BYTES = PN_HALF_ALIGN };
