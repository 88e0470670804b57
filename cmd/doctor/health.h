/* health.h - all that the doctor found: figures for programs, and findings for people. */
#pragma once
#include "compare/machine/machine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum health_state { HEALTH_OK, HEALTH_NOTE, HEALTH_MISSING };

struct finding {
    const char *topic, *name;
    enum health_state state;
    char says[320], hint[200];          /* hint: empty where there is none */
};
enum { FINDINGS_MAX = 48, ENGINES_N = 4, KERNEL_CALLS_N = 4, LIMITS_N = 7 };

/* UINT64_MAX: no limit. */
struct health_limit {
    const char *name;
    uint64_t most;
};

struct health {
    struct machine machine;
    struct { const char *name; bool works; } engines[ENGINES_N];
    struct {
        uint32_t affinity;
        double quota;                   /* CPUs; infinite: none */
        const char *decides;            /* "online", "affinity", "quota" */
    } cpus;
    bool has_charts;
    struct { char version[64]; int gil; } python;   /* empty: none was found; gil: 1, 0, or negative: it does not tell */
    struct health_limit limits[LIMITS_N];
    struct { const char *name; bool works; } kernel[KERNEL_CALLS_N];
    uint64_t memory_available_bytes, shm_bytes;     /* 0: not known */
    double memory_pressure;             /* percent; negative: not known */
    char cache[4096];
    bool cache_is_writable;
    size_t n_findings;
    struct finding findings[FINDINGS_MAX];
};

/* hint: NULL where there is none. Those of one topic are added one after the other. */
void health_add(struct health *h, const char *topic, const char *name, enum health_state state, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* Each looks at one thing; h->machine is there before. */
void look_at_engines(struct health *h);
void look_at_page(struct health *h);
void look_at_python(struct health *h);
void look_at_cpus(struct health *h);
void look_at_limits(struct health *h);
void look_at_memory(struct health *h);
void look_at_kernel(struct health *h);
void look_at_pressure(struct health *h);
void look_at_cache(struct health *h);
