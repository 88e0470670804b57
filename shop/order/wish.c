/* wish.c - each text by one table, then what must be there, the sum, and the hash. */
#include "order/wish.h"

#include "order/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rule {
    const char *name, *path, *label;        /* in the form; in JSON; for people */
    size_t most;                            /* bytes */
} rules[WISH_TEXTS] = {
    [WISH_EMAIL] = { "email", "email", "E-mail", EMAIL_MAX },
    [WISH_METHOD] = { "payment_method", "payment_method", "Payment", METHOD_MAX },
    [WISH_NOTE] = { "note", "note", "Note", NOTE_MAX },
    [WISH_NAME] = { "name", "address.name", "Name", ADDRESS_MAX },
    [WISH_STREET] = { "street", "address.street", "Street", ADDRESS_MAX },
    [WISH_CITY] = { "city", "address.city", "City", ADDRESS_MAX },
    [WISH_POSTCODE] = { "postcode", "address.postcode", "Postcode", ADDRESS_MAX },
    [WISH_COUNTRY] = { "country", "address.country", "Country", ADDRESS_MAX },
};

void wish_init(struct wish *wish, const struct catalogue *catalogue, bool is_form, struct flaw *flaw)
{
    wish->catalogue = catalogue;
    wish->flaw = flaw;
    wish->is_form = is_form;
    memset(wish->texts, 0, sizeof wish->texts);
    wish->n_lines = 0;
}

enum wish_text wish_find(const struct wish *wish, const char *name, bool in_address)
{
    for (int i = 0; i < WISH_TEXTS; i++)
        if (strcmp(rules[i].name, name) == 0 && (wish->is_form || in_address == (i >= WISH_NAME)))
            return (enum wish_text)i;
    return WISH_TEXTS;
}

const char *wish_field(const struct wish *wish, enum wish_text which)
{
    return wish->is_form ? rules[which].name : rules[which].path;
}

/* ---- flaws --------------------------------------------------------------------------------------------------------------- */

static const char *label_of(const struct wish *wish, const char *field)
{
    if (*field == '\0')
        return wish->is_form ? "This form" : "the body";
    for (int i = 0; wish->is_form && i < WISH_TEXTS; i++)
        if (strcmp(rules[i].name, field) == 0)
            return rules[i].label;
    return !wish->is_form ? field : strcmp(field, "qty") == 0 ? "Quantity" : strcmp(field, "sku") == 0 ? "The T-shirt" : field;
}

int wish_flaw(struct wish *wish, const char *field, const char *code, const char *fmt, ...)
{
    struct flaw *flaw = wish->flaw;
    va_list args;
    (void)snprintf(flaw->field, sizeof flaw->field, "%s", field);
    (void)snprintf(flaw->code, sizeof flaw->code, "%s", code);
    int n = snprintf(flaw->text, sizeof flaw->text, "%s ", label_of(wish, field));
    va_start(args, fmt);
    (void)vsnprintf(flaw->text + n, sizeof flaw->text - (size_t)n, fmt, args);
    va_end(args);
    return -EBADMSG;
}

int wish_missing(struct wish *wish, const char *field)
{
    return wish_flaw(wish, field, "missing", wish->is_form ? "is missing: please fill it in" : "is missing");
}

int wish_bad_card(struct wish *wish, const char *field)
{
    return wish_flaw(wish, field, "card_number", "holds what looks like a card number: never send one here, only the gateway's token");
}

int wish_bad_qty(struct wish *wish, const char *field, const char *code, const char *found)
{
    return wish_flaw(wish, field, code, "must be a whole number from 1 to %d%s", QTY_MAX, found);
}

/* ---- taking -------------------------------------------------------------------------------------------------------------- */

