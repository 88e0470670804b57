/* test_request.c - bodies from outside: what they become, or which field is wrong and how. */
#include "harness.h"

#include "order/answer.h"
#include "order/request.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD_HEAD "\"email\": \"jane@example.org\", \"payment_method\": \"pm_card_visa\""
#define GOOD_ITEMS "\"items\": [{\"sku\": \"TSHIRT-RED-M\", \"qty\": 2}]"
#define WITH(more) "{" GOOD_HEAD ", " GOOD_ITEMS ", " more "}"
#define ITEMS(items) "{" GOOD_HEAD ", \"items\": " items "}"
#define FORM "email=jane%40example.org&payment_method=pm_card_visa&sku=TSHIRT-RED-M&qty=2"
#define CARD "4242424242424242"

static int json(const char *body, struct order **ret_order, struct flaw *ret_flaw)
{
    memset(ret_flaw, 0, sizeof *ret_flaw);
    return request_from_json(catalogue_demo(), "key", body, strlen(body), ret_order, ret_flaw);
}

static int form(const char *body, struct order **ret_order, struct flaw *ret_flaw)
{
    memset(ret_flaw, 0, sizeof *ret_flaw);
    return request_from_form(catalogue_demo(), "key", body, strlen(body), ret_order, ret_flaw);
}

static struct order *order_of(int (*read)(const char *, struct order **, struct flaw *), const char *body)
{
    struct order *order = NULL;
    struct flaw flaw;
    int r = read(body, &order, &flaw);
    ck_assert_msg(r == 0, "%s\n%d %s: %s: %s", body, r, flaw.field, flaw.code, flaw.text);
    return order;
}

struct bad {
    const char *body, *field, *code, *words;        /* words: a part of the text; NULL: any */
};

static void check_bad(int (*read)(const char *, struct order **, struct flaw *), const struct bad *bad)
{
    struct order *order = NULL;
    struct flaw flaw;
    int r = read(bad->body, &order, &flaw);
    ck_assert_msg(r == -EBADMSG && !order, "%s: %d", bad->body, r);
    ck_assert_msg(strcmp(flaw.field, bad->field) == 0 && strcmp(flaw.code, bad->code) == 0, "%s\nfound \"%s\" %s: %s",
                  bad->body, flaw.field, flaw.code, flaw.text);
    ck_assert_msg(!bad->words || strstr(flaw.text, bad->words), "%s\nfound: %s", bad->body, flaw.text);
    ck_assert_msg(flaw.text[0] && !text_has_card_number(flaw.text) && !text_has_card_number(flaw.field), "%s", flaw.text);
}

START_TEST(an_order_by_JSON_has_all_that_was_sent)
{
    struct order *order = order_of(json, WITH("\"note\": \"two\\r\\nlines\", \"address\": {\"name\": \"J\\u00f6rg \xe2\x82\xac\", "
        "\"street\": \"Way 1\", \"city\": \"Town\", \"postcode\": \"10115\", \"country\": \"Germany\"}"));
    ck_assert_str_eq(order->key, "key");
    ck_assert_str_eq(order->email, "jane@example.org");
    ck_assert_str_eq(order->method, "pm_card_visa");
    ck_assert_str_eq(order->note, "two\nlines");
    ck_assert_str_eq(order->name, "J\xc3\xb6rg \xe2\x82\xac");
    ck_assert_str_eq(order->street, "Way 1");
    ck_assert_str_eq(order->city, "Town");
    ck_assert_str_eq(order->postcode, "10115");
    ck_assert_str_eq(order->country, "Germany");
    ck_assert_uint_eq(order->n_lines, 1);
    ck_assert_ptr_eq(order->lines[0].product, catalogue_find(catalogue_demo(), "TSHIRT-RED-M"));
    ck_assert_uint_eq(order->lines[0].qty, 2);
    ck_assert_int_eq(order->lines[0].price_cents, 1990);
    ck_assert_int_eq(order->total_cents, 3980);
    ck_assert_str_eq(order->currency, "eur");
    order_free(order);
}
END_TEST

