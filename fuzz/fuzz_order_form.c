/* fuzz_order_form.c - any bytes as the body of POST /buy: a flaw of a field of the form, or an order that keeps what order.h promises, and
 * whose fields, read one by one, are those it came from. The storefront shows them again. */
#include "order_oracle.h"

#include "web/web.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUE = 2 * NOTE_MAX + 1 };      /* a note whose lines all ended by CR LF */

static void check_field(const char *body, size_t size, const char *name, const char *found)
{
    char value[VALUE];
    if (request_form_field(body, size, name, value, sizeof value))
        must(strcmp(value, found) == 0 || strchr(value, '\r'));
    else
        must(*found == '\0');
}

/* What was typed comes back, and no tag with it. */
static void check_page(const char *body, size_t size, const struct flaw *flaw)
{
    static char values[4][VALUE];
    static const char *const names[] = { "email", "sku", "qty", "note" };
    for (int i = 0; i < 4; i++)
        if (!request_form_field(body, size, names[i], values[i], VALUE))
            values[i][0] = '\0';
    const struct web_front front = { .catalogue = catalogue_demo(), .key = "k", .csrf = "c", .is_demo = true, .flaw_field = flaw->field,
                                     .flaw_text = flaw->text, .email = values[0], .sku = values[1], .qty = values[2], .note = values[3] };
    const struct web_front plain = { .catalogue = catalogue_demo(), .key = "k", .csrf = "c", .is_demo = true };
    char *page = web_front_page(&front), *usual = web_front_page(&plain);
    must(page && usual && text_is_utf8(page, strlen(page)));
    size_t tags = 0, usually = 0;
    for (const char *p = page; *p; p++)
        tags += *p == '<', must(*p == '\n' || (unsigned char)*p >= ' ');
    for (const char *p = usual; *p; p++)
        usually += *p == '<';
    must(tags >= usually && tags <= usually + 8);       /* the flaw, at the top and at its field */
    free(page);
    free(usual);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct order *order = NULL;
    struct flaw flaw = { 0 };
    char *body = copy_of(data, size);
    int r = request_from_form(catalogue_demo(), "key", body, size, &order, &flaw);
    check_outcome(r, order, &flaw, true);
    if (r == 0) {
        check_field(body, size, "email", order->email);
        check_field(body, size, "payment_method", order->method);
        check_field(body, size, "note", order->note);
        check_field(body, size, "name", order->name);
        check_field(body, size, "country", order->country);
        check_field(body, size, "sku", order->lines[0].product->sku);
    } else if (size % 64 == 0)      /* (a page costs as much as many forms) */
        check_page(body, size, &flaw);
    order_free(order);
    free(body);
    return 0;
}
