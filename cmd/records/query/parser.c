/* parser.c - precedence climbing (T. Norvell, "Parsing Expressions by Recursive Descent" (1999)).
 *
 *     || or  <  && and  <  not  <  == != < <= > >= in is (once)  <  + -  <  * / %  <  - !  <  ^ (from the right)
 *
 * Brackets nest NESTING_MAX deep and trees are TREE_DEPTH_MAX deep at most, so no text can use up the stack. */
#include "records/query/parser.h"

#include "records/number.h"
#include "records/query/complain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum level { LEVEL_NONE, LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MULTIPLY };

static int expression(struct parser *p, enum level least, uint32_t *ret_node);
static int unary(struct parser *p, uint32_t *ret_node);

/* ---- tokens -------------------------------------------------------------------------------------------------------------- */

int parser_next(struct parser *p)
{
    p->before = p->token;
    return lexer_next(&p->lexer, &p->token);
}

int parser_begin(struct parser *p, struct tree *tree, const struct columns *columns, struct arena *arena, struct query_flaw *flaw)
{
    *p = (struct parser){ .lexer = { flaw->text, strlen(flaw->text), 0, flaw }, .tree = tree, .columns = columns, .arena = arena };
    if (p->lexer.size > QUERY_TEXT_MAX)
        return complain(flaw, QUERY_TEXT_MAX, 1, "an expression has at most %d bytes", QUERY_TEXT_MAX);
    return parser_next(p);
}

/* Two words side by side may be one column. */
static int hint_at_column(const struct parser *p)
{
    size_t at = p->before.at, size = p->token.at + p->token.size - at;
    if (p->before.kind != TOKEN_WORD || p->token.kind == TOKEN_END)
        return -EINVAL;
    for (uint32_t i = 0; i < p->columns->n; i++)
        if (strlen(p->columns->name[i]) == size && memcmp(p->columns->name[i], p->lexer.text + at, size) == 0)
            return complain_hint(p->lexer.flaw, "a column with such a name is written in back quotes: `%.*s`", (int)(size > 80 ? 80 : size),
                                 p->lexer.text + at);
    return -EINVAL;
}

int parser_unexpected(struct parser *p, const char *expected)
{
    const struct token *t = &p->token;
    if (t->kind == TOKEN_END)
        return complain(p->lexer.flaw, p->lexer.size, 1, "expected %s, and it ends here", expected);
    (void)complain(p->lexer.flaw, t->at, t->size, "expected %s, found %.*s", expected, (int)(t->size > 40 ? 40 : t->size),
                   p->lexer.text + t->at);
    return hint_at_column(p);
}

static int expect(struct parser *p, enum token_kind kind, const char *expected)
{
    return p->token.kind == kind ? parser_next(p) : parser_unexpected(p, expected);
}

/* ---- nodes --------------------------------------------------------------------------------------------------------------- */

static int too_big(struct parser *p, const char *what)
{
    const struct token *t = p->before.size ? &p->before : &p->token;
    return complain(p->lexer.flaw, t->at, t->size, "%s", what);
}

/* From byte `at` up to the token that comes next. */
static int new_node(struct parser *p, enum node_kind kind, size_t at, uint32_t *ret_node)
{
    struct tree *tree = p->tree;
    if (tree->n == NODES_MAX)
        return too_big(p, "a query has at most 20000 values and operators");
    if (tree->n == tree->room) {
        uint32_t room = tree->room ? tree->room * 2 : 64;
        struct node *more = realloc(tree->node, room * sizeof *more);
        if (!more)
            return -ENOMEM;
        tree->node = more;
        tree->room = room;
    }
    tree->node[tree->n] = (struct node){ .kind = (uint8_t)kind, .depth = 1, .first = NODE_NONE, .next = NODE_NONE, .at = at,
                                         .size = p->before.at + p->before.size - at };
    *ret_node = tree->n++;
    return 0;
}

static int adopt(struct parser *p, uint32_t parent, uint32_t child)
{
    struct node *node = p->tree->node, *to = &node[parent];
    uint32_t *link = &to->first;
    while (*link != NODE_NONE)
        link = &node[*link].next;
    *link = child;
    to->n_children++;
    if (node[child].depth >= to->depth)
        to->depth = (uint16_t)(node[child].depth + 1);
    return to->depth > TREE_DEPTH_MAX ? too_big(p, "more than 1000 operators in a row") : 0;
}

