/* test_web.c - the shop's pages: well-formed whatever they show, and with words for all that can be. */
#include "harness.h"

#include "base/clock.h"
#include "web/html.h"
#include "web/web.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTILE "\"'><script>alert(1)</script><b x=&amp;\x01\xff\xc3"
#define HARMLESS "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;b x=&amp;amp;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"

/* ---- a page is well-formed ----------------------------------------------------------------------------------------------- */

enum { DEEP = 64, IDS = 4096, NAME = 64 };

struct page {
    const char *at;
    int depth, n_ids;
    char open[DEEP][NAME];
    char id[IDS][NAME];
};

#define must(truth, p) ck_assert_msg(truth, "%s: ...%.120s", #truth, (p)->at)

static size_t name_size(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '-' || text[n] == ':')
        n++;
    return n;
}

static void check_entity(struct page *p)
{
    static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
    bool is_known = false;
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++)
        is_known |= strncmp(p->at, entities[i], strlen(entities[i])) == 0;
    must(is_known, p);
}

/* name, or name="value"; none that holds a script or a style, no id twice. */
static void read_attribute(struct page *p)
{
    char name[NAME];
    size_t n = name_size(p->at);
    must(n > 0 && n < NAME, p);
    snprintf(name, sizeof name, "%.*s", (int)n, p->at);
    ck_assert_msg(strncmp(name, "on", 2) != 0 && strcmp(name, "style") != 0, "%s", name);
    p->at += n;
    if (*p->at != '=')
        return;
    must(p->at[1] == '"', p);
    const char *value = p->at += 2;
    for (; *p->at != '"'; p->at++) {
        must(*p->at && *p->at != '<' && *p->at != '>', p);
        if (*p->at == '&')
            check_entity(p);
    }
    if (strcmp(name, "id") == 0) {
        snprintf(p->id[p->n_ids], NAME, "%.*s", (int)(p->at - value), value);
        for (int i = 0; i < p->n_ids; i++)
            ck_assert_msg(strcmp(p->id[i], p->id[p->n_ids]) != 0, "two ids %s", p->id[i]);
        ck_assert_int_lt(++p->n_ids, IDS);
    }
    p->at++;
}

static void read_tag(struct page *p)
{
    static const char *const voids[] = { "meta", "link", "input", "br" };
    char name[NAME];
    bool is_end = p->at[1] == '/', is_void = false;
    p->at += 1 + is_end;
    size_t n = name_size(p->at);
    must(n > 0 && n < NAME, p);
    snprintf(name, sizeof name, "%.*s", (int)n, p->at);
    p->at += n;
    ck_assert_msg(strcmp(name, "script") != 0 && strcmp(name, "style") != 0, "%s", name);
    if (is_end) {
        must(*p->at++ == '>' && p->depth > 0, p);
        ck_assert_str_eq(name, p->open[--p->depth]);
        return;
    }
    while (*p->at == ' ') {
        p->at++;
        read_attribute(p);
    }
    bool is_closed = *p->at == '/';
    p->at += is_closed;
    must(*p->at++ == '>', p);
    for (size_t i = 0; i < sizeof voids / sizeof voids[0]; i++)
        is_void |= strcmp(voids[i], name) == 0;
    if (!is_void && !is_closed) {
        ck_assert_int_lt(p->depth, DEEP);
        strcpy(p->open[p->depth++], name);
    }
}

static void check_page(const char *text)
{
    static const char doctype[] = "<!DOCTYPE html>\n";
    struct page *p = calloc(1, sizeof *p);
    ck_assert_ptr_nonnull(text);
    ck_assert(strncmp(text, doctype, sizeof doctype - 1) == 0);
    for (p->at = text + sizeof doctype - 1; *p->at;)
        if (*p->at == '<')
            read_tag(p);
        else {
            if (*p->at == '&')
                check_entity(p);
            must(*p->at != '>' && (*p->at == '\n' || (unsigned char)*p->at >= ' '), p);
            p->at++;
        }
    ck_assert_int_eq(p->depth, 0);
    for (const char *to = text; (to = strstr(to, " for=\"")); to++) {      /* a label belongs to something */
        char id[NAME];
        bool is_there = false;
        snprintf(id, sizeof id, "%.*s", (int)strcspn(to + 6, "\""), to + 6);
        for (int i = 0; i < p->n_ids; i++)
            is_there |= strcmp(id, p->id[i]) == 0;
        ck_assert_msg(is_there, "no %s", id);
    }
    free(p);
}

