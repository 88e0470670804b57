/* store_double.h - receipts in memory behind the functions of store/store.h that the mailer calls, with faults on demand. Any thread.
 *
 * Its functions are weak: they stand in for the store's, wherever that is linked, too. */
#pragma once
#include "store/store.h"

/* What a receipt's job looks like from here. */
struct double_receipt {
    enum receipt_state state;
    int64_t attempt, tries, first_ms, at_ms;
    char trouble[200], id[TOKEN_TEXT_SIZE];     /* id: the left part of its Message-ID */
    unsigned handed;                            /* how often it was marked so */
};

struct store *double_open(void);
void double_close(struct store *store);         /* no port is open any more */

/* A new receipt, READY now; gives its order's id, from 1. */
int64_t double_add(struct store *store, const struct order_texts *texts);
struct double_receipt double_get(struct store *store, int64_t id);
void double_set(struct store *store, int64_t id, int64_t tries, int64_t first_ms);
void double_make_due(struct store *store, int64_t id);          /* READY now, whatever it was */
void double_steal(struct store *store, int64_t id);             /* as if someone else took it: SENT, with a higher attempt */

/* Fails the case if it does not come to pass within 30 s. */
void double_wait(struct store *store, int64_t id, enum receipt_state state);
void double_wait_count(struct store *store, enum receipt_state state, unsigned n);     /* that so many are in this state */
void double_wait_rest(struct store *store);     /* that each is SENT, UNCERTAIN or DEAD; without a limit */

/* The next `times` ops of this kind (and, for marks, to this state; 0: any) end with this error. */
void double_fail(struct store *store, enum store_what what, enum receipt_state state, int error, int times);
/* Marks to this state are not answered until it is told RECEIPT_NONE. */
void double_hold(struct store *store, enum receipt_state state);
void double_wait_held(struct store *store, unsigned n);        /* until so many are not answered */
