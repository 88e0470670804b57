/* surroundings.h - what a worker begins with beside the program itself: the folder, umask, environment and limits that its owner had when it
 * opened the pool, and the limits that the pool sets its workers. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { PN_LIMITS = RLIM_NLIMITS };
struct pn_surroundings {
    uint64_t environment_size;                 /* bytes of the segment that comes along: strings, each with its NUL */
    uint32_t mask;
    struct rlimit limit[PN_LIMITS];
};
enum { PN_SURROUNDINGS_FDS = 2 };              /* beside it: the folder (-1: it cannot be named), and the environment */

/* In the owner: what is so now, with the pool's limits (0: none) in it. While another thread changes the environment the result is as undefined as
 * getenv's. 0 or a negative errno with words; the descriptors are the caller's. */
int pn_surroundings_read(uint64_t memory_bytes, uint32_t files, struct pn_surroundings *ret, int ret_fds[PN_SURROUNDINGS_FDS]);
/* In a new worker, which has one thread. What cannot be had stays as it was in the zygote. */
void pn_surroundings_apply(const struct pn_surroundings *s, const int fds[PN_SURROUNDINGS_FDS]);

/* Who this process is and what it may: remembered at prong_init, and compared when a pool is opened, as workers are what the zygote is. */
void pn_privileges_remember(void);
int  pn_privileges_check(void);                /* 0; -EPERM with words */
