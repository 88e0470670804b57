/* tree.h - an expression as the parser leaves it: nodes that name each other by number. */
#pragma once
#include "records/eval/functions.h"
#include "records/query/lexer.h"

enum node_kind {
    NODE_NUMBER,        /* .value */
    NODE_TEXT,          /* .says */
    NODE_COLUMN,        /* .says; then .column */
    NODE_NEGATE, NODE_NOT,
    NODE_BINARY,        /* .sign */
    NODE_IN,            /* the first child is what is looked up */
    NODE_HAS, NODE_HAS_NOT,
    NODE_CALL           /* .says; then .function */
};
/* What an expression can be taken for. */
enum node_type {
    TYPE_NUMBER = STEP_NUMBER, TYPE_BOOL = STEP_BOOL, TYPE_TEXT = STEP_TEXT,
    TYPE_COLUMN         /* a number where one is needed, else a text: a column, and what chooses between columns */
};
enum { NODE_NONE = UINT32_MAX, NODES_MAX = 20000, TREE_DEPTH_MAX = 1000, NESTING_MAX = 200, QUERY_TEXT_MAX = 1 << 16 };

struct node {
    uint8_t kind, type;         /* type: from types.h on */
    uint8_t sign;               /* enum token_kind */
    bool is_negated;            /* NODE_IN: not in */
    uint16_t depth;
    uint32_t first, next, n_children;
    size_t at, size;            /* in the text: all of it */
    const char *says;
    size_t says_size;
    union {
        struct value value;
        uint32_t column;        /* of the header */
        const struct function *function;
    };
};
struct tree {
    struct node *node;
    uint32_t n, room;
};
