/* scan_plain.c - for any CPU: 8 bytes at a time in a word. */
#include "records/scan/tables.h"

#include <string.h>

#define TARGET

typedef struct { uint64_t word[8]; } bytes64;   /* byte i is in bits 8i .. 8i + 7 */

static inline bytes64 read64(const char *text)
{
    bytes64 bytes;
    memcpy(&bytes, text, sizeof bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int i = 0; i < 8; i++)
        bytes.word[i] = __builtin_bswap64(bytes.word[i]);
#endif
    return bytes;
}

/* Bit i: byte i of the word is 0. The sum carries into bit 7 of each byte that has a bit below it set, and never into the next byte; the
 * product brings those bits, one of each byte, together in the highest byte. */
static inline uint64_t zeros(uint64_t word)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t zero = ~(((word & low) + low) | word | low);
    return (zero >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

static inline uint64_t equal64(bytes64 bytes, char c)
{
    const uint64_t all = UINT64_C(0x0101010101010101) * (unsigned char)c;
    uint64_t mask = 0;
    for (int i = 0; i < 8; i++)
        mask |= zeros(bytes.word[i] ^ all) << 8 * i;
    return mask;
}

static inline uint64_t prefix_xor(uint64_t mask)
{
    for (int shift = 1; shift < 64; shift *= 2)
        mask ^= mask << shift;
    return mask;
}

static inline void put_ends(uint32_t *ends, uint64_t mask, size_t n, uint32_t at)
{
    for (size_t i = 0; i < n; i++) {
        ends[i] = at + (uint32_t)__builtin_ctzll(mask);
        mask &= mask - 1;
    }
}

#include "records/scan/blocks.h"

static bool is_here(void)
{
    return true;
}

const struct scan_table scan_table_plain = { "plain", is_here, ends, quotes };
