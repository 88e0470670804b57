/* aggregates.c - the table of aggregates, in the order in which the manual shows them. */
#include "records/query/aggregates.h"

#include "records/eval/functions.h"

#include <string.h>

static const struct aggregate aggregates[] = {
    { "count", "count()", "how many rows", AGG_ROWS, "", 0 },
    { "count", "count(x)", "how many present values", AGG_COUNT, "a", 0 },
    { "sum", "sum(x)", "exact; missing where there is no value", AGG_SUM, "n", 0 },
    { "mean", "mean(x)", "the exact sum by the number of values", AGG_MEAN, "n", 0 },
    { "min", "min(x)", "the least number; of a column that has others the least text", AGG_MIN, "e", 0 },
    { "max", "max(x)", "the greatest, likewise", AGG_MAX, "e", 0 },
    { "variance", "variance(x)", "of a sample (n - 1)", AGG_VARIANCE, "n", 0 },
    { "variance_pop", "variance_pop(x)", "of a population (n)", AGG_VARIANCE_POP, "n", 0 },
    { "stddev", "stddev(x)", "root of variance", AGG_STDDEV, "n", 0 },
    { "stddev_pop", "stddev_pop(x)", "root of variance_pop", AGG_STDDEV_POP, "n", 0 },
    { "quantile", "quantile(x, q)", "exact, q from 0 to 1; linear between neighbours", AGG_QUANTILE, "nq", 0 },
    { "median", "median(x)", "quantile(x, 0.5)", AGG_QUANTILE, "n", 0.5 },
    { "distinct", "distinct(x)", "how many different values; a column's are its texts", AGG_DISTINCT, "a", 0 },
    { "corr", "corr(y, x)", "Pearson's correlation of rows where both are present", AGG_CORR, "nn", 0 },
    { "covar", "covar(y, x)", "covariance of a sample", AGG_COVAR, "nn", 0 },
    { "covar_pop", "covar_pop(y, x)", "covariance of a population", AGG_COVAR_POP, "nn", 0 },
    { "slope", "slope(y, x)", "of the line of least squares y = slope * x + intercept", AGG_SLOPE, "nn", 0 },
    { "intercept", "intercept(y, x)", "of that line", AGG_INTERCEPT, "nn", 0 },
    { "r2", "r2(y, x)", "how much of the variance that line explains", AGG_R2, "nn", 0 },
    { "first", "first(x)", "the first present value, in the order of the input", AGG_FIRST, "e", 0 },
    { "last", "last(x)", "the last present value", AGG_LAST, "e", 0 },
};

const struct aggregate *aggregate_at(size_t i)
{
    return i < sizeof aggregates / sizeof *aggregates ? &aggregates[i] : NULL;
}

const struct aggregate *aggregate_of(const char *name, uint32_t n_args)
{
    const struct aggregate *a;
    for (size_t i = 0; (a = aggregate_at(i)); i++)
        if (strcmp(a->name, name) == 0 && (n_args == UINT32_MAX || strlen(a->takes) == n_args))
            return a;
    return NULL;
}

const char *query_aggregate(size_t i, const char **ret_form, const char **ret_help)
{
    const struct aggregate *a = aggregate_at(i);
    if (!a)
        return NULL;
    *ret_form = a->form;
    *ret_help = a->help;
    return a->name;
}

const char *query_function(size_t i, const char **ret_form, const char **ret_help)
{
    const struct function *f = function_at(i);
    if (!f)
        return NULL;
    *ret_form = f->form;
    *ret_help = f->help;
    return f->name;
}
