/* book.h - the payment intents of the stand-in, found by their id, by idempotency key and by order, each at once however many there are.
 *
 * Texts are printable ASCII without quote and backslash: they go into JSON as they are. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum intent_state { INTENT_PAID, INTENT_DECLINED, INTENT_ACTION, INTENT_CANCELLED };
struct intent {
    const char *key, *order, *method;   /* "" where none was given */
    int64_t amount, at_ms;
    uint32_t salt;                      /* part of the id, so that ids of two ledgers differ */
    uint32_t before;                    /* the intent of the same order before this one; BOOK_NONE */
    char currency[4];
    uint8_t state, first;               /* now; and as the first answer, which replays repeat, tells it */
    bool is_busy;                       /* its first answer is not given yet */
};
enum { BOOK_NONE = UINT32_MAX, BOOK_ID_SIZE = 20 };    /* "pi_", 8 figures of the number, 8 of the salt, NUL */

struct book;
int book_open(struct book **ret_book);
void book_close(struct book *book);

uint32_t book_count(const struct book *book);
struct intent *book_intent(struct book *book, uint32_t i);     /* until the next book_add() */
/* Copies it and its texts; `before` is found here. -ENOMEM. */
int book_add(struct book *book, const struct intent *intent);

uint32_t book_by_key(const struct book *book, const char *key);         /* BOOK_NONE: there is none */
uint32_t book_by_order(const struct book *book, const char *order);     /* the last one of it */
uint32_t book_by_id(const struct book *book, const char *id);

uint32_t book_next_salt(const struct book *book);       /* for the next one to be added */
const char *book_write_id(uint32_t i, uint32_t salt, char buf[static BOOK_ID_SIZE]);        /* returns buf */
void book_read_id(const char *id, uint32_t *ret_i, uint32_t *ret_salt);     /* i is BOOK_NONE: it is no id */
