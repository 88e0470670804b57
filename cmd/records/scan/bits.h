/* bits.h - what blocks.h needs, for x86 without AVX-512: the bits of a mask as numbers, and the prefix XOR as a carry-less product.
 * TARGET has been defined, and lowest(mask): the lowest bit that is set, any number if there is none. */
#include <immintrin.h>

TARGET static inline uint64_t prefix_xor(uint64_t mask)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)mask), _mm_set1_epi8(-1), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* The 6 lowest bits; where there are fewer, any number. */
TARGET static inline uint64_t put6(uint32_t *ends, uint64_t mask, uint32_t at)
{
    for (int i = 0; i < 6; i++) {
        ends[i] = at + lowest(mask);
        mask &= mask - 1;
    }
    return mask;
}

/* A loop that ends after as many turns as there are bits is mispredicted in nearly every block. Records have about 8 ends in 64 bytes, and
 * seldom more than 12. */
TARGET static inline void put_ends(uint32_t *ends, uint64_t mask, size_t n, uint32_t at)
{
    mask = put6(ends, mask, at);
    mask = put6(ends + 6, mask, at);
    for (size_t i = 12; __builtin_expect(i < n, 0); i += 6)
        mask = put6(ends + i, mask, at);
}