static int new_pair(struct parser *p, enum token_kind sign, uint32_t left, uint32_t right, uint32_t *ret_node)
{
    int r = new_node(p, NODE_BINARY, p->tree->node[left].at, ret_node);
    if (r == 0)
        r = adopt(p, *ret_node, left);
    if (r == 0)
        r = adopt(p, *ret_node, right);
    if (r == 0)
        p->tree->node[*ret_node].sign = (uint8_t)sign;
    return r;
}

static int new_single(struct parser *p, enum node_kind kind, size_t at, uint32_t child, uint32_t *ret_node)
{
    int r = new_node(p, kind, at, ret_node);
    return r == 0 ? adopt(p, *ret_node, child) : r;
}

static int says(struct parser *p, const struct token *token, uint32_t node)
{
    struct node *to = &p->tree->node[node];
    to->says = lexer_says(&p->lexer, token, p->arena, &to->says_size);
    return to->says ? 0 : -ENOMEM;
}

/* ---- values -------------------------------------------------------------------------------------------------------------- */

static int number(struct parser *p, uint32_t *ret_node)
{
    struct token t = p->token;
    struct value value;
    if (!number_read(p->lexer.text + t.at, t.size, '.', &value))
        return complain(p->lexer.flaw, t.at, t.size, "this number is beyond the largest there is, about 1.8e308");
    int r = parser_next(p);
    if (r == 0)
        r = new_node(p, NODE_NUMBER, t.at, ret_node);
    if (r == 0)
        p->tree->node[*ret_node].value = value;
    return r;
}

static int named(struct parser *p, enum node_kind kind, uint32_t *ret_node)
{
    struct token t = p->token;
    int r = parser_next(p);
    if (r == 0)
        r = new_node(p, kind, t.at, ret_node);
    return r == 0 ? says(p, &t, *ret_node) : r;
}

/* The bracket behind the name is the token that comes next. */
static int call(struct parser *p, uint32_t node)
{
    uint32_t first, n, depth = 1;
    int r = parser_next(p);
    if (r == 0)
        r = parser_arguments(p, &first, &n);
    if (r < 0)
        return r;
    struct node *all = p->tree->node, *to = &all[node];
    for (uint32_t i = first; i != NODE_NONE; i = all[i].next)
        depth = all[i].depth >= depth ? all[i].depth + 1u : depth;
    to->kind = NODE_CALL;
    to->first = first;
    to->n_children = n;
    to->depth = (uint16_t)depth;
    to->size = p->before.at + p->before.size - to->at;
    return depth > TREE_DEPTH_MAX ? too_big(p, "more than 1000 operators in a row") : 0;
}

static int in_brackets(struct parser *p, uint32_t *ret_node)
{
    struct token open = p->token;
    int r = parser_next(p);
    if (r == 0)
        r = expression(p, LEVEL_OR, ret_node);
    if (r < 0)
        return r;
    if (p->token.kind == TOKEN_END) {
        (void)complain(p->lexer.flaw, open.at, open.size, "this bracket is not closed");
        return -EINVAL;
    }
    r = expect(p, TOKEN_CLOSE, "an operator or )");
    if (r < 0)
        return r;
    struct node *node = &p->tree->node[*ret_node];
    node->at = open.at;
    node->size = p->before.at + p->before.size - open.at;
    return 0;
}

static int primary(struct parser *p, uint32_t *ret_node)
{
    int r;
    switch (p->token.kind) {
    case TOKEN_NUMBER:
        return number(p, ret_node);
    case TOKEN_TEXT:
        return named(p, NODE_TEXT, ret_node);
    case TOKEN_COLUMN:
        return named(p, NODE_COLUMN, ret_node);
    case TOKEN_WORD:
        r = named(p, NODE_COLUMN, ret_node);
        return r == 0 && p->token.kind == TOKEN_OPEN ? call(p, *ret_node) : r;
    case TOKEN_OPEN:
        return in_brackets(p, ret_node);
    case TOKEN_NULL:
        (void)parser_unexpected(p, "a value");
        return complain_hint(p->lexer.flaw, "what is missing is told by: x is null, x is not null");
    case TOKEN_NOT_WORD:
        (void)parser_unexpected(p, "a value");
        return complain_hint(p->lexer.flaw, "put it in brackets: (not x)");
    default:
        return parser_unexpected(p, "a value");
    }
}