/* Browsers end lines by CR LF; others by either. Gives the text with LF alone and its size, which may be above NOTE_MAX: then it is cut. */
static const char *even_lines(struct wish *wish, const char *text, size_t *size)
{
    size_t n = 0;
    if (!memchr(text, '\r', *size))
        return text;
    for (size_t i = 0; i < *size; i++) {
        if (text[i] == '\r' && i + 1 < *size && text[i + 1] == '\n')
            continue;
        if (n < NOTE_MAX)
            wish->note[n] = text[i] == '\r' ? '\n' : text[i];
        n++;
    }
    wish->note[n < NOTE_MAX ? n : NOTE_MAX] = '\0';
    *size = n;
    return wish->note;
}

static bool is_method(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

/* A part of a card number is none: so the check comes before a cut. */
int wish_take_text(struct wish *wish, enum wish_text which, const char *text, size_t size)
{
    const struct rule *rule = &rules[which];
    const char *field = wish_field(wish, which);
    if (memchr(text, '\0', size))
        return wish_flaw(wish, field, "bad_text", "holds a NUL byte");
    if (which == WISH_METHOD ? text_is_card_token(text) : text_has_card_number(text))
        return wish_bad_card(wish, field);
    if (which == WISH_NOTE)
        text = even_lines(wish, text, &size);
    if (size > rule->most)
        return wish_flaw(wish, field, "too_long", "is %zu bytes long, and may have %zu", size, rule->most);
    if (!text_is_plain(text, size, which == WISH_NOTE))
        return wish_flaw(wish, field, "bad_text", "must be plain text in UTF-8, without control characters");
    if (size > 0 && which == WISH_EMAIL && !text_is_email(text))
        return wish_flaw(wish, field, "bad_email", "must be an address like jane@example.org");
    if (which == WISH_METHOD && !is_method(text))
        return wish_flaw(wish, field, "bad_text", "must be the gateway's token, of letters, digits, \"_\" and \"-\"");
    wish->texts[which] = size > 0 ? text : NULL;
    return 0;
}

static const char *item_field(const struct wish *wish, uint32_t item, const char *name, char *buf)
{
    if (wish->is_form)
        return name;
    (void)snprintf(buf, sizeof wish->flaw->field, "items[%" PRIu32 "].%s", item, name);
    return buf;
}

static int bad_sku(struct wish *wish, const char *field, const char *sku, size_t size)
{
    if (size == 0)
        return wish_missing(wish, field);
    if (memchr(sku, '\0', size) || !text_is_plain(sku, size, false))
        return wish_flaw(wish, field, "bad_text", "must be plain text in UTF-8, without control characters");
    if (text_has_card_number(sku))
        return wish_bad_card(wish, field);
    if (text_is_name(sku, size))
        return wish_flaw(wish, field, "unknown_sku", "must name what is for sale here, found \"%s\"", sku);
    return wish_flaw(wish, field, "unknown_sku", "must name what is for sale here");
}

static int bad_qty(struct wish *wish, const char *field, int64_t qty)
{
    char digits[24], found[40];
    (void)snprintf(digits, sizeof digits, "%" PRId64, qty);
    (void)snprintf(found, sizeof found, ", found %s", digits);
    return text_has_card_number(digits) ? wish_bad_card(wish, field) : wish_bad_qty(wish, field, "out_of_range", found);
}

int wish_take_line(struct wish *wish, uint32_t item, const char *sku, size_t sku_size, int64_t qty)
{
    char buf[sizeof wish->flaw->field];
    const struct product *product = strlen(sku) == sku_size ? catalogue_find(wish->catalogue, sku) : NULL;
    if (!product)
        return bad_sku(wish, item_field(wish, item, "sku", buf), sku, sku_size);
    if (qty < 1 || qty > QTY_MAX)
        return bad_qty(wish, item_field(wish, item, "qty", buf), qty);
    wish->lines[wish->n_lines++] = (struct order_line){ product, product->price_cents, (uint32_t)qty };
    return 0;
}

/* ---- the order ----------------------------------------------------------------------------------------------------------- */

/* Who gives a part of where to send it must give enough of it. There are countries without postcodes. */
static int check_given(struct wish *wish)
{
    static const enum wish_text always[] = { WISH_EMAIL, WISH_METHOD }, place[] = { WISH_STREET, WISH_CITY, WISH_COUNTRY };
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (!wish->texts[always[i]])
            return wish_missing(wish, wish_field(wish, always[i]));
    bool has_place = wish->texts[WISH_POSTCODE];
    for (size_t i = 0; i < sizeof place / sizeof place[0]; i++)
        has_place |= wish->texts[place[i]] != NULL;
    for (size_t i = 0; has_place && i < sizeof place / sizeof place[0]; i++)
        if (!wish->texts[place[i]])
            return wish_flaw(wish, wish_field(wish, place[i]), "missing", "is missing: an address needs street, city and country");
    return 0;
}

static int check_total(struct wish *wish)
{
    int64_t total = 0, price;
    bool is_over = false;
    for (uint32_t i = 0; i < wish->n_lines; i++)
        is_over |= __builtin_mul_overflow(wish->lines[i].price_cents, (int64_t)wish->lines[i].qty, &price) ||
                   __builtin_add_overflow(total, price, &total) || total < 0 || total > TOTAL_MAX;
    if (is_over)
        return wish_flaw(wish, wish->is_form ? "qty" : "items", "out_of_range", "may come to 999,999.99 at most: order less at once");
    return 0;
}

static int compare_products(const void *a, const void *b)
{
    return strcmp(((const struct order_line *)a)->product->sku, ((const struct order_line *)b)->product->sku);
}

struct canon {
    size_t size;
    char bytes[EMAIL_MAX + METHOD_MAX + NOTE_MAX + 5 * ADDRESS_MAX + WISH_TEXTS + LINES_MAX * (SKU_SIZE + sizeof(uint32_t))];
};

static void canon_add(struct canon *canon, const void *bytes, size_t size)
{
    memcpy(canon->bytes + canon->size, bytes, size);
    canon->size += size;
}

/* Of what is wished, not of how it was said: texts with their NULs in one order, then how many of each thing, by SKU. So the order of
 * items does not count, nor whether a thing is named once or twice; and prices do not, which are not the customer's to say. */
static void hash(const struct wish *wish, struct token *ret_hash)
{
    struct canon canon = { .size = 0 };
    struct order_line lines[LINES_MAX];
    for (int i = 0; i < WISH_TEXTS; i++) {
        const char *text = wish->texts[i] ? wish->texts[i] : "";
        canon_add(&canon, text, strlen(text) + 1);
    }
    memcpy(lines, wish->lines, wish->n_lines * sizeof lines[0]);
    qsort(lines, wish->n_lines, sizeof lines[0], compare_products);
    for (uint32_t i = 0, k; i < wish->n_lines; i = k) {
        const struct product *product = lines[i].product;
        uint32_t qty = 0;
        for (k = i; k < wish->n_lines && lines[k].product == product; k++)
            qty += lines[k].qty;
        canon_add(&canon, product->sku, strlen(product->sku) + 1);
        canon_add(&canon, (uint8_t[]){ (uint8_t)(qty >> 24), (uint8_t)(qty >> 16), (uint8_t)(qty >> 8), (uint8_t)qty }, 4);
    }
    token_hash(canon.bytes, canon.size, ret_hash);
}

int wish_order(struct wish *wish, const char *key, struct order **ret_order)
{
    const char *const *texts = wish->texts;
    int r = check_given(wish);
    if (r == 0)
        r = check_total(wish);
    if (r < 0)
        return r;
    struct order_texts of = { key, texts[WISH_EMAIL], texts[WISH_METHOD], texts[WISH_NOTE], texts[WISH_NAME], texts[WISH_STREET],
                              texts[WISH_CITY], texts[WISH_POSTCODE], texts[WISH_COUNTRY] };
    struct order *order = order_new(&of, wish->lines, wish->n_lines, wish->catalogue->currency);
    if (!order)
        return -ENOMEM;
    hash(wish, &order->body_hash);
    *ret_order = order;
    return 0;
}
