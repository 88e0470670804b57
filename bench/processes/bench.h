/* bench.h - what the programs of this folder share: clock, placement, measuring, payloads that prove that they travelled.
 *
 * A program measures one thing for some seconds and prints one line of JSON. What goes wrong, wrong data above all, ends it with a line on
 * standard error and status 1. */
#pragma once
#include <stddef.h>
#include <stdint.h>

_Noreturn void die(const char *what);                           /* with errno's words */
_Noreturn void wrong(const char *what);                         /* data that came back is not what it had to be */
int64_t now_ns(void);                                           /* CLOCK_MONOTONIC: one clock for all processes */
void *shared_memory(size_t size);                               /* zeroed, touched, inherited by forks */
void *private_memory(size_t size);                              /* touched, aligned to a page */

void hold_memory(size_t mb);                                    /* that a fork has to copy the page tables of: small pages, all touched */

/* ---- placement -------------------------------------------------------------------------------------------------------------- */

/* "two": the owner on one CPU, the worker on the other; "one": both on the same; "free": where the kernel likes. -1: free. */
struct place { int owner, worker; };

/* Keeps the program to the first two CPUs it may use. Call it first: what is forked or started later inherits it. */
struct place place_of(const char *name);
void pin(int cpu);                                              /* the calling thread */
void pin_all_threads(int cpu);                                  /* of this process */

/* ---- measuring -------------------------------------------------------------------------------------------------------------- */

struct times { double median_ns, p99_ns; size_t n; };

/* Calls once(arg), which does `works` things, again and again for some seconds after a warm-up; ns of one thing. One sample is as many
 * calls as make two looks at the clock cheap beside them. */
struct times measure(void (*once)(void *arg), void *arg, size_t works, double seconds);
/* The same after `pause_us` of sleep before each call; a sample is a call. */
struct times measure_after_pause(void (*once)(void *arg), void *arg, int64_t pause_us, double seconds);
struct times times_of(int64_t *ns, size_t n);                   /* sorts them */
void print_times(struct times t);                               /* {"ns": .., "p99_ns": .., "n": ..} */

/* ---- payloads --------------------------------------------------------------------------------------------------------------- */

/* Words of a pattern; at begin, middle and end stamps, new in each round: the owner writes them, the worker adds 1 to each, and the owner
 * looks at them. So nothing but the transfer costs time, and a stale or torn payload shows. Sizes: at least 64, in whole words. */
void payload_fill(void *data, size_t size);
void payload_stamp(void *data, size_t size, uint64_t round);
void payload_answer(void *data, size_t size);
void payload_check(const void *data, size_t size, uint64_t round);
void payload_check_all(const void *data, size_t size, uint64_t round);     /* the pattern, too */

/* One byte of each line is counted up: what "touched" means. Worker and owner do so in turn. */
void lines_touch(void *data, size_t size);
void lines_check(const void *data, size_t size, uint64_t touches);
