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
 *   owner --HELLO, SEGMENT--> worker                over the worker's channel
 *   worker --READY, WAKE, OUTPUT, FAULT--> owner
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

enum pn_wire_kind { PN_HERE = 1, PN_BEGIN, PN_STANDBY, PN_PROMOTE, PN_TEND, PN_OPEN_POOL, PN_START, PN_KILL_WORKER, PN_STARTED, PN_NOT_STARTED, PN_ENDED, PN_HELLO,
                    PN_SEGMENT, PN_READY, PN_WAKE, PN_OUTPUT, PN_FAULT };

struct pn_begin_msg { uint32_t kind, protocol; uint64_t range, range_size; };      /* the addresses that heaps lie at (range.h) */


struct pn_zygote_msg {
    uint32_t kind, protocol;             /* HERE: PN_PROTOCOL. Else 0 */
    uint64_t worker;                     /* which one: a number that the owner never uses twice in a pool */
    int32_t  pid;
    int32_t  how, status;                /* ENDED: si_code and si_status of waitid. NOT_STARTED: status is an errno. HERE: an errno, or 0 */
};

struct pn_open_pool_msg { uint32_t kind; struct pn_surroundings surroundings; };      /* its descriptors behind the channel */

/* Beside HELLO: the link's memory, the owner's board, the worker's bell and the owner's, the two areas of the heap, and the init record if it
 * is large. */
enum pn_hello_fd { PN_FD_AREA, PN_FD_BOARD, PN_FD_CALL_BELL, PN_FD_REPLY_BELL, PN_FD_HEAP, PN_FD_INIT = PN_FD_HEAP + 2, PN_HELLO_FDS };
struct pn_hello {
    uint32_t kind;
    char name[16];
    struct pn_heap_plan heap;
    struct pn_call init;                 /* kind 0: none */
    uint64_t places_size;                /* where its function is follows (module.h); 0: the address tells */
    uint64_t init_size;                  /* its record follows then, or is in the segment */
};

struct pn_segment_msg { uint32_t kind; uint32_t serial; };     /* the record of the call that names it, to be changed in place */

struct pn_ready { uint32_t kind; prong_error end; };
struct pn_wake { uint32_t kind; };                           /* there is a reply, and the manager sleeps */
struct pn_output_msg { uint32_t kind; uint64_t call, size; };      /* the segment with the output of this call; its reply follows */
struct pn_fault { uint32_t kind; int32_t signo; uint64_t call, address; };     /* about to die; address 0: none. call 0: in none */

union pn_message {
    uint32_t kind;
    struct pn_hello hello;
    struct pn_segment_msg segment;
    struct pn_ready ready;
    struct pn_wake wake;
    struct pn_output_msg output;
    struct pn_fault fault;
    char bytes[sizeof(struct pn_hello) + PN_INIT_INLINE_MAX + 8192];
};
