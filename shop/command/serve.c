/* serve.c - `prong-shop serve`: the settings, and what is done with them. */
#include "command/serve.h"

#include "base/fail.h"
#include "base/log.h"
#include "command/command.h"
#include "command/signals.h"
#include "say.h"
#include "settings/keyfile.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 1000000, DAY_MS = 24 * 60 * 60 * 1000 };

static const char *uncertain_name(size_t i)
{
    static const char *const names[] = { "once", "resend" };
    return i < 2 ? names[i] : NULL;
}

static const char *starttls_name(size_t i)
{
    static const char *const names[] = { "require", "try", "no" };
    return i < 3 ? names[i] : NULL;
}

static const char *const log_names[] = { [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_INFO] = "info",
                                         [LOG_LEVEL_DEBUG] = "debug" };

static const char *log_name(size_t i)
{
    return i < sizeof log_names / sizeof log_names[0] ? log_names[i] : NULL;
}

#define AT(member) offsetof(struct serve_request, member)
static const struct option options[] = {
    { .group = "Settings", .name = "--config", .value = "FILE", .kind = OPTION_FILE, .at = AT(config),
      .help = "read the settings below from this file, too" },
    { .name = "--check-config", .kind = OPTION_FLAG, .at = AT(check),
      .help = "look at everything that can be looked at without starting, print the settings and where each came from, and end" },
    { .group = "The shop", .name = "--listen", .value = "ADDRESS:PORT", .kind = OPTION_TEXT, .at = AT(opts.listen),
      .help = "where to answer (default: 127.0.0.1:8080); port 0 is any free one",
      .more = "It speaks plain HTTP: for the open internet put nginx in front, and leave this on loopback. A socket that systemd hands "
              "over (a .socket unit) takes its place." },
    { .name = "--db", .value = "FILE", .kind = OPTION_FILE, .at = AT(opts.db),
      .help = "the database; made, with the demo catalogue, if it is not there" },
    { .name = "--shop-name", .value = "NAME", .kind = OPTION_TEXT, .at = AT(opts.shop_name),
      .help = "as customers read it (default: prong-shop)" },
    { .name = "--public-url", .value = "URL", .kind = OPTION_TEXT, .at = AT(opts.public_url),
      .help = "where customers reach the shop, for links in receipts (default: where it listens)" },
    { .name = "--demo", .kind = OPTION_FLAG, .at = AT(opts.is_demo),
      .help = "the storefront offers the payment methods of `prong-shop gateway`: paid, declined, slow" },
    { .group = "The gateway", .name = "--gateway", .value = "URL", .kind = OPTION_TEXT, .at = AT(opts.gateway),
      .help = "where cards are charged; http:// only towards this machine" },
    { .name = "--gateway-key-file", .value = "FILE", .kind = OPTION_FILE, .at = AT(gateway_key_file),
      .help = "holds the secret key of the gateway, mode 0600",
      .more = "A name without a slash is looked for among the credentials of the systemd unit first. Needed for any gateway beyond this "
              "machine. A secret itself is taken neither as an option nor from the environment, which others may see." },
    { .name = "--gateway-ca", .value = "FILE", .kind = OPTION_FILE, .at = AT(opts.gateway_ca),
      .help = "certificates to trust there (default: the system's)" },
    { .name = "--wait-ms", .value = "N", .kind = OPTION_COUNT, .most = DAY_MS, .at = AT(opts.wait_ms),
      .help = "how long a customer waits for the charge before being told to ask again (default: 25000)" },
    { .name = "--give-up-ms", .value = "N", .kind = OPTION_COUNT, .most = DAY_MS, .at = AT(opts.give_up_ms),
      .help = "how long a charge is tried before the gateway is asked what became of it (default: 900000)" },
    { .group = "Receipts", .name = "--mail", .value = "TO", .kind = OPTION_TEXT, .at = AT(opts.mail),
      .help = "smtp://HOST:PORT, smtps://HOST:PORT, sendmail:PROGRAM, or a folder for files" },
    { .name = "--mail-from", .value = "ADDRESS", .kind = OPTION_TEXT, .at = AT(opts.mail_from),
      .help = "the sender (default: shop@localhost)" },
    { .name = "--mail-user", .value = "NAME", .kind = OPTION_TEXT, .at = AT(opts.mail_user),
      .help = "as whom to log in (default: not at all)" },
    { .name = "--mail-password-file", .value = "FILE", .kind = OPTION_FILE, .at = AT(mail_password_file),
      .help = "holds the password for it, mode 0600" },
    { .name = "--mail-ca", .value = "FILE", .kind = OPTION_FILE, .at = AT(opts.mail_ca),
      .help = "certificates to trust there (default: the system\'s)" },
    { .name = "--mail-starttls", .value = "HOW", .kind = OPTION_CHOICE, .at = AT(opts.mail_starttls), .names = starttls_name,
      .help = "encrypt smtp:// (default: require; towards this machine no)" },
    { .name = "--uncertain", .value = "HOW", .kind = OPTION_CHOICE, .at = AT(opts.uncertain), .names = uncertain_name,
      .help = "a receipt that may have arrived or not, after a crash at the wrong instant (default: once)",
      .more = "once: it waits for a person, who finds it by `prong-shop jobs`. resend: it is sent again with the same Message-ID, and a "
              "customer may find it twice." },
    { .name = "--mails-in-flight", .value = "N", .kind = OPTION_COUNT, .most = 10000, .at = AT(opts.mails_in_flight),
      .help = "at the same time (default: 500)" },
    { .name = "--mails-per-second", .value = "N", .kind = OPTION_COUNT, .zero = true, .most = MANY, .at = AT(opts.mails_per_second),
      .help = "at most (default: 0, no limit)" },
    { .name = "--mail-workers", .value = "N", .kind = OPTION_COUNT, .most = 256, .at = AT(opts.mail_workers),
      .help = "processes that write receipts (default: 2)" },
    { .name = "--mail-backoff-ms", .value = "N", .kind = OPTION_COUNT, .most = DAY_MS, .at = AT(opts.mail_backoff_ms),
      .help = "pause after a first refusal for now; it doubles each time, to one hour (default: 15000)" },
    { .group = "Limits", .name = "--orders-in-flight", .value = "N", .kind = OPTION_COUNT, .most = MANY, .at = AT(opts.orders_in_flight),
      .help = "beyond, customers are told to come back (default: 4096)" },
    { .name = "--connections", .value = "N", .kind = OPTION_COUNT, .zero = true, .most = MANY, .at = AT(opts.connections),
      .help = "at the same time (default: 0: 10000, or as many as open files allow)" },
    { .name = "--per-address", .value = "N", .kind = OPTION_COUNT, .zero = true, .most = MANY, .at = AT(opts.per_address),
      .help = "of these from one address (default: 0, no limit)" },
    { .name = "--drain-ms", .value = "N", .kind = OPTION_COUNT, .most = DAY_MS, .at = AT(opts.drain_ms),
      .help = "at the end, for what is under way (default: 30000)" },
    { .group = "For the operator", .name = "--log", .value = "LEVEL", .kind = OPTION_CHOICE, .at = AT(log), .names = log_name,
      .help = "what is told on standard error (default: info)" },
    { 0 }
};
#undef AT

