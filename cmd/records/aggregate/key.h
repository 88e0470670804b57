/* key.h - values as bytes that are equal exactly where the values are: 3, 3.0 and the double 3 are one key; a missing value is one, too.
 *
 * A code says itself where it ends, so codes of several values can be put together, and padded with zeros, without two different ones
 * becoming equal. Up to 16 bytes, which most keys have, lie in two words; longer ones in a lane, with their hash in place of the second
 * word, so that two are hardly ever compared in vain.
 *
 *   byte 0:  0 .. 199     text of that size, which follows
 *            TEXT_LONG    8 bytes: its size; the text
 *            MISSING, FALSE, TRUE
 *            REAL         8 bytes: a double that is no decimal of 38 digits
 *            NUMBER + k   the scale in a byte, then k bytes (1 .. 16) of the mantissa, two's complement */
#pragma once
#include "records/aggregate/kept.h"

enum { KEY_SHORT = 16 };

struct key {
    uint64_t word[2];           /* as they lie in memory; of a long one: offset in its lane, hash */
    uint32_t size;
    uint32_t mark;              /* 32 bits of the hash: the same for equal keys in every tally */
};

/* Codes of a batch. */
struct keys {
    uint32_t n;
    struct key key[BATCH_ROWS];
    struct lane longs;          /* of this batch */
};

/* One code for each row: the values of these inputs, one behind the other. 0 or -ENOMEM. */
int keys_make(struct keys *keys, const struct input *const in[], uint32_t n_inputs, uint32_t n);
void keys_fini(struct keys *keys);

/* Reads one value at bytes[0]; texts point into them. Returns the size of its code; 0: it is none, or goes beyond `size`. */
size_t key_read(const char *bytes, size_t size, struct value *ret_value);

/* Both halves of a 128-bit product: the one step of all hashes here. */
static inline uint64_t key_fold(uint64_t a, uint64_t b)
{
    uwide product = (uwide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
