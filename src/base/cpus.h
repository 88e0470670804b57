/* cpus.h - how many CPUs this process may use: the smaller of its affinity mask and its cgroup's quota. */
#pragma once
#include <stdint.h>

/* The CPUs that the quotas above this process allow, rounded up; UINT32_MAX: no quota. `cgroup_text` is what /proc/self/cgroup says,
 * `fs_root` where the cgroup file systems are mounted (/sys/fs/cgroup); both versions are understood. */
uint32_t pn_quota_cpus(const char *fs_root, const char *cgroup_text);
uint32_t pn_affinity_cpus(void);
