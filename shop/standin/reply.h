/* reply.h - an answer of the stand-in, as JSON, while it is written. */
#pragma once
#include "standin/book.h"

enum fault { FAULT_NONE, FAULT_DROP, FAULT_HANG, FAULT_HALF };
struct reply {
    int status;
    enum fault fault;
    uint32_t delay_ms;
    uint32_t busy;              /* the intent that is no longer busy once this is answered; BOOK_NONE */
    bool is_replayed, is_ledger;
    const char *retry_after;    /* NULL: no such header */
    char *body;                 /* grows, and is kept for the next answer */
    size_t size, room;
    bool is_broken;             /* out of memory */
};
void reply_begin(struct reply *reply, int status);              /* empties it */
void reply_add(struct reply *reply, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The intent as it is, or as `state` (INTENT_PAID ...). */
void reply_intent(struct reply *reply, const struct intent *intent, uint32_t i, enum intent_state state);
/* 402 with the intent. */
void reply_decline(struct reply *reply, const struct intent *intent, uint32_t i);
/* type: "invalid_request_error"; code, param: NULL: none. */
void reply_trouble(struct reply *reply, int status, const char *type, const char *code, const char *param, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* A method that the card behind it declines. */
bool reply_declines(const char *method);
