/* work.c - odds and flaws with their places, and the chunks of text. */
#include "records/eval/work.h"

#include <stdlib.h>

struct chunk {
    struct chunk *next;
    size_t size, used;
    char bytes[];
};
enum { CHUNK_SIZE = 64 << 10, CHUNK_KEPT = 4 << 20 };

place work_place(const struct work *w, uint32_t row)
{
    return w->batch ? w->batch->at + w->batch->row[row] : 0;
}

void work_undefined(struct work *w, uint32_t n, uint32_t first)
{
    if (n > 0)
        odds_add(&w->odds, ODD_UNDEFINED, n, work_place(w, first));
}

void work_not_a(struct work *w, const char *expected, uint32_t n, place at, const char *found, size_t size)
{
    char excerpt[FLAW_EXCERPT];
    if (w->is_lenient)
        odds_add(&w->odds, ODD_NOT_A_NUMBER, n, at);
    else if (!w->flaw.kind || at < w->flaw.at)
        (void)flaw_set(&w->flaw, FLAW_NUMBER, at, "expected a %s, found '%s'", expected, flaw_excerpt(found, size, excerpt));
}

/* ---- texts --------------------------------------------------------------------------------------------------------------- */

char *work_text(struct work *w, size_t size)
{
    struct chunk *chunk = w->texts;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + room);
        if (!chunk)
            return NULL;
        *chunk = (struct chunk){ w->texts, room, 0 };
        w->texts = chunk;
    }
    char *text = chunk->bytes + chunk->used;
    chunk->used += size;
    return text;
}

void work_forget_texts(struct work *w)
{
    struct chunk *kept = NULL;
    while (w->texts) {
        struct chunk *next = w->texts->next;
        if (!kept && w->texts->size <= CHUNK_KEPT)
            kept = w->texts;
        else
            free(w->texts);
        w->texts = next;
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    w->texts = kept;
}

void work_free_texts(struct work *w)
{
    while (w->texts) {
        struct chunk *next = w->texts->next;
        free(w->texts);
        w->texts = next;
    }
}