int parser_arguments(struct parser *p, uint32_t *ret_first, uint32_t *ret_n)
{
    uint32_t last = NODE_NONE;
    *ret_first = NODE_NONE;
    *ret_n = 0;
    if (p->token.kind == TOKEN_CLOSE)
        return parser_next(p);
    for (;;) {
        uint32_t child;
        int r = expression(p, LEVEL_OR, &child);
        if (r < 0)
            return r;
        if (last == NODE_NONE)
            *ret_first = child;
        else
            p->tree->node[last].next = child;
        last = child;
        ++*ret_n;
        if (p->token.kind != TOKEN_COMMA)
            return expect(p, TOKEN_CLOSE, "an operator, a comma or )");
        r = parser_next(p);
        if (r < 0)
            return r;
    }
}

/* ---- operators ----------------------------------------------------------------------------------------------------------- */

static int deeper(struct parser *p)
{
    return ++p->nesting > NESTING_MAX ? complain(p->lexer.flaw, p->token.at, p->token.size, "more than %d levels of brackets and signs",
                                                 NESTING_MAX) : 0;
}

/* x ^ -y ^ z is x ^ (-(y ^ z)). */
static int power(struct parser *p, uint32_t *ret_node)
{
    uint32_t left = NODE_NONE, right;
    int r = primary(p, &left);
    *ret_node = left;
    if (r < 0 || p->token.kind != TOKEN_POWER)
        return r;
    r = parser_next(p);
    if (r == 0)
        r = unary(p, &right);
    return r == 0 ? new_pair(p, TOKEN_POWER, left, right, ret_node) : r;
}

static int unary(struct parser *p, uint32_t *ret_node)
{
    struct token sign = p->token;
    uint32_t child;
    int r = deeper(p);
    if (r < 0)
        return r;
    if (sign.kind == TOKEN_MINUS || sign.kind == TOKEN_BANG) {
        r = parser_next(p);
        if (r == 0)
            r = unary(p, &child);
        if (r == 0)
            r = new_single(p, sign.kind == TOKEN_MINUS ? NODE_NEGATE : NODE_NOT, sign.at, child, ret_node);
    } else
        r = power(p, ret_node);
    p->nesting--;
    return r;
}

static enum level level_of(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_OR:
        return LEVEL_OR;
    case TOKEN_AND:
        return LEVEL_AND;
    case TOKEN_LT: case TOKEN_LE: case TOKEN_GT: case TOKEN_GE: case TOKEN_EQ: case TOKEN_NE: case TOKEN_IN: case TOKEN_IS:
    case TOKEN_NOT_WORD:
        return LEVEL_COMPARE;
    case TOKEN_PLUS: case TOKEN_MINUS:
        return LEVEL_ADD;
    case TOKEN_TIMES: case TOKEN_DIVIDE: case TOKEN_MODULO:
        return LEVEL_MULTIPLY;
    default:
        return LEVEL_NONE;
    }
}

/* `is` is behind us: [not] null */
static int is_null(struct parser *p, uint32_t left, uint32_t *ret_node)
{
    bool is_not = p->token.kind == TOKEN_NOT_WORD;
    int r = is_not ? parser_next(p) : 0;
    if (r == 0)
        r = expect(p, TOKEN_NULL, is_not ? "null or missing" : "null, missing or not");
    return r == 0 ? new_single(p, is_not ? NODE_HAS : NODE_HAS_NOT, p->tree->node[left].at, left, ret_node) : r;
}

/* One number or text of a list. */
static int item(struct parser *p, uint32_t *ret_node)
{
    struct token sign = p->token;
    int r = sign.kind == TOKEN_MINUS ? parser_next(p) : 0;
    if (r < 0)
        return r;
    if (p->token.kind == TOKEN_TEXT && sign.kind != TOKEN_MINUS)
        return named(p, NODE_TEXT, ret_node);
    if (p->token.kind != TOKEN_NUMBER)
        return parser_unexpected(p, "a number or a text in quotes");
    r = number(p, ret_node);
    if (r == 0 && sign.kind == TOKEN_MINUS) {
        struct node *node = &p->tree->node[*ret_node];
        node->size += node->at - sign.at;
        node->at = sign.at;
        if (node->value.kind == VALUE_REAL)
            node->value.real = 0 - node->value.real;
        else
            node->value.number = -node->value.number;
    }
    return r;
}

