/* steps.c - hash-consing (A. Ershov, "On Programming of Arithmetic Operations" (1958)): a step is looked up by what it does before it is
 * added. As operands come before the steps that use them, the list is in an order in which it can be carried out. */
#include "records/query/steps.h"

#include "records/eval/fold.h"
#include "records/query/complain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct steps *steps_new(struct arena *arena, struct query_flaw *flaw)
{
    struct steps *steps = calloc(1, sizeof *steps);
    if (steps) {
        steps->arena = arena;
        steps->flaw = flaw;
    }
    return steps;
}

void steps_free(struct steps *steps)
{
    free(steps);
}

static int too_many(const struct steps *s)
{
    return complain(s->flaw, s->at, s->size, "this is too much for one query: more than %d steps", STEPS_MAX);
}

const struct value *steps_value(const struct steps *s, uint32_t step)
{
    return s->step[step].op == OP_CONSTANT ? &s->constant[s->step[step].param] : NULL;
}

/* ---- looking up ---------------------------------------------------------------------------------------------------------- */

/* A column's numbers are the same whether they are tried or needed. */
static uint8_t op_looked_up(uint8_t op)
{
    return op == OP_TRIED ? OP_NUMBERS : op;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t hash_of(const struct step *step)
{
    uint64_t hash = mix(mix(1, op_looked_up(step->op)), (uint64_t)step->type << 32 | (uint32_t)step->param);
    for (uint8_t i = 0; i < step->n_args; i++)
        hash = mix(hash, step->arg[i]);
    return hash;
}

static bool same(const struct step *a, const struct step *b)
{
    return op_looked_up(a->op) == op_looked_up(b->op) && a->type == b->type && a->n_args == b->n_args && a->param == b->param &&
           memcmp(a->arg, b->arg, a->n_args * sizeof *a->arg) == 0;
}

static int find_or_add(struct steps *s, const struct step *step, uint32_t *ret_step)
{
    uint32_t at = (uint32_t)(hash_of(step) % STEPS_TABLE);
    for (; s->table[at]; at = (at + 1) % STEPS_TABLE) {
        struct step *there = &s->step[s->table[at] - 1];
        if (!same(there, step))
            continue;
        if (step->op == OP_NUMBERS)
            there->op = OP_NUMBERS;
        *ret_step = s->table[at] - 1;
        return 0;
    }
    if (s->n == STEPS_MAX)
        return too_many(s);
    s->step[s->n] = *step;
    *ret_step = s->n++;
    s->table[at] = s->n;
    return 0;
}

/* ---- constants ----------------------------------------------------------------------------------------------------------- */

static bool same_value(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NUMBER:
        return a->scale == b->scale && a->number == b->number;
    case VALUE_REAL:
        return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    case VALUE_BOOL:
        return a->truth == b->truth;
    case VALUE_TEXT:
        return a->text.size == b->text.size && (a->text.size == 0 || memcmp(a->text.at, b->text.at, a->text.size) == 0);
    default:
        return true;
    }
}

static enum step_type type_of(const struct value *value)
{
    return value->kind == VALUE_TEXT ? STEP_TEXT : value->kind == VALUE_BOOL ? STEP_BOOL : STEP_NUMBER;
}

/* Zeros at the end would only make the digits of results fit less often. */
static struct value shortened(struct value value)
{
    while (value.kind == VALUE_NUMBER && value.scale > 0 && value.number % 10 == 0) {
        value.number /= 10;
        value.scale--;
    }
    return value;
}

int steps_constant(struct steps *s, const struct value *given, uint32_t *ret_step)
{
    struct value value = shortened(*given);
    uint32_t i = 0;
    while (i < s->n_constants && !same_value(&s->constant[i], &value))
        i++;
    if (i == STEPS_MAX)
        return too_many(s);
    if (i == s->n_constants) {
        if (value.kind == VALUE_TEXT) {
            value.text.at = arena_text(s->arena, value.text.at, value.text.size);
            if (!value.text.at)
                return -ENOMEM;
        }
        s->constant[s->n_constants++] = value;
    }
    struct step step = { .op = OP_CONSTANT, .type = (uint8_t)type_of(&value), .param = (int32_t)i };
    return find_or_add(s, &step, ret_step);
}

