/* options.c - one check after the other; the first that fails is told. */
#include "mail/options.h"
#include "base/trouble.h"

#include "mail/mime.h"
#include "mail/receipt.h"
#include "mail/smtp_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(const char *word)
{
    return strcmp(word, "require") == 0 || strcmp(word, "try") == 0 || strcmp(word, "no") == 0;
}

/* This and check() give why an option is refused, "option: reason"; NULL: none is. */
static const char *check_smtp(struct mailer_opts *opts)
{
    bool is_local;
    if (!smtp_is_url(opts->to, &is_local))
        return "to: an address of a mail server is smtp://HOST:PORT, and nothing more";
    if (!opts->starttls)
        opts->starttls = is_local ? "no" : "require";
    if (!opts->user != !opts->password)
        return "user: name and password belong together";
    return NULL;
}

/* Fills in the defaults, too. */
static const char *check(struct mailer_opts *opts)
{
    static const char sendmail[] = "sendmail:";
    if (!opts->to || !*opts->to)
        return "to: where receipts go is missing";
    if (!opts->from || !mime_is_address(opts->from))
        return "from: this is no e-mail address";
    if (!opts->shop_name || strlen(opts->shop_name) > SHOP_NAME_MAX || !mime_is_clean(opts->shop_name, false))
        return "shop_name: a short text without control characters is wanted";
    if (!opts->public_url || strlen(opts->public_url) > URL_MAX - 32)
        return "public_url: missing, or too long";
    if (opts->starttls && !is_word(opts->starttls))
        return "starttls: it is \"require\", \"try\" or \"no\"";
    if (strncmp(opts->to, sendmail, sizeof sendmail - 1) == 0 && opts->to[sizeof sendmail - 1] != '/')
        return "to: the sendmail program is named by its whole path";
    opts->render = opts->render ? opts->render : receipt_render;
    opts->in_flight = opts->in_flight ? opts->in_flight : 500;
    opts->timeout_ms = opts->timeout_ms ? opts->timeout_ms : 60000;
    opts->backoff_ms = opts->backoff_ms ? opts->backoff_ms : 15000;
    return strncmp(opts->to, "smtp://", 7) == 0 || strncmp(opts->to, "smtps://", 8) == 0 ? check_smtp(opts) : NULL;
}

static int copy_texts(struct mailer_opts *opts, void **ret_texts)
{
    const char **texts[] = { &opts->to, &opts->from, &opts->shop_name, &opts->public_url, &opts->user, &opts->password, &opts->ca_file,
                             &opts->starttls };
    size_t n = sizeof texts / sizeof texts[0], size = 0;
    for (size_t i = 0; i < n; i++)
        size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    char *at = *ret_texts = malloc(size);
    if (!at)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!*texts[i])
            continue;
        char *end = stpcpy(at, *texts[i]);
        *texts[i] = at;
        at = end + 1;
    }
    return 0;
}

int options_take(const struct mailer_opts *opts, struct mailer_opts *ret_opts, void **ret_texts)
{
    struct mailer_opts taken = *opts;
    const char *why = check(&taken);
    if (why)
        return trouble_say(-EINVAL, "%s", why);
    int r = copy_texts(&taken, ret_texts);
    if (r < 0)
        return trouble_say(r, "out of memory");
    *ret_opts = taken;
    return 0;
}
