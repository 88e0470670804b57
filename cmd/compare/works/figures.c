/* figures.c - doubles are kept and compared as bits: 0.0 is not -0.0 here, and NaN is NaN. */
#include "compare/works/figures.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void add(struct figures *f, const char *name, enum figure_kind kind, uint64_t bits)
{
    assert(f->n < FIGURES_MAX);
    f->figure[f->n++] = (struct figure){ name, kind, bits };
}

void figures_add_count(struct figures *f, const char *name, uint64_t count)
{
    add(f, name, FIGURE_COUNT, count);
}

void figures_add_real(struct figures *f, const char *name, double real)
{
    uint64_t bits;
    if (isnan(real))
        real = NAN;
    memcpy(&bits, &real, sizeof bits);
    add(f, name, FIGURE_REAL, bits);
}

double figures_real(const struct figure *figure)
{
    double real;
    memcpy(&real, &figure->bits, sizeof real);
    return real;
}

bool figures_agree(const struct figures *a, const struct figures *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->figure[i].bits != b->figure[i].bits)
            return false;
    return true;
}
