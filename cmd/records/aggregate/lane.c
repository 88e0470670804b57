/* lane.c - grows by half, so that what is copied stays in proportion; realloc moves large ones by their pages. */
#include "records/aggregate/lane.h"

#include <stdlib.h>
#include <string.h>

enum { LANE_LEAST = 256 };

static bool make_room(struct lane *lane, size_t size)
{
    size_t room = lane->room + lane->room / 2;
    if (room < size)
        room = size;
    if (room < LANE_LEAST)
        room = LANE_LEAST;
    char *at = realloc(lane->at, room);
    if (!at)
        return false;
    lane->at = at;
    lane->room = room;
    return true;
}

bool lane_reach(struct lane *lane, size_t size)
{
    if (size <= lane->size)
        return true;
    if (size > PTRDIFF_MAX / 2 || (size > lane->room && !make_room(lane, size)))
        return false;
    memset(lane->at + lane->size, 0, size - lane->size);
    lane->size = size;
    return true;
}

void *lane_more(struct lane *lane, size_t size)
{
    size_t before = lane->size;
    return size <= PTRDIFF_MAX / 2 && lane_reach(lane, before + size) ? lane->at + before : NULL;
}

void lane_free(struct lane *lane)
{
    free(lane->at);
    *lane = (struct lane){ 0 };
}
