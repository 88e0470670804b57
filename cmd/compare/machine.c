/* machine.c - reads /proc, where each file may be missing. */
#include "compare/machine.h"

#include <prong.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The rest of the first line that begins with `key`. */
static bool find_line(const char *path, const char *key, char *ret_rest, size_t size)
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

struct machine machine_look(void)
{
    struct machine machine = { .cpus_usable = prong_cpus(), .cpu_pressure = -1 };
    struct utsname name;
    char line[256];
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    machine.cpus_online = online > 0 ? (uint32_t)online : machine.cpus_usable;
    if (!find_line("/proc/cpuinfo", "model name", machine.model, sizeof machine.model))
        machine.model[0] = '\0';
    uint64_t kib;
    if (find_line("/proc/meminfo", "MemTotal", line, sizeof line) && sscanf(line, "%" SCNu64, &kib) == 1)
        machine.memory_bytes = kib * 1024;
    if (find_line("/proc/pressure/cpu", "some", line, sizeof line) && sscanf(line, "avg10=%lf", &machine.cpu_pressure) != 1)
        machine.cpu_pressure = -1;
    if (uname(&name) == 0) {
        snprintf(machine.kernel, sizeof machine.kernel, "%s %s", name.sysname, name.release);
        snprintf(machine.architecture, sizeof machine.architecture, "%s", name.machine);
    }
    return machine;
}

bool machine_is_quiet(const struct machine *machine)
{
    return machine->cpu_pressure < 20;
}
