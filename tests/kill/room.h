/* room.h - what a program holds of descriptors, mappings, threads, memory and processes, and may not gather. Complains. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct room { unsigned fds, segments; size_t heap, resident; };      /* segments: mappings of prong's shared memory. The others in bytes */

struct room room_now(void);
/* The descriptors and mappings alone: cheap. */
struct room fullness_now(void);

/* Before the first pool, and after the end of another. */
void compare_rooms(const struct room *before, const struct room *after);
/* Of a pool that is new, and after its kills: all its workers there and idle. */
void compare_fullness(const struct room *first, const struct room *last, uint32_t workers);
/* After half of the kills, and after all. */
void compare_memory(const struct room *halfway, const struct room *after);
/* Of those that carry the token, when no pool is open. zygote_died: one has been killed, which workers follow when they can. */
void look_for_processes(const char *token, bool zygote_died);
