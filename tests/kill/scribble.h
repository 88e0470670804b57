/* scribble.h - a worker gone wild: random bytes over every shared mapping of prong that it may write. */
#pragma once
#include <stdint.h>

/* Once or for a while, by the seed; then the process ends in some way, or goes on. Memory that tasks are to share (PRONG_WRITE) is left
 * alone: what one of them spoils there is spoilt for all, as promised. */
void scribble(uint64_t seed);
