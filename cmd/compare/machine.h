/* machine.h - what the times were taken on. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct machine {
    uint32_t cpus_usable, cpus_online;
    uint64_t memory_bytes;          /* 0: not known */
    char model[128];                /* of the processor; empty: not known */
    char kernel[160], architecture[80];
    double cpu_pressure;            /* per cent of the last ten seconds in which something waited for a CPU; below 0: not known */
};
struct machine machine_look(void);

/* Nobody else used it much. Only to be asked where the pressure is known. */
bool machine_is_quiet(const struct machine *machine);
