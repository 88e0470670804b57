/* cpus.c - prong_cpus() is the truth; here is why it is that many. */
#include "doctor/health.h"

#include "doctor/proc.h"

#include <prong.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* The kernel's mask may be wider than cpu_set_t: ask with a larger one until it fits. */
static uint32_t count_affinity(uint32_t otherwise)
{
    int count = 0;
    for (int cpus = CPU_SETSIZE; count == 0 && cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (set && sched_getaffinity(0, CPU_ALLOC_SIZE(cpus), set) == 0)
            count = CPU_COUNT_S(CPU_ALLOC_SIZE(cpus), set);
        CPU_FREE(set);
    }
    return count > 0 ? (uint32_t)count : otherwise;
}

static double read_quota(const char *folder)
{
    char path[4200], text[64];
    double quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (proc_read(path, text, sizeof text))
        return sscanf(text, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0 ? quota / period : INFINITY;
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!proc_read(path, text, sizeof text) || sscanf(text, "%lf", &quota) != 1 || quota <= 0)
        return INFINITY;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!proc_read(path, text, sizeof text) || sscanf(text, "%lf", &period) != 1 || period <= 0)
        return INFINITY;
    return quota / period;
}

static const char *cpus_word(uint32_t n)
{
    return n == 1 ? "CPU" : "CPUs";
}

void look_at_cpus(struct health *h)
{
    uint32_t usable = h->machine.cpus_usable, online = h->machine.cpus_online;
    char allowed[128] = "not told";
    (void)proc_find("/proc/self/status", "Cpus_allowed_list", allowed, sizeof allowed);
    h->cpus.affinity = count_affinity(online);
    h->cpus.quota = proc_cgroup_least("cpu", read_quota);
    h->cpus.decides = usable < h->cpus.affinity ? "quota" : h->cpus.affinity < online ? "affinity" : "online";
    if (strcmp(h->cpus.decides, "quota") == 0)
        health_add(h, "CPUs", "usable", HEALTH_NOTE, "whoever runs this container or service can raise the quota: CPUQuota=, --cpus=, cpu.max",
                   "%u %s: the control group's quota decides (%.2f CPUs' worth of time; %u are online)", usable, cpus_word(usable),
                   h->cpus.quota, online);
    else if (strcmp(h->cpus.decides, "affinity") == 0)
        health_add(h, "CPUs", "usable", HEALTH_NOTE, "taskset, a cpuset or a scheduler of jobs has set it",
                   "%u %s: the affinity mask decides (it allows %s; %u are online)", usable, cpus_word(usable), allowed, online);
    else
        health_add(h, "CPUs", "usable", HEALTH_OK, NULL, "%u %s: all that are online; no affinity mask and no quota takes any away",
                   usable, cpus_word(usable));
    health_add(h, "CPUs", "model", HEALTH_OK, NULL, "%s", h->machine.model[0] ? h->machine.model : "not told");
}
