/* session.h - who sent a form: a random name in a cookie, and a token in the form that only we can make of that name.
 *
 * A stranger's page can have a browser post a form here, with its cookie perhaps, but cannot know the token. */
#pragma once
#include "serve/shop.h"

enum { SESSION_COOKIE_SIZE = 96 };

/* The token for a form shown in answer to this request; and in ret_cookie the Set-Cookie value that must go with it. */
void session_begin(const struct shop *shop, const struct http_request *request, char ret_csrf[static TOKEN_TEXT_SIZE],
                   char ret_cookie[static SESSION_COOKIE_SIZE]);

/* The posted token belongs to the cookie, and the page that posted was ours, as far as the browser tells. */
bool session_is_ours(const struct shop *shop, const struct http_request *request, const char *csrf);
