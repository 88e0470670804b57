/* lexer.h - the text of a query as tokens. */
#pragma once
#include "records/query/query.h"

enum token_kind {
    TOKEN_END, TOKEN_NUMBER,
    TOKEN_TEXT,         /* 'text' or "text" */
    TOKEN_WORD,         /* a column or a function */
    TOKEN_COLUMN,       /* `a column` */
    TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA,
    TOKEN_OR, TOKEN_AND,
    TOKEN_NOT_WORD,     /* not: binds less than comparison; ! binds most */
    TOKEN_LT, TOKEN_LE, TOKEN_GT, TOKEN_GE, TOKEN_EQ, TOKEN_NE, TOKEN_IN, TOKEN_IS,
    TOKEN_PLUS, TOKEN_MINUS, TOKEN_TIMES, TOKEN_DIVIDE, TOKEN_MODULO, TOKEN_BANG, TOKEN_POWER,
    TOKEN_NULL          /* null, missing */
};
struct token {
    enum token_kind kind;
    size_t at, size;
};

struct lexer {
    const char *text;
    size_t size, at;
    struct query_flaw *flaw;
};

/* 0; or -EINVAL, and the flaw says what. */
int lexer_next(struct lexer *lexer, struct token *ret_token);

/* What a token of text, column or word says: without its quotes, doubled ones once. NULL: the arena is full. */
const char *lexer_says(const struct lexer *lexer, const struct token *token, struct arena *arena, size_t *ret_size);
