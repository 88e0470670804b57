/* present.c - by words of 64 rows; a batch with missing rows mostly has few of them. */
#include "records/eval/present.h"

#include <string.h>

void present_fill(uint32_t n, uint64_t *bits)
{
    for (uint32_t i = 0; i < words_of(n); i++)
        bits[i] = ~UINT64_C(0);
    if (n % 64)
        bits[n / 64] = (UINT64_C(1) << n % 64) - 1;
}

void present_all(uint32_t n, const struct vec *const a[], uint32_t n_args, struct vec *out)
{
    out->has_missing = false;
    for (uint32_t k = 0; k < n_args; k++) {
        if (a[k]->is_constant || !a[k]->has_missing)
            continue;
        for (uint32_t i = 0; i < words_of(n); i++)
            out->present[i] = out->has_missing ? out->present[i] & a[k]->present[i] : a[k]->present[i];
        out->has_missing = true;
    }
}

static void zero(struct vec *out, uint32_t row)
{
    switch (out->kind) {
    case VEC_INT:
        out->i[row] = 0;
        break;
    case VEC_WIDE:
        out->w[row] = 0;
        break;
    case VEC_REAL:
        out->r[row] = 0;
        break;
    case VEC_BOOL:
        out->b[row] = 0;
        break;
    default:
        out->t[row] = (struct text){ "", 0 };
    }
}

void present_drop(uint32_t n, struct vec *out, uint32_t row)
{
    if (!out->has_missing)
        present_fill(n, out->present);
    out->has_missing = true;
    out->present[row / 64] &= ~(UINT64_C(1) << row % 64);
    zero(out, row);
}

void present_blank(uint32_t n, struct vec *out)
{
    for (uint32_t word = 0; out->has_missing && word < words_of(n); word++) {
        uint32_t rows = n - word * 64 < 64 ? n - word * 64 : 64;
        uint64_t missing = ~out->present[word] & (rows < 64 ? (UINT64_C(1) << rows) - 1 : ~UINT64_C(0));
        for (; missing; missing &= missing - 1)
            zero(out, word * 64 + (uint32_t)__builtin_ctzll(missing));
    }
}

/* Eight bytes of 0 or 1 times this: their bits come together in the highest byte, none carries into another. */
void present_pack(uint32_t n, const uint8_t *bytes, uint64_t *ret_bits)
{
    static const uint64_t gather = UINT64_C(0x0102040810204080);
    for (uint32_t word = 0; word < words_of(n); word++) {
        uint64_t bits = 0;
        for (uint32_t k = 0; k < 8 && word * 64 + k * 8 < n; k++) {
            uint32_t left = n - word * 64 - k * 8;
            uint64_t eight;
            memcpy(&eight, bytes + word * 64 + k * 8, sizeof eight);
            if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
                eight = __builtin_bswap64(eight);
            if (left < 8)
                eight &= (UINT64_C(1) << 8 * left) - 1;     /* whatever stands behind */
            bits |= (eight * gather >> 56) << 8 * k;
        }
        ret_bits[word] = bits;
    }
}