static int fold(struct steps *s, const struct step *step, uint32_t *ret_step)
{
    const struct value *args[STEP_ARGS];
    struct value value;
    struct flaw flaw = { 0 };
    for (uint8_t i = 0; i < step->n_args; i++)
        args[i] = steps_value(s, step->arg[i]);
    struct fold *folded;
    int r = fold_step(step, args, s->list, &folded, &value, &flaw);
    if (r < 0)
        return r;
    if (flaw.kind)
        r = complain(s->flaw, s->at, s->size, "%s", flaw.text);
    else if (value.kind == VALUE_MISSING)
        r = complain(s->flaw, s->at, s->size, "this has no value");
    else
        r = steps_constant(s, &value, ret_step);
    fold_free(folded);
    return r;
}

/* ---- steps --------------------------------------------------------------------------------------------------------------- */

int steps_column(struct steps *s, enum step_op op, uint32_t column, uint32_t *ret_step)
{
    struct step step = { .op = (uint8_t)op, .type = op == OP_TEXTS ? STEP_TEXT : STEP_NUMBER, .param = (int32_t)column };
    return find_or_add(s, &step, ret_step);
}

static bool truth(const struct steps *s, uint32_t step, bool *ret_truth)
{
    const struct value *value = steps_value(s, step);
    if (value)
        *ret_truth = value->truth;
    return value != NULL;
}

/* What is one of its operands whatever the others are. */
static bool simplified(const struct steps *s, const struct step *step, uint32_t *ret_step)
{
    bool is_true;
    if (step->op == OP_IF && truth(s, step->arg[0], &is_true)) {
        *ret_step = step->arg[is_true ? 1 : 2];
        return true;
    }
    for (int i = 0; i < 2 && (step->op == OP_AND || step->op == OP_OR); i++)
        if (truth(s, step->arg[i], &is_true)) {
            *ret_step = step->arg[is_true == (step->op == OP_AND) ? 1 - i : i];
            return true;
        }
    if (step->op == OP_IF && step->arg[1] == step->arg[2]) {
        *ret_step = step->arg[1];
        return true;
    }
    return false;
}

static bool is_symmetric(const struct step *step)
{
    switch (step->op) {
    case OP_ADD: case OP_MUL: case OP_LEAST: case OP_GREATEST: case OP_AND: case OP_OR:
        return true;
    case OP_COMPARE: case OP_COMPARE_TEXT:
        return step->param == COMPARE_EQ || step->param == COMPARE_NE;
    default:
        return false;
    }
}

/* a + b and b + a are one step; constants come second, as kernels like them. */
static void order(const struct steps *s, struct step *step)
{
    uint32_t a = step->arg[0], b = step->arg[1];
    bool a_is_constant = steps_value(s, a), b_is_constant = steps_value(s, b);
    if (a_is_constant == b_is_constant ? a > b : a_is_constant) {
        step->arg[0] = b;
        step->arg[1] = a;
    }
}

int steps_add(struct steps *s, enum step_op op, enum step_type type, int32_t param, const uint32_t args[], uint32_t n_args,
              uint32_t *ret_step)
{
    struct step step = { .op = (uint8_t)op, .type = (uint8_t)type, .n_args = (uint8_t)n_args, .param = param };
    memcpy(step.arg, args, n_args * sizeof *args);
    bool is_constant = true;
    for (uint32_t i = 0; i < n_args; i++)
        is_constant &= steps_value(s, args[i]) != NULL;
    if (is_constant)
        return fold(s, &step, ret_step);
    if (simplified(s, &step, ret_step))
        return 0;
    if (is_symmetric(&step))
        order(s, &step);
    return find_or_add(s, &step, ret_step);
}

static int by_size(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size ? -1 : 1) : memcmp(x->at, y->at, x->size);
}

int steps_in(struct steps *s, uint32_t text, struct text *items, uint32_t n, uint32_t *ret_step)
{
    uint32_t m = 0;
    qsort(items, n, sizeof *items, by_size);
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || by_size(&items[m - 1], &items[i]) != 0)
            items[m++] = items[i];
    uint32_t which = 0;
    while (which < s->n_lists && !(s->list[which].n == m && memcmp(s->list[which].item, items, m * sizeof *items) == 0))
        which++;
    if (which == STEPS_MAX)
        return too_many(s);
    if (which == s->n_lists)
        s->list[s->n_lists++] = (struct text_list){ m, items };
    return steps_add(s, OP_IN, STEP_BOOL, (int32_t)which, &text, 1, ret_step);
}

