/* system.c - memory, kernel, pressure, and where files go. */
#include "doctor/health.h"

#include "doctor/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449     /* the same on all architectures; newer than some headers */
#endif

static const double busy_percent = 20;
static const double gib = 1 << 30, mib = 1 << 20;

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static uint64_t memory_line(const char *key)
{
    char text[64];
    return proc_find("/proc/meminfo", key, text, sizeof text) ? strtoull(text, NULL, 10) * 1024 : 0;
}

static void look_at_shm(struct health *h)
{
    struct statvfs fs;
    static const char hint[] = "mount a tmpfs on /dev/shm; for a container: --shm-size";
    if (statvfs("/dev/shm", &fs) < 0) {
        health_add(h, "memory", "/dev/shm", HEALTH_NOTE, hint, "%s: prong does not need it, locks of Python's multiprocessing do",
                   strerror(errno));
        return;
    }
    h->shm_bytes = (uint64_t)fs.f_frsize * fs.f_blocks;
    bool is_enough = (double)fs.f_frsize * (double)fs.f_bavail >= mib;
    health_add(h, "memory", "/dev/shm", is_enough ? HEALTH_OK : HEALTH_NOTE, is_enough ? NULL : hint,
               "%.1f MiB: prong does not need it, locks of Python's multiprocessing do", (double)h->shm_bytes / mib);
}

void look_at_memory(struct health *h)
{
    uint64_t total = h->machine.memory_bytes;
    h->memory_available_bytes = memory_line("MemAvailable");
    bool is_enough = !total || h->memory_available_bytes >= total / 10;
    if (!total)
        health_add(h, "memory", "memory", HEALTH_NOTE, NULL, "/proc/meminfo does not tell");
    else
        health_add(h, "memory", "memory", is_enough ? HEALTH_OK : HEALTH_NOTE, is_enough ? NULL : "end what fills it before you measure",
                   "%.1f GiB, of which %.1f GiB are available", (double)total / gib, (double)h->memory_available_bytes / gib);
    look_at_shm(h);
}

/* ---- kernel -------------------------------------------------------------------------------------------------------------- */

/* Called wrongly on purpose where a right call would have effects: a kernel that knows the call says so by another error. */
static bool knows(long result)
{
    return result >= 0 || (errno != ENOSYS && errno != EPERM);
}

static bool gives_descriptor(long fd)
{
    if (fd >= 0)
        (void)close((int)fd);
    return fd >= 0;
}

void look_at_kernel(struct health *h)
{
    bool works[KERNEL_CALLS_N] = {
        gives_descriptor(syscall(SYS_pidfd_open, getpid(), 0)),
        gives_descriptor(memfd_create("prong-doctor", MFD_CLOEXEC)),
        knows(syscall(SYS_clone3, NULL, 0)),
        knows(syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0)),
    };
    static const struct { const char *name, *what; bool is_needed; } calls[KERNEL_CALLS_N] = {
        { "pidfd_open", "processes need it, to learn of the end of a worker", true },
        { "memfd_create", "processes need it, for memory that all see", true },
        { "clone3", "nothing in this version needs it", false },
        { "futex_waitv", "nothing in this version needs it", false },
    };
    health_add(h, "kernel", "release", HEALTH_OK, NULL, "%s %s", h->machine.kernel, h->machine.architecture);
    for (int i = 0; i < KERNEL_CALLS_N; i++) {
        h->kernel[i].name = calls[i].name;
        h->kernel[i].works = works[i];
        health_add(h, "kernel", calls[i].name, works[i] ? HEALTH_OK : calls[i].is_needed ? HEALTH_MISSING : HEALTH_NOTE,
                   works[i] || !calls[i].is_needed ? NULL : "Linux 5.3 or later, and a container or sandbox that allows it",
                   "%s: %s", works[i] ? "there" : "not there, or forbidden", calls[i].what);
    }
}

/* ---- pressure ------------------------------------------------------------------------------------------------------------ */

static void add_pressure(struct health *h, const char *name, double percent, const char *waited_for)
{
    if (percent < 0)
        health_add(h, "pressure", name, HEALTH_NOTE, NULL, "this kernel does not count it (/proc/pressure)");
    else if (percent < busy_percent)
        health_add(h, "pressure", name, HEALTH_OK, NULL, "in %.0f %% of the last ten seconds something waited for %s", percent, waited_for);
    else
        health_add(h, "pressure", name, HEALTH_NOTE, "measure when the machine is quiet: prong compare --wait-quiet",
                   "in %.0f %% of the last ten seconds something waited for %s: other programs use it, and times taken now say little",
                   percent, waited_for);
}

void look_at_pressure(struct health *h)
{
    char line[128];
    if (!proc_find("/proc/pressure/memory", "some", line, sizeof line) || sscanf(line, "avg10=%lf", &h->memory_pressure) != 1)
        h->memory_pressure = -1;
    add_pressure(h, "cpu", h->machine.pressure_before, "a CPU");
    add_pressure(h, "memory", h->memory_pressure, "memory");
}

/* ---- the cache ----------------------------------------------------------------------------------------------------------- */

/* Folders that are missing are made when they are needed: the nearest that is there must let us. */
static bool can_be_written(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    while (access(folder, F_OK) < 0) {
        char *end = strrchr(folder, '/');
        if (errno != ENOENT || !end || end == folder)
            return false;
        *end = '\0';
    }
    return access(folder, W_OK | X_OK) == 0;
}

void look_at_cache(struct health *h)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *tmp = getenv("TMPDIR");
    if (cache && cache[0] == '/')
        snprintf(h->cache, sizeof h->cache, "%s/prong", cache);
    else if (home && home[0] == '/')
        snprintf(h->cache, sizeof h->cache, "%s/.cache/prong", home);
    else
        snprintf(h->cache, sizeof h->cache, "%s", tmp && tmp[0] == '/' ? tmp : "/tmp");
    h->cache_is_writable = can_be_written(h->cache);
    health_add(h, "files", "cache", h->cache_is_writable ? HEALTH_OK : HEALTH_NOTE,
               h->cache_is_writable ? NULL : "XDG_CACHE_HOME=/some/folder prong compare, or --input FILE.csv", "%s%s", h->cache,
               h->cache_is_writable ? ": prong compare keeps 181 MB of records there" : " cannot be written: no room for records to compare with");
}
