/* scan_avx2.c - a block is two registers of 32 bytes; ends are written 6 at a time, whether there are so many or not. */
#include "records/scan/tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,pclmul,popcnt,bmi")))

typedef struct { __m256i low, high; } bytes64;

TARGET static inline bytes64 read64(const char *text)
{
    return (bytes64){ _mm256_loadu_si256((const void *)text), _mm256_loadu_si256((const void *)(text + 32)) };
}

TARGET static inline uint64_t equal64(bytes64 bytes, char c)
{
    __m256i all = _mm256_set1_epi8(c);
    uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes.low, all));
    uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes.high, all));
    return (uint64_t)high << 32 | low;
}

TARGET static inline uint32_t lowest(uint64_t mask)
{
    return (uint32_t)_tzcnt_u64(mask);
}

#include "records/scan/bits.h"
#include "records/scan/blocks.h"

static bool is_here(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("bmi");
}

const struct scan_table scan_table_avx2 = { "avx2", is_here, ends, quotes };
#endif
