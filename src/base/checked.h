/* checked.h - sizes that do not wrap. Each returns false where the exact result does not fit, and then writes nothing of use. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool pn_add_size(size_t a, size_t b, size_t *ret) { return !__builtin_add_overflow(a, b, ret); }
static inline bool pn_mul_size(size_t a, size_t b, size_t *ret) { return !__builtin_mul_overflow(a, b, ret); }

/* Rounds up to a multiple of `to`, a power of two. */
static inline bool pn_round_up(size_t size, size_t to, size_t *ret)
{
    if (!pn_add_size(size, to - 1, ret))
        return false;
    *ret &= ~(to - 1);
    return true;
}
