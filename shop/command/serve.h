/* serve.h - what `prong-shop serve` has been told. */
#pragma once
#include "serve/serve.h"
#include "settings/settings.h"

struct serve_request {
    struct serve_opts opts;     /* but for the secrets, which are only read to serve */
    const char *config, *gateway_key_file, *mail_password_file, *log;
    bool check;
};

/* All that can be looked at without starting: says each thing that is wrong. SAY_OK, or the status of the first of them. */
int check_settings(const struct serve_request *request, const struct settings *settings);
