/* shop.h - what the parts of the service share: one struct for one running shop, all on the front loop. */
#pragma once
#include "gateway/gateway.h"
#include "http/http.h"
#include "mail/mailer.h"
#include "serve/flow.h"
#include "serve/serve.h"
#include "store/store.h"

struct shop {
    const struct serve_opts *opts;
    uv_loop_t loop;
    struct store *store;
    struct store_reader *reader;
    struct gateway *gateway;
    struct mailer *mailer;
    struct flow *flow;
    struct http *http;
    struct product *stock;      /* as many as the catalogue has, for reading stock into */
    char url[96];               /* where it listens */
    const char *public_url;     /* where customers find it */
    bool is_draining;
    int64_t started_ms;
};
