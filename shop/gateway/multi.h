/* multi.h - libcurl's transfers on a libuv loop. One thread. */
#pragma once
#include <curl/curl.h>
#include <stdint.h>
#include <uv.h>

struct multi_watch;
struct multi {
    void (*done)(CURL *easy, CURLcode result, void *arg);       /* from the loop; the transfer is out of the multi again */
    void (*closed)(void *arg);                                  /* after multi_close(): this may be freed */
    void *arg;
    CURLM *handle;              /* for options; the rest is its own */
    uv_loop_t *loop;
    uv_timer_t timer;
    struct multi_watch **watch; /* by descriptor */
    uint32_t room, open;
};
/* With done, closed and arg set. -ENOMEM. */
int multi_open(struct multi *multi, uv_loop_t *loop);
void multi_close(struct multi *multi);                          /* with no transfer in it */

/* Once for each easy handle, before it is first used. */
void multi_prepare(struct multi *multi, CURL *easy);
int multi_add(struct multi *multi, CURL *easy);                 /* -ENOMEM */
void multi_remove(struct multi *multi, CURL *easy);             /* one that is under way: its connection is closed */
