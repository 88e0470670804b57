/* chance.h - random numbers that a seed repeats (splitmix64), and bytes made of them. */
#pragma once
#include <stdint.h>
#include <string.h>

struct chance { uint64_t state; };

static inline uint64_t chance_next(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. n-1; n is not 0. */
static inline uint32_t chance_below(struct chance *c, uint32_t n)
{
    return (uint32_t)(chance_next(c) % n);
}

static inline void chance_fill(void *mem, size_t size, uint64_t seed)
{
    struct chance c = { seed };
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = chance_next(&c);
        memcpy((char *)mem + at, &word, size - at < 8 ? size - at : 8);
    }
}

static inline int chance_filled(const void *mem, size_t size, uint64_t seed)
{
    struct chance c = { seed };
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = chance_next(&c);
        if (memcmp((const char *)mem + at, &word, size - at < 8 ? size - at : 8) != 0)
            return 0;
    }
    return 1;
}
