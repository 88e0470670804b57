/* lane.c - small ones grow by half in place, where realloc can. Large ones double, and lie in huge pages, where the system has them:
 * what is looked up all over a table would otherwise miss the cache of addresses each time, and taking memory 4 KiB at a time costs as
 * much as filling it. */
#include "records/aggregate/lane.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LANE_LEAST = 256 };
#define HUGE_PAGE ((size_t)1 << 21)
#define LARGE (2 * HUGE_PAGE)

static char *take_large(struct lane *lane, size_t room)
{
    char *at = aligned_alloc(HUGE_PAGE, room);
    if (!at)
        return NULL;
    (void)madvise(at, room, MADV_HUGEPAGE);     /* no more than a wish */
    if (lane->size)
        memcpy(at, lane->at, lane->size);
    free(lane->at);
    return at;
}

static bool make_room(struct lane *lane, size_t size)
{
    size_t room = lane->room + (lane->room < LARGE ? lane->room / 2 : lane->room);
    if (room < size)
        room = size;
    if (room < LANE_LEAST)
        room = LANE_LEAST;
    if (room >= LARGE)
        room = (room + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *at = room < LARGE ? realloc(lane->at, room) : take_large(lane, room);
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
    if (size > PTRDIFF_MAX / 4 || (size > lane->room && !make_room(lane, size)))
        return false;
    memset(lane->at + lane->size, 0, size - lane->size);
    lane->size = size;
    return true;
}

void *lane_more(struct lane *lane, size_t size)
{
    size_t before = lane->size;
    return size <= PTRDIFF_MAX / 4 && lane_reach(lane, before + size) ? lane->at + before : NULL;
}

void lane_free(struct lane *lane)
{
    free(lane->at);
    *lane = (struct lane){ 0 };
}
