/* plan.c - filter, keys and aggregates, one after the other, become two programs. */
#include "records/query/query.h"

#include "records/number.h"
#include "records/query/aggregates.h"
#include "records/query/complain.h"
#include "records/query/emit.h"
#include "records/query/names.h"
#include "records/query/parser.h"
#include "records/query/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* While a plan is made. */
struct maker {
    const struct columns *columns;
    struct arena *arena;
    struct query_flaw *flaw;
    struct tree tree;           /* of one text after the other */
    struct steps *filter, *main;
    struct plan *plan;
};

static struct types types_of(struct maker *m)
{
    return (struct types){ &m->tree, m->columns, m->flaw };
}

static int begin(struct maker *m, struct parser *p, const char *option, const char *text)
{
    *m->flaw = (struct query_flaw){ .option = option, .text = text };
    m->tree.n = 0;
    return parser_begin(p, &m->tree, m->columns, m->arena, m->flaw);
}

/* Whatever stands where a text should end. */
static int expect_end(struct parser *p, const char *expected)
{
    return p->token.kind == TOKEN_END ? 0 : parser_unexpected(p, expected);
}

/* ---- filter -------------------------------------------------------------------------------------------------------------- */

static int make_filter(struct maker *m, const char *text)
{
    struct parser p;
    uint32_t node, step, out;
    struct types types = types_of(m);
    int r = begin(m, &p, "-w", text);
    if (r == 0)
        r = parser_expression(&p, &node);
    if (r == 0)
        r = expect_end(&p, "an operator or the end");
    if (r == 0)
        r = types_check(&types, node);
    if (r == 0)
        r = types_need(&types, node, 'b');
    if (r == 0)
        r = emit(m->filter, &m->tree, node, WANT_TEXT, &step);
    return r == 0 ? steps_out(m->filter, step, &out) : r;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------- */

/* All results have names of their own, as people sort by them. */
static int check_name(struct maker *m, const char *name, size_t at, size_t size)
{
    const struct plan *plan = m->plan;
    bool is_there = false;
    for (uint32_t i = 0; i < plan->n_keys; i++)
        is_there |= strcmp(plan->key[i].name, name) == 0;
    for (uint32_t i = 0; i < plan->n_aggregates; i++)
        is_there |= strcmp(plan->aggregate[i].name, name) == 0;
    if (!is_there)
        return 0;
    (void)complain(m->flaw, at, size, "two results would be called %.60s", name);
    return complain_hint(m->flaw, "give one of them another name: NAME=...");
}

/* The text from byte `at` up to the token that comes next; a column by its own name. */
static const char *name_by_text(struct maker *m, const struct parser *p, size_t at, const struct node *node)
{
    if (node && node->kind == NODE_COLUMN)
        return arena_text(m->arena, node->says, node->says_size);
    return arena_text(m->arena, m->flaw->text + at, p->before.at + p->before.size - at);
}

static int make_key(struct maker *m, struct parser *p)
{
    struct plan_key *key = &m->plan->key[m->plan->n_keys];
    struct types types = types_of(m);
    size_t at = p->token.at;
    uint32_t node, step;
    int r = parser_name(p, &key->name);
    if (r == 0)
        r = parser_expression(p, &node);
    if (r == 0 && p->token.kind != TOKEN_COMMA)
        r = expect_end(p, "an operator, a comma or the end");
    if (r == 0)
        r = types_check(&types, node);
    if (r == 0)
        r = emit(m->main, &m->tree, node, WANT_TEXT, &step);
    if (r == 0)
        r = steps_out(m->main, step, &key->out);
    if (r < 0)
        return r;
    if (!key->name)
        key->name = name_by_text(m, p, at, &m->tree.node[node]);
    if (!key->name)
        return -ENOMEM;
    r = check_name(m, key->name, at, p->before.at + p->before.size - at);
    m->plan->n_keys += r == 0;
    return r;
}

static int make_keys(struct maker *m, const char *text)
{
    struct parser p;
    size_t most = 1;
    for (const char *at = text; *at; at++)
        most += *at == ',';
    m->plan->key = arena_alloc(m->arena, most * sizeof *m->plan->key);
    if (!m->plan->key)
        return -ENOMEM;
    int r = begin(m, &p, "-g", text);
    while (r == 0) {
        r = make_key(m, &p);
        if (r < 0 || p.token.kind == TOKEN_END)
            break;
        r = parser_next(&p);
    }
    return r;
}

/* ---- aggregates ---------------------------------------------------------------------------------------------------------- */

struct call {
    struct token name;
    const char *word;
    uint32_t first, n;          /* arguments */
    size_t at, size;            /* of all of it */
};

/* What is no call at all. */
static int no_call(struct maker *m, struct parser *p)
{
    static const char hint[] = "an aggregate is written count(), sum(x), max(x) ...";
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_COLUMN) {
        (void)parser_unexpected(p, "an aggregate");
        return complain_hint(m->flaw, "%s", hint);
    }
    size_t size;
    const char *word = lexer_says(&p->lexer, &p->token, m->arena, &size);
    if (!word)
        return -ENOMEM;
    if (aggregate_of(word, UINT32_MAX)) {
        (void)complain(m->flaw, p->token.at, p->token.size, "expected ( behind %s", word);
        return complain_hint(m->flaw, "it is written %s", aggregate_of(word, UINT32_MAX)->form);
    }
    size_t at = p->token.at, whole = p->token.size;
    (void)names_no_aggregate(word, at, m->columns, m->flaw);
    m->flaw->size = whole;
    return -EINVAL;
}

