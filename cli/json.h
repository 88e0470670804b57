/* json.h - writes one JSON document to a stream, in order, indented; text that is not UTF-8 is marked as damaged.
 *
 *     struct json w = { .to = stdout };
 *     json_begin(&w, NULL, '{');
 *     json_put_count(&w, "answer", 42);
 *     json_end(&w, '}');
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *to;
    bool comma;
    int depth, flat;        /* the rest is its own */
};

/* key: NULL in arrays and for the document. bracket: '{' or '[', and the same kind to end it. */
void json_begin(struct json *w, const char *key, char bracket);
void json_begin_flat(struct json *w, const char *key, char bracket);    /* all of it on one line */
void json_end(struct json *w, char bracket);

void json_put_string(struct json *w, const char *key, const char *text);
void json_put_text(struct json *w, const char *key, const char *text, size_t size);     /* any bytes, also 0 */
void json_put_number(struct json *w, const char *key, const char *digits, size_t size); /* which are a number of JSON already */
void json_put_string_or_null(struct json *w, const char *key, const char *text);        /* empty is null */
void json_put_null(struct json *w, const char *key);
void json_put_bool(struct json *w, const char *key, bool value);
void json_put_count(struct json *w, const char *key, uint64_t count);
void json_put_count_or_null(struct json *w, const char *key, uint64_t count);           /* 0 is null */
void json_put_real(struct json *w, const char *key, double real);                       /* as short as it reads back; what is not finite is null */
void json_put_real_or_null(struct json *w, const char *key, double real, bool is_known);
