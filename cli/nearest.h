/* nearest.h - which word somebody may have meant. */
#pragma once
#include <stddef.h>

/* The one of n words that takes the fewest inserted, left out or changed letters to make from `word`: at most two, and fewer
 * than `word` has letters; the first of several. If none is that near, the only one that begins with `word`. Else NULL. A word that is
 * NULL is passed over. */
const char *nearest_of(const char *word, const char *const words[], size_t n);
