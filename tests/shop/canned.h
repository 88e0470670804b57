/* canned.h - a server on the loop that answers every request with the same bytes, right or wrong; and counts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct canned {
    const char *answer;         /* NULL: it reads and says nothing */
    bool closes;                /* behind the answer; without an answer: instead of one */
    uint32_t stops_after;       /* requests; then it closes all and listens no more. 0: never */
    uint32_t connections, requests;
    uint16_t port;
    char last[4096];            /* the last request */
    uv_tcp_t server;            /* the rest is its own */
    uv_tcp_t *client[256];
};
void canned_open(struct canned *canned, uv_loop_t *loop);
void canned_close(struct canned *canned);       /* its handles end in the loop later */
