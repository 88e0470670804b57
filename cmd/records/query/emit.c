/* emit.c - from the leaves up; what is open (a column) becomes what is wanted of it. */
#include "records/query/emit.h"

#include "records/query/types.h"

#include <errno.h>
#include <string.h>

struct emitter {
    struct steps *steps;
    const struct tree *tree;
};

static int natural(struct emitter *e, uint32_t at, enum want want, uint32_t *ret_step);

/* ---- help ---------------------------------------------------------------------------------------------------------------- */

static const struct node *node_of(const struct emitter *e, uint32_t at)
{
    return &e->tree->node[at];
}

/* Flaws of the steps that follow are at this node. */
static void stand_at(struct emitter *e, uint32_t at)
{
    e->steps->at = node_of(e, at)->at;
    e->steps->size = node_of(e, at)->size;
}

static int add(struct emitter *e, uint32_t at, enum step_op op, enum step_type type, int32_t param, const uint32_t args[], uint32_t n_args,
               uint32_t *ret_step)
{
    stand_at(e, at);
    return steps_add(e->steps, op, type, param, args, n_args, ret_step);
}

static int wanted(struct emitter *e, uint32_t at, enum want want, uint32_t *ret_step)
{
    int r = natural(e, at, want, ret_step);
    if (r < 0 || want != WANT_NUMBER || e->steps->step[*ret_step].type != STEP_BOOL)
        return r;
    return add(e, at, OP_NUMBER, STEP_NUMBER, 0, (uint32_t[]){ *ret_step }, 1, ret_step);
}

static enum step_type type_of(enum want want)
{
    return want == WANT_TEXT ? STEP_TEXT : STEP_NUMBER;
}

/* ---- operators ----------------------------------------------------------------------------------------------------------- */

/* A whole exponent that is written there makes an exact power. */
static int power(struct emitter *e, uint32_t at, const uint32_t args[2], uint32_t *ret_step)
{
    const struct value *exponent = steps_value(e->steps, args[1]);
    if (exponent && exponent->kind == VALUE_NUMBER && exponent->scale == 0 && exponent->number >= 0 && exponent->number <= POWER_MAX)
        return add(e, at, OP_POWER, STEP_NUMBER, (int32_t)exponent->number, args, 1, ret_step);
    return add(e, at, OP_POW, STEP_NUMBER, 0, args, 2, ret_step);
}

static int compare(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    uint32_t left = node->first, right = node_of(e, left)->next, args[4];
    enum node_type type = types_compared(e->tree, left, right);
    int r = 0;
    if (type == TYPE_COLUMN) {
        static const enum want wants[] = { WANT_TRIED, WANT_TRIED, WANT_TEXT, WANT_TEXT };
        for (int i = 0; r == 0 && i < 4; i++)
            r = wanted(e, i % 2 ? right : left, wants[i], &args[i]);
        return r == 0 ? add(e, at, OP_COMPARE_EITHER, STEP_BOOL, node->sign - TOKEN_LT, args, 4, ret_step) : r;
    }
    enum want want = type == TYPE_TEXT ? WANT_TEXT : WANT_NUMBER;
    r = wanted(e, left, want, &args[0]);
    if (r == 0)
        r = wanted(e, right, want, &args[1]);
    return r == 0 ? add(e, at, want == WANT_TEXT ? OP_COMPARE_TEXT : OP_COMPARE, STEP_BOOL, node->sign - TOKEN_LT, args, 2, ret_step) : r;
}

static int pair(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    uint32_t args[2];
    if (node->sign >= TOKEN_LT && node->sign <= TOKEN_NE)
        return compare(e, at, ret_step);
    bool is_logic = node->sign == TOKEN_AND || node->sign == TOKEN_OR;
    for (uint32_t i = 0, child = node->first; i < 2; i++, child = node_of(e, child)->next) {
        int r = is_logic ? natural(e, child, WANT_TEXT, &args[i]) : wanted(e, child, WANT_NUMBER, &args[i]);
        if (r < 0)
            return r;
    }
    switch (node->sign) {
    case TOKEN_AND:
        return add(e, at, OP_AND, STEP_BOOL, 0, args, 2, ret_step);
    case TOKEN_OR:
        return add(e, at, OP_OR, STEP_BOOL, 0, args, 2, ret_step);
    case TOKEN_PLUS:
        return add(e, at, OP_ADD, STEP_NUMBER, 0, args, 2, ret_step);
    case TOKEN_MINUS:
        return add(e, at, OP_SUB, STEP_NUMBER, 0, args, 2, ret_step);
    case TOKEN_TIMES:
        return add(e, at, OP_MUL, STEP_NUMBER, 0, args, 2, ret_step);
    case TOKEN_DIVIDE:
        return add(e, at, OP_DIV, STEP_NUMBER, 0, args, 2, ret_step);
    case TOKEN_MODULO:
        return add(e, at, OP_MOD, STEP_NUMBER, 0, args, 2, ret_step);
    default:
        return power(e, at, args, ret_step);
    }
}

