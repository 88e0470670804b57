/* receipt.c - the same lines twice, as text and as HTML, both quoted-printable in a multipart/alternative.
 *
 * A line of quoted-printable never holds "=_", so no text can forge the boundary. What the customer wrote is cleaned first; in headers
 * stands nothing of it but address and name, the latter only if it needs no cleaning; in the text the note is quoted line by line, so that
 * it cannot pass for ours; in HTML all is escaped. The date is the order's: the message is the same whenever it is made. */
#include "mail/receipt.h"

#include "mail/mime.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <prong.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COPY(to, text) snprintf(to, sizeof(to), "%s", text)

/* ---- the record ---------------------------------------------------------------------------------------------------------- */

struct receipt *receipt_new(const struct receipt_shop *shop, const struct order *order, const struct token *message, size_t *ret_size)
{
    size_t size = sizeof(struct receipt) + order->n_lines * sizeof(struct receipt_line);
    struct receipt *receipt = calloc(1, size);
    if (!receipt)
        return NULL;
    token_text(&order->token, receipt->order);
    token_text(message, receipt->message);
    COPY(receipt->from, shop->from);
    COPY(receipt->shop_name, shop->shop_name);
    snprintf(receipt->url, sizeof receipt->url, "%s/orders/%s", shop->public_url, receipt->order);
    COPY(receipt->email, order->email);
    COPY(receipt->note, order->note);
    COPY(receipt->currency, order->currency);
    COPY(receipt->name, order->name);
    COPY(receipt->street, order->street);
    COPY(receipt->city, order->city);
    COPY(receipt->postcode, order->postcode);
    COPY(receipt->country, order->country);
    receipt->created_ms = order->created_ms;
    receipt->total_cents = order->total_cents;
    receipt->n_lines = order->n_lines;
    for (uint32_t i = 0; i < order->n_lines; i++) {
        const struct order_line *from = &order->lines[i];
        struct receipt_line *to = &receipt->lines[i];
        COPY(to->sku, from->product->sku);
        COPY(to->name, from->product->name);
        COPY(to->colour, from->product->colour);
        COPY(to->size, from->product->size);
        to->price_cents = from->price_cents;
        to->qty = from->qty;
    }
    *ret_size = size;
    return receipt;
}

static void clean_all(struct receipt *receipt)
{
    char *texts[] = { receipt->street, receipt->city, receipt->postcode, receipt->country, receipt->shop_name, receipt->url };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mime_clean(texts[i], false);
    mime_clean(receipt->note, true);
    for (uint32_t i = 0; i < receipt->n_lines; i++) {
        struct receipt_line *line = &receipt->lines[i];
        mime_clean(line->sku, false);
        mime_clean(line->name, false);
        mime_clean(line->colour, false);
        mime_clean(line->size, false);
    }
}

/* ---- small texts --------------------------------------------------------------------------------------------------------- */

static void put_money(FILE *to, int64_t cents, const char *currency)
{
    uint64_t size = cents < 0 ? -(uint64_t)cents : (uint64_t)cents;
    fprintf(to, "%s%" PRIu64 ".%02" PRIu64 " ", cents < 0 ? "-" : "", size / 100, size % 100);
    for (; *currency; currency++)
        putc(toupper((unsigned char)*currency), to);
}

static void put_html(FILE *to, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\'':
            fputs("&#39;", to);
            break;
        case '\n':
            fputs("<br>\n", to);
            break;
        default:
            putc(*text, to);
        }
    }
}

/* "T-shirt, Red, M" */
static void put_product(FILE *to, const struct receipt_line *line, void (*put)(FILE *, const char *))
{
    const char *parts[] = { line->name[0] ? line->name : line->sku, line->colour, line->size };
    for (size_t i = 0; i < 3; i++) {
        if (!parts[i][0])
            continue;
        fputs(i ? ", " : "", to);
        put(to, parts[i]);
    }
}

static void put_text(FILE *to, const char *text)
{
    fputs(text, to);
}

static void put_address(FILE *to, const struct receipt *receipt, void (*put)(FILE *, const char *), const char *begin, const char *end)
{
    const char *lines[] = { receipt->name, receipt->street, receipt->postcode, receipt->city, receipt->country };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!lines[i][0])
            continue;
        fputs(begin, to);
        put(to, lines[i]);
        fputs(end, to);
    }
}

static bool has_address(const struct receipt *receipt)
{
    return receipt->name[0] || receipt->street[0] || receipt->postcode[0] || receipt->city[0] || receipt->country[0];
}

/* ---- the two bodies ------------------------------------------------------------------------------------------------------ */

