/* query.h - what is asked: filter, keys and aggregates, from text to a plan that workers carry out.
 *
 *   expression  := numbers, 'text' or "text", column names (`in back quotes` where they are no plain words), + - * / % ^, == != < <= > >=,
 *                  && || !, in (...), is [not] null, functions (eval/functions.h), parentheses; = is ==, <> is !=, and, or, not are words, too
 *   keys        := [NAME=]expression, ...
 *   aggregate   := [NAME=]NAME(expression, ...)
 *
 * Types follow from the expression alone, never from a sample of the data: a column is a number where a number is needed (arithmetic,
 * comparison with a number, sum ...) and its text elsewhere (keys, distinct, comparison with text, functions of text). Two columns
 * compared with each other are compared as numbers in rows where both are numbers, else as text. min, max, first and last of a bare column
 * take both: the result is a number if all its cells are. */
#pragma once
#include "records/arena.h"
#include "records/read/reader.h"
#include "records/value.h"

enum aggregate_kind {
    AGG_ROWS,               /* count() */
    AGG_COUNT, AGG_SUM, AGG_MEAN, AGG_MIN, AGG_MAX,
    AGG_VARIANCE, AGG_VARIANCE_POP, AGG_STDDEV, AGG_STDDEV_POP,     /* sample (n - 1); population (n) */
    AGG_QUANTILE,           /* linear between neighbours (Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), type 7) */
    AGG_DISTINCT,
    AGG_CORR, AGG_COVAR, AGG_COVAR_POP, AGG_SLOPE, AGG_INTERCEPT, AGG_R2,   /* of rows where both are present; slope(y, x) */
    AGG_FIRST, AGG_LAST     /* present values, in the order of the input */
};

/* An expression as a list of steps over vectors; each step's result is a vector; the steps' layout is eval/program.h's. */
struct program;

struct plan_key { const char *name; uint32_t out; };
struct plan_aggregate {
    const char *name;           /* "rev", or its text: "sum(quantity*unit_price)" */
    enum aggregate_kind kind;
    double quantile;            /* 0 .. 1 */
    uint32_t n_args;            /* 0, 1, 2 */
    uint32_t arg[2];            /* outputs of `main` */
    bool is_either;             /* min, max, first, last of a bare column: arg[0] are its numbers, missing where a cell is none; arg[1] its text */
};

/* Plain, all of it in one arena; read alone once it is made. */
struct plan {
    struct shape shape;         /* of all columns that filter or main use */
    char point;                 /* '.' or ',' */
    struct program *filter;     /* one output, VEC_BOOL; NULL: all rows */
    struct program *main;       /* keys first, then arguments */
    uint32_t n_outs;
    uint32_t n_keys, n_aggregates;
    struct plan_key *key;
    struct plan_aggregate *aggregate;
};

struct query {
    const char *filter;         /* NULL: none */
    const char *keys;           /* NULL: none */
    const char *const *aggregates;
    size_t n_aggregates;
};
struct columns { uint32_t n; const char *const *name; };    /* of the header, in UTF-8 or whatever the file has */

/* What is wrong with a query: where the caret goes. */
struct query_flaw {
    const char *option;         /* "-a" */
    const char *text;           /* as it was given */
    size_t at, size;            /* of the token, in bytes; size at least 1 */
    char what[160], hint[160];  /* hint: empty where there is none */
};

/* delimiter, quote, point, is_lenient: copied into the plan. 0 and the plan; -EINVAL with a flaw; -ENOMEM: the arena is full. */
int query_plan(const struct query *query, const struct columns *columns, char delimiter, char quote, char point, bool is_lenient,
               struct arena *arena, struct plan **ret_plan, struct query_flaw *ret_flaw);

/* Three lines: what, the text, a caret under the token; and the hint. */
void query_show_flaw(const struct query_flaw *flaw);

/* For the manual page and messages: all functions and aggregates with a line each; NULL behind the last. */
const char *query_function(size_t i, const char **ret_form, const char **ret_help);
const char *query_aggregate(size_t i, const char **ret_form, const char **ret_help);