static bool has(const char *page, const char *text)
{
    return strstr(page, text) != NULL;
}

static size_t count(const char *page, const char *text)
{
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, text)); at++)
        n++;
    return n;
}

/* ---- helpers ------------------------------------------------------------------------------------------------------------- */

static char *front_of(const struct web_front *front)
{
    char *page = web_front_page(front);
    check_page(page);
    return page;
}

static struct order *order_in(enum order_state state)
{
    const struct catalogue *catalogue = catalogue_demo();
    const struct order_texts texts = { .key = "k", .email = "jane@example.org", .method = "pm_card_visa", .note = "secret note",
                                       .name = "Jane" };
    const struct order_line lines[] = { { catalogue_find(catalogue, "TSHIRT-RED-M"), 1990, 2 },
                                         { catalogue_find(catalogue, "TSHIRT-BLUE-S"), 1990, 1 } };
    struct order *order = order_new(&texts, lines, 2, "eur");
    ck_assert_ptr_nonnull(order);
    order->state = state;
    order->created_ms = clock_ms();
    return order;
}

static struct web_front plain_front(void)
{
    return (struct web_front){ .catalogue = catalogue_demo(), .key = "KEY", .csrf = "CSRF", .is_demo = true };
}

/* ---- cases --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_text_in_HTML_is_escaped)
{
    struct out out = { 0 };
    html(&out, "<p a=\"%s\">%d %u%% %s</p>", HOSTILE, -7, 7u, "a\nb\x7f \xc3\xb6");
    char *text = out_end(&out);
    ck_assert_str_eq(text, "<p a=\"" HARMLESS "\">-7 7% a\nb\xef\xbf\xbd \xc3\xb6</p>");
    free(text);
}
END_TEST

START_TEST(the_storefront_offers_all_that_is_for_sale)
{
    const struct web_front front = plain_front();
    char *page = front_of(&front);
    ck_assert_uint_eq(count(page, "name=\"sku\""), 16);
    ck_assert_uint_eq(count(page, "<fieldset class=\"card\">"), 4);
    ck_assert(has(page, "<form class=\"shop\" method=\"post\" action=\"/buy\">"));
    ck_assert(has(page, "<input type=\"hidden\" name=\"key\" value=\"KEY\">"));
    ck_assert(has(page, "<input type=\"hidden\" name=\"csrf\" value=\"CSRF\">"));
    ck_assert(strstr(page, "RED-S") < strstr(page, "RED-M") && strstr(page, "RED-M") < strstr(page, "RED-L"));
    ck_assert(strstr(page, "RED-L") < strstr(page, "RED-XL"));
    ck_assert(!has(page, " disabled") && !has(page, "sold out") && !has(page, "role=\"alert\"") && !has(page, "autofocus"));
    ck_assert(has(page, "19.90 EUR") && has(page, "pm_card_visa") && has(page, "pm_card_chargeDeclined") && has(page, "pm_slow"));
    ck_assert_uint_eq(count(page, " checked"), 1);
    free(page);
}
END_TEST

START_TEST(without_the_stand_in_a_token_is_asked_for)
{
    struct web_front front = plain_front();
    front.is_demo = false;
    char *page = front_of(&front);
    ck_assert(!has(page, "pm_card_visa") && has(page, "<input id=\"payment_method\" name=\"payment_method\" type=\"text\""));
    free(page);
}
END_TEST

START_TEST(what_is_sold_out_cannot_be_chosen)
{
    struct product products[] = {
        { .sku = "A-M", .name = "T-shirt", .colour = "Red", .size = "M", .price_cents = 100, .stock = 0 },
        { .sku = "A-S", .name = "T-shirt", .colour = "Red", .size = "S", .price_cents = 100, .stock = 3 },
        { .sku = "A-XL", .name = "T-shirt", .colour = "Red", .size = "XL", .price_cents = 250, .stock = 6 },
        { .sku = "B", .name = "Mug", .price_cents = 5, .stock = UNLIMITED },
    };
    const struct catalogue catalogue = { "usd", 4, products };
    struct web_front front = plain_front();
    front.catalogue = &catalogue;
    front.sku = "A-M";
    char *page = front_of(&front);
    ck_assert(has(page, "value=\"A-M\" required disabled>") && count(page, "sold out") == 1 && count(page, " disabled") == 1);
    ck_assert(has(page, "3 left") && !has(page, "6 left"));
    ck_assert(!has(page, "value=\"A-M\" required checked>"));
    ck_assert(has(page, "1.00 USD") && has(page, "2.50 USD") && has(page, "0.05 USD") && has(page, "one size"));
    free(page);
}
END_TEST

START_TEST(an_empty_and_a_large_shop_have_a_page)
{
    struct product *products = calloc(PRODUCTS_MAX, sizeof *products);
    struct catalogue catalogue = { "eur", 0, products };
    struct web_front front = plain_front();
    front.catalogue = &catalogue;
    free(front_of(&front));
    for (int i = 0; i < PRODUCTS_MAX; i++) {
        snprintf(products[i].sku, sizeof products[i].sku, "S-%04d", i);
        snprintf(products[i].name, sizeof products[i].name, "Thing %d", i % 250);
        products[i].stock = i % 3;
    }
    catalogue.n = PRODUCTS_MAX;
    char *page = front_of(&front);
    ck_assert_uint_eq(count(page, "name=\"sku\""), PRODUCTS_MAX);
    ck_assert_uint_eq(count(page, "<fieldset class=\"card\">"), 250);
    free(page);
    free(products);
}
END_TEST

START_TEST(the_form_keeps_what_was_typed)
{
    struct web_front front = plain_front();
    front.email = "jane@";
    front.sku = "TSHIRT-GREEN-M";
    front.qty = "abc";
    front.note = "\ntwo\nlines";
    front.method = "pm_slow";
    front.name = "Jane";
    front.street = "Way 1";
    front.city = "Town";
    front.postcode = "10115";
    front.country = "Germany";
    for (int i = 0; i < 2; i++) {
        front.is_demo = i == 0;
        char *page = front_of(&front);
        ck_assert(has(page, "value=\"jane@\"") && has(page, "value=\"TSHIRT-GREEN-M\" required checked>") && has(page, "value=\"abc\""));
        ck_assert(has(page, ">\n\ntwo\nlines</textarea>") && has(page, "value=\"Jane\"") && has(page, "value=\"Way 1\""));
        ck_assert(has(page, "value=\"Town\"") && has(page, "value=\"10115\"") && has(page, "value=\"Germany\""));
        ck_assert(has(page, "<details open>"));
        ck_assert(has(page, front.is_demo ? "value=\"pm_slow\" required checked>" : "value=\"pm_slow\" required>"));
        ck_assert_uint_eq(count(page, " checked"), front.is_demo ? 2 : 1);
        free(page);
    }
}
END_TEST

START_TEST(a_flaw_is_told_at_its_field)
{
    static const char *const fields[] = { "sku", "qty", "email", "payment_method", "note",
                                          "name", "street", "postcode", "city", "country" };
    struct web_front front = plain_front();
    front.flaw_text = "That was wrong";
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (int k = 0; k < 2; k++) {
            char at[64], from[64], described[64];
            front.flaw_field = fields[i];
            front.is_demo = k == 0;
            char *page = front_of(&front);
            snprintf(at, sizeof at, "id=\"%s-flaw\">That was wrong", fields[i]);
            snprintf(from, sizeof from, "<a href=\"#%s\">That was wrong</a>", fields[i]);
            snprintf(described, sizeof described, "aria-describedby=\"%s-flaw\"", fields[i]);
            ck_assert_msg(has(page, at) && has(page, from) && count(page, "That was wrong") == 2, "%s", fields[i]);
            ck_assert_msg(has(page, described) || i == 0 || (i == 3 && front.is_demo), "%s", fields[i]);
            ck_assert_uint_eq(count(page, "role=\"alert\""), 1);
            ck_assert(i < 5 || has(page, "<details open>"));
            free(page);
        }
    front.flaw_field = "coupon";
    char *page = front_of(&front);
    ck_assert_uint_eq(count(page, "That was wrong"), 1);
    free(page);
    front.flaw_field = NULL;
    page = front_of(&front);
    ck_assert_uint_eq(count(page, "That was wrong"), 1);
    free(page);
}
END_TEST

START_TEST(a_card_number_that_was_typed_is_not_shown_again)
{
    static const char card[] = "4242 4242 4242 4242";
    struct web_front front = plain_front();
    front.email = front.qty = front.note = front.method = front.name = front.street = front.city = front.postcode = front.country = card;
    for (int i = 0; i < 2; i++) {
        front.is_demo = i == 0;
        char *page = front_of(&front);
        ck_assert(!has(page, "4242"));
        free(page);
    }
}
END_TEST

START_TEST(hostile_texts_are_harmless_in_every_place)
{
    struct product product = { .price_cents = 1, .stock = 1 };
    const struct catalogue catalogue = { "<\"", 1, &product };
    snprintf(product.sku, sizeof product.sku, "%.30s", HOSTILE);
    snprintf(product.name, sizeof product.name, HOSTILE);
    snprintf(product.colour, sizeof product.colour, "%.15s", HOSTILE);
    snprintf(product.size, sizeof product.size, "%.7s", HOSTILE);
    for (int i = 0; i < 4; i++) {
        const struct web_front front = { &catalogue, HOSTILE, HOSTILE, i % 2, i / 2 ? "email" : HOSTILE, HOSTILE, HOSTILE, HOSTILE,
                                         HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE };
        char *page = front_of(&front);
        ck_assert(!has(page, "<script") && !has(page, "<b x") && !has(page, "\x01") && !has(page, "\xff"));
        ck_assert_uint_ge(count(page, HARMLESS), 11);
        free(page);
    }
    const struct order_line line = { &product, 1, 1 };
    const struct order_texts texts = { HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE };
    struct order *order = order_new(&texts, &line, 1, "eur");
    order->state = ORDER_DECLINED;
    const struct web_order view = { .order = order, .is_demo = true, .declined = HOSTILE };
    char *page = web_order_page(&view);
    check_page(page);
    ck_assert(!has(page, "<script") && count(page, HARMLESS) == 2);
    free(page);
    order_free(order);
    page = web_message_page(HOSTILE, HOSTILE, HOSTILE, HOSTILE);
    check_page(page);
    ck_assert(!has(page, "<script") && count(page, HARMLESS) == 5);
    free(page);
}
END_TEST

START_TEST(every_state_has_its_words)
{
    for (int state = ORDER_CHARGING; state <= ORDER_REVIEW; state++)
        for (int receipt = RECEIPT_NONE; receipt <= RECEIPT_DEAD; receipt++) {
            struct order *order = order_in((enum order_state)state);
            const struct web_order view = { .order = order, .receipt = (enum receipt_state)receipt };
            char *page = web_order_page(&view);
            check_page(page);
            ck_assert(!has(page, "<h1></h1>") && !has(page, "<dd></dd>") && !has(page, "<p class=\"lead\"></p>"));
            ck_assert(!has(page, "class=\"\""));
            ck_assert(has(page, "39.80 EUR") && has(page, "59.70 EUR") && has(page, "Red T-shirt, size M") && has(page, "href=\"/\""));
            ck_assert(!has(page, "jane") && !has(page, "Jane") && !has(page, "secret") && !has(page, "pm_card"));
            free(page);
            order_free(order);
        }
}
END_TEST

START_TEST(a_receipt_on_its_way_becomes_one_that_is_sent)
{
    struct order *order = order_in(ORDER_PAID);
    struct web_order view = { .order = order, .receipt = RECEIPT_READY };
    char *page = web_order_page(&view);
    ck_assert(has(page, "On its way") && has(page, "Thank you!") && has(page, "loads itself anew"));
    free(page);
    view.receipt = RECEIPT_SENT;
    page = web_order_page(&view);
    ck_assert(!has(page, "On its way") && has(page, "Sent to your e-mail") && !has(page, "loads itself anew"));
    free(page);
    order->state = ORDER_DECLINED;
    view.receipt = RECEIPT_NONE;
    view.declined = "Your card has no money.";
    page = web_order_page(&view);
    ck_assert(has(page, "declined") && has(page, "Your card has no money.") && has(page, "not charged"));
    free(page);
    order_free(order);
}
END_TEST

START_TEST(a_page_loads_itself_anew_only_while_something_is_on_its_way)
{
    for (int state = ORDER_CHARGING; state <= ORDER_REVIEW; state++)
        for (int receipt = RECEIPT_NONE; receipt <= RECEIPT_DEAD; receipt++) {
            struct order *order = order_in((enum order_state)state);
            const struct web_order view = { .order = order, .receipt = (enum receipt_state)receipt };
            bool is_going = state == ORDER_CHARGING || (state == ORDER_PAID && receipt >= RECEIPT_READY && receipt <= RECEIPT_HANDED);
            ck_assert_msg(web_refreshes(&view) == is_going, "%d %d", state, receipt);
            order->created_ms -= 2 * 3600 * 1000;
            ck_assert(!web_refreshes(&view));
            order_free(order);
        }
}
END_TEST

START_TEST(the_name_of_the_shop_stands_on_its_pages)
{
    web_init("Tom & Co");
    char *page = web_message_page("Gone", "Not here.", NULL, NULL);
    check_page(page);
    ck_assert(has(page, "<title>Gone - Tom &amp; Co</title>") && has(page, "<span>Tom &amp; Co</span>") && !has(page, "class=\"button\""));
    free(page);
}
END_TEST

START_TEST(money_is_written_with_two_decimals)
{
    static const struct { int64_t cents; const char *currency, *text; } sums[] = {
        { 1990, "eur", "19.90 EUR" }, { 0, "usd", "0.00 USD" }, { 5, "eur", "0.05 EUR" }, { -1990, "eur", "-19.90 EUR" },
        { INT64_MIN, "eur", "-92233720368547758.08 EUR" }, { 100, "", "1.00 " },
    };
    char buf[64];
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++)
        ck_assert_str_eq(web_money(sums[i].cents, sums[i].currency, buf, sizeof buf), sums[i].text);
}
END_TEST

START_TEST(the_policy_lets_nothing_foreign_in)
{
    size_t n = 0;
    while (web_headers[n])
        n++;
    ck_assert_uint_eq(n, 8);
    ck_assert_str_eq(web_headers[0], "Content-Security-Policy");
    ck_assert(strncmp(web_headers[1], "default-src 'none'; ", 20) == 0 && !has(web_headers[1], "unsafe") && !has(web_headers[1], "http"));
    ck_assert(has(web_headers[1], "form-action 'self'") && has(web_headers[1], "frame-ancestors 'none'"));
    ck_assert(has(web_headers[1], "base-uri 'none'"));
    ck_assert(!has(web_style, "url(") && !has(web_style, "@import") && has(web_style, ":focus-visible") && has(web_style, "\"\\2713\""));
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_text_in_HTML_is_escaped);
    add_case(the_storefront_offers_all_that_is_for_sale);
    add_case(without_the_stand_in_a_token_is_asked_for);
    add_case(what_is_sold_out_cannot_be_chosen);
    add_case(an_empty_and_a_large_shop_have_a_page);
    add_case(the_form_keeps_what_was_typed);
    add_case(a_flaw_is_told_at_its_field);
    add_case(a_card_number_that_was_typed_is_not_shown_again);
    add_case(hostile_texts_are_harmless_in_every_place);
    add_case(every_state_has_its_words);
    add_case(a_receipt_on_its_way_becomes_one_that_is_sent);
    add_case(a_page_loads_itself_anew_only_while_something_is_on_its_way);
    add_case(the_name_of_the_shop_stands_on_its_pages);
    add_case(money_is_written_with_two_decimals);
    add_case(the_policy_lets_nothing_foreign_in);
    return run_cases(argc, argv);
}
