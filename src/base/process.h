/* process.h - the one door to processes and threads: making them, and telling them apart. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/types.h>

#if defined(__SANITIZE_THREAD__)
#define PN_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PN_THREAD_SANITIZER 1
#endif
#endif
#ifndef PN_THREAD_SANITIZER
#define PN_THREAD_SANITIZER 0
#endif

/* Differs between a process and whatever was forked from it: what a handle was opened with tells whether it is still ours. */
uint32_t pn_epoch(void);

/* Threads of this process that are not about to end; a sanitizer's own do not count. */
unsigned pn_thread_count(void);

/* fork() whose child is no business of this process's SIGCHLD or wait(): only waitid(P_PIDFD, __WALL) sees it. No fork handlers run.
 * Only while there is one thread. The child's pid or 0 as fork(), *ret_pidfd in the parent; or a negative errno. */
pid_t pn_fork_unseen(int *ret_pidfd);
/* As pn_fork_unseen, but the child is one of this process's parent, which no wait() of that sees either. */
pid_t pn_fork_sibling(int *ret_pidfd);
/* As fork(), with *ret_pidfd in the parent. */
pid_t pn_fork(int *ret_pidfd);
int pn_pidfd_open(pid_t pid);                     /* or a negative errno; close-on-exec */

/* The same open file at a number above 2: a program may have closed its standard descriptors, and what it prints must not end up in one
 * of ours. Takes what a call has just returned: -1 stays -1 with its errno. */
int pn_fd_up(int fd);
/* Closes the descriptors from `first` to `last`, both included; none if last < first. */
void pn_close_range(int first, int last);

/* A thread that takes no signal meant for the program: all are blocked but those that its own faults raise. `name` is cut to fit. */
int pn_thread_start(pthread_t *ret_thread, void *(*fn)(void *), void *arg, const char *name);
/* Waits for its end, or leaves it to itself: exactly one of the two for every thread that was started. */
void pn_thread_join(pthread_t thread);
void pn_thread_leave(pthread_t thread);