/* `in` is behind us: (item, ...) */
static int in_list(struct parser *p, uint32_t left, bool is_negated, uint32_t *ret_node)
{
    uint32_t last = left, n = 0;
    int r = expect(p, TOKEN_OPEN, "( and a list");
    for (bool is_more = true; r == 0 && is_more; n++) {
        uint32_t node;
        r = item(p, &node);
        if (r < 0)
            return r;
        p->tree->node[last].next = node;
        last = node;
        is_more = p->token.kind == TOKEN_COMMA;
        r = is_more ? parser_next(p) : expect(p, TOKEN_CLOSE, "a comma or )");
    }
    if (r < 0)
        return r;
    r = new_single(p, NODE_IN, p->tree->node[left].at, left, ret_node);
    if (r == 0) {
        p->tree->node[*ret_node].n_children = n + 1;
        p->tree->node[*ret_node].is_negated = is_negated;
    }
    return r;
}

static int comparison(struct parser *p, uint32_t left, uint32_t *ret_node)
{
    enum token_kind sign = p->token.kind;
    uint32_t right;
    bool is_negated = sign == TOKEN_NOT_WORD;
    int r = parser_next(p);
    if (r < 0)
        return r;
    if (is_negated || sign == TOKEN_IN) {
        r = is_negated ? expect(p, TOKEN_IN, "in") : 0;
        r = r == 0 ? in_list(p, left, is_negated, ret_node) : r;
    } else if (sign == TOKEN_IS)
        r = is_null(p, left, ret_node);
    else {
        r = expression(p, LEVEL_ADD, &right);
        r = r == 0 ? new_pair(p, sign, left, right, ret_node) : r;
    }
    if (r < 0 || level_of(p->token.kind) != LEVEL_COMPARE)
        return r;
    (void)complain(p->lexer.flaw, p->token.at, p->token.size, "a comparison cannot be compared");
    return complain_hint(p->lexer.flaw, "write a < b && b < c, or put one of them in brackets");
}

static int operators(struct parser *p, enum level least, uint32_t left, uint32_t *ret_node)
{
    enum level level;
    int r = 0;
    while (r == 0 && (level = level_of(p->token.kind)) >= least && level != LEVEL_NONE) {
        if (level == LEVEL_COMPARE) {
            r = comparison(p, left, &left);
            continue;
        }
        enum token_kind sign = p->token.kind;
        uint32_t right;
        r = parser_next(p);
        if (r == 0)
            r = expression(p, level + 1, &right);
        if (r == 0)
            r = new_pair(p, sign, left, right, &left);
    }
    *ret_node = left;
    return r;
}

static int expression(struct parser *p, enum level least, uint32_t *ret_node)
{
    struct token first = p->token;
    uint32_t left;
    int r = deeper(p);
    if (r < 0)
        return r;
    if (first.kind == TOKEN_NOT_WORD && least <= LEVEL_NOT) {
        r = parser_next(p);
        if (r == 0)
            r = expression(p, LEVEL_NOT, &left);
        if (r == 0)
            r = new_single(p, NODE_NOT, first.at, left, &left);
    } else
        r = unary(p, &left);
    if (r == 0)
        r = operators(p, least, left, ret_node);
    p->nesting--;
    return r;
}

int parser_expression(struct parser *p, uint32_t *ret_node)
{
    return expression(p, LEVEL_OR, ret_node);
}

int parser_name(struct parser *p, const char **ret_name)
{
    *ret_name = NULL;
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_COLUMN)
        return 0;
    struct parser ahead = *p;
    int r = parser_next(&ahead);
    if (r < 0 || ahead.token.kind != TOKEN_EQ || ahead.token.size != 1)
        return r;
    size_t size;
    *ret_name = lexer_says(&p->lexer, &p->token, p->arena, &size);
    if (!*ret_name)
        return -ENOMEM;
    r = parser_next(&ahead);
    *p = ahead;
    return r;
}