START_TEST(what_is_wrong_by_JSON_is_named_and_told)
{
    static const struct bad bad[] = {
        { "", "", "bad_json", "ends too early" },
        { "{", "", "bad_json", "line 1" },
        { "{}x", "", "bad_json", "follows its end" },
        { "\"text\"", "", "bad_json", NULL },
        { "{\"email\": \"\xff\"}", "", "bad_json", "UTF-8" },
        { "{\"email\": \"a\\u0000b\"}", "", "bad_json", "NUL" },
        { "{\"ema\\u0000il\": 1}", "", "bad_json", "NUL" },
        { "{\"email\": \"a\nb\"}", "", "bad_json", NULL },
        { "[[[[[[[[[1]]]]]]]]]", "", "bad_json", "deeper than 8" },
        { "[]", "", "wrong_type", "the body must be an object, found an array" },
        { "{}", "items", "missing", "items is missing" },
        { "{" GOOD_ITEMS ", \"payment_method\": \"pm_x\"}", "email", "missing", NULL },
        { "{" GOOD_ITEMS ", \"email\": \"a@b.c\"}", "payment_method", "missing", NULL },
        { "{" GOOD_HEAD "}", "items", "missing", NULL },
        { WITH("\"email\": \"x@example.org\""), "email", "repeated", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 1}, {\"qty\": 1, \"qty\": 2}]"), "items[1].qty", "repeated", NULL },
        { WITH("\"address\": {\"city\": \"x\", \"name\": \"[,{\\\"\", \"city\": \"y\"}"), "address.city", "repeated", NULL },
        { WITH("\"coupon\": 1"), "coupon", "unknown_field", "coupon has no place here" },
        { WITH("\"<script>\": 1"), "", "unknown_field", "the body has a field" },
        { WITH("\"address\": {\"zip\": 1}"), "address.zip", "unknown_field", "postcode" },
        { WITH("\"address\": {\" \": 1}"), "address", "unknown_field", NULL },
        { WITH("\"name\": \"Jane\""), "name", "unknown_field", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 1, \"price_cents\": 1}]"), "items[0].price_cents", "unknown_field", "sku, qty" },
        { WITH("\"note\": null"), "note", "wrong_type", "note must be a text, found null" },
        { WITH("\"address\": \"Way 1\""), "address", "wrong_type", "an object, found a text" },
        { WITH("\"address\": {\"city\": 1}"), "address.city", "wrong_type", "a text, found a number" },
        { ITEMS("{}"), "items", "wrong_type", "an array, found an object" },
        { ITEMS("[]"), "items", "out_of_range", "1 to 100 things, found 0" },
        { ITEMS("[1]"), "items[0]", "wrong_type", NULL },
        { ITEMS("[{\"qty\": 1}]"), "items[0].sku", "missing", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\"}]"), "items[0].qty", "missing", NULL },
        { ITEMS("[{\"sku\": 1, \"qty\": 1}]"), "items[0].sku", "wrong_type", NULL },
        { ITEMS("[{\"sku\": \"\", \"qty\": 1}]"), "items[0].sku", "missing", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-PINK-M\", \"qty\": 1}]"), "items[0].sku", "unknown_sku", "found \"TSHIRT-PINK-M\"" },
        { ITEMS("[{\"sku\": \"tshirt-red-m\", \"qty\": 1}]"), "items[0].sku", "unknown_sku", NULL },
        { ITEMS("[{\"sku\": \"<b>\", \"qty\": 1}]"), "items[0].sku", "unknown_sku", "for sale here" },
        { ITEMS("[{\"sku\": \"A\\tB\", \"qty\": 1}]"), "items[0].sku", "bad_text", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 1}, {\"sku\": \"TSHIRT-RED-M\", \"qty\": 0}]"), "items[1].qty", "out_of_range",
          "items[1].qty must be a whole number from 1 to 99, found 0" },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": -1}]"), "items[0].qty", "out_of_range", "found -1" },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 100}]"), "items[0].qty", "out_of_range", "found 100" },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 4294967297}]"), "items[0].qty", "out_of_range", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 99999999999999999999}]"), "items[0].qty", "out_of_range", "too large" },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 1e999}]"), "items[0].qty", "out_of_range", "too large" },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 1.0}]"), "items[0].qty", "wrong_type",
          "a whole number from 1 to 99, found a fraction" },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": \"1\"}]"), "items[0].qty", "wrong_type", "found a text" },
        { WITH("\"address\": {\"name\": \"Jane\", \"street\": \"Way 1\", \"country\": \"Germany\"}"), "address.city", "missing", NULL },
        { WITH("\"address\": {\"postcode\": \"10115\"}"), "address.street", "missing", NULL },
        { WITH("\"note\": \"a\\tb\""), "note", "bad_text", NULL },
        { WITH("\"note\": \"a\\u0085b\""), "note", "bad_text", NULL },
        { WITH("\"note\": \"a\\u202eb\""), "note", "bad_text", NULL },
        { WITH("\"note\": \"a\\u007fb\""), "note", "bad_text", NULL },
        { WITH("\"address\": {\"name\": \"Jane\\nBcc: x@example.org\"}"), "address.name", "bad_text", NULL },
        { "{\"email\": \"jane\\n@example.org\", \"payment_method\": \"x\"}", "email", "bad_text", NULL },
        { "{\"email\": \"jane\"}", "email", "bad_email", "jane@example.org" },
        { "{\"email\": \"\", \"payment_method\": \"x\", " GOOD_ITEMS "}", "email", "missing", NULL },
        { "{\"payment_method\": \"pm card\"}", "payment_method", "bad_text", "token" },
        { "{\"payment_method\": \"\", \"email\": \"a@b.c\", " GOOD_ITEMS "}", "payment_method", "missing", NULL },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_bad(json, &bad[i]);
}
END_TEST

