/* fold.h - the fixed tree of prong_reduce: values of neighbouring leaves are folded in one shape, whatever order they were made in.
 *
 * The tree over L leaves (prong.h states it) has a property that all of this rests on: a block of 2^k leaves that begins at a multiple
 * of 2^k, cut off at L, is a node. So a stack that takes values from left to right and folds the top two as long as they are the two
 * children of one node ends with the canonical nodes of what it was given, and with the root if that was everything. */
#pragma once
#include <prong.h>
#include <stddef.h>
#include <stdint.h>

uint64_t pn_leaf_size(uint64_t n, uint64_t grain);     /* n > 0 */
uint64_t pn_leaf_count(uint64_t n, uint64_t leaf_size);

struct pn_fold {
    prong_fold_fn *fold;
    uint64_t leaves;                                   /* of the whole tree */
    size_t stride;
    char *slots;                                       /* one value each; slots[depth] is the next one's place */
    unsigned depth;
    struct { uint64_t first, count; } node[130];
};
/* Room for the values of any run of `most` leaves, of `size` bytes each. 0 or -ENOMEM. */
int   pn_fold_init(struct pn_fold *f, prong_fold_fn *fold, uint64_t leaves, uint64_t most, size_t size);
void  pn_fold_fini(struct pn_fold *f);
void *pn_fold_next(struct pn_fold *f);                 /* where to write the next value, aligned to 64 */
/* That value is there: it covers these leaves, the next ones to the right of what was pushed last. */
void  pn_fold_push(struct pn_fold *f, uint64_t first, uint64_t count);
void *pn_fold_root(struct pn_fold *f);                 /* the one value left, or NULL if they are no single node */
