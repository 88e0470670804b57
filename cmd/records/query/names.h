/* names.h - what the words of a query stand for; and where they stand for nothing, what may have been meant. */
#pragma once
#include "records/query/tree.h"

/* The column called so. 0; or -EINVAL with a flaw. */
int names_column(const struct columns *columns, const struct node *node, struct query_flaw *flaw, uint32_t *ret_column);
/* The function called so, for as many arguments as the node has. */
int names_function(const struct node *node, struct query_flaw *flaw, const struct function **ret_function);
/* `word`, at `at`, is no aggregate: says so. Returns -EINVAL. */
int names_no_aggregate(const char *word, size_t at, const struct columns *columns, struct query_flaw *flaw);
bool names_has_column(const struct columns *columns, const char *name);
