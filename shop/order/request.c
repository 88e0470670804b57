/* request.c - JSON: read by jansson, taken member by member; whatever has no place in an order is named and refused. */
#include "order/request.h"

#include "order/place.h"
#include "order/text.h"
#include "order/wish.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { FIELD_SIZE = sizeof((struct flaw *)0)->field };

/* ---- what is no JSON ----------------------------------------------------------------------------------------------------- */

static const char *syntax_words(enum json_error_code code)
{
    switch (code) {
    case json_error_premature_end_of_input: return "it ends too early";
    case json_error_end_of_input_expected: return "something follows its end";
    case json_error_invalid_utf8: return "bytes that are not UTF-8";
    case json_error_null_character: return "a NUL character";
    case json_error_null_byte_in_key: return "a NUL character in a name";
    case json_error_stack_overflow: return "it is nested too deep";
    default: return "a mistake in the notation";
    }
}

/* jansson's own words repeat what was sent: a card number, perhaps. */
static int bad_json(struct wish *wish, const char *body, size_t size, const json_error_t *error)
{
    char path[FIELD_SIZE];
    enum json_error_code code = json_error_code(error);
    size_t at = error->position > 0 ? (size_t)error->position : 0;
    if (code == json_error_out_of_memory)
        return -ENOMEM;
    if (code == json_error_duplicate_key || code == json_error_numeric_overflow)
        place_path(body, at < size ? at : size, path, sizeof path);
    if (code == json_error_duplicate_key)
        return wish_flaw(wish, path, "repeated", "is there more than once, or something in it");
    if (code == json_error_numeric_overflow)
        return wish_flaw(wish, path, "out_of_range", "holds a number that is too large");
    return wish_flaw(wish, "", "bad_json", "is no JSON: %s, at line %d, column %d", syntax_words(code), error->line, error->column);
}

/* ---- members ------------------------------------------------------------------------------------------------------------- */

/* `in`: the path of what it is in, with its point; `known`: what there is instead. */
static int unknown_field(struct wish *wish, const char *in, const char *name, const char *known)
{
    char field[FIELD_SIZE];
    bool is_shown = text_is_name(name, strlen(name));
    int in_size = (int)strlen(in) - (!is_shown && *in);
    (void)snprintf(field, sizeof field, "%.*s%s", in_size, in, is_shown ? name : "");
    if (is_shown)
        return wish_flaw(wish, field, "unknown_field", "has no place here: there are %s", known);
    return wish_flaw(wish, field, "unknown_field", "has a field that has no place here: there are %s", known);
}

static const char *kind_of(const json_t *value)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text", [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a fraction", [JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null",
    };
    return kinds[json_typeof(value)];
}

static int wrong_type(struct wish *wish, const char *field, const char *wanted, const json_t *value)
{
    return wish_flaw(wish, field, "wrong_type", "must be %s, found %s", wanted, kind_of(value));
}

static int take_text(struct wish *wish, enum wish_text which, const json_t *value)
{
    if (!json_is_string(value))
        return wrong_type(wish, wish_field(wish, which), "a text", value);
    return wish_take_text(wish, which, json_string_value(value), json_string_length(value));
}

static int take_address(struct wish *wish, json_t *address)
{
    const char *name;
    json_t *value;
    if (!json_is_object(address))
        return wrong_type(wish, "address", "an object", address);
    json_object_foreach(address, name, value) {
        enum wish_text which = wish_find(wish, name, true);
        int r = which != WISH_TEXTS ? take_text(wish, which, value) :
                unknown_field(wish, "address.", name, "name, street, city, postcode, country");
        if (r < 0)
            return r;
    }
    return 0;
}

/* Paths are written for flaws alone: they would cost as much as all else. */
static const char *item_path(uint32_t item, const char *rest, char *buf)
{
    (void)snprintf(buf, FIELD_SIZE, "items[%" PRIu32 "]%s", item, rest);
    return buf;
}

static int check_item(struct wish *wish, uint32_t i, const json_t *sku, const json_t *qty)
{
    char buf[FIELD_SIZE], found[32];
    if (!sku || !qty)
        return wish_missing(wish, item_path(i, sku ? ".qty" : ".sku", buf));
    if (!json_is_string(sku))
        return wrong_type(wish, item_path(i, ".sku", buf), "a text", sku);
    if (json_is_integer(qty))
        return wish_take_line(wish, i, json_string_value(sku), json_string_length(sku), json_integer_value(qty));
    (void)snprintf(found, sizeof found, ", found %s", kind_of(qty));
    return wish_bad_qty(wish, item_path(i, ".qty", buf), "wrong_type", found);
}

static int take_item(struct wish *wish, uint32_t i, json_t *item)
{
    char buf[FIELD_SIZE];
    const char *name;
    json_t *value, *sku = NULL, *qty = NULL;
    if (!json_is_object(item))
        return wrong_type(wish, item_path(i, "", buf), "an object", item);
    json_object_foreach(item, name, value) {
        json_t **found = strcmp(name, "sku") == 0 ? &sku : strcmp(name, "qty") == 0 ? &qty : NULL;
        if (!found)
            return unknown_field(wish, item_path(i, ".", buf), name, "sku, qty");
        *found = value;
    }
    return check_item(wish, i, sku, qty);
}

static int take_items(struct wish *wish, json_t *items)
{
    if (!json_is_array(items))
        return wrong_type(wish, "items", "an array", items);
    size_t n = json_array_size(items);
    if (n < 1 || n > LINES_MAX)
        return wish_flaw(wish, "items", "out_of_range", "must be 1 to %d things, found %zu", LINES_MAX, n);
    for (size_t i = 0; i < n; i++) {
        int r = take_item(wish, (uint32_t)i, json_array_get(items, i));
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_body(struct wish *wish, json_t *body)
{
    const char *name;
    json_t *value;
    if (!json_is_object(body))
        return wrong_type(wish, "", "an object", body);
    json_object_foreach(body, name, value) {
        enum wish_text which = wish_find(wish, name, false);
        int r = which != WISH_TEXTS ? take_text(wish, which, value) :
                strcmp(name, "items") == 0 ? take_items(wish, value) :
                strcmp(name, "address") == 0 ? take_address(wish, value) :
                unknown_field(wish, "", name, "email, payment_method, items, address, note");
        if (r < 0)
            return r;
    }
    return wish->n_lines > 0 ? 0 : wish_missing(wish, "items");
}

int request_from_json(const struct catalogue *catalogue, const char *key, const char *body, size_t size, struct order **ret_order,
                      struct flaw *ret_flaw)
{
    struct wish wish;
    json_error_t error;
    wish_init(&wish, catalogue, false, ret_flaw);
    if (place_is_too_deep(body, size))
        return wish_flaw(&wish, "", "bad_json", "is nested deeper than %d", PLACE_DEPTH);
    json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return bad_json(&wish, body, size, &error);
    int r = take_body(&wish, root);
    if (r == 0)
        r = wish_order(&wish, key, ret_order);
    json_decref(root);
    return r;
}
