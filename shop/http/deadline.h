/* deadline.h - one clock per phase of a connection; whoever lets it run out is cut off. On the loop's thread. */
#pragma once
#include <stdint.h>
#include <uv.h>

/* What the client has to do in time. */
enum phase { PHASE_HEADER, PHASE_BODY, PHASE_ANSWER, PHASE_COUNT, PHASE_NONE = PHASE_COUNT };

struct deadline {
    struct deadline *prev, *next;
    uint64_t at_ms;
    enum phase phase;
};
struct deadlines {
    uv_timer_t timer;
    uint64_t length_ms[PHASE_COUNT];
    struct deadline *first[PHASE_COUNT];
    uint64_t timer_ms;              /* when the timer goes off; 0: it does not run */
    void (*passed)(struct deadline *deadline);
};

/* `passed` is called on the loop, its deadline already over: PHASE_NONE. */
void deadlines_init(struct deadlines *deadlines, uv_loop_t *loop, void (*passed)(struct deadline *deadline));
/* Ends the phase before, begins this one with its full time. A zeroed deadline was begun with PHASE_NONE: set that first. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum phase phase);
