/* proc.h - what the kernel tells of processes and descriptors, and waiting for processes to be gone.
 *
 * Waiting uses pidfds: an end is seen when it happens. None of this needs the library. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

unsigned open_fds(void);                 /* descriptors of this process, the one that counts them left out */
unsigned live_threads(void);             /* threads of this process, a sanitizer's own included */
/* A thread that was joined may stand in /proc for a moment more, and nothing tells when it goes: looks again and again. How many are left
 * when no more than `most` are, or after so long. */
unsigned await_threads(unsigned most, int limit_ms);

/* How many there are; at most `most` of them are written. Zombies count. */
size_t children_of(pid_t parent, pid_t *ret_pids, size_t most);
size_t descendants_of(pid_t ancestor, pid_t *ret_pids, size_t most);
size_t zombies_of(pid_t parent);         /* children of it that have ended and were not waited for */

char state_of(pid_t pid);                /* as in ps: 'R' runs, 'S' sleeps, 'Z' is a zombie; 0: there is no such process */
bool is_alive(pid_t pid);                /* exists, and is no zombie */
/* false: it still lives after so long. */
bool await_death(pid_t pid, int limit_ms);

/* Waits for all children of this process, and reaps them; 0, or how many were left after so long. */
size_t reap_all(int limit_ms);
/* Kills and reaps all children of this process, and theirs that become its own (of a subreaper). */
void kill_all(void);
