/* answer.c - written straight into text: an answer is made for every order, and a tree of it would cost more than all the rest. */
#include "order/answer.h"

#include "order/out.h"
#include "order/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Bytes that stand for themselves between quotes, from the first on. */
static size_t plain_size(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && text[n] >= ' ' && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

/* Bytes that are not UTF-8 become U+FFFD. */
static void put_string(struct out *out, const char *text)
{
    size_t size = strlen(text), n;
    out_text(out, "\"");
    for (size_t i = 0; i < size; i += n) {
        uint32_t c = 0xfffd;
        char escape[8];
        if ((n = plain_size(text + i, size - i)) > 0) {
            out_bytes(out, text + i, n);
            continue;
        }
        n = text_character(text + i, size - i, &c);
        if (c >= 0x80 && n > 0)
            out_bytes(out, text + i, n);
        else {
            (void)snprintf(escape, sizeof escape, c == '"' || c == '\\' ? "\\%c" : "\\u%04x", (unsigned)c);
            out_text(out, escape);
            n = n > 0 ? n : 1;
        }
    }
    out_text(out, "\"");
}

/* `before` is the comma, if one is due, and the name with its colon. */
static void put_text(struct out *out, const char *before, const char *text)
{
    out_text(out, before);
    put_string(out, text);
}

static void put_count(struct out *out, const char *before, int64_t count)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRId64, count);
    out_text(out, before);
    out_text(out, digits);
}

/* As in RFC 3339: "2026-11-25T09:00:00.123Z". */
static const char *time_text(int64_t ms, char *buf, size_t size)
{
    time_t s = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm = { 0 };
    char day[40] = "1970-01-01T00:00:00";
    if (gmtime_r(&s, &tm))
        (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(buf, size, "%s.%03dZ", day, (int)((ms % 1000 + 1000) % 1000));
    return buf;
}

static void put_order(struct out *out, const struct order *order, enum receipt_state receipt)
{
    char token[TOKEN_TEXT_SIZE], created[64];
    out_text(out, "\"order\": {");
    put_text(out, "\"token\": ", token_text(&order->token, token));
    out_text(out, ", \"url\": \"/orders/");
    out_text(out, token);
    put_text(out, "\", \"state\": ", order_state_name(order->state));
    put_count(out, ", \"total_cents\": ", order->total_cents);
    put_text(out, ", \"currency\": ", order->currency);
    out_text(out, ", \"items\": [");
    for (uint32_t i = 0; i < order->n_lines; i++) {
        const struct order_line *line = &order->lines[i];
        put_text(out, i > 0 ? ", {\"sku\": " : "{\"sku\": ", line->product->sku);
        put_count(out, ", \"qty\": ", line->qty);
        put_count(out, ", \"price_cents\": ", line->price_cents);
        out_text(out, "}");
    }
    put_text(out, "], \"receipt\": ", receipt_state_name(receipt));
    put_text(out, ", \"created\": ", time_text(order->created_ms, created, sizeof created));
    out_text(out, "}");
}

char *answer_order(const struct order *order, enum receipt_state receipt)
{
    struct out out = { 0 };
    out_text(&out, "{");
    put_order(&out, order, receipt);
    out_text(&out, "}\n");
    return out_end(&out);
}

static enum receipt_state receipt_of(const struct order *order)
{
    return order->state == ORDER_PAID ? RECEIPT_READY : RECEIPT_NONE;
}

char *answer_error(const char *code, const char *field, const char *message, const struct order *order)
{
    struct out out = { 0 };
    put_text(&out, "{\"error\": {\"code\": ", code);
    put_text(&out, ", \"message\": ", message);
    if (field && *field)
        put_text(&out, ", \"field\": ", field);
    out_text(&out, "}");
    if (order) {
        out_text(&out, ", ");
        put_order(&out, order, receipt_of(order));
    }
    out_text(&out, "}\n");
    return out_end(&out);
}
