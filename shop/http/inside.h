/* inside.h - what the files of http/ share. */
#pragma once
#include "http/http.h"

#include <microhttpd.h>

/* Where a connection stands, and by when it must have got further. Each phase has one length, so a list in order of entry is in order
 * of deadline, and entering and leaving cost nothing. */
enum phase { PHASE_HEADER, PHASE_BODY, PHASE_ANSWER, PHASES, PHASE_WAITING = PHASES };   /* WAITING: for the handler; no clock */

struct connection {
    struct http *http;
    MHD_socket fd;
    enum phase phase;
    uint64_t until_ms;          /* on the loop's clock */
    struct connection *prev, *next;
};

struct http_request {
    struct http *http;
    struct connection *connection;
    struct MHD_Connection *mhd;
    const char *method, *path;
    char *body;
    size_t size, room;
    struct MHD_Response *response;  /* once it is answered */
    int status;
    bool is_waiting, is_handled, is_too_large;
    void *slot;
};

struct http {
    struct http_opts opts;
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;             /* MHD's epoll descriptor */
    uv_timer_t again;           /* MHD has work left that no descriptor tells of */
    uv_timer_t clock;           /* looks for who is too slow, while there are connections */
    struct connection *phases[PHASES];
    struct http_stats stats;
    bool is_stopping;
    int open_handles;           /* of the three */
};

/* refuse.c: 0, or the status with which it is refused before its body is read; *ret_code and *ret_text say why. */
int refuse_head(struct http *http, struct MHD_Connection *mhd, const char *version, const char **ret_code, const char **ret_text);

/* phase.c */
void phase_enter(struct connection *connection, enum phase phase);
void phase_leave(struct connection *connection);
void phase_start_clock(struct http *http);      /* once, after the clock is initialised */
void phase_cut_idle(struct http *http);         /* ends those that wait for a request */