static int in_numbers(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    uint32_t first = node_of(e, at)->first, args[2], equal, any = 0;
    int r = wanted(e, first, WANT_NUMBER, &args[0]);
    for (uint32_t item = node_of(e, first)->next; r == 0 && item != NODE_NONE; item = node_of(e, item)->next) {
        bool is_first = item == node_of(e, first)->next;
        r = steps_constant(e->steps, &node_of(e, item)->value, &args[1]);
        if (r == 0)
            r = add(e, at, OP_COMPARE, STEP_BOOL, COMPARE_EQ, args, 2, &equal);
        if (r == 0 && !is_first)
            r = add(e, at, OP_OR, STEP_BOOL, 0, (uint32_t[]){ any, equal }, 2, &equal);
        any = equal;
    }
    *ret_step = any;
    return r;
}

static int in_texts(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    uint32_t first = node_of(e, at)->first, n = 0, text;
    struct text *items = arena_alloc(e->steps->arena, node_of(e, at)->n_children * sizeof *items);
    if (!items)
        return -ENOMEM;
    for (uint32_t item = node_of(e, first)->next; item != NODE_NONE; item = node_of(e, item)->next)
        items[n++] = (struct text){ node_of(e, item)->says, node_of(e, item)->says_size };
    int r = wanted(e, first, WANT_TEXT, &text);
    stand_at(e, at);
    return r == 0 ? steps_in(e->steps, text, items, n, ret_step) : r;
}

static int in(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    bool is_text = node_of(e, node_of(e, node->first)->next)->kind == NODE_TEXT;
    int r = is_text ? in_texts(e, at, ret_step) : in_numbers(e, at, ret_step);
    return r == 0 && node->is_negated ? add(e, at, OP_NOT, STEP_BOOL, 0, (uint32_t[]){ *ret_step }, 1, ret_step) : r;
}

/* ---- functions ----------------------------------------------------------------------------------------------------------- */

static int emit_least(struct emitter *e, uint32_t at, enum want want, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    uint32_t args[2];
    int r = wanted(e, node->first, want, &args[0]);
    for (uint32_t child = node_of(e, node->first)->next; r == 0 && child != NODE_NONE; child = node_of(e, child)->next) {
        r = wanted(e, child, want, &args[1]);
        if (r == 0)
            r = add(e, at, node->function->op, type_of(want), 0, args, 2, &args[0]);
    }
    *ret_step = args[0];
    return r;
}

/* Conditions stay conditions where all of them are. */
static int alternative(struct emitter *e, uint32_t at, enum node_type type, enum want want, uint32_t *ret_step)
{
    return type == TYPE_BOOL ? natural(e, at, want, ret_step) : wanted(e, at, want, ret_step);
}

static enum step_type alternative_type(enum node_type type, enum want want)
{
    return type == TYPE_BOOL ? STEP_BOOL : type_of(want);
}

static int emit_if(struct emitter *e, uint32_t at, enum want want, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    uint32_t second = node_of(e, node->first)->next, third = node_of(e, second)->next, args[3];
    int r = natural(e, node->first, WANT_TEXT, &args[0]);
    if (r == 0)
        r = alternative(e, second, node->type, want, &args[1]);
    if (r == 0)
        r = alternative(e, third, node->type, want, &args[2]);
    return r == 0 ? add(e, at, OP_IF, alternative_type(node->type, want), 0, args, 3, ret_step) : r;
}

/* coalesce(a, b, c) is if(a is present, a, if(b is present, b, c)). Numbers that are only tried may be missing in a cell that is there:
 * so its text is asked. */
