/* arena.h - memory that is taken piece by piece and given back all at once.
 *
 * The plan of a job is built in one whose memory came from prong_alloc(PRONG_READ): there its pointers hold in every worker. */
#pragma once
#include <stddef.h>

struct arena { char *base; size_t size, used; };
static inline struct arena arena_in(void *mem, size_t size) { return (struct arena){ mem, size, 0 }; }

/* Zeroed, aligned to 16. NULL: it is full. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy with a NUL behind it. */
char *arena_text(struct arena *a, const char *text, size_t size);
