/* wire.h - what owner, zygote and workers say to each other in messages. All are of one program on one machine: plain structs. Calls and replies
 * are no messages: they go through a link's memory (area.h).
 *
 *   owner --BEGIN------> helper                     over the control channel of a zygote that was not forked: it is to be one; with the pidfd
 *                                                   of the owner
 *   zygote --HERE------> owner                      over the control channel: it has begun; or, with an errno, it cannot, and goes
 *   zygote --STANDBY---> owner                      over the control channel: it has a new stand-by, whose end of a control channel and whose
 *                                                   pidfd come along. The one before, if there was one, has died
 *   owner --PROMOTE----> stand-by                   over the stand-by's control channel: from now on it is the zygote
 *   owner --OPEN_POOL--> zygote                     over the control channel; with the zygote's end of the pool's channel, and the surroundings
 *   owner --START, KILL--> zygote                   over the pool's channel; START with the worker's end of its own channel
 *   zygote --STARTED, NOT_STARTED, ENDED--> owner   over the pool's channel; STARTED with the worker's pidfd
 *   zygote --TEND------> owner                      over a pool's channel: something came over the control channel
 *   owner --HELLO, NEWS, SEGMENT--> worker          over the worker's channel
 *   worker --READY, WAKE, OUTPUT, FAULT--> owner
 *   worker --SUBMIT, WAIT, UNWAIT, CANCEL, STATE, ALLOC, FREE, NEWS_PLEASE--> owner
 *                                                   for a task that uses its own pool: each is answered once, by ANSWER or ENDED_INSIDE
 *
 * The end of a channel is a message, too: the owner shuts a worker's down to retire it, and a pool's to end all its workers; once the
 * zygote has reaped them it hangs up. A worker trusts its owner. The owner believes a worker nothing it can check.
 *
 * A helper may have been linked with another version of this library: BEGIN and HERE, and where their protocol is, stay as they are. */
#pragma once
#include "core/call.h"
#include "engine/processes/surroundings.h"
#include "memory/heap.h"
#include <prong.h>

enum { PN_INIT_INLINE_MAX = 16384 };     /* init records up to this travel in the message, larger ones as a segment */

/* To be raised by every change to what is said or lies in shared memory. */
enum { PN_PROTOCOL = 1 };

enum pn_wire_kind {
    PN_HERE = 1, PN_BEGIN, PN_STANDBY, PN_PROMOTE, PN_TEND, PN_OPEN_POOL, PN_START, PN_KILL_WORKER, PN_STARTED, PN_NOT_STARTED, PN_ENDED,
    PN_HELLO, PN_NEWS, PN_SEGMENT, PN_READY, PN_WAKE, PN_OUTPUT, PN_FAULT,
    PN_SUBMIT, PN_WAIT, PN_UNWAIT, PN_CANCEL, PN_STATE, PN_ALLOC, PN_FREE, PN_NEWS_PLEASE, PN_ANSWER, PN_ENDED_INSIDE
};

struct pn_begin_msg { uint32_t kind, protocol; uint64_t range, range_size; };      /* the addresses that heaps lie at (range.h) */


struct pn_zygote_msg {
    uint32_t kind, protocol;             /* HERE: PN_PROTOCOL. Else 0 */
    uint64_t worker;                     /* which one: a number that the owner never uses twice in a pool */
    int32_t  pid;
    int32_t  how, status;                /* ENDED: si_code and si_status of waitid. NOT_STARTED: status is an errno. HERE: an errno, or 0 */
};

struct pn_open_pool_msg { uint32_t kind; struct pn_surroundings surroundings; };      /* its descriptors behind the channel */

/* Beside HELLO: the link's memory, the owner's board, the worker's bell and the owner's, and the init record if it is large. */
enum pn_hello_fd { PN_FD_AREA, PN_FD_BOARD, PN_FD_CALL_BELL, PN_FD_REPLY_BELL, PN_FD_INIT, PN_HELLO_FDS };
struct pn_hello {
    uint32_t kind;
    char name[16];
    struct pn_heap_range heap;
    struct pn_call init;                 /* kind 0: none */
    uint64_t cpu_ms, memory_bytes;       /* limits; 0: none */
    uint64_t places_size;                /* where its function is follows (module.h); 0: the address tells */
    uint64_t init_size;                  /* its record follows then, or is in the segment */
};

/* Extents of the heap have come, with their descriptors, or gone. The messages are counted: a call says how many come before it. */
enum { PN_NEWS_MOST = 8 };
struct pn_news_msg { uint32_t kind, count; struct pn_extent_news news[PN_NEWS_MOST]; };
struct pn_segment_msg { uint32_t kind; uint32_t serial; };     /* the record of the call that names it, to be changed in place */

struct pn_ready { uint32_t kind; prong_error end; };
struct pn_wake { uint32_t kind; };                           /* there is a reply, and the manager sleeps */
struct pn_output_msg { uint32_t kind; uint64_t call, size; };      /* the segment with the output of this call; its reply follows */
enum { PN_FRAMES_MOST = 8 };
/* About to die. address 0: none; call 0: in none. */
struct pn_fault {
    uint32_t kind;
    int32_t  signo;
    uint64_t call, address;
    uint32_t memory_is_out;              /* the worker's memory is limited, and that limit has been met */
    uint32_t frames;
    uint64_t frame[PN_FRAMES_MOST];      /* where it was, and who had called; only where they are known */
};

/* ---- a task and its own pool (inner.c in the worker, nested.c in the owner) ---- */

enum { PN_NESTED_INLINE_MAX = 16384 };   /* records and outputs up to this travel in the message, larger ones as segments */

struct pn_submit_msg {
    uint32_t kind, retries;
    int32_t  priority;
    uint32_t places_size;                /* where its functions are follows (module.h); 0: the addresses tell */
    uint64_t run;                        /* the worker's own number for it */
    struct pn_call call;
    uint64_t size, ask_ms, kill_ms, tag; /* its record follows then, or is in the segment */
};
/* WAIT: for any run that it has submitted to end; value 1: only if one has. UNWAIT: no longer; a WAIT is answered by that. CANCEL: run, value is how.
 * STATE: run. ALLOC: value is the size, access. FREE: value is the address. NEWS_PLEASE: of the heap, which come before the answer. */
struct pn_ask_msg { uint32_t kind, access; uint64_t run, value; };
struct pn_answer_msg { uint32_t kind; int32_t r; uint64_t value; char text[160]; };      /* r: as the call returns, with its words */
struct pn_ended_inside_msg {
    uint32_t kind, has_output;
    uint64_t run;
    prong_error end;
    uint64_t size, output_size;          /* record (0: as it was submitted) and output follow, each inline or as the next segment */
};

union pn_message {
    uint32_t kind;
    struct pn_hello hello;
    struct pn_news_msg news;
    struct pn_segment_msg segment;
    struct pn_ready ready;
    struct pn_wake wake;
    struct pn_output_msg output;
    struct pn_fault fault;
    struct pn_submit_msg submit;
    struct pn_ask_msg ask;
    struct pn_answer_msg answer;
    struct pn_ended_inside_msg ended;
    char bytes[sizeof(struct pn_ended_inside_msg) + 2 * PN_NESTED_INLINE_MAX + 8192];
};
