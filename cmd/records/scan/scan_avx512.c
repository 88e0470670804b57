/* scan_avx512.c - a block is one register; its ends are squeezed together as bytes and widened from there.
 *
 * Squeezed in registers, not into memory: AMD's Zen 4 takes hundreds of cycles for a compressed store. Needs VBMI2 (Ice Lake, Zen 4) for
 * bytes; the few CPUs with AVX-512 but without that take AVX2. */
#include "records/scan/tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi2,pclmul,popcnt,bmi,bmi2")))

typedef __m512i bytes64;

TARGET static inline bytes64 read64(const char *text)
{
    return _mm512_loadu_si512(text);
}

TARGET static inline uint64_t equal64(bytes64 bytes, char c)
{
    return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(c));
}

TARGET static inline uint64_t prefix_xor(uint64_t mask)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)mask), _mm_set1_epi8(-1), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* 16 of the squeezed bytes. */
TARGET static inline void put16(uint32_t *ends, __m128i bytes, __m512i at)
{
    _mm512_storeu_si512(ends, _mm512_add_epi32(_mm512_cvtepu8_epi32(bytes), at));
}

TARGET static inline void put_ends(uint32_t *ends, uint64_t mask, size_t n, uint32_t at)
{
    const __m512i count = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i squeezed = _mm512_maskz_compress_epi8(mask, count), from = _mm512_set1_epi32((int)at);
    put16(ends, _mm512_castsi512_si128(squeezed), from);
    if (__builtin_expect(n <= 16, 1))
        return;
    put16(ends + 16, _mm512_extracti32x4_epi32(squeezed, 1), from);
    if (n <= 32)
        return;
    put16(ends + 32, _mm512_extracti32x4_epi32(squeezed, 2), from);
    put16(ends + 48, _mm512_extracti32x4_epi32(squeezed, 3), from);
}

#include "records/scan/blocks.h"

static bool is_here(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2") &&
           __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

const struct scan_table scan_table_avx512 = { "avx512", is_here, ends, quotes };
#endif
