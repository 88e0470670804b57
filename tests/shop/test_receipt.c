/* test_receipt.c - the message that is made of an order. */
#include "harness.h"

#include "mail/mime.h"
#include "mail/receipt.h"

#include <prong.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct product shirt = { .id = 1, .sku = "TSHIRT-RED-M", .name = "T-shirt", .colour = "Red", .size = "M", .price_cents = 1990 };
static const struct receipt_shop shop = { .from = "shop@example.org", .shop_name = "prong-shop", .public_url = "http://127.0.0.1:8080" };

static struct receipt *record_of(const struct order_texts *texts, uint32_t n_lines, size_t *ret_size)
{
    struct order_line lines[LINES_MAX];
    for (uint32_t i = 0; i < n_lines; i++)
        lines[i] = (struct order_line){ .product = &shirt, .price_cents = 1990, .qty = i % QTY_MAX + 1 };
    struct order *order = order_new(texts, lines, n_lines, "eur");
    struct token message;
    memset(message.bytes, 0x5a, sizeof message.bytes);
    memset(order->token.bytes, 0xa5, sizeof order->token.bytes);
    order->created_ms = 1795597200000;
    struct receipt *receipt = receipt_new(&shop, order, &message, ret_size);
    ck_assert_ptr_nonnull(receipt);
    order_free(order);
    return receipt;
}

/* The message; NULL: it was refused. */
static char *render_record(const struct receipt *receipt, size_t size)
{
    prong_pool *pool;
    prong_future *future;
    prong_error end;
    char *text = NULL;
    ck_assert_int_eq(prong_pool_open(&(prong_pool_opts){ .engine = "serial" }, &pool), 0);
    ck_assert_int_eq(prong_submit(pool, receipt_render, receipt, size, NULL, &future), 0);
    int r = prong_wait(future, PRONG_NEVER, &end);
    ck_assert(r == PRONG_DONE || r == PRONG_FAILED);
    if (r == PRONG_DONE) {
        size_t n;
        const char *output = prong_future_output(future, &n);
        ck_assert(!memchr(output, '\0', n));
        text = strndup(output, n);
    }
    prong_future_free(future);
    ck_assert_int_eq(prong_pool_close(pool, PRONG_NEVER), 0);
    return text;
}

static char *render(const struct order_texts *texts)
{
    size_t size;
    struct receipt *receipt = record_of(texts, 1, &size);
    char *text = render_record(receipt, size);
    free(receipt);
    return text;
}