START_TEST(what_is_wrong_in_a_form_is_named_and_told)
{
    static const struct bad bad[] = {
        { "", "sku", "missing", "choose a colour" },
        { "email=%4", "", "bad_form", NULL },
        { "email=%zz", "", "bad_form", NULL },
        { "email=a%00b", "", "bad_form", NULL },
        { "em%00ail=a", "", "bad_form", NULL },
        { "email=%ff", "email", "bad_text", "UTF-8" },
        { "email=jane", "email", "bad_email", "E-mail must be" },
        { FORM "&qty=2", "qty", "repeated", NULL },
        { FORM "&%71ty=2", "qty", "repeated", NULL },
        { FORM "&email=", "email", "repeated", NULL },
        { FORM "&coupon=1", "coupon", "unknown_field", NULL },
        { FORM "&items=1", "items", "unknown_field", NULL },
        { FORM "&%3Cb%3E=1", "", "unknown_field", NULL },
        { "sku=TSHIRT-RED-M&qty=0", "qty", "out_of_range", "Quantity must be a whole number from 1 to 99, found 0" },
        { "sku=TSHIRT-RED-M&qty=", "qty", "missing", "Quantity is missing" },
        { "sku=TSHIRT-RED-M&qty=1.5", "qty", "out_of_range", NULL },
        { "sku=TSHIRT-RED-M&qty=-1", "qty", "out_of_range", NULL },
        { "sku=TSHIRT-RED-M&qty=+1", "qty", "out_of_range", NULL },
        { "sku=TSHIRT-RED-M&qty=0x1", "qty", "out_of_range", NULL },
        { "sku=TSHIRT-RED-M&qty=18446744073709551617", "qty", "out_of_range", NULL },
        { "sku=TSHIRT-PINK-M&qty=1", "sku", "unknown_sku", NULL },
        { "sku=TSHIRT-RED-M&qty=1", "email", "missing", "E-mail is missing" },
        { FORM "&city=Town", "street", "missing", "Street is missing" },
        { FORM "&name=a%0D%0Ab", "name", "bad_text", NULL },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_bad(form, &bad[i]);
}
END_TEST

START_TEST(a_text_may_be_just_as_long_as_its_limit)
{
    static const struct { const char *json, *field; size_t most; } texts[] = {
        { "\"note\": \"%s\"", "note", NOTE_MAX },
        { "\"address\": {\"name\": \"%s\"}", "address.name", ADDRESS_MAX },
        { "\"address\": {\"street\": \"%s\", \"city\": \"a\", \"country\": \"b\"}", "address.street", ADDRESS_MAX },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t more = 0; more < 2; more++) {
            char text[NOTE_MAX + 2], part[sizeof text + 100], body[sizeof part + 300];
            const char *at = strstr(texts[i].json, "%s");
            memset(text, 'x', texts[i].most + more);
            text[texts[i].most + more] = '\0';
            snprintf(part, sizeof part, "%.*s%s%s", (int)(at - texts[i].json), texts[i].json, text, at + 2);
            snprintf(body, sizeof body, "{" GOOD_HEAD ", " GOOD_ITEMS ", %s}", part);
            if (more)
                check_bad(json, &(struct bad){ body, texts[i].field, "too_long", "bytes long" });
            else
                order_free(order_of(json, body));
        }
}
END_TEST

START_TEST(lines_of_a_note_count_as_one_byte_however_they_end)
{
    char body[4 * NOTE_MAX + 200], note[3 * NOTE_MAX + 9] = "";
    for (int i = 0; i < NOTE_MAX; i++)
        strcat(note, i % 2 ? "x" : "\\r\\n");
    snprintf(body, sizeof body, "{" GOOD_HEAD ", " GOOD_ITEMS ", \"note\": \"%s\"}", note);
    struct order *order = order_of(json, body);
    ck_assert_uint_eq(strlen(order->note), NOTE_MAX);
    ck_assert_ptr_null(strchr(order->note, '\r'));
    order_free(order);
    strcat(note, "\\r\\n");
    snprintf(body, sizeof body, "{" GOOD_HEAD ", " GOOD_ITEMS ", \"note\": \"%s\"}", note);
    check_bad(json, &(struct bad){ body, "note", "too_long", "is 501 bytes long" });
}
END_TEST

START_TEST(an_order_has_up_to_a_hundred_lines)
{
    static char body[8192];
    for (int n = 100; n <= 101; n++) {
        strcpy(body, "{" GOOD_HEAD ", \"items\": [");
        for (int i = 0; i < n; i++)
            sprintf(body + strlen(body), "%s{\"sku\": \"TSHIRT-BLUE-S\", \"qty\": 1}", i ? "," : "");
        strcat(body, "]}");
        if (n > 100)
            check_bad(json, &(struct bad){ body, "items", "out_of_range", "found 101" });
        else {
            struct order *order = order_of(json, body);
            ck_assert_uint_eq(order->n_lines, 100);
            ck_assert_int_eq(order->total_cents, 199000);
            order_free(order);
        }
    }
}
END_TEST

/* ---- hash ---------------------------------------------------------------------------------------------------------------- */

static struct token hash_of(int (*read)(const char *, struct order **, struct flaw *), const char *body)
{
    struct order *order = order_of(read, body);
    struct token hash = order->body_hash;
    order_free(order);
    return hash;
}

START_TEST(the_same_wishes_have_the_same_hash_however_they_are_spelt)
{
    static const char *const same[] = {
        "{" GOOD_HEAD ", " GOOD_ITEMS "}",
        "{" GOOD_ITEMS "," GOOD_HEAD "}",
        "  {" GOOD_HEAD ",\n\t" GOOD_ITEMS "}  \n",
        "{\"email\":\"jane\\u0040example.org\",\"payment_method\":\"pm_card_visa\",\"items\":[{\"qty\":2,\"sku\":\"TSHIRT-RED-M\"}]}",
        WITH("\"note\": \"\", \"address\": {}"),
        WITH("\"address\": {\"name\": \"\", \"city\": \"\"}"),
        ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 1}, {\"sku\": \"TSHIRT-RED-M\", \"qty\": 1}]"),
    };
    struct token first = hash_of(json, same[0]), other;
    for (size_t i = 1; i < sizeof same / sizeof same[0]; i++) {
        other = hash_of(json, same[i]);
        ck_assert_msg(token_same(&first, &other), "%s", same[i]);
    }
    static const char *const forms[] = {
        FORM, FORM "&key=k&csrf=c", "qty=2&sku=TSHIRT%2dRED-M&payment_method=pm_card_visa&email=jane@example.org&note=&name=",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        other = hash_of(form, forms[i]);
        ck_assert_msg(token_same(&first, &other), "%s", forms[i]);
    }
    first = hash_of(json, WITH("\"note\": \"a\\nb c\", \"address\": {\"country\": \"D\", \"city\": \"C\", \"street\": \"S\"}"));
    other = hash_of(form, FORM "&street=S&city=C&country=D&note=a%0D%0Ab+c");
    ck_assert(token_same(&first, &other));
    first = hash_of(json, ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 1}, {\"sku\": \"TSHIRT-BLUE-S\", \"qty\": 2}]"));
    other = hash_of(json, ITEMS("[{\"sku\": \"TSHIRT-BLUE-S\", \"qty\": 2}, {\"sku\": \"TSHIRT-RED-M\", \"qty\": 1}]"));
    ck_assert(token_same(&first, &other));
}
END_TEST

