/* nearest.c - Levenshtein's distance by rows of its table; then, what may have been shortened. */
#include "nearest.h"

#include <string.h>

enum { WORD_MAX = 63, FAR = 3 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *from, const char *to)
{
    size_t from_size = strlen(from), to_size = strlen(to);
    if (from_size > WORD_MAX || to_size > WORD_MAX)
        return FAR;
    size_t row[WORD_MAX + 1];           /* row[j]: from the letters so far to the first j of `to` */
    for (size_t j = 0; j <= to_size; j++)
        row[j] = j;
    for (size_t i = 0; i < from_size; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < to_size; j++) {
            size_t changed = corner + (from[i] != to[j]);
            corner = row[j + 1];
            row[j + 1] = least(changed, least(row[j], corner) + 1);
        }
    }
    return row[to_size];
}

/* NULL: none, or several. */
static const char *only_one_that_begins_with(const char *word, const char *const words[], size_t n)
{
    const char *one = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!*word || !words[i] || strncmp(words[i], word, strlen(word)) != 0)
            continue;
        if (one)
            return NULL;
        one = words[i];
    }
    return one;
}

const char *nearest_of(const char *word, const char *const words[], size_t n)
{
    const char *best = NULL;
    size_t best_distance = least(FAR, strlen(word));
    for (size_t i = 0; i < n; i++) {
        size_t d = words[i] ? distance(word, words[i]) : FAR;
        if (d < best_distance) {
            best_distance = d;
            best = words[i];
        }
    }
    return best ? best : only_one_that_begins_with(word, words, n);
}
