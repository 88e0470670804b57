/* stand.c - a loop that is made here and runs there.
 *
 * A thread and no process: the port is known before the shop starts, without a way to tell it, and nothing can be left behind. */
#include "command/demo/stand.h"
#include "base/trouble.h"

#include "say.h"

#include <prong.h>
#include <stdlib.h>

struct stand {
    uv_loop_t loop;
    uv_async_t stop;            /* the only way in from another thread */
    struct standin *standin;
    prong_solo *solo;
};

static int run(void *record)
{
    struct stand *const *stand = record;
    (void)uv_run(&(*stand)->loop, UV_RUN_DEFAULT);
    return 0;
}

static void on_stop(uv_async_t *stop)
{
    struct stand *stand = stop->data;
    standin_close(stand->standin);
    uv_close((uv_handle_t *)stop, NULL);
}

/* On the calling thread: nobody runs it yet, or any more. */
static void run_out(struct stand *stand)
{
    (void)uv_run(&stand->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&stand->loop);
    free(stand);
}

struct stand *stand_open(const struct standin_opts *opts)
{
    static const prong_pool_opts thread = { .engine = "threads", .name = "gateway" };
    struct stand *stand = calloc(1, sizeof *stand);
    if (!stand || uv_loop_init(&stand->loop) < 0) {
        (void)say_error(SAY_MISSING, "out of memory");
        free(stand);
        return NULL;
    }
    if (standin_open(&stand->loop, opts, &stand->standin) < 0) {
        (void)say_error(SAY_MISSING, "the gateway does not start: %s", trouble_text());
        run_out(stand);
        return NULL;
    }
    (void)uv_async_init(&stand->loop, &stand->stop, on_stop);
    stand->stop.data = stand;
    if (prong_solo_start(&thread, run, &stand, sizeof(struct stand *), &stand->solo) < 0) {
        (void)say_error(SAY_MISSING, "the gateway gets no thread: %s", prong_last_error());
        on_stop(&stand->stop);
        run_out(stand);
        return NULL;
    }
    return stand;
}

uint16_t stand_port(const struct stand *stand)
{
    return standin_port(stand->standin);
}

void stand_close(struct stand *stand)
{
    if (!stand)
        return;
    (void)uv_async_send(&stand->stop);
    (void)prong_solo_join(stand->solo, PRONG_NEVER, NULL, NULL);
    prong_solo_free(stand->solo);
    run_out(stand);
}