START_TEST(other_wishes_have_another_hash)
{
    static const char *const all[] = {
        "{" GOOD_HEAD ", " GOOD_ITEMS "}",
        "{\"email\": \"jane@example.com\", \"payment_method\": \"pm_card_visa\", " GOOD_ITEMS "}",
        "{\"email\": \"jane@example.org\", \"payment_method\": \"pm_card_vise\", " GOOD_ITEMS "}",
        ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 3}]"),
        ITEMS("[{\"sku\": \"TSHIRT-RED-L\", \"qty\": 2}]"),
        ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 2}, {\"sku\": \"TSHIRT-RED-L\", \"qty\": 2}]"),
        ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 2}, {\"sku\": \"TSHIRT-RED-L\", \"qty\": 1}]"),
        WITH("\"note\": \"a\""),
        WITH("\"address\": {\"name\": \"a\"}"),
        WITH("\"address\": {\"name\": \"a\", \"street\": \"b\", \"city\": \"c\", \"country\": \"d\"}"),
        WITH("\"address\": {\"name\": \"a\", \"street\": \"c\", \"city\": \"b\", \"country\": \"d\"}"),
        WITH("\"address\": {\"name\": \"a\", \"street\": \"b\", \"city\": \"c\", \"country\": \"d\", \"postcode\": \"1\"}"),
    };
    enum { N = sizeof all / sizeof all[0] };
    struct token hash[N];
    for (int i = 0; i < N; i++) {
        hash[i] = hash_of(json, all[i]);
        for (int k = 0; k < i; k++)
            ck_assert_msg(!token_same(&hash[i], &hash[k]), "%s\n%s", all[i], all[k]);
    }
}
END_TEST

