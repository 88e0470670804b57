/* pair.h - ways from one process to another and back, for pair.c. Each takes a payload there and brings it back; then the next. */
#pragma once
#include "bench.h"

enum side { OWNER, WORKER };
enum touch {
    STAMPS,     /* both sides write and read three words of the payload */
    LINES,      /* both sides write a byte of each of its lines */
    NOTHING     /* it is handed over, and nobody looks at it */
};

struct way {
    const char *name;
    enum touch touch;
    size_t most;                                    /* bytes at once; 0: any number */
    void (*open)(size_t size);                      /* before the fork, so that both have it */
    void *(*buffer)(size_t size);                   /* the owner's payload; NULL: private memory */
    void (*send)(enum side side, void *data, size_t size);
    void *(*receive)(enum side side, void *data, size_t size);  /* where it is now: in `data`, or elsewhere */
};
extern const struct way shm_ways[], fd_ways[];      /* end with one that has no name */
