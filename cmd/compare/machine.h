/* machine.h - what the times were taken on. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct machine {
    uint32_t cpus_usable, cpus_online;
    uint64_t memory_bytes;          /* 0: not known */
    char model[128];                /* of the processor; empty: not known */
    char kernel[160], architecture[80];
    /* The share of time, in per cent, in which something waited for a CPU. Below 0: not known. */
    double pressure_before;         /* of the last ten seconds */
    double pressure_during;         /* of the time from machine_look to machine_look_again */
    double looked_at, waited_s;     /* for that */
};
struct machine machine_look(void);
void machine_look_again(struct machine *machine);

/* Nobody else uses it much: neither pressure is 20 % or more. *ret_is_known: one of them is known at all. */
bool machine_is_quiet(const struct machine *machine, bool *ret_is_known);