/* ---- money --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_total_that_no_gateway_takes_is_refused)
{
    static const struct { int64_t price; uint32_t qty; bool is_good; } sums[] = {
        { 99999999, 1, true }, { 100000000, 1, false }, { 50000000, 2, false }, { INT64_MAX, 2, false }, { INT64_MAX / 2 + 1, 2, false },
        { INT64_MAX / 99 + 1, 99, false }, { -1, 1, false }, { 0, 1, true }, { 1010101, 99, true }, { 1010102, 99, false },
    };
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        struct product product = { .id = 1, .sku = "A", .price_cents = sums[i].price, .stock = UNLIMITED };
        const struct catalogue catalogue = { "eur", 1, &product };
        struct order *order = NULL;
        struct flaw flaw;
        char body[200];
        int n = snprintf(body, sizeof body, "{" GOOD_HEAD ", \"items\": [{\"sku\": \"A\", \"qty\": %" PRIu32 "}]}", sums[i].qty);
        int r = request_from_json(&catalogue, "key", body, (size_t)n, &order, &flaw);
        ck_assert_msg(r == (sums[i].is_good ? 0 : -EBADMSG), "%" PRId64 " x %" PRIu32 ": %d", sums[i].price, sums[i].qty, r);
        if (r == 0)
            ck_assert_int_eq(order->total_cents, sums[i].price * sums[i].qty);
        else
            ck_assert_str_eq(flaw.code, "out_of_range");
        order_free(order);
    }
}
END_TEST

/* ---- card numbers -------------------------------------------------------------------------------------------------------- */

