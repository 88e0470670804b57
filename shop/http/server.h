/* server.h - what the files of the HTTP server share: the server, its connections, their requests. Nobody else includes it. */
#pragma once
#include "http/deadline.h"
#include "http/http.h"
#include "http/refuse.h"

#include <microhttpd.h>

enum { ANSWER_ROOM = 2048, FIELD_ROOM = 64 };   /* of a connection's memory: for the header of the answer; for what is noted of each field */

struct http {
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;                 /* on the library's epoll descriptor */
    uv_idle_t again;                /* runs while there is something to do without waiting */
    uv_timer_t later;               /* the same, where that has led to nothing: see plan_next_turn() */
    unsigned in_vain;               /* turns one after another that have led to nothing */
    struct deadlines deadlines;
    unsigned handles;               /* of the loop, not ended yet */
    bool is_running;                /* within MHD_run() or MHD_stop_daemon() */
    bool is_due;                    /* there is more to do than descriptors tell */
    bool has_moved;                 /* the library has called in this turn */
    bool is_stopped;
    bool is_probing;                /* what connects now is our own */
    bool sees_layout;               /* refuse_hidden() can be trusted here */
    uint16_t port;
    struct refuse_limits limits;
    struct MHD_Response *refusals[REFUSAL_COUNT];
    struct http_stats stats;
    void (*handle)(struct http_request *request, void *arg);
    void *arg;
};

struct http_client {
    struct http *http;
    int fd;
    bool is_probe;                  /* see refuse.c */
    struct deadline deadline;
    const char *target;             /* of the request that has begun, as sent; NULL: none has */
    size_t target_size;
    bool is_bad_target;             /* refuse_target() */
    bool is_counted;                /* as refused or cut off */
};

struct http_request {
    struct http_client *client;
    struct MHD_Connection *connection;
    const char *method, *path;
    void *slot;
    struct MHD_Response *response;  /* with is_answered; NULL: there was no memory for one */
    int status;
    bool is_handed, is_handling, is_answered, is_too_large;
    size_t size, room;              /* of the body; what is thrown away counts, too */
    char body[];                    /* room + 1 bytes */
};

/* Whose deadline it is. */
static inline struct http_client *http_client_of(struct deadline *deadline)
{
    return (struct http_client *)((char *)deadline - offsetof(struct http_client, deadline));
}

void http_turn(struct http *http);      /* lets the library do what it can do now */
void http_wake(struct http *http);      /* has it do so soon */
