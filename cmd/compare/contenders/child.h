/* child.h - runs another program to its end, and leaves nothing of it behind.
 *
 * It and all it starts end with this program, however that ends; they have /dev/null as input. For the main thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CHILD_SAYS_MAX = 1 << 20, CHILD_COMPLAINS_MAX = 2048 };
enum child_end {
    CHILD_ENDED,            /* of itself; the others were stopped: */
    CHILD_LATE,             /* the limit had passed */
    CHILD_TALKATIVE,        /* said more than CHILD_SAYS_MAX bytes */
    CHILD_INTERRUPTED       /* interrupt_came() */
};
struct child {
    enum child_end end;
    int status;             /* of CHILD_ENDED, as a shell has it: CHILD_NOT_RUN, 128 + n: killed by signal n */
    char *says;             /* its standard output, and a NUL; child_free() frees it */
    size_t says_size;
    char complains[CHILD_COMPLAINS_MAX + 1];    /* the last of its standard error, and a NUL */
};
enum { CHILD_NOT_RUN = 127, CHILD_BY_SIGNAL = 128 };

/* argv[0] is its path. It has ended, and all it started, when this returns. 0; or a negative errno: nothing was started. */
int child_run(char *const argv[], char *const envp[], uint32_t limit_s, struct child *ret_child);
void child_free(struct child *child);
