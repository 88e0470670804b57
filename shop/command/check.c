/* check.c - asks each part what it thinks of its settings, and the file system what it allows; every complaint begins with where the
 * setting came from. */
#include "command/command.h"
#include "base/trouble.h"
#include "command/serve.h"

#include "gateway/gateway.h"
#include "order/request.h"
#include "say.h"
#include "serve/address.h"
#include "settings/keyfile.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct checking {
    const struct serve_request *request;
    const struct settings *settings;
    int status;                 /* of the first complaint */
    char place[PLACE_SIZE + 64];
};

static void note(struct checking *c, int status)
{
    c->status = c->status == SAY_OK ? status : c->status;
}

static const char *place_of(struct checking *c, const char *name)
{
    return settings_place(c->settings, &serve_command, name, c->place, sizeof c->place);
}

static void complain(struct checking *c, int status, const char *name, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void complain(struct checking *c, int status, const char *name, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    note(c, say_error(status, "%s: %s", place_of(c, name), text));
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

/* "a/b" of "a/b/c", "." of "c", "/" of "/c". */
static const char *folder_of(const char *path, char *buf, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(buf, size, ".");
    else
        snprintf(buf, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return buf;
}

static void check_folder(struct checking *c, const char *name, const char *folder)
{
    if (access(folder, W_OK | X_OK) < 0)
        complain(c, SAY_MISSING, name, "the folder %s cannot be written: %s", folder, strerror(errno));
}

static void check_readable(struct checking *c, const char *name, const char *path)
{
    if (path && access(path, R_OK) < 0)
        complain(c, SAY_MISSING, name, "%s: %s", path, strerror(errno));
}

static void check_secret(struct checking *c, const char *name, const char *path)
{
    char *secret = NULL;
    if (path)
        note(c, keyfile_read(place_of(c, name), path, &secret));
    keyfile_free(secret);
}

static void check_db(struct checking *c)
{
    const char *db = c->request->opts.db;
    char folder[4096];
    struct stat st;
    check_folder(c, "--db", folder_of(db, folder, sizeof folder));
    if (stat(db, &st) < 0 && errno == ENOENT)
        return;                 /* will be made */
    if (access(db, R_OK | W_OK) < 0) {
        complain(c, SAY_MISSING, "--db", "%s: %s", db, strerror(errno));
        return;
    }
    if (!c->request->check)     /* a server that starts opens it anyway */
        return;
    struct store *store;
    const struct store_opts opts = { .path = db };
    int r = store_open(&opts, &store);
    if (r < 0)
        complain(c, r == -EUCLEAN || r == -ENOTSUP ? SAY_BAD_INPUT : SAY_MISSING, "--db", "%s", trouble_text());
    else
        store_close(store);
}

/* ---- addresses ----------------------------------------------------------------------------------------------------------- */

struct url {
    char *scheme, *host, *user;     /* NULL: none */
};

static char *part_of(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

/* false: it is none. */
static bool url_read(const char *text, struct url *ret_url)
{
    CURLU *url = curl_url();
    bool is_one = url && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    *ret_url = (struct url){ 0 };
    if (is_one)
        *ret_url = (struct url){ part_of(url, CURLUPART_SCHEME), part_of(url, CURLUPART_HOST), part_of(url, CURLUPART_USER) };
    curl_url_cleanup(url);
    return is_one;
}

static void url_free(struct url *url)
{
    curl_free(url->scheme);
    curl_free(url->host);
    curl_free(url->user);
}

static bool is_local(const char *host)
{
    return host && (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0);
}

static void check_listen(struct checking *c)
{
    char address[ADDRESS_SIZE];
    uint16_t port;
    if (address_read(c->request->opts.listen, address, &port) < 0) {
        complain(c, SAY_USAGE, "--listen", "'%s' is no address with a port", c->request->opts.listen);
        say_hint("as in 127.0.0.1:8080 or [::1]:8080; 0.0.0.0:8080 is every address of this machine");
    }
}

static void check_public_url(struct checking *c)
{
    const char *text = c->request->opts.public_url;
    struct url url = { 0 };
    if (text && (!url_read(text, &url) || strncmp(url.scheme, "http", 4) != 0 || url.user || text[strlen(text) - 1] == '/')) {
        complain(c, SAY_USAGE, "--public-url", "'%s' is no address for customers", text);
        say_hint("as in https://shop.example.org, without a slash at the end");
    }
    url_free(&url);
}

/* On a loop of its own: the gateway's own checks are the ones that count. */
static void check_gateway(struct checking *c)
{
    const struct serve_opts *o = &c->request->opts;
    uv_loop_t loop;
    struct gateway *gateway;
    struct url url = { 0 };
    const struct gateway_opts opts = { .url = o->gateway, .key = "sk_test_check", .ca_file = o->gateway_ca };
    if (uv_loop_init(&loop) < 0) {
        complain(c, SAY_MISSING, "--gateway", "no loop to try it on");
        return;
    }
    if (gateway_open(&loop, &opts, &gateway) < 0)
        complain(c, SAY_USAGE, "--gateway", "%s", trouble_text());
    else
        gateway_close(gateway);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    if (!c->request->gateway_key_file && url_read(o->gateway, &url) && !is_local(url.host)) {
        complain(c, SAY_USAGE, "--gateway", "%s wants a key, and there is no --gateway-key-file", url.host);
        say_hint("put the secret key into a file of mode 0600, and name that");
    }
    url_free(&url);
}

/* ---- mail ---------------------------------------------------------------------------------------------------------------- */

static void check_smtp(struct checking *c, const char *text)
{
    struct url url;
    if (!url_read(text, &url) || (strcmp(url.scheme, "smtp") != 0 && strcmp(url.scheme, "smtps") != 0)) {
        complain(c, SAY_USAGE, "--mail", "'%s' is no address of a mail server", text);
        say_hint("as in smtp://mail.example.org:587 or smtps://mail.example.org:465");
    } else if (url.user) {
        complain(c, SAY_USAGE, "--mail", "an address that names a user shows a secret to everybody who sees it");
        say_hint("use --mail-user and --mail-password-file");
    } else if (!is_local(url.host) && c->request->opts.mail_starttls && strcmp(c->request->opts.mail_starttls, "require") != 0 &&
               strcmp(url.scheme, "smtp") == 0 && c->request->mail_password_file) {
        complain(c, SAY_USAGE, "--mail-starttls", "the password would go to %s unencrypted", url.host);
        say_hint("mail-starttls = require, or smtps://");
    }
    url_free(&url);
}

static void check_mail_folder(struct checking *c, const char *path)
{
    char folder[4096];
    struct stat st;
    if (stat(path, &st) < 0 && errno == ENOENT)
        check_folder(c, "--mail", folder_of(path, folder, sizeof folder));
    else if (!S_ISDIR(st.st_mode))
        complain(c, SAY_MISSING, "--mail", "%s is no folder", path);
    else
        check_folder(c, "--mail", path);
}

static void check_mail(struct checking *c)
{
    const struct serve_opts *o = &c->request->opts;
    static const char pipe[] = "sendmail:";
    const char *program = strncmp(o->mail, pipe, strlen(pipe)) == 0 ? o->mail + strlen(pipe) : NULL;
    if (strstr(o->mail, "://"))
        check_smtp(c, o->mail);
    else if (!program)
        check_mail_folder(c, o->mail);
    else if (access(program, X_OK) < 0)
        complain(c, SAY_MISSING, "--mail", "%s: %s", program, strerror(errno));
    if (!text_is_email(o->mail_from))
        complain(c, SAY_USAGE, "--mail-from", "'%s' is no e-mail address", o->mail_from);
    if (!o->mail_user != !c->request->mail_password_file)
        complain(c, SAY_USAGE, o->mail_user ? "--mail-user" : "--mail-password-file", "a user and a password file need each other");
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

static void check_missing(struct checking *c)
{
    const struct serve_opts *o = &c->request->opts;
    const char *missing = !o->db ? "db" : !o->gateway ? "gateway" : !o->mail ? "mail" : NULL;
    if (!missing)
        return;
    note(c, say_error(SAY_USAGE, "the shop needs --%s", missing));
    if (c->request->config)
        say_hint("add `%s = ...` to %s; `prong-shop serve --help` tells what it may be", missing, c->request->config);
    else
        say_hint("to try it: prong-shop demo. Else: prong-shop serve --db shop.db --gateway URL --mail FOLDER");
}

int check_settings(const struct serve_request *request, const struct settings *settings)
{
    struct checking c = { .request = request, .settings = settings };
    check_listen(&c);
    check_public_url(&c);
    check_missing(&c);
    if (request->opts.db)
        check_db(&c);
    if (request->opts.gateway)
        check_gateway(&c);
    if (request->opts.mail)
        check_mail(&c);
    check_readable(&c, "--gateway-ca", request->opts.gateway_ca);
    check_readable(&c, "--mail-ca", request->opts.mail_ca);
    if (request->check) {       /* else they are read right after */
        check_secret(&c, "--gateway-key-file", request->gateway_key_file);
        check_secret(&c, "--mail-password-file", request->mail_password_file);
    }
    return c.status;
}
