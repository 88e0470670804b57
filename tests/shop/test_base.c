/* test_base.c - the shop's small parts: tokens, clock, masked addresses. */
#include "harness.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/token.h"

#include <stdlib.h>
#include <string.h>

START_TEST(a_token_comes_back_from_its_text)
{
    ck_assert_int_eq(token_init(), 0);
    for (int i = 0; i < 1000; i++) {
        struct token token, back;
        char text[TOKEN_TEXT_SIZE];
        token_random(&token);
        ck_assert_uint_eq(strlen(token_text(&token, text)), TOKEN_TEXT_SIZE - 1);
        ck_assert_uint_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), TOKEN_TEXT_SIZE - 1);
        ck_assert(token_read(text, &back) && token_same(&token, &back));
    }
}
END_TEST

START_TEST(what_is_no_token_is_not_read)
{
    static const char *const no[] = { "", "x", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA!",
                                      "AAAAAAAAAAA=AAAAAAAAAA", "AAAAAAAAAAA AAAAAAAAAA" };
    struct token token;
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        ck_assert_msg(!token_read(no[i], &token), "%s", no[i]);
}
END_TEST

START_TEST(what_is_derived_depends_on_secret_purpose_and_text)
{
    struct secret one, other;
    struct token a, b;
    secret_random(&one);
    secret_random(&other);
    token_derive(&one, "order", "key", 3, &a);
    token_derive(&one, "order", "key", 3, &b);
    ck_assert(token_same(&a, &b));
    token_derive(&other, "order", "key", 3, &b);
    ck_assert(!token_same(&a, &b));
    token_derive(&one, "csrf", "key", 3, &b);
    ck_assert(!token_same(&a, &b));
    token_derive(&one, "order", "kez", 3, &b);
    ck_assert(!token_same(&a, &b));
}
END_TEST

START_TEST(the_clock_begins_with_the_wall_clock)
{
    int64_t shop = clock_ms(), wall = clock_wall_ms();
    ck_assert(llabs((long long)(wall - shop)) < 60000);
    ck_assert(clock_ms() >= shop);
}
END_TEST

START_TEST(an_address_is_masked)
{
    char buf[64];
    ck_assert_str_eq(log_mask("jane@example.org", buf, sizeof buf), "j***@example.org");
    ck_assert_str_eq(log_mask("", buf, sizeof buf), "***");
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_token_comes_back_from_its_text);
    add_case(what_is_no_token_is_not_read);
    add_case(what_is_derived_depends_on_secret_purpose_and_text);
    add_case(the_clock_begins_with_the_wall_clock);
    add_case(an_address_is_masked);
    return run_cases(argc, argv);
}
