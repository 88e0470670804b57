/* sqrt.c - pure arithmetic: no memory, no input, so nothing but the engine can get in the way. */
#include "compare/works/sqrt.h"

#include "compare/stats/measure.h"
#include "interrupt.h"
#include "say.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROOTS = 4000000, LOOK_UP = 100000 };     /* so many between two looks for Ctrl-C: less than a millisecond */
_Static_assert(ROOTS % LOOK_UP == 0, "whole stretches");

struct share {
    struct span span;
    uint64_t n_roots;
    double sum;             /* kept and compared, so that no compiler may leave the roots out */
};

static int take_roots(void *record)
{
    struct share *share = record;
    double begin = measure_now();
    double sum = 0;         /* not in the record: on threads that lies beside another worker's, on one cache line */
    for (uint32_t lo = 0; lo < ROOTS; lo += LOOK_UP) {
        if (interrupt_came())
            return prong_fail(ECANCELED, "interrupted");
        for (uint32_t i = lo; i < lo + LOOK_UP; i++)
            sum += sqrt(i);
    }
    *share = (struct share){ work_span(begin), ROOTS, sum };
    return 0;
}

static int run(prong_pool *pool, const struct setup *setup, struct outcome *outcome)
{
    prong_error end;
    struct share *shares = calloc(setup->workers, sizeof *shares);
    if (!shares)
        return say_error(SAY_MISSING, "no memory for %u workers", setup->workers);
    int r = prong_map(pool, take_roots, shares, setup->workers, sizeof *shares, NULL, &end);
    struct share all = { 0 };
    for (uint32_t i = 0; r == 0 && i < setup->workers; i++) {
        all.n_roots += shares[i].n_roots;
        all.sum += shares[i].sum;
        work_add_span(outcome, shares[i].span);
    }
    free(shares);
    if (r != 0)
        return work_say_end(r, &end);
    figures_add_count(&outcome->figures, "roots", all.n_roots);
    figures_add_real(&outcome->figures, "sum", all.sum);
    return SAY_OK;
}

static void describe(const struct setup *setup, char *buf, size_t size)
{
    snprintf(buf, size, "4,000,000 square roots by each of %u %s", setup->workers, setup->workers == 1 ? "worker" : "workers");
}

const struct work sqrt_work = { .name = "sqrt", .is_in_python = true, .run = run, .describe = describe };
