/* front.c - the storefront: one form, a card for each colour with its sizes to choose from, and beside it what else an order needs. */
#include "order/request.h"
#include "web/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FEW = 5 };               /* so many left are told */

/* ---- products, by name, colour and size ---------------------------------------------------------------------------------- */

static int size_rank(const char *size)
{
    static const char *const sizes[] = { "XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL", "XXXL", "4XL", "5XL" };
    int n = sizeof sizes / sizeof sizes[0], i = 0;
    while (i < n && strcasecmp(sizes[i], size) != 0)
        i++;
    return i;
}

static int compare_groups(const struct product *a, const struct product *b)
{
    int r = strcmp(a->name, b->name);
    return r ? r : strcmp(a->colour, b->colour);
}

static int compare_products(const void *a, const void *b)
{
    const struct product *one = *(const struct product *const *)a, *other = *(const struct product *const *)b;
    int r = compare_groups(one, other);
    r = r ? r : size_rank(one->size) - size_rank(other->size);
    return r ? r : strcmp(one->sku, other->sku);
}

/* ---- what was typed, and what was wrong with it -------------------------------------------------------------------------- */

/* What was typed is shown again, but not what should not have been. */
static const char *typed(const char *text)
{
    return text && !text_has_card_number(text) ? text : "";
}

static const char *flaw_text(const struct web_front *front)
{
    return front->flaw_text ? front->flaw_text : "";
}

static bool is_flawed(const struct web_front *front, const char *field)
{
    return front->flaw_field && strcmp(front->flaw_field, field) == 0;
}

static void put_flaw(struct out *out, const struct web_front *front, const char *field)
{
    if (is_flawed(front, field))
        html(out, "<p class=\"flaw-text\" id=\"%s-flaw\">%s</p>\n", field, flaw_text(front));
}

/* So that who cannot see it hears it with the field, and lands there. */
static void put_flaw_attributes(struct out *out, const struct web_front *front, const char *field)
{
    if (is_flawed(front, field))
        html(out, " aria-invalid=\"true\" aria-describedby=\"%s-flaw\" autofocus", field);
}

static void put_summary(struct out *out, const struct web_front *front)
{
    static const char *const fields[] = { "sku", "qty", "email", "payment_method", "note",
                                          "name", "street", "postcode", "city", "country" };
    if (!front->flaw_text)
        return;
    html(out, "<div class=\"flaw\" role=\"alert\"><strong>This order was not sent.</strong> ");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (is_flawed(front, fields[i])) {
            html(out, "<a href=\"#%s\">%s</a></div>\n", fields[i], front->flaw_text);
            return;
        }
    html(out, "%s</div>\n", front->flaw_text);
}

/* ---- cards --------------------------------------------------------------------------------------------------------------- */

static void put_size(struct out *out, const struct web_front *front, const struct product *product)
{
    bool is_gone = product->stock == 0, is_chosen = !is_gone && front->sku && strcmp(front->sku, product->sku) == 0;
    html(out, is_gone ? "<label class=\"size gone\">" : "<label class=\"size\">");
    html(out, "<input type=\"radio\" name=\"sku\" value=\"%s\" required", product->sku);
    html(out, is_gone ? " disabled>" : is_chosen ? " checked>" : ">");
    html(out, "<span class=\"pill\">%s</span>", product->size[0] ? product->size : "one size");
    if (is_gone)
        html(out, "<span class=\"left\">sold out</span>");
    else if (product->stock > 0 && product->stock <= FEW)
        html(out, "<span class=\"left\">%d left</span>", (int)product->stock);
    html(out, "</label>\n");
}

