/* machine.c - reads /proc, where each file may be missing, and spins.
 *
 * When is a machine busy? Three signs, each seen by somebody else's means:
 * - pressure of 20 % and more: in so much of the time more threads than CPUs were ready. Our own works keep as many threads ready as
 *   there are CPUs, and wake one more for a moment now and then: a few percent. Whatever else wants a CPU for a fifth of the time takes
 *   it from one of our workers, and a job that is divided evenly waits for its last worker.
 * - steal of 5 % and more, as no median is better than the machine it was taken on, and gains of a tenth are what we tell apart. Before
 *   the first run it is 10 %: the look is short, and the kernel counts in hundredths of a second.
 * - less than 0.8 of the usable CPUs, for where neither is told, or a quota or a neighbour takes time and nobody tells. The spinner
 *   itself finds 0.95 and more on an idle machine.
 *
 * Pressure is taken from the time of the look itself, when all CPUs are spinning and anything else has to wait, not as the kernel's mean
 * of the last ten seconds: that one still remembers what has just ended, such as the compiler that built this program. */
#include "compare/machine/machine.h"

#include "compare/machine/spin.h"
#include "compare/stats/measure.h"
#include "interrupt.h"
#include "say.h"

#include <prong.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const double pressure_max = 20, steal_max_before = 10, steal_max_during = 5;     /* percent */
static const double cores_min = 0.8;                                                    /* of the usable ones */
static const double look_s = 0.05, glance_s = 0.017;                                    /* for each try of the spinner */

/* ---- what the kernel tells ----------------------------------------------------------------------------------------------- */

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

/* Seconds since the machine was started in which something waited. False: this kernel does not count it. */
static bool read_waited(double *ret_waited_s)
{
    char line[256];
    uint64_t total_us;
    if (!find_line("/proc/pressure/cpu", "some ", line, sizeof line))
        return false;
    const char *total = strstr(line, "total=");
    if (!total || sscanf(total, "total=%" SCNu64, &total_us) != 1)
        return false;
    *ret_waited_s = (double)total_us * 1e-6;
    return true;
}

/* The first eight are apart from each other (man 5 proc_stat); guests' time, which follows, is part of user time. */
static struct machine_ticks read_ticks(void)
{
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, N };
    char line[256];
    uint64_t t[N];
    struct machine_ticks ticks = { 0 };
    if (!find_line("/proc/stat", "cpu ", line, sizeof line) ||
        sscanf(line, "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
               &t[USER], &t[NICE], &t[SYSTEM], &t[IDLE], &t[IOWAIT], &t[IRQ], &t[SOFTIRQ], &t[STEAL]) != N)
        return ticks;
    for (int i = 0; i < N; i++)
        ticks.all += t[i];
    ticks.stolen = t[STEAL];
    return ticks;
}

/* Negative: not known. The kernel's counts may step back by a tick. */
static double percent_stolen(struct machine_ticks from, struct machine_ticks to)
{
    if (!from.all || to.all <= from.all)
        return -1;
    return to.stolen > from.stolen ? 100 * (double)(to.stolen - from.stolen) / (double)(to.all - from.all) : 0;
}

