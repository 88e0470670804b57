/* machine.c - reads /proc, where each file may be missing. */
#include "compare/machine/machine.h"

#include "compare/stats/measure.h"

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

/* Since the machine was started. False: this kernel does not count it. */
static bool read_pressure(double *ret_last_10_s, double *ret_waited_s)
{
    char line[256];
    uint64_t total_us;
    if (!find_line("/proc/pressure/cpu", "some", line, sizeof line))
        return false;
    const char *total = strstr(line, "total=");
    if (!total || sscanf(line, "avg10=%lf", ret_last_10_s) != 1 || sscanf(total, "total=%" SCNu64, &total_us) != 1)
        return false;
    *ret_waited_s = (double)total_us * 1e-6;
    return true;
}

struct machine machine_look(void)
{
    struct machine machine = { .cpus_usable = prong_cpus(), .pressure_before = -1, .pressure_during = -1 };
    struct utsname name;
    char line[256];
    uint64_t kib;
    (void)read_pressure(&machine.pressure_before, &machine.waited_s);
    machine.looked_at = measure_now();
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    machine.cpus_online = online > 0 ? (uint32_t)online : machine.cpus_usable;
    if (!find_line("/proc/cpuinfo", "model name", machine.model, sizeof machine.model))
        machine.model[0] = '\0';
    if (find_line("/proc/meminfo", "MemTotal", line, sizeof line) && sscanf(line, "%" SCNu64, &kib) == 1)
        machine.memory_bytes = kib * 1024;
    if (uname(&name) == 0) {
        snprintf(machine.kernel, sizeof machine.kernel, "%s %s", name.sysname, name.release);
        snprintf(machine.architecture, sizeof machine.architecture, "%s", name.machine);
    }
    return machine;
}

void machine_glance(struct machine *machine)
{
    (void)machine;
}

void machine_look_again(struct machine *machine, bool own_load)
{
    double last_10_s, waited_s;
    double passed_s = measure_now() - machine->looked_at;
    if (!own_load && machine->pressure_before >= 0 && passed_s > 0 && read_pressure(&last_10_s, &waited_s))
        machine->pressure_during = 100 * (waited_s - machine->waited_s) / passed_s;
}

bool machine_is_quiet(const struct machine *machine, bool *ret_is_known, char *ret_why, size_t size)
{
    *ret_is_known = machine->pressure_before >= 0;
    if (ret_why)
        snprintf(ret_why, size, "%s", "");
    return machine->pressure_before < 20 && machine->pressure_during < 20;
}

bool machine_await_quiet(uint32_t limit_s)
{
    (void)limit_s;
    return true;
}
