/* lexer.c - one function for each kind of token; signs and words by tables. */
#include "records/query/lexer.h"

#include "records/query/complain.h"

#include <string.h>
#include <strings.h>

struct known { const char *text; enum token_kind kind; };

/* Longer ones before those they begin with. */
static const struct known signs[] = {
    { "||", TOKEN_OR }, { "&&", TOKEN_AND }, { "==", TOKEN_EQ }, { "!=", TOKEN_NE }, { "<>", TOKEN_NE }, { "<=", TOKEN_LE },
    { ">=", TOKEN_GE }, { "<", TOKEN_LT }, { ">", TOKEN_GT }, { "=", TOKEN_EQ }, { "!", TOKEN_BANG }, { "+", TOKEN_PLUS },
    { "-", TOKEN_MINUS }, { "*", TOKEN_TIMES }, { "/", TOKEN_DIVIDE }, { "%", TOKEN_MODULO }, { "^", TOKEN_POWER }, { "(", TOKEN_OPEN },
    { ")", TOKEN_CLOSE }, { ",", TOKEN_COMMA },
};
static const struct known words[] = {
    { "and", TOKEN_AND }, { "or", TOKEN_OR }, { "not", TOKEN_NOT_WORD }, { "in", TOKEN_IN }, { "is", TOKEN_IS }, { "null", TOKEN_NULL },
    { "missing", TOKEN_NULL },
};
/* What other languages write; longer ones first, too. */
static const struct { const char *text, *hint; } strange[] = {
    { "**", "a power is written x ^ y" }, { "===", "equal is written ==" }, { "!==", "not equal is written !=" },
    { "=~", "there are no patterns; starts_with(text, begin) and contains(text, part) there are" },
    { "=>", "at least is written >=" }, { "=<", "at most is written <=" }, { "&", "and is written &&" }, { "|", "or is written ||" },
    { "~", "not is written !" }, { "?", "a choice is written if(condition, a, b)" },
    { "//", "floor(x / y) divides and leaves out the rest" },
    { ";", "arguments are divided by commas" }, { ".", "a name with a point in it is written in back quotes: `a.b`" },
    { "[", "brackets are round: ( )" }, { "{", "brackets are round: ( )" }, { "$", "a column is written by its name alone" },
    { "@", "a column is written by its name alone" }, { "#", "a column is written by its name alone" },
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static size_t digits(const char *at)
{
    size_t n = 0;
    while (is_digit(at[n]))
        n++;
    return n;
}

static size_t word_size(const char *at)
{
    size_t n = 0;
    while (begins_word(at[n]) || is_digit(at[n]))
        n++;
    return n;
}

static bool begins_number(const char *at)
{
    return is_digit(at[0]) || (at[0] == '.' && is_digit(at[1]));
}

static int number(struct lexer *lexer, struct token *token)
{
    const char *from = lexer->text + token->at, *at = from + digits(from);
    if (*at == '.')
        at += 1 + digits(at + 1);
    if (*at == 'e' || *at == 'E') {
        size_t sign = at[1] == '+' || at[1] == '-', n = digits(at + 1 + sign);
        if (n > 0)
            at += 1 + sign + n;
    }
    token->kind = TOKEN_NUMBER;
    token->size = (size_t)(at - from);
    if (!begins_word(*at) && *at != '.')
        return 0;
    while (begins_word(*at) || is_digit(*at) || *at == '.')
        at++;
    (void)complain(lexer->flaw, token->at, (size_t)(at - from), "this is no number");
    return complain_hint(lexer->flaw, "a column whose name begins with a digit is written in back quotes: `%.*s`",
                         (int)(at - from > 40 ? 40 : at - from), from);
}

static int quoted(struct lexer *lexer, struct token *token)
{
    const char *from = lexer->text + token->at;
    char quote = *from;
    size_t n = 1;
    while (from[n] && (from[n] != quote || from[n + 1] == quote))
        n += 1 + (from[n] == quote);
    token->kind = quote == '`' ? TOKEN_COLUMN : TOKEN_TEXT;
    token->size = n + 1;
    if (!from[n]) {
        (void)complain(lexer->flaw, token->at, n, "the %s that begins here does not end", quote == '`' ? "name" : "text");
        return complain_hint(lexer->flaw, "close it with %c; inside it is written twice: %c%c", quote, quote, quote);
    }
    if (quote == '`' && n == 1)
        return complain(lexer->flaw, token->at, 2, "expected a column's name between the back quotes");
    return 0;
}

static int word(struct lexer *lexer, struct token *token)
{
    const char *from = lexer->text + token->at;
    token->kind = TOKEN_WORD;
    token->size = word_size(from);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].text) == token->size && strncasecmp(words[i].text, from, token->size) == 0)
            token->kind = words[i].kind;
    return 0;
}

/* The longest sign that the text begins with; what is no sign of ours but longer than it is a flaw. */
static int sign(struct lexer *lexer, struct token *token)
{
    const char *from = lexer->text + token->at;
    size_t strange_size = 0, which = 0;
    for (size_t i = 0; token->size == 0 && i < sizeof signs / sizeof *signs; i++)
        if (strncmp(from, signs[i].text, strlen(signs[i].text)) == 0)
            *token = (struct token){ signs[i].kind, token->at, strlen(signs[i].text) };
    for (size_t i = 0; strange_size == 0 && i < sizeof strange / sizeof *strange; i++)
        if (strncmp(from, strange[i].text, strlen(strange[i].text)) == 0) {
            strange_size = strlen(strange[i].text);
            which = i;
        }
    if (strange_size > token->size) {
        (void)complain(lexer->flaw, token->at, strange_size, "'%s' is no part of an expression", strange[which].text);
        return complain_hint(lexer->flaw, "%s", strange[which].hint);
    }
    if (token->size > 0)
        return 0;
    if (*from < ' ' || *from == 0x7f)
        return complain(lexer->flaw, token->at, 1, "a control character is no part of an expression");
    return complain(lexer->flaw, token->at, 1, "'%c' is no part of an expression", *from);
}

int lexer_next(struct lexer *lexer, struct token *ret_token)
{
    lexer->at += strspn(lexer->text + lexer->at, " \t\r\n");
    const char *at = lexer->text + lexer->at;
    *ret_token = (struct token){ TOKEN_END, lexer->at, 0 };
    int r = 0;
    if (!*at)
        return 0;
    if (begins_number(at))
        r = number(lexer, ret_token);
    else if (*at == '\'' || *at == '"' || *at == '`')
        r = quoted(lexer, ret_token);
    else if (begins_word(*at))
        r = word(lexer, ret_token);
    else
        r = sign(lexer, ret_token);
    lexer->at += ret_token->size;
    return r;
}

const char *lexer_says(const struct lexer *lexer, const struct token *token, struct arena *arena, size_t *ret_size)
{
    const char *from = lexer->text + token->at;
    if (token->kind != TOKEN_TEXT && token->kind != TOKEN_COLUMN) {
        *ret_size = token->size;
        return arena_text(arena, from, token->size);
    }
    char quote = *from, *copy = arena_text(arena, from + 1, token->size - 2);
    size_t n = 0;
    for (size_t i = 0; copy && i < token->size - 2; i++, n++) {
        copy[n] = copy[i];
        i += copy[i] == quote;
    }
    if (copy)
        copy[n] = '\0';
    *ret_size = n;
    return copy;
}
