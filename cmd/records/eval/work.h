/* work.h - what the kernels of eval/ work with: operands, room for results, and where they tell what was odd.
 *
 * A kernel makes the vector of one step. Its operands are never all constant, and no constant is missing. It may read and write values up
 * to the next multiple of 64 rows: there is room for that many. */
#pragma once
#include "records/eval/program.h"
#include "records/read/reader.h"

/* Loops that are simple enough become vector code, for the best instructions that this CPU has. Not under a sanitizer: its calls would
 * come before it is set up (the choice is made when the program is loaded). */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define KERNEL
#elif defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define KERNEL __attribute__((optimize("O3"), target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#elif defined(__GNUC__) && !defined(__clang__)
#define KERNEL __attribute__((optimize("O3")))
#else
#define KERNEL
#endif

struct room { void *values; uint64_t *present; };       /* for BATCH_ROWS of any kind, aligned to 64 */
enum { ROOMS = 2 };

struct chunk;
struct work {
    uint32_t n;                         /* rows */
    const struct batch *batch;          /* NULL: constants are worked out */
    char quote, point;
    bool is_lenient;
    const struct text_list *lists;
    struct room room[ROOMS];            /* for operands in another kind: one for each of two operands */
    struct chunk *texts;                /* what texts that are not in the batch lie in */
    struct odds odds;
    struct flaw flaw;                   /* the first in the input of this batch */
};

/* 0 or -ENOMEM. out->values and out->present point to room; the kernel sets the rest. */
typedef int kernel_fn(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out);

/* n rows are undefined, row `first` the first of them. */
void work_undefined(struct work *w, uint32_t n, uint32_t first);
/* n rows are not what they should be, the first of them at `at`: odd where that is allowed, else a flaw. */
void work_not_a(struct work *w, const char *expected, uint32_t n, place at, const char *found, size_t size);
place work_place(const struct work *w, uint32_t row);

/* Room for text, until the next batch. NULL: no memory. */
char *work_text(struct work *w, size_t size);
void work_forget_texts(struct work *w);         /* keeps one chunk for the next batch */
void work_free_texts(struct work *w);

static inline uint32_t words_of(uint32_t n) { return (n + 63) / 64; }
/* By how much to go on from row to row. */
static inline size_t stride(const struct vec *v) { return v->is_constant ? 0 : 1; }
