/* types.h - what each part of an expression is. */
#pragma once
#include "records/query/tree.h"

struct types {
    struct tree *tree;
    const struct columns *columns;
    struct query_flaw *flaw;
};

/* Finds all names of the tree below `node` and sets all types. 0; or -EINVAL with a flaw. */
int types_check(const struct types *types, uint32_t node);
/* takes: a letter of functions.h but x: whether the node can be that; -EINVAL with a flaw that says why not. */
int types_need(const struct types *types, uint32_t node, char takes);
/* What two operands are compared as: TYPE_COLUMN: either. For nodes that have been checked. */
enum node_type types_compared(const struct tree *tree, uint32_t left, uint32_t right);
/* A whole number that is written out. */
bool types_whole(const struct tree *tree, uint32_t node, int32_t *ret_whole);
