/* moments.h - count, mean, spread and co-variation of two columns, in one pass, in parts that can be folded.
 *
 * Plain numbers: may lie in a record. Zeroed is empty. The result depends on the order of adding and folding alone. */
#pragma once
#include <stdint.h>

struct moments {
    uint64_t n;
    double mean[2];
    double squares[2];      /* sum of squared distances from the mean */
    double products;        /* sum of the products of both distances */
    double raw_products;    /* sum of x * y */
};

void moments_add(struct moments *m, double x, double y);
void moments_fold(struct moments *into, const struct moments *piece);

/* NaN where it is not defined: fewer than two rows, or a column that does not vary. */
double moments_deviation(const struct moments *m, int column);     /* of a sample: n - 1 */
double moments_correlation(const struct moments *m);
