/* clock.h - the shop's clock: as a wall clock when the server starts, from then on steady.
 *
 * Whatever is scheduled (retries, limits, lives of keys) goes by it, so that a wall clock that jumps moves nothing. Any thread. */
#pragma once
#include <stdint.h>

/* Milliseconds since 1970 as the wall clock told at the first call, and then as time passes (also while the machine sleeps). */
int64_t clock_ms(void);

/* The wall clock of now, in milliseconds, for people to read. */
int64_t clock_wall_ms(void);
