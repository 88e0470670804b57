/* blocks.h - the scan, 64 bytes at a time; included once by each scan_NAME.c, which has defined before:
 *
 *   TARGET                                 the attribute that allows the instructions, or nothing
 *   bytes64, read64(text)                  64 bytes in registers
 *   equal64(bytes, c)                      bit i: byte i is c
 *   prefix_xor(mask)                       bit i: whether an odd number of the bits 0..i is set
 *   put_ends(ends, mask, n, at)            writes at + i to `ends` for each of the n bits i that are set; behind them it may write
 *                                          up to 64 more, of any value
 *
 * A quote opens or closes, in turn, so the prefix XOR of the quotes tells which bytes lie inside. A doubled quote is taken as one that
 * closes and one that opens again:
 *
 *      text      a , " b , " " c " , d
 *      quotes    . . 1 . . 1 1 . 1 . .
 *      inside    . . 1 1 1 . 1 1 . . .       opens: quotes & inside; closes: quotes & ~inside
 *      ends      . 1 . . . . . . . 1 .
 *
 * A quote may open behind an end, at the beginning of the text, or behind one that closes. Behind one that closes may follow an end,
 * one that opens, or \r and then a newline. Blocks without a quote, and with none of that left open by the block before, need no look. */
#include <string.h>

/* What `scan->before` says of the last byte. Inside quotes it is BEFORE_OTHER. */
enum { BEFORE_FIELD, BEFORE_OTHER, BEHIND_CLOSED, BEHIND_CLOSED_CR };

/* The masks of the block before, of which bit 63 counts here. */
struct carry {
    uint64_t inside;            /* all ones: the next byte lies inside quotes; else 0 */
    uint64_t ends, closes, closed_cr;
};

struct found {
    uint64_t ends, newlines;
};

TARGET static inline struct carry carry_in(const struct scan *scan)
{
    const uint64_t last = UINT64_C(1) << 63;
    return (struct carry){
        .inside = scan->in_quotes ? UINT64_MAX : 0,
        .ends = scan->before == BEFORE_FIELD ? last : 0,
        .closes = scan->before == BEHIND_CLOSED ? last : 0,
        .closed_cr = scan->before == BEHIND_CLOSED_CR ? last : 0,
    };
}

/* The last byte was bit `i` of the last block. */
TARGET static inline void carry_out(struct scan *scan, const struct carry *carry, unsigned i)
{
    scan->in_quotes = carry->inside != 0;
    scan->before = carry->ends >> i & 1 ? BEFORE_FIELD : carry->closes >> i & 1 ? BEHIND_CLOSED
                   : carry->closed_cr >> i & 1 ? BEHIND_CLOSED_CR : BEFORE_OTHER;
}

/* The place of the first quote of which these masks say that it, or what is 1 or 2 bytes behind it, must not stand there. */
TARGET static inline uint32_t first_bad(uint64_t opens, uint64_t behind, uint64_t behind_cr, uint32_t at)
{
    uint32_t back = behind_cr & 1 ? 2 : (behind & 1) | (behind_cr & 2) ? 1 : 0;
    if (back > 0)
        return at >= back ? at - back : 0;      /* (0: only for a caller whose bases do not go on) */
    return at + (uint32_t)__builtin_ctzll(opens | behind >> 1 | behind_cr >> 2);
}

/* A block with quotes, or behind one that left something open. `valid`: the bits of its bytes; `block` has none but those. */
TARGET static inline struct found quoted_block(struct carry *carry, struct found block, uint64_t quotes, uint64_t cr, uint64_t valid,
                                               uint32_t at, uint32_t *bad)
{
    uint64_t inside = prefix_xor(quotes) ^ carry->inside;
    uint64_t ends = block.ends & ~inside, newlines = block.newlines & ~inside;
    uint64_t opens = quotes & inside, closes = quotes & ~inside;
    uint64_t behind_end = ends << 1 | carry->ends >> 63;
    uint64_t behind_closed = closes << 1 | carry->closes >> 63;
    uint64_t closed_cr = behind_closed & cr;
    uint64_t behind_cr = closed_cr << 1 | carry->closed_cr >> 63;

    uint64_t bad_opens = opens & ~(behind_end | behind_closed);
    uint64_t bad_behind = behind_closed & ~(ends | opens | cr) & valid;
    uint64_t bad_cr = behind_cr & ~newlines & valid;
    if ((bad_opens | bad_behind | bad_cr) && *bad == UINT32_MAX)
        *bad = first_bad(bad_opens, bad_behind, bad_cr, at);

    /* Of the last byte: behind it all stays as it is there, also in a block that ends early. */
    *carry = (struct carry){ (uint64_t)((int64_t)inside >> 63), ends, closes, closed_cr };
    return (struct found){ ends, newlines };
}

TARGET static inline struct found one_block(struct carry *carry, const struct scan *scan, const char *text, uint64_t valid, uint32_t at,
                                            uint32_t *bad)
{
    bytes64 bytes = read64(text);
    uint64_t quotes = scan->quote ? equal64(bytes, scan->quote) & valid : 0;
    struct found block;
    block.newlines = equal64(bytes, '\n') & valid;
    block.ends = block.newlines | (equal64(bytes, scan->delimiter) & valid);
    if (__builtin_expect((quotes | carry->closes >> 63 | carry->closed_cr >> 63) != 0, 0))
        return quoted_block(carry, block, quotes, equal64(bytes, '\r') & valid, valid, at, bad);
    block.ends &= ~carry->inside;
    block.newlines &= ~carry->inside;
    *carry = (struct carry){ carry->inside, block.ends, 0, 0 };
    return block;
}

TARGET static size_t ends(struct scan *scan, const char *text, size_t size, uint32_t base, uint32_t *ret_ends, size_t *ret_newlines,
                          uint32_t *ret_bad)
{
    struct scan local = *scan;      /* so that the compiler need not fear that writing ends changes it */
    struct carry carry = carry_in(scan);
    uint32_t bad = UINT32_MAX;
    size_t n = 0, newlines = 0, whole = size / 64 * 64;
    for (size_t i = 0; i < size; i += 64) {
        uint32_t at = base + (uint32_t)i;
        struct found found = i < whole ? one_block(&carry, &local, text + i, UINT64_MAX, at, &bad)
                                       : one_block(&carry, &local, text + i, (UINT64_C(1) << size % 64) - 1, at, &bad);
        size_t more = (size_t)__builtin_popcountll(found.ends);
        put_ends(ret_ends + n, found.ends, more, at);
        n += more;
        newlines += (size_t)__builtin_popcountll(found.newlines);
    }
    if (size > 0)
        carry_out(scan, &carry, (unsigned)((size - 1) % 64));
    *ret_newlines = newlines;
    *ret_bad = bad;
    return n;
}

TARGET static size_t quotes(const char *text, size_t size, char quote)
{
    size_t n = 0, other = 0, i = 0;     /* two counts: they need not wait for each other */
    for (; i + 128 <= size; i += 128) {
        n += (size_t)__builtin_popcountll(equal64(read64(text + i), quote));
        other += (size_t)__builtin_popcountll(equal64(read64(text + i + 64), quote));
    }
    for (; i < size; i += 64) {
        size_t left = size - i < 64 ? size - i : 64;
        char last[64] = { 0 };
        memcpy(last, text + i, left);
        n += (size_t)__builtin_popcountll(equal64(read64(last), quote) & (UINT64_MAX >> (64 - left)));
    }
    return n + other;
}
