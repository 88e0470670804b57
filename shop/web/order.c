/* order.c - the page of one order, in words for whoever placed it. */
#include "base/clock.h"
#include "web/frame.h"

#include <stdio.h>
#include <time.h>

enum { REFRESH_MS = 3600 * 1000 };      /* a page forgotten in a browser asks no longer than that */

/* How a step is marked: see the stylesheet. */
#define GOING "going"
#define DONE "done"
#define BAD "bad"
#define NOTHING "nothing"

static const struct {
    const char *mark, *payment, *heading, *text, *no_receipt;
} states[ORDER_REVIEW + 1] = {
    [ORDER_CHARGING] = { GOING, "Being made", "Your payment is being made", "This takes a moment. There is no need to order again.",
                         "Comes by e-mail once the payment is made" },
    [ORDER_PAID] = { DONE, "Paid", "Thank you!", "Your order is paid and written down.", "None is due" },
    [ORDER_DECLINED] = { BAD, "Declined", "Your payment was declined", "You were not charged. You can try again with another way to pay.",
                         "None: nothing was paid" },
    [ORDER_CANCELLED] = { BAD, "Not made", "Your order was cancelled",
                          "The payment could not be made in time. You were not charged, and can order again.",
                          "None: nothing was paid" },
    [ORDER_REVIEW] = { GOING, "Being looked into", "We are looking into your payment",
                       "We cannot tell yet whether it was made; somebody looks after it by hand. "
                       "Please do not order again until you hear from us.",
                       "Comes by e-mail if the payment was made" },
};

static const struct {
    const char *mark, *text;
} receipts[RECEIPT_DEAD + 1] = {
    [RECEIPT_NONE] = { NOTHING, "" },
    [RECEIPT_READY] = { GOING, "On its way to your e-mail address" },
    [RECEIPT_LEASED] = { GOING, "On its way to your e-mail address" },
    [RECEIPT_HANDED] = { GOING, "On its way: your mail server has nearly all of it" },
    [RECEIPT_SENT] = { DONE, "Sent to your e-mail address" },
    [RECEIPT_UNCERTAIN] = { BAD, "Perhaps sent: we could not see whether it arrived. If it did not, this page is your receipt" },
    [RECEIPT_DEAD] = { BAD, "Could not be delivered to your e-mail address. Your order stands, and this page is your receipt" },
};

bool web_refreshes(const struct web_order *order)
{
    enum receipt_state receipt = order->receipt;
    bool is_mailed = receipt == RECEIPT_READY || receipt == RECEIPT_LEASED || receipt == RECEIPT_HANDED;
    bool is_going = order->order->state == ORDER_CHARGING || (order->order->state == ORDER_PAID && is_mailed);
    return is_going && clock_ms() - order->order->created_ms < REFRESH_MS;
}

static void put_line(struct out *out, const struct order_line *line, const char *currency)
{
    char name[128], money[32];
    html(out, "<tr><td><div class=\"item\">");
    frame_shirt(out, line->product->colour);
    html(out, "<div>%s", frame_name(line->product, name, sizeof name));
    if (line->product->size[0])
        html(out, ", size %s", line->product->size);
    html(out, "<br><span class=\"hint\">%s each</span></div></div></td>", web_money(line->price_cents, currency, money, sizeof money));
    html(out, "<td class=\"number\">%u</td>", line->qty);
    html(out, "<td class=\"number\">%s</td></tr>\n", web_money(line->price_cents * line->qty, currency, money, sizeof money));
}

static void put_items(struct out *out, const struct order *order)
{
    char money[32];
    html(out, "<table class=\"items\">\n<caption>What you ordered</caption>\n<thead><tr><th scope=\"col\">Item</th>"
              "<th scope=\"col\" class=\"number\">Quantity</th><th scope=\"col\" class=\"number\">Price</th></tr></thead>\n<tbody>\n");
    for (uint32_t i = 0; i < order->n_lines; i++)
        put_line(out, &order->lines[i], order->currency);
    html(out, "</tbody>\n<tfoot><tr><th scope=\"row\" colspan=\"2\">Total</th><td class=\"number\">%s</td></tr></tfoot>\n</table>\n",
         web_money(order->total_cents, order->currency, money, sizeof money));
}

static void put_steps(struct out *out, const struct web_order *view)
{
    const struct order *order = view->order;
    time_t s = (time_t)(order->created_ms / 1000);
    struct tm tm = { 0 };
    char when[64] = "";
    if (gmtime_r(&s, &tm))
        (void)strftime(when, sizeof when, "%e %B %Y, %H:%M UTC", &tm);
    html(out, "<dl class=\"steps\">\n<div class=\"done\"><dt>Ordered</dt><dd>%s</dd></div>\n", when + (when[0] == ' '));
    html(out, "<div class=\"%s\"><dt>Payment</dt><dd>%s</dd></div>\n", states[order->state].mark, states[order->state].payment);
    html(out, "<div class=\"%s\"><dt>Receipt</dt><dd>%s</dd></div>\n</dl>\n", receipts[view->receipt].mark,
         view->receipt != RECEIPT_NONE ? receipts[view->receipt].text : states[order->state].no_receipt);
}

char *web_order_page(const struct web_order *view)
{
    struct out out = { 0 };
    const struct order *order = view->order;
    char token[TOKEN_TEXT_SIZE];
    frame_begin(&out, states[order->state].heading);
    html(&out, "<main class=\"narrow\">\n<h1>%s</h1>\n<p class=\"lead\">%s</p>\n", states[order->state].heading, states[order->state].text);
    if (order->state == ORDER_DECLINED && view->declined && *view->declined)
        html(&out, "<p class=\"flaw\">%s</p>\n", view->declined);
    put_steps(&out, view);
    if (web_refreshes(view))
        html(&out, "<p class=\"hint\">This page loads itself anew until that is done. <a href=\"/orders/%s\">Load it now</a></p>\n",
             token_text(&order->token, token));
    put_items(&out, order);
    if (view->is_demo)
        html(&out, "<p class=\"hint\">This is a demonstration: no money has moved, and no T-shirt will be sent.</p>\n");
    html(&out, "<p class=\"hint\">Keep the address of this page: it is the only way back here, so show it to nobody else.</p>\n"
               "<p><a class=\"button\" href=\"/\">%s</a></p>\n</main>\n",
         order->state == ORDER_DECLINED ? "Try again" : "Back to the shop");
    return frame_end(&out);
}
