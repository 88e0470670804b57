/* text.h - what a text from outside may be. Any bytes may be asked about. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the character of UTF-8 has that stands first in the `left` bytes, at least one; 0: none does. */
size_t text_character(const char *text, size_t left, uint32_t *ret_character);

bool text_is_utf8(const char *text, size_t size);

/* UTF-8 without control characters, line separators and what turns the direction of writing round; a newline counts as one of
 * them unless `has_lines`. */
bool text_is_plain(const char *text, size_t size, bool has_lines);

/* A name that may be shown again: 1 to 32 letters, digits, "_", "-" and ".", no card number. */
bool text_is_name(const char *text, size_t size);

/* text_has_card_number() for what machines make: only where neither a letter nor a digit stands next to the number, so that one in so
 * many random keys is not refused by chance. */
bool text_is_card_token(const char *text);
