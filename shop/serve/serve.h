/* serve.h - the shop as a service: the store, the gateway, the mailer and the pages behind one loop. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct serve_opts {
    const char *listen;         /* "127.0.0.1:8080", "[::1]:8080"; port 0: any */
    const char *db, *gateway, *mail;
    const char *gateway_key, *mail_user, *mail_password;        /* the secrets themselves, read from their files by the command */
    const char *gateway_ca, *mail_ca, *mail_from, *mail_starttls, *shop_name, *public_url;
    const char *uncertain;      /* "once", "resend" */
    bool is_demo;
    uint32_t orders_in_flight;  /* beyond: 503; 0: 4,096 */
    uint32_t wait_ms;           /* how long a customer waits for the charge before 409; 0: 25,000 */
    uint32_t give_up_ms;        /* how long a charge is tried before the gateway is asked what became of it; 0: 900,000 */
    uint32_t drain_ms;          /* at the end, for what is under way; 0: 30,000 */
    uint32_t connections, per_address;
    uint32_t mails_in_flight, mails_per_second, mail_workers, mail_backoff_ms;
    /* Told once it answers, before sd_notify; may be NULL. */
    void (*ready)(const char *url, void *arg);
    void *arg;
};

/* Runs until SIGTERM, SIGINT or a broken disk; gives the exit status, having said why it is not 0. For the main thread, after
 * prong_init() and token_init(). */
int serve_run(const struct serve_opts *opts);
