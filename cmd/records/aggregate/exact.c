/* exact.c - fast where all values of a batch fit their lane, right everywhere. */
#include "records/aggregate/exact.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

/* How many places more than the first batch's a lane of mantissas may come to have. Without a limit one cell 1e-38 would drive all
 * mantissas of the column out of 128 bits, and into ELSE, for good. */
enum { SCALE_SPARE = 8 };

/* A sum for a class of values of one group. `next` is not trusted when it is read, but made anew. */
struct entry {
    uint32_t group, class, next, unused;    /* next: index + 1 of the group's next entry */
    struct fixed sum;
};

static wide *wholes_of(struct column *c) { return (wide *)(void *)c->lane[EXACT_WHOLE].at; }
static struct fixed *reals_of(struct column *c) { return (struct fixed *)(void *)c->lane[EXACT_REAL].at; }

/* ---- ELSE ---- */

static const struct entry *first_entry(const struct column *c, uint32_t group)
{
    const uint32_t *first = column_at(c, EXACT_FIRST, group, sizeof *first);
    return first && *first ? (const struct entry *)(const void *)c->lane[EXACT_ELSE].at + (*first - 1) : NULL;
}

static const struct entry *next_entry(const struct column *c, const struct entry *e)
{
    return e->next ? (const struct entry *)(const void *)c->lane[EXACT_ELSE].at + (e->next - 1) : NULL;
}

static const struct entry *find_entry(const struct column *c, uint32_t group, uint32_t class)
{
    const struct entry *e = first_entry(c, group);
    while (e && e->class != class)
        e = next_entry(c, e);
    return e;
}

static bool link_entry(struct column *c, uint32_t i)
{
    struct entry *e = (struct entry *)(void *)c->lane[EXACT_ELSE].at + i;
    if (!column_reach(c, EXACT_FIRST, (uint64_t)e->group + 1, sizeof(uint32_t)))
        return false;
    uint32_t *first = (uint32_t *)(void *)c->lane[EXACT_FIRST].at + e->group;
    e->next = *first;
    *first = i + 1;
    return true;
}

int exact_add_class(struct column *c, uint32_t group, uint32_t class, const struct fixed *value)
{
    const struct entry *found = find_entry(c, group, class);
    if (!found) {
        uint64_t n = column_length(c, EXACT_ELSE, sizeof *found);
        struct entry *e = n < UINT32_MAX ? lane_more(&c->lane[EXACT_ELSE], sizeof *e) : NULL;
        if (!e)
            return -ENOMEM;
        *e = (struct entry){ .group = group, .class = class };
        if (!link_entry(c, (uint32_t)n))
            return -ENOMEM;
        found = (struct entry *)(void *)c->lane[EXACT_ELSE].at + n;
    }
    fixed_add(&((struct entry *)(void *)c->lane[EXACT_ELSE].at)[found - (struct entry *)(void *)c->lane[EXACT_ELSE].at].sum, value);
    return 0;
}

static int add_wide_else(struct column *c, uint32_t group, uint32_t scale, wide value)
{
    struct fixed f = fixed_of(value);
    return exact_add_class(c, group, CLASS_WHOLE + scale, &f);
}

/* ---- WHOLE ---- */

/* To a larger scale, all groups. */
static int raise_wholes(struct column *c, uint32_t scale)
{
    uint32_t by = scale - (uint32_t)c->head.scale;
    for (uint64_t g = 0, n = column_length(c, EXACT_WHOLE, sizeof(wide)); g < n; g++) {
        wide *sum = wholes_of(c) + g;
        if (whole_lift(*sum, by, sum))
            continue;
        int r = add_wide_else(c, (uint32_t)g, (uint32_t)c->head.scale, *sum);
        if (r < 0)
            return r;
        *sum = 0;
    }
    c->head.scale = (int16_t)scale;
    return 0;
}