START_TEST(what_looks_like_a_card_number_is_found)
{
    static const char *const yes[] = {
        CARD, "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005", "3782 822463 10005", "5555555555554444", "2223003122003222",
        "6011111111111117", "30569309025904", "3530111333300000", "4222222222222", "6304000000000000000", "my card is " CARD ".",
        "x" CARD "x", "4242 - 4242 - 4242 - 4242", "4242\xc2\xa0" "4242\xc2\xa0" "4242\xc2\xa0" "4242",
        "4242\xe2\x80\x93" "4242\xe2\x80\x93" "4242\xe2\x80\x93" "4242", "12 4242 4242 4242 4242", "4242 4242 4242 4242 12/29 123",
        "2 x 4242424242424242",
    };
    static const char *const no[] = {
        "", "4242", "4242424242424241", "424242424242", "42424242424242424242424242424242", "4242 4242, 4242 4242", "1700000000004",
        "+49 30 1234567890", "0049 30 123456789 4", "4242424242424242\x30", "4242    4242    4242    4242",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        ck_assert_msg(text_has_card_number(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        ck_assert_msg(!text_has_card_number(no[i]), "%s", no[i]);
}
END_TEST

START_TEST(a_card_number_is_refused_in_any_field_and_never_repeated)
{
    static const struct bad by_json[] = {
        { WITH("\"note\": \"card 4242 4242 4242 4242\""), "note", "card_number", "token" },
        { WITH("\"address\": {\"name\": \"" CARD "\"}"), "address.name", "card_number", NULL },
        { WITH("\"address\": {\"postcode\": \"" CARD "\"}"), "address.postcode", "card_number", NULL },
        { "{\"email\": \"" CARD "@example.org\"}", "email", "card_number", NULL },
        { "{\"payment_method\": \"" CARD "\"}", "payment_method", "card_number", NULL },
        { "{\"payment_method\": \"4242 4242 4242 4242\"}", "payment_method", "card_number", NULL },
        { "{\"payment_method\": \"card_" CARD "\"}", "payment_method", "card_number", NULL },
        { ITEMS("[{\"sku\": \"" CARD "\", \"qty\": 1}]"), "items[0].sku", "card_number", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": " CARD "}]"), "items[0].qty", "card_number", NULL },
        { ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": \"" CARD "\"}]"), "items[0].qty", "wrong_type", NULL },
        { WITH("\"" CARD "\": 1"), "", "unknown_field", NULL },
        { WITH("\"" CARD "\": 1, \"" CARD "\": 2"), "", "repeated", NULL },
        { WITH("\"card\": {\"number\": \"" CARD "\"}"), "card", "unknown_field", NULL },
        { "{\"note\": " CARD CARD "}", "note", "out_of_range", NULL },
        { "{\"note\": \"" CARD "\" " CARD "}", "", "bad_json", NULL },
    }, by_form[] = {
        { FORM "&note=4242+4242+4242+4242", "note", "card_number", NULL },
        { FORM "&" CARD "=1", "", "unknown_field", NULL },
        { "sku=" CARD "&qty=1", "sku", "card_number", NULL },
        { "sku=TSHIRT-RED-M&qty=" CARD, "qty", "card_number", NULL },
        { "payment_method=" CARD, "payment_method", "card_number", NULL },
    };
    for (size_t i = 0; i < sizeof by_json / sizeof by_json[0]; i++)
        check_bad(json, &by_json[i]);
    for (size_t i = 0; i < sizeof by_form / sizeof by_form[0]; i++)
        check_bad(form, &by_form[i]);
}
END_TEST

/* ---- key, e-mail, single fields ------------------------------------------------------------------------------------------ */

START_TEST(a_key_is_printable_and_no_card_number)
{
    char long_key[KEY_MAX + 2];
    static const char *const yes[] = {
        "k", "550e8400-e29b-41d4-a716-446655440000", "order:17/~!", "1700000000004",
        "ab4242424242424242ff4242424242424242",         /* hex digits by chance */
    }, *const no[] = { "", "a b", "a\tb", "\xc3\xb6", "a\x7f", CARD, "4242-4242-4242-4242", "key_" CARD, "order-" CARD "-1" };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        ck_assert_msg(request_key_is_good(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        ck_assert_msg(!request_key_is_good(no[i]), "%s", no[i]);
    memset(long_key, 'k', sizeof long_key);
    long_key[KEY_MAX + 1] = '\0';
    ck_assert(!request_key_is_good(long_key));
    long_key[KEY_MAX] = '\0';
    ck_assert(request_key_is_good(long_key));
}
END_TEST

START_TEST(an_email_address_is_told_from_what_is_none)
{
    static const char *const yes[] = {
        "jane@example.org", "j@e", "jane.doe+tag@mail.example.org", "a!#$%&'*+-/=?^_`{|}~b@example.org", "x@1.example", "x@a-b.org",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl@example.org",
    }, *const no[] = {
        "", "@", "jane", "jane@", "@example.org", "jane@@example.org", "jane@example..org", "jane@.example.org", "jane@example.org.",
        ".jane@example.org", "jane.@example.org", "ja..ne@example.org", "ja ne@example.org", "jane@exam ple.org", "jane@-example.org",
        "jane@example-.org", "\"jane\"@example.org", "jane@[127.0.0.1]", "jane@example.org\n", "jane@example.org, x@example.org",
        "<jane@example.org>", "j\xc3\xb6rg@example.org", "jane@b\303\274cher.example", "jane@example_.org", "a(b)@example.org",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm@example.org",
        "x@abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.org",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        ck_assert_msg(text_is_email(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        ck_assert_msg(!text_is_email(no[i]), "%s", no[i]);
}
END_TEST

START_TEST(one_field_of_a_form_is_read_or_not_at_all)
{
    static const struct { const char *body, *value; } fields[] = {
        { "csrf=a", "a" }, { "x=1&csrf=a%20b+c&y", "a b c" }, { "%63srf=a", "a" }, { "csrf", "" }, { "csrf=", "" },
        { "&&csrf=a=b&", "a=b" },
        { "csrf=1234567", "1234567" }, { "csrf=12345678", NULL }, { "", NULL }, { "csr=a", NULL }, { "csrf=a&csrf=a", NULL },
        { "csrf=a&%63srf=b", NULL }, { "csrf=%4", NULL }, { "csrf=a%00", NULL }, { "csrf=a&x=%", NULL },
        { "csrf=%ff", NULL }, { "CSRF=a", NULL },
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char buf[8];
        bool is_there = request_form_field(fields[i].body, strlen(fields[i].body), "csrf", buf, sizeof buf);
        ck_assert_msg(is_there == (fields[i].value != NULL), "%s", fields[i].body);
        if (is_there)
            ck_assert_str_eq(buf, fields[i].value);
    }
}
END_TEST

/* ---- answers ------------------------------------------------------------------------------------------------------------- */

START_TEST(an_answer_tells_the_order)
{
    struct order *order = order_of(json, ITEMS("[{\"sku\": \"TSHIRT-RED-M\", \"qty\": 2}, {\"sku\": \"TSHIRT-BLUE-S\", \"qty\": 1}]"));
    order->created_ms = INT64_C(1795597200123);
    order->state = ORDER_PAID;
    char *text = answer_order(order, RECEIPT_READY);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text,
        "{\"order\": {\"token\": \"AAAAAAAAAAAAAAAAAAAAAA\", \"url\": \"/orders/AAAAAAAAAAAAAAAAAAAAAA\", \"state\": \"paid\", "
        "\"total_cents\": 5970, \"currency\": \"eur\", \"items\": [{\"sku\": \"TSHIRT-RED-M\", \"qty\": 2, \"price_cents\": 1990}, "
        "{\"sku\": \"TSHIRT-BLUE-S\", \"qty\": 1, \"price_cents\": 1990}], \"receipt\": \"ready\", "
        "\"created\": \"2026-11-25T09:00:00.123Z\"}}\n");
    free(text);
    text = answer_error("declined", NULL, "no", order);
    ck_assert_ptr_eq(strstr(text, "{\"error\": {\"code\": \"declined\", \"message\": \"no\"}, \"order\": {\"token\""), text);
    free(text);
    order_free(order);
}
END_TEST

START_TEST(an_answer_is_JSON_whatever_its_texts_hold)
{
    static const struct { const char *text, *reads; } texts[] = {
        { "plain", "plain" }, { "\"\\/\b\n\x1f\x7f", "\"\\/\b\n\x1f\x7f" },
        { "\xc3\xb6\xe2\x82\xac\xf0\x9f\x91\x95", "\xc3\xb6\xe2\x82\xac\xf0\x9f\x91\x95" },
        { "a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd" }, { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "", "" }, { "</script>", "</script>" },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *text = answer_error("bad_text", "items[0]", texts[i].text, NULL);
        json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(root, "%s", text);
        json_t *error = json_object_get(root, "error");
        ck_assert_str_eq(json_string_value(json_object_get(error, "message")), texts[i].reads);
        ck_assert_str_eq(json_string_value(json_object_get(error, "field")), "items[0]");
        ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
        json_decref(root);
        free(text);
    }
}
END_TEST

int main(int argc, char **argv)
{
    add_case(an_order_by_JSON_has_all_that_was_sent);
    add_case(what_is_wrong_by_JSON_is_named_and_told);
    add_case(what_is_wrong_in_a_form_is_named_and_told);
    add_case(a_text_may_be_just_as_long_as_its_limit);
    add_case(lines_of_a_note_count_as_one_byte_however_they_end);
    add_case(an_order_has_up_to_a_hundred_lines);
    add_case(the_same_wishes_have_the_same_hash_however_they_are_spelt);
    add_case(other_wishes_have_another_hash);
    add_case(a_total_that_no_gateway_takes_is_refused);
    add_case(what_looks_like_a_card_number_is_found);
    add_case(a_card_number_is_refused_in_any_field_and_never_repeated);
    add_case(a_key_is_printable_and_no_card_number);
    add_case(an_email_address_is_told_from_what_is_none);
    add_case(one_field_of_a_form_is_read_or_not_at_all);
    add_case(an_answer_tells_the_order);
    add_case(an_answer_is_JSON_whatever_its_texts_hold);
    return run_cases(argc, argv);
}
