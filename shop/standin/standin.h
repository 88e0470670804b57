/* standin.h - a payment gateway to develop and test with: speaks the same wire protocol as the real one, charges no one. */
#pragma once
#include <stdint.h>
#include <uv.h>

struct standin;
struct standin_opts {
    const char *address;        /* "127.0.0.1" */
    uint16_t port;              /* 0: any, see standin_port() */
    const char *ledger;         /* a line of JSON for each intent and charge, appended as they are made, and read at start: replays go on
                                   after a restart. NULL: in memory alone */
    const char *key;            /* the bearer key it takes; NULL: any that begins with "sk_" */
    const char *behave;         /* "NAME[:PERCENT][,...]", see behave.h; NULL: as it should */
    uint32_t delay_ms;          /* before each answer */
    uint32_t connections;       /* 0: 10,000 */
};
int standin_open(uv_loop_t *loop, const struct standin_opts *opts, struct standin **ret_standin);   /* -EINVAL, -EADDRINUSE, ...: trouble_text() */
uint16_t standin_port(const struct standin *standin);
void standin_close(struct standin *standin);    /* its handles end in the loop later */
