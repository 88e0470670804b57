/* renders.c - a group of prong's, whose descriptor the loop watches. */
#include "mail/renders.h"

#include <errno.h>
#include <stdlib.h>

enum { KILL_MS = 5000, RETRIES = 1 };   /* a worker that was killed for another's sake does not count against a receipt */

struct renders {
    uv_poll_t poll;             /* first: freed as one */
    prong_pool *pool;
    prong_group *group;
    prong_fn *task;
    rendered_fn *told;
    bool kills;
};

static void tell(struct renders *renders, prong_future *future)
{
    prong_error end;
    struct rendered how = { .future = future };
    void *whose = (void *)(uintptr_t)prong_future_tag(future);
    int r = prong_wait(future, PRONG_NOW, &end);
    if (r == PRONG_DONE) {
        how.message = prong_future_output(future, &how.size);
        how.trouble = how.message ? NULL : "the renderer left no message";
    } else {
        how.refused = r == PRONG_FAILED && end.code == -EBADMSG;
        how.trouble = r > 0 ? end.text : prong_last_error();
    }
    renders->told(whose, &how);
}

static void take(uv_poll_t *poll, int status, int events)
{
    struct renders *renders = (struct renders *)poll;
    prong_future *future;
    (void)status;
    (void)events;
    while (prong_group_next(renders->group, PRONG_NOW, &future) == 0)
        tell(renders, future);
}

int renders_open(uv_loop_t *loop, prong_pool *pool, prong_fn *task, rendered_fn *told, struct renders **ret_renders)
{
    struct renders *renders = malloc(sizeof *renders);
    if (!renders)
        return -ENOMEM;
    *renders = (struct renders){ .pool = pool, .task = task, .told = told, .kills = prong_promises(pool, PRONG_KILLS) };
    int r = prong_group_open(pool, &renders->group);
    if (r < 0)
        goto free_renders;
    r = prong_group_fd(renders->group);
    if (r < 0)
        goto close_group;
    r = uv_poll_init(loop, &renders->poll, r);
    if (r < 0)
        goto close_group;
    (void)uv_poll_start(&renders->poll, UV_READABLE, take);
    *ret_renders = renders;
    return 0;
close_group:
    (void)prong_group_close(renders->group, PRONG_NOW, NULL);
free_renders:
    free(renders);
    return r;
}

int renders_start(struct renders *renders, const struct receipt *receipt, size_t size, void *whose)
{
    prong_run_opts opts = { .kill_ms = renders->kills ? KILL_MS : 0, .retries = renders->kills ? RETRIES : 0, .deadline = PRONG_NOW,
                            .group = renders->group, .tag = (uintptr_t)whose };
    return prong_submit(renders->pool, renders->task, receipt, size, &opts, NULL);
}

void renders_cancel(struct renders *renders)
{
    (void)prong_group_cancel(renders->group, renders->kills ? PRONG_KILL : PRONG_IF_WAITING);
}

static void free_handle(uv_handle_t *handle)
{
    struct renders *renders = (struct renders *)handle;
    (void)prong_group_close(renders->group, PRONG_NOW, NULL);
    free(renders);
}

void renders_close(struct renders *renders)
{
    if (renders)
        uv_close((uv_handle_t *)&renders->poll, free_handle);
}
