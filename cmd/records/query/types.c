/* types.c - from the leaves up; what is a column stays open until something needs it to be a number or a text. */
#include "records/query/types.h"

#include "records/number.h"
#include "records/query/complain.h"
#include "records/query/names.h"

#include <errno.h>
#include <string.h>

static const char *type_name(enum node_type type)
{
    static const char *const name[] = { [TYPE_NUMBER] = "a number", [TYPE_BOOL] = "a condition", [TYPE_TEXT] = "a text",
                                        [TYPE_COLUMN] = "a column" };
    return name[type];
}

static const struct node *node_of(const struct types *t, uint32_t node)
{
    return &t->tree->node[node];
}

/* ---- what is needed ------------------------------------------------------------------------------------------------------ */

/* Where a number is needed. */
static int hint_at_text(const struct types *t, const struct node *node)
{
    struct value value;
    if (node->kind != NODE_TEXT)
        return -EINVAL;
    if (names_has_column(t->columns, node->says))
        return complain_hint(t->flaw, "a column is written without quotes, or in back quotes: `%.80s`", node->says);
    if (number_read(node->says, node->says_size, '.', &value))
        return complain_hint(t->flaw, "a number is written without quotes: %.80s", node->says);
    return -EINVAL;
}

/* Where a text is needed. */
static int hint_at_number(const struct types *t, const struct node *node)
{
    if (node->kind != NODE_NUMBER)
        return -EINVAL;
    return complain_hint(t->flaw, "a text stands in quotes: '%.*s'", (int)(node->size > 40 ? 40 : node->size), t->flaw->text + node->at);
}

static int hint_at_condition(const struct types *t, const struct node *node)
{
    if (node->kind == NODE_COLUMN)
        return complain_hint(t->flaw, "compare it: %.40s != 0, %.40s is not null", node->says, node->says);
    return complain_hint(t->flaw, "compare it: x != 0");
}

bool types_whole(const struct tree *tree, uint32_t at, int32_t *ret_whole)
{
    const struct node *node = &tree->node[at], *number = node->kind == NODE_NEGATE ? &tree->node[node->first] : node;
    if (number->kind != NODE_NUMBER || number->value.kind != VALUE_NUMBER)
        return false;
    wide whole = number->value.number;
    for (uint8_t scale = number->value.scale; scale > 0 && whole % 10 == 0; scale--)
        whole /= 10;
    if (whole > INT32_MAX || number_real(whole, 0) != number_real(number->value.number, number->value.scale))
        return false;
    *ret_whole = node == number ? (int32_t)whole : -(int32_t)whole;
    return true;
}

int types_need(const struct types *t, uint32_t at, char takes)
{
    const struct node *node = node_of(t, at);
    enum node_type type = node->type;
    int32_t digits;
    if (takes == 'd') {
        if (types_whole(t->tree, at, &digits) && digits >= ROUND_LEAST && digits <= SCALE_MAX)
            return 0;
        return complain(t->flaw, node->at, node->size, "expected a whole number from %d to %d", ROUND_LEAST, SCALE_MAX);
    }
    if (takes == 'n' && type == TYPE_TEXT) {
        (void)complain(t->flaw, node->at, node->size, "expected a number, this is a text");
        return hint_at_text(t, node);
    }
    if (takes == 't' && (type == TYPE_NUMBER || type == TYPE_BOOL)) {
        (void)complain(t->flaw, node->at, node->size, "expected a text, this is %s", type_name(type));
        return hint_at_number(t, node);
    }
    if (takes == 'b' && type != TYPE_BOOL) {
        (void)complain(t->flaw, node->at, node->size, "expected a condition, this is %s", type_name(type));
        return hint_at_condition(t, node);
    }
    return 0;
}

/* ---- what is common ------------------------------------------------------------------------------------------------------ */

static bool is_numeric(enum node_type type)
{
    return type == TYPE_NUMBER || type == TYPE_BOOL;
}

/* Of two that are taken for the same; false: one is a text, the other a number. */
static bool common(enum node_type a, enum node_type b, enum node_type *ret_type)
{
    if (a == b)
        *ret_type = a;
    else if (a == TYPE_TEXT || b == TYPE_TEXT)
        *ret_type = TYPE_TEXT;
    else
        *ret_type = TYPE_NUMBER;
    return *ret_type != TYPE_TEXT || !(is_numeric(a) || is_numeric(b));
}

enum node_type types_compared(const struct tree *tree, uint32_t left, uint32_t right)
{
    enum node_type type;
    (void)common(tree->node[left].type, tree->node[right].type, &type);
    return type == TYPE_BOOL ? TYPE_NUMBER : type;
}

static int mixed(const struct types *t, const struct node *node, enum node_type other)
{
    (void)complain(t->flaw, node->at, node->size, "this is %s, where the other is %s", type_name(node->type), type_name(other));
    if (node->type == TYPE_TEXT)
        return hint_at_text(t, node);
    return hint_at_number(t, node);
}

