/* block.c - four cells in a register of 256 bits (AVX2), each in a word of 64 that ends where the cell ends; without a branch for what they
 * look like, as a branch that goes now here, now there costs more than all of this. */
#include "records/block.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

static AVX2 inline __m256i each(uint64_t word)
{
    return _mm256_set1_epi64x((long long)word);
}

static AVX2 inline long long word_before(const char *end)
{
    long long word;
    memcpy(&word, end - 8, sizeof word);
    return word;
}

static AVX2 inline __m256i words_before(const char *text, const uint32_t *end)
{
    return _mm256_setr_epi64x(
        word_before(text + end[0]), word_before(text + end[1]), word_before(text + end[2]), word_before(text + end[3]));
}

/* Words with the digits of a number in their bytes, the first in the lowest. */
static AVX2 inline __m256i numbers_of(__m256i x)
{
    x = _mm256_maddubs_epi16(x, _mm256_set1_epi16(0x010a));         /* 10 a + b */
    x = _mm256_madd_epi16(x, _mm256_set1_epi32(0x00010064));        /* 100 a + b */
    return _mm256_add_epi64(_mm256_mul_epu32(x, each(10000)), _mm256_srli_epi64(x, 32));
}

struct four {
    __m256i mantissa, scale;
    __m256i is_good, is_empty;          /* -1 or 0 */
};

static AVX2 inline struct four read_four(const char *text, const uint32_t *begin, const uint32_t *end, __m256i point)
{
    const __m256i zero = _mm256_setzero_si256();
    __m128i first = _mm_loadu_si128((const __m128i *)begin), last = _mm_loadu_si128((const __m128i *)end);
    __m256i size = _mm256_cvtepu32_epi64(_mm_sub_epi32(last, first));
    __m256i x = words_before(text, end);

    /* Without the sign, and what stands before the cell. */
    __m256i unused = _mm256_sub_epi64(each(64), _mm256_slli_epi64(size, 3));
    __m256i is_minus = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_srlv_epi64(x, unused), each(0xff)), each('-'));
    __m256i rest = _mm256_add_epi64(size, is_minus);
    unused = _mm256_sub_epi64(unused, _mm256_slli_epi64(is_minus, 3));
    x = _mm256_and_si256(_mm256_xor_si256(x, _mm256_set1_epi8('0')), _mm256_sllv_epi64(each(~UINT64_C(0)), unused));

    /* At most one byte that is no digit, and that is a point. Then `low` is its lowest bit. */
    __m256i is_point = _mm256_cmpeq_epi8(x, point);
    __m256i no_digit = _mm256_subs_epu8(x, _mm256_set1_epi8(9));
    __m256i low = _mm256_and_si256(is_point, _mm256_sub_epi64(zero, is_point));
    __m256i one_point = _mm256_sub_epi64(_mm256_slli_epi64(low, 8), low);
    __m256i bad = _mm256_or_si256(_mm256_andnot_si256(is_point, no_digit), _mm256_xor_si256(is_point, one_point));
    __m256i no_point = _mm256_cmpeq_epi64(low, zero), has_digit = _mm256_cmpgt_epi64(rest, _mm256_add_epi64(each(1), no_point));
    __m256i is_empty = _mm256_cmpeq_epi64(size, zero);

    /* What is before the point moves up. Without a point `before` is all. */
    __m256i before = _mm256_sub_epi64(low, each(1)), behind = _mm256_andnot_si256(_mm256_or_si256(before, is_point), each(~UINT64_C(0)));
    __m256i head = _mm256_and_si256(x, before);
    head = _mm256_blendv_epi8(_mm256_slli_epi64(head, 8), head, no_point);
    __m256i number = numbers_of(_mm256_or_si256(head, _mm256_and_si256(x, behind)));

    struct four four = { .is_empty = is_empty };
    four.mantissa = _mm256_sub_epi64(_mm256_xor_si256(number, is_minus), is_minus);
    four.scale = _mm256_sad_epu8(_mm256_and_si256(behind, _mm256_set1_epi8(1)), zero);
    four.is_good = _mm256_and_si256(_mm256_cmpeq_epi64(bad, zero), _mm256_cmpgt_epi64(each(BLOCK_BYTES + 1), size));
    four.is_good = _mm256_and_si256(four.is_good, _mm256_or_si256(has_digit, is_empty));
    return four;
}

static AVX2 inline uint64_t bits_of(__m256i x)
{
    return (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(x));
}

/* The lowest byte of each word. */
static AVX2 inline uint32_t bytes_of(__m256i x)
{
    __m256i low = _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0));
    __m128i bytes = _mm_shuffle_epi8(_mm256_castsi256_si128(low), _mm_setr_epi8(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    return (uint32_t)_mm_cvtsi128_si32(bytes);
}

static AVX2 inline uint64_t any_of(__m256i x)
{
    __m128i half = _mm_or_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (uint64_t)_mm_cvtsi128_si64(half) | (uint64_t)_mm_extract_epi64(half, 1);
}

static AVX2 uint64_t read_avx2(const char *text, const uint32_t *begin, const uint32_t *end, uint32_t n, char point,
                               struct block *ret_block)
{
    const __m256i mark = _mm256_set1_epi8((char)(point ^ '0'));
    __m256i scales = _mm256_setzero_si256();
    uint64_t empty = 0, good = 0;
    for (uint32_t i = 0; i + 4 <= n; i += 4) {
        struct four four = read_four(text, begin + i, end + i, mark);
        uint32_t bytes = bytes_of(four.scale);
        _mm256_storeu_si256((__m256i *)(ret_block->mantissa + i), four.mantissa);
        memcpy(ret_block->scale + i, &bytes, sizeof bytes);
        __m256i is_number = _mm256_andnot_si256(four.is_empty, four.is_good);
        scales = _mm256_or_si256(scales, _mm256_and_si256(_mm256_sllv_epi64(each(1), four.scale), is_number));
        empty |= bits_of(four.is_empty) << i;
        good |= bits_of(four.is_good) << i;
    }
    ret_block->empty = empty;
    ret_block->scales = any_of(scales);
    return ~good & ~UINT64_C(0) >> (BLOCK_ROWS - n);
}
#endif

uint64_t block_read(const char *text, const uint32_t *begin, const uint32_t *end, uint32_t n, char point, struct block *ret_block)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return read_avx2(text, begin, end, n, point, ret_block);
#endif
    (void)text, (void)begin, (void)end, (void)point;
    ret_block->empty = ret_block->scales = 0;
    return ~UINT64_C(0) >> (BLOCK_ROWS - n);
}