/* Makes the lane ready for values with so many places. *ret_lift: the places they lack there; negative: they have too many. */
static int meet_scale(struct column *c, uint32_t scale, int *ret_lift)
{
    struct column_head *h = &c->head;
    if (h->scale_most < (int)scale)
        h->scale_most = (int16_t)scale;
    if (h->scale < 0) {
        h->scale = (int16_t)scale;
        h->scale_limit = (int16_t)(scale + SCALE_SPARE < WHOLE_DIGITS ? scale + SCALE_SPARE : scale > WHOLE_DIGITS ? scale : WHOLE_DIGITS);
    }
    if ((int)scale > h->scale && (int)scale <= h->scale_limit) {
        int r = raise_wholes(c, scale);
        if (r < 0)
            return r;
    }
    *ret_lift = h->scale - (int)scale;
    return 0;
}

/* One value with `scale` places, of which the lane has `lift` more. */
static int add_wide(struct column *c, uint32_t group, wide value, uint32_t scale, int lift)
{
    wide lifted;
    if (lift < 0 || !whole_lift(value, (uint32_t)lift, &lifted))
        return add_wide_else(c, group, scale, value);
    wide *sum = wholes_of(c) + group;
    if (whole_add(*sum, lifted, sum))
        return 0;
    /* It has wrapped: what was there moves out whole, and the value takes its place. */
    wide before = (wide)((uwide)*sum - (uwide)lifted);
    *sum = lifted;
    return add_wide_else(c, group, (uint32_t)c->head.scale, before);
}