/* Where sizes have prices of their own, each new one is told before them. */
static void put_card(struct out *out, const struct web_front *front, const struct product *const *products, size_t n)
{
    const char *currency = front->catalogue->currency;
    char name[sizeof products[0]->name + sizeof products[0]->colour + 2], price[32];
    int64_t told = products[0]->price_cents;
    html(out, "<fieldset class=\"card\">\n<legend>");
    frame_shirt(out, products[0]->colour);
    html(out, "<span><span class=\"name\">%s</span> ", frame_name(products[0], name, sizeof name));
    html(out, "<span class=\"price\">%s</span></span></legend>\n<div class=\"sizes\">\n", web_money(told, currency, price, sizeof price));
    for (size_t i = 0; i < n; i++) {
        if (products[i]->price_cents != told) {
            told = products[i]->price_cents;
            html(out, "<p class=\"price\">%s</p>\n", web_money(told, currency, price, sizeof price));
        }
        put_size(out, front, products[i]);
    }
    html(out, "</div>\n</fieldset>\n");
}

static void put_cards(struct out *out, const struct web_front *front)
{
    const struct catalogue *catalogue = front->catalogue;
    const struct product **sorted = calloc(catalogue->n + 1, sizeof(const struct product *));
    if (!sorted) {
        out->has_failed = true;
        return;
    }
    for (size_t i = 0; i < catalogue->n; i++)
        sorted[i] = &catalogue->products[i];
    qsort(sorted, catalogue->n, sizeof sorted[0], compare_products);
    html(out, "<section class=\"choose\" aria-labelledby=\"sku\">\n<h2 id=\"sku\" tabindex=\"-1\">Choose colour and size</h2>\n");
    put_flaw(out, front, "sku");
    html(out, "<div class=\"cards\">\n");
    for (size_t i = 0, k; i < catalogue->n; i = k) {
        for (k = i + 1; k < catalogue->n && compare_groups(sorted[i], sorted[k]) == 0;)
            k++;
        put_card(out, front, sorted + i, k - i);
    }
    html(out, "</div>\n</section>\n");
    free(sorted);
}

/* ---- the rest of the order ----------------------------------------------------------------------------------------------- */

struct input {
    const char *name, *label, *hint, *type, *complete;      /* hint: NULL, none */
    unsigned most;
    bool is_needed;
};

static void put_input(struct out *out, const struct web_front *front, const struct input *input, const char *value)
{
    html(out, "<div class=\"field\">\n<label for=\"%s\">%s", input->name, input->label);
    if (input->hint)
        html(out, " <span class=\"hint\">%s</span>", input->hint);
    html(out, "</label>\n<input id=\"%s\" name=\"%s\" type=\"%s\" autocomplete=\"%s\" maxlength=\"%u\" value=\"%s\"",
         input->name, input->name, input->type, input->complete, input->most, typed(value));
    html(out, input->is_needed ? " required" : "");
    put_flaw_attributes(out, front, input->name);
    html(out, ">\n");
    put_flaw(out, front, input->name);
    html(out, "</div>\n");
}

static void put_qty(struct out *out, const struct web_front *front)
{
    html(out, "<div class=\"field\">\n<label for=\"qty\">Quantity</label>\n"
              "<input id=\"qty\" name=\"qty\" type=\"number\" inputmode=\"numeric\" min=\"1\" max=\"%d\" required value=\"%s\"",
         QTY_MAX, front->qty ? typed(front->qty) : "1");
    put_flaw_attributes(out, front, "qty");
    html(out, ">\n");
    put_flaw(out, front, "qty");
    html(out, "</div>\n");
}

/* The stand-in's payment methods. */
static void put_demo_payment(struct out *out, const struct web_front *front)
{
    static const struct { const char *method, *label, *hint; } methods[] = {
        { "pm_card_visa", "A card that pays", "charged at once" },
        { "pm_card_chargeDeclined", "A card that is declined", "the bank says no" },
        { "pm_slow", "A card that takes its time", "paid after three seconds" },
    };
    enum { N = sizeof methods / sizeof methods[0] };
    size_t chosen = N;
    while (chosen > 0 && !(front->method && strcmp(methods[chosen - 1].method, front->method) == 0))
        chosen--;
    html(out, "<fieldset class=\"field payment\" id=\"payment_method\" tabindex=\"-1\">\n<legend>Payment</legend>\n"
              "<p class=\"hint\">This is a demonstration: these cards are stand-ins, and no money moves.</p>\n");
    put_flaw(out, front, "payment_method");
    for (size_t i = 0; i < N; i++) {
        html(out, "<label class=\"choice\"><input type=\"radio\" name=\"payment_method\" value=\"%s\" required", methods[i].method);
        html(out, i == (chosen > 0 ? chosen - 1 : 0) ? " checked>" : ">");
        html(out, "<span>%s <span class=\"hint\">%s</span></span></label>\n", methods[i].label, methods[i].hint);
    }
    html(out, "</fieldset>\n");
}

