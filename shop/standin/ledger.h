/* ledger.h - what happened, a line of JSON each, in the order in which it happened: the witness that tests ask.
 *
 *   {"event":"charge","intent":"pi_...","key":"...","order":"...","amount":1990,"currency":"eur","method":"pm_...","at_ms":1764061200000}
 *
 * "charge": money was taken. "decline": it was not, and an intent says so. "action": the bank wants to ask the customer. "cancel": an
 * intent that was not paid has ended. A line is in the file, by one write(), before anybody is answered; it is not synced. */
#pragma once
#include "standin/book.h"

struct ledger {
    int fd;
    uint64_t size;
};
/* Reads what is there into `book`. path NULL: a new one in memory. Of a last line that is cut short nothing is kept: nobody was answered.
 * -EINVAL: a line, told in *ret_line from 1, is none; else what open() or read() say. */
int ledger_open(struct ledger *ledger, const char *path, struct book *book, uint64_t *ret_line);
void ledger_close(struct ledger *ledger);

/* The event of an intent that is, or will be next, number i of the book. */
int ledger_write(struct ledger *ledger, const char *event, const struct intent *intent, uint32_t i, int64_t at_ms);