static int add_each_wide(struct column *c, const wide *value, uint32_t scale, int lift, const struct shares *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (i + 16 < s->n)
            __builtin_prefetch(wholes_of(c) + share_of(s, i + 16), 1);
        wide *sum = wholes_of(c) + share_of(s, i), total;
        if (lift == 0 && whole_add(*sum, value[i], &total)) {
            *sum = total;
        } else if (value[i] != 0) {
            int r = add_wide(c, share_of(s, i), value[i], scale, lift);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int64_t total_of_ints(const int64_t *value, size_t n)
{
    int64_t a = 0, b = 0, c = 0, d = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        a += value[i];
        b += value[i + 1];
        c += value[i + 2];
        d += value[i + 3];
    }
    for (; i < n; i++)
        a += value[i];
    return a + b + c + d;
}

static wide total_of_large_ints(const int64_t *value, uint32_t n)
{
    wide sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += value[i];
    return sum;
}

int exact_add_ints(struct column *c, const int64_t *value, uint64_t most, uint32_t scale, const struct shares *s)
{
    int lift, r = meet_scale(c, scale, &lift);
    if (r < 0)
        return r;
    if (!column_reach(c, EXACT_WHOLE, s->n_groups, sizeof(wide)))
        return -ENOMEM;
    if (!s->group) {
        wide sum = most <= INT64_MAX / BATCH_ROWS ? total_of_ints(value, s->n) : total_of_large_ints(value, s->n);
        return add_wide(c, s->one, sum, scale, lift);
    }
    bool is_short = lift >= 0 && lift < 19 && most <= (uint64_t)INT64_MAX / (uint64_t)whole_ten((uint32_t)lift);
    int64_t factor = is_short ? (int64_t)whole_ten((uint32_t)lift) : 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (i + 16 < s->n)
            __builtin_prefetch(wholes_of(c) + s->group[i + 16], 1);
        wide *sum = wholes_of(c) + s->group[i], total;
        if (is_short && whole_add(*sum, value[i] * factor, &total)) {
            *sum = total;
        } else if (value[i] != 0) {
            r = add_wide(c, s->group[i], value[i], scale, lift);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int exact_add_wides(struct column *c, const wide *value, uint32_t scale, const struct shares *s)
{
    int lift, r = meet_scale(c, scale, &lift);
    if (r < 0)
        return r;
    if (!column_reach(c, EXACT_WHOLE, s->n_groups, sizeof(wide)))
        return -ENOMEM;
    if (s->group)
        return add_each_wide(c, value, scale, lift, s);
    struct fixed sum = { { 0 } };
    for (uint32_t i = 0; i < s->n; i++) {
        struct fixed f = fixed_of(value[i]);
        fixed_add(&sum, &f);
    }
    wide total = (wide)((uwide)sum.word[1] << 64 | sum.word[0]);
    struct fixed same = fixed_of(total);
    bool is_wide = memcmp(&same, &sum, sizeof sum) == 0;
    return is_wide ? add_wide(c, s->one, total, scale, lift) : exact_add_class(c, s->one, CLASS_WHOLE + scale, &sum);
}

/* ---- REAL ---- */

int exact_add_real(struct column *c, uint32_t group, uwide mantissa, int exponent, bool is_negative)
{
    if (!mantissa)
        return 0;
    uint32_t bit = (uint32_t)(exponent - BIT_0);
    int64_t shift = (int64_t)bit - (int64_t)c->head.window * BITS_PER_CLASS;
    if (c->head.window >= 0 && shift >= 0 && shift <= FIXED_VALUE_BITS - 106) {
        fixed_add_shifted(reals_of(c) + group, mantissa, (uint32_t)shift, is_negative);
        return 0;
    }
    struct fixed f = { { 0 } };
    fixed_add_shifted(&f, mantissa, bit % BITS_PER_CLASS, is_negative);
    return exact_add_class(c, group, bit / BITS_PER_CLASS, &f);
}

static int add_double(struct column *c, uint32_t group, double value)
{
    int exponent;
    uint64_t mantissa = real_mantissa(value, &exponent);
    return exact_add_real(c, group, mantissa, exponent, value < 0);
}

/* The window has 164 bits to place a value's lowest bit in; the median of the batch's comes to lie in the middle. */
bool exact_choose_window(struct column *c, const double *x, const double *y, uint32_t n)
{
    if (c->head.window >= 0)
        return true;
    uint16_t of_class[CLASS_REAL_MOST + 1] = { 0 };
    uint32_t all = 0, below = 0, middle = 0;
    for (uint32_t i = 0; i < n; i++) {
        int ex, ey = 0;
        if (!real_mantissa(x[i], &ex) || (y && !real_mantissa(y[i], &ey)))
            continue;
        of_class[(ex + ey - BIT_0) / BITS_PER_CLASS]++;
        all++;
    }
    if (!all)
        return false;
    while ((below += of_class[middle]) * 2 <= all)
        middle++;
    c->head.window = (int16_t)(middle ? middle - 1 : 0);
    return true;
}

/* Takes the highest bits of all values at once: adding and subtracting 2^(e + 12), where all are below 2^e, rounds each to a multiple of
 * 2^(e - 41); 2048 of these add up without rounding; and what is left over is exact, too. After S. M. Rump, T. Ogita and S. Oishi,
 * "Accurate Floating-Point Summation Part I" (2008), section 3. */
static double extract(const double *value, double *rest, size_t n, double unit, double *ret_most)
{
    double sum[4] = { 0 }, most[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++) {
            double high = (unit + value[i + k]) - unit, low = value[i + k] - high;
            sum[k] += high;
            rest[i + k] = low;
            most[k] = fabs(low) > most[k] ? fabs(low) : most[k];
        }
    for (; i < n; i++) {
        double high = (unit + value[i]) - unit;
        sum[0] += high;
        rest[i] = value[i] - high;
        most[0] = fmax(most[0], fabs(rest[i]));
    }
    *ret_most = fmax(fmax(most[0], most[1]), fmax(most[2], most[3]));
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* All to one group. A few extractions do for values of like size; what they leave is added one by one. */
static int add_reals_of_one(struct column *c, const double *value, const struct shares *s)
{
    enum { EXTRACTIONS = 4 };
    double rest[BATCH_ROWS], most = 0;
    const double *from = value;
    int r = 0;
    for (uint32_t i = 0; i < s->n; i++)
        most = fabs(value[i]) > most ? fabs(value[i]) : most;
    for (int k = 0; k < EXTRACTIONS && most > 0; k++) {
        int e;
        (void)frexp(most, &e);
        if (e + 12 > 1023 || e < -900)
            break;
        double sum = extract(from, rest, s->n, ldexp(1, e + 12), &most);
        from = rest;
        r = add_double(c, s->one, sum);
        if (r < 0)
            return r;
    }
    for (uint32_t i = 0; i < s->n && most > 0 && r == 0; i++)
        r = add_double(c, s->one, from[i]);
    return r;
}

int exact_add_reals(struct column *c, const double *value, const struct shares *s)
{
    if (!exact_choose_window(c, value, NULL, s->n))
        return 0;
    if (!column_reach(c, EXACT_REAL, s->n_groups, sizeof(struct fixed)))
        return -ENOMEM;
    if (!s->group)
        return add_reals_of_one(c, value, s);
    for (uint32_t i = 0; i < s->n; i++) {
        if (i + 16 < s->n)
            __builtin_prefetch(reals_of(c) + s->group[i + 16], 1);
        int r = add_double(c, s->group[i], value[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- merging and checking ---- */

static int merge_wholes(struct column *into, const struct column *from, const struct merging *m)
{
    const wide *sum = (const wide *)(const void *)from->lane[EXACT_WHOLE].at;
    uint64_t n = column_length(from, EXACT_WHOLE, sizeof *sum);
    int lift, r = n ? meet_scale(into, (uint32_t)from->head.scale, &lift) : 0;
    if (n && !column_reach(into, EXACT_WHOLE, m->n_into, sizeof *sum))
        return -ENOMEM;
    for (uint64_t g = 0; g < n && r == 0; g++) {
        column_fetch(into, EXACT_WHOLE, m, g, sizeof *sum);
        if (sum[g] != 0)
            r = add_wide(into, m->map[g], sum[g], (uint32_t)from->head.scale, lift);
    }
    return r;
}

/* Windows begin at classes, so where they differ the other's sum is an entry as it stands. */
static int merge_reals(struct column *into, const struct column *from, const struct merging *m)
{
    const struct fixed *sum = (const struct fixed *)(const void *)from->lane[EXACT_REAL].at;
    uint64_t n = column_length(from, EXACT_REAL, sizeof *sum);
    if (n && into->head.window < 0)
        into->head.window = from->head.window;
    if (n && !column_reach(into, EXACT_REAL, m->n_into, sizeof *sum))
        return -ENOMEM;
    int r = 0;
    for (uint64_t g = 0; g < n && r == 0; g++) {
        column_fetch(into, EXACT_REAL, m, g, sizeof *sum);
        if (into->head.window == from->head.window)
            fixed_add(reals_of(into) + m->map[g], sum + g);
        else if (!fixed_is_zero(sum + g))
            r = exact_add_class(into, m->map[g], (uint32_t)from->head.window, sum + g);
    }
    return r;
}

int exact_merge(struct column *into, const struct column *from, const struct merging *m)
{
    int r = merge_wholes(into, from, m);
    if (r == 0)
        r = merge_reals(into, from, m);
    const struct entry *e = (const struct entry *)(const void *)from->lane[EXACT_ELSE].at;
    for (uint64_t n = column_length(from, EXACT_ELSE, sizeof *e); n && r == 0; n--, e++)
        r = exact_add_class(into, m->map[e->group], e->class, &e->sum);
    if (into->head.scale_most < from->head.scale_most)
        into->head.scale_most = from->head.scale_most;
    return r;
}

/* A window may begin one class below the least value's. */
static bool is_real_class(int64_t class, bool is_product)
{
    int least = is_product ? CLASS_REAL_LEAST : CLASS_SUM_LEAST - 1, most = is_product ? CLASS_REAL_MOST : CLASS_SUM_MOST;
    return class >= least && class <= most;
}

static bool is_class(uint32_t class, bool is_product)
{
    uint32_t scale_most = is_product ? CLASS_WHOLE_MOST : CLASS_WHOLE + SCALE_MAX;
    return (class >= CLASS_WHOLE && class <= scale_most) || is_real_class(class, is_product);
}

static bool head_holds(const struct column *c, bool is_product)
{
    const struct column_head *h = &c->head;
    int most = is_product ? 2 * SCALE_MAX : SCALE_MAX;
    return h->scale >= -1 && h->scale <= most && h->scale_limit >= -1 && h->scale_limit <= most && h->scale_most <= most &&
           h->scale_most >= h->scale && (h->window == -1 || is_real_class(h->window, is_product)) &&
           (h->scale >= 0 || !c->lane[EXACT_WHOLE].size) && (h->window >= 0 || !c->lane[EXACT_REAL].size);
}

int exact_check(struct column *c, uint32_t n_groups, bool is_product)
{
    const struct lane *lane = c->lane;
    uint64_t n = column_length(c, EXACT_ELSE, sizeof(struct entry));
    bool holds = head_holds(c, is_product) && lane[EXACT_WHOLE].size % sizeof(wide) == 0 &&
                 lane[EXACT_REAL].size % sizeof(struct fixed) == 0 &&
                 lane[EXACT_ELSE].size % sizeof(struct entry) == 0 && n < UINT32_MAX &&
                 column_length(c, EXACT_WHOLE, sizeof(wide)) <= n_groups && column_length(c, EXACT_REAL, sizeof(struct fixed)) <= n_groups;
    if (!holds)
        return -EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        const struct entry *e = (const struct entry *)(const void *)c->lane[EXACT_ELSE].at + i;
        bool is_above = e->class >= CLASS_WHOLE && (int)(e->class - CLASS_WHOLE) > c->head.scale_most;
        if (e->group >= n_groups || !is_class(e->class, is_product) || is_above || find_entry(c, e->group, e->class))
            return -EINVAL;
        if (!link_entry(c, i))
            return -ENOMEM;
    }
    return 0;
}

/* ---- totals ---- */

bool exact_is_short(const struct column *c, uint32_t group, wide *ret_value, uint32_t *ret_scale)
{
    const wide *sum = column_at(c, EXACT_WHOLE, group, sizeof *sum);
    const struct fixed *real = column_at(c, EXACT_REAL, group, sizeof *real);
    if ((real && !fixed_is_zero(real)) || first_entry(c, group))
        return false;
    *ret_value = sum ? *sum : 0;
    *ret_scale = sum ? (uint32_t)c->head.scale : 0;
    return true;
}

static void add_entry(const struct entry *e, uint32_t scale, struct big *wholes, struct big *reals)
{
    struct big part;
    bool is_whole = e->class >= CLASS_WHOLE;
    big_set_fixed(&part, &e->sum, is_whole ? 0 : BIT_0 + (int)e->class * BITS_PER_CLASS);
    big_times_ten(&part, is_whole ? scale - (e->class - CLASS_WHOLE) : scale);
    big_add(is_whole ? wholes : reals, &part);
}

void exact_parts(const struct column *c, uint32_t group, uint32_t scale, struct big *ret_wholes, struct big *ret_reals)
{
    const wide *sum = column_at(c, EXACT_WHOLE, group, sizeof *sum);
    const struct fixed *real = column_at(c, EXACT_REAL, group, sizeof *real);
    big_set_wide(ret_wholes, sum ? *sum : 0);
    if (sum)
        big_times_ten(ret_wholes, scale - (uint32_t)c->head.scale);
    if (real)
        big_set_fixed(ret_reals, real, BIT_0 + c->head.window * BITS_PER_CLASS);
    else
        big_set(ret_reals, 0);
    big_times_ten(ret_reals, scale);
    for (const struct entry *e = first_entry(c, group); e; e = next_entry(c, e))
        add_entry(e, scale, ret_wholes, ret_reals);
}

void exact_total(const struct column *c, uint32_t group, uint32_t scale, struct big *ret_total)
{
    struct big reals;
    exact_parts(c, group, scale, ret_total, &reals);
    big_add(ret_total, &reals);
}
