/* phase.c - cuts off who is too slow. libmicrohttpd's own time-out starts anew with every byte, and knows nothing of waiting requests. */
#include "http/inside.h"

#include <sys/socket.h>
#include <utlist.h>

enum { CLOCK_MS = 100 };

static uint64_t length_of(const struct http *http, enum phase phase)
{
    const uint32_t lengths[PHASES] = { [PHASE_HEADER] = http->opts.header_ms, [PHASE_BODY] = http->opts.body_ms,
                                       [PHASE_ANSWER] = http->opts.answer_ms };
    return lengths[phase];
}

void phase_leave(struct connection *connection)
{
    if (connection->phase != PHASE_WAITING)
        DL_DELETE(connection->http->phases[connection->phase], connection);
    connection->phase = PHASE_WAITING;
}

void phase_enter(struct connection *connection, enum phase phase)
{
    phase_leave(connection);
    connection->phase = phase;
    connection->until_ms = uv_now(connection->http->loop) + length_of(connection->http, phase);
    DL_APPEND(connection->http->phases[phase], connection);
}

static void on_clock(uv_timer_t *timer)
{
    struct http *http = timer->data;
    uint64_t now = uv_now(http->loop);
    for (int phase = 0; phase < PHASES; phase++)
        while (http->phases[phase] && http->phases[phase]->until_ms <= now) {
            struct connection *slow = http->phases[phase];
            phase_leave(slow);                          /* once is enough: libmicrohttpd sees the end and closes it */
            (void)shutdown(slow->fd, SHUT_RDWR);
            http->stats.cut_off++;
        }
    if (!http->stats.connections)
        (void)uv_timer_stop(timer);
}

void phase_start_clock(struct http *http)
{
    if (!uv_is_active((uv_handle_t *)&http->clock))
        (void)uv_timer_start(&http->clock, on_clock, CLOCK_MS, CLOCK_MS);
}

/* For reading alone: a request that has come already is still read and answered. */
void phase_cut_idle(struct http *http)
{
    struct connection *connection;
    DL_FOREACH(http->phases[PHASE_HEADER], connection)
        (void)shutdown(connection->fd, SHUT_RD);
}
