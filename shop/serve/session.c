/* session.c - a keyed hash ties the token to the cookie; nothing is stored. */
#include "serve/session.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char cookie_name[] = "shop";

static bool session_of(const struct http_request *request, struct token *ret_session)
{
    const char *text = http_cookie(request, cookie_name);
    return text && token_read(text, ret_session);
}

void session_begin(const struct shop *shop, const struct http_request *request, char ret_csrf[static TOKEN_TEXT_SIZE],
                   char ret_cookie[static SESSION_COOKIE_SIZE])
{
    struct token session, csrf;
    char text[TOKEN_TEXT_SIZE];
    if (!session_of(request, &session))
        token_random(&session);
    token_derive(store_secret(shop->store), "csrf", session.bytes, sizeof session.bytes, &csrf);
    token_text(&csrf, ret_csrf);
    bool is_secure = strncasecmp(shop->public_url, "https:", 6) == 0;
    snprintf(ret_cookie, SESSION_COOKIE_SIZE, "%s=%s; Path=/; HttpOnly; SameSite=Lax%s", cookie_name, token_text(&session, text),
             is_secure ? "; Secure" : "");
}

/* "http://127.0.0.1:8080" and "127.0.0.1:8080". A browser that tells no origin is taken by its token alone. */
static bool origin_is_ours(const struct http_request *request)
{
    const char *origin = http_header(request, "Origin"), *host = http_header(request, "Host");
    if (!origin)
        return true;
    const char *name = strstr(origin, "://");
    return name && host && strcasecmp(name + 3, host) == 0;
}

bool session_is_ours(const struct shop *shop, const struct http_request *request, const char *csrf)
{
    struct token session, wanted, given;
    if (!origin_is_ours(request) || !session_of(request, &session) || !token_read(csrf, &given))
        return false;
    token_derive(store_secret(shop->store), "csrf", session.bytes, sizeof session.bytes, &wanted);
    return token_same(&wanted, &given);
}