/* What every message must be: lines of printable ASCII, not too long, ended by CRLF. */
static void check_form(const char *text)
{
    bool in_headers = true;
    while (*text) {
        const char *end = strstr(text, "\r\n");
        ck_assert_msg(end, "no CRLF: %s", text);
        size_t n = (size_t)(end - text);
        ck_assert_msg(n <= (in_headers ? 300 : 76), "%zu bytes: %.*s", n, (int)n, text);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(text[i] >= 0x20 && text[i] < 0x7f, "byte %02x in %.*s", (unsigned char)text[i], (int)n, text);
        in_headers = in_headers && n > 0;
        text = end + 2;
    }
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

/* The bodies, decoded from quoted-printable into one text (headers and boundaries among it, unharmed by that but for their "="). */
static char *decode(const char *text)
{
    char *decoded = malloc(strlen(text) + 1), *to = decoded;
    for (; *text; text++) {
        unsigned c;
        if (strncmp(text, "=\r\n", 3) == 0) {
            text += 2;
        } else if (*text == '=' && sscanf(text + 1, "%2X", &c) == 1 && strspn(text + 1, "0123456789ABCDEF") >= 2) {
            *to++ = (char)c;
            text += 2;
        } else if (*text != '\r') {
            *to++ = *text;
        }
    }
    *to = '\0';
    return decoded;
}

START_TEST(a_message_has_each_header_once_and_both_parts)
{
    static const char *const headers[] = { "From: \"prong-shop\"\r\n <shop@example.org>\r\n", "To: \"Ann Lee\"\r\n <ann@example.com>\r\n",
                                           "Subject: Your receipt from\r\n prong-shop\r\n", "Date: Wed, 25 Nov 2026 09:00:00 +0000\r\n",
                                           "Message-ID: <WlpaWlpaWlpaWlpaWlpaWg@example.org>\r\n", "MIME-Version: 1.0\r\n",
                                           "Content-Type: multipart/alternative;", "Content-Type: text/plain; charset=utf-8\r\n",
                                           "Content-Type: text/html; charset=utf-8\r\n", "Auto-Submitted: auto-generated\r\n" };
    char *text = render(&(struct order_texts){ .email = "ann@example.com", .name = "Ann Lee", .street = "1 High St", .note = "Thanks" });
    check_form(text);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        ck_assert_msg(count(text, headers[i]) == 1, "%s\n%s", headers[i], text);
    ck_assert_uint_eq(count(text, "--=_WlpaWlpaWlpaWlpaWlpaWg\r\n"), 2);
    ck_assert_uint_eq(count(text, "\r\n--=_WlpaWlpaWlpaWlpaWlpaWg--\r\n"), 1);
    char *decoded = decode(text);
    ck_assert_uint_eq(count(decoded, "T-shirt, Red, M"), 2);
    ck_assert_uint_eq(count(decoded, "19.90 EUR"), 4);
    ck_assert_uint_eq(count(decoded, "http://127.0.0.1:8080/orders/paWlpaWlpaWlpaWlpaWlpQ"), 2);
    ck_assert_uint_eq(count(decoded, "1 High St"), 2);
    free(decoded);
    free(text);
}
END_TEST

START_TEST(the_same_record_gives_the_same_message)
{
    struct order_texts texts = { .email = "ann@example.com", .name = "Zo\xc3\xab", .note = "a\nb" };
    char *one = render(&texts), *two = render(&texts);
    ck_assert_str_eq(one, two);
    free(one);
    free(two);
}
END_TEST

START_TEST(an_address_that_could_say_more_than_an_address_is_refused)
{
    static const char *const bad[] = {
        "", "ann", "ann@", "@example.com", "a b@example.com", "ann@example.com\r\nBcc: all@example.com", "ann@example.com\n",
        "ann@exa\rmple.com", "ann@example.com,bob@example.com", "<ann@example.com>", "ann@example.com>", "\"a\"@example.com",
        "ann@example.com (x)", "ann@b@example.com", "z\xc3\xab@example.com", "ann@-example.com", ".ann@example.com",
        "ann.@example.com", "../ann@example.com", "ann@..", "ann;@example.com" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!render(&(struct order_texts){ .email = bad[i] }), "%s", bad[i]);
}
END_TEST

START_TEST(a_name_that_is_not_clean_stays_out_of_the_headers)
{
    static const char *const bad[] = {
        "Ann\r\nBcc: all@example.com", "Ann\nSubject: free", "Ann\rX", "Ann\tX", "Ann\x7f", "Ann\xc2\x85X", "Ann\xe2\x80\xa8X",
        "Ann\xe2\x80\xaeX", "Ann\xff", "Ann\xc0\xaf", "Ann\xed\xa0\x80", "Ann\xe2\x80" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *text = render(&(struct order_texts){ .email = "ann@example.com", .name = bad[i] });
        check_form(text);
        ck_assert_msg(strstr(text, "\r\nTo: <ann@example.com>\r\n"), "%s", text);
        ck_assert_uint_eq(count(text, "\r\nBcc:") + count(text, "\r\nSubject: free"), 0);
        free(text);
    }
}
END_TEST

START_TEST(a_name_with_quotes_stays_one_name)
{
    char *text = render(&(struct order_texts){ .email = "ann@example.com", .name = "Ann \"x\" <evil@example.com>, \\" });
    ck_assert_msg(strstr(text, "\r\nTo: \"Ann \\\"x\\\" <evil@example.com>, \\\\\"\r\n <ann@example.com>\r\n"), "%s", text);
    free(text);
    text = render(&(struct order_texts){ .email = "ann@example.com", .name = "=?utf-8?B?QmNjOg==?=" });
    ck_assert_msg(strstr(text, "\r\nTo: =?utf-8?B?PT91dGYtOD9CP1FtTmpPZz09Pz0=?=\r\n <ann@example.com>\r\n"), "%s", text);
    free(text);
}
END_TEST

START_TEST(names_beyond_ascii_are_encoded_words_of_whole_characters)
{
    char name[ADDRESS_MAX + 1] = "";
    while (strlen(name) + 5 < sizeof name)
        strcat(name, "\xe6\xbc\xa2" "b");
    char *text = render(&(struct order_texts){ .email = "ann@example.com", .name = name });
    check_form(text);
    char *at = strstr(text, "\r\nTo: ") + 6;
    size_t words = 0;
    for (; strncmp(at, "=?utf-8?B?", 10) == 0; words++) {
        char *end = strstr(at, "?=");
        ck_assert_uint_le((size_t)(end + 2 - at), 75);
        ck_assert_uint_eq((size_t)(end - at - 10) % 4, 0);
        at = end + 5;       /* CRLF and a blank */
    }
    ck_assert_uint_ge(words, ADDRESS_MAX / 45);
    ck_assert(strncmp(at, "<ann@example.com>\r\n", 19) == 0);
    free(text);
}
END_TEST

START_TEST(what_the_customer_wrote_is_escaped_in_html)
{
    struct order_texts texts = { .email = "ann@example.com", .note = "</blockquote><script>alert('1')</script>&amp;\"x\"",
                                 .street = "<b onclick=\"x\">" };
    char *text = render(&texts), *decoded = decode(text);
    char *html = strstr(decoded, "text/html");
    check_form(text);
    ck_assert(!strstr(html, "<script") && !strstr(html, "<b onclick"));
    ck_assert_msg(strstr(html, "&lt;/blockquote&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;&quot;x&quot;"), "%s", html);
    free(decoded);
    free(text);
}
END_TEST

START_TEST(a_note_forges_neither_headers_nor_parts_nor_our_words)
{
    char *text = render(&(struct order_texts){ .email = "ann@example.com",
        .note = "\r\n.\r\nBcc: all@example.com\r\n--=_WlpaWlpaWlpaWlpaWlpaWg--\r\n\r\nTotal: 0.00 EUR\nFrom here" });
    check_form(text);
    ck_assert_uint_eq(count(text, "\r\n.\r\n"), 0);
    ck_assert_uint_eq(count(text, "--=_WlpaWlpaWlpaWlpaWlpaWg"), 3);
    *strstr(text, "Content-Type: text/html") = '\0';      /* there they are lines like others */
    ck_assert_uint_eq(count(text, "\r\nBcc:") + count(text, "\r\nTotal"), 0);
    ck_assert_uint_eq(count(text, "\r\n> Total: 0.00 EUR\r\n> From here\r\n"), 1);
    free(text);
}
END_TEST

START_TEST(the_largest_order_makes_a_message_of_good_form)
{
    char note[NOTE_MAX + 1], line[ADDRESS_MAX + 1];
    memset(note, '<', NOTE_MAX);
    memset(line, '=', ADDRESS_MAX);
    note[NOTE_MAX] = line[ADDRESS_MAX] = '\0';
    size_t size;
    struct order_texts texts = { .email = "ann@example.com", .note = note, .name = line, .street = line, .city = line, .postcode = line,
                                 .country = line };
    struct receipt *receipt = record_of(&texts, LINES_MAX, &size);
    ck_assert_uint_eq(size, sizeof *receipt + LINES_MAX * sizeof(struct receipt_line));
    char *text = render_record(receipt, size), *decoded = decode(text);
    check_form(text);
    ck_assert_uint_eq(count(decoded, "T-shirt, Red, M"), 2 * LINES_MAX);
    free(decoded);
    free(text);
    free(receipt);
}
END_TEST

START_TEST(bytes_that_are_no_utf8_become_question_marks)
{
    char text[] = "a\xff" "b\xc3" "c\xc3\xab\n\x01\xf4\x90\x80\x80";
    mime_clean(text, true);
    ck_assert_str_eq(text, "a?b?c\xc3\xab\n?????");
    ck_assert(mime_is_clean(text, true) && !mime_is_clean(text, false));
    mime_clean(text, false);
    ck_assert_str_eq(text, "a?b?c\xc3\xab??????");
}
END_TEST

START_TEST(quoted_printable_is_read_back_as_it_was)
{
    srand(7);
    for (int round = 0; round < 300; round++) {
        char in[400], *out;
        size_t n = (size_t)rand() % sizeof in, size;
        for (size_t i = 0; i < n; i++)
            in[i] = rand() % 4 ? (char)(rand() % 255 + 1) : " \n.="[rand() % 4];
        for (size_t i = 0; i < n; i++)
            in[i] = in[i] == '\r' ? ' ' : in[i];
        in[n ? n - 1 : 0] = '\n';
        n = n ? n : 1;
        FILE *file = open_memstream(&out, &size);
        mime_put_quoted_printable(file, in, n);
        fclose(file);
        for (char *at = out, *end; (end = strstr(at, "\r\n")) != NULL; at = end + 2) {
            ck_assert_int_le(end - at, 76);
            ck_assert(end == at || end[-1] != ' ');
        }
        char *back = decode(out);
        ck_assert_uint_eq(strlen(back), n);
        ck_assert_mem_eq(back, in, n);
        free(back);
        free(out);
    }
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_message_has_each_header_once_and_both_parts);
    add_case(the_same_record_gives_the_same_message);
    add_case(an_address_that_could_say_more_than_an_address_is_refused);
    add_case(a_name_that_is_not_clean_stays_out_of_the_headers);
    add_case(a_name_with_quotes_stays_one_name);
    add_case(names_beyond_ascii_are_encoded_words_of_whole_characters);
    add_case(what_the_customer_wrote_is_escaped_in_html);
    add_case(a_note_forges_neither_headers_nor_parts_nor_our_words);
    add_case(the_largest_order_makes_a_message_of_good_form);
    add_case(bytes_that_are_no_utf8_become_question_marks);
    add_case(quoted_printable_is_read_back_as_it_was);
    return run_cases(argc, argv);
}
