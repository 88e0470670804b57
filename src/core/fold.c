#include "core/fold.h"
#include "base/checked.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

uint64_t pn_leaf_size(uint64_t n, uint64_t grain)
{
    if (grain)
        return grain;
    unsigned __int128 p = 1;                           /* P reaches 2^32, whose square does not fit in 64 bits */
    while (p * p < n)
        p *= 2;
    uint64_t share = n / 64 ? n / 64 : 1;
    return p < share ? (uint64_t)p : share;
}

uint64_t pn_leaf_count(uint64_t n, uint64_t leaf_size)
{
    return n / leaf_size + (n % leaf_size != 0);
}

int pn_fold_init(struct pn_fold *f, prong_fold_fn *fold, uint64_t leaves, uint64_t most, size_t size)
{
    size_t slots = 2, bytes;                           /* a run that begins anywhere holds at most two nodes of each size */
    for (; most > 1; most = most / 2 + most % 2)
        slots += 2;
    *f = (struct pn_fold){ .fold = fold, .leaves = leaves };
    if (!pn_round_up(size ? size : 1, 64, &f->stride) || !pn_mul_size(slots, f->stride, &bytes))
        return -ENOMEM;
    f->slots = aligned_alloc(64, bytes);
    return f->slots ? 0 : -ENOMEM;
}

void pn_fold_fini(struct pn_fold *f) { free(f->slots); }
void *pn_fold_next(struct pn_fold *f) { return f->slots + f->depth * f->stride; }

/* Whether the top two nodes are the children of one: the left child is a full block at a multiple of twice its size, and the right one
 * is as large, or is all that is left of the tree. */
static bool are_siblings(const struct pn_fold *f)
{
    if (f->depth < 2)
        return false;
    uint64_t a = f->node[f->depth - 2].first, c = f->node[f->depth - 2].count;
    uint64_t b = f->node[f->depth - 1].first, d = f->node[f->depth - 1].count;
    bool full_left = (c & (c - 1)) == 0 && (a & (c * 2 - 1)) == 0;
    return full_left && (d == c || (d < c && b + d == f->leaves));
}

void pn_fold_push(struct pn_fold *f, uint64_t first, uint64_t count)
{
    f->node[f->depth].first = first;
    f->node[f->depth].count = count;
    f->depth++;
    while (are_siblings(f)) {
        f->depth--;
        f->fold(f->slots + (f->depth - 1) * f->stride, f->slots + f->depth * f->stride);
        f->node[f->depth - 1].count += f->node[f->depth].count;
    }
}

void *pn_fold_root(struct pn_fold *f) { return f->depth == 1 ? f->slots : NULL; }
