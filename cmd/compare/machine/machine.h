/* machine.h - what machine this is, and whether something else is using it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine_ticks {
    uint64_t stolen, all;       /* of all CPUs, since the machine was started; all 0: it does not tell */
};

struct machine {
    uint32_t cpus_usable;       /* affinity and cgroup quota */
    uint32_t cpus_online;
    uint64_t memory_bytes;      /* 0: not known */
    char model[128];            /* of the CPU; empty: not known */
    char kernel[160];
    char architecture[80];
    /* Percent; negative: this machine does not tell. `before`: while machine_look() looked; `during`: from then to
     * machine_look_again(). */
    double pressure_before, pressure_during;    /* of the time in which something that could have run waited for a CPU */
    double steal_before, steal_during;          /* of the CPU time that went to other virtual machines */
    /* How many CPUs' worth of work as many spinning threads as there are usable CPUs got done. 0: not measured. */
    double cores_before, cores_during;          /* `during`: the least of all glances */
    /* private: */
    double looked_at, waited_s;
    struct machine_ticks ticks;
};

/* Fills in all but what `during` says; takes a sixth of a second. */
struct machine machine_look(void);

/* Between two measurements, while nothing of ours runs: how many cores are there now. Takes a sixteenth of a second. */
void machine_glance(struct machine *machine);

/* At the end; glances once more. own_load: more runs of ours than CPUs were ready at once, so pressure is our own doing and says
 * nothing. */
void machine_look_again(struct machine *machine, bool own_load);

/* Something else uses it: a share of time waited or stolen, or of cores missing, above what the .c file says. *ret_is_known: any of
 * them is known at all. ret_why (of `size` bytes, may be NULL): in words, "something waited for a CPU in 35 % of the time, ..."; empty
 * if it is quiet. */
bool machine_is_quiet(const struct machine *machine, bool *ret_is_known, char *ret_why, size_t size);

/* Waits until the machine is quiet, `limit_s` at most, with progress on standard error; looks at least once. True: it is, or it does
 * not tell. False: it is still busy, or an interrupt came. */
bool machine_await_quiet(uint32_t limit_s);
