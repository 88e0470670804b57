/* limits.c - what a process may have: its own limits, and those of its control groups. */
#include "doctor/health.h"

#include "doctor/proc.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { FILES_ENOUGH = 256, TASKS_SPARE = 64 };
static const double any_v1_memory = 0x1p60;     /* version 1 says "no limit" with a number about as large as there is */

static double read_number(const char *folder, const char *name)
{
    char path[4200], text[64], *end;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!proc_read(path, text, sizeof text))
        return INFINITY;
    double number = strtod(text, &end);
    return end == text || strncmp(text, "max", 3) == 0 ? INFINITY : number;
}

static double read_memory(const char *folder)
{
    double most = fmin(read_number(folder, "memory.max"), read_number(folder, "memory.limit_in_bytes"));
    return most < any_v1_memory ? most : INFINITY;
}

static double read_pids(const char *folder)
{
    return read_number(folder, "pids.max");
}

static uint64_t own_limit(__rlimit_resource_t resource)
{
    struct rlimit limit;
    return getrlimit(resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

static uint64_t group_limit(const char *controller, double (*read)(const char *folder))
{
    double most = proc_cgroup_least(controller, read);
    return isfinite(most) ? (uint64_t)most : UINT64_MAX;
}

static const char *limit_text(uint64_t most, bool is_bytes, char *buf)
{
    if (most == UINT64_MAX)
        return "no limit";
    if (most == 0)
        return "none";
    if (!is_bytes)
        return text_count(most, buf);
    snprintf(buf, TEXT_SIZE, "%.1f MiB", (double)most / (1 << 20));
    return buf;
}

static void add(struct health *h, int i, const char *name, uint64_t most, uint64_t enough, bool is_bytes, const char *what, const char *hint)
{
    char buf[TEXT_SIZE];
    bool is_enough = most >= enough;
    h->limits[i] = (struct health_limit){ name, most };
    health_add(h, "limits", name, is_enough ? HEALTH_OK : HEALTH_NOTE, is_enough ? NULL : hint, "%s: %s", limit_text(most, is_bytes, buf), what);
}

void look_at_limits(struct health *h)
{
    uint64_t tasks = 4 * (uint64_t)h->machine.cpus_usable + TASKS_SPARE;
    add(h, 0, "nproc", own_limit(RLIMIT_NPROC), tasks, false, "processes and threads of this user; each worker is one",
        "ulimit -u, or nproc in limits.conf");
    add(h, 1, "nofile", own_limit(RLIMIT_NOFILE), FILES_ENOUGH, false, "open files; each worker process takes a few",
        "ulimit -n 1024, or nofile in limits.conf");
    add(h, 2, "as", own_limit(RLIMIT_AS), UINT64_MAX, true, "address space; the shared heap reserves 1 TiB of it, or less where there is less",
        "ulimit -v unlimited");
    add(h, 3, "data", own_limit(RLIMIT_DATA), UINT64_MAX, true, "memory of each process", "ulimit -d unlimited");
    add(h, 4, "core", own_limit(RLIMIT_CORE), 0, true, "core file that a crashed worker may leave", NULL);
    add(h, 5, "pids.max", group_limit("pids", read_pids), tasks, false, "processes and threads of this control group",
        "TasksMax= of the service, --pids-limit of the container");
    add(h, 6, "memory.max", group_limit("memory", read_memory), h->machine.memory_bytes, true, "memory of this control group",
        "less than the machine has: MemoryMax= of the service, --memory of the container");
}
