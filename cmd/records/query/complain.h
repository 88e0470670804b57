/* complain.h - how the parts of query/ say what is wrong. */
#pragma once
#include "records/query/query.h"

/* Where and what; -EINVAL. A token at the end of the text has size 0 and becomes 1. No hint yet. */
int complain(struct query_flaw *flaw, size_t at, size_t size, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The hint of a flaw that is there. -EINVAL, too. */
int complain_hint(struct query_flaw *flaw, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
