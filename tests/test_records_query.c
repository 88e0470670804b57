/* records/query: what texts of a query become, and what is said of those that are none. */
#include "harness.h"
#include "records/eval/program.h"
#include "records/number.h"
#include "records/query/query.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- plans --------------------------------------------------------------------------------------------------------------- */

static const char *const names[] = { "a", "b", "c", "quantity", "unit_price", "country", "unit price", "2024", "x`y", "twin", "twin",
                                     ("gr\xc3\xb6\xc3\x9f" "e") };
static const struct columns columns = { sizeof names / sizeof *names, names };
static char memory[1 << 20];
static struct arena arena;
static struct query_flaw flaw;
static struct plan *plan;

static int plan_of(const char *filter, const char *keys, const char *aggregate)
{
    const char *aggregates[] = { aggregate };
    struct query query = { filter, keys, aggregates, aggregate ? 1 : 0 };
    arena = arena_in(memory, sizeof memory);
    plan = NULL;
    return query_plan(&query, &columns, ',', '"', '.', false, &arena, &plan, &flaw);
}

static void must_plan(const char *filter, const char *keys, const char *aggregate)
{
    int r = plan_of(filter, keys, aggregate);
    ck_assert_msg(r == 0, "%s | %s | %s: %d %s (%zu, %zu)", filter, keys, aggregate, r, flaw.what, flaw.at, flaw.size);
}

static const struct step *out_step(uint32_t out)
{
    return &plan->main->step[plan->main->out[out]];
}

/* ---- constants: what an expression of constants is, as text --------------------------------------------------------------- */

static const char *worth(const char *expression)
{
    static char buf[NUMBER_TEXT + 1];
    char keys[256];
    snprintf(keys, sizeof keys, "k=%s", expression);
    must_plan(NULL, keys, NULL);
    ck_assert_msg(out_step(0)->op == OP_CONSTANT, "%s is no constant", expression);
    const struct value *value = &plan->main->constant[out_step(0)->param];
    if (value->kind == VALUE_BOOL)
        return value->truth ? "true" : "false";
    if (value->kind == VALUE_TEXT)
        snprintf(buf, sizeof buf, "'%.*s'", (int)value->text.size, value->text.at);
    else
        buf[number_write(value, buf)] = '\0';
    return buf;
}

