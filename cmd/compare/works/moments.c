/* moments.c - row by row as Welford does; parts by the pairwise update of T. F. Chan, G. H. Golub and R. J. LeVeque,
 * "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979), and the same for the products.
 *
 * Why not the plain sums of x, x*x and x*y: where the mean is large against the spread, their difference has no digit left. */
#include "moments.h"

#include <math.h>

void moments_add(struct moments *m, double x, double y)
{
    m->n++;
    double share = 1.0 / (double)m->n;
    double dx = x - m->mean[0], dy = y - m->mean[1];
    m->mean[0] += dx * share;
    m->mean[1] += dy * share;
    double dy_after = y - m->mean[1];
    m->squares[0] += dx * (x - m->mean[0]);
    m->squares[1] += dy * dy_after;
    m->products += dx * dy_after;
    m->raw_products += x * y;
}

void moments_fold(struct moments *into, const struct moments *piece)
{
    if (piece->n == 0)
        return;
    if (into->n == 0) {
        *into = *piece;
        return;
    }
    double n_into = (double)into->n, n_piece = (double)piece->n;
    double share = n_piece / (n_into + n_piece);
    double weight = n_into * share;
    double dx = piece->mean[0] - into->mean[0], dy = piece->mean[1] - into->mean[1];
    into->n += piece->n;
    into->mean[0] += dx * share;
    into->mean[1] += dy * share;
    into->squares[0] += piece->squares[0] + dx * dx * weight;
    into->squares[1] += piece->squares[1] + dy * dy * weight;
    into->products += piece->products + dx * dy * weight;
    into->raw_products += piece->raw_products;
}

double moments_deviation(const struct moments *m, int column)
{
    return m->n < 2 ? NAN : sqrt(m->squares[column] / (double)(m->n - 1));
}

double moments_correlation(const struct moments *m)
{
    if (m->n < 2 || !(m->squares[0] > 0) || !(m->squares[1] > 0))
        return NAN;
    double correlation = m->products / (sqrt(m->squares[0]) * sqrt(m->squares[1]));
    return fmax(-1, fmin(1, correlation));      /* rounding may lead beyond */
}
