/* form.c - application/x-www-form-urlencoded, as browsers send it. */
#include "order/request.h"

#include "order/text.h"
#include "order/wish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- name=value&... ------------------------------------------------------------------------------------------------------ */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place of bytes, which `to` may be; gives how many. -1: "%" without two digits behind it, or a NUL. */
static ptrdiff_t decode(const char *bytes, size_t size, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i] == '+' ? ' ' : bytes[i];
        if (c == '%') {
            if (size - i < 3 || hex(bytes[i + 1]) < 0 || hex(bytes[i + 2]) < 0)
                return -1;
            c = (char)(hex(bytes[i + 1]) << 4 | hex(bytes[i + 2]));
            i += 2;
        }
        if (c == '\0')
            return -1;
        to[n++] = c;
    }
    return (ptrdiff_t)n;
}

struct pair {
    char *name, *value;
    size_t value_size;
};

/* The next pair of what *at points to, which it moves on; both parts are decoded where they are and end with a NUL, for which every
 * separator has room and the byte behind the end. 1; 0: there are no more; -EBADMSG: it cannot be decoded. */
static int next_pair(char **at, char *end, struct pair *ret_pair)
{
    while (*at < end && **at == '&')
        ++*at;
    if (*at >= end)
        return 0;
    char *from = *at, *to = memchr(from, '&', (size_t)(end - from));
    to = to ? to : end;
    char *equals = memchr(from, '=', (size_t)(to - from)), *name_end = equals ? equals : to, *value = equals ? equals + 1 : to;
    ptrdiff_t name_size = decode(from, (size_t)(name_end - from), from), value_size = decode(value, (size_t)(to - value), value);
    *at = to < end ? to + 1 : end;
    if (name_size < 0 || value_size < 0)
        return -EBADMSG;
    from[name_size] = '\0';
    value[value_size] = '\0';
    *ret_pair = (struct pair){ from, value, (size_t)value_size };
    return 1;
}

static char *copy_of(const char *body, size_t size)
{
    char *room = malloc(size + 1);
    if (room && size > 0)
        memcpy(room, body, size);
    return room;
}

/* ---- the order ----------------------------------------------------------------------------------------------------------- */

enum { SEEN_SKU = WISH_TEXTS, SEEN_QTY, SEEN_N };

struct form {
    struct wish *wish;
    bool seen[SEEN_N];
    struct pair sku, qty;
};

/* Where in `seen`; SEEN_N: a form has no such field. */
static int place_of(const struct wish *wish, const char *name)
{
    enum wish_text which = wish_find(wish, name, false);
    return which != WISH_TEXTS ? (int)which : strcmp(name, "sku") == 0 ? SEEN_SKU : strcmp(name, "qty") == 0 ? SEEN_QTY : SEEN_N;
}

static int take_pair(struct form *form, const struct pair *pair)
{
    struct wish *wish = form->wish;
    int place = place_of(wish, pair->name);
    if (place == SEEN_N && (strcmp(pair->name, "csrf") == 0 || strcmp(pair->name, "key") == 0))
        return 0;
    if (place == SEEN_N) {
        const char *field = text_is_name(pair->name, strlen(pair->name)) ? pair->name : "";
        return wish_flaw(wish, field, "unknown_field", *field ? "is no field of this form" : "has a field that is none of its own");
    }
    if (form->seen[place])
        return wish_flaw(wish, pair->name, "repeated", "is there more than once");
    form->seen[place] = true;
    if (place < WISH_TEXTS)
        return wish_take_text(wish, (enum wish_text)place, pair->value, pair->value_size);
    *(place == SEEN_SKU ? &form->sku : &form->qty) = *pair;
    return 0;
}

static int take_line(struct form *form)
{
    struct wish *wish = form->wish;
    const struct pair *sku = &form->sku, *qty = &form->qty;
    if (sku->value_size == 0)
        return wish_flaw(wish, "sku", "missing", "is missing: please choose a colour and a size");
    if (qty->value_size == 0)
        return wish_missing(wish, "qty");
    if (text_has_card_number(qty->value))
        return wish_bad_card(wish, "qty");
    if (qty->value_size > 9 || strspn(qty->value, "0123456789") != qty->value_size)
        return wish_bad_qty(wish, "qty", "out_of_range", "");
    return wish_take_line(wish, 0, sku->value, sku->value_size, strtol(qty->value, NULL, 10));
}

int request_from_form(const struct catalogue *catalogue, const char *key, const char *body, size_t size, struct order **ret_order,
                      struct flaw *ret_flaw)
{
    struct wish wish;
    struct form form = { .wish = &wish };
    struct pair pair;
    int r;
    char *room = copy_of(body, size), *at = room;
    if (!room)
        return -ENOMEM;
    wish_init(&wish, catalogue, true, ret_flaw);
    while ((r = next_pair(&at, room + size, &pair)) > 0)
        if ((r = take_pair(&form, &pair)) < 0)
            goto free_room;
    if (r < 0) {
        r = wish_flaw(&wish, "", "bad_form", "cannot be read: \"%%\" stands before something else than two digits, or for a NUL");
        goto free_room;
    }
    r = take_line(&form);
    if (r == 0)
        r = wish_order(&wish, key, ret_order);
free_room:
    free(room);
    return r;
}

/* ---- one field ----------------------------------------------------------------------------------------------------------- */

bool request_form_field(const char *body, size_t size, const char *name, char *buf, size_t buf_size)
{
    struct pair pair;
    int r;
    unsigned found = 0;
    char *room = copy_of(body, size), *at = room;
    if (!room)
        return false;
    while ((r = next_pair(&at, room + size, &pair)) > 0) {
        if (strcmp(pair.name, name) != 0)
            continue;
        if (++found > 1 || pair.value_size >= buf_size || !text_is_utf8(pair.value, pair.value_size))
            break;
        memcpy(buf, pair.value, pair.value_size + 1);
    }
    free(room);
    return r == 0 && found == 1;
}
