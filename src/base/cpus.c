/* Both cgroup versions put a quota (time allowed per period) at any level of the tree, and the tightest holds. A container may not
 * see its own levels by name, so levels that are not there are passed over, and the root of what is mounted is always looked at. */
#include "base/cpus.h"
#include <prong.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

static bool read_text(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    (void)fclose(f);
    return n > 0;
}

static uint32_t cpus_of(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return UINT32_MAX;
    long long cpus = quota / period + (quota % period != 0);
    return cpus >= UINT32_MAX ? UINT32_MAX : (uint32_t)cpus;
}

/* One level: cpu.max holds "max 100000" or "150000 100000"; version 1 keeps the two numbers in files of their own. */
static uint32_t level_cpus(const char *dir)
{
    char path[PATH_MAX + 32], text[64];
    long long quota, period;
    (void)snprintf(path, sizeof path, "%s/cpu.max", dir);
    if (read_text(path, text, sizeof text))
        return sscanf(text, "%lld %lld", &quota, &period) == 2 ? cpus_of(quota, period) : UINT32_MAX;
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lld", &quota) != 1)
        return UINT32_MAX;
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lld", &period) != 1)
        return UINT32_MAX;
    return cpus_of(quota, period);
}

/* All levels from `path` up to the root of one mounted hierarchy. */
static uint32_t tree_cpus(const char *mount, const char *path)
{
    char dir[PATH_MAX];
    size_t root = strlen(mount);
    int n = snprintf(dir, sizeof dir, "%s%s", mount, path);
    if (n < 0 || (size_t)n >= sizeof dir)
        return UINT32_MAX;
    uint32_t cpus = UINT32_MAX;
    for (size_t end = (size_t)n;;) {
        dir[end] = '\0';
        cpus = min_u32(cpus, level_cpus(dir));
        if (end <= root)
            return cpus;
        while (end > root && dir[end - 1] != '/')
            end--;
        if (end > root)
            end--;
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (!strncmp(at, word, n) && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

uint32_t pn_quota_cpus(const char *fs_root, const char *cgroup_text)
{
    char line[PATH_MAX + 256], mount[PATH_MAX];
    uint32_t cpus = UINT32_MAX;
    for (const char *at = cgroup_text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t length = strcspn(at, "\n");
        length = length < sizeof line ? length : sizeof line - 1;
        memcpy(line, at, length);
        line[length] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        controllers++;
        if (*controllers == '\0') {             /* version 2; beside version 1 it may be mounted one level down */
            (void)snprintf(mount, sizeof mount, "%s/unified", fs_root);
            cpus = min_u32(cpus, min_u32(tree_cpus(fs_root, path), tree_cpus(mount, path)));
        } else if (has_word(controllers, "cpu")) {
            (void)snprintf(mount, sizeof mount, "%s/cpu", fs_root);
            cpus = min_u32(cpus, tree_cpus(mount, path));
            (void)snprintf(mount, sizeof mount, "%s/%s", fs_root, controllers);
            cpus = min_u32(cpus, tree_cpus(mount, path));
        }
    }
    return cpus;
}

/* The kernel's mask may be wider than cpu_set_t: ask with a larger one until it fits. */
uint32_t pn_affinity_cpus(void)
{
    for (int cpus = CPU_SETSIZE; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set)
            break;
        int count = sched_getaffinity(0, CPU_ALLOC_SIZE(cpus), set) == 0 ? CPU_COUNT_S(CPU_ALLOC_SIZE(cpus), set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return (uint32_t)count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

uint32_t prong_cpus(void)
{
    char text[8192];
    if (!read_text("/proc/self/cgroup", text, sizeof text))
        text[0] = '\0';
    uint32_t cpus = min_u32(pn_affinity_cpus(), pn_quota_cpus("/sys/fs/cgroup", text));
    return cpus ? cpus : 1;
}
