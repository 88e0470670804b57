/* python.c - not yet here. */
#include "compare/contenders/python.h"

#include "say.h"

#include <stdio.h>

int python_open(const char *interpreter, struct python *ret_python, char *ret_why, size_t why_size)
{
    (void)interpreter;
    (void)ret_python;
    snprintf(ret_why, why_size, "not yet here");
    return SAY_MISSING;
}

void python_close(struct python *python)
{
    (void)python;
}

int python_run(const struct python *python, const char *kind, const struct work *work, const struct plan *plan, struct outcome *outcome)
{
    (void)python;
    (void)kind;
    (void)work;
    (void)plan;
    (void)outcome;
    return SAY_MISSING;
}
