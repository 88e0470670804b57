/* block.h - up to 64 short cells at once: for number.c, which reads one by one what is left over here. */
#pragma once
#include <stdint.h>

enum { BLOCK_ROWS = 64, BLOCK_BYTES = 8 };

struct block {
    int64_t *mantissa;      /* of each cell that was read; 0 if it is empty */
    uint8_t *scale;         /* how many digits stand behind its point */
    uint64_t empty;         /* bit i: cell i is empty */
    uint64_t scales;        /* bit s: one that is not empty has scale s */
};

/* Reads those of the cells text + begin[i] .. text + end[i] that are empty or at most 8 bytes of digits, with a - before them or not, and a
 * point somewhere or not. The bits of the others, which are left as they were. Touches no more than 8 bytes before the end of each. */
uint64_t block_read(const char *text, const uint32_t *begin, const uint32_t *end, uint32_t n, char point, struct block *ret_block);