/* count(*), as SQL writes it. */
static int no_star(struct maker *m, const struct parser *p)
{
    if (p->token.kind != TOKEN_TIMES)
        return 0;
    (void)complain(m->flaw, p->token.at, p->token.size, "* is no value");
    return complain_hint(m->flaw, "the number of rows is count()");
}

static int parse_call(struct maker *m, struct parser *p, struct call *call)
{
    struct parser ahead = *p;
    int r = p->token.kind == TOKEN_WORD ? parser_next(&ahead) : 0;
    if (r < 0)
        return r;
    if (ahead.token.kind != TOKEN_OPEN || p->token.kind != TOKEN_WORD)
        return no_call(m, p);
    size_t size;
    call->name = p->token;
    call->word = lexer_says(&p->lexer, &p->token, m->arena, &size);
    if (!call->word)
        return -ENOMEM;
    *p = ahead;
    if (!aggregate_of(call->word, UINT32_MAX))
        return names_no_aggregate(call->word, call->name.at, m->columns, m->flaw);
    r = parser_next(p);
    if (r == 0)
        r = no_star(m, p);
    if (r == 0)
        r = parser_arguments(p, &call->first, &call->n);
    call->at = call->name.at;
    call->size = p->before.at + p->before.size - call->at;
    if (r < 0 || p->token.kind == TOKEN_END)
        return r;
    (void)parser_unexpected(p, "the end behind the aggregate");
    return complain_hint(m->flaw, "an aggregate stands by itself; arithmetic goes inside: sum(x * y)");
}

static int find_aggregate(struct maker *m, const struct call *call, const struct aggregate **ret_aggregate)
{
    *ret_aggregate = aggregate_of(call->word, call->n);
    if (*ret_aggregate)
        return 0;
    (void)complain(m->flaw, call->at, call->size, "%s with %u argument%s", call->word, call->n, call->n == 1 ? "" : "s");
    return complain_hint(m->flaw, "it is written %s", aggregate_of(call->word, UINT32_MAX)->form);
}

static int constant_quantile(struct maker *m, uint32_t node, double *ret_quantile)
{
    const struct node *n = &m->tree.node[node];
    uint32_t step = 0;
    int r = emit(m->main, &m->tree, node, WANT_NUMBER, &step);
    if (r < 0)
        return r;
    const struct value *value = steps_value(m->main, step);
    if (value && (value->kind == VALUE_NUMBER || value->kind == VALUE_REAL)) {
        double q = value->kind == VALUE_REAL ? value->real : number_real(value->number, value->scale);
        if (q >= 0 && q <= 1) {
            *ret_quantile = q;
            return 0;
        }
    }
    (void)complain(m->flaw, n->at, n->size, "expected a constant from 0 to 1");
    return complain_hint(m->flaw, "the 99th percentile is quantile(x, 0.99)");
}

/* An output of what argument `node` is, as its letter says. */
static int make_argument(struct maker *m, struct plan_aggregate *to, uint32_t node, char takes)
{
    struct types types = types_of(m);
    uint32_t step, text;
    int r = types_check(&types, node);
    if (r == 0 && takes != 'a' && takes != 'e')
        r = types_need(&types, node, 'n');
    if (r < 0)
        return r;
    if (takes == 'q')
        return constant_quantile(m, node, &to->quantile);
    to->is_either = takes == 'e' && m->tree.node[node].type == TYPE_COLUMN;
    r = emit(m->main, &m->tree, node, to->is_either ? WANT_TRIED : takes == 'n' ? WANT_NUMBER : WANT_TEXT, &step);
    if (r == 0)
        r = steps_out(m->main, step, &to->arg[to->n_args++]);
    if (r == 0 && to->is_either)
        r = emit(m->main, &m->tree, node, WANT_TEXT, &text);
    if (r == 0 && to->is_either)
        r = steps_out(m->main, text, &to->arg[1]);
    return r;
}

