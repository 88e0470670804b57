/* figures.h - what a work found out: a few named numbers. Engines agree if all of them are the same, bit for bit. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIGURES_MAX = 8 };
enum figure_kind { FIGURE_COUNT, FIGURE_REAL };
struct figure {
    const char *name;       /* a word, for JSON and tables; static */
    enum figure_kind kind;
    uint64_t bits;          /* the count, or the double's own */
};
struct figures {
    struct figure figure[FIGURES_MAX];
    size_t n;
};

void figures_add_count(struct figures *f, const char *name, uint64_t count);
void figures_add_real(struct figures *f, const char *name, double real);   /* every NaN is one and the same: undefined */
double figures_real(const struct figure *figure);
bool figures_agree(const struct figures *a, const struct figures *b);
