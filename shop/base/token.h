/* token.h - 128 bits that nobody can guess, and what is made of a secret. Any thread, after token_init(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_SIZE = 16, TOKEN_TEXT_SIZE = 23, SECRET_SIZE = 32 };   /* the text with its NUL: 22 characters of base64url */

struct token {
    uint8_t bytes[TOKEN_SIZE];
};
struct secret {
    uint8_t bytes[SECRET_SIZE];
};

int token_init(void);                           /* once, first; -ENOSYS: no randomness here */
void token_random(struct token *ret_token);
void secret_random(struct secret *ret_secret);

/* A keyed hash (BLAKE2b): the same for the same secret and bytes; without the secret it cannot be told or guessed. `purpose` (a word)
 * keeps uses of one secret apart. */
void token_derive(const struct secret *secret, const char *purpose, const void *data, size_t size, struct token *ret_token);
/* An unkeyed hash, to see whether two texts are the same. */
void token_hash(const void *data, size_t size, struct token *ret_token);

const char *token_text(const struct token *token, char buf[static TOKEN_TEXT_SIZE]);    /* returns buf */
bool token_read(const char *text, struct token *ret_token);     /* false: it is not the text of a token */
bool token_same(const struct token *a, const struct token *b);  /* in constant time */
