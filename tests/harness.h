/* harness.h - cases, each in a process of its own under a time limit, told as TAP with one line per case.
 *
 * The check library runs a case and says how it ended; the harness names it, lets it be skipped, and sees to it that nothing of it is
 * left. A case begins in a process with one thread, so it may call prong_init first. What it prints goes to standard error: standard
 * output is for TAP. Everything that a case has started is killed at its end, and what outlives the case by itself fails it. */
#pragma once
#include <check.h>
#include <stdbool.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#define SANITIZED_THREAD 1
#else
#define SANITIZED_THREAD 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define SANITIZED_ADDRESS 1
#else
#define SANITIZED_ADDRESS 0
#endif
#define SANITIZED (SANITIZED_THREAD || SANITIZED_ADDRESS)

/* How often to repeat what is repeated to meet a race: `plain` times, less under a sanitizer, where each takes far longer. */
#define ROUNDS(plain) (SANITIZED ? ((plain) + 9) / 10 : (plain))

/* Registers a case; `test` is what START_TEST names and `i` its loop index, _i. Its line says "group:test", or "test" without a group.
 * The limit is in seconds, 0 for the usual; it is longer under a sanitizer. */
void add_case_for(const char *group, const TTest *test, int i, unsigned limit_s);
void add_case(const TTest *test);

/* Runs all cases, or those whose line matches a pattern of the shell given as an argument. What main returns. */
int run_cases(int argc, char **argv);

/* Ends the case here: it cannot run, and says why. In the process of the case alone. */
void skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
