/* api.h - what the stand-in answers: requests in, replies out. Knows no sockets. */
#pragma once
#include "standin/behave.h"
#include "standin/ledger.h"
#include "standin/reply.h"

struct api {
    struct book *book;
    struct ledger ledger;
    char *key;                  /* the bearer key; NULL: any "sk_..." */
    struct behave behave;
    uint64_t seed;
    uint32_t delay_ms;
};
struct api_call {
    const char *method, *path;
    char *form;                 /* of a POST; changed */
    const char *authorization, *key;                    /* the headers Authorization and Idempotency-Key; NULL: absent */
    const char *query, *limit, *starting_after;         /* of a GET, decoded; NULL: absent */
};
void api_answer(struct api *api, struct api_call *call, struct reply *reply);

/* The first answer of this intent is given: other requests with its key are replays from now on. */
void api_answered(struct api *api, uint32_t intent);
