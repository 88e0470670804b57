/* most.c - the greatest or the least. Inside, both are the greatest: what min compares is turned upside down.
 *
 * Numbers have three lanes, and the result is the best of the three: mantissas at one scale, as numbers that sort without a sign, 0 for
 * none; doubles in the same way; and whatever does not fit the first. Of equal numbers the decimal is taken, trimmed, so the order of rows
 * cannot show. */
#include "records/aggregate/kept.h"

#include <errno.h>

enum { NARROW, REAL, OTHER, NUMBER_LANES };
enum { SCALE_SPARE = 8 };       /* as in exact.c */

static uint64_t *ranks_of(struct column *c, uint32_t lane) { return (uint64_t *)(void *)c->lane[lane].at; }

static uint64_t turn_of(const struct column *c) { return c->head.is_least ? UINT64_MAX : 0; }
static uint64_t rank_of_int(int64_t v, uint64_t turn) { return ((uint64_t)v ^ UINT64_C(1) << 63) ^ turn; }
static int64_t int_of_rank(uint64_t rank, uint64_t turn) { return (int64_t)(rank ^ turn ^ UINT64_C(1) << 63); }

static bool is_better(const struct column *c, const struct value *v, const struct value *than)
{
    if (than->kind == VALUE_MISSING)
        return true;
    int order = number_compare(v, than);
    return c->head.is_least ? order < 0 : order > 0;
}

/* ---- numbers that do not fit ---- */

static int offer_other(struct column *c, uint32_t group, const struct value *v)
{
    if (!column_reach(c, OTHER, (uint64_t)group + 1, sizeof(struct kept_number)))
        return -ENOMEM;
    struct kept_number *kept = (struct kept_number *)(void *)c->lane[OTHER].at + group;
    struct value before = value_of(kept);
    if (is_better(c, v, &before))
        *kept = kept_of(v);
    return 0;
}

static int offer_whole(struct column *c, uint32_t group, wide number, uint32_t scale)
{
    struct value v = { .kind = VALUE_NUMBER, .scale = (uint8_t)scale, .number = number };
    whole_trim(&v.number, &v.scale);
    return offer_other(c, group, &v);
}

/* ---- the lane of mantissas ---- */

static int raise_ranks(struct column *c, uint32_t scale)
{
    uint64_t turn = turn_of(c);
    for (uint64_t g = 0, n = column_length(c, NARROW, sizeof(uint64_t)); g < n; g++) {
        uint64_t *rank = ranks_of(c, NARROW) + g;
        wide lifted;
        if (!*rank)
            continue;
        int64_t v = int_of_rank(*rank, turn);
        bool fits = whole_lift(v, scale - (uint32_t)c->head.scale, &lifted) && lifted > INT64_MIN && lifted < INT64_MAX;
        int r = fits ? 0 : offer_whole(c, (uint32_t)g, v, (uint32_t)c->head.scale);
        if (r < 0)
            return r;
        *rank = fits ? rank_of_int((int64_t)lifted, turn) : 0;
    }
    c->head.scale = (int16_t)scale;
    return 0;
}

static int meet_scale(struct column *c, uint32_t scale)
{
    struct column_head *h = &c->head;
    if (h->scale < 0) {
        h->scale = (int16_t)scale;
        h->scale_limit = (int16_t)(scale + SCALE_SPARE < SCALE_MAX ? scale + SCALE_SPARE : SCALE_MAX);
    }
    return (int)scale > h->scale && (int)scale <= h->scale_limit ? raise_ranks(c, scale) : 0;
}

static int offer_int(struct column *c, uint32_t group, int64_t v, uint32_t scale)
{
    wide lifted;
    if ((int)scale > c->head.scale || !whole_lift(v, (uint32_t)c->head.scale - scale, &lifted) ||
        lifted <= INT64_MIN || lifted >= INT64_MAX)
        return offer_whole(c, group, v, scale);
    uint64_t rank = rank_of_int((int64_t)lifted, turn_of(c)), *best = ranks_of(c, NARROW) + group;
    *best = rank > *best ? rank : *best;
    return 0;
}

/* All of one group, none missing, at the lane's scale. */
static uint64_t best_rank(const struct input *x, uint64_t turn)
{
    uint64_t best[2] = { 0 };
    for (uint32_t i = 0; i < x->n; i++) {
        uint64_t rank = rank_of_int(x->i[i], turn);
        best[i & 1] = rank > best[i & 1] ? rank : best[i & 1];
    }
    return best[0] > best[1] ? best[0] : best[1];
}

