/* kept.c - numbers of different kinds are compared as they are, not as doubles, which would take 2^53 + 1 for 2^53. */
#include "records/aggregate/kept.h"

#include "records/aggregate/big.h"
#include "records/number.h"

#include <errno.h>

static int sign_of(wide v) { return (v > 0) - (v < 0); }

static int compare_wholes(const struct value *a, const struct value *b)
{
    wide lifted;
    if (a->scale > b->scale)
        return -compare_wholes(b, a);
    if (!whole_lift(a->number, (uint32_t)(b->scale - a->scale), &lifted))
        return sign_of(a->number);          /* further from 0 than any b can be */
    return (lifted > b->number) - (lifted < b->number);
}

/* Rounding keeps the order, so only where it gives `real` itself is there more to see. */
static int compare_mixed(const struct value *whole, double real)
{
    double rounded = number_real(whole->number, whole->scale);
    if (rounded != real)
        return rounded < real ? -1 : 1;
    struct big a, b;
    int exponent;
    big_set_wide(&a, whole->number);
    big_set(&b, real_mantissa(real, &exponent));
    b.is_negative = b.n && real < 0;
    b.exponent = exponent;
    big_times_ten(&b, whole->scale);
    big_subtract(&a, &b);
    return !a.n ? 0 : a.is_negative ? -1 : 1;
}

int number_compare(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_REAL && b->kind == VALUE_REAL)
        return (a->real > b->real) - (a->real < b->real);
    if (a->kind == VALUE_REAL)
        return -compare_mixed(b, a->real);
    return b->kind == VALUE_REAL ? compare_mixed(a, b->real) : compare_wholes(a, b);
}

struct value number_at(const struct input *in, uint32_t row)
{
    if (in->kind == VEC_REAL)
        return (struct value){ .kind = VALUE_REAL, .real = in->r[row] + 0.0 };     /* no -0 */
    wide number = in->kind == VEC_INT ? in->i[row] : in->w[row];
    uint8_t scale = in->scale;
    whole_trim(&number, &scale);
    return (struct value){ .kind = VALUE_NUMBER, .scale = scale, .number = number };
}

struct kept_number kept_of(const struct value *v)
{
    struct kept_number k = { .kind = v->kind, .scale = v->scale };
    if (v->kind == VALUE_REAL) {
        memcpy(&k.low, &v->real, sizeof k.low);
        return k;
    }
    k.low = (uint64_t)v->number;
    k.high = (uint64_t)((uwide)v->number >> 64);
    return k;
}

struct value value_of(const struct kept_number *k)
{
    struct value v = { .kind = k->kind, .scale = k->scale };
    if (k->kind == VALUE_REAL)
        memcpy(&v.real, &k->low, sizeof v.real);
    else
        v.number = (wide)((uwide)k->high << 64 | k->low);
    return v;
}

bool kept_holds(const struct kept_number *k)
{
    struct value v = value_of(k);
    switch (k->kind) {
    case VALUE_MISSING: return true;
    case VALUE_REAL: return v.real - v.real == 0;      /* finite */
    case VALUE_NUMBER: return k->scale <= SCALE_MAX && v.number != WIDE_MIN;
    default: return false;
    }
}

/* ---- texts ---- */

int kept_text_put(struct kept_text *kept, struct lane *bytes, struct text text)
{
    if (text.size >= UINT32_MAX)
        return -ENOMEM;
    uint32_t size = (uint32_t)text.size;
    if (size > sizeof kept->head) {
        if (kept->room < size) {
            uint32_t room = kept->room < UINT32_MAX / 2 && 2 * kept->room > size ? 2 * kept->room : size;
            uint64_t offset = bytes->size;
            if (!lane_more(bytes, room))
                return -ENOMEM;
            kept->offset = offset;
            kept->room = room;
        }
        memcpy(bytes->at + kept->offset, text.at, size);
    }
    uint64_t head = __builtin_bswap64(text_rank(text));
    memcpy(kept->head, &head, sizeof head);
    kept->size = size + 1;
    return 0;
}

struct text kept_text_get(const struct kept_text *kept, const struct lane *bytes)
{
    uint32_t size = kept->size - 1;
    return (struct text){ size <= sizeof kept->head ? kept->head : bytes->at + kept->offset, size };
}

bool kept_text_holds(const struct kept_text *kept, const struct lane *bytes)
{
    uint64_t size = kept->size ? kept->size - 1 : 0;
    bool has_room = kept->room == 0 || (kept->offset <= bytes->size && kept->room <= bytes->size - kept->offset);
    return has_room && (size <= sizeof kept->head || size <= kept->room);
}
