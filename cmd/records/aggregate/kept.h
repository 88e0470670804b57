/* kept.h - single values that columns keep: numbers of any kind, compared exactly, and texts. */
#pragma once
#include "records/aggregate/column.h"

/* -1, 0, 1: as numbers, whatever their kinds and scales. Both are VALUE_NUMBER or VALUE_REAL. */
int number_compare(const struct value *a, const struct value *b);
/* Row of an input of numbers, trimmed. */
struct value number_at(const struct input *in, uint32_t row);

struct kept_number {            /* a struct value without pointers */
    uint64_t low, high;
    uint8_t kind, scale;        /* kind 0, VALUE_MISSING: none */
    uint8_t unused[6];
};
struct kept_number kept_of(const struct value *v);
struct value value_of(const struct kept_number *k);
bool kept_holds(const struct kept_number *k);       /* of bytes from elsewhere */

/* A text: up to 8 bytes lie in `head`, longer ones in a lane, where they may be overwritten by others of the group. */
struct kept_text {
    char head[8];               /* its first bytes, with zeros behind */
    uint64_t offset;
    uint32_t size, room;        /* size + 1; 0: none */
};
/* 0 or -ENOMEM. `kept` does not lie in `bytes`. */
int kept_text_put(struct kept_text *kept, struct lane *bytes, struct text text);
struct text kept_text_get(const struct kept_text *kept, const struct lane *bytes);
bool kept_text_holds(const struct kept_text *kept, const struct lane *bytes);

/* Doubles as numbers that sort without a sign; of finite ones neither 0 nor all ones. -0 is 0. */
static inline uint64_t real_rank(double v)
{
    uint64_t bits;
    v += 0.0;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}
static inline double real_of_rank(uint64_t rank)
{
    double v;
    rank = rank >> 63 ? rank & ~(UINT64_C(1) << 63) : ~rank;
    memcpy(&v, &rank, sizeof v);
    return v;
}

/* What place.c keeps of each group. rank: greater for what is to be kept; 0: none. */
struct placed_number { uint64_t rank; struct kept_number kept; };
struct placed_text { uint64_t rank; struct kept_text kept; };

/* The first 8 bytes so that they compare as a number. */
static inline uint64_t text_rank(struct text t)
{
    uint64_t head = 0;
    if (t.size >= 8)
        memcpy(&head, t.at, 8);
    else if (t.size >= 4) {
        uint32_t low, high;
        memcpy(&low, t.at, 4);
        memcpy(&high, t.at + t.size - 4, 4);
        head = low | (uint64_t)high << 8 * (t.size - 4);
    } else if (t.size) {        /* the first, the middle and the last byte, which may be the same */
        uint64_t middle = t.size / 2, last = t.size - 1;
        head = (uint8_t)t.at[0] | (uint64_t)(uint8_t)t.at[middle] << 8 * middle | (uint64_t)(uint8_t)t.at[last] << 8 * last;
    }
    return __builtin_bswap64(head);
}
