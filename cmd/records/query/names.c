/* names.c - columns, functions and aggregates by name; hints by likeness, and by what other languages call them. */
#include "records/query/names.h"

#include "nearest.h"
#include "records/query/aggregates.h"
#include "records/query/complain.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAMES_MAX = 64, SHOWN_MAX = 40 /* bytes of a name in a message: as its formats say */ };

static const struct { const char *theirs, *ours; } elsewhere[] = {
    { "avg", "mean(x)" }, { "average", "mean(x)" }, { "total", "sum(x)" }, { "std", "stddev(x)" }, { "stdev", "stddev(x)" },
    { "stddev_samp", "stddev(x)" }, { "stdev_samp", "stddev(x)" }, { "stdevp", "stddev_pop(x)" }, { "var", "variance(x)" },
    { "var_samp", "variance(x)" }, { "var_pop", "variance_pop(x)" }, { "percentile", "quantile(x, 0.99)" },
    { "percentile_cont", "quantile(x, 0.99)" }, { "quantile_cont", "quantile(x, 0.99)" }, { "unique", "distinct(x)" },
    { "nunique", "distinct(x)" }, { "count_distinct", "distinct(x)" }, { "n", "count()" }, { "covar_samp", "covar(y, x)" },
    { "regr_slope", "slope(y, x)" }, { "regr_intercept", "intercept(y, x)" }, { "regr_r2", "r2(y, x)" },
    { "log", "ln(x) (natural) or log10(x)" }, { "len", "length(text)" }, { "char_length", "length(text)" }, { "ceiling", "ceil(x)" },
    { "power", "pow(x, y) or x ^ y" }, { "substring", "substr(text, from, n)" }, { "ifelse", "if(condition, a, b)" },
    { "iif", "if(condition, a, b)" }, { "case", "if(condition, a, b)" }, { "ifnull", "coalesce(a, b)" }, { "nvl", "coalesce(a, b)" },
    { "lcase", "lower(text)" }, { "ucase", "upper(text)" }, { "mod", "x % y" }, { "trunc", "floor(x) or round(x)" },
    { "isnull", "x is null" }, { "is_null", "x is null" },
};

static const char *called_elsewhere(const char *word)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcasecmp(elsewhere[i].theirs, word) == 0)
            return elsewhere[i].ours;
    return NULL;
}

static const char *same_but_for_case(const char *word, const char *const words[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(words[i], word) == 0)
            return words[i];
    return NULL;
}

/* ---- columns ------------------------------------------------------------------------------------------------------------- */

static bool is_plain_word(const char *name)
{
    struct query_flaw flaw;
    struct lexer lexer = { name, strlen(name), 0, &flaw };
    struct token token;
    return lexer_next(&lexer, &token) == 0 && token.kind == TOKEN_WORD && token.at == 0 && token.size == lexer.size;
}

bool names_has_column(const struct columns *columns, const char *name)
{
    for (uint32_t i = 0; i < columns->n; i++)
        if (strcmp(columns->name[i], name) == 0)
            return true;
    return false;
}

static int hint_at_columns(const struct columns *columns, const char *name, struct query_flaw *flaw)
{
    const char *near = same_but_for_case(name, columns->name, columns->n);
    if (!near)
        near = nearest_of(name, columns->name, columns->n);
    if (near)
        return complain_hint(flaw, is_plain_word(near) ? "did you mean %.40s?" : "did you mean `%.40s`?", near);
    char list[sizeof flaw->hint] = "the columns are";
    for (uint32_t i = 0; i < columns->n; i++) {
        if (strlen(list) + SHOWN_MAX + 8 > sizeof list) {
            text_add(list, sizeof list, ", ...");
            break;
        }
        text_add(list, sizeof list, "%s %.40s", i ? "," : "", columns->name[i]);
    }
    return complain_hint(flaw, "%s", list);
}

int names_column(const struct columns *columns, const struct node *node, struct query_flaw *flaw, uint32_t *ret_column)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < columns->n; i++)
        if (strlen(columns->name[i]) == node->says_size && memcmp(columns->name[i], node->says, node->says_size) == 0) {
            *ret_column = i;
            n++;
        }
    if (n == 1)
        return 0;
    if (n > 1) {
        (void)complain(flaw, node->at, node->size, "%u columns are called %.40s", n, node->says);
        return complain_hint(flaw, "give them different names in the header");
    }
    (void)complain(flaw, node->at, node->size, "there is no column %.40s", node->says);
    if (function_of(node->says))
        return complain_hint(flaw, "the function is written %s", function_of(node->says)->form);
    return hint_at_columns(columns, node->says, flaw);
}