static double percent_waited(double from_s, double to_s, double passed_s)
{
    double percent = passed_s > 0 ? 100 * (to_s - from_s) / passed_s : 0;
    return percent < 0 ? 0 : percent < 100 ? percent : 100;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------- */

/* Where we are in time: `during` begins here. */
static void begin_here(struct machine *machine)
{
    machine->pressure_during = machine->steal_during = -1;
    machine->cores_during = 0;
    if (!read_waited(&machine->waited_s))
        machine->waited_s = -1;
    machine->ticks = read_ticks();
    machine->looked_at = measure_now();
}

static double waited_since(const struct machine *machine)
{
    double waited_s;
    if (machine->waited_s < 0 || !read_waited(&waited_s))
        return -1;
    return percent_waited(machine->waited_s, waited_s, measure_now() - machine->looked_at);
}

/* Since begin_here(), with a spin at the end. */
static void look_at_load(struct machine *machine)
{
    machine->cores_before = spin_cores(machine->cpus_usable, look_s);
    machine->pressure_before = waited_since(machine);
    machine->steal_before = percent_stolen(machine->ticks, read_ticks());
}

static void describe(struct machine *machine)
{
    struct utsname name;
    char line[256];
    uint64_t kib;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    machine->cpus_online = online > 0 ? (uint32_t)online : machine->cpus_usable;
    if (!find_line("/proc/cpuinfo", "model name", machine->model, sizeof machine->model))
        machine->model[0] = '\0';
    if (find_line("/proc/meminfo", "MemTotal", line, sizeof line) && sscanf(line, "%" SCNu64, &kib) == 1)
        machine->memory_bytes = kib * 1024;
    if (uname(&name) == 0) {
        snprintf(machine->kernel, sizeof machine->kernel, "%s %s", name.sysname, name.release);
        snprintf(machine->architecture, sizeof machine->architecture, "%s", name.machine);
    }
}

struct machine machine_look(void)
{
    struct machine machine = { .cpus_usable = prong_cpus() };
    describe(&machine);
    begin_here(&machine);
    look_at_load(&machine);
    begin_here(&machine);
    return machine;
}

void machine_glance(struct machine *machine)
{
    double cores = spin_cores(machine->cpus_usable, glance_s);
    if (cores > 0 && (machine->cores_during <= 0 || cores < machine->cores_during))
        machine->cores_during = cores;
}

void machine_look_again(struct machine *machine, bool own_load)
{
    machine_glance(machine);
    machine->pressure_during = own_load ? -1 : waited_since(machine);
    machine->steal_during = percent_stolen(machine->ticks, read_ticks());
}

/* ---- judging ------------------------------------------------------------------------------------------------------------- */

struct reasons {
    char *text;
    size_t size, length;
};

/* Cuts where the room ends. */
static void add(struct reasons *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct reasons *why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(why->text + why->length, why->size - why->length, fmt, args);
    va_end(args);
    why->length = (size_t)n < why->size - why->length ? why->length + (size_t)n : why->size - 1;
}

static const char *comma(const struct reasons *why)
{
    return why->length > 0 ? ", " : "";
}

static double more(double a, double b)
{
    return a > b ? a : b;
}

/* Of what was measured. */
static double fewer(double a, double b)
{
    return a <= 0 || (b > 0 && b < a) ? b : a;
}

bool machine_is_quiet(const struct machine *machine, bool *ret_is_known, char *ret_why, size_t size)
{
    char none[1];
    struct reasons why = ret_why && size > 0 ? (struct reasons){ ret_why, size, 0 } : (struct reasons){ none, sizeof none, 0 };
    double pressure = more(machine->pressure_before, machine->pressure_during);
    double steal = more(machine->steal_before, machine->steal_during);
    double cores = fewer(machine->cores_before, machine->cores_during);
    bool waits = pressure >= pressure_max;
    bool is_stolen = machine->steal_before >= steal_max_before || machine->steal_during >= steal_max_during;
    bool lacks_cores = cores > 0 && cores < cores_min * machine->cpus_usable;
    *ret_is_known = pressure >= 0 || steal >= 0 || cores > 0;
    why.text[0] = '\0';
    if (waits)
        add(&why, "something waited for a CPU in %.0f %% of the time", pressure);
    if (is_stolen)
        add(&why, "%sother virtual machines took %.0f %% of the CPU time", comma(&why), steal);
    if (lacks_cores)
        add(&why, "%s%.1f of %u CPUs were there for us", comma(&why), cores, machine->cpus_usable);
    return !waits && !is_stolen && !lacks_cores;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------------- */

/* Sampling, not waiting for anything: in steps short enough for Ctrl-C. */
static void pass_a_second(void)
{
    for (int i = 0; i < 20 && !interrupt_came(); i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
}

static bool is_quiet_now(struct machine *machine, char *ret_why, size_t size)
{
    bool is_known;
    look_at_load(machine);
    begin_here(machine);
    return machine_is_quiet(machine, &is_known, ret_why, size) || !is_known;
}

bool machine_await_quiet(uint32_t limit_s)
{
    char why[256];
    struct machine machine = { .cpus_usable = prong_cpus() };
    double start = measure_now();
    begin_here(&machine);
    bool is_quiet = is_quiet_now(&machine, why, sizeof why);
    while (!is_quiet && !interrupt_came() && measure_now() - start < limit_s) {
        say_progress("waiting for a quiet machine: %s; %.0f of %u s", why, measure_now() - start, limit_s);
        pass_a_second();
        is_quiet = !interrupt_came() && is_quiet_now(&machine, why, sizeof why);
    }
    say_progress_end();
    return is_quiet;
}