static int add_ints(struct column *c, const struct input *x, const struct shares *s)
{
    int r = meet_scale(c, x->scale);
    if (r == 0 && !column_reach(c, NARROW, s->n_groups, sizeof(uint64_t)))
        r = -ENOMEM;
    if (r < 0)
        return r;
    bool is_plain = x->scale == c->head.scale && x->most < INT64_MAX;      /* so that no rank is 0 */
    uint64_t turn = turn_of(c), *ranks = ranks_of(c, NARROW);
    if (is_plain && !s->group && !x->present) {
        uint64_t best = best_rank(x, turn);
        ranks[s->one] = best > ranks[s->one] ? best : ranks[s->one];
        return 0;
    }
    for (uint32_t i = 0; i < s->n && r == 0; i++) {
        if (!input_has(x, i))
            continue;
        if (is_plain) {
            uint64_t rank = rank_of_int(x->i[i], turn), *best = ranks + share_of(s, i);
            *best = rank > *best ? rank : *best;
        } else {
            r = offer_int(c, share_of(s, i), x->i[i], x->scale);
        }
    }
    return r;
}

static int add_reals(struct column *c, const struct input *x, const struct shares *s)
{
    if (!column_reach(c, REAL, s->n_groups, sizeof(uint64_t)))
        return -ENOMEM;
    uint64_t turn = turn_of(c), *ranks = ranks_of(c, REAL);
    for (uint32_t i = 0; i < s->n; i++) {
        uint64_t rank = input_has(x, i) ? real_rank(x->r[i]) ^ turn : 0, *best = ranks + share_of(s, i);
        *best = rank > *best ? rank : *best;
    }
    return 0;
}

static int most_number_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    if (x->kind == VEC_TEXT || x->n_present == 0)
        return 0;
    c->head.had_truths |= x->is_truth;
    c->head.had_numbers |= !x->is_truth;
    if (x->kind == VEC_INT)
        return add_ints(c, x, s);
    if (x->kind == VEC_REAL)
        return add_reals(c, x, s);
    int r = 0;
    for (uint32_t i = 0; i < s->n && r == 0; i++)
        if (input_has(x, i))
            r = offer_whole(c, share_of(s, i), x->w[i], x->scale);
    return r;
}

static int merge_narrow(struct column *into, const struct column *from, const struct merging *m)
{
    const uint64_t *rank = (const uint64_t *)(const void *)from->lane[NARROW].at;
    uint64_t n = column_length(from, NARROW, sizeof *rank), turn = turn_of(from);
    int r = n ? meet_scale(into, (uint32_t)from->head.scale) : 0;
    if (n && !column_reach(into, NARROW, m->n_into, sizeof *rank))
        return -ENOMEM;
    for (uint64_t g = 0; g < n && r == 0; g++)
        if (rank[g])
            r = offer_int(into, m->map[g], int_of_rank(rank[g], turn), (uint32_t)from->head.scale);
    return r;
}

static int most_number_merge(struct column *into, const struct column *from, const struct merging *m)
{
    into->head.had_truths |= from->head.had_truths;
    into->head.had_numbers |= from->head.had_numbers;
    int r = merge_narrow(into, from, m);
    const uint64_t *rank = (const uint64_t *)(const void *)from->lane[REAL].at;
    uint64_t n = column_length(from, REAL, sizeof *rank);
    if (n && !column_reach(into, REAL, m->n_into, sizeof *rank))
        return -ENOMEM;
    for (uint64_t g = 0; g < n; g++) {
        uint64_t *best = ranks_of(into, REAL) + m->map[g];
        *best = rank[g] > *best ? rank[g] : *best;
    }
    const struct kept_number *kept = (const struct kept_number *)(const void *)from->lane[OTHER].at;
    n = column_length(from, OTHER, sizeof *kept);
    for (uint64_t g = 0; g < n && r == 0; g++) {
        struct value v = value_of(kept + g);
        r = v.kind == VALUE_MISSING ? 0 : offer_other(into, m->map[g], &v);
    }
    return r;
}

static int most_number_check(struct column *c, uint32_t n_groups)
{
    const struct lane *lane = c->lane;
    uint64_t turn = turn_of(c), n_others = column_length(c, OTHER, sizeof(struct kept_number));
    bool holds = c->head.scale >= -1 && c->head.scale <= SCALE_MAX && c->head.scale_limit >= -1 && c->head.scale_limit <= SCALE_MAX &&
                 (c->head.scale >= 0 || !lane[NARROW].size) && lane[NARROW].size % sizeof(uint64_t) == 0 &&
                 lane[REAL].size % sizeof(uint64_t) == 0 && lane[OTHER].size % sizeof(struct kept_number) == 0 && n_others <= n_groups &&
                 column_length(c, NARROW, sizeof(uint64_t)) <= n_groups && column_length(c, REAL, sizeof(uint64_t)) <= n_groups;
    for (uint64_t g = 0; holds && g < n_others; g++)
        holds = kept_holds((const struct kept_number *)(const void *)lane[OTHER].at + g);
    for (uint64_t g = 0; holds && g < column_length(c, REAL, sizeof(uint64_t)); g++) {
        double v = ranks_of(c, REAL)[g] ? real_of_rank(ranks_of(c, REAL)[g] ^ turn) : 0;
        holds = v - v == 0;
    }
    return holds ? 0 : -EINVAL;
}

