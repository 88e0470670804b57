/* mime.h - texts as a mail carries them: 7-bit, short lines, CRLF (RFC 2045, 2047, 5322). Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* UTF-8 in which nothing hides: no control characters (but newlines, if `lines`), and none that turn the direction of writing. */
bool mime_is_clean(const char *text, bool lines);
/* In place: "?" for every byte that is not so. */
void mime_clean(char *text, bool lines);

/* A clean text as (the rest of) a header's value: as it is, or in encoded words, folded. */
void mime_put_words(FILE *to, const char *text);
/* A clean text as the name before an address: quoted, or in encoded words. */
void mime_put_phrase(FILE *to, const char *text);
/* Quoted-printable; newlines become CRLF. */
void mime_put_quoted_printable(FILE *to, const char *text, size_t size);

/* local@domain in characters that mean nothing in a header, a command of SMTP or a file's name. */
bool mime_is_address(const char *text);
