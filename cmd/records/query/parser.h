/* parser.h - tokens to trees: syntax alone; names and types are looked at later. */
#pragma once
#include "records/query/tree.h"

struct parser {
    struct lexer lexer;
    struct token token, before;         /* the one that comes next; the one before it */
    struct tree *tree;
    const struct columns *columns;      /* for hints */
    struct arena *arena;
    uint32_t nesting;
};

/* 0; or -EINVAL with a flaw, or -ENOMEM, as all here. The text is flaw->text. */
int parser_begin(struct parser *parser, struct tree *tree, const struct columns *columns, struct arena *arena, struct query_flaw *flaw);
int parser_next(struct parser *parser);

/* NAME= at the beginning, where it is meant so: *ret_name is NULL where there is none. */
int parser_name(struct parser *parser, const char **ret_name);
int parser_expression(struct parser *parser, uint32_t *ret_node);
/* Children are appended; *first is NODE_NONE before the first of them. Up to and with the closing bracket. */
int parser_arguments(struct parser *parser, uint32_t *ret_first, uint32_t *ret_n);

/* The token that comes next is not what is expected. */
int parser_unexpected(struct parser *parser, const char *expected);
