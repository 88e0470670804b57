/* order.h - the record of every run of the campaign: what its task is to do, and whether what came back is right.
 *
 * The task counts in memory shared by everybody, which no engine knows of, that it has begun and that it has come to its end. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conduct {
    WELL,          /* DONE, with a changed body and an output */
    FAILS,         /* FAILED with a code, with the same */
    EXITS,
    ABORTS,
    FAULTS,        /* at an address that tells which run it was */
    HANGS,         /* until it is killed for its time */
    GIVES_WAY,     /* once its time is over */
    LINGERS,       /* gives way when asked; ends by itself before long */
    SCRIBBLES,     /* writes over all shared memory of prong that it can find; then any of the above, or it goes on as if nothing were */
    CONDUCTS
};
extern const char *const conduct_names[CONDUCTS];

enum { ORDER_CODE = 7, ORDER_STATUS = 3, WRONG_RECORD = 99, NO_OUTPUT = 98, WRONG_BLOCK = 97, WRONGLY_ASKED = 96 };

struct order {
    uint64_t key;                    /* nobody else's: all bytes that belong to this run are made from it */
    uint32_t index, conduct, work_us, output_size, body_size;
    uint32_t may_be_asked;           /* else prong_cancelled is never to be true */
    const void *block;               /* NULL, or BLOCK_SIZE bytes of the pool's memory, filled by BLOCK_KEY, that nobody may spoil */
    unsigned char body[];
};
enum { BLOCK_SIZE = 2048, BLOCK_KEY = 0xb10c };

struct cell { _Atomic uint32_t begun, ended; _Atomic int first, last; };      /* the last two: pids of the workers that had it */
extern struct cell *cells;           /* by index */
enum { SCRIBBLERS_MOST = 16384 };
extern struct place {
    _Atomic uint32_t met, begun;     /* so many are at do_meet; so many orders have been begun, of all */
    _Atomic uint32_t scribblers;     /* and of those so many scribbled */
    _Atomic int scribbler[SCRIBBLERS_MOST];      /* in these workers */
} *place;

bool has_scribbled(int pid);         /* the worker, some time or other */
int do_order(void *record);          /* a struct order */
int do_meet(void *record);           /* is there, and waits until the uint32_t it is given have come */

void order_fill(struct order *o);                             /* as it is submitted */
bool order_is_untouched(const struct order *o, uint64_t key);
bool order_is_done(const struct order *o, uint64_t key);
bool output_is_right(const void *output, size_t size, uint64_t key);
uint64_t fault_address(uint32_t index);
