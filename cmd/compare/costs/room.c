/* room.c - /proc/meminfo for the machine, then each level of the cgroup tree, of both versions: the least of all holds.
 *
 * A container may not see its own levels by name, so levels that are not there are passed over, up to the root of what is mounted. What a
 * cgroup keeps of files that nobody used lately counts as used, but is given back on demand. */
#include "compare/costs/room.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The number behind `key`, which stands at the start of a line; an empty key: at the start of the file. */
static bool read_number(const char *path, const char *key, uint64_t *ret_number)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, key, strlen(key)) == 0;
    fclose(file);
    return found && sscanf(line + strlen(key), " %" SCNu64, ret_number) == 1;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct files { const char *limit, *used, *idle; };
static const struct files of_version[] = {
    { "memory.max", "memory.current", "inactive_file " },
    { "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file " },
};

static uint64_t level_room(const char *dir, const struct files *files)
{
    char path[PATH_MAX + 32];
    uint64_t limit, used, idle;
    snprintf(path, sizeof path, "%s/%s", dir, files->limit);
    if (!read_number(path, "", &limit))     /* "max": none */
        return UINT64_MAX;
    snprintf(path, sizeof path, "%s/%s", dir, files->used);
    if (!read_number(path, "", &used))
        return UINT64_MAX;
    snprintf(path, sizeof path, "%s/memory.stat", dir);
    if (read_number(path, files->idle, &idle))
        used -= least(idle, used);
    return limit > used ? limit - used : 0;
}

/* All levels from `path` up to the root of what is mounted. */
static uint64_t tree_room(const char *mount, const char *path, const struct files *files)
{
    char dir[PATH_MAX];
    uint64_t room = UINT64_MAX;
    int length = snprintf(dir, sizeof dir, "%s%s", mount, path);
    if (length < 0 || (size_t)length >= sizeof dir)
        return room;
    for (char *end = dir + length; end && end >= dir + strlen(mount); end = strrchr(dir, '/')) {
        *end = '\0';
        room = least(room, level_room(dir, files));
    }
    return room;
}

/* A line of /proc/self/cgroup: "0::/path", or "4:memory:/path" of version 1. */
static uint64_t cgroup_room(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return UINT64_MAX;
    *path++ = '\0';
    if (strcmp(controllers, ":") == 0)      /* beside version 1 it is mounted one level down */
        return least(tree_room("/sys/fs/cgroup", path, &of_version[0]), tree_room("/sys/fs/cgroup/unified", path, &of_version[0]));
    return strcmp(controllers, ":memory") == 0 ? tree_room("/sys/fs/cgroup/memory", path, &of_version[1]) : UINT64_MAX;
}

uint64_t room_bytes(void)
{
    char line[PATH_MAX + 64];
    uint64_t room = UINT64_MAX, kib;
    if (read_number("/proc/meminfo", "MemAvailable:", &kib))
        room = kib * 1024;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return room;
    while (fgets(line, sizeof line, file))
        room = least(room, cgroup_room(line));
    fclose(file);
    return room;
}
