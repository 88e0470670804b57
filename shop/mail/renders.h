/* renders.h - receipts being rendered by a pool, their ends told on a loop. One thread. */
#pragma once
#include "mail/receipt.h"

#include <prong.h>
#include <uv.h>

struct renders;

/* How one ended: the message is the future's output where error is 0. */
struct rendered {
    prong_future *future;       /* NULL: none. The callee's, to be freed; the message lives as long */
    const char *message;
    size_t size;
    bool refused;               /* the task itself said no: it would again */
    const char *trouble;        /* else: what became of its worker; good during the call */
};
typedef void rendered_fn(void *whose, const struct rendered *how);

int renders_open(uv_loop_t *loop, prong_pool *pool, prong_fn *task, rendered_fn *told, struct renders **ret_renders);
/* 0, or the error of prong_submit (-EAGAIN: the pool has no room), and nothing will be told. */
int renders_start(struct renders *renders, const struct receipt *receipt, size_t size, void *whose);
/* Ends all that are under way, as soon as their workers can be stopped: each is told, as trouble. */
void renders_cancel(struct renders *renders);
void renders_close(struct renders *renders);    /* with none under way; its handle ends in the loop later. NULL is fine */