/* ---- functions ----------------------------------------------------------------------------------------------------------- */

static const char *nearest_function(const char *word)
{
    const char *names[NAMES_MAX];
    const struct function *f;
    size_t n = 0;
    while (n < NAMES_MAX && (f = function_at(n)))
        names[n++] = f->name;
    const char *near = same_but_for_case(word, names, n);
    return near ? near : nearest_of(word, names, n);
}

static const char *nearest_aggregate(const char *word)
{
    const char *names[NAMES_MAX];
    const struct aggregate *a;
    size_t n = 0;
    while (n < NAMES_MAX && (a = aggregate_at(n)))
        names[n++] = a->name;
    const char *near = same_but_for_case(word, names, n);
    return near ? near : nearest_of(word, names, n);
}

static int no_function(const struct node *node, struct query_flaw *flaw)
{
    const char *word = node->says, *theirs = called_elsewhere(word), *near = nearest_function(word);
    if (aggregate_of(word, UINT32_MAX)) {
        (void)complain(flaw, node->at, node->says_size, "%s is an aggregate: it stands by itself, in -a", word);
        if (strcmp(word, "min") == 0 || strcmp(word, "max") == 0)
            return complain_hint(flaw, "of the values of one row: %s", word[1] == 'i' ? "least(a, b)" : "greatest(a, b)");
        return -EINVAL;
    }
    (void)complain(flaw, node->at, node->says_size, "there is no function %.40s", word);
    if (theirs)
        return complain_hint(flaw, "here it is %s", theirs);
    if (near)
        return complain_hint(flaw, "did you mean %s?", function_of(near)->form);
    return complain_hint(flaw, "there are abs, sqrt, exp, ln, pow, floor, round, least, if, coalesce, length, lower, substr, year, ...");
}

int names_function(const struct node *node, struct query_flaw *flaw, const struct function **ret_function)
{
    uint32_t least, most;
    const struct function *f = function_of(node->says);
    if (!f)
        return no_function(node, flaw);
    function_counts(f, &least, &most);
    if (node->n_children < least || node->n_children > most) {
        (void)complain(flaw, node->at, node->size, "%s with %u argument%s", f->name, node->n_children, node->n_children == 1 ? "" : "s");
        return complain_hint(flaw, "it is written %s", f->form);
    }
    *ret_function = f;
    return 0;
}

/* ---- aggregates ---------------------------------------------------------------------------------------------------------- */

/* p50, p99 and p999 as others write them. */
static bool is_percentile(const char *word)
{
    size_t digits = strspn(word + (*word == 'p'), "0123456789");
    return *word == 'p' && digits >= 1 && digits <= 4 && word[1 + digits] == '\0';
}

static int hint_at_percentile(const char *word, struct query_flaw *flaw)
{
    size_t digits = strlen(word + 1);
    if (digits == 1)
        return complain_hint(flaw, "here it is quantile(x, 0.0%s)", word + 1);
    if (strcmp(word, "p100") == 0)
        return complain_hint(flaw, "here it is max(x)");
    return complain_hint(flaw, "here it is quantile(x, 0.%s)", word + 1);
}

int names_no_aggregate(const char *word, size_t at, const struct columns *columns, struct query_flaw *flaw)
{
    const char *theirs = called_elsewhere(word), *near = nearest_aggregate(word);
    (void)complain(flaw, at, strlen(word), "there is no aggregate %.40s", word);
    if (is_percentile(word))
        return hint_at_percentile(word, flaw);
    if (theirs)
        return complain_hint(flaw, "here it is %s", theirs);
    if (function_of(word))
        return complain_hint(flaw, "%s is a function of one row: put it into an aggregate: sum(%s)", word, function_of(word)->form);
    if (names_has_column(columns, word))
        return complain_hint(flaw, "%.40s is a column; of its values there are sum(%.40s), mean(%.40s), ...", word, word, word);
    if (near)
        return complain_hint(flaw, "did you mean %s?", aggregate_of(near, UINT32_MAX)->form);
    return complain_hint(flaw, "there are count, sum, mean, min, max, variance, stddev, quantile, median, distinct, corr, covar, "
                         "slope, first, last");
}