int steps_out(struct steps *s, uint32_t step, uint32_t *ret_out)
{
    if (s->n_outs == STEPS_MAX)
        return too_many(s);
    *ret_out = s->n_outs;
    s->out[s->n_outs++] = step;
    return 0;
}

/* ---- the program --------------------------------------------------------------------------------------------------------- */

static bool is_column(const struct step *step)
{
    return step->op == OP_NUMBERS || step->op == OP_TRIED || step->op == OP_TEXTS;
}

/* What no output needs (what was simplified away) goes; the others move up. */
static void sweep(struct steps *s)
{
    static const uint32_t gone = UINT32_MAX;
    uint32_t *to = s->table, n = 0;         /* looked up no more: now it says where steps go */
    for (uint32_t i = 0; i < s->n; i++)
        to[i] = gone;
    for (uint32_t i = 0; i < s->n_outs; i++)
        to[s->out[i]] = 0;
    for (uint32_t i = s->n; i-- > 0;)
        for (uint8_t k = 0; to[i] != gone && k < s->step[i].n_args; k++)
            to[s->step[i].arg[k]] = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (to[i] == gone)
            continue;
        for (uint8_t k = 0; k < s->step[i].n_args; k++)
            s->step[i].arg[k] = to[s->step[i].arg[k]];
        s->step[n] = s->step[i];
        to[i] = n++;
    }
    for (uint32_t i = 0; i < s->n_outs; i++)
        s->out[i] = to[s->out[i]];
    s->n = n;
}

void steps_end(struct steps *s, bool is_used[])
{
    sweep(s);
    for (uint32_t i = 0; i < s->n; i++)
        if (is_column(&s->step[i]))
            is_used[s->step[i].param] = true;
}

/* A slot is free again behind the last step that needs what lies in it; not before that step has its own, so that no step writes where
 * it reads. */
static uint32_t give_slots(struct steps *s)
{
    uint32_t *last = s->table, *free_slots = s->table + STEPS_MAX, n_free = 0, n_slots = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        last[i] = i;
        for (uint8_t k = 0; k < s->step[i].n_args; k++)
            last[s->step[i].arg[k]] = i;
    }
    for (uint32_t i = 0; i < s->n_outs; i++)
        last[s->out[i]] = s->n;
    for (uint32_t i = 0; i < s->n; i++) {
        struct step *step = &s->step[i];
        if (step->op == OP_CONSTANT)
            continue;
        step->slot = n_free ? free_slots[--n_free] : n_slots++;
        for (uint8_t k = 0; k < step->n_args; k++) {
            const struct step *arg = &s->step[step->arg[k]];
            if (last[step->arg[k]] == i && arg->op != OP_CONSTANT) {
                free_slots[n_free++] = arg->slot;
                last[step->arg[k]] = UINT32_MAX;        /* once, though it may be there as several operands */
            }
        }
    }
    return n_slots;
}

static const void *copy(struct arena *arena, const void *from, size_t size)
{
    void *to = arena_alloc(arena, size);
    return to && size > 0 ? memcpy(to, from, size) : to;
}

int steps_finish(struct steps *s, const uint32_t used[], uint32_t n_used, struct program **ret_program)
{
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t k = 0;
        while (is_column(&s->step[i]) && k < n_used && used[k] != (uint32_t)s->step[i].param)
            k++;
        if (is_column(&s->step[i]))
            s->step[i].param = (int32_t)k;
    }
    struct program *program = arena_alloc(s->arena, sizeof *program);
    if (!program)
        return -ENOMEM;
    *program = (struct program){ s->n, s->n_outs, s->n_constants, s->n_lists, give_slots(s),
                                 copy(s->arena, s->step, s->n * sizeof *s->step), copy(s->arena, s->out, s->n_outs * sizeof *s->out),
                                 copy(s->arena, s->constant, s->n_constants * sizeof *s->constant),
                                 copy(s->arena, s->list, s->n_lists * sizeof *s->list) };
    if (!program->step || !program->out || !program->constant || !program->list)
        return -ENOMEM;
    *ret_program = program;
    return 0;
}
