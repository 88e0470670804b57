/* vec.h - one column of a batch: up to BATCH_ROWS values of one kind, each present or missing.
 *
 * Numbers are exact as long as they can be: VEC_INT and VEC_WIDE hold mantissas, and the value is mantissa / 10^scale, one scale for the
 * whole batch. A batch with a number that does not fit (1e300; a quotient; a root) is VEC_REAL. What kind a batch has depends on
 * its rows alone, and those on the input alone.
 *
 * Missing is a bit of its own and never a NaN: reals in a vector are finite. Values of missing rows are zero (or empty text), so
 * loops need not look. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BATCH_ROWS = 2048, VEC_WORDS = BATCH_ROWS / 64, SCALE_MAX = 38 };

enum vec_kind {
    VEC_INT,        /* .i */
    VEC_WIDE,       /* .w */
    VEC_REAL,       /* .r */
    VEC_BOOL,       /* .b: 0 or 1 */
    VEC_TEXT        /* .t: not quoted any more */
};
typedef __int128 wide;
struct text { const char *at; uint64_t size; };     /* good as long as the batch */

struct vec {
    uint8_t kind;
    uint8_t scale;              /* VEC_INT, VEC_WIDE: 0..SCALE_MAX */
    bool has_missing;           /* false: all are present, and `present` is not written */
    bool is_constant;           /* one value for all rows, at [0] alone; present or missing at [0], too */
    uint64_t most;              /* VEC_INT: no mantissa is further from 0 (a bound, at most 2^63) */
    union { int64_t *i; wide *w; double *r; uint8_t *b; struct text *t; };     /* room for BATCH_ROWS (or 1), aligned to 64 */
    uint64_t *present;          /* VEC_WORDS; bit r % 64 of word r / 64; bits behind the last row are 0 */
};

static inline bool vec_has(const struct vec *v, uint32_t row)
{
    if (v->is_constant)
        row = 0;
    return !v->has_missing || (v->present[row / 64] >> row % 64 & 1);
}