static int make_aggregate(struct maker *m, const char *text)
{
    struct plan_aggregate *to = &m->plan->aggregate[m->plan->n_aggregates];
    const struct aggregate *aggregate = NULL;
    struct parser p;
    struct call call = { .first = NODE_NONE };
    int r = begin(m, &p, "-a", text);
    if (r == 0)
        r = parser_name(&p, &to->name);
    if (r == 0)
        r = parse_call(m, &p, &call);
    if (r == 0)
        r = find_aggregate(m, &call, &aggregate);
    if (r < 0)
        return r;
    to->kind = aggregate->kind;
    to->quantile = aggregate->quantile;
    uint32_t i = 0;
    for (uint32_t node = call.first; r == 0 && node != NODE_NONE; node = m->tree.node[node].next)
        r = make_argument(m, to, node, aggregate->takes[i++]);
    if (r == 0 && !to->name)
        to->name = arena_text(m->arena, text + call.at, call.size);
    if (r == 0 && !to->name)
        r = -ENOMEM;
    if (r == 0)
        r = check_name(m, to->name, call.at, call.size);
    m->plan->n_aggregates += r == 0;
    return r;
}

/* ---- the plan ------------------------------------------------------------------------------------------------------------ */

static int make_texts(struct maker *m, const struct query *query)
{
    int r = query->filter ? make_filter(m, query->filter) : 0;
    if (r == 0 && query->keys)
        r = make_keys(m, query->keys);
    for (size_t i = 0; r == 0 && i < query->n_aggregates; i++)
        r = make_aggregate(m, query->aggregates[i]);
    return r;
}

static int use_columns(struct maker *m, const bool is_used[])
{
    struct shape *shape = &m->plan->shape;
    for (uint32_t i = 0; i < m->columns->n; i++) {
        if (!is_used[i])
            continue;
        if (shape->n_used == USED_MAX)
            return complain(m->flaw, 0, 1, "a query uses at most %d columns", USED_MAX);
        shape->used[shape->n_used++] = i;
    }
    return 0;
}

static int finish(struct maker *m, bool has_filter)
{
    bool *is_used = calloc(m->columns->n + 1, sizeof *is_used);
    if (!is_used)
        return -ENOMEM;
    struct plan *plan = m->plan;
    steps_end(m->filter, is_used);
    steps_end(m->main, is_used);
    int r = use_columns(m, is_used);
    free(is_used);
    if (r == 0 && has_filter)
        r = steps_finish(m->filter, plan->shape.used, plan->shape.n_used, &plan->filter);
    if (r == 0)
        r = steps_finish(m->main, plan->shape.used, plan->shape.n_used, &plan->main);
    plan->n_outs = m->main->n_outs;
    return r;
}

static int make(struct maker *m, const struct query *query)
{
    m->plan = arena_alloc(m->arena, sizeof *m->plan);
    m->filter = steps_new(m->arena, m->flaw);
    m->main = steps_new(m->arena, m->flaw);
    if (!m->plan || !m->filter || !m->main)
        return -ENOMEM;
    m->plan->aggregate = arena_alloc(m->arena, query->n_aggregates * sizeof *m->plan->aggregate);
    if (!m->plan->aggregate)
        return -ENOMEM;
    int r = make_texts(m, query);
    return r == 0 ? finish(m, query->filter != NULL) : r;
}

int query_plan(const struct query *query, const struct columns *columns, char delimiter, char quote, char point, bool is_lenient,
               struct arena *arena, struct plan **ret_plan, struct query_flaw *ret_flaw)
{
    *ret_flaw = (struct query_flaw){ .option = "-a", .text = "" };
    struct maker m = { .columns = columns, .arena = arena, .flaw = ret_flaw };
    int r = make(&m, query);
    if (r == 0) {
        m.plan->point = point;
        m.plan->shape.delimiter = delimiter;
        m.plan->shape.quote = quote;
        m.plan->shape.is_lenient = is_lenient;
        m.plan->shape.n_fields = columns->n;
        *ret_plan = m.plan;
    }
    steps_free(m.filter);
    steps_free(m.main);
    free(m.tree.node);
    return r;
}