static int emit_coalesce(struct emitter *e, uint32_t at, uint32_t child, enum want want, uint32_t *ret_step)
{
    enum node_type type = node_of(e, at)->type;
    uint32_t rest = node_of(e, child)->next, args[3], asked;
    int r = alternative(e, child, type, want, &args[1]);
    *ret_step = args[1];
    if (r < 0 || rest == NODE_NONE)
        return r;
    asked = args[1];
    if (want == WANT_TRIED)
        r = natural(e, child, WANT_TEXT, &asked);
    if (r == 0)
        r = add(e, at, OP_HAS, STEP_BOOL, 0, &asked, 1, &args[0]);
    if (r == 0)
        r = emit_coalesce(e, at, rest, want, &args[2]);
    return r == 0 ? add(e, at, OP_IF, alternative_type(type, want), 0, args, 3, ret_step) : r;
}

static int emit_plain(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    const struct function *f = node->function;
    uint32_t args[STEP_ARGS], n = 0;
    int32_t digits = 0;
    for (uint32_t child = node->first, i = 0; child != NODE_NONE; child = node_of(e, child)->next, i++) {
        char takes = function_takes(f, i);
        int r = 0;
        if (takes == 'd')
            (void)types_whole(e->tree, child, &digits);
        else
            r = wanted(e, child, takes == 'n' ? WANT_NUMBER : WANT_TEXT, &args[n++]);
        if (r < 0)
            return r;
    }
    if (f->op == OP_POW)
        return power(e, at, args, ret_step);
    return add(e, at, f->op, f->gives, digits, args, n, ret_step);
}

static int call(struct emitter *e, uint32_t at, enum want want, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    if (node->type == TYPE_TEXT)
        want = WANT_TEXT;
    else if (node->type != TYPE_COLUMN)
        want = WANT_NUMBER;
    if (node->function->op == OPS_N)
        return emit_coalesce(e, at, node->first, want, ret_step);
    if (node->function->op == OP_IF)
        return emit_if(e, at, want, ret_step);
    if (node->function->gives == FUNCTION_SAME)
        return emit_least(e, at, want, ret_step);
    return emit_plain(e, at, ret_step);
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

static int has(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    int r = natural(e, node->first, WANT_TEXT, ret_step);
    if (r == 0)
        r = add(e, at, OP_HAS, STEP_BOOL, 0, (uint32_t[]){ *ret_step }, 1, ret_step);
    if (r == 0 && node->kind == NODE_HAS_NOT)
        r = add(e, at, OP_NOT, STEP_BOOL, 0, (uint32_t[]){ *ret_step }, 1, ret_step);
    return r;
}

static int single(struct emitter *e, uint32_t at, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    bool is_not = node->kind == NODE_NOT;
    int r = is_not ? natural(e, node->first, WANT_TEXT, ret_step) : wanted(e, node->first, WANT_NUMBER, ret_step);
    return r == 0 ? add(e, at, is_not ? OP_NOT : OP_NEG, is_not ? STEP_BOOL : STEP_NUMBER, 0, (uint32_t[]){ *ret_step }, 1, ret_step) : r;
}

/* A condition stays one. */
static int natural(struct emitter *e, uint32_t at, enum want want, uint32_t *ret_step)
{
    const struct node *node = node_of(e, at);
    stand_at(e, at);
    switch (node->kind) {
    case NODE_NUMBER:
        return steps_constant(e->steps, &node->value, ret_step);
    case NODE_TEXT:
        return steps_constant(e->steps, &(struct value){ .kind = VALUE_TEXT, .text = { node->says, node->says_size } }, ret_step);
    case NODE_COLUMN:
        return steps_column(e->steps, want == WANT_TEXT ? OP_TEXTS : want == WANT_TRIED ? OP_TRIED : OP_NUMBERS, node->column, ret_step);
    case NODE_NEGATE: case NODE_NOT:
        return single(e, at, ret_step);
    case NODE_BINARY:
        return pair(e, at, ret_step);
    case NODE_IN:
        return in(e, at, ret_step);
    case NODE_HAS: case NODE_HAS_NOT:
        return has(e, at, ret_step);
    default:
        return call(e, at, want, ret_step);
    }
}

int emit(struct steps *steps, const struct tree *tree, uint32_t node, enum want want, uint32_t *ret_step)
{
    struct emitter e = { steps, tree };
    return wanted(&e, node, want, ret_step);
}