static const struct serve_request usual = {
    .opts = { .listen = "127.0.0.1:8080", .shop_name = "prong-shop", .mail_from = "shop@localhost", .uncertain = "once", .wait_ms = 25000,
              .give_up_ms = 900000, .mails_in_flight = 500, .mail_workers = 2, .mail_backoff_ms = 15000, .orders_in_flight = 4096,
              .drain_ms = 30000 },
    .log = "info",
};

/* ---- serving ------------------------------------------------------------------------------------------------------------- */

static void on_ready(const char *url, void *arg)
{
    (void)arg;
    printf("listening on %s\n", url);
    (void)fflush(stdout);
}

static enum log_level level_of(const char *name)
{
    size_t i = LOG_LEVEL_ERROR;
    while (strcmp(log_names[i], name) != 0)
        i++;
    return (enum log_level)i;
}

/* Any key will do for the stand-in, and no other gateway is reached without one: see check_settings(). */
static int read_secrets(const struct serve_request *request, const struct settings *settings, char **ret_key, char **ret_password)
{
    char place[PLACE_SIZE + 64];
    int status = SAY_OK;
    if (request->gateway_key_file)
        status = keyfile_read(settings_place(settings, &serve_command, "--gateway-key-file", place, sizeof place),
                              request->gateway_key_file, ret_key);
    if (status == SAY_OK && request->mail_password_file)
        status = keyfile_read(settings_place(settings, &serve_command, "--mail-password-file", place, sizeof place),
                              request->mail_password_file, ret_password);
    return status;
}