static void put_payment(struct out *out, const struct web_front *front)
{
    static const struct input token = { "payment_method", "Payment token", "from the payment gateway, as pm_...; never a card number",
                                        "text", "off", METHOD_MAX, true };
    if (front->is_demo)
        put_demo_payment(out, front);
    else
        put_input(out, front, &token, front->method);
}

/* Folded away until it is used or wrong. */
static void put_address(struct out *out, const struct web_front *front)
{
    static const struct input inputs[] = {
        { "name", "Name", NULL, "text", "name", ADDRESS_MAX, false },
        { "street", "Street and number", NULL, "text", "street-address", ADDRESS_MAX, false },
        { "postcode", "Postcode", NULL, "text", "postal-code", ADDRESS_MAX, false },
        { "city", "City", NULL, "text", "address-level2", ADDRESS_MAX, false },
        { "country", "Country", NULL, "text", "country-name", ADDRESS_MAX, false },
    };
    enum { N = sizeof inputs / sizeof inputs[0] };
    const char *const values[N] = { front->name, front->street, front->postcode, front->city, front->country };
    bool is_open = false;
    for (size_t i = 0; i < N; i++)
        is_open |= is_flawed(front, inputs[i].name) || (values[i] && *values[i]);
    html(out, is_open ? "<details open>\n" : "<details>\n");
    html(out, "<summary>Name and address <span class=\"hint\">optional</span></summary>\n"
              "<p class=\"hint\">An address needs street, city and country.</p>\n");
    for (size_t i = 0; i < N; i++)
        put_input(out, front, &inputs[i], values[i]);
    html(out, "</details>\n");
}

static void put_note(struct out *out, const struct web_front *front)
{
    html(out, "<div class=\"field\">\n<label for=\"note\">Note <span class=\"hint\">optional</span></label>\n"
              "<textarea id=\"note\" name=\"note\" rows=\"2\" maxlength=\"%d\"", NOTE_MAX);
    put_flaw_attributes(out, front, "note");
    html(out, ">\n%s</textarea>\n", typed(front->note));        /* a browser drops the first newline: this one */
    put_flaw(out, front, "note");
    html(out, "</div>\n");
}

static void put_checkout(struct out *out, const struct web_front *front)
{
    static const struct input email = { "email", "E-mail", "for the receipt", "email", "email", EMAIL_MAX, true };
    html(out, "<section class=\"checkout\" aria-labelledby=\"order\">\n<h2 id=\"order\">Your order</h2>\n");
    put_qty(out, front);
    put_input(out, front, &email, front->email);
    put_payment(out, front);
    put_address(out, front);
    put_note(out, front);
    html(out, "<button class=\"button\" type=\"submit\">Order and pay</button>\n</section>\n");
}

char *web_front_page(const struct web_front *front)
{
    struct out out = { 0 };
    frame_begin(&out, front->flaw_text ? "Please correct your order" : "T-shirts");
    html(&out, "<main class=\"wide\">\n<h1>T-shirts</h1>\n"
               "<p class=\"lead\">Pick one, pay, and the receipt comes by e-mail while you go on.</p>\n");
    put_summary(&out, front);
    html(&out, "<form class=\"shop\" method=\"post\" action=\"/buy\">\n<input type=\"hidden\" name=\"key\" value=\"%s\">\n"
               "<input type=\"hidden\" name=\"csrf\" value=\"%s\">\n", front->key, front->csrf);
    put_cards(&out, front);
    put_checkout(&out, front);
    html(&out, "</form>\n</main>\n");
    return frame_end(&out);
}
