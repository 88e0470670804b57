/* form.c - pairs of a form. */
#include "standin/form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* False: a % without two figures behind it, or one that means NUL. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        char c = *from == '+' ? ' ' : *from;
        if (c == '%') {
            if (!isxdigit((unsigned char)from[1]) || !isxdigit((unsigned char)from[2]))
                return false;
            const char figures[] = { from[1], from[2], '\0' };
            c = (char)strtoul(figures, NULL, 16);
            from += 2;
            if (c == '\0')
                return false;
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

bool form_next(char **at, char **ret_name, char **ret_value)
{
    char *name = *at + strspn(*at, "&");
    if (*name == '\0') {
        *at = NULL;
        return false;
    }
    *at = name;
    char *end = name + strcspn(name, "&"), *next = *end ? end + 1 : end;
    *end = '\0';
    char *equals = strchr(name, '='), *value = equals ? equals + 1 : end;
    if (equals)
        *equals = '\0';
    if (!decode(name) || (equals && !decode(value)))
        return false;
    *ret_name = name;
    *ret_value = value;
    *at = next;
    return true;
}