START_TEST(operators_bind_as_in_c_and_a_power_most)
{
    static const struct { const char *expression, *worth; } cases[] = {
        { "1+2*3", "7" }, { "(1+2)*3", "9" }, { "10-4-3", "3" }, { "100/10/5", "2" }, { "2^3^2", "512" }, { "-2^2", "-4" },
        { "(-2)^2", "4" },
        { "2^-1", "0.5" }, { "2^-2^2", "0.0625" }, { "-2*-3", "6" }, { "- -5", "5" }, { "7%4*2", "6" }, { "1+2 < 4", "true" },
        { "1 < 2 && 2 < 1 || 1 == 1", "true" }, { "1 == 1 || 1 == 1 && 1 == 2", "true" }, { "!(1 < 2)", "false" }, { "not 1 == 2", "true" },
        { "not 1 = 2 AND 2 = 2", "true" }, { "NOT NOT 1=1", "true" }, { "!(1=2) && 1<>2", "true" }, { "1 != 1", "false" },
        { "1 <> 2", "true" },
        { "3 in (1, 2, 3)", "true" }, { "3 not in (1, 2, -3)", "true" }, { "-3 in (1,-3)", "true" }, { "'b' in ('a','b')", "true" },
        { "'c' NOT IN (\"a\", 'b')", "true" }, { "1 is null", "false" }, { "1 is not null", "true" }, { "1 is missing", "false" },
        { "1 Is Not Missing", "true" }, { "(1 < 2) + 1", "2" }, { "(1 < 2) == (3 < 4)", "true" }, { "1 + 1 in (2)", "true" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(strcmp(worth(cases[i].expression), cases[i].worth) == 0, "%s is %s", cases[i].expression, worth(cases[i].expression));
}
END_TEST

START_TEST(constants_are_worked_out_exactly_when_the_plan_is_made)
{
    static const struct { const char *expression, *worth; } cases[] = {
        { "0.1+0.2", "0.3" }, { "0.1*3 == 0.3", "true" }, { "1.50", "1.5" }, { ".5", "0.5" }, { "5.", "5" }, { "1e3", "1000" },
        { "2.5E-1", "0.25" },
        { "9223372036854775807+1", "9223372036854775808" },
        { "9223372036854775807*9223372036854775807", "85070591730234615847396907784232501249" },
        { "99999999999999999999999999999999999999+0", "99999999999999999999999999999999999999" }, { "2^64", "18446744073709551616" },
        { "1.1^2", "1.21" },
        { "abs(-3.5)", "3.5" }, { "floor(-2.5)", "-3" }, { "ceil(-2.5)", "-2" }, { "round(2.5)", "3" }, { "round(-2.5)", "-3" },
        { "round(2.345, 2)", "2.35" }, { "round(1250, -2)", "1300" }, { "round(-1250, -2)", "-1300" }, { "sqrt(16)", "4" },
        { "5.5 % 2", "1.5" },
        { "-5.5 % 2", "-1.5" }, { "5 % -3", "2" }, { "least(3, 1.5, 2)", "1.5" }, { "greatest('a', 'b')", "'b'" },
        { "if(1<2, 'x', 'y')", "'x'" },
        { "coalesce(1, 2)", "1" }, { "length('gr\xc3\xb6\xc3\x9f')", "4" }, { "lower('ABC')", "'abc'" }, { "upper('a1z')", "'A1Z'" },
        { "substr('hello', 2, 3)", "'ell'" }, { "substr('hello', 2)", "'ello'" }, { "substr('hello', 0, 2)", "'h'" },
        { "substr('\xc3\xb6x', 2)", "'x'" },
        { "starts_with('abc', 'ab')", "true" }, { "contains('abc', 'x')", "false" }, { "year('2024-05-01')", "2024" },
        { "month('2024-05-01T10:20:30Z')", "5" }, { "day('2024-02-29 10:20')", "29" }, { "hour('2024-05-01 23:59:60.5+02:00')", "23" },
        { "hour('2024-05-01')", "0" }, { "'it''s'", "'it's'" }, { "\"a\"\"b\"", "'a\"b'" }, { "pow(2, 10)", "1024" },
        { "pow(2, 0.5) ^ 2 > 1.99", "true" },
        { "1 in (1.0)", "true" }, { "'a' < 'B'", "false" }, { "'a' < 'ab'", "true" }, { "0 * -1.5", "0" },
        { "1e300 * 1e-300 == 1", "true" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(strcmp(worth(cases[i].expression), cases[i].worth) == 0, "%s is %s", cases[i].expression, worth(cases[i].expression));
}
END_TEST

/* ---- steps --------------------------------------------------------------------------------------------------------------- */

START_TEST(what_is_written_twice_is_one_step)
{
    must_plan(NULL, "x=a*b+c, y=(a * b) + `c`, z=c+b*a", NULL);
    ck_assert_uint_eq(plan->main->out[0], plan->main->out[1]);
    ck_assert_uint_eq(plan->main->out[0], plan->main->out[2]);
    ck_assert_uint_eq(plan->main->n_steps, 5);      /* three columns, * and + */
    must_plan(NULL, "x=a-b, y=b-a", NULL);
    ck_assert_uint_ne(plan->main->out[0], plan->main->out[1]);
}
END_TEST

START_TEST(a_column_is_read_once_as_a_number_and_once_as_a_text)
{
    must_plan("quantity > 5 && quantity < 10 && country == 'DE'", "country, q=quantity, r=quantity*2", "max(quantity)");
    uint32_t numbers = 0, texts = 0;
    for (uint32_t i = 0; i < plan->main->n_steps; i++) {
        numbers += plan->main->step[i].op == OP_NUMBERS || plan->main->step[i].op == OP_TRIED;
        texts += plan->main->step[i].op == OP_TEXTS;
    }
    ck_assert_uint_eq(numbers, 1);
    ck_assert_uint_eq(texts, 2);
    const struct plan_aggregate *max = &plan->aggregate[0];
    ck_assert(max->is_either && out_step(max->arg[0])->op == OP_NUMBERS && out_step(max->arg[1])->op == OP_TEXTS);
    must_plan(NULL, NULL, "max(quantity)");
    ck_assert_int_eq(out_step(plan->aggregate[0].arg[0])->op, OP_TRIED);        /* nobody needs numbers */
}
END_TEST

START_TEST(the_shape_has_the_columns_of_filter_and_results_in_order)
{
    must_plan("country == 'DE'", "c", "sum(a * quantity)");
    ck_assert_uint_eq(plan->shape.n_fields, columns.n);
    ck_assert_uint_eq(plan->shape.n_used, 4);
    static const uint32_t used[] = { 0, 2, 3, 5 };
    ck_assert_mem_eq(plan->shape.used, used, sizeof used);
    ck_assert(plan->shape.delimiter == ',' && plan->shape.quote == '"' && plan->point == '.');
    ck_assert_int_eq(plan->filter->step[0].param, 3);       /* country among the used */
    must_plan("1 < 2 || b > 3", NULL, "count()");           /* what is simplified away is not read */
    ck_assert_uint_eq(plan->shape.n_used, 0);
}
END_TEST

START_TEST(slots_are_used_again_and_never_by_two_that_are_needed)
{
    must_plan(NULL, "k=((a+1)*2-3)*4+((b+5)*6-7)*8", NULL);
    ck_assert_uint_le(plan->main->n_slots, 4);
    must_plan(NULL, "k=if(a>b, a+b*c, least(a, b-c, quantity)) ^ 2 + a, l=a*b, m=a+b+c", NULL);
    const struct program *p = plan->main;
    for (uint32_t i = 0; i < p->n_steps; i++)
        for (uint32_t user = i + 1; user < p->n_steps; user++)
            for (uint8_t k = 0; k < p->step[user].n_args; k++) {
                if (p->step[user].arg[k] != i || p->step[i].op == OP_CONSTANT)
                    continue;
                for (uint32_t between = i + 1; between <= user; between++)
                    ck_assert(p->step[between].op == OP_CONSTANT || p->step[between].slot != p->step[i].slot);
            }
}
END_TEST

/* ---- types --------------------------------------------------------------------------------------------------------------- */

static enum step_op op_of(const char *key)
{
    char keys[256];
    snprintf(keys, sizeof keys, "k=%s", key);
    must_plan(NULL, keys, NULL);
    return out_step(0)->op;
}

START_TEST(a_column_is_what_is_needed_of_it)
{
    ck_assert_int_eq(op_of("a"), OP_TEXTS);
    ck_assert_int_eq(op_of("a == 'x'"), OP_COMPARE_TEXT);
    ck_assert_int_eq(op_of("a == 1"), OP_COMPARE);
    ck_assert_int_eq(op_of("a == b"), OP_COMPARE_EITHER);
    ck_assert_int_eq(op_of("a == lower(b)"), OP_COMPARE_TEXT);
    ck_assert_int_eq(op_of("a == b + 0"), OP_COMPARE);
    ck_assert_int_eq(op_of("least(a, b) < if(a is null, b, c)"), OP_COMPARE_EITHER);
    ck_assert_int_eq(op_of("least(a, b) < 3"), OP_COMPARE);
    ck_assert_int_eq(op_of("a in ('x', 'y')"), OP_IN);
    ck_assert_int_eq(op_of("a in (1, 2)"), OP_OR);
    ck_assert_int_eq(op_of("a is null"), OP_NOT);
    ck_assert_int_eq(op_of("(a < 1) == (b < 1)"), OP_COMPARE);
    ck_assert_int_eq(op_of("least(a, b)"), OP_LEAST);
    ck_assert_int_eq(out_step(0)->type, STEP_TEXT);
    ck_assert_int_eq(op_of("least(a, 1)"), OP_LEAST);
    ck_assert_int_eq(out_step(0)->type, STEP_NUMBER);
    ck_assert_int_eq(op_of("if(a < 1, b < 1, c < 1)"), OP_IF);
    ck_assert_int_eq(out_step(0)->type, STEP_BOOL);
    ck_assert_int_eq(op_of("if(a < 1, b < 1, 5)"), OP_IF);
    ck_assert_int_eq(out_step(0)->type, STEP_NUMBER);
    ck_assert_int_eq(op_of("a ^ 2"), OP_POWER);
    ck_assert_int_eq(op_of("a ^ (1 + 1)"), OP_POWER);
    ck_assert_int_eq(op_of("a ^ 2.5"), OP_POW);
    ck_assert_int_eq(op_of("a ^ b"), OP_POW);
}
END_TEST

/* ---- names and aggregates ------------------------------------------------------------------------------------------------ */

START_TEST(results_have_their_text_or_the_name_that_they_are_given)
{
    must_plan(NULL, "country, `unit price`, b = floor(unit_price/5), a + b", " rev = sum( quantity*unit_price )");
    ck_assert_uint_eq(plan->n_keys, 4);
    ck_assert_str_eq(plan->key[0].name, "country");
    ck_assert_str_eq(plan->key[1].name, "unit price");
    ck_assert_str_eq(plan->key[2].name, "b");
    ck_assert_str_eq(plan->key[3].name, "a + b");
    ck_assert_str_eq(plan->aggregate[0].name, "rev");
    must_plan(NULL, NULL, "  sum( quantity*unit_price )  ");
    ck_assert_str_eq(plan->aggregate[0].name, "sum( quantity*unit_price )");
    must_plan(NULL, "a == b", NULL);
    ck_assert_str_eq(plan->key[0].name, "a == b");
    must_plan(NULL, "x=a == b", NULL);
    ck_assert_str_eq(plan->key[0].name, "x");
    must_plan(NULL, "`x``y`, `2024`, gr\xc3\xb6\xc3\x9f" "e", NULL);
    ck_assert_str_eq(plan->key[0].name, "x`y");
    ck_assert_uint_eq(plan->shape.n_used, 3);
}
END_TEST

START_TEST(each_aggregate_has_its_kind_and_its_arguments)
{
    static const struct { const char *text; enum aggregate_kind kind; uint32_t n_args; bool is_either; double quantile; } cases[] = {
        { "count()", AGG_ROWS, 0, false, 0 }, { "count(a)", AGG_COUNT, 1, false, 0 }, { "count(a > 1)", AGG_COUNT, 1, false, 0 },
        { "sum(a)", AGG_SUM, 1, false, 0 }, { "sum(a > 3)", AGG_SUM, 1, false, 0 }, { "mean(a)", AGG_MEAN, 1, false, 0 },
        { "min(a)", AGG_MIN, 1, true, 0 }, { "max(a+1)", AGG_MAX, 1, false, 0 }, { "max(lower(a))", AGG_MAX, 1, false, 0 },
        { "max(if(a > 1, b, c))", AGG_MAX, 1, true, 0 }, { "variance(a)", AGG_VARIANCE, 1, false, 0 },
        { "variance_pop(a)", AGG_VARIANCE_POP, 1, false, 0 }, { "stddev(a)", AGG_STDDEV, 1, false, 0 },
        { "stddev_pop(a)", AGG_STDDEV_POP, 1, false, 0 },
        { "quantile(a, 0.99)", AGG_QUANTILE, 1, false, 0.99 }, { "quantile(a, 99/100)", AGG_QUANTILE, 1, false, 0.99 },
        { "quantile(a, 1)", AGG_QUANTILE, 1, false, 1 }, { "median(a)", AGG_QUANTILE, 1, false, 0.5 },
        { "distinct(a)", AGG_DISTINCT, 1, false, 0 },
        { "corr(a, b)", AGG_CORR, 2, false, 0 }, { "covar(a, b)", AGG_COVAR, 2, false, 0 },
        { "covar_pop(a, b)", AGG_COVAR_POP, 2, false, 0 },
        { "slope(a, b)", AGG_SLOPE, 2, false, 0 }, { "intercept(a, b)", AGG_INTERCEPT, 2, false, 0 }, { "r2(a, b)", AGG_R2, 2, false, 0 },
        { "first(a)", AGG_FIRST, 1, true, 0 }, { "last(a)", AGG_LAST, 1, true, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_plan(NULL, NULL, cases[i].text);
        const struct plan_aggregate *got = &plan->aggregate[0];
        ck_assert_msg(got->kind == cases[i].kind && got->n_args == cases[i].n_args && got->is_either == cases[i].is_either &&
                      got->quantile == cases[i].quantile, "%s", cases[i].text);
        if (got->kind == AGG_SUM)
            ck_assert_int_eq(out_step(got->arg[0])->type, STEP_NUMBER);
    }
    must_plan(NULL, NULL, "distinct(a)");
    ck_assert_int_eq(out_step(plan->aggregate[0].arg[0])->op, OP_TEXTS);
}
END_TEST

START_TEST(all_functions_and_aggregates_can_be_listed_and_written_as_they_are_shown)
{
    const char *name, *form, *help;
    for (size_t i = 0; (name = query_aggregate(i, &form, &help)); i++) {
        static const char *const arguments[][2] = { { "()", "()" }, { "(x)", "(a)" }, { "(y, x)", "(b, a)" }, { "(x, q)", "(a, 1)" } };
        size_t k = 0;
        while (strcmp(arguments[k][0], form + strlen(name)) != 0)
            ck_assert(++k < 4);
        char text[64];
        snprintf(text, sizeof text, "%s%s", name, arguments[k][1]);
        must_plan(NULL, NULL, text);
        ck_assert(strlen(help) > 3 && strncmp(form, name, strlen(name)) == 0);
    }
    for (size_t i = 0; (name = query_function(i, &form, &help)); i++)
        ck_assert(strlen(help) > 3 && strncmp(form, name, strlen(name)) == 0 && form[strlen(name)] == '(');
}
END_TEST

/* ---- flaws --------------------------------------------------------------------------------------------------------------- */

/* caret: '^' under the flaw, as long as it is. */
struct wrong { const char *text, *caret, *what, *hint; };

static void check_wrong(char option, const struct wrong *w)
{
    int r = option == 'w' ? plan_of(w->text, NULL, NULL) : option == 'g' ? plan_of(NULL, w->text, NULL) : plan_of(NULL, NULL, w->text);
    ck_assert_msg(r == -EINVAL, "%s: %d", w->text, r);
    ck_assert_msg(flaw.option[0] == '-' && flaw.option[1] == option && flaw.text == w->text, "%s: %s", w->text, flaw.option);
    ck_assert_msg(flaw.at == strspn(w->caret, " ") && flaw.size == strlen(w->caret) - flaw.at, "%s: at %zu, %zu: %s",
                  w->text, flaw.at, flaw.size, flaw.what);
    ck_assert_msg(strstr(flaw.what, w->what), "%s: %s", w->text, flaw.what);
    ck_assert_msg(w->hint ? strstr(flaw.hint, w->hint) != NULL : flaw.hint[0] == '\0', "%s: %s: hint: %s", w->text, flaw.what, flaw.hint);
}
#define CHECK_WRONG(option, cases) \
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) \
        check_wrong(option, &cases[i])

START_TEST(a_flaw_of_syntax_is_told_with_its_place)
{
    static const struct wrong cases[] = {
        { "", "^", "expected a value, and it ends here", NULL },
        { "a >", "   ^", "expected a value, and it ends here", NULL },
        { "a > )", "    ^", "expected a value, found )", NULL },
        { "(a > 1", "^", "this bracket is not closed", NULL },
        { "a > 1)", "     ^", "expected an operator or the end, found )", NULL },
        { "a > 1 b", "      ^", "expected an operator or the end, found b", NULL },
        { "unit price > 1", "     ^^^^^", "expected an operator", "`unit price`" },
        { "a < b < c", "      ^", "a comparison cannot be compared", "a < b && b < c" },
        { "a == b != c", "       ^^", "a comparison cannot be compared", "brackets" },
        { "a in (1) in (2)", "         ^^", "a comparison cannot be compared", "brackets" },
        { "a is null == b", "          ^^", "a comparison cannot be compared", "brackets" },
        { "a in 1", "     ^", "expected ( and a list, found 1", NULL },
        { "a in ()", "      ^", "expected a number or a text in quotes, found )", NULL },
        { "a in (1, b)", "         ^", "expected a number or a text in quotes, found b", NULL },
        { "a in (1 2)", "        ^", "expected a comma or )", NULL },
        { "a in (-'x')", "       ^^^", "expected a number or a text in quotes", NULL },
        { "a is 5", "     ^", "expected null, missing or not, found 5", NULL },
        { "a is not 5", "         ^", "expected null or missing, found 5", NULL },
        { "a not b", "      ^", "expected in, found b", NULL },
        { "null == a", "^^^^", "expected a value, found null", "is null" },
        { "a + not b", "    ^^^", "expected a value, found not", "brackets" },
        { "a ** 2 > 1", "  ^^", "'**' is no part", "x ^ y" },
        { "a & b", "  ^", "'&' is no part", "&&" },
        { "a === b", "  ^^^", "'===' is no part", "==" },
        { "a =~ 'x'", "  ^^", "'=~' is no part", "contains" },
        { "a => 5", "  ^^", "'=>' is no part", ">=" },
        { "a // 5", "  ^^", "'//' is no part", "floor" },
        { "a.b > 1", " ^", "'.' is no part", "back quotes" },
        { "a \\ 5", "  ^", "'\\' is no part", NULL },
        { "a \x01 5", "  ^", "a control character", NULL },
        { "a == 'x", "     ^^", "the text that begins here does not end", "''" },
        { "a == \"x''", "     ^^^^", "the text that begins here does not end", "\"\"" },
        { "`a > 5", "^^^^^^", "the name that begins here does not end", "``" },
        { "`` > 5", "^^", "expected a column's name", NULL },
        { "5x > 1", "^^", "this is no number", "`5x`" },
        { "1.2.3 > 1", "^^^^^", "this is no number", "back quotes" },
        { "a > 1e999", "    ^^^^^", "beyond the largest", NULL },
        { "a > 1/0", "    ^^^", "this has no value", NULL },
        { "a > sqrt(-1)", "    ^^^^^^^^", "this has no value", NULL },
        { "a > 10^400", "    ^^^^^^", "this has no value", NULL },
        { "year('x') > 1", "^^^^^^^^^", "expected a timestamp, found 'x'", NULL },
        { "abs(a > 1", "         ^", "expected an operator, a comma or )", NULL },
        { "abs(a,) > 1", "      ^", "expected a value, found )", NULL },
    };
    CHECK_WRONG('w', cases);
}
END_TEST

START_TEST(a_name_that_is_none_is_told_with_the_nearest)
{
    static const struct wrong cases[] = {
        { "quantiti > 1", "^^^^^^^^", "there is no column quantiti", "did you mean quantity?" },
        { "QUANTITY > 1", "^^^^^^^^", "there is no column QUANTITY", "did you mean quantity?" },
        { "`unit prise` > 1", "^^^^^^^^^^^^", "there is no column unit prise", "did you mean `unit price`?" },
        { "nothing_like > 1", "^^^^^^^^^^^^", "there is no column", "the columns are a, b, c, quantity" },
        { "twin > 1", "^^^^", "2 columns are called twin", "header" },
        { "a > sqrt", "    ^^^^", "there is no column sqrt", "sqrt(x)" },
        { "sqr(a) > 1", "^^^", "there is no function sqr", "sqrt(x)" },
        { "SQRT(a) > 1", "^^^^", "there is no function SQRT", "sqrt(x)" },
        { "log(a) > 1", "^^^", "there is no function log", "ln(x)" },
        { "frobnicate(a) > 1", "^^^^^^^^^^", "there is no function frobnicate", "there are abs" },
        { "sum(a) > 1", "^^^", "sum is an aggregate", NULL },
        { "max(a, b) > 1", "^^^", "max is an aggregate", "greatest(a, b)" },
        { "atan2(a) > 1", "^^^^^^^^", "atan2 with 1 argument", "atan2(y, x)" },
        { "abs() > 1", "^^^^^", "abs with 0 arguments", "abs(x)" },
        { "if(a > 1, 2) > 1", "^^^^^^^^^^^^", "if with 2 arguments", "if(condition, a, b)" },
        { "least(a) > 1", "^^^^^^^^", "least with 1 argument", "least(a, b, ...)" },
        { "round(a, 1, 2) > 1", "^^^^^^^^^^^^^^", "round with 3 arguments", "round(x[, digits])" },
    };
    CHECK_WRONG('w', cases);
}
END_TEST

START_TEST(a_flaw_of_types_is_told_under_the_operand)
{
    static const struct wrong cases[] = {
        { "quantity", "^^^^^^^^", "expected a condition, this is a column", "quantity != 0" },
        { "a + 1", "^^^^^", "expected a condition, this is a number", "x != 0" },
        { "'x'", "^^^", "expected a condition, this is a text", "x != 0" },
        { "a > 1 && b", "         ^", "expected a condition, this is a column", "b != 0" },
        { "!a", " ^", "expected a condition", "!(a == b)" },
        { "!a == 1", " ^", "expected a condition", "!(a == b)" },
        { "a + 'x' > 1", "    ^^^", "expected a number, this is a text", NULL },
        { "a + '5' > 1", "    ^^^", "expected a number, this is a text", "without quotes: 5" },
        { "\"quantity\" + 1 > 2", "^^^^^^^^^^", "expected a number, this is a text", "without quotes" },
        { "(lower(a)) * 2 > 1", "^^^^^^^^^^", "expected a number, this is a text", NULL },
        { "-'x' > 1", " ^^^", "expected a number, this is a text", NULL },
        { "lower(5) == 'x'", "      ^", "expected a text, this is a number", "'5'" },
        { "lower(a > 1) == 'x'", "      ^^^^^", "expected a text, this is a condition", NULL },
        { "'x' > 5", "      ^", "this is a number, where the other is a text", "'5'" },
        { "a + 1 > 'x'", "        ^^^", "this is a text, where the other is a number", NULL },
        { "a in (1, 'x')", "         ^^^", "this is a text, where the other is a number", NULL },
        { "lower(a) in (1)", "             ^", "this is a number, where the other is a text", "'1'" },
        { "if(a > 1, 'x', 5) == 'x'", "               ^", "this is a number, where the other is a text", "'5'" },
        { "least(a, 1, 'x') > 1", "            ^^^", "this is a text", NULL },
        { "if(a, 1, 2) > 1", "   ^", "expected a condition, this is a column", "a != 0" },
        { "round(a, b) > 1", "         ^", "expected a whole number from -18 to 38", NULL },
        { "round(a, 1.5) > 1", "         ^^^", "expected a whole number", NULL },
        { "round(a, 39) > 1", "         ^^", "expected a whole number", NULL },
        { "substr(a, 'x') == 'y'", "          ^^^", "expected a number", NULL },
        { "country == ''", "           ^^", "an empty cell is missing", "country is null" },
        { "'' != country", "^^", "an empty cell is missing", "country is not null" },
        { "country in ('DE', '')", "                  ^^", "an empty cell is missing", "is null" },
    };
    CHECK_WRONG('w', cases);
}
END_TEST

START_TEST(a_flaw_of_keys_is_told)
{
    static const struct wrong cases[] = {
        { "", "^", "expected a value, and it ends here", NULL },
        { "a,", "  ^", "expected a value, and it ends here", NULL },
        { "a b", "  ^", "expected an operator, a comma or the end, found b", NULL },
        { "a, b, a", "      ^", "two results would be called a", "NAME=" },
        { "x=a, x=b", "     ^^^", "two results would be called x", "NAME=" },
        { "x=", "  ^", "expected a value", NULL },
        { "sum(a)", "^^^", "sum is an aggregate", NULL },
    };
    CHECK_WRONG('g', cases);
}
END_TEST

START_TEST(a_flaw_of_aggregates_is_told)
{
    static const struct wrong cases[] = {
        { "", "^", "expected an aggregate, and it ends here", "count()" },
        { "5", "^", "expected an aggregate, found 5", "sum(x)" },
        { "avg(a)", "^^^", "there is no aggregate avg", "mean(x)" },
        { "stdev(a)", "^^^^^", "there is no aggregate stdev", "stddev(x)" },
        { "p50(a)", "^^^", "there is no aggregate p50", "quantile(x, 0.50)" },
        { "p5(a)", "^^", "there is no aggregate p5", "quantile(x, 0.05)" },
        { "mediam(a)", "^^^^^^", "there is no aggregate mediam", "median(x)" },
        { "SUM(a)", "^^^", "there is no aggregate SUM", "sum(x)" },
        { "sqrt(a)", "^^^^", "there is no aggregate sqrt", "sum(sqrt(x))" },
        { "quantity", "^^^^^^^^", "there is no aggregate quantity", "sum(quantity)" },
        { "`unit price`", "^^^^^^^^^^^^", "there is no aggregate unit price", "sum(unit price)" },
        { "count", "^^^^^", "expected ( behind count", "count()" },
        { "count(*)", "      ^", "* is no value", "count()" },
        { "sum()", "^^^^^", "sum with 0 arguments", "sum(x)" },
        { "r=corr(a)", "  ^^^^^^^", "corr with 1 argument", "corr(y, x)" },
        { "sum(a) + 1", "       ^", "expected the end behind the aggregate, found +", "inside" },
        { "sum(max(a))", "    ^^^", "max is an aggregate", "greatest" },
        { "sum(lower(a))", "    ^^^^^^^^", "expected a number, this is a text", NULL },
        { "quantile(a, 99)", "            ^^", "expected a constant from 0 to 1", "0.99" },
        { "quantile(a, b)", "            ^", "expected a constant from 0 to 1", "0.99" },
        { "quantile(a, 'x')", "            ^^^", "expected a number", NULL },
        { "sum(a", "     ^", "expected an operator, a comma or ), and it ends here", NULL },
    };
    CHECK_WRONG('a', cases);
    const char *twice[] = { "sum(a)", "x=sum(b)", "sum(a)" };
    struct query query = { NULL, NULL, twice, 3 };
    arena = arena_in(memory, sizeof memory);
    ck_assert_int_eq(query_plan(&query, &columns, ',', '"', '.', false, &arena, &plan, &flaw), -EINVAL);
    ck_assert(flaw.text == twice[2] && strstr(flaw.what, "two results"));
}
END_TEST

/* ---- sizes --------------------------------------------------------------------------------------------------------------- */

static char *many(const char *first, const char *again, size_t n, const char *last)
{
    size_t size = strlen(first) + n * strlen(again) + strlen(last) + 1;
    char *text = malloc(size), *at = stpcpy(text, first);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, again);
    strcpy(at, last);
    return text;
}

static void must_be_too_much(char *text, const char *what)
{
    int r = plan_of(text, NULL, NULL);
    ck_assert_msg(r == -EINVAL && strstr(flaw.what, what), "%.30s...: %d %s", text, r, flaw.what);
    ck_assert(flaw.at <= strlen(text) && flaw.size >= 1);
    free(text);
}

START_TEST(no_text_is_too_deep_or_too_long_for_an_honest_answer)
{
    must_be_too_much(many("", "(", 60000, ""), "levels of brackets");
    must_be_too_much(many("", "-", 60000, "a > 1"), "levels of brackets");
    must_be_too_much(many("", "not ", 10000, "a > 1"), "levels of brackets");
    must_be_too_much(many("", "abs(", 10000, "a"), "levels of brackets");
    must_be_too_much(many("2", "^2", 30000, " > 1"), "levels of brackets");
    must_be_too_much(many("a", "+a", 30000, " > 1"), "1000 operators");
    must_be_too_much(many("a > 1", " && a > 1", 7000, ""), "1000 operators");
    must_be_too_much(many("a in (1", ",1", 30000, ")"), "20000");
    must_be_too_much(many("a > 1", " ", 70000, ""), "65536 bytes");
    must_be_too_much(many("a > 1", "+a", 100000, ""), "65536 bytes");
    char *text = many("", "(", 80, "a > 1");
    text = realloc(text, strlen(text) + 100);
    memset(text + strlen(text), ')', 81);
    text[85 + 80] = '\0';
    must_plan(text, NULL, NULL);
    free(text);
    text = many("a", "+a*2", 480, " > 1");
    must_plan(text, NULL, NULL);
    free(text);
}
END_TEST

START_TEST(more_steps_or_columns_than_there_is_room_for_are_a_flaw)
{
    char *text = malloc(60000), *at = text + sprintf(text, "a in (0");
    for (int i = 1; i < 3000; i++)
        at += sprintf(at, ",%d", i);
    strcpy(at, ")");
    must_be_too_much(text, "4096 steps");

    const char *name[300];
    char all[300][8], keys[300 * 8] = "";
    for (int i = 0; i < 300; i++) {
        sprintf(all[i], "c%d", i);
        name[i] = all[i];
        sprintf(keys + strlen(keys), "%sc%d", i ? "," : "", i);
    }
    struct columns wide_columns = { 300, name };
    struct query query = { NULL, keys, NULL, 0 };
    arena = arena_in(memory, sizeof memory);
    ck_assert_int_eq(query_plan(&query, &wide_columns, ',', '"', '.', false, &arena, &plan, &flaw), -EINVAL);
    ck_assert(strstr(flaw.what, "256 columns"));
}
END_TEST

START_TEST(an_arena_that_is_full_is_told_and_nothing_else)
{
    const char *aggregates[] = { "x=sum(quantity * unit_price)", "count(lower(country) in ('a', 'b'))" };
    struct query query = { "a > 1 && country == 'DE'", "country, b=upper('x')", aggregates, 2 };
    size_t enough = 0;
    for (size_t size = 0; !enough && size < sizeof memory; size += 16) {
        arena = arena_in(memory, size);
        int r = query_plan(&query, &columns, ',', '"', '.', false, &arena, &plan, &flaw);
        ck_assert(r == 0 || r == -ENOMEM);
        ck_assert(arena.used <= size);
        enough = r == 0 ? size : 0;
    }
    ck_assert(enough > 0);
}
END_TEST

/* ---- for people ---------------------------------------------------------------------------------------------------------- */

static const char *shown(const char *filter)
{
    static char buf[2048];
    ck_assert_int_eq(plan_of(filter, NULL, NULL), -EINVAL);
    char path[] = "/tmp/test_records_query_XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    ck_assert(file >= 0 && saved >= 0);
    (void)unlink(path);
    fflush(stderr);
    dup2(file, STDERR_FILENO);
    query_show_flaw(&flaw);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    ssize_t n = pread(file, buf, sizeof buf - 1, 0);
    close(file);
    close(saved);
    buf[n] = '\0';
    return buf;
}

START_TEST(a_flaw_is_shown_with_a_caret_under_its_token)
{
    ck_assert_str_eq(shown("quantiti > 1"),
                     "prong: -w: there is no column quantiti\n  quantiti > 1\n  ^^^^^^^^\nhint: did you mean quantity?\n");
    ck_assert_str_eq(shown("a >"), "prong: -w: expected a value, and it ends here\n  a >\n     ^\n");
    ck_assert_str_eq(shown("'\xc3\xb6\t' == a + 'x'"),
                     "prong: -w: expected a number, this is a text\n  '\xc3\xb6 ' == a + 'x'\n              ^^^\n");
}
END_TEST

START_TEST(of_a_long_text_the_part_around_the_flaw_is_shown)
{
    char *text = many("a", " + a", 100, " + 'x' + a > 1");
    *strstr(text, "'x'") = '?';
    const char *got = shown(text);
    const char *line = strchr(got, '\n') + 1, *caret = strchr(line, '\n') + 1;
    ck_assert(strncmp(line, "  ...", 5) == 0);
    ck_assert_int_eq(line[strcspn(caret, "^")], '?');
    free(text);
    text = many("? + a", " + a", 1000, "");
    got = shown(text);
    ck_assert(strstr(got, "...\n  ^\n"));
    free(text);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(operators_bind_as_in_c_and_a_power_most);
    add_case(constants_are_worked_out_exactly_when_the_plan_is_made);
    add_case(what_is_written_twice_is_one_step);
    add_case(a_column_is_read_once_as_a_number_and_once_as_a_text);
    add_case(the_shape_has_the_columns_of_filter_and_results_in_order);
    add_case(slots_are_used_again_and_never_by_two_that_are_needed);
    add_case(a_column_is_what_is_needed_of_it);
    add_case(results_have_their_text_or_the_name_that_they_are_given);
    add_case(each_aggregate_has_its_kind_and_its_arguments);
    add_case(all_functions_and_aggregates_can_be_listed_and_written_as_they_are_shown);
    add_case(a_flaw_of_syntax_is_told_with_its_place);
    add_case(a_name_that_is_none_is_told_with_the_nearest);
    add_case(a_flaw_of_types_is_told_under_the_operand);
    add_case(a_flaw_of_keys_is_told);
    add_case(a_flaw_of_aggregates_is_told);
    add_case(no_text_is_too_deep_or_too_long_for_an_honest_answer);
    add_case(more_steps_or_columns_than_there_is_room_for_are_a_flaw);
    add_case(an_arena_that_is_full_is_told_and_nothing_else);
    add_case(a_flaw_is_shown_with_a_caret_under_its_token);
    add_case(of_a_long_text_the_part_around_the_flaw_is_shown);
    return run_cases(argc, argv);
}
