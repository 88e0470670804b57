/* proc.c - a container may not see its own control groups by name: levels that are not there are passed over. */
#include "doctor/proc.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

bool proc_read(const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t n = fread(ret_text, 1, size - 1, file);
    bool is_read = !ferror(file);
    fclose(file);
    ret_text[n] = '\0';
    return is_read && n > 0;
}

bool proc_find(const char *path, const char *key, char *ret_rest, size_t size)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, key, strlen(key)) == 0;
    fclose(file);
    if (!found)
        return false;
    line[strcspn(line, "\n")] = '\0';
    const char *rest = line + strlen(key);
    snprintf(ret_rest, size, "%s", rest + strspn(rest, " \t:"));
    return true;
}

static double least_up(const char *mount, const char *path, double (*read)(const char *folder))
{
    char folder[PATH_MAX];
    int n = snprintf(folder, sizeof folder, "%s%s", mount, strcmp(path, "/") == 0 ? "" : path);
    double least = INFINITY;
    if (n < 0 || (size_t)n >= sizeof folder)
        return least;
    for (;;) {
        least = fmin(least, read(folder));
        if (strlen(folder) <= strlen(mount))
            return least;
        *strrchr(folder, '/') = '\0';
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ','), at += at != NULL)
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

double proc_cgroup_least(const char *controller, double (*read)(const char *folder))
{
    char line[PATH_MAX + 256], mount[512];
    double least = INFINITY;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        list++;
        if (!*list) {           /* version 2; beside version 1 it may be mounted one level down */
            least = fmin(least, least_up("/sys/fs/cgroup", path, read));
            least = fmin(least, least_up("/sys/fs/cgroup/unified", path, read));
        } else if (has_word(list, controller)) {
            snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", controller);
            least = fmin(least, least_up(mount, path, read));
            snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", list);
            least = fmin(least, least_up(mount, path, read));
        }
    }
    if (file)
        fclose(file);
    return least;
}
