/* frame.c - head, foot, money, the T-shirt, and the message page, which is little more. */
#include "web/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Nothing is loaded but the stylesheet and pictures from here, nothing runs, nothing is sent elsewhere, no page frames this one. The
 * address of an order's page is all one needs to see it: so other sites are told no address, but ours is, for with "no-referrer" a
 * browser sends its forms with "Origin: null". */
const char *const web_headers[] = {
    "Content-Security-Policy",
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options", "nosniff",
    "Referrer-Policy", "same-origin",
    "Cache-Control", "no-store",
    NULL
};

static char shop_name[128] = "T-shirt shop";

void web_init(const char *name)
{
    (void)snprintf(shop_name, sizeof shop_name, "%s", name);
}

const char *web_money(int64_t cents, const char *currency, char *buf, size_t size)
{
    uint64_t amount = cents < 0 ? -(uint64_t)cents : (uint64_t)cents;
    char letters[4] = "";
    for (size_t i = 0; i < 3 && currency[i]; i++)
        letters[i] = (char)(currency[i] >= 'a' && currency[i] <= 'z' ? currency[i] - 'a' + 'A' : currency[i]);
    (void)snprintf(buf, size, "%s%" PRIu64 ".%02u %s", cents < 0 ? "-" : "", amount / 100, (unsigned)(amount % 100), letters);
    return buf;
}

/* ---- frame --------------------------------------------------------------------------------------------------------------- */

void frame_begin(struct out *out, const char *title)
{
    html(out,
         "<!DOCTYPE html>\n"
         "<html lang=\"en\">\n"
         "<head>\n"
         "<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<title>%s - %s</title>\n", title, shop_name);
    html(out,
         "<link rel=\"stylesheet\" href=\"/style.css\">\n"
         "<link rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100'%%3E"
         "%%3Cpath fill='%%23b8322a' d='M35 10 5 28l12 22 11-6v46h44V44l11 6 12-22-30-18q-15 14-30 0z'/%%3E%%3C/svg%%3E\">\n"
         "</head>\n"
         "<body>\n"
         "<header class=\"top\"><div class=\"wide\"><a class=\"brand\" href=\"/\">");
    frame_shirt(out, "red");
    html(out, "<span>%s</span></a></div></header>\n", shop_name);
}

char *frame_end(struct out *out)
{
    html(out, "<footer class=\"foot\"><div class=\"wide\">"
              "This shop keeps no card numbers: payments are made by the payment gateway.</div></footer>\n"
              "</body>\n"
              "</html>\n");
    return out_end(out);
}

/* ---- products ------------------------------------------------------------------------------------------------------------ */

static const char *paint(const char *colour)
{
    static const struct { const char *name, *paint; } paints[] = {
        { "red", "#b8322a" }, { "blue", "#2456a6" }, { "green", "#2f7d4f" }, { "black", "#23262d" }, { "white", "#ffffff" },
        { "grey", "#8b929c" }, { "gray", "#8b929c" }, { "yellow", "#e3b52c" }, { "orange", "#d9772b" }, { "purple", "#6b4a9c" },
        { "pink", "#d9799b" }, { "brown", "#75513a" }, { "navy", "#1e2f57" },
    };
    for (size_t i = 0; i < sizeof paints / sizeof paints[0]; i++)
        if (strcasecmp(paints[i].name, colour) == 0)
            return paints[i].paint;
    return "#b3b8c0";
}

void frame_shirt(struct out *out, const char *colour)
{
    html(out,
         "<svg class=\"shirt\" viewBox=\"0 0 100 100\" aria-hidden=\"true\" focusable=\"false\">"
         "<path fill=\"%s\" stroke=\"#1d2433\" stroke-opacity=\".25\" stroke-linejoin=\"round\" "
         "d=\"M36 10 6 26l10 23 12-5v46q22 4 44 0V44l12 5 10-23-30-16q-14 15-28 0z\"/>"
         "<path fill=\"none\" stroke=\"#ffffff\" stroke-opacity=\".45\" stroke-width=\"1.5\" d=\"M33 12q17 20 34 0M28 44v-9M72 44v-9\"/>"
         "</svg>", paint(colour));
}

const char *frame_name(const struct product *product, char *buf, size_t size)
{
    (void)snprintf(buf, size, "%s%s%s", product->colour, product->colour[0] ? " " : "", product->name);
    return buf;
}

/* ---- message ------------------------------------------------------------------------------------------------------------- */

char *web_message_page(const char *heading, const char *text, const char *link, const char *link_text)
{
    struct out out = { 0 };
    frame_begin(&out, heading);
    html(&out, "<main class=\"narrow\">\n<h1>%s</h1>\n<p class=\"lead\">%s</p>\n", heading, text);
    if (link)
        html(&out, "<p><a class=\"button\" href=\"%s\">%s</a></p>\n", link, link_text);
    html(&out, "</main>\n");
    return frame_end(&out);
}