static void write_plain(FILE *to, const struct receipt *receipt)
{
    fprintf(to, "Thank you for your order at %s. It is paid.\n\n", receipt->shop_name);
    for (uint32_t i = 0; i < receipt->n_lines; i++) {
        const struct receipt_line *line = &receipt->lines[i];
        fprintf(to, "  %" PRIu32 " x ", line->qty);
        put_product(to, line, put_text);
        fputs(": ", to);
        put_money(to, line->price_cents * line->qty, receipt->currency);
        putc('\n', to);
    }
    fputs("\n  Total: ", to);
    put_money(to, receipt->total_cents, receipt->currency);
    fprintf(to, "\n\nYour order: %s\n", receipt->url);
    if (has_address(receipt)) {
        fputs("\nWe deliver to:\n\n", to);
        put_address(to, receipt, put_text, "  ", "\n");
    }
    if (receipt->note[0]) {
        fputs("\nYou wrote:\n\n> ", to);
        for (const char *at = receipt->note; *at; at++) {
            putc(*at, to);
            fputs(*at == '\n' ? "> " : "", to);
        }
        putc('\n', to);
    }
}

static void write_html(FILE *to, const struct receipt *receipt)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Receipt</title>\n<p>Thank you for your order at ", to);
    put_html(to, receipt->shop_name);
    fputs(". It is paid.</p>\n<table>\n", to);
    for (uint32_t i = 0; i < receipt->n_lines; i++) {
        const struct receipt_line *line = &receipt->lines[i];
        fprintf(to, "<tr><td>%" PRIu32 " &times;</td><td>", line->qty);
        put_product(to, line, put_html);
        fputs("</td><td align=\"right\">", to);
        put_money(to, line->price_cents * line->qty, receipt->currency);
        fputs("</td></tr>\n", to);
    }
    fputs("<tr><td></td><td><b>Total</b></td><td align=\"right\"><b>", to);
    put_money(to, receipt->total_cents, receipt->currency);
    fputs("</b></td></tr>\n</table>\n<p><a href=\"", to);
    put_html(to, receipt->url);
    fputs("\">Your order</a></p>\n", to);
    if (has_address(receipt)) {
        fputs("<p>We deliver to:<br>\n", to);
        put_address(to, receipt, put_html, "", "<br>\n");
        fputs("</p>\n", to);
    }
    if (receipt->note[0]) {
        fputs("<p>You wrote:</p>\n<blockquote>", to);
        put_html(to, receipt->note);
        fputs("</blockquote>\n", to);
    }
    fputs("</html>\n", to);
}

static int put_part(FILE *to, const struct receipt *receipt, const char *type, void (*write)(FILE *, const struct receipt *))
{
    char *body;
    size_t size;
    FILE *file = open_memstream(&body, &size);
    if (!file)
        return -ENOMEM;
    write(file, receipt);
    int r = fclose(file) == 0 ? 0 : -ENOMEM;
    fprintf(to, "--=_%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            receipt->message, type);
    if (r == 0)
        mime_put_quoted_printable(to, body, size);
    free(body);
    return r;
}

/* ---- the message --------------------------------------------------------------------------------------------------------- */

/* In English and universal time, whatever the locale. */
static void put_date(FILE *to, int64_t at_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm))
        gmtime_r(&(time_t){ 0 }, &tm);
    fprintf(to, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_headers(FILE *to, const struct receipt *receipt, bool with_name)
{
    fputs("From: ", to);
    mime_put_phrase(to, receipt->shop_name);
    fprintf(to, "\r\n <%s>\r\nTo: ", receipt->from);
    if (with_name) {
        mime_put_phrase(to, receipt->name);
        fputs("\r\n ", to);
    }
    fprintf(to, "<%s>\r\nSubject: Your receipt from\r\n ", receipt->email);
    mime_put_words(to, receipt->shop_name);
    fputs("\r\n", to);
    put_date(to, receipt->created_ms);
    fprintf(to, "Message-ID: <%s%s>\r\n", receipt->message, strchr(receipt->from, '@'));
    fprintf(to, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"=_%s\"\r\n\r\n",
            receipt->message);
}

static int write_message(FILE *to, struct receipt *receipt)
{
    bool with_name = receipt->name[0] && mime_is_clean(receipt->name, false);
    if (!with_name)
        mime_clean(receipt->name, false);
    clean_all(receipt);
    put_headers(to, receipt, with_name);
    int r = put_part(to, receipt, "plain", write_plain);
    if (r == 0)
        r = put_part(to, receipt, "html", write_html);
    fprintf(to, "--=_%s--\r\n", receipt->message);
    return r;
}

int receipt_render(void *record)
{
    struct receipt *receipt = record;
    if (!mime_is_address(receipt->email) || !mime_is_address(receipt->from))
        return prong_fail(-EBADMSG, "no address to send to, or from");
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return -ENOMEM;
    int r = write_message(file, receipt);
    if (fclose(file) != 0)
        r = -ENOMEM;
    void *output = r == 0 ? prong_output_alloc(size) : NULL;
    if (output)
        memcpy(output, text, size);
    else if (r == 0)
        r = -ENOMEM;
    free(text);
    return r;
}
