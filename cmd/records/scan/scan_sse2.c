/* scan_sse2.c - a block is four registers of 16 bytes. Needs the carry-less product and the bit count, too, which all x86 since about 2010
 * has; older ones take plain C. */
#include "records/scan/tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("sse2,pclmul,popcnt")))

typedef struct { __m128i part[4]; } bytes64;

TARGET static inline bytes64 read64(const char *text)
{
    return (bytes64){ {
        _mm_loadu_si128((const void *)text), _mm_loadu_si128((const void *)(text + 16)),
        _mm_loadu_si128((const void *)(text + 32)), _mm_loadu_si128((const void *)(text + 48)),
    } };
}

TARGET static inline uint64_t equal64(bytes64 bytes, char c)
{
    __m128i all = _mm_set1_epi8(c);
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++)
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes.part[i], all)) << 16 * i;
    return mask;
}

TARGET static inline uint32_t lowest(uint64_t mask)
{
    return (uint32_t)__builtin_ctzll(mask | UINT64_C(1) << 63);     /* of 0 that is not defined */
}

#include "records/scan/bits.h"
#include "records/scan/blocks.h"

static bool is_here(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt");
}

const struct scan_table scan_table_sse2 = { "sse2", is_here, ends, quotes };
#endif
