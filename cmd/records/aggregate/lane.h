/* lane.h - bytes that grow, new ones zero. All that a tally keeps lies in lanes, by index and never by pointer, so that it can be
 * written as a plain copy. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane {
    char *at;                   /* aligned to 16; moves when it grows; NULL while it is empty */
    size_t size, room;
};

/* Makes it at least `size` long. False: no memory, and nothing has changed. */
bool lane_reach(struct lane *lane, size_t size);

/* Room for `size` more bytes at the end; NULL: no memory. */
void *lane_more(struct lane *lane, size_t size);
void lane_free(struct lane *lane);
