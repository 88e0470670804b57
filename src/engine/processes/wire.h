/* wire.h - what owner, zygote and workers say to each other. All are of one program on one machine: plain structs, one per message.
 *
 *   zygote --HERE------> owner                      over the control channel: it has begun
 *   owner --OPEN_POOL--> zygote                     over the control channel; with the zygote's end of the pool's channel
 *   owner --START, KILL--> zygote                   over the pool's channel; START with the worker's end of its own channel
 *   zygote --STARTED, NOT_STARTED, ENDED--> owner   over the pool's channel
 *   owner --HELLO, CALL--> worker                   over the worker's channel
 *   worker --READY, REPLY, FAULT--> owner
 *
 * The end of a channel is a message, too: the owner shuts a worker's down to retire it, and a pool's to end all its workers; once the
 * zygote has reaped them it hangs up. A worker trusts its owner. The owner believes a worker nothing it can check. */
#pragma once
#include "core/call.h"
#include "memory/heap.h"
#include "sync/atomic.h"
#include <prong.h>

enum { PN_INLINE_MAX = 16384 };          /* records and outputs up to this travel in the message, larger ones as a segment */

enum pn_wire_kind { PN_HERE = 1, PN_OPEN_POOL, PN_START, PN_KILL_WORKER, PN_STARTED, PN_NOT_STARTED, PN_ENDED, PN_HELLO, PN_CALL, PN_READY, PN_REPLY,
                    PN_FAULT };

struct pn_zygote_msg {
    uint32_t kind;
    uint64_t worker;                     /* which one: a number that the owner never uses twice in a pool */
    int32_t  pid;
    int32_t  how, status;                /* ENDED: si_code and si_status of waitid. NOT_STARTED: status is an errno */
};

struct pn_hello {
    uint32_t kind, slot;
    char name[16];
    struct pn_heap_plan heap;            /* fds: board, the two areas of the heap, and the init record if it is large */
    struct pn_call init;                 /* kind 0: none */
    uint64_t init_size;                  /* its record follows, or is in the segment */
};

struct pn_call_msg {
    uint32_t kind;
    uint32_t wants_bill;
    uint64_t seq;                        /* this run on this worker, from 1 */
    struct pn_call call;
    uint64_t size, ask_ms, tag;          /* the record follows, or is in the segment that comes along, to be changed in place */
};

struct pn_ready { uint32_t kind; prong_error end; };

struct pn_reply {
    uint32_t kind;
    uint32_t has_output;
    uint64_t seq;
    prong_error end;                     /* DONE, FAILED, CANCELLED, TIMEOUT, or LIMIT before it could begin */
    prong_bill bill;
    uint64_t output_size;                /* after DONE and FAILED the record follows, if it came in the message; then the output, if it is
                                            in no segment */
};

struct pn_fault { uint32_t kind; int32_t signo; uint64_t seq, address; };      /* about to die; address 0: none */

union pn_message {
    uint32_t kind;
    struct pn_hello hello;
    struct pn_call_msg call;
    struct pn_ready ready;
    struct pn_reply reply;
    struct pn_fault fault;
    char bytes[sizeof(struct pn_reply) + sizeof(struct pn_hello) + 2 * PN_INLINE_MAX];
};

/* Two halves shared by the owner and one worker; each writes one, and the worker cannot write the other.
 * All words are relaxed: `asked` is a wish, and the worker's are read by the owner once the worker's death has been told through the kernel,
 * which orders all that the worker did before. */
enum { PN_BOARD_HALF = 65536 };          /* a whole number of pages, however large these are; only what is written takes memory */
struct pn_board {
    pn_u64 asked;                        /* owner: the run of this number is asked to give way */
    char pad[PN_BOARD_HALF - sizeof(pn_u64)];
    pn_u64 begun;                        /* worker: the run of this number has been begun */
    pn_u64 piece;                        /* worker: the first element of the piece of a reduce that it is at */
};
