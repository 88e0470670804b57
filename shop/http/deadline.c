/* deadline.c - a list for each phase. All in one list have the same time, so whoever comes last has the last deadline: the lists are in
 * order by themselves, and one timer for the earliest of their heads is enough. It is not moved when a head goes: it comes too early then,
 * and looks again. */
#include "http/deadline.h"

#include <utlist.h>

static void start(struct deadlines *deadlines, uint64_t at_ms);

static void timer_passed(uv_timer_t *timer)
{
    struct deadlines *deadlines = timer->data;
    uint64_t now = uv_now(timer->loop), next = UINT64_MAX;
    deadlines->timer_ms = 0;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        struct deadline *first;
        while ((first = deadlines->first[phase]) && first->at_ms <= now) {
            deadline_set(deadlines, first, PHASE_NONE);
            deadlines->passed(first);
        }
        if (first && first->at_ms < next)
            next = first->at_ms;
    }
    if (next != UINT64_MAX)
        start(deadlines, next);
}

static void start(struct deadlines *deadlines, uint64_t at_ms)
{
    uv_loop_t *loop = deadlines->timer.loop;
    if ((deadlines->timer_ms && deadlines->timer_ms <= at_ms) || uv_is_closing((uv_handle_t *)&deadlines->timer))
        return;
    deadlines->timer_ms = at_ms;
    uv_timer_start(&deadlines->timer, timer_passed, at_ms - uv_now(loop), 0);
}

void deadlines_init(struct deadlines *deadlines, uv_loop_t *loop, void (*passed)(struct deadline *deadline))
{
    deadlines->passed = passed;
    deadlines->timer.data = deadlines;
    (void)uv_timer_init(loop, &deadlines->timer);      /* cannot fail */
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum phase phase)
{
    if (deadline->phase != PHASE_NONE)
        DL_DELETE(deadlines->first[deadline->phase], deadline);
    deadline->phase = phase;
    if (phase == PHASE_NONE)
        return;
    deadline->at_ms = uv_now(deadlines->timer.loop) + deadlines->length_ms[phase];
    DL_APPEND(deadlines->first[phase], deadline);
    start(deadlines, deadline->at_ms);
}