static int serve(struct serve_request *request, const struct settings *settings)
{
    char *key = NULL, *password = NULL;
    int status = read_secrets(request, settings, &key, &password);
    if (status == SAY_OK && token_init() < 0)
        status = say_error(SAY_MISSING, "this machine gives no random numbers");
    if (status == SAY_OK) {
        signals_end();
        log_init(level_of(request->log));
        fail_init();
        request->opts.gateway_key = key ? key : "sk_test_prong_shop";
        request->opts.mail_password = password;
        request->opts.ready = on_ready;
        status = serve_run(&request->opts);
    }
    keyfile_free(password);
    keyfile_free(key);
    return status;
}

static int run_command(int argc, char *const argv[])
{
    struct serve_request request = usual;
    struct settings settings;
    int status = settings_read(&serve_command, &serve_command, &request, sizeof request, argc, argv, &settings);
    if (status == SAY_OK) {
        status = check_settings(&request, &settings);
        if (request.check) {
            settings_show(&settings, &serve_command, &request, stdout);
            if (status == SAY_OK)
                puts("\nall is well");
        } else if (status == SAY_OK)
            status = serve(&request, &settings);
    }
    settings_free(&settings);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

/* ---- what is told of it -------------------------------------------------------------------------------------------------- */

static const struct explained exits[] = {
    { "0", "asked to end by SIGTERM or Ctrl-C, and all that was under way is done or kept" },
    { "2", "wrong usage, or wrong settings: starting again will not help" },
    { "3", "something is missing: a file cannot be read or written, the port is taken, another server has the database, the disk failed" },
    { "4", "the database is damaged, or no database of a shop" },
    { 0 }
};

static const struct explained environment[] = {
    { "PRONG_SHOP_...", "every setting: `PRONG_SHOP_MAIL_FROM` is --mail-from, `PRONG_SHOP_CONFIG` is --config. An empty one is none" },
    { "CREDENTIALS_DIRECTORY", "where systemd puts the credentials of the unit: secrets named without a slash are looked for there first" },
    { "NOTIFY_SOCKET", "systemd is told on it when the shop is ready, and when it ends" },
    { "LISTEN_FDS", "a socket to answer on that systemd has opened" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong-shop serve --db shop.db --gateway http://127.0.0.1:12111 --mail mails", "beside `prong-shop gateway`" },
    { "prong-shop serve --config /etc/prong-shop.conf --check-config", "before a restart" },
    { "prong-shop serve --config /etc/prong-shop.conf", "what the systemd unit runs" },
    { 0 }
};

static const struct section sections[] = {
    { .heading = "CONFIGURATION",
      .text = "Settings come from the command line; what it does not say, from the environment; then from the file of --config; then from "
              "the defaults. The file has lines `key = value`, where the key is an option without its dashes, as in "
              "`mail-from = shop@example.org`; a flag is `yes` or `no`. They stand on top or under `[serve]`. A line that begins with # "
              "or ; is a comment. Unknown and repeated keys are refused with their line." },
    { .heading = "SIGNALS",
      .text = "SIGTERM and SIGINT end the shop: no new connections, customers who wait are answered, receipts under way are handed over, "
              "until --drain-ms is over. A second one ends the waiting. SIGKILL at any instant loses no order and charges nobody twice: "
              "the next start goes on where it stopped." },
    { 0 }
};

const struct command serve_command = {
    .name = "serve",
    .summary = "runs the shop",
    .about = "Answers POST /orders and the storefront: charges the card, writes the order to the database and answers; the receipt "
             "follows by e-mail in the background. Prints the line `listening on http://ADDRESS:PORT` once it answers. --db, --gateway "
             "and --mail have no default.",
    .options = options,
    .sections = sections,
    .exits = exits,
    .environment = environment,
    .examples = examples,
    .run = run_command,
};
