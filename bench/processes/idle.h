/* idle.h - what idle.c and prong_idle.c say of a process that has nothing to do. */
#pragma once
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Of a line "Name:   12 kB". */
static inline long field_kb(pid_t pid, const char *file, const char *name)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "r");
    if (!f)
        die(path);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            kb = atol(line + strlen(name) + 1);
    fclose(f);
    if (kb < 0)
        wrong("the kernel does not tell of its memory");
    return kb;
}

static inline void print_memory(pid_t pid)
{
    printf("{\"private_kb\": %ld, \"pss_kb\": %ld, \"tables_kb\": %ld}\n",
           field_kb(pid, "smaps_rollup", "Private_Clean") + field_kb(pid, "smaps_rollup", "Private_Dirty"),
           field_kb(pid, "smaps_rollup", "Pss"), field_kb(pid, "status", "VmPTE"));
}
