/* jobs.c - `prong-shop jobs`: what waits, for what, and why; and a receipt that is to be sent again. */
#include "command/command.h"

#include "base/clock.h"
#include "base/trouble.h"
#include "json.h"
#include "say.h"
#include "settings/settings.h"
#include "text.h"
#include "web/web.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct request {
    const char *db, *config;
    bool json;
    struct words resend;
};

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    COMMAND_DB_OPTIONS(struct request),
    { .group = "What to do", .name = "--json", .kind = OPTION_FLAG, .at = AT(json),
      .help = "prong-shop.jobs/1 on standard output, and nothing else there" },
    { .name = "--resend", .value = "TOKEN", .kind = OPTION_EACH, .at = AT(resend),
      .help = "send the receipt of this order (again) instead of listing; may be given several times",
      .more = "A receipt that is uncertain, dead or sent becomes ready, with the same Message-ID. A server that runs sends it within a "
              "second; else the next one does." },
    { 0 }
};
#undef AT

/* ---- the list ------------------------------------------------------------------------------------------------------------ */

struct listing {
    struct json *json;          /* NULL: a table */
    uint64_t n;
};

/* "2026-11-25 09:00:00", of the machine's own zone; "-" for none. */
static const char *moment(int64_t at_ms, char *buf, size_t size)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    if (at_ms <= 0 || !localtime_r(&seconds, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm))
        snprintf(buf, size, "-");
    return buf;
}

static void list_row(const struct store_job_view *job)
{
    char token[TOKEN_TEXT_SIZE], next[32], total[32];
    printf("%-22s  %-8s  %-9s  %5lld  %-19s  %12s  %s%s%s\n", token_text(&job->token, token), order_state_name(job->state),
           receipt_state_name(job->receipt), (long long)job->attempt, moment(job->at_ms, next, sizeof next),
           web_money(job->total_cents, job->currency, total, sizeof total), job->email, *job->trouble ? "  " : "", job->trouble);
}

static void list_json(struct json *w, const struct store_job_view *job)
{
    char token[TOKEN_TEXT_SIZE];
    json_begin_flat(w, NULL, '{');
    json_put_string(w, "token", token_text(&job->token, token));
    json_put_string(w, "state", order_state_name(job->state));
    json_put_string(w, "receipt", receipt_state_name(job->receipt));
    json_put_count(w, "attempt", (uint64_t)job->attempt);
    json_put_count_or_null(w, "at_ms", (uint64_t)job->at_ms);
    json_put_count(w, "total_cents", (uint64_t)job->total_cents);
    json_put_string(w, "currency", job->currency);
    json_put_string(w, "email", job->email);
    json_put_string_or_null(w, "trouble", job->trouble);
    json_end(w, '}');
}

static int list_one(const struct store_job_view *job, void *arg)
{
    struct listing *listing = arg;
    if (!listing->json && listing->n == 0)
        printf("%-22s  %-8s  %-9s  %5s  %-19s  %12s  %s\n", "TOKEN", "ORDER", "RECEIPT", "TRIES", "NEXT", "TOTAL",
               "E-MAIL, AND WHAT WENT WRONG");
    listing->n++;
    if (listing->json)
        list_json(listing->json, job);
    else
        list_row(job);
    return 0;
}

static int list(struct store *store, bool as_json)
{
    struct json w = { .to = stdout };
    struct listing listing = { .json = as_json ? &w : NULL };
    struct store_reader *reader;
    if (store_reader_open(store, &reader) < 0)
        return say_error(SAY_MISSING, "%s", trouble_text());
    if (as_json) {
        json_begin(&w, NULL, '{');
        json_put_string(&w, "schema", "prong-shop.jobs/1");
        json_begin(&w, "jobs", '[');
    }
    int status = SAY_OK;
    if (store_read_jobs(reader, list_one, &listing) < 0)
        status = say_error(SAY_MISSING, "%s", trouble_text());
    if (as_json) {
        json_end(&w, ']');
        json_end(&w, '}');
        putchar('\n');
    } else if (status == SAY_OK && listing.n == 0)
        puts("nothing waits: all orders are settled, all receipts sent");
    store_reader_close(reader);
    return status;
}

/* ---- again --------------------------------------------------------------------------------------------------------------- */

static int resend(struct store *store, const struct words *tokens)
{
    int status = SAY_OK;
    for (size_t i = 0; i < tokens->n; i++) {
        struct token token;
        (void)token_read(tokens->word[i], &token);      /* has been checked */
        int r = store_change_resend(store, &token);
        if (r == 0)
            printf("%s: will be sent\n", tokens->word[i]);
        else if (r == -ENOENT)
            status = say_error(SAY_WRONG, "%s: there is no such order", tokens->word[i]);
        else if (r == -EINVAL)
            status = say_error(SAY_WRONG, "%s: its receipt is on its way already, or it is not paid", tokens->word[i]);
        else
            return say_error(SAY_MISSING, "%s: %s", tokens->word[i], trouble_text());
    }
    return status;
}

/* All, before anything is done. */
static int check_tokens(const struct words *tokens)
{
    struct token token;
    for (size_t i = 0; i < tokens->n; i++)
        if (!token_read(tokens->word[i], &token)) {
            (void)say_error(SAY_USAGE, "'%s' is no token of an order", tokens->word[i]);
            say_hint("`prong-shop jobs` lists them; the address of an order's page ends with its token, too");
            return SAY_USAGE;
        }
    return SAY_OK;
}

static int run_request(const struct request *request)
{
    struct store *store;
    int status = check_tokens(&request->resend);
    if (status == SAY_OK)
        status = command_open_store(request->db, &store);
    if (status != SAY_OK)
        return status;
    status = request->resend.n ? resend(store, &request->resend) : list(store, request->json);
    store_close(store);
    return status;
}

static int run_command(int argc, char *const argv[])
{
    struct request request = { 0 };
    struct settings settings;
    int status = settings_read(&jobs_command, &serve_command, &request, sizeof request, argc, argv, &settings);
    if (status == SAY_OK)
        status = run_request(&request);
    words_free(&request.resend);
    settings_free(&settings);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

static const struct explained examples[] = {
    { "prong-shop jobs --db shop.db", "what waits, the oldest first" },
    { "prong-shop jobs --db shop.db --resend TOKEN", "a receipt that is uncertain or dead" },
    { "prong-shop jobs --db shop.db --json", "for programs" },
    { 0 }
};

static const struct section sections[] = {
    { .heading = "WHAT WAITS",
      .text = "Orders: `charging`: the gateway is being asked; `review`: nobody can tell whether the card was charged: look at the "
              "gateway.\n\nReceipts: `ready`: to be sent, now or at its time; `leased` and `handed`: being sent; `uncertain`: may have "
              "arrived or not, since the shop was killed at the wrong instant: `--resend` sends it again, if it is not in the customer's "
              "hands; `dead`: refused for good, or tried for too long." },
    { 0 }
};

const struct command jobs_command = {
    .name = "jobs",
    .summary = "lists orders and receipts that wait for something, and sends receipts again",
    .about = "Lists the orders whose charge is not settled and the receipts that are not sent, with what went wrong. Works beside a "
             "server that runs, and without one.",
    .options = options,
    .sections = sections,
    .exits = command_exits,
    .environment = command_db_environment,
    .examples = examples,
    .run = run_command,
};
