/* tally.h - a number that only grows, and waiting until it has: the gate and the barrier of all tests, for threads and processes.
 *
 * Lies in memory that all its users share; zeroed memory is a tally of 0. A gate is a tally awaited to be 1, a meeting of n is a tally
 * that each adds 1 to and awaits to be n. Who waits longer than any sound run takes stops the program: a hang with a name. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tally { _Atomic uint32_t value; };

/* What was written before is seen by whoever sees the sum. Returns what it was before. */
uint32_t tally_add(struct tally *t, uint32_t n);
uint32_t tally_read(struct tally *t);
void     tally_await(struct tally *t, uint32_t at_least);
/* Sleeps until it has grown, a millisecond at most, for loops that also look at something that cannot be waited for. */
bool     tally_glance(struct tally *t, uint32_t at_least);
