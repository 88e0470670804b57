/* token.c - libsodium does the work. */
#include "base/token.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

int token_init(void)
{
    return sodium_init() < 0 ? -ENOSYS : 0;
}

void token_random(struct token *ret_token)
{
    randombytes_buf(ret_token->bytes, sizeof ret_token->bytes);
}

void secret_random(struct secret *ret_secret)
{
    randombytes_buf(ret_secret->bytes, sizeof ret_secret->bytes);
}

void token_derive(const struct secret *secret, const char *purpose, const void *data, size_t size, struct token *ret_token)
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, secret->bytes, sizeof secret->bytes, sizeof ret_token->bytes);
    (void)crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    (void)crypto_generichash_update(&state, data, size);
    (void)crypto_generichash_final(&state, ret_token->bytes, sizeof ret_token->bytes);
}

void token_hash(const void *data, size_t size, struct token *ret_token)
{
    (void)crypto_generichash(ret_token->bytes, sizeof ret_token->bytes, data, size, NULL, 0);
}

const char *token_text(const struct token *token, char buf[static TOKEN_TEXT_SIZE])
{
    return sodium_bin2base64(buf, TOKEN_TEXT_SIZE, token->bytes, sizeof token->bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool token_read(const char *text, struct token *ret_token)
{
    size_t size;
    const char *end;
    return strlen(text) == TOKEN_TEXT_SIZE - 1 &&
           sodium_base642bin(ret_token->bytes, sizeof ret_token->bytes, text, TOKEN_TEXT_SIZE - 1, NULL, &size, &end,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           size == sizeof ret_token->bytes && *end == '\0';
}

bool token_same(const struct token *a, const struct token *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
