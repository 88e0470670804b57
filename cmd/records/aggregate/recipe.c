/* recipe.c - which inputs and columns a plan's aggregates need; what two of them need alike is there once. */
#include "records/aggregate/inside.h"

#include <errno.h>
#include <stdlib.h>

enum { COLUMNS_PER_AGGREGATE = ROLES, INPUTS_PER_AGGREGATE = 4 };

static int32_t need_input(struct tally *t, uint32_t out, uint32_t other, bool as_real)
{
    for (uint32_t k = 0; k < t->n_inputs; k++)
        if (t->input[k].out == out && t->input[k].other == other && t->input[k].as_real == as_real)
            return (int32_t)k;
    t->input[t->n_inputs] = (struct input){ .out = out, .other = other, .as_real = as_real };
    return (int32_t)t->n_inputs++;
}

static int32_t need_plain(struct tally *t, uint32_t out) { return need_input(t, out, UINT32_MAX, false); }

static int32_t need_column(struct tally *t, const struct column_ops *ops, int32_t x, int32_t y, bool is_least)
{
    for (uint32_t k = 0; k < t->n_columns; k++) {
        const struct column *c = &t->column[k];
        if (c->ops == ops && c->input[0] == x && c->input[1] == y && c->head.is_least == is_least)
            return (int32_t)k;
    }
    column_init(&t->column[t->n_columns], ops, x, y, is_least);
    return (int32_t)t->n_columns++;
}

static int32_t need_count(struct tally *t, int32_t x) { return need_column(t, &count_ops, x, INPUT_NONE, false); }
static int32_t need_sum(struct tally *t, int32_t x) { return need_column(t, &sum_ops, x, INPUT_NONE, false); }
static int32_t need_product(struct tally *t, int32_t x, int32_t y) { return need_column(t, &product_ops, x, y, false); }

/* Sums of one argument. */
static void one_argument(struct tally *t, const struct plan_aggregate *a, struct recipe *r)
{
    int32_t x = need_plain(t, a->arg[0]);
    r->column[ROLE_COUNT] = need_count(t, x);
    if (a->kind == AGG_COUNT)
        return;
    r->column[ROLE_X] = need_sum(t, x);
    if (a->kind != AGG_SUM && a->kind != AGG_MEAN)
        r->column[ROLE_XX] = need_product(t, x, x);
}

/* Of a pair: slope(y, x) has y first. */
static void two_arguments(struct tally *t, const struct plan_aggregate *a, struct recipe *r)
{
    int32_t y = need_input(t, a->arg[0], a->arg[1], false), x = need_input(t, a->arg[1], a->arg[0], false);
    bool is_covar = a->kind == AGG_COVAR || a->kind == AGG_COVAR_POP;
    bool has_yy = a->kind == AGG_CORR || a->kind == AGG_R2;
    r->column[ROLE_COUNT] = need_count(t, x);
    r->column[ROLE_X] = need_sum(t, x);
    r->column[ROLE_Y] = need_sum(t, y);
    r->column[ROLE_XY] = x < y ? need_product(t, x, y) : need_product(t, y, x);
    r->column[ROLE_XX] = is_covar ? -1 : need_product(t, x, x);
    r->column[ROLE_YY] = has_yy ? need_product(t, y, y) : -1;
}

static void one_of_the_values(struct tally *t, const struct plan_aggregate *a, struct recipe *r)
{
    bool by_place = a->kind == AGG_FIRST || a->kind == AGG_LAST, is_least = a->kind == AGG_MIN || a->kind == AGG_LAST;
    int32_t number = need_plain(t, a->arg[0]), text = a->is_either ? need_plain(t, a->arg[1]) : number;
    r->column[ROLE_NUMBER] = need_column(t, by_place ? &place_number_ops : &most_number_ops, number, INPUT_NONE, is_least);
    r->column[ROLE_TEXT] = need_column(t, by_place ? &place_text_ops : &most_text_ops, text, INPUT_NONE, is_least);
    if (a->is_either)
        r->column[ROLE_NO_NUMBER] = need_column(t, &count_no_number_ops, number, text, false);
}

static void need_all_of(struct tally *t, const struct plan_aggregate *a, struct recipe *r)
{
    switch (a->kind) {
    case AGG_ROWS:
        r->column[ROLE_COUNT] = need_count(t, INPUT_NONE);
        break;
    case AGG_COUNT: case AGG_SUM: case AGG_MEAN: case AGG_VARIANCE: case AGG_VARIANCE_POP: case AGG_STDDEV: case AGG_STDDEV_POP:
        one_argument(t, a, r);
        break;
    case AGG_CORR: case AGG_COVAR: case AGG_COVAR_POP: case AGG_SLOPE: case AGG_INTERCEPT: case AGG_R2:
        two_arguments(t, a, r);
        break;
    case AGG_MIN: case AGG_MAX: case AGG_FIRST: case AGG_LAST:
        one_of_the_values(t, a, r);
        break;
    case AGG_QUANTILE:
        r->column[ROLE_VALUES] = need_column(t, &values_ops, need_input(t, a->arg[0], UINT32_MAX, true), INPUT_NONE, false);
        break;
    case AGG_DISTINCT:
        r->column[ROLE_SET] = need_column(t, &distinct_ops, need_plain(t, a->arg[0]), INPUT_NONE, false);
        break;
    }
}

int recipes_make(struct tally *t)
{
    const struct plan *plan = t->plan;
    size_t n = plan->n_aggregates;
    t->key_input = calloc(plan->n_keys + 1, sizeof *t->key_input);
    t->input = calloc(plan->n_keys + n * INPUTS_PER_AGGREGATE + 1, sizeof *t->input);
    t->column = calloc(n * COLUMNS_PER_AGGREGATE + 1, sizeof *t->column);
    t->recipe = calloc(n + 1, sizeof *t->recipe);
    if (!t->key_input || !t->input || !t->column || !t->recipe)
        return -ENOMEM;
    for (uint32_t k = 0; k < plan->n_keys; k++)
        t->key_input[k] = need_plain(t, plan->key[k].out);
    for (size_t a = 0; a < n; a++) {
        memset(&t->recipe[a], 0xff, sizeof t->recipe[a]);       /* -1: none */
        need_all_of(t, &plan->aggregate[a], &t->recipe[a]);
    }
    return 0;
}
