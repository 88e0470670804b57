/* aggregates.h - the aggregates of the language. */
#pragma once
#include "records/query/query.h"

/* takes, a letter for each argument: n number; a anything (a column is its text); e anything (a column is both its numbers and its text);
 * q a constant from 0 to 1. */
struct aggregate {
    const char *name, *form, *help;
    enum aggregate_kind kind;
    const char *takes;
    double quantile;            /* where it is not an argument */
};

/* NULL behind the last. */
const struct aggregate *aggregate_at(size_t i);
/* NULL: there is none of that name with so many arguments; with UINT32_MAX: with any number of them. */
const struct aggregate *aggregate_of(const char *name, uint32_t n_args);