/* An empty cell is missing, so comparing a column with the empty text would be wrong without a word. */
static int check_empty(const struct types *t, const struct node *text, const struct node *other)
{
    if (text->kind != NODE_TEXT || text->says_size > 0 || other->type != TYPE_COLUMN)
        return 0;
    (void)complain(t->flaw, text->at, text->size, "an empty cell is missing, and equals no text");
    return other->kind == NODE_COLUMN ? complain_hint(t->flaw, "write %.40s is null, or %.40s is not null", other->says, other->says)
                                      : complain_hint(t->flaw, "write x is null, or x is not null");
}

/* ---- kinds of nodes ------------------------------------------------------------------------------------------------------ */

static int check_pair(const struct types *t, struct node *node)
{
    uint32_t left = node->first, right = node_of(t, left)->next;
    const struct node *a = node_of(t, left), *b = node_of(t, right);
    enum node_type type;
    bool is_logic = node->sign == TOKEN_AND || node->sign == TOKEN_OR, is_compared = node->sign >= TOKEN_LT && node->sign <= TOKEN_NE;
    node->type = is_logic || is_compared ? TYPE_BOOL : TYPE_NUMBER;
    if (is_compared) {
        if (!common(a->type, b->type, &type))
            return mixed(t, b, a->type);
        int r = check_empty(t, b, a);
        return r == 0 ? check_empty(t, a, b) : r;
    }
    int r = types_need(t, left, is_logic ? 'b' : 'n');
    return r == 0 ? types_need(t, right, is_logic ? 'b' : 'n') : r;
}

static int check_in(const struct types *t, struct node *node)
{
    uint32_t first = node_of(t, node->first)->next;
    const struct node *left = node_of(t, node->first);
    node->type = TYPE_BOOL;
    for (uint32_t i = first; i != NODE_NONE; i = node_of(t, i)->next) {
        if (node_of(t, i)->type != node_of(t, first)->type)
            return mixed(t, node_of(t, i), node_of(t, first)->type);
        int r = check_empty(t, node_of(t, i), left);
        if (r < 0)
            return r;
    }
    enum node_type type;
    return common(left->type, node_of(t, first)->type, &type) ? 0 : mixed(t, node_of(t, first), left->type);
}

static int check_call(const struct types *t, struct node *node)
{
    const struct function *f;
    int r = names_function(node, t->flaw, &f);
    if (r < 0)
        return r;
    node->function = f;
    enum node_type same = TYPE_COLUMN;
    uint32_t i = 0;
    bool is_first = true;
    for (uint32_t arg = node->first; arg != NODE_NONE; arg = node_of(t, arg)->next, i++) {
        enum node_type type = node_of(t, arg)->type;
        if (function_takes(f, i) != 'x') {
            r = types_need(t, arg, function_takes(f, i));
            if (r < 0)
                return r;
            continue;
        }
        if (is_first)
            same = type;
        else if (!common(same, type, &same))
            return mixed(t, node_of(t, arg), is_numeric(type) ? TYPE_TEXT : TYPE_NUMBER);
        is_first = false;
    }
    if (same == TYPE_BOOL && (f->op == OP_LEAST || f->op == OP_GREATEST))
        same = TYPE_NUMBER;
    node->type = f->gives == FUNCTION_SAME ? same : f->gives;
    return 0;
}

static int check_single(const struct types *t, struct node *node)
{
    int r;
    switch (node->kind) {
    case NODE_NUMBER:
        node->type = TYPE_NUMBER;
        return 0;
    case NODE_TEXT:
        node->type = TYPE_TEXT;
        return 0;
    case NODE_COLUMN:
        node->type = TYPE_COLUMN;
        return names_column(t->columns, node, t->flaw, &node->column);
    case NODE_NEGATE:
        node->type = TYPE_NUMBER;
        return types_need(t, node->first, 'n');
    case NODE_NOT:
        node->type = TYPE_BOOL;
        r = types_need(t, node->first, 'b');
        if (r < 0 && t->flaw->text[node->at] == '!' && node_of(t, node->first)->kind == NODE_COLUMN)
            return complain_hint(t->flaw, "! binds most: write !(a == b), or a != b");
        return r;
    case NODE_BINARY:
        return check_pair(t, node);
    case NODE_IN:
        return check_in(t, node);
    case NODE_HAS: case NODE_HAS_NOT:
        node->type = TYPE_BOOL;
        return 0;
    default:
        return check_call(t, node);
    }
}

int types_check(const struct types *t, uint32_t at)
{
    struct node *node = &t->tree->node[at];
    for (uint32_t child = node->first; child != NODE_NONE; child = node_of(t, child)->next) {
        int r = types_check(t, child);
        if (r < 0)
            return r;
    }
    return check_single(t, node);
}
