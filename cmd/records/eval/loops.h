/* loops.h - loops over two operands of one kind, either of which may be constant. */
#pragma once
#include "records/eval/work.h"

/* Makes name(a, a_is_constant, b, b_is_constant, result, n): x of one, y of the other. */
#define LOOPS(name, type, result, expression) \
    KERNEL static void name##_two(const type *restrict a, const type *restrict b, result *restrict r, uint32_t n) \
    { \
        for (uint32_t i = 0; i < n; i++) { \
            type x = a[i], y = b[i]; \
            r[i] = (result)(expression); \
        } \
    } \
    KERNEL static void name##_left(const type *restrict a, type y, result *restrict r, uint32_t n) \
    { \
        for (uint32_t i = 0; i < n; i++) { \
            type x = a[i]; \
            r[i] = (result)(expression); \
        } \
    } \
    KERNEL static void name##_right(type x, const type *restrict b, result *restrict r, uint32_t n) \
    { \
        for (uint32_t i = 0; i < n; i++) { \
            type y = b[i]; \
            r[i] = (result)(expression); \
        } \
    } \
    static void name(const type *a, bool a_is_constant, const type *b, bool b_is_constant, result *r, uint32_t n) \
    { \
        if (b_is_constant) \
            name##_left(a, *b, r, n); \
        else if (a_is_constant) \
            name##_right(*a, b, r, n); \
        else \
            name##_two(a, b, r, n); \
    }

/* Of one operand. */
#define LOOP(name, type, result, expression) \
    KERNEL static void name(const type *restrict a, result *restrict r, uint32_t n) \
    { \
        for (uint32_t i = 0; i < n; i++) { \
            type x = a[i]; \
            r[i] = (result)(expression); \
        } \
    }