static struct value best_number(const struct column *c, uint32_t group)
{
    uint64_t turn = turn_of(c);
    struct value best = { .kind = VALUE_MISSING };
    const uint64_t *rank = column_at(c, NARROW, group, sizeof *rank);
    if (rank && *rank) {
        best = (struct value){ .kind = VALUE_NUMBER, .scale = (uint8_t)c->head.scale, .number = int_of_rank(*rank, turn) };
        whole_trim(&best.number, &best.scale);
    }
    const struct kept_number *kept = column_at(c, OTHER, group, sizeof *kept);
    struct value other = kept ? value_of(kept) : (struct value){ .kind = VALUE_MISSING };
    if (other.kind != VALUE_MISSING && is_better(c, &other, &best))
        best = other;
    rank = column_at(c, REAL, group, sizeof *rank);
    if (rank && *rank) {
        other = (struct value){ .kind = VALUE_REAL, .real = real_of_rank(*rank ^ turn) };
        if (is_better(c, &other, &best))
            best = other;
    }
    return best;
}

const struct column_ops most_number_ops = { "most number", NUMBER_LANES, 1, most_number_add, most_number_merge, most_number_check };

/* ---- texts ---- */

enum { TEXT, BYTES, TEXT_LANES };

static bool is_better_text(const struct column *c, struct text t, const struct kept_text *kept)
{
    if (!kept->size)
        return true;
    uint64_t rank = text_rank(t), best;
    memcpy(&best, kept->head, sizeof best);
    best = __builtin_bswap64(best);
    if (rank != best)
        return (rank > best) != c->head.is_least;
    struct text than = kept_text_get(kept, &c->lane[BYTES]);
    uint64_t both = t.size < than.size ? t.size : than.size;
    int order = both > 8 ? memcmp(t.at, than.at, both) : 0;
    if (order == 0)
        order = (t.size > than.size) - (t.size < than.size);
    return c->head.is_least ? order < 0 : order > 0;
}

static int offer_text(struct column *c, uint32_t group, struct text t)
{
    struct kept_text *kept = (struct kept_text *)(void *)c->lane[TEXT].at + group;
    return is_better_text(c, t, kept) ? kept_text_put(kept, &c->lane[BYTES], t) : 0;
}

static int most_text_add(struct column *c, const struct input *x, const struct input *y, const struct shares *s)
{
    (void)y;
    if (x->kind != VEC_TEXT || x->n_present == 0)
        return 0;
    if (!column_reach(c, TEXT, s->n_groups, sizeof(struct kept_text)))
        return -ENOMEM;
    int r = 0;
    for (uint32_t i = 0; i < s->n && r == 0; i++)
        if (input_has(x, i))
            r = offer_text(c, share_of(s, i), x->t[i]);
    return r;
}

static int most_text_merge(struct column *into, const struct column *from, const struct merging *m)
{
    const struct kept_text *kept = (const struct kept_text *)(const void *)from->lane[TEXT].at;
    uint64_t n = column_length(from, TEXT, sizeof *kept);
    if (n && !column_reach(into, TEXT, m->n_into, sizeof *kept))
        return -ENOMEM;
    int r = 0;
    for (uint64_t g = 0; g < n && r == 0; g++)
        if (kept[g].size)
            r = offer_text(into, m->map[g], kept_text_get(kept + g, &from->lane[BYTES]));
    return r;
}

static int most_text_check(struct column *c, uint32_t n_groups)
{
    uint64_t n = column_length(c, TEXT, sizeof(struct kept_text));
    bool holds = n <= n_groups && c->lane[TEXT].size % sizeof(struct kept_text) == 0;
    for (uint64_t g = 0; holds && g < n; g++)
        holds = kept_text_holds((const struct kept_text *)(const void *)c->lane[TEXT].at + g, &c->lane[BYTES]);
    return holds ? 0 : -EINVAL;
}

const struct column_ops most_text_ops = { "most text", TEXT_LANES, 1, most_text_add, most_text_merge, most_text_check };

/* ---- what is kept, here and in place.c ---- */

struct value number_kept(const struct column *c, uint32_t group)
{
    struct value v;
    if (c->ops == &most_number_ops) {
        v = best_number(c, group);
    } else {
        const struct placed_number *placed = column_at(c, 0, group, sizeof *placed);
        v = placed ? value_of(&placed->kept) : (struct value){ .kind = VALUE_MISSING };
    }
    if (v.kind == VALUE_NUMBER && c->head.had_truths && !c->head.had_numbers)
        return (struct value){ .kind = VALUE_BOOL, .truth = v.number != 0 };
    return v;
}

struct value text_kept(const struct column *c, uint32_t group)
{
    const struct kept_text *kept = NULL;
    if (c->ops == &most_text_ops) {
        kept = column_at(c, TEXT, group, sizeof *kept);
    } else {
        const struct placed_text *placed = column_at(c, TEXT, group, sizeof *placed);
        kept = placed ? &placed->kept : NULL;
    }
    if (!kept || !kept->size)
        return (struct value){ .kind = VALUE_MISSING };
    return (struct value){ .kind = VALUE_TEXT, .text = kept_text_get(kept, &c->lane[BYTES]) };
}
